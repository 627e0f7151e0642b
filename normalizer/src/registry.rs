//! The canonical metrics: what each is called, what it measures, and how it may be aggregated.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::alert::words;
use crate::{ConfigError, METRIC_NAME, MatchOp, Matcher, Unit, UnknownWord};

/// One metric of the model, whatever source measures it.
#[derive(Clone, Debug, PartialEq)]
pub struct CanonicalMetric {
    name: String,
    alias: String,
    unit: Unit,
    kind: MetricKind,
    over_time: Aggregation,
    over_resources: Aggregation,
    range: ValueRange,
    relation: OtelRelation,
    otel: String,
    attributes: Vec<String>,
    parts: Vec<String>,
    description: String,
}

words! {
    /// Whether a value stands alone or counts up from a start.
    MetricKind, "metric kind", {
        /// Each value stands alone.
        Gauge = "gauge",
        /// Values count up and start again at zero.
        Cumulative = "cumulative",
    }
}

words! {
    /// The aggregation that keeps a metric's meaning.
    Aggregation, "aggregation", {
        /// The mean.
        Avg = "avg",
        /// The latest value.
        Last = "last",
        /// The greatest.
        Max = "max",
        /// The least.
        Min = "min",
        /// The total.
        Sum = "sum",
    }
}

words! {
    /// The values a metric can take.
    ValueRange, "value range", {
        /// From 0 to 1; a burstable machine may exceed 1.
        Fraction = "0..1",
        /// Zero or more.
        NonNegative = ">=0",
        /// 0 or 1.
        Flag = "0|1",
    }
}

words! {
    /// How a metric relates to OpenTelemetry's.
    OtelRelation, "OpenTelemetry relation", {
        /// Same name, unit and meaning as in the semantic conventions.
        Exact = "exact",
        /// The per-second rate or the quotient of what the conventions count.
        Derived = "derived",
        /// Emitted by a Collector receiver, not in the conventions.
        Collector = "collector",
        /// Ours, because nothing exists.
        Extension = "extension",
    }
}

words! {
    /// From where a quantity was seen. Two vantages of one quantity are two numbers and are never averaged.
    Vantage, "vantage", {
        /// By the host under a virtual machine.
        Hypervisor = "hypervisor",
        /// By an agent inside the machine.
        Guest = "guest",
        /// By the service itself: a database, a cache.
        Engine = "engine",
    }
}

impl CanonicalMetric {
    /// The dotted name, `system.cpu.utilization`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name as Prometheus would write it, `system_cpu_utilization_ratio`.
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The unit of every value.
    pub fn unit(&self) -> &Unit {
        &self.unit
    }

    /// Whether a value stands alone or counts up.
    pub fn kind(&self) -> MetricKind {
        self.kind
    }

    /// The aggregation over time that keeps its meaning.
    pub fn over_time(&self) -> Aggregation {
        self.over_time
    }

    /// The aggregation over resources and attributes that keeps its meaning.
    pub fn over_resources(&self) -> Aggregation {
        self.over_resources
    }

    /// The values it can take.
    pub fn range(&self) -> ValueRange {
        self.range
    }

    /// How it relates to OpenTelemetry, and the names it relates to there; empty for most extensions.
    pub fn otel(&self) -> (OtelRelation, &str) {
        (self.relation, &self.otel)
    }

    /// The labels that may distinguish its series, `isobar_vantage` apart.
    pub fn attributes(&self) -> &[String] {
        &self.attributes
    }

    /// Those of its attributes that tell parts of a whole: a series without one measures the whole, and adding or averaging
    /// whole and parts means nothing.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// One line for people.
    pub fn description(&self) -> &str {
        &self.description
    }
}

impl ValueRange {
    /// Whether a mapping may give this value. Utilisation may exceed 1: burstable machines do.
    pub fn admits(self, value: f64) -> bool {
        match self {
            Self::Fraction | Self::NonNegative => value >= 0.0 && value.is_finite(),
            Self::Flag => value == 0.0 || value == 1.0,
        }
    }
}

/// Every canonical metric, by name and by alias.
#[derive(Clone, Debug)]
pub struct Registry {
    metrics: Vec<Arc<CanonicalMetric>>,
    by_name: HashMap<String, usize>,
    by_alias: HashMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRegistry {
    metrics: Vec<Spanned<RawMetric>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMetric {
    name: String,
    unit: Unit,
    #[serde(default = "gauge")]
    kind: MetricKind,
    over_time: Aggregation,
    over_resources: Aggregation,
    range: ValueRange,
    relation: OtelRelation,
    #[serde(default)]
    otel: String,
    #[serde(default)]
    attributes: Vec<String>,
    #[serde(default)]
    parts: Vec<String>,
    description: String,
}

/// The metrics this version knows, by what is measured.
const TEXTS: [&str; 10] = [
    include_str!("../canonical.yaml"),
    include_str!("../canonical/balancer.yaml"),
    include_str!("../canonical/cache.yaml"),
    include_str!("../canonical/cdn.yaml"),
    include_str!("../canonical/compute.yaml"),
    include_str!("../canonical/database.yaml"),
    include_str!("../canonical/function.yaml"),
    include_str!("../canonical/gateway.yaml"),
    include_str!("../canonical/messaging.yaml"),
    include_str!("../canonical/storage.yaml"),
];

fn gauge() -> MetricKind {
    MetricKind::Gauge
}

impl Registry {
    /// The metrics this version knows.
    pub fn builtin() -> Arc<Self> {
        static BUILTIN: LazyLock<Arc<Registry>> = LazyLock::new(|| {
            let mut registry = Registry::empty();
            for text in TEXTS {
                registry.add(text).expect("the embedded registry is read by the tests");
            }
            Arc::new(registry)
        });
        BUILTIN.clone()
    }

    fn empty() -> Self {
        Self { metrics: Vec::new(), by_name: HashMap::new(), by_alias: HashMap::new() }
    }

    fn add(&mut self, text: &str) -> Result<(), ConfigError> {
        let raw: RawRegistry = serde_saphyr::from_str(text)?;
        for Spanned { value, referenced, .. } in raw.metrics {
            let metric = Arc::new(CanonicalMetric::from(value));
            let index = self.metrics.len();
            let same_name = self.by_name.insert(metric.name.clone(), index);
            let same_alias = self.by_alias.insert(metric.alias.clone(), index);
            if same_name.or(same_alias).is_some() {
                return Err(ConfigError::at(
                    referenced,
                    format!("{:?} or its alias is there already", metric.name),
                ));
            }
            self.metrics.push(metric);
        }
        Ok(())
    }

    /// The metric of this dotted name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<CanonicalMetric>> {
        self.by_name.get(name).map(|index| &self.metrics[*index])
    }

    /// The metric of this alias.
    pub fn by_alias(&self, alias: &str) -> Option<&Arc<CanonicalMetric>> {
        self.by_alias.get(alias).map(|index| &self.metrics[*index])
    }

    /// Every metric, in the order of the registry.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CanonicalMetric>> {
        self.metrics.iter()
    }

    /// The matcher on the dotted name when this one asks for `__name__="alias"`; `None` for every other matcher.
    ///
    /// A raw series may bear the alias as its own name: OpenTelemetry's Prometheus exporter makes the same one.
    /// Who wants that series too selects by both matchers.
    pub fn resolve(&self, matcher: &Matcher) -> Option<Matcher> {
        if matcher.name() != METRIC_NAME || matcher.op() != MatchOp::Equal {
            return None;
        }
        self.by_alias(matcher.value()).map(|metric| Matcher::equal(METRIC_NAME, &metric.name))
    }
}

impl From<RawMetric> for CanonicalMetric {
    fn from(raw: RawMetric) -> Self {
        Self {
            alias: alias_of(&raw.name, &raw.unit, raw.kind),
            name: raw.name,
            unit: raw.unit,
            kind: raw.kind,
            over_time: raw.over_time,
            over_resources: raw.over_resources,
            range: raw.range,
            relation: raw.relation,
            otel: raw.otel,
            attributes: raw.attributes,
            parts: raw.parts,
            description: raw.description,
        }
    }
}

/// The name in Prometheus' spelling: dots become underscores, then come the unit's words that the name does not hold
/// yet, then `total` for what counts up; a gauge's `ratio` always stands last.
/// Source: OpenTelemetry, "Prometheus and OpenMetrics compatibility", metric metadata.
fn alias_of(name: &str, unit: &Unit, kind: MetricKind) -> String {
    let suffix = unit.suffix();
    let mut words: Vec<&str> = name.split(['.', '_']).collect();
    if suffix == "ratio" && kind == MetricKind::Gauge {
        words.retain(|word| *word != "ratio");
    }
    if !words.contains(&suffix.as_str()) && !suffix.is_empty() {
        words.push(&suffix);
    }
    if kind == MetricKind::Cumulative {
        words.retain(|word| *word != "total");
        words.push("total");
    }
    words.join("_")
}

#[cfg(test)]
mod tests;
