//! Series in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use isobar_normalizer::{Labels, Matcher, TimeRange};
use isobar_promql::{SeriesSource, SourceError, SourceSeries};

use crate::notation::Cell;

/// A store of series that also remembers where there would be native histograms, which it cannot hold.
#[derive(Debug, Default)]
pub struct Memory {
    series: BTreeMap<Labels, Samples>,
    histogram_read: AtomicBool,
    /// Hands out the series in reverse.
    pub reversed: bool,
}

#[derive(Debug, Default)]
struct Samples {
    values: BTreeMap<i64, f64>,
    histograms: Vec<i64>,
    lookback: Option<Duration>,
}

impl Memory {
    /// Adds cells from the epoch on, `interval` milliseconds apart.
    pub fn load(&mut self, labels: &Labels, interval: i64, cells: &[Cell]) {
        let samples = self.series.entry(labels.clone()).or_default();
        for (index, cell) in cells.iter().enumerate() {
            let at = interval * index as i64;
            match cell {
                Cell::Value(value) => drop(samples.values.insert(at, *value)),
                Cell::Histogram => samples.histograms.push(at),
                Cell::Missing => {}
            }
        }
    }

    pub fn insert(&mut self, labels: &Labels, at: i64, value: f64) {
        self.series.entry(labels.clone()).or_default().values.insert(at, value);
    }

    pub fn set_lookback(&mut self, labels: &Labels, lookback: Duration) {
        self.series.entry(labels.clone()).or_default().lookback = Some(lookback);
    }

    /// Whether a selection met a native histogram since this was last asked.
    pub fn took_histogram(&self) -> bool {
        self.histogram_read.swap(false, Ordering::Relaxed)
    }
}

impl SeriesSource for Memory {
    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<SourceSeries>, SourceError> {
        let (start, end) = (range.start.millis(), range.end.millis());
        let mut found = Vec::new();
        for (labels, samples) in &self.series {
            if !matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
            {
                continue;
            }
            if samples.histograms.iter().any(|at| (start..=end).contains(at)) {
                self.histogram_read.store(true, Ordering::Relaxed);
            }
            let (timestamps, values): (Vec<i64>, Vec<f64>) =
                if start > end { Default::default() } else { samples.values.range(start..=end).unzip() };
            if !timestamps.is_empty() {
                found.push(SourceSeries {
                    labels: labels.clone(),
                    timestamps,
                    values,
                    lookback: samples.lookback,
                });
            }
        }
        if self.reversed {
            found.reverse();
        }
        Ok(found)
    }

    fn lookback_max(&self) -> Duration {
        self.series.values().filter_map(|samples| samples.lookback).max().unwrap_or_default()
    }
}
