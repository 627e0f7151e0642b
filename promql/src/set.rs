//! `and`, `or`, `unless`: which series are kept, decided step by step from what the other side has.

use std::collections::HashMap;

use isobar_normalizer::Labels;

use crate::QueryError;
use crate::group::Grouping;
use crate::matrix::{Head, Matrix};

/// A set operator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SetOperator {
    And,
    Or,
    Unless,
}

impl SetOperator {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "and" => Self::And,
            "or" => Self::Or,
            "unless" => Self::Unless,
            _ => return None,
        })
    }
}

/// Combines two vectors. A series that one side has at some steps and the other at others is one series.
///
/// # Errors
/// Two series of the result have the same labels at the same step.
pub(crate) fn combined(
    operator: SetOperator,
    grouping: &Grouping,
    left: Matrix,
    right: &Matrix,
) -> Result<Matrix, QueryError> {
    let never = vec![false; left.steps.count];
    if operator != SetOperator::Or {
        let has = presence(right, grouping);
        let mut kept = left;
        for row in 0..kept.heads.len() {
            let matched = has.get(&grouping.key(&kept.heads[row].labels)).unwrap_or(&never);
            for (here, matched) in kept.row_mut(row).1.iter_mut().zip(matched) {
                *here &= *matched == (operator == SetOperator::And);
            }
        }
        kept.prune();
        return Ok(kept);
    }
    let has = presence(&left, grouping);
    let mut both = left;
    for (head, values, present) in right.rows() {
        let matched = has.get(&grouping.key(&head.labels)).unwrap_or(&never);
        both.push(Head::clone(head), |out, here| {
            out.copy_from_slice(values);
            for ((here, present), matched) in here.iter_mut().zip(present).zip(matched) {
                *here = *present && !matched;
            }
        });
    }
    both.merged()
}

/// The steps at which each group has any value.
fn presence(matrix: &Matrix, grouping: &Grouping) -> HashMap<Labels, Vec<bool>> {
    let mut has: HashMap<Labels, Vec<bool>> = HashMap::new();
    for (head, _, present) in matrix.rows() {
        let any = has.entry(grouping.key(&head.labels)).or_insert_with(|| vec![false; present.len()]);
        for (any, here) in any.iter_mut().zip(present) {
            *any |= here;
        }
    }
    has
}
