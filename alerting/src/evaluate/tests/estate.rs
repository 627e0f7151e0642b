//! A made-up estate that answers the evaluator: it reads the few shapes of PromQL that policies compile to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use isobar_normalizer::{Labels, MatchOp, Matcher, Timestamp, parse_duration};
use regex::Regex;

use super::START;
use crate::{ResourceLookup, RuleQuery, RuleQueryError, SourceWatermark, Stretch};

/// Aggregation, grouping, function over time, matchers, window.
static SHAPE: LazyLock<Regex> = LazyLock::new(|| {
    let shape = r#"^(\w+) by \(([^)]*)\) \((\w+)\(\{"[^"]+"((?:, \w+(?:=|!=|=~)"[^"]*")*)\}\[(\w+)\]\)\)$"#;
    Regex::new(shape).unwrap()
});
static CONDITION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"(\w+)(=~|!=|=)"([^"]*)""#).unwrap());

/// Sources, their samples, and the inventory, at one point of processing time.
#[derive(Debug)]
pub(super) struct Estate {
    pub(super) now: Timestamp,
    pub(super) sources: BTreeMap<String, Source>,
    pub(super) resources: BTreeMap<String, Resource>,
    /// Labels without the metric's name, end of period, value.
    pub(super) samples: Vec<(Labels, Timestamp, f64)>,
    pub(super) is_broken: bool,
}

#[derive(Debug)]
pub(super) struct Source {
    pub(super) period: Duration,
    pub(super) delay: Duration,
    pub(super) lag: Duration,
    pub(super) complete_since: Timestamp,
    /// Set while the watermark does not move.
    pub(super) stalled_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(super) struct Resource {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) gone: Option<Timestamp>,
    /// Set while its part of every source cannot be read: up to when it was.
    pub(super) unread_since: Option<Timestamp>,
    /// Set where its part was read first later than others of its source.
    pub(super) read_since: Option<Timestamp>,
    /// Its part brought a past along.
    pub(super) has_past: bool,
}

impl Estate {
    pub(super) fn new() -> Self {
        let (sources, resources) = (BTreeMap::new(), BTreeMap::new());
        Self { now: START, sources, resources, samples: Vec::new(), is_broken: false }
    }

    pub(super) fn watermark(&self, source: &str) -> Timestamp {
        let source = &self.sources[source];
        source.stalled_at.unwrap_or_else(|| self.now.minus(source.lag))
    }

    /// Samples one period apart from `from` on; `None` is a gap.
    pub(super) fn push(
        &mut self,
        source: &str,
        resource: &str,
        from: Timestamp,
        values: impl IntoIterator<Item = Option<f64>>,
    ) {
        let labels = Labels::from_pairs([("source", source), ("resource_id", resource)]).unwrap();
        let period = self.sources[source].period;
        self.resources.entry(resource.to_owned()).or_default();
        let mut at = from;
        for value in values {
            self.samples.extend(value.map(|value| (labels.clone(), at, value)));
            at = at.plus(period);
        }
    }

    /// A series' own labels and those of its resource.
    fn joined(&self, labels: &Labels) -> Labels {
        let mut joined = labels.edit();
        let resource = labels.get("resource_id").and_then(|id| self.resources.get(id));
        for (name, value) in resource.into_iter().flat_map(|resource| &resource.labels) {
            joined.set(name, value);
        }
        joined.build()
    }
}

#[async_trait]
impl RuleQuery for Estate {
    async fn instant(&self, expression: &str, at: Timestamp) -> Result<Vec<(Labels, f64)>, RuleQueryError> {
        if self.is_broken {
            return Err(RuleQueryError("the store is closed".to_owned()));
        }
        let parts =
            SHAPE.captures(expression).unwrap_or_else(|| panic!("unexpected expression {expression}"));
        let window = parse_duration(&parts[5]).unwrap();
        let matchers: Vec<Matcher> = CONDITION
            .captures_iter(&parts[4])
            .map(|parts| match (&parts[2], parts[3].replace("\\\\", "\\")) {
                ("=", value) => Matcher::equal(&parts[1], &value),
                ("!=", value) => Matcher::new(&parts[1], MatchOp::NotEqual, &value).unwrap(),
                (_, value) => Matcher::new(&parts[1], MatchOp::Matches, &value).unwrap(),
            })
            .collect();
        let by: BTreeSet<&str> = parts[2].split(", ").collect();

        let mut series: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
        for (labels, sample_at, value) in &self.samples {
            if *sample_at <= at.minus(window) || *sample_at > at {
                continue;
            }
            let labels = self.joined(labels);
            let unread_since = labels.get("resource_id").and_then(|id| self.resources.get(id)?.unread_since);
            let is_known = *sample_at <= self.watermark(labels.get("source").unwrap())
                && unread_since.is_none_or(|since| *sample_at <= since);
            let matches = |matcher: &Matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default());
            if is_known && matchers.iter().all(matches) {
                series.entry(labels).or_default().push(*value);
            }
        }
        let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
        for (labels, values) in series {
            let group = Labels::from_pairs(labels.iter().filter(|(name, _)| by.contains(name))).unwrap();
            groups.entry(group).or_default().push(fold(&parts[3], &values));
        }
        Ok(groups.into_iter().map(|(labels, values)| (labels, fold(&parts[1], &values))).collect())
    }

    fn sources(&self, _matchers: &[Matcher]) -> Vec<SourceWatermark> {
        let watermark = |(name, source): (&String, &Source)| SourceWatermark {
            source: name.as_str().into(),
            watermark: self.watermark(name),
            behind: self.resources.values().filter_map(|resource| resource.unread_since).min(),
            complete_since: source.complete_since,
            pasts: self.resources.values().filter(|resource| resource.has_past).count(),
            period: source.period,
            delay: source.delay,
        };
        self.sources.iter().map(watermark).collect()
    }

    fn stretch(&self, source: &str, resource_id: &str) -> Option<Stretch> {
        let resource = self.resources.get(resource_id)?;
        let until = resource.unread_since.unwrap_or_else(|| self.watermark(source));
        let since = resource.read_since.unwrap_or(self.sources[source].complete_since);
        Some(Stretch { since, until })
    }

    fn resource(&self, resource_id: &str) -> ResourceLookup {
        match self.resources.get(resource_id) {
            None => ResourceLookup::Unknown,
            Some(Resource { gone: Some(gone), .. }) => ResourceLookup::Gone(*gone),
            Some(resource) => ResourceLookup::Known(Labels::from_pairs(&resource.labels).unwrap()),
        }
    }
}

fn fold(function: &str, values: &[f64]) -> f64 {
    match function.trim_end_matches("_over_time") {
        "avg" => values.iter().sum::<f64>() / values.len() as f64,
        "sum" => values.iter().sum(),
        "min" => values.iter().copied().fold(f64::INFINITY, f64::min),
        "max" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "count" => values.len() as f64,
        "last" => values[values.len() - 1],
        other => panic!("unexpected function {other}"),
    }
}
