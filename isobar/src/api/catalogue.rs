//! Label names, label values and series, with the resources' descriptive labels joined.

use std::collections::{BTreeMap, BTreeSet};

use isobar_dashboards::{MetricMetadata, ReadError, SeriesCatalogue};
use isobar_normalizer::{CanonicalMetric, Labels, Matcher, MetricKind, MetricType, TimeRange};

use crate::series::JoinedSeries;

impl SeriesCatalogue for JoinedSeries {
    fn label_names(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<String>, ReadError> {
        let mut names = BTreeSet::new();
        for labels in self.joined(selectors, range)? {
            names.extend(labels.iter().map(|(name, _)| name.to_owned()));
        }
        Ok(names.into_iter().collect())
    }

    fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<String>, ReadError> {
        let mut values = BTreeSet::new();
        for labels in self.joined(selectors, range)? {
            values.extend(labels.get(name).map(str::to_owned));
        }
        Ok(values.into_iter().collect())
    }

    fn series(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        self.joined(selectors, range).map(|all| all.into_iter().collect())
    }

    /// The canonical metrics are told first, so that one entry a metric is theirs.
    fn metadata(&self) -> Result<BTreeMap<String, Vec<MetricMetadata>>, ReadError> {
        let canonical =
            self.registry().iter().map(|metric| (metric.name().to_owned(), vec![canonical(metric)]));
        let mut known: BTreeMap<String, Vec<MetricMetadata>> = canonical.collect();
        for (name, told) in self.metadata_table().by_name() {
            let entries = known.entry(name).or_default();
            for entry in told.into_iter().map(as_told) {
                if !entries.contains(&entry) {
                    entries.push(entry);
                }
            }
        }
        Ok(known)
    }
}

/// A canonical metric in Prometheus' words.
fn canonical(metric: &CanonicalMetric) -> MetricMetadata {
    let kind = match metric.kind() {
        MetricKind::Gauge => MetricType::Gauge,
        MetricKind::Cumulative => MetricType::Counter,
    };
    MetricMetadata {
        kind: kind.to_string(),
        help: metric.description().to_owned(),
        unit: metric.unit().to_string(),
    }
}

fn as_told(told: isobar_normalizer::MetricMetadata) -> MetricMetadata {
    MetricMetadata { kind: told.kind.to_string(), help: told.help, unit: told.unit }
}

impl JoinedSeries {
    /// Every label set that any of the alternatives accepts, descriptive labels joined.
    fn joined(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<BTreeSet<Labels>, ReadError> {
        let described = self.described();
        let everything = [Vec::new()];
        let mut found = BTreeSet::new();
        for matchers in if selectors.is_empty() { &everything } else { selectors } {
            let (stored, descriptive) = self.split(matchers);
            let labels = self.store().series(&stored, range).map_err(|error| ReadError(error.to_string()))?;
            let joined = labels.iter().map(|labels| self.join(labels, &described));
            found.extend(joined.filter(|labels| {
                descriptive
                    .iter()
                    .all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
            }));
        }
        Ok(found)
    }
}
