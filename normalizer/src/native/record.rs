//! A record of a cloud's mapping, compiled: what is computed for one canonical series.

use std::sync::Arc;
use std::time::Duration;

use super::expression::Expression;
use crate::unit::Conversion;
use crate::{CanonicalMetric, Labels, Matcher};

/// One way to compute one canonical metric.
#[derive(Clone, Debug)]
pub(super) struct NativeRecord {
    pub(super) target: Arc<CanonicalMetric>,
    pub(super) inputs: Vec<Input>,
    pub(super) value: Expression,
    /// From the unit of the expression to the canonical one.
    pub(super) finish: Conversion,
    /// Labels every series of it carries, vantage included.
    pub(super) constants: Vec<(String, String)>,
    /// Attribute, and the dimension it is taken from.
    pub(super) taken: Vec<(String, String)>,
}

/// One statistic of one metric that a record reads.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) metric: String,
    pub(super) statistic: String,
    /// The exact set of dimensions, sorted.
    pub(super) dimensions: Vec<String>,
    pub(super) period: Duration,
    pub(super) filters: Vec<Matcher>,
    pub(super) fold: Option<Fold>,
    /// Whether there is a zero where another input has a value and this one none.
    pub(super) is_zero_when_missing: bool,
    /// Into bytes, seconds, ratios and counts.
    pub(super) to_base: Conversion,
}

/// How several series become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    Sum,
    Max,
    Min,
}

impl NativeRecord {
    /// The canonical value from the inputs' own ones, by place.
    pub(super) fn value(&self, inputs: &[Option<f64>], period: Duration) -> Option<f64> {
        if inputs.iter().all(Option::is_none) {
            return None;
        }
        let in_base = |(input, value): (&Input, &Option<f64>)| match value {
            Some(value) => Some(input.to_base.apply(*value)),
            None => input.is_zero_when_missing.then_some(0.0),
        };
        let inputs: Vec<Option<f64>> = self.inputs.iter().zip(inputs).map(in_base).collect();
        let value = self.finish.apply(self.value.value(&inputs, period.as_secs_f64())?);
        value.is_finite().then_some(value)
    }
}

impl Input {
    /// Whether it reads this statistic of this metric for these dimensions.
    pub(super) fn takes(&self, metric: &str, statistic: &str, dimensions: &Labels) -> bool {
        self.metric == metric
            && self.statistic == statistic
            && self.dimensions.len() == dimensions.len()
            && dimensions.iter().zip(&self.dimensions).all(|((name, _), wanted)| name == wanted)
            && self
                .filters
                .iter()
                .all(|filter| filter.matches(dimensions.get(filter.name()).unwrap_or_default()))
    }
}

impl Fold {
    pub(super) fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Sum => left + right,
            Self::Max => left.max(right),
            Self::Min => left.min(right),
        }
    }
}
