//! The unit every operator works on: one row a series, one column a step.

use std::collections::HashMap;

use isobar_normalizer::{Labels, METRIC_NAME};

use crate::QueryError;
use crate::group::filtered;

/// Evenly spaced instants, in milliseconds since the epoch; there is at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub start: i64,
    /// Milliseconds between two steps; positive also where there is only one.
    pub interval: i64,
    pub count: usize,
}

impl Steps {
    pub fn single(at: i64) -> Self {
        Self { start: at, interval: 1, count: 1 }
    }

    pub fn at(self, index: usize) -> i64 {
        self.start + self.interval * i64::try_from(index).unwrap_or(i64::MAX)
    }

    pub fn last(self) -> i64 {
        self.at(self.count - 1)
    }

    pub fn iter(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |index| self.at(index))
    }

    /// The first step at or after a time; `count` when all are before.
    pub fn first_from(self, time: i64) -> usize {
        let index = -(self.start - time).div_euclid(self.interval);
        usize::try_from(index.max(0)).unwrap_or(usize::MAX).min(self.count)
    }

    /// The same steps, all earlier by `millis`.
    pub fn earlier(self, millis: i64) -> Self {
        Self { start: self.start - millis, ..self }
    }
}

/// Whose values a row holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Head {
    pub labels: Labels,
    /// The metric name goes when the query ends. Until then functions such as `label_replace` can still read it.
    pub drop_name: bool,
}

impl Head {
    pub fn of(labels: Labels) -> Self {
        Self { labels, drop_name: false }
    }

    /// The same series once an operation has changed the meaning of its values.
    pub fn renamed(&self) -> Self {
        Self { labels: self.labels.clone(), drop_name: true }
    }

    /// The labels as the user sees them.
    pub fn finish(self) -> Labels {
        if self.drop_name { filtered(&self.labels, |name| name != METRIC_NAME) } else { self.labels }
    }
}

/// Rows of equal length, values and presence row after row. A row without any value is not kept.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    pub steps: Steps,
    pub heads: Vec<Head>,
    values: Vec<f64>,
    /// One byte a value and not one bit: loops over it vectorise without bit arithmetic.
    present: Vec<bool>,
}

impl Matrix {
    pub fn new(steps: Steps) -> Self {
        Self { steps, heads: Vec::new(), values: Vec::new(), present: Vec::new() }
    }

    /// One row without labels that has a value at every step.
    pub fn of_scalar(steps: Steps, values: Vec<f64>) -> Self {
        let present = vec![true; values.len()];
        Self { steps, heads: vec![Head::of(Labels::empty())], values, present }
    }

    /// Appends a row that `fill` writes; it starts without values, and is left out when it stays so.
    pub fn push(&mut self, head: Head, fill: impl FnOnce(&mut [f64], &mut [bool])) {
        let from = self.values.len();
        let to = from + self.steps.count;
        self.values.resize(to, 0.0);
        self.present.resize(to, false);
        fill(&mut self.values[from..], &mut self.present[from..]);
        if self.present[from..].contains(&true) {
            self.heads.push(head);
        } else {
            self.values.truncate(from);
            self.present.truncate(from);
        }
    }

    /// Values and presence of a row.
    pub fn row(&self, index: usize) -> (&[f64], &[bool]) {
        let cells = index * self.steps.count..(index + 1) * self.steps.count;
        (&self.values[cells.clone()], &self.present[cells])
    }

    /// Values and presence of a row, to write.
    pub fn row_mut(&mut self, index: usize) -> (&mut [f64], &mut [bool]) {
        let cells = index * self.steps.count..(index + 1) * self.steps.count;
        (&mut self.values[cells.clone()], &mut self.present[cells])
    }

    pub fn rows(&self) -> impl Iterator<Item = (&Head, &[f64], &[bool])> {
        self.heads.iter().enumerate().map(|(index, head)| {
            let (values, present) = self.row(index);
            (head, values, present)
        })
    }

    /// Replaces every value; a step whose new value is `None` is emptied. `change` is told the column.
    pub fn change(&mut self, mut change: impl FnMut(usize, f64) -> Option<f64>) {
        let count = self.steps.count;
        for (index, (value, present)) in self.values.iter_mut().zip(&mut self.present).enumerate() {
            if *present {
                match change(index % count, *value) {
                    Some(changed) => *value = changed,
                    None => *present = false,
                }
            }
        }
        self.prune();
    }

    /// Replaces every value; for functions that have one everywhere.
    pub fn map(&mut self, function: impl Fn(f64) -> f64) {
        for value in &mut self.values {
            *value = function(*value);
        }
    }

    /// Marks every row's name as to be dropped.
    pub fn drop_names(&mut self) {
        for head in &mut self.heads {
            head.drop_name = true;
        }
    }

    /// Leaves out the rows that have no value left.
    pub fn prune(&mut self) {
        if (0..self.heads.len()).all(|index| self.row(index).1.contains(&true)) {
            return;
        }
        let kept =
            (0..self.heads.len()).filter(|index| self.row(*index).1.contains(&true)).collect::<Vec<_>>();
        *self = self.reordered(&kept);
    }

    /// Whether any row has a value, step by step.
    pub fn any_present(&self) -> Vec<bool> {
        let mut any = vec![false; self.steps.count];
        for (_, _, present) in self.rows() {
            any.iter_mut().zip(present).for_each(|(any, here)| *any |= here);
        }
        any
    }

    /// The given rows, in that order.
    pub fn reordered(&self, order: &[usize]) -> Self {
        let mut result = Self::new(self.steps);
        for index in order {
            let (values, present) = self.row(*index);
            result.heads.push(self.heads[*index].clone());
            result.values.extend_from_slice(values);
            result.present.extend_from_slice(present);
        }
        result
    }

    /// This one-step matrix repeated over `steps`.
    pub fn repeated(self, steps: Steps) -> Self {
        if self.steps.count == steps.count {
            return Self { steps, ..self };
        }
        let repeat = |index: usize| (index / steps.count, self.heads.len() * steps.count);
        let cells = repeat(0).1;
        let values = (0..cells).map(|cell| self.values[repeat(cell).0]).collect();
        let present = (0..cells).map(|cell| self.present[repeat(cell).0]).collect();
        Self { steps, heads: self.heads, values, present }
    }

    /// Joins the rows of one series, which is possible while they have no step in common.
    ///
    /// # Errors
    /// Two of them have a value at the same step.
    pub fn merged(self) -> Result<Self, QueryError> {
        let mut rows_by_head: HashMap<&Head, usize> = HashMap::with_capacity(self.heads.len());
        let targets: Vec<usize> = self
            .heads
            .iter()
            .enumerate()
            .map(|(row, head)| *rows_by_head.entry(head).or_insert(row))
            .collect();
        if rows_by_head.len() == self.heads.len() {
            return Ok(self);
        }
        let mut joined = self.clone();
        for (row, target) in targets.iter().enumerate().filter(|(row, target)| row != *target) {
            let (values, present) = self.row(row);
            let (target_values, target_present) = joined.row_mut(*target);
            for column in (0..present.len()).filter(|column| present[*column]) {
                if target_present[column] {
                    return Err(QueryError::same_labels());
                }
                (target_values[column], target_present[column]) = (values[column], true);
            }
        }
        let kept: Vec<usize> = (0..targets.len()).filter(|row| targets[*row] == *row).collect();
        Ok(joined.reordered(&kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: &[(&str, [Option<f64>; 2])]) -> Matrix {
        let mut matrix = Matrix::new(Steps { start: 0, interval: 1_000, count: 2 });
        for (name, cells) in rows {
            matrix.push(Head::of(Labels::from_pairs([("l", *name)]).unwrap()), |values, present| {
                for (column, cell) in cells.iter().enumerate() {
                    (values[column], present[column]) = (cell.unwrap_or_default(), cell.is_some());
                }
            });
        }
        matrix
    }

    #[test]
    fn the_first_step_from_a_time_on_is_found() {
        let steps = Steps { start: -5, interval: 10, count: 3 };
        let found = [-100, -5, -4, 5, 6, 15, 16, 1_000].map(|time| steps.first_from(time));
        assert_eq!(found, [0, 0, 1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn rows_without_values_are_left_out() {
        let mut some = matrix(&[("a", [Some(1.0), None]), ("b", [None, None]), ("c", [None, Some(2.0)])]);
        assert_eq!(some.heads.len(), 2);
        some.change(|column, value| (column == 1).then_some(value * 10.0));
        assert_eq!(some.heads.len(), 1);
        assert_eq!(some.row(0), (&[0.0, 20.0][..], &[false, true][..]));
    }

    #[test]
    fn equal_labels_join_unless_they_meet() {
        let joined = matrix(&[("a", [Some(1.0), None]), ("a", [None, Some(2.0)])]).merged().unwrap();
        assert_eq!(joined.row(0), (&[1.0, 2.0][..], &[true, true][..]));
        assert_eq!(joined.heads.len(), 1);
        let meeting = matrix(&[("a", [Some(1.0), None]), ("a", [Some(1.0), None])]);
        assert_eq!(meeting.merged().unwrap_err(), QueryError::same_labels());
    }

    #[test]
    fn one_step_repeats_over_all() {
        let one = {
            let mut one = Matrix::new(Steps::single(5));
            one.push(Head::of(Labels::empty()), |values, present| (values[0], present[0]) = (7.0, true));
            one
        };
        let all = one.repeated(Steps { start: 0, interval: 10, count: 3 });
        assert_eq!(all.row(0), (&[7.0, 7.0, 7.0][..], &[true, true, true][..]));
    }
}
