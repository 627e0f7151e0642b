//! A policy as PromQL text: what is asked of the query engine.

use std::fmt::Write as _;
use std::time::Duration;

use isobar_normalizer::{Aggregation, Labels, METRIC_NAME, MatchOp, Matcher, Registry, format_duration};

use super::{Aggregate, Policy};

/// The label that names the configured source a series came from.
pub(crate) const SOURCE: &str = "source";

impl Policy {
    /// The value per group, PromQL: one series per group with the `by` labels alone. `source` narrows it to one source.
    /// The window is `over`, or `period` where that is longer: a window shorter than the distance of two samples would
    /// be empty most of the time.
    ///
    /// The window of each series becomes a value first, and the values of the group's series one second.
    pub fn expression(&self, source: Option<&str>, period: Duration) -> String {
        let source = source.map(|source| Matcher::equal(SOURCE, source));
        self.expression_over(period, source.as_slice())
    }

    /// The value of one group, over all sources.
    pub(crate) fn expression_of(&self, group: &Labels, period: Duration) -> String {
        let named = |label: &String| Matcher::equal(label, group.get(label).unwrap_or_default());
        let group: Vec<Matcher> = self.by.iter().map(named).collect();
        self.expression_over(period, &group)
    }

    fn expression_over(&self, period: Duration, narrowing: &[Matcher]) -> String {
        let (across, within) = self.functions();
        let window = format_duration(self.over.max(period));
        format!("{across} by ({}) ({within}{}[{window}]))", self.by_list(), self.selector(narrowing))
    }

    /// The number of samples per group inside the window, PromQL: a group that is absent has been silent for so long.
    pub fn freshness_expression(&self, source: Option<&str>, window: Duration) -> String {
        let window = format_duration(window);
        let source = source.map(|source| Matcher::equal(SOURCE, source));
        let selector = self.selector(source.as_slice());
        format!("sum by ({}) (count_over_time({selector}[{window}]))", self.by_list())
    }

    /// The aggregation over the group's series, and the opening of the one over time.
    fn functions(&self) -> (&'static str, String) {
        let worst_series = if self.criteria.points_down() { "min" } else { "max" };
        match self.aggregate {
            Aggregate::Avg => (self.across(), "avg_over_time(".to_owned()),
            Aggregate::Min => ("min", "min_over_time(".to_owned()),
            Aggregate::Max => ("max", "max_over_time(".to_owned()),
            // A sum over time would grow with the sampling rate; the sum is over the group's series.
            Aggregate::Sum => ("sum", "avg_over_time(".to_owned()),
            Aggregate::Last => (self.across(), "last_over_time(".to_owned()),
            // Percentiles do not average: of several series in one group the worst one counts.
            Aggregate::Percentile(p) => {
                (worst_series, format!("quantile_over_time({}, ", f64::from(p) / 100.0))
            }
        }
    }

    /// How the series of one group become one value where the policy does not say: as the metric keeps its meaning. Of the
    /// filesystems of a machine the fullest counts, rates of its interfaces are added.
    fn across(&self) -> &'static str {
        let registry = Registry::builtin();
        registry.by_name(&self.metric).map_or("avg", |metric| match metric.over_resources() {
            Aggregation::Min => "min",
            Aggregation::Max => "max",
            Aggregation::Sum => "sum",
            _ => "avg",
        })
    }

    fn by_list(&self) -> String {
        self.by.iter().map(|label| label_name(label)).collect::<Vec<_>>().join(", ")
    }

    fn selector(&self, narrowing: &[Matcher]) -> String {
        let mut text = format!("{{{}", quoted(&self.metric));
        let others = self.matchers.iter().filter(|matcher| matcher.name() != METRIC_NAME);
        for matcher in others.chain(narrowing) {
            push_matcher(&mut text, matcher);
        }
        text.push('}');
        text
    }
}

fn push_matcher(text: &mut String, matcher: &Matcher) {
    let (name, op, value) = (label_name(matcher.name()), matcher.op(), quoted(matcher.value()));
    write!(text, ", {name}{op}{value}").expect("writing to a String does not fail");
}

/// The selection as matchers, for who looks up which sources it touches: the metric, `where`, that a policy about
/// resources wants series that name one, and of a metric that comes whole and in parts the whole, unless the policy
/// names the part.
pub(super) fn matchers(metric: &str, conditions: Vec<Matcher>, by: &[String]) -> Vec<Matcher> {
    let by_resource = by.iter().any(|label| label == super::RESOURCE_ID);
    let registry = Registry::builtin();
    let parts = registry.by_name(metric).map_or(&[][..], |metric| metric.parts());
    let is_named =
        |part: &String| by.contains(part) || conditions.iter().any(|condition| condition.name() == part);
    let whole: Vec<Matcher> =
        parts.iter().filter(|part| !is_named(part)).map(|part| Matcher::equal(part, "")).collect();
    let named = by_resource.then(|| {
        Matcher::new(super::RESOURCE_ID, MatchOp::NotEqual, "")
            .expect("a plain matcher has no expression to fail")
    });
    std::iter::once(Matcher::equal(METRIC_NAME, metric)).chain(conditions).chain(whole).chain(named).collect()
}

/// Label names outside `[a-zA-Z_][a-zA-Z0-9_]*` are quoted, as Prometheus 3 wants them.
fn label_name(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    if plain { name.to_owned() } else { quoted(name) }
}

/// A PromQL string literal; `{:?}` would escape more than PromQL reads.
fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in text.chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            other => literal.push(other),
        }
    }
    literal.push('"');
    literal
}
