//! A record of a mapping, compiled: what is computed for one canonical series.

use std::sync::Arc;

use super::Side;
use crate::{CanonicalMetric, Labels, METRIC_NAME, Matcher};

/// One way to compute one canonical metric.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) target: Arc<CanonicalMetric>,
    pub(crate) left: Branch,
    /// The second operand, where the record is a formula over two source metrics.
    pub(crate) formula: Option<(Formula, Branch)>,
    /// Applied to the result: what is left of the steps, and the conversion to the canonical unit.
    pub(crate) finish: Affine,
    /// Labels every series of it carries, vantage included.
    pub(crate) constants: Vec<(String, String)>,
    /// Attributes taken from labels: attribute, then label.
    pub(crate) taken: Vec<(String, String)>,
}

/// One operand: a source metric and what is done to it.
#[derive(Clone, Debug)]
pub(crate) struct Branch {
    pub(crate) metric: String,
    pub(crate) filters: Vec<Matcher>,
    pub(crate) counter: Option<Counter>,
    /// Applied to the value of each series.
    pub(crate) each: Affine,
    pub(crate) group: Option<Group>,
    /// Applied to the value of the group.
    pub(crate) whole: Affine,
}

/// What is made of two consecutive samples of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Increase per second.
    Rate,
    /// Increase.
    Delta,
}

/// Several series made into one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) fold: Fold,
    pub(crate) kept: Kept,
}

/// How the values of a group become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    Sum,
    Avg,
    Count,
}

/// Which labels a group keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    By(Vec<String>),
    Without(Vec<String>),
}

/// What is made of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Formula {
    Ratio,
    Difference,
}

/// `value × over / under + plus`: scales, inversions and unit conversions, folded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Affine {
    over: f64,
    under: f64,
    plus: f64,
}

impl Record {
    /// Its operands, the left one first.
    pub(crate) fn branches(&self) -> impl Iterator<Item = &Branch> {
        std::iter::once(&self.left).chain(self.formula.as_ref().map(|(_, right)| right))
    }

    /// The operand on that side; a record without formula has only the left one.
    pub(crate) fn branch(&self, side: Side) -> &Branch {
        match (&self.formula, side) {
            (Some((_, right)), Side::Right) => right,
            _ => &self.left,
        }
    }

    /// Whether each sample gives its result at once, with no other series to wait for.
    pub(crate) fn is_direct(&self) -> bool {
        self.formula.is_none() && self.left.group.is_none()
    }
}

impl Branch {
    /// The labels that name the operand a series belongs to: without the metric's name, and what its group drops.
    pub(crate) fn key(&self, labels: &Labels) -> Labels {
        let mut key = labels.edit();
        key.retain(|label, _| label != METRIC_NAME && self.keeps(label));
        key.build()
    }

    /// Whether the label is still there after the steps.
    pub(crate) fn keeps(&self, label: &str) -> bool {
        match self.group.as_ref().map(|group| &group.kept) {
            None => true,
            Some(Kept::By(kept)) => kept.iter().any(|one| one == label),
            Some(Kept::Without(dropped)) => dropped.iter().all(|one| one != label),
        }
    }

    /// Whether the series passes every filter.
    pub(crate) fn admits(&self, labels: &Labels) -> bool {
        self.filters.iter().all(|filter| filter.matches(labels.get(filter.name()).unwrap_or_default()))
    }

    /// The operand's value from the values of its series; `None` when there is none.
    pub(crate) fn fold(&self, values: impl Iterator<Item = f64>) -> Option<f64> {
        let (count, sum) = values.fold((0u32, 0.0), |(count, sum), value| (count + 1, sum + value));
        if count == 0 {
            return None;
        }
        let folded = match self.group.as_ref().map(|group| group.fold) {
            None | Some(Fold::Sum) => sum,
            Some(Fold::Avg) => sum / f64::from(count),
            Some(Fold::Count) => f64::from(count),
        };
        Some(self.whole.apply(folded))
    }
}

impl Formula {
    /// The result; `None` for a division by zero, which is missing and not a number.
    pub(crate) fn apply(self, left: f64, right: f64) -> Option<f64> {
        match self {
            Self::Difference => Some(left - right),
            Self::Ratio if right == 0.0 => None,
            Self::Ratio => Some(left / right),
        }
    }
}

impl Affine {
    pub(crate) const IDENTITY: Self = Self { over: 1.0, under: 1.0, plus: 0.0 };

    pub(crate) fn apply(self, value: f64) -> f64 {
        value * self.over / self.under + self.plus
    }

    /// Then multiplies by `over / under`.
    pub(crate) fn scaled(self, over: f64, under: f64) -> Self {
        Self { over: self.over * over, under: self.under * under, plus: self.plus * over / under }
    }

    /// Then takes the value from `whole`.
    pub(crate) fn inverted(self, whole: f64) -> Self {
        Self { over: -self.over, under: self.under, plus: whole - self.plus }
    }
}
