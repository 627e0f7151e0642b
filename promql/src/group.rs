//! Which rows belong together: by some labels, or by all but some.

use std::collections::HashMap;

use isobar_normalizer::{Labels, METRIC_NAME};

use crate::matrix::Head;

/// Which labels tell groups apart: of `by`, `without`, `on`, `ignoring`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Grouping {
    /// These only.
    By(Vec<String>),
    /// All but these and the metric's name.
    Without(Vec<String>),
}

impl Grouping {
    /// The labels of the group a series belongs to.
    pub fn key(&self, labels: &Labels) -> Labels {
        match self {
            Self::By(names) => filtered(labels, |label| names.iter().any(|name| name == label)),
            Self::Without(names) => {
                filtered(labels, |label| label != METRIC_NAME && !names.iter().any(|name| name == label))
            }
        }
    }
}

/// The labels whose names are kept; cheaper than an edit, which matters because it is done for every series.
pub(crate) fn filtered(labels: &Labels, kept: impl Fn(&str) -> bool) -> Labels {
    Labels::from_pairs(labels.iter().filter(|(name, _)| kept(name)))
        .expect("part of a label set is a label set")
}

/// Rows told apart by a grouping, the groups in order of their first row.
#[derive(Debug)]
pub(crate) struct Groups {
    /// The labels of each group; the name is to be dropped when it is in any member.
    pub heads: Vec<Head>,
    /// The group of each row.
    pub of_row: Vec<usize>,
}

impl Groups {
    pub fn of(heads: &[Head], grouping: &Grouping) -> Self {
        let mut numbers: HashMap<Labels, usize> = HashMap::new();
        let mut groups = Self { heads: Vec::new(), of_row: Vec::with_capacity(heads.len()) };
        for head in heads {
            let key = grouping.key(&head.labels);
            let number = *numbers.entry(key).or_insert_with_key(|key| {
                groups.heads.push(Head::of(key.clone()));
                groups.heads.len() - 1
            });
            groups.heads[number].drop_name |= head.drop_name;
            groups.of_row.push(number);
        }
        groups
    }

    /// The rows of each group, in row order.
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.heads.len()];
        for (row, group) in self.of_row.iter().enumerate() {
            members[*group].push(row);
        }
        members
    }
}
