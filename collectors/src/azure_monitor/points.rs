//! What an answer holds: measurements, and what it does not hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use isobar_normalizer::{Labels, Measurement, Timestamp};

use super::error::{Failure, passing};
use super::estate::Item;
use super::plan::{Query, Statistic};
use super::wire::{Metric, Point, ResourceMetrics, TimeSeries};

/// Series of one metric of one resource that are asked for. Without a number Azure gives ten and says not that there are
/// more.
pub(super) const SERIES_MAX: usize = 1000;

/// Codes of a metric that is there and may not be read.
const DENIED: [&str; 4] = ["Forbidden", "Unauthorized", "AuthorizationFailed", "AccessDenied"];

/// What one answer gave.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) measurements: Vec<Measurement>,
    /// Resources asked for that the answer leaves out.
    pub(super) missing: Vec<Arc<Item>>,
    /// Resources of which a metric failed in a way that passes, and the metrics.
    pub(super) failing: BTreeMap<String, BTreeSet<Arc<str>>>,
    /// What the principal may not read, with what Azure says of it.
    pub(super) denied: BTreeMap<Arc<str>, String>,
    /// Metrics Azure does not give, with what it says of them.
    pub(super) refused: BTreeMap<Arc<str>, String>,
    /// Points that lie in the future or are no numbers.
    pub(super) dropped: usize,
    /// Metrics with as many series as were asked for: there may be more.
    pub(super) cut: BTreeSet<Arc<str>>,
}

/// Reads an answer to the query. `now` is the time; what ends after it is not taken.
pub(super) fn read(query: &Query, answer: Vec<ResourceMetrics>, now: Timestamp) -> Answered {
    let mut answered = Answered::default();
    let mut asked: HashMap<&str, &Arc<Item>> =
        query.resources.iter().map(|item| (item.arm_id.as_str(), item)).collect();
    // The answer for one resource names it nowhere else than in the ids of its metrics.
    let only = if query.resources.len() == 1 { query.resources.first() } else { None };
    for one in answer {
        let arm_id = one.resourceid.to_lowercase();
        let item = asked.remove(arm_id.as_str());
        let item = item.or_else(|| only.filter(|_| arm_id.is_empty()).inspect(|_| asked.clear()));
        // Nobody asked for it, or it came before.
        let Some(item) = item else { continue };
        let mut seen = BTreeSet::new();
        for metric in one.value {
            // One that comes twice would be counted twice where series are summed.
            if seen.insert(metric.name.value.to_lowercase()) {
                read_metric(query, item, metric, now, &mut answered);
            }
        }
    }
    answered.missing =
        query.resources.iter().filter(|item| asked.contains_key(item.arm_id.as_str())).cloned().collect();
    answered
}

fn read_metric(query: &Query, item: &Item, metric: Metric, now: Timestamp, answered: &mut Answered) {
    let named = query.metrics.iter().find(|(name, _)| name.eq_ignore_ascii_case(&metric.name.value));
    let Some((name, statistics)) = named else { return };
    match metric.error_code.as_deref() {
        None | Some("" | "Success") => {}
        Some(code) if passing(code).is_some_and(|kind| kind != Failure::Refused) => {
            answered.failing.entry(item.arm_id.clone()).or_default().insert(name.clone());
            return;
        }
        Some(code) if DENIED.iter().any(|known| known.eq_ignore_ascii_case(code)) => {
            let message = metric.error_message.unwrap_or_default();
            answered.denied.entry(name.clone()).or_insert_with(|| format!("{code}: {message}"));
            return;
        }
        Some(code) => {
            let message = metric.error_message.unwrap_or_default();
            answered.refused.entry(name.clone()).or_insert_with(|| format!("{code}: {message}"));
        }
    }
    if metric.timeseries.len() >= SERIES_MAX {
        answered.cut.insert(name.clone());
    }
    let mut points: BTreeMap<(Statistic, Labels), Vec<(Timestamp, f64)>> = BTreeMap::new();
    for series in metric.timeseries {
        let Some(dimensions) = dimensions_of(query, &series) else { continue };
        for point in series.data {
            let end = point.start.plus(query.period);
            let is_asked = query.start <= point.start && end <= query.end;
            for statistic in statistics {
                let Some(value) = value_of(&point, *statistic) else { continue };
                if end > now || !value.is_finite() {
                    answered.dropped += 1;
                } else if is_asked {
                    points.entry((*statistic, dimensions.clone())).or_default().push((end, value));
                }
            }
        }
    }
    for ((statistic, dimensions), points) in points {
        answered.measurements.push(Measurement {
            namespace: query.namespace.clone(),
            metric: name.clone(),
            statistic: Arc::from(statistic.as_str()),
            resource: item.resource.id.clone(),
            dimensions,
            period: query.period,
            delay: query.delay,
            points,
        });
    }
}

/// The dimensions of a series under the names that were asked for: Azure gives them back in lower case. `None` where one is
/// not there, as in the empty series of a resource that has none.
fn dimensions_of(query: &Query, series: &TimeSeries) -> Option<Labels> {
    let mut dimensions = Labels::empty().edit();
    for wanted in &query.dimensions {
        let found = series.metadatavalues.iter().find(|one| one.name.value.eq_ignore_ascii_case(wanted))?;
        dimensions.set(wanted.as_str(), found.value.as_str());
    }
    Some(dimensions.build())
}

fn value_of(point: &Point, statistic: Statistic) -> Option<f64> {
    match statistic {
        Statistic::Average => point.average,
        Statistic::Minimum => point.minimum,
        Statistic::Maximum => point.maximum,
        Statistic::Total => point.total,
        Statistic::Count => point.count,
    }
}

#[cfg(test)]
mod tests;
