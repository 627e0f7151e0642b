//! Every metric of the estate that CloudWatch serves: names, units and cadence as the vendor documents them.

mod compute;
mod data;
mod edge;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::statistic::Sample;
use crate::estate::{Cloud, Estate, Identity, Millis};

/// A minute in milliseconds.
pub(crate) const MINUTE: Millis = 60_000;
/// A day in milliseconds.
pub(crate) const DAY: Millis = 24 * 60 * MINUTE;

/// One metric of a kind of resource, as its vendor's page has it.
pub(super) struct Native<R: 'static> {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// What is observed in `[from, to)`, none when nothing is published.
    pub(super) measure: fn(&R, Millis, Millis) -> Option<Sample>,
}

/// One metric of one resource.
pub(crate) struct Series {
    pub(crate) namespace: &'static str,
    pub(crate) name: &'static str,
    /// Sorted by name.
    pub(crate) dimensions: Vec<(&'static str, String)>,
    pub(crate) unit: &'static str,
    /// How long a stored period is.
    pub(crate) cadence: Millis,
    pub(crate) region: &'static str,
    /// From when and to when its resource exists.
    pub(crate) life: (Millis, Millis),
    measure: Box<dyn Fn(Millis, Millis) -> Option<Sample> + Send + Sync>,
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.key())
    }
}

impl Series {
    /// What names it in a region.
    pub(crate) fn key(&self) -> String {
        key(self.namespace, self.name, self.dimensions.iter().map(|(name, value)| (*name, value.as_str())))
    }

    /// What was observed in `[from, to)`, none when nothing was published.
    pub(crate) fn measure(&self, from: Millis, to: Millis) -> Option<Sample> {
        let exists = self.life.0 <= from && to <= self.life.1;
        exists.then(|| (self.measure)(from, to)).flatten()
    }
}

/// Names a metric: namespace, name and the dimensions in order.
pub(crate) fn key<'a>(
    namespace: &str,
    name: &str,
    dimensions: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut dimensions: Vec<_> = dimensions.into_iter().collect();
    dimensions.sort_unstable();
    let mut key = format!("{namespace}\n{name}");
    for (name, value) in dimensions {
        key.push_str(&format!("\n{name}={value}"));
    }
    key
}

/// All series of an account.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) series: Vec<Series>,
    by_key: HashMap<(&'static str, String), usize>,
}

impl Catalogue {
    pub(crate) fn new(estate: &Arc<Estate>) -> Self {
        let mut series = Vec::new();
        compute::add(estate, &mut series);
        data::add(estate, &mut series);
        edge::add(estate, &mut series);
        let by_key = series.iter().enumerate().map(|(index, it)| ((it.region, it.key()), index)).collect();
        Self { series, by_key }
    }

    /// Finds a series by region and [`key`].
    pub(crate) fn find(&self, region: &'static str, key: String) -> Option<&Series> {
        self.by_key.get(&(region, key)).map(|index| &self.series[*index])
    }

    /// The series of a region, in a stable order.
    pub(crate) fn of_region<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a Series> {
        self.series.iter().filter(move |series| series.region == region)
    }
}

/// How the metrics of one kind of resource are named and how often they come.
pub(super) struct Group<R: 'static> {
    pub(super) namespace: &'static str,
    pub(super) metrics: &'static [Native<R>],
    pub(super) all: fn(&Estate) -> &[R],
    pub(super) who: fn(&R) -> &Identity,
    pub(super) dimensions: fn(&R) -> Vec<(&'static str, String)>,
    pub(super) cadence: fn(&R) -> Millis,
}

impl<R: 'static> Group<R> {
    /// Adds the series of every resource of the kind at AWS.
    pub(super) fn add(&self, estate: &Arc<Estate>, series: &mut Vec<Series>) {
        let all = self.all;
        for (index, resource) in all(estate).iter().enumerate() {
            let who = (self.who)(resource);
            if who.place.cloud() != Cloud::Aws {
                continue;
            }
            let mut dimensions = (self.dimensions)(resource);
            dimensions.sort_unstable();
            for native in self.metrics {
                let (estate, measure) = (Arc::clone(estate), native.measure);
                series.push(Series {
                    namespace: self.namespace,
                    name: native.name,
                    dimensions: dimensions.clone(),
                    unit: native.unit,
                    cadence: (self.cadence)(resource),
                    region: who.place.region(),
                    life: (who.created, who.removed),
                    measure: Box::new(move |from, to| measure(&all(&estate)[index], from, to)),
                });
            }
        }
    }
}

/// The native id of a resource at AWS.
pub(super) fn native_id(who: &Identity) -> String {
    who.place.native_id().unwrap_or_default().to_owned()
}

/// One observation a minute.
pub(super) fn gauge(value: f64) -> Option<Sample> {
    Some(Sample::one(value))
}

/// Seconds in a span.
pub(super) fn seconds(from: Millis, to: Millis) -> f64 {
    (to - from) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    const ORIGIN: Millis = 1_795_000_020_000;

    fn series(catalogue: &Catalogue, namespace: &str, name: &str) -> Vec<(String, f64)> {
        let found = catalogue.series.iter().filter(|it| it.namespace == namespace && it.name == name);
        found.filter_map(|it| Some((it.key(), it.measure(ORIGIN - 60_000, ORIGIN)?.sum))).collect()
    }

    #[test]
    fn values_are_in_the_units_of_the_vendor() {
        let estate = Arc::new(Estate::new(1, ORIGIN, Scenario::QuietDay));
        let catalogue = Catalogue::new(&estate);
        // Metric and the range its sum over a minute must be in.
        let cases = [
            ("AWS/EC2", "CPUUtilization", 5.0, 95.0),
            ("AWS/EC2", "NetworkIn", 1e6, 1e9),
            ("AWS/EC2", "StatusCheckFailed", 0.0, 0.0),
            ("AWS/EBS", "VolumeReadBytes", 1e6, 1e9),
            ("AWS/EBS", "VolumeIdleTime", 0.0, 60.0),
            ("AWS/RDS", "FreeStorageSpace", 1e10, 1e12),
            ("AWS/RDS", "ReadLatency", 0.0002, 0.01),
            ("AWS/ElastiCache", "EngineCPUUtilization", 5.0, 80.0),
            ("AWS/ApplicationELB", "RequestCount", 1e3, 1e5),
            ("AWS/Lambda", "Duration", 1e4, 1e6),
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", 20.0, 400.0),
            ("AWS/NATGateway", "BytesOutToDestination", 1e7, 1e9),
        ];
        for (namespace, name, low, high) in cases {
            let found = series(&catalogue, namespace, name);
            assert!(!found.is_empty(), "{namespace} {name}");
            for (key, value) in found {
                assert!((low..=high).contains(&value), "{key}: {value}");
            }
        }
    }

    #[test]
    fn every_series_has_one_key() {
        let estate = Arc::new(Estate::new(1, ORIGIN, Scenario::QuietDay));
        let catalogue = Catalogue::new(&estate);
        assert_eq!(catalogue.series.len(), catalogue.by_key.len());
        assert!(catalogue.of_region("us-east-1").count() > 1_000, "several pages");
    }
}
