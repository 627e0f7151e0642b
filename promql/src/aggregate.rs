//! Aggregation over series: rows of a group become one row.

use std::collections::HashMap;

use crate::evaluate::Evaluation;
use crate::group::{Grouping, Groups};
use crate::matrix::{Head, Matrix};
use crate::notes::Notes;
use crate::sum::{Mean, Sum};
use crate::{QueryError, format_scalar};

/// An aggregation that folds values one by one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aggregation {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
}

impl Aggregation {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sum" => Self::Sum,
            "avg" => Self::Avg,
            "min" => Self::Min,
            "max" => Self::Max,
            "count" => Self::Count,
            "group" => Self::Group,
            "stddev" => Self::Stddev,
            "stdvar" => Self::Stdvar,
            _ => return None,
        })
    }
}

/// Mean and summed squared distances from it, by Welford's method.
#[derive(Clone, Copy, Debug, Default)]
struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Variance {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let distance = value - self.mean;
        self.mean += distance / self.count;
        self.squares += distance * (value - self.mean);
    }

    /// The population variance; NaN once a value was not finite.
    fn value(self) -> f64 {
        if self.mean.is_finite() { self.squares / self.count } else { f64::NAN }
    }
}

/// Aggregates each group of rows.
pub(crate) fn aggregate(
    evaluation: &Evaluation<'_>,
    aggregation: Aggregation,
    grouping: &Grouping,
    input: &Matrix,
) -> Result<Matrix, QueryError> {
    let groups = Groups::of(&input.heads, grouping);
    let mut result = Matrix::new(input.steps);
    for (head, rows) in groups.heads.iter().zip(groups.members()) {
        evaluation.charge(input.steps.count)?;
        let rows = Rows { input, rows: &rows };
        result.push(head.clone(), |values, present| {
            rows.mark(present);
            match aggregation {
                Aggregation::Sum => rows.fold(values, Sum::default(), Sum::add, Sum::value),
                Aggregation::Avg => rows.fold(values, Mean::default(), Mean::add, Mean::value),
                Aggregation::Min => {
                    rows.fold(values, f64::NAN, |least, value| *least = least.min(value), |v| v)
                }
                Aggregation::Max => rows.fold(values, f64::NAN, |most, value| *most = most.max(value), |v| v),
                Aggregation::Count => rows.fold(values, 0.0, |count, _| *count += 1.0, |count| count),
                Aggregation::Group => values.fill(1.0),
                Aggregation::Stdvar => rows.fold(values, Variance::default(), Variance::add, Variance::value),
                Aggregation::Stddev => {
                    rows.fold(values, Variance::default(), Variance::add, |variance| variance.value().sqrt());
                }
            }
        });
    }
    Ok(result)
}

/// The rows of one group.
struct Rows<'a> {
    input: &'a Matrix,
    rows: &'a [usize],
}

impl Rows<'_> {
    /// A group has a value where any of its rows has.
    fn mark(&self, present: &mut [bool]) {
        for row in self.rows {
            for (any, here) in present.iter_mut().zip(self.input.row(*row).1) {
                *any |= here;
            }
        }
    }

    /// One state a column, row after row, so that the inner loop runs over neighbouring cells.
    fn fold<S: Copy>(
        &self,
        values: &mut [f64],
        empty: S,
        add: impl Fn(&mut S, f64),
        value: impl Fn(S) -> f64,
    ) {
        let mut states = vec![empty; values.len()];
        for row in self.rows {
            let (cells, present) = self.input.row(*row);
            for ((state, cell), here) in states.iter_mut().zip(cells).zip(present) {
                if *here {
                    add(state, *cell);
                }
            }
        }
        for (out, state) in values.iter_mut().zip(states) {
            *out = value(state);
        }
    }

    /// The values a column holds.
    fn column(&self, column: usize) -> Vec<f64> {
        let cells = self.rows.iter().map(|row| self.input.row(*row));
        cells.filter(|(_, present)| present[column]).map(|(values, _)| values[column]).collect()
    }
}

/// `quantile`, with one φ a step.
pub(crate) fn quantile(
    evaluation: &Evaluation<'_>,
    phi: &[f64],
    grouping: &Grouping,
    input: &Matrix,
    notes: &mut Notes,
) -> Result<Matrix, QueryError> {
    phi.iter().filter(|phi| crate::quantile::out_of_range(**phi)).for_each(|phi| notes.bad_quantile(*phi));
    let groups = Groups::of(&input.heads, grouping);
    let mut result = Matrix::new(input.steps);
    for (head, rows) in groups.heads.iter().zip(groups.members()) {
        evaluation.charge(input.steps.count)?;
        let rows = Rows { input, rows: &rows };
        let mut finished = Ok(());
        result.push(head.clone(), |values, present| {
            rows.mark(present);
            finished = (0..values.len()).try_for_each(|column| {
                values[column] = crate::quantile::quantile(phi[column], &mut rows.column(column));
                evaluation.check_time()
            });
        });
        finished?;
    }
    Ok(result)
}

/// `count_values`: a row for each value of a group, the value in a label, replacing one of that name.
pub(crate) fn count_values(
    evaluation: &Evaluation<'_>,
    label: &str,
    grouping: &Grouping,
    input: &Matrix,
) -> Result<Matrix, QueryError> {
    let groups = Groups::of(&input.heads, grouping);
    // Values are told apart by their bits first: writing one out costs more than counting it.
    let mut known: HashMap<(usize, u64), usize> = HashMap::new();
    let mut numbers: HashMap<Head, usize> = HashMap::new();
    let mut heads: Vec<Head> = Vec::new();
    let mut counts: Vec<Vec<f64>> = Vec::new();
    for (row, group) in groups.of_row.iter().enumerate() {
        evaluation.check_time()?;
        let head = &groups.heads[*group];
        let (values, present) = input.row(row);
        for column in (0..present.len()).filter(|column| present[*column]) {
            let bits = values[column].to_bits();
            if let Some(number) = known.get(&(*group, bits)) {
                counts[*number][column] += 1.0;
                continue;
            }
            let labels = head.labels.edit().set(label, format_scalar(values[column])).build();
            let counted = Head { labels, drop_name: head.drop_name };
            let number = match numbers.get(&counted) {
                Some(number) => *number,
                None => {
                    evaluation.charge(input.steps.count)?;
                    numbers.insert(counted.clone(), heads.len());
                    heads.push(counted);
                    counts.push(vec![0.0; input.steps.count]);
                    heads.len() - 1
                }
            };
            known.insert((*group, bits), number);
            counts[number][column] += 1.0;
        }
    }
    let mut result = Matrix::new(input.steps);
    for (head, counts) in heads.into_iter().zip(counts) {
        result.push(head, |values, present| {
            values.copy_from_slice(&counts);
            for (here, count) in present.iter_mut().zip(&counts) {
                *here = *count > 0.0;
            }
        });
    }
    Ok(result)
}
