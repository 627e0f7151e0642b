//! What clouds measure, and what of it is mapped.

pub mod carried;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use isobar_normalizer::{Measurement, NativeMappings, Provider, Timestamp};
use parking_lot::Mutex;

/// A metric that has not come for so long is measured no more: the slowest are published once a day.
const IDLE_MS: i64 = 3 * 86_400_000;

/// One statistic of one metric, as far as somebody delivers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Who measures.
    pub provider: Provider,
    /// The provider's namespace.
    pub namespace: Arc<str>,
    /// The provider's metric.
    pub metric: Arc<str>,
    /// The provider's statistic.
    pub statistic: Arc<str>,
    /// The canonical metrics it feeds; empty when it is kept raw.
    pub canonical: BTreeSet<String>,
    /// Of how many resources.
    pub resources: usize,
    /// Which sources deliver it.
    pub sources: BTreeSet<Arc<str>>,
}

/// Namespace, metric, statistic.
type Key = (Provider, Arc<str>, Arc<str>, Arc<str>);

#[derive(Debug, Default)]
struct Seen {
    canonical: BTreeSet<String>,
    resources: usize,
    at: i64,
}

/// A source and a part of it.
type Seer = (Arc<str>, Arc<str>);

/// What each part of each source delivers.
#[derive(Debug, Default)]
pub struct Coverage {
    parts: Mutex<HashMap<Seer, HashMap<Key, Seen>>>,
}

impl Coverage {
    /// Notes what a delivery brought. What is collected more seldom stays as it was.
    pub fn see(
        &self,
        source: &Arc<str>,
        part: &Arc<str>,
        measurements: &[Measurement],
        mappings: &NativeMappings,
        now: Timestamp,
    ) {
        if measurements.is_empty() {
            return;
        }
        let mut fresh: HashMap<Key, (BTreeSet<String>, BTreeSet<&str>)> = HashMap::new();
        for one in measurements.iter().filter(|one| !one.points.is_empty()) {
            let (provider, ..) = one.resource.parts();
            let key = (provider, one.namespace.clone(), one.metric.clone(), one.statistic.clone());
            let (canonical, resources) = fresh.entry(key).or_default();
            // What one series of it feeds, all of its dimensions do: asking once for each resource is enough.
            if resources.insert(one.resource.as_str()) {
                let feeds = mappings.canonical_of(
                    &one.resource,
                    &one.namespace,
                    &one.metric,
                    &one.statistic,
                    &one.dimensions,
                );
                canonical.extend(feeds.into_iter().map(str::to_owned));
            }
        }
        let mut parts = self.parts.lock();
        let known = parts.entry((source.clone(), part.clone())).or_default();
        for (key, (canonical, resources)) in fresh {
            known.insert(key, Seen { canonical, resources: resources.len(), at: now.millis() });
        }
        known.retain(|_, seen| now.millis() - seen.at < IDLE_MS);
    }

    /// Drops what only this part delivered.
    pub fn forget_part(&self, source: &Arc<str>, part: &Arc<str>) {
        self.parts.lock().remove(&(source.clone(), part.clone()));
    }

    /// Everything that is delivered, by provider, namespace, metric and statistic.
    pub fn all(&self) -> Vec<Covered> {
        let parts = self.parts.lock();
        let mut all: BTreeMap<Key, Covered> = BTreeMap::new();
        for ((source, _), seen) in parts.iter() {
            for (key, seen) in seen {
                let (provider, namespace, metric, statistic) = key.clone();
                let covered = all.entry(key.clone()).or_insert_with(|| Covered {
                    provider,
                    namespace,
                    metric,
                    statistic,
                    canonical: BTreeSet::new(),
                    resources: 0,
                    sources: BTreeSet::new(),
                });
                covered.canonical.extend(seen.canonical.iter().cloned());
                covered.resources += seen.resources;
                covered.sources.insert(source.clone());
            }
        }
        all.into_values().collect()
    }

    /// How many statistics a source delivers that are mapped, and how many that are not.
    pub fn of_source(&self, source: &str) -> (usize, usize) {
        let parts = self.parts.lock();
        let keys: BTreeMap<&Key, bool> = parts
            .iter()
            .filter(|((name, _), _)| **name == *source)
            .flat_map(|(_, seen)| seen.iter().map(|(key, seen)| (key, !seen.canonical.is_empty())))
            .collect();
        let mapped = keys.values().filter(|is_mapped| **is_mapped).count();
        (mapped, keys.len() - mapped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobar_normalizer::Labels;
    use std::time::Duration;

    fn measured(metric: &str, instance: &str) -> Measurement {
        Measurement {
            namespace: "AWS/EC2".into(),
            metric: metric.into(),
            statistic: "Average".into(),
            resource: format!("aws:1:us-east-1:compute.instance:{instance}").parse().unwrap(),
            dimensions: Labels::from_pairs([("InstanceId", instance)]).unwrap(),
            period: Duration::from_secs(60),
            delay: Duration::ZERO,
            points: vec![(Timestamp::from_millis(60_000), 1.0)],
        }
    }

    #[test]
    fn what_is_delivered_is_told_mapped_or_not_and_ages() {
        let (coverage, mappings) = (Coverage::default(), NativeMappings::builtin());
        let (source, part, now): (Arc<str>, Arc<str>, _) =
            ("aws".into(), "r".into(), Timestamp::from_millis(0));
        let some = [measured("CPUUtilization", "a"), measured("CPUUtilization", "b"), measured("Odd", "a")];
        coverage.see(&source, &part, &some, &mappings, now);
        let told: Vec<_> = coverage
            .all()
            .into_iter()
            .map(|one| (one.metric.to_string(), one.canonical, one.resources))
            .collect();
        let cpu = BTreeSet::from(["system.cpu.utilization".to_owned()]);
        assert_eq!(told, [("CPUUtilization".to_owned(), cpu, 2), ("Odd".to_owned(), BTreeSet::new(), 1)]);
        assert_eq!(coverage.of_source("aws"), (1, 1));
        let later = Timestamp::from_millis(IDLE_MS);
        coverage.see(&source, &part, &some[..1], &mappings, later);
        assert_eq!(coverage.of_source("aws"), (1, 0));
        coverage.forget_part(&source, &part);
        assert_eq!(coverage.all(), []);
    }
}
