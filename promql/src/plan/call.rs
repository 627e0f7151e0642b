//! Function calls: from the name to the node.

use std::collections::HashSet;

use isobar_normalizer::{Labels, METRIC_NAME, MatchOp, Matcher};
use promql_parser::parser::{Call, Expr};
use regex::RegexBuilder;

use super::build::{Planner, unsupported};
use super::{Node, RangeNode, ScalarNode, VectorNode};
use crate::QueryError;
use crate::calendar::DatePart;
use crate::histogram::HistogramFunction;
use crate::math::{self, Elementwise};
use crate::order::Order;
use crate::relabel::Relabel;
use crate::window::RangeFunction;

/// A compiled `label_replace` expression may take this much memory; the same as a matcher's.
const REGEX_SIZE_MAX: usize = 1 << 20;

/// Functions the parser knows and this engine does not: native histograms, and experiments of Prometheus.
const NOT_IMPLEMENTED: [&str; 8] = [
    "histogram_avg",
    "histogram_count",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "info",
    "integral",
    "start_timestamp",
];

impl Planner {
    pub(super) fn call(&mut self, call: &Call) -> Result<Node, QueryError> {
        let name = call.func.name;
        if NOT_IMPLEMENTED.contains(&name) {
            return Err(unsupported(&format!("the function {name}")));
        }
        let arguments: Vec<&Expr> = call.args.args.iter().map(AsRef::as_ref).collect();
        if let Some(scalar) = self.scalar_call(name, &arguments)? {
            return Ok(Node::Scalar(scalar));
        }
        if let Some(function) = RangeFunction::named(name) {
            return self.over_range(function, &arguments).map(Node::Vector);
        }
        let [first, rest @ ..] = &arguments[..] else {
            return self.date_now(name).map(Node::Vector);
        };
        let vector = match name {
            "vector" => VectorNode::OfScalar(self.scalar(first)?),
            "absent_over_time" => {
                let range = self.range(first)?;
                VectorNode::AbsentOverTime(labels_of_absent_range(&range), range)
            }
            "histogram_quantile" | "histogram_fraction" | "histogram_quantiles" => {
                self.histogram(name, &arguments)?
            }
            _ => {
                let vector = Box::new(self.vector(first)?);
                self.vector_call(name, vector, rest)?
            }
        };
        Ok(Node::Vector(vector))
    }

    fn scalar_call(&mut self, name: &str, arguments: &[&Expr]) -> Result<Option<ScalarNode>, QueryError> {
        Ok(Some(match (name, arguments) {
            ("time", _) => ScalarNode::Time,
            ("pi", _) => ScalarNode::Number(std::f64::consts::PI),
            ("start", _) => ScalarNode::QueryStart,
            ("end", _) => ScalarNode::QueryEnd,
            ("step", _) => ScalarNode::QueryStep,
            ("range", _) => ScalarNode::QueryRange,
            ("scalar", [vector]) => ScalarNode::OfVector(Box::new(self.vector(vector)?)),
            ("min_of", [a, b]) => ScalarNode::Smaller(Box::new(self.scalar(a)?), Box::new(self.scalar(b)?)),
            ("max_of", [a, b]) => ScalarNode::Larger(Box::new(self.scalar(a)?), Box::new(self.scalar(b)?)),
            _ => return Ok(None),
        }))
    }

    fn over_range(&mut self, function: RangeFunction, arguments: &[&Expr]) -> Result<VectorNode, QueryError> {
        let mut range = None;
        let mut scalars = Vec::new();
        for argument in arguments {
            match self.node(argument)? {
                Node::Range(node) => range = Some(node),
                Node::Scalar(scalar) => scalars.push(scalar),
                Node::Vector(_) | Node::Text(_) => {
                    return Err(QueryError::Parse("expected a range vector or a scalar".to_owned()));
                }
            }
        }
        let range = range.ok_or_else(|| QueryError::Parse("expected a range vector".to_owned()))?;
        Ok(VectorNode::OverRange { function, range, arguments: scalars })
    }

    /// `hour()` and its relatives speak of the time of the step.
    fn date_now(&mut self, name: &str) -> Result<VectorNode, QueryError> {
        let part = date_part(name).ok_or_else(|| unsupported(&format!("the function {name}")))?;
        Ok(VectorNode::Date(part, Box::new(VectorNode::OfScalar(ScalarNode::Time))))
    }

    fn vector_call(
        &mut self,
        name: &str,
        vector: Box<VectorNode>,
        rest: &[&Expr],
    ) -> Result<VectorNode, QueryError> {
        if let Some(function) = math::plain(name) {
            return Ok(VectorNode::Elementwise(Elementwise::Plain(function), vector));
        }
        if let Some(part) = date_part(name) {
            return Ok(VectorNode::Date(part, vector));
        }
        let elementwise = |function| Ok(VectorNode::Elementwise(function, vector.clone()));
        match (name, rest) {
            ("round", []) => elementwise(Elementwise::Round(ScalarNode::Number(1.0))),
            ("round", [nearest]) => elementwise(Elementwise::Round(self.scalar(nearest)?)),
            ("clamp", [low, high]) => elementwise(Elementwise::Clamp(self.scalar(low)?, self.scalar(high)?)),
            ("clamp_min", [low]) => elementwise(Elementwise::ClampMin(self.scalar(low)?)),
            ("clamp_max", [high]) => elementwise(Elementwise::ClampMax(self.scalar(high)?)),
            ("timestamp", []) => Ok(match *vector {
                VectorNode::Select(selector) => VectorNode::SelectTimes(selector),
                other => VectorNode::StepTimes(Box::new(other)),
            }),
            ("absent", []) => Ok(VectorNode::Absent(labels_of_absent(&vector), vector)),
            ("sort", []) => Ok(VectorNode::Sorted(Order::Ascending, vector)),
            ("sort_desc", []) => Ok(VectorNode::Sorted(Order::Descending, vector)),
            ("sort_by_label" | "sort_by_label_desc", names) => {
                let names = names.iter().map(|name| self.text(name)).collect::<Result<_, _>>()?;
                let order = Order::Labels { names, descending: name == "sort_by_label_desc" };
                Ok(VectorNode::Sorted(order, vector))
            }
            ("label_replace", [target, template, source, pattern]) => {
                let pattern = self.text(pattern)?;
                let regex = RegexBuilder::new(&format!("^(?s:{pattern})$"))
                    .size_limit(REGEX_SIZE_MAX)
                    .build()
                    .map_err(|_| {
                        QueryError::Parse(format!("invalid regular expression in label_replace(): {pattern}"))
                    })?;
                let relabel = Relabel::Replace {
                    target: self.target_label(target, "label_replace")?,
                    template: self.text(template)?,
                    source: self.text(source)?,
                    pattern: regex,
                };
                Ok(VectorNode::Relabelled(relabel, vector))
            }
            ("label_join", [target, separator, sources @ ..]) => {
                let relabel = Relabel::Join {
                    target: self.target_label(target, "label_join")?,
                    separator: self.text(separator)?,
                    sources: sources.iter().map(|source| self.text(source)).collect::<Result<_, _>>()?,
                };
                Ok(VectorNode::Relabelled(relabel, vector))
            }
            _ => Err(unsupported(&format!("the function {name}"))),
        }
    }

    fn target_label(&mut self, expression: &Expr, function: &str) -> Result<String, QueryError> {
        let label = self.text(expression)?;
        if label.is_empty() {
            return Err(QueryError::Parse(format!(
                "invalid destination label name in {function}(): {label:?}"
            )));
        }
        Ok(label)
    }

    fn histogram(&mut self, name: &str, arguments: &[&Expr]) -> Result<VectorNode, QueryError> {
        let (function, vector) = match (name, arguments) {
            ("histogram_quantile", [quantile, vector]) => {
                (HistogramFunction::Quantile(self.scalar(quantile)?), vector)
            }
            ("histogram_fraction", [lower, upper, vector]) => {
                (HistogramFunction::Fraction(self.scalar(lower)?, self.scalar(upper)?), vector)
            }
            (_, [vector, label, quantiles @ ..]) => {
                let label = self.target_label(label, name)?;
                let quantiles = quantiles.iter().map(|q| self.scalar(q)).collect::<Result<_, _>>()?;
                (HistogramFunction::Quantiles { label, quantiles }, vector)
            }
            _ => return Err(unsupported(&format!("this form of {name}"))),
        };
        Ok(VectorNode::Histogram(function, Box::new(self.vector(vector)?)))
    }
}

fn date_part(name: &str) -> Option<DatePart> {
    Some(match name {
        "year" => DatePart::Year,
        "month" => DatePart::Month,
        "day_of_month" => DatePart::DayOfMonth,
        "day_of_year" => DatePart::DayOfYear,
        "day_of_week" => DatePart::DayOfWeek,
        "days_in_month" => DatePart::DaysInMonth,
        "hour" => DatePart::Hour,
        "minute" => DatePart::Minute,
        _ => return None,
    })
}

fn labels_of_absent(vector: &VectorNode) -> Labels {
    match vector {
        VectorNode::Select(selector) => labels_of_matchers(&selector.matchers),
        _ => Labels::empty(),
    }
}

fn labels_of_absent_range(range: &RangeNode) -> Labels {
    match range {
        RangeNode::Select { selector, .. } => labels_of_matchers(&selector.matchers),
        RangeNode::Subquery { .. } => Labels::empty(),
    }
}

/// The labels an absent series would have had: those that a matcher names by equality, and that no later one makes
/// doubtful again. Source: prometheus `promql/functions.go`, createLabelsForAbsentFunction.
fn labels_of_matchers(matchers: &[Matcher]) -> Labels {
    let mut labels = Labels::empty().edit();
    let mut named = HashSet::new();
    for matcher in matchers.iter().filter(|matcher| matcher.name() != METRIC_NAME) {
        if matcher.op() == MatchOp::Equal && named.insert(matcher.name()) {
            labels.set(matcher.name(), matcher.value());
        } else {
            labels.remove(matcher.name());
        }
    }
    labels.build()
}
