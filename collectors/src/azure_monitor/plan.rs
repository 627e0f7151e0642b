//! What to ask for, in which calls. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{NativeMapping, Timestamp};

use super::definitions::Known;
use super::estate::Item;
use crate::InUse;

/// Resources a batch may hold. Source: "Metrics Batch - Batch".
pub(super) const RESOURCES_MAX: usize = 50;
/// Metrics a call may name. Source: "Metrics - List", "Metrics Batch - Batch".
pub(super) const METRICS_MAX: usize = 20;
/// Values asked for in one call: some 5 MB of answer.
const VALUES_MAX: usize = 50_000;
/// How many series a metric that is split by dimensions is taken to have; what has more comes in answers that much larger.
const SPLIT_INTO: usize = 10;
/// Grains of a call at least, however many resources it is for.
const GRAINS_MIN: u64 = 5;

/// The aggregations Azure knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Statistic {
    Average,
    Minimum,
    Maximum,
    Total,
    Count,
}

impl Statistic {
    pub(super) const ALL: [Self; 5] = [Self::Average, Self::Minimum, Self::Maximum, Self::Total, Self::Count];

    /// The word mappings and Azure use.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Average => "Average",
            Self::Minimum => "Minimum",
            Self::Maximum => "Maximum",
            Self::Total => "Total",
            Self::Count => "Count",
        }
    }

    /// Reads the word, in any case.
    pub(super) fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One metric of a namespace that is wanted, split by one set of dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ask {
    pub(super) period: Duration,
    /// Sorted.
    pub(super) dimensions: Vec<String>,
    pub(super) metric: Arc<str>,
    pub(super) statistics: BTreeSet<Statistic>,
    /// Whether a policy reads what comes of it.
    pub(super) is_used: bool,
}

/// What is wanted of a namespace: by its mapping, and what the settings add.
pub(super) fn asks(mapping: Option<&NativeMapping>, extra: &[Ask], in_use: &InUse) -> Vec<Ask> {
    let wanted = mapping.map(NativeMapping::wanted).unwrap_or_default();
    let mapped = wanted.into_iter().filter_map(|wanted| {
        Some(Ask {
            period: wanted.period,
            dimensions: wanted.dimensions,
            metric: wanted.metric.into(),
            statistics: BTreeSet::from([Statistic::read(&wanted.statistic)?]),
            is_used: wanted.feeds.iter().any(|metric| in_use.contains(metric)),
        })
    });
    let mut merged: BTreeMap<(Duration, Vec<String>, Arc<str>), Ask> = BTreeMap::new();
    for ask in mapped.chain(extra.iter().cloned()) {
        let key = (ask.period, ask.dimensions.clone(), ask.metric.clone());
        match merged.get_mut(&key) {
            Some(known) => {
                known.statistics.extend(&ask.statistics);
                known.is_used |= ask.is_used;
            }
            None => {
                merged.insert(key, ask);
            }
        }
    }
    merged.into_values().collect()
}

/// The ask as Azure can answer it: at a grain it keeps, with aggregations it has. `None` where nothing is left of it.
pub(super) fn fit(mut ask: Ask, known: Option<&Known>) -> Option<Ask> {
    let Some(measured) = known.and_then(|known| known.get(&ask.metric.to_lowercase())) else {
        return Some(ask);
    };
    if !measured.grains.is_empty() && !measured.grains.contains(&ask.period) {
        let coarser = measured.grains.iter().find(|grain| **grain > ask.period);
        ask.period = *coarser.or(measured.grains.last())?;
    }
    if !measured.statistics.is_empty() {
        ask.statistics.retain(|statistic| measured.statistics.contains(statistic));
    }
    (!ask.statistics.is_empty()).then_some(ask)
}

/// One call: some metrics of some resources of one type in one region over one stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    pub(super) namespace: Arc<str>,
    pub(super) period: Duration,
    /// How long after the end of a grain Azure publishes it.
    pub(super) delay: Duration,
    /// START of the first grain.
    pub(super) start: Timestamp,
    /// END of the last grain.
    pub(super) end: Timestamp,
    /// Sorted.
    pub(super) dimensions: Vec<String>,
    /// What is wanted of each metric.
    pub(super) metrics: Vec<(Arc<str>, BTreeSet<Statistic>)>,
    pub(super) resources: Vec<Arc<Item>>,
}

impl Query {
    /// Every aggregation that some metric wants.
    pub(super) fn statistics(&self) -> BTreeSet<Statistic> {
        self.metrics.iter().flat_map(|(_, statistics)| statistics).copied().collect()
    }

    /// The same for half of the resources and for the other half; `None` where there is one.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        if self.resources.len() < 2 {
            return None;
        }
        let (first, second) = self.resources.split_at(self.resources.len() / 2);
        let of = |resources: &[Arc<Item>]| Self { resources: resources.to_vec(), ..self.clone() };
        Some([of(first), of(second)])
    }

    /// The same for half of the metrics and for the other half; `None` where there is one.
    pub(super) fn metric_halves(&self) -> Option<[Self; 2]> {
        if self.metrics.len() < 2 {
            return None;
        }
        let (first, second) = self.metrics.split_at(self.metrics.len() / 2);
        let of = |metrics: &[_]| Self { metrics: metrics.to_vec(), ..self.clone() };
        Some([of(first), of(second)])
    }
}

/// A stretch of time to read for some asks of a namespace that share a period.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) period: Duration,
    pub(super) delay: Duration,
    /// START of the first grain.
    pub(super) start: Timestamp,
    /// END of the last grain.
    pub(super) end: Timestamp,
}

/// The calls that read these asks of these resources over the stretch, the newest time first. Together they ask for each
/// value once: a sum over series would count what comes twice.
pub(super) fn plan(
    namespace: &Arc<str>,
    asks: &[Ask],
    resources: &[Arc<Item>],
    stretch: &Stretch,
    known: Option<&Known>,
) -> Vec<Query> {
    let mut queries = Vec::new();
    for (dimensions, metrics) in groups(asks, known) {
        let series = if dimensions.is_empty() { 1 } else { SPLIT_INTO };
        for metrics in metrics.chunks(METRICS_MAX) {
            let statistics =
                metrics.iter().flat_map(|(_, statistics)| statistics).collect::<BTreeSet<_>>().len();
            for resources in resources.chunks(RESOURCES_MAX) {
                let values_each = resources.len() * metrics.len() * series * statistics.max(1);
                for (start, end) in pieces(stretch, values_each) {
                    queries.push(Query {
                        namespace: namespace.clone(),
                        period: stretch.period,
                        delay: stretch.delay,
                        start,
                        end,
                        dimensions: dimensions.clone(),
                        metrics: metrics.to_vec(),
                        resources: resources.to_vec(),
                    });
                }
            }
        }
    }
    queries.sort_by_key(|query| std::cmp::Reverse(query.end));
    queries
}

type Metrics = Vec<(Arc<str>, BTreeSet<Statistic>)>;

/// Asks that one call can hold: the same dimensions, and aggregations that all of them have. A metric the definitions do not
/// list is asked for alone, because Azure refuses a call for one name it does not know.
fn groups(asks: &[Ask], known: Option<&Known>) -> Vec<(Vec<String>, Metrics)> {
    let mut groups: BTreeMap<(Vec<String>, String), Metrics> = BTreeMap::new();
    let union = |dimensions: &[String]| -> BTreeSet<Statistic> {
        let same = asks.iter().filter(|ask| ask.dimensions == dimensions);
        same.flat_map(|ask| &ask.statistics).copied().collect()
    };
    for ask in asks {
        let listed = known.map(|known| known.get(&ask.metric.to_lowercase()));
        let has_all = |all: &BTreeSet<Statistic>| {
            listed.flatten().is_some_and(|measured| all.is_subset(&measured.statistics))
        };
        let group = match listed {
            Some(None) => format!("alone {}", ask.metric),
            _ if has_all(&union(&ask.dimensions)) => String::new(),
            _ => ask.statistics.iter().map(|statistic| statistic.as_str()).collect::<Vec<_>>().join(","),
        };
        groups
            .entry((ask.dimensions.clone(), group))
            .or_default()
            .push((ask.metric.clone(), ask.statistics.clone()));
    }
    groups.into_iter().map(|((dimensions, _), metrics)| (dimensions, metrics)).collect()
}

/// Cuts a stretch between grains, so that no call asks for too many values; the newest piece first.
fn pieces(stretch: &Stretch, values_each: usize) -> Vec<(Timestamp, Timestamp)> {
    let fitting = u64::try_from(VALUES_MAX / values_each.max(1)).unwrap_or(u64::MAX).max(GRAINS_MIN);
    let length = stretch.period.saturating_mul(u32::try_from(fitting).unwrap_or(u32::MAX));
    let mut pieces = Vec::new();
    let mut end = stretch.end;
    while end > stretch.start {
        let start = end.minus(length).max(stretch.start);
        pieces.push((start, end));
        end = start;
    }
    pieces
}

#[cfg(test)]
mod tests;
