//! Arithmetic and comparison between two vectors: series are paired by labels once, values step by step.

use std::collections::HashMap;

use isobar_normalizer::{Labels, METRIC_NAME};

use crate::QueryError;
use crate::evaluate::Evaluation;
use crate::group::Grouping;
use crate::matrix::{Head, Matrix};
use crate::operator::Operator;

/// How series of two vectors find each other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matching {
    /// `on` or `ignoring`.
    pub grouping: Grouping,
    pub cardinality: Cardinality,
}

/// How many series may share a match; the labels listed are copied from the "one" side.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cardinality {
    OneToOne,
    /// `group_left`
    ManyToOne(Vec<String>),
    /// `group_right`
    OneToMany(Vec<String>),
}

impl Matching {
    fn one_is_left(&self) -> bool {
        matches!(self.cardinality, Cardinality::OneToMany(_))
    }
}

/// The one side of a match group, step by step.
struct OneSide {
    /// The row that has the value.
    row: Vec<Option<usize>>,
    /// Whether a value of the many side has met it, which it may once in a one-to-one match.
    taken: Vec<bool>,
    /// Where many sides meet it: which result has come of that, by its labels.
    results: HashMap<Labels, Vec<bool>>,
}

/// Applies an operator to each matching pair.
///
/// # Errors
/// At a step at which both vectors have values, a match group has two on a one side, or two results have the same
/// labels; the latter also where a comparison then leaves them out, for else a rule would fail when it should fire.
pub(crate) fn matched(
    evaluation: &Evaluation<'_>,
    operator: Operator,
    matching: &Matching,
    left: &Matrix,
    right: &Matrix,
) -> Result<Matrix, QueryError> {
    let one_is_left = matching.one_is_left();
    let (many, one) = if one_is_left { (right, left) } else { (left, right) };
    let mut ones = one_sides(matching, one, &many.any_present())?;
    let mut result = Matrix::new(left.steps);
    for (many_row, many_head) in many.heads.iter().enumerate() {
        let Some(side) = ones.get_mut(&matching.grouping.key(&many_head.labels)) else { continue };
        if matching.cardinality == Cardinality::OneToOne {
            side.take(many.row(many_row).1)?;
        }
        let (many_values, many_present) = many.row(many_row);
        for one_row in side.rows(many_present) {
            evaluation.charge(left.steps.count)?;
            let one_values = one.row(one_row).0;
            let head = result_head(operator, matching, many_head, &one.heads[one_row]);
            if matching.cardinality != Cardinality::OneToOne && !operator.answers_always() {
                side.claim(&head.labels, one_row, many_present)?;
            }
            result.push(head, |values, present| {
                for column in 0..values.len() {
                    if !many_present[column] || side.row[column] != Some(one_row) {
                        continue;
                    }
                    let (many, one) = (many_values[column], one_values[column]);
                    let (left, right) = if one_is_left { (one, many) } else { (many, one) };
                    if let Some(value) = operator.apply(left, right, left) {
                        (values[column], present[column]) = (value, true);
                    }
                }
            });
        }
    }
    result.merged().map_err(|error| match matching.cardinality {
        Cardinality::OneToOne => error,
        _ => ambiguous(),
    })
}

/// The words are Prometheus'.
fn ambiguous() -> QueryError {
    let wrong = "multiple matches for labels: grouping labels must ensure unique matches";
    QueryError::Execution(wrong.to_owned())
}

impl OneSide {
    /// Notes the values that meet this side.
    fn take(&mut self, many_present: &[bool]) -> Result<(), QueryError> {
        for column in (0..many_present.len()).filter(|column| many_present[*column]) {
            if self.row[column].is_some() && std::mem::replace(&mut self.taken[column], true) {
                return Err(QueryError::Execution(
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                        .to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// Notes the steps at which a series of the many side makes a result of these labels.
    fn claim(&mut self, labels: &Labels, row: usize, many_present: &[bool]) -> Result<(), QueryError> {
        let claimed = self.results.entry(labels.clone()).or_insert_with(|| vec![false; many_present.len()]);
        for column in (0..many_present.len()).filter(|column| many_present[*column]) {
            if self.row[column] == Some(row) && std::mem::replace(&mut claimed[column], true) {
                return Err(ambiguous());
            }
        }
        Ok(())
    }

    /// The rows a series of the many side meets, in order; one, but for sides that change their labels over time.
    fn rows(&self, many_present: &[bool]) -> Vec<usize> {
        let met =
            self.row.iter().zip(many_present).filter(|(_, present)| **present).filter_map(|(row, _)| *row);
        let mut rows: Vec<usize> = met.collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}

/// The one sides by match group. Where the many side has nothing at all, nothing is ambiguous.
fn one_sides(
    matching: &Matching,
    one: &Matrix,
    many_present: &[bool],
) -> Result<HashMap<Labels, OneSide>, QueryError> {
    let mut sides: HashMap<Labels, OneSide> = HashMap::new();
    for (row, (head, _, present)) in one.rows().enumerate() {
        let key = matching.grouping.key(&head.labels);
        let side = sides.entry(key.clone()).or_insert_with(|| OneSide {
            row: vec![None; present.len()],
            taken: vec![false; present.len()],
            results: HashMap::new(),
        });
        for column in (0..present.len()).filter(|column| present[*column] && many_present[*column]) {
            if let Some(other) = side.row[column].replace(row) {
                return Err(duplicate(matching, &key, &one.heads[other].labels, &head.labels));
            }
        }
    }
    Ok(sides)
}

/// The words are Prometheus'; the two series come in label order.
fn duplicate(matching: &Matching, key: &Labels, first: &Labels, second: &Labels) -> QueryError {
    let side = if matching.one_is_left() { "left" } else { "right" };
    let (first, second) = if first <= second { (first, second) } else { (second, first) };
    QueryError::Execution(format!(
        "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];\
         many-to-many matching not allowed: matching labels must be unique on one side",
        braced(key),
        braced(first),
        braced(second)
    ))
}

/// `{a="b", c="d"}`, the name as one label among them.
fn braced(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Whose values the result of a pair is.
fn result_head(operator: Operator, matching: &Matching, many: &Head, one: &Head) -> Head {
    let mut labels = many.labels.edit();
    let changed = matches!(operator, Operator::Arithmetic(_));
    if changed {
        labels.remove(METRIC_NAME);
    }
    match &matching.cardinality {
        Cardinality::OneToOne => match &matching.grouping {
            Grouping::By(names) => {
                labels.retain(|name, _| names.iter().any(|kept| kept == name));
            }
            Grouping::Without(names) => {
                labels.retain(|name, _| !names.iter().any(|dropped| dropped == name));
            }
        },
        Cardinality::ManyToOne(included) | Cardinality::OneToMany(included) => {
            for name in included {
                labels.set(name, one.labels.get(name).unwrap_or_default());
            }
        }
    }
    Head { labels: labels.build(), drop_name: many.drop_name && !changed || operator.drops_name() }
}
