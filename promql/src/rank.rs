//! Aggregations that keep some of a group's series as they are: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use std::cmp::Ordering;

use crate::QueryError;
use crate::evaluate::Evaluation;
use crate::group::{Grouping, Groups};
use crate::matrix::Matrix;
use crate::notes::Notes;
use crate::order::{by_value, by_value_descending};

/// Which series are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rank {
    /// The k largest; NaN only where there is nothing else. Of equal ones the first, here and below.
    Top,
    /// The k smallest, likewise.
    Bottom,
    /// Any k, the same at every step as far as they have values.
    First,
    /// A share of the series, chosen by their labels; a negative ratio is the complement of its positive one.
    Ratio,
}

impl Rank {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "topk" => Self::Top,
            "bottomk" => Self::Bottom,
            "limitk" => Self::First,
            "limit_ratio" => Self::Ratio,
            _ => return None,
        })
    }
}

/// Keeps the chosen values; `limit` is k or the ratio at each step.
pub(crate) fn ranked(
    evaluation: &Evaluation<'_>,
    rank: Rank,
    limit: &[f64],
    grouping: &Grouping,
    mut input: Matrix,
    notes: &mut Notes,
) -> Result<Matrix, QueryError> {
    let limits = checked(rank, limit, notes)?;
    let members = Groups::of(&input.heads, grouping).members();
    let mut order = Vec::new();
    for (column, limit) in limits.into_iter().enumerate() {
        evaluation.check_time()?;
        for rows in &members {
            let mut rows: Vec<usize> = rows.iter().copied().filter(|row| input.row(*row).1[column]).collect();
            let value = |row: usize| input.row(row).0[column];
            let count = match rank {
                Rank::Top => best(&mut rows, limit, |a, b| by_value_descending(value(a), value(b))),
                Rank::Bottom => best(&mut rows, limit, |a, b| by_value(value(a), value(b))),
                Rank::First => whole(limit).min(rows.len()),
                Rank::Ratio => {
                    let (chosen, others): (Vec<usize>, Vec<usize>) =
                        rows.iter().partition(|row| in_ratio(share(&input, **row), limit));
                    rows = chosen;
                    let count = rows.len();
                    rows.extend(others);
                    count
                }
            };
            for row in rows.split_off(count) {
                input.row_mut(row).1[column] = false;
            }
            if input.steps.count == 1 {
                order.extend(rows);
            }
        }
    }
    if input.steps.count == 1 {
        return Ok(input.reordered(&order));
    }
    input.prune();
    Ok(input)
}

/// Brings the best rows to the front, in order, and tells how many they are. The others are not sorted.
fn best(rows: &mut [usize], limit: f64, compare: impl Fn(usize, usize) -> Ordering) -> usize {
    let count = whole(limit).min(rows.len());
    let compare = |a: &usize, b: &usize| compare(*a, *b).then(a.cmp(b));
    if count < rows.len() {
        rows.select_nth_unstable_by(count, compare);
    }
    rows[..count].sort_unstable_by(compare);
    count
}

/// Refuses NaN; holds ratios to -1..1.
fn checked(rank: Rank, limit: &[f64], notes: &mut Notes) -> Result<Vec<f64>, QueryError> {
    let parameter = if rank == Rank::Ratio { "Ratio" } else { "Parameter" };
    if limit.iter().any(|limit| limit.is_nan()) {
        return Err(QueryError::Execution(format!("{parameter} value is NaN")));
    }
    if rank != Rank::Ratio {
        return Ok(limit.to_vec());
    }
    let mut hold = |ratio: &f64| {
        let held = ratio.clamp(-1.0, 1.0);
        if held != *ratio {
            notes.bad_ratio(*ratio, held);
        }
        held
    };
    Ok(limit.iter().map(&mut hold).collect())
}

/// A count of series; the cast holds negatives at zero and large ones at the largest count.
fn whole(limit: f64) -> usize {
    limit as usize
}

/// Where in 0..1 the labels of a row fall.
fn share(input: &Matrix, row: usize) -> f64 {
    input.heads[row].labels.id().0 as f64 / u64::MAX as f64
}

fn in_ratio(share: f64, ratio: f64) -> bool {
    (ratio >= 0.0 && share < ratio) || (ratio < 0.0 && share >= 1.0 + ratio)
}
