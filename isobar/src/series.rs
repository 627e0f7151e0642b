//! Series as queries see them: canonical names under their aliases, descriptive labels joined, one vantage chosen.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use isobar_normalizer::{Labels, Matcher, Registry, TimeRange, is_stale};
use isobar_promql::{SeriesSource, SourceError, SourceSeries};
use isobar_store::{Reading, Store};

use crate::metadata::MetadataTable;
use crate::resources::{Described, ResourceTable};

/// Prometheus' lookback for series that carry no period.
const LOOKBACK: Duration = Duration::from_secs(5 * 60);

/// The label that says from where a quantity was seen.
const VANTAGE: &str = "isobar_vantage";

/// The label that joins a series to the resource table.
const RESOURCE_ID: &str = "resource_id";

/// The store, seen through the resource table.
#[derive(Clone, Debug)]
pub struct JoinedSeries {
    store: Store,
    resources: Arc<ResourceTable>,
    registry: Arc<Registry>,
    lookback: Arc<LongestLookback>,
    metadata: Arc<MetadataTable>,
}

/// The longest lookback any series may carry, so that queries read enough past.
#[derive(Debug)]
pub struct LongestLookback(AtomicU64);

impl Default for LongestLookback {
    fn default() -> Self {
        Self(AtomicU64::new(LOOKBACK.as_millis() as u64))
    }
}

impl LongestLookback {
    /// Takes in a freshness contract.
    pub fn note(&self, period: Duration, delay: Duration) {
        if let Some(lookback) = lookback(period, delay) {
            let millis = u64::try_from(lookback.as_millis()).unwrap_or(u64::MAX);
            self.0.fetch_max(millis, Ordering::Relaxed);
        }
    }

    /// It, so far.
    pub fn get(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl JoinedSeries {
    /// Joins the two.
    pub fn new(
        store: Store,
        resources: Arc<ResourceTable>,
        registry: Arc<Registry>,
        lookback: Arc<LongestLookback>,
        metadata: Arc<MetadataTable>,
    ) -> Self {
        Self { store, resources, registry, lookback, metadata }
    }

    /// The store below.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The canonical metrics.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What sources say about metrics.
    pub fn metadata_table(&self) -> &MetadataTable {
        &self.metadata
    }

    /// Splits matchers into those the store can answer and those on descriptive labels, aliases resolved.
    pub fn split(&self, matchers: &[Matcher]) -> (Vec<Matcher>, Vec<Matcher>) {
        let resolved =
            matchers.iter().map(|matcher| self.registry.resolve(matcher).unwrap_or_else(|| matcher.clone()));
        resolved.partition(|matcher| !is_descriptive(matcher.name()))
    }

    /// The labels of a series with its resource's descriptive labels added; its own labels win.
    pub fn join(&self, labels: &Labels, described: &HashMap<Box<str>, Described>) -> Labels {
        let Some(about) = labels.get(RESOURCE_ID).and_then(|id| described.get(id)) else {
            return labels.clone();
        };
        let mut joined = labels.edit();
        for (name, value) in about.iter().filter(|(name, _)| labels.get(name).is_none()) {
            joined.set(name, value);
        }
        joined.build()
    }

    /// The resource table's labels, by id.
    pub fn described(&self) -> HashMap<Box<str>, Described> {
        self.resources.labels()
    }
}

impl SeriesSource for JoinedSeries {
    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<SourceSeries>, SourceError> {
        self.select_noting(matchers, range).map(|(series, _)| series)
    }

    fn select_noting(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<(Vec<SourceSeries>, Vec<String>), SourceError> {
        let (stored, descriptive) = self.split(matchers);
        let read = self.store.read(&stored, range).map_err(|error| SourceError(error.to_string()))?;
        let Reading { series: slices, missing } = read;
        let described = self.described();
        let mut selected = Vec::with_capacity(slices.len());
        for slice in slices {
            let labels = self.join(&slice.labels, &described);
            if descriptive
                .iter()
                .all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
            {
                let lookback = lookback(slice.period, slice.delay);
                selected.push(SourceSeries {
                    labels,
                    timestamps: slice.timestamps,
                    values: slice.values,
                    lookback,
                });
            }
        }
        let names_vantage = stored.iter().any(|matcher| matcher.name() == VANTAGE);
        let selected = if names_vantage { selected } else { nearest_vantage(selected) };
        Ok((selected, missing.iter().map(ToString::to_string).collect()))
    }

    fn lookback_max(&self) -> Duration {
        self.lookback.get()
    }
}

/// `max(5 m, 2 × period + delay)` for a series that carries a period.
fn lookback(period: Duration, delay: Duration) -> Option<Duration> {
    (!period.is_zero()).then(|| LOOKBACK.max(period * 2 + delay))
}

/// Labels that live in the resource table; a raw series may carry one of its own, so they are matched after joining.
fn is_descriptive(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "cloud_provider",
        "cloud_account_id",
        "cloud_region",
        "cloud_availability_zone",
        "resource_type",
        "resource_name",
        "service_name",
    ];
    NAMES.contains(&name) || name.starts_with("tag_")
}

/// Where one quantity is seen from several places, keeps the guest's view, else the hypervisor's, else the engine's:
/// they are different numbers and are never averaged over.
fn nearest_vantage(series: Vec<SourceSeries>) -> Vec<SourceSeries> {
    if !series.iter().any(|one| one.labels.get(VANTAGE).is_some()) {
        return series;
    }
    let key_of = |labels: &Labels| labels.edit().remove(VANTAGE).build();
    let mut best: HashMap<Labels, u8> = HashMap::new();
    for one in &series {
        if let Some(rank) = rank(one) {
            best.entry(key_of(&one.labels)).and_modify(|known| *known = rank.min(*known)).or_insert(rank);
        }
    }
    let keeps =
        |one: &SourceSeries| rank(one).is_none_or(|rank| best.get(&key_of(&one.labels)) == Some(&rank));
    series.into_iter().filter(keeps).collect()
}

/// Nearer is smaller; a view whose every sample says "ended" is no view. `None` for series without a vantage.
fn rank(series: &SourceSeries) -> Option<u8> {
    let vantage = series.labels.get(VANTAGE)?;
    let alive = series.values.iter().any(|value| !is_stale(*value));
    Some(match vantage {
        _ if !alive => 9,
        "guest" => 0,
        "hypervisor" => 1,
        _ => 2,
    })
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::METRIC_NAME;

    use super::*;

    fn seen(vantage: &str, resource: &str, values: &[f64]) -> SourceSeries {
        let pairs = [(METRIC_NAME, "system.cpu.utilization"), (VANTAGE, vantage), (RESOURCE_ID, resource)];
        let timestamps = (0..values.len()).map(|i| i as i64 * 1000).collect();
        SourceSeries {
            labels: Labels::from_pairs(pairs).unwrap(),
            timestamps,
            values: values.to_vec(),
            lookback: None,
        }
    }

    fn vantages(series: Vec<SourceSeries>) -> Vec<(String, String)> {
        let told = |one: &SourceSeries, label: &str| one.labels.get(label).unwrap_or("none").to_owned();
        nearest_vantage(series).iter().map(|one| (told(one, RESOURCE_ID), told(one, VANTAGE))).collect()
    }

    #[test]
    fn the_guest_is_preferred_resource_by_resource() {
        let both = vec![
            seen("hypervisor", "a", &[0.2]),
            seen("guest", "a", &[0.3]),
            seen("hypervisor", "b", &[0.4]),
        ];
        let expected = [("a", "guest"), ("b", "hypervisor")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(vantages(both), expected);
    }

    #[test]
    fn a_guest_that_went_silent_gives_way() {
        let stale = isobar_normalizer::stale_marker();
        let both = vec![seen("guest", "a", &[stale]), seen("hypervisor", "a", &[0.2]), seen("", "c", &[1.0])];
        let expected = [("a", "hypervisor"), ("c", "none")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(vantages(both), expected);
    }

    #[test]
    fn lookback_grows_with_the_period() {
        assert_eq!(lookback(Duration::ZERO, Duration::ZERO), None);
        assert_eq!(lookback(Duration::from_secs(15), Duration::ZERO), Some(LOOKBACK));
        let cloud = lookback(Duration::from_secs(300), Duration::from_secs(120));
        assert_eq!(cloud, Some(Duration::from_secs(720)));
    }
}
