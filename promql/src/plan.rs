//! What a query means, typed: a node that needs a vector holds a vector node, so that evaluation has no type errors.

mod build;
mod call;

use isobar_normalizer::{Labels, Matcher};

use crate::aggregate::Aggregation;
use crate::calendar::DatePart;
use crate::group::Grouping;
use crate::histogram::HistogramFunction;
use crate::matching::Matching;
use crate::math::Elementwise;
use crate::operator::Operator;
use crate::order::Order;
use crate::rank::Rank;
use crate::relabel::Relabel;
use crate::set::SetOperator;
use crate::window::RangeFunction;

pub(crate) use build::{Plan, plan, selector_matchers};

/// An expression of any type.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Scalar(ScalarNode),
    Text(String),
    Vector(VectorNode),
    Range(RangeNode),
}

/// One number a step.
#[derive(Clone, Debug)]
pub(crate) enum ScalarNode {
    Number(f64),
    /// The time of the step, in seconds.
    Time,
    /// The first time of the whole query, in seconds; the others likewise.
    QueryStart,
    QueryEnd,
    QueryStep,
    QueryRange,
    /// The value of a vector of one series, else NaN.
    OfVector(Box<VectorNode>),
    Negated(Box<ScalarNode>),
    Smaller(Box<ScalarNode>, Box<ScalarNode>),
    Larger(Box<ScalarNode>, Box<ScalarNode>),
    Binary {
        operator: Operator,
        left: Box<ScalarNode>,
        right: Box<ScalarNode>,
    },
}

/// A value a step for each of some series.
#[derive(Clone, Debug)]
pub(crate) enum VectorNode {
    Select(Selector),
    /// The times of the selected samples, in seconds.
    SelectTimes(Selector),
    OfScalar(ScalarNode),
    Negated(Box<VectorNode>),
    /// The time of the step wherever there is a value.
    StepTimes(Box<VectorNode>),
    Elementwise(Elementwise<ScalarNode>, Box<VectorNode>),
    Date(DatePart, Box<VectorNode>),
    OverRange {
        function: RangeFunction,
        range: RangeNode,
        arguments: Vec<ScalarNode>,
    },
    /// 1 with these labels where the vector has nothing.
    Absent(Labels, Box<VectorNode>),
    AbsentOverTime(Labels, RangeNode),
    Sorted(Order, Box<VectorNode>),
    Relabelled(Relabel, Box<VectorNode>),
    Histogram(HistogramFunction<ScalarNode>, Box<VectorNode>),
    Aggregated {
        aggregation: Aggregation,
        grouping: Grouping,
        vector: Box<VectorNode>,
    },
    Quantile {
        quantile: ScalarNode,
        grouping: Grouping,
        vector: Box<VectorNode>,
    },
    CountValues {
        label: String,
        grouping: Grouping,
        vector: Box<VectorNode>,
    },
    Ranked {
        rank: Rank,
        limit: ScalarNode,
        grouping: Grouping,
        vector: Box<VectorNode>,
    },
    WithScalar {
        operator: Operator,
        vector: Box<VectorNode>,
        scalar: ScalarNode,
        scalar_is_left: bool,
    },
    Matched {
        operator: Operator,
        matching: Matching,
        left: Box<VectorNode>,
        right: Box<VectorNode>,
    },
    Set {
        operator: SetOperator,
        grouping: Grouping,
        left: Box<VectorNode>,
        right: Box<VectorNode>,
    },
}

/// Samples of a stretch of time before each step, for each of some series.
#[derive(Clone, Debug)]
pub(crate) enum RangeNode {
    Select {
        selector: Selector,
        range_ms: i64,
    },
    /// An expression evaluated at steps of its own; `None` means the default step.
    Subquery {
        inner: Box<Node>,
        anchor: Anchor,
        range_ms: i64,
        step_ms: Option<i64>,
    },
}

/// Which series, and when.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    pub matchers: Vec<Matcher>,
    pub anchor: Anchor,
}

/// `@` and `offset`: the time looked at, seen from the step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Anchor {
    pub at: Option<At>,
    /// Milliseconds earlier; negative is later.
    pub offset_ms: i64,
}

/// What stands behind `@`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    QueryStart,
    QueryEnd,
    /// Milliseconds since the epoch.
    Time(i64),
}
