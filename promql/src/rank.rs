//! Aggregations that keep some of a group's series as they are: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use crate::QueryError;
use crate::group::{Grouping, Groups};
use crate::matrix::Matrix;
use crate::notes::Notes;
use crate::order::{by_value, by_value_descending};

/// Which series are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rank {
    /// The k largest; NaN only where there is nothing else.
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
    rank: Rank,
    limit: &[f64],
    grouping: &Grouping,
    input: Matrix,
    notes: &mut Notes,
) -> Result<Matrix, QueryError> {
    let limits = checked(rank, limit, notes)?;
    let members = Groups::of(&input.heads, grouping).members();
    let mut kept = input.clone();
    let mut order = Vec::new();
    for (column, limit) in limits.into_iter().enumerate() {
        for rows in &members {
            let mut rows: Vec<usize> = rows.iter().copied().filter(|row| input.row(*row).1[column]).collect();
            let value = |row: &usize| input.row(*row).0[column];
            let count = match rank {
                Rank::Top => {
                    rows.sort_by(|a, b| by_value_descending(value(a), value(b)));
                    whole(limit)
                }
                Rank::Bottom => {
                    rows.sort_by(|a, b| by_value(value(a), value(b)));
                    whole(limit)
                }
                Rank::First => whole(limit),
                Rank::Ratio => {
                    let (chosen, others): (Vec<usize>, Vec<usize>) =
                        rows.iter().partition(|row| in_ratio(share(&input, **row), limit));
                    rows = chosen;
                    let count = rows.len();
                    rows.extend(others);
                    count
                }
            };
            for row in rows.iter().skip(count) {
                kept.row_mut(*row).1[column] = false;
            }
            if input.steps.count == 1 {
                order.extend(rows.iter().take(count));
            }
        }
    }
    if input.steps.count == 1 {
        return Ok(kept.reordered(&order));
    }
    kept.prune();
    Ok(kept)
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
