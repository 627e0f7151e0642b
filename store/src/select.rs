//! Reads series: the head, samples on their way into blocks, and blocks, merged.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{Labels, Matcher, TimeRange, Timestamp};

use crate::contract::{Contract, Periods};
use crate::error::SelectError;
use crate::head::read_chunks;
use crate::store::Store;

/// One series' samples inside the range asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSlice {
    /// The series.
    pub labels: Labels,
    /// The source that wrote it last.
    pub source: Arc<str>,
    /// Length of the period each of its latest samples covers; zero when unknown.
    pub period: Duration,
    /// How long after the end of a period its samples come.
    pub delay: Duration,
    /// Milliseconds since the epoch, strictly ascending.
    pub timestamps: Vec<i64>,
    /// One value per timestamp; staleness markers are still in.
    pub values: Vec<f64>,
    pub(crate) periods: Periods,
}

impl SeriesSlice {
    /// Length of the period the sample at `at` covers; zero when unknown.
    pub fn period_at(&self, at: Timestamp) -> Duration {
        Duration::from_millis(self.periods.at(at.millis()).into())
    }
}

/// Series, and what of them is known to be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Every series that has a sample that could be read, in the order of their labels.
    pub series: Vec<SeriesSlice>,
    /// What could not be read because of damage, by block. Usually empty.
    pub missing: Vec<Missing>,
}

/// Samples that may have been asked for and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The block's folder below `blocks/`.
    pub block: String,
    /// Where its samples lie.
    pub range: TimeRange,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block, range, reason } = self;
        write!(
            f,
            "samples between {} and {} may be missing: block {block} is damaged ({reason}); put its folder back from \
             a backup and restart, or remove it",
            range.start, range.end
        )
    }
}

/// What is promised about a series' samples, and when the last one came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The series.
    pub labels: Labels,
    /// The source that wrote it last.
    pub source: Arc<str>,
    /// Length of the period each sample covers; zero when unknown.
    pub period: Duration,
    /// How long after the end of a period the sample comes.
    pub delay: Duration,
    /// Time of the latest sample, staleness markers included.
    pub last_at: Timestamp,
}

/// A series and how far its samples reach.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The series.
    pub labels: Labels,
    /// The contract of its newest layer.
    pub contract: Contract,
    /// Time of its first sample.
    pub first: i64,
    /// Time of its last sample.
    pub last: i64,
}

impl Summary {
    fn extend(&mut self, newer: Self) {
        self.first = self.first.min(newer.first);
        self.last = self.last.max(newer.last);
        self.contract = newer.contract;
    }
}

const MIN: Timestamp = Timestamp::from_millis(i64::MIN);
const MAX: Timestamp = Timestamp::from_millis(i64::MAX);

/// Samples of one series as one layer of the store has them.
#[derive(Debug)]
pub struct Layer {
    /// The series.
    pub labels: Labels,
    /// Its contract in that layer.
    pub contract: Contract,
    /// Its periods in that layer.
    pub periods: Periods,
    /// Ascending.
    pub timestamps: Vec<i64>,
    /// One per timestamp.
    pub values: Vec<f64>,
}

impl Store {
    /// Every series that all matchers accept and that has a sample in the range, in the order of their labels. What
    /// damage has taken away is passed over; [`Store::read`] tells of it.
    ///
    /// # Errors
    /// More samples than `select_samples_max`, or the system did not let a block be read.
    pub fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<SeriesSlice>, SelectError> {
        self.read(matchers, range).map(|reading| reading.series)
    }

    /// The same, together with what is missing.
    ///
    /// # Errors
    /// As [`Store::select`].
    pub fn read(&self, matchers: &[Matcher], range: TimeRange) -> Result<Reading, SelectError> {
        self.read_at_most(matchers, range, self.inner.options.select_samples_max)
    }

    /// The same with a limit of the caller's, where that is lower.
    pub(crate) fn read_at_most(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        samples_max: usize,
    ) -> Result<Reading, SelectError> {
        let samples_max = samples_max.min(self.inner.options.select_samples_max);
        let mut left = samples_max;
        let mut admit = |samples: usize| {
            left = left.checked_sub(samples).ok_or(SelectError::TooManySamples(samples_max))?;
            Ok(())
        };
        let (start, end) = (range.start.millis(), range.end.millis());

        // Samples move from head to frozen to block, and are added to the next before they leave the last. Reading in
        // that order misses none; what is seen twice is merged below, where the newer layer wins.
        let mut newest_layers = Vec::new();
        for shard in &self.inner.shards {
            let head = shard.head.read();
            for series in head.matching(matchers) {
                if !series.bounds().is_some_and(|(first, last)| first <= end && start <= last) {
                    continue;
                }
                let (mut timestamps, mut values) = (Vec::new(), Vec::new());
                series.read(start, end, &mut timestamps, &mut values);
                admit(values.len())?;
                let (labels, contract) = (series.labels.clone(), series.contract.clone());
                let periods = series.periods().clone();
                newest_layers.push(Layer { labels, contract, periods, timestamps, values });
            }
        }
        let mut frozen_layers = Vec::new();
        let frozen = self.inner.frozen.read().clone();
        for series in frozen.iter().flat_map(|frozen| &frozen.series) {
            if !accepts(matchers, &series.labels) {
                continue;
            }
            let (mut timestamps, mut values) = (Vec::new(), Vec::new());
            read_chunks(&series.chunks, start, end, &mut timestamps, &mut values);
            admit(values.len())?;
            let (labels, contract) = (series.labels.clone(), series.contract.clone());
            let periods = series.periods.clone();
            frozen_layers.push(Layer { labels, contract, periods, timestamps, values });
        }
        let mut merged = Merged::default();
        let mut missing = self.inner.unopened_in(range);
        for block in self.inner.blocks_in(range) {
            let indices = &self.inner.indices;
            missing.extend(block.read(indices, matchers, range, &mut admit, |layer| merged.add(layer))?);
        }
        for layer in frozen_layers.into_iter().chain(newest_layers) {
            merged.add(layer);
        }
        Ok(Reading { series: merged.finish(), missing })
    }

    /// The labels of every series all matchers accept whose samples reach into the range, in order, each once. Those
    /// that damage has taken away are passed over.
    ///
    /// # Errors
    /// The system did not let a block be read.
    pub fn series(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, SelectError> {
        Ok(self.summaries_in(matchers, range)?.0.into_iter().map(|series| series.labels).collect())
    }

    /// Every series all matchers accept, with the times of its first and last sample; and what is missing.
    pub(crate) fn summaries(
        &self,
        matchers: &[Matcher],
    ) -> Result<(Vec<Summary>, Vec<Missing>), SelectError> {
        self.summaries_in(matchers, TimeRange { start: MIN, end: MAX })
    }

    fn summaries_in(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<(Vec<Summary>, Vec<Missing>), SelectError> {
        let (start, end) = (range.start.millis(), range.end.millis());
        let reaches = |first: i64, last: i64| first <= end && start <= last;
        // In the order of `select_at_most`; blocks come first in what is put together, so that newer contracts win.
        let mut newer = Vec::new();
        for shard in &self.inner.shards {
            let head = shard.head.read();
            for series in head.matching(matchers) {
                let Some((first, last)) = series.bounds().filter(|(first, last)| reaches(*first, *last))
                else {
                    continue;
                };
                let (labels, contract) = (series.labels.clone(), series.contract.clone());
                newer.push(Summary { labels, contract, first, last });
            }
        }
        let frozen = self.inner.frozen.read().clone();
        for series in frozen.iter().flat_map(|frozen| &frozen.series) {
            let first = series.chunks.iter().map(|chunk| chunk.first()).min().unwrap_or(i64::MAX);
            let last = series.chunks.iter().map(|chunk| chunk.last()).max().unwrap_or(i64::MIN);
            if reaches(first, last) && accepts(matchers, &series.labels) {
                let (labels, contract) = (series.labels.clone(), series.contract.clone());
                newer.push(Summary { labels, contract, first, last });
            }
        }
        let mut found: BTreeMap<Labels, Summary> = BTreeMap::new();
        let mut add = |series: Summary| match found.get_mut(&series.labels) {
            Some(known) => known.extend(series),
            None => {
                found.insert(series.labels.clone(), series);
            }
        };
        let mut missing = self.inner.unopened_in(range);
        for block in self.inner.blocks_in(range) {
            match block.summaries(&self.inner.indices, matchers, range)? {
                Ok(series) => series.into_iter().for_each(&mut add),
                Err(damage) => missing.push(damage),
            }
        }
        newer.into_iter().for_each(add);
        Ok((found.into_values().collect(), missing))
    }

    /// Names of all labels of those series, in order.
    ///
    /// # Errors
    /// As [`Store::series`].
    pub fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, SelectError> {
        let series = self.series(matchers, range)?;
        let names: BTreeSet<&str> =
            series.iter().flat_map(|labels| labels.iter().map(|(name, _)| name)).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    /// Values of one label over those series, in order.
    ///
    /// # Errors
    /// As [`Store::series`].
    pub fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, SelectError> {
        let series = self.series(matchers, range)?;
        let values: BTreeSet<&str> = series.iter().filter_map(|labels| labels.get(name)).collect();
        Ok(values.into_iter().map(str::to_owned).collect())
    }

    /// The freshness of every series of the head that all matchers accept, in no order. A series stays in the head for
    /// `idle_after` past its last sample.
    pub fn freshness(&self, matchers: &[Matcher]) -> Vec<Freshness> {
        let mut found = Vec::new();
        for shard in &self.inner.shards {
            let head = shard.head.read();
            for series in head.matching(matchers) {
                let Some(last_at) = series.last_at else { continue };
                found.push(Freshness {
                    labels: series.labels.clone(),
                    source: series.contract.source.clone(),
                    period: Duration::from_millis(series.contract.period_ms.into()),
                    delay: Duration::from_millis(series.contract.delay_ms.into()),
                    last_at: Timestamp::from_millis(last_at),
                });
            }
        }
        found
    }
}

/// Whether all matchers accept the labels.
pub fn accepts(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
}

/// Series put together from layers, which come oldest first.
#[derive(Debug, Default)]
struct Merged {
    places: HashMap<Labels, usize>,
    layers: Vec<Layer>,
}

impl Merged {
    fn add(&mut self, layer: Layer) {
        if layer.timestamps.is_empty() {
            return;
        }
        match self.places.get(&layer.labels) {
            Some(place) => self.layers[*place].overlay(layer),
            None => {
                self.places.insert(layer.labels.clone(), self.layers.len());
                self.layers.push(layer);
            }
        }
    }

    fn finish(mut self) -> Vec<SeriesSlice> {
        self.layers.sort_by(|a, b| a.labels.cmp(&b.labels));
        self.layers.into_iter().map(Layer::finish).collect()
    }
}

impl Layer {
    /// Lays a newer layer of the same series over this one: where both have a time, the newer value stays.
    fn overlay(&mut self, newer: Self) {
        self.contract = newer.contract;
        self.periods.extend(&newer.periods);
        let in_order = match (self.timestamps.last(), newer.timestamps.first()) {
            (Some(last), Some(first)) => last < first,
            _ => true,
        };
        if in_order {
            self.timestamps.extend(newer.timestamps);
            self.values.extend(newer.values);
            return;
        }
        let older = std::mem::take(&mut self.timestamps).into_iter().zip(std::mem::take(&mut self.values));
        let mut older = older.peekable();
        for (at, value) in newer.timestamps.into_iter().zip(newer.values) {
            while let Some((at, value)) = older.next_if(|(older_at, _)| *older_at < at) {
                self.timestamps.push(at);
                self.values.push(value);
            }
            older.next_if(|(older_at, _)| *older_at == at);
            self.timestamps.push(at);
            self.values.push(value);
        }
        for (at, value) in older {
            self.timestamps.push(at);
            self.values.push(value);
        }
    }

    fn finish(self) -> SeriesSlice {
        SeriesSlice {
            labels: self.labels,
            source: self.contract.source,
            period: Duration::from_millis(self.contract.period_ms.into()),
            delay: Duration::from_millis(self.contract.delay_ms.into()),
            timestamps: self.timestamps,
            values: self.values,
            periods: self.periods,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    fn layer(samples: &BTreeMap<i64, u8>) -> Layer {
        Layer {
            labels: Labels::empty(),
            contract: Contract { source: "s".into(), period_ms: 0, delay_ms: 0 },
            periods: Periods::default(),
            timestamps: samples.keys().copied().collect(),
            values: samples.values().map(|value| f64::from(*value)).collect(),
        }
    }

    proptest! {
        #[test]
        fn the_newest_layer_wins(layers in proptest::collection::vec(proptest::collection::btree_map(0..40_i64, any::<u8>(), 0..20), 1..5)) {
            let mut merged = Merged::default();
            let mut expected: BTreeMap<i64, u8> = BTreeMap::new();
            for samples in &layers {
                merged.add(layer(samples));
                expected.extend(samples);
            }
            let slices = merged.finish();
            let got: Vec<(i64, f64)> =
                slices.iter().flat_map(|slice| slice.timestamps.iter().copied().zip(slice.values.iter().copied())).collect();
            prop_assert_eq!(got, expected.into_iter().map(|(at, value)| (at, f64::from(value))).collect::<Vec<_>>());
        }
    }
}
