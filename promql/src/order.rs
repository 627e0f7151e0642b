//! `sort` and its relatives: an order of rows, which only an instant query shows.

use std::cmp::Ordering;

use crate::matrix::Matrix;

/// What rows are sorted by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    Ascending,
    Descending,
    /// By these labels, numbers inside them by their size, then by all labels.
    Labels {
        names: Vec<String>,
        descending: bool,
    },
}

impl Order {
    /// Sorts the rows by their first value or their labels.
    pub fn apply(&self, matrix: &Matrix) -> Matrix {
        let mut rows: Vec<usize> = (0..matrix.heads.len()).collect();
        match self {
            Self::Ascending => rows.sort_by(|a, b| by_value(matrix.row(*a).0[0], matrix.row(*b).0[0])),
            Self::Descending => {
                rows.sort_by(|a, b| by_value_descending(matrix.row(*a).0[0], matrix.row(*b).0[0]))
            }
            Self::Labels { names, descending } => {
                rows.sort_by(|a, b| {
                    let order = by_labels(matrix, names, *a, *b);
                    if *descending { order.reverse() } else { order }
                });
            }
        }
        matrix.reordered(&rows)
    }
}

/// Ascending, NaN last.
pub(crate) fn by_value(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then(a.partial_cmp(&b).unwrap_or(Ordering::Equal))
}

/// Descending, NaN last.
pub(crate) fn by_value_descending(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then(b.partial_cmp(&a).unwrap_or(Ordering::Equal))
}

fn by_labels(matrix: &Matrix, names: &[String], a: usize, b: usize) -> Ordering {
    let (a, b) = (&matrix.heads[a].labels, &matrix.heads[b].labels);
    names
        .iter()
        .map(|name| natural(a.get(name).unwrap_or_default(), b.get(name).unwrap_or_default()))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.cmp(b))
}

/// Compares piece by piece, runs of digits by their number: `cpu9` before `cpu10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (piece_a, rest_a) = piece(a);
        let (piece_b, rest_b) = piece(b);
        let numbers = piece_a.starts_with(|c: char| c.is_ascii_digit())
            && piece_b.starts_with(|c: char| c.is_ascii_digit());
        let order = if numbers {
            let (number_a, number_b) = (piece_a.trim_start_matches('0'), piece_b.trim_start_matches('0'));
            number_a
                .len()
                .cmp(&number_b.len())
                .then(number_a.cmp(number_b))
                .then(piece_a.len().cmp(&piece_b.len()))
        } else {
            piece_a.cmp(piece_b)
        };
        if order.is_ne() {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.len().cmp(&b.len())
}

/// The leading run of digits or of other characters, and the rest.
fn piece(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_texts_sort_by_size() {
        let mut names = vec!["cpu10", "cpu9", "cpu", "1.111.3", "1.11.3", "1.2.3", "", "cpu09"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["", "1.2.3", "1.11.3", "1.111.3", "cpu", "cpu9", "cpu09", "cpu10"]);
    }

    #[test]
    fn nan_is_last_both_ways() {
        let mut values = [f64::NAN, 2.0, 1.0];
        values.sort_by(|a, b| by_value(*a, *b));
        assert_eq!(values[..2], [1.0, 2.0]);
        values.sort_by(|a, b| by_value_descending(*a, *b));
        assert_eq!(values[..2], [2.0, 1.0]);
        assert!(values[2].is_nan());
    }
}
