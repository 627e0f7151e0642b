//! Label names, label values and series, with the resources' descriptive labels joined.

use std::collections::{BTreeMap, BTreeSet};

use isobar_dashboards::{MetricMetadata, ReadError, SeriesCatalogue};
use isobar_normalizer::{Labels, Matcher, TimeRange};

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

    fn metadata(&self) -> Result<BTreeMap<String, Vec<MetricMetadata>>, ReadError> {
        let known = self.registry().iter().map(|metric| {
            let metadata = MetricMetadata {
                kind: metric.kind().as_str().to_owned(),
                help: metric.description().to_owned(),
                unit: metric.unit().to_string(),
            };
            (metric.name().to_owned(), vec![metadata])
        });
        Ok(known.collect())
    }
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
