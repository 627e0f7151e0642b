//! The canonicaliser: raw samples in, canonical samples beside them.
//!
//! It is a fold over what a source delivers: no clock, no I/O, and the same samples give the same result however the
//! source splits them over deliveries. What it emits is meant to be upserted by series and timestamp: a member of a
//! group that arrives late makes it emit the corrected value for the same timestamp again.

mod claim;
mod flow;
mod input;
mod state;
mod unwanted;

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Mappings, Resource, Sample, SampleRun, Timestamp};

use state::SourceState;

/// Computes canonical series from raw ones, with the state that rates and groups need.
///
/// Canonical values are finite, or the staleness marker where a series ends: an input has gone stale, is not a number,
/// or the result is missing (a division by zero, a counter with a gap). No value is ever made up.
#[derive(Debug)]
pub struct Canonicaliser {
    mappings: Arc<Mappings>,
    sources: HashMap<Arc<str>, SourceState>,
    stats: Stats,
}

/// What one run gave beside itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Canonical {
    /// Canonical samples with the run's source, period and delay; none or one run.
    pub runs: Vec<SampleRun>,
    /// The resources the run's samples measure, each once, in no order; `last_seen` is the time of their latest sample.
    pub resources: Vec<Resource>,
}

/// What the canonicaliser did not use, counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Samples of mapped series beyond the limit on their number.
    pub refused: u64,
    /// Mapped series whose labels name no resource; once per series.
    pub unidentified: u64,
    /// Samples of counters that are not newer than the one before.
    pub out_of_order: u64,
    /// Samples that came after their group's rounds were closed.
    pub late: u64,
    /// Values of series that another one feeds already.
    pub contested: u64,
}

impl Canonicaliser {
    /// Starts without any past.
    pub fn new(mappings: Arc<Mappings>) -> Self {
        Self { mappings, sources: HashMap::new(), stats: Stats::default() }
    }

    /// Takes a run of raw samples and computes what follows from it.
    ///
    /// Canonical series carry `__name__` (the dotted name), `resource_id`, `source`, `isobar_vantage` where there is
    /// one, and the metric's attributes; nothing descriptive.
    pub fn apply(&mut self, run: &SampleRun) -> Canonical {
        let mut samples = Vec::new();
        let resources = self.feed(run, false, &mut samples);
        let canonical =
            SampleRun { source: run.source.clone(), period: run.period, delay: run.delay, samples };
        let runs = if canonical.samples.is_empty() { Vec::new() } else { vec![canonical] };
        Canonical { runs, resources }
    }

    /// Takes a run that was applied before a restart, for its state alone.
    pub fn restore(&mut self, run: &SampleRun) {
        let stats = self.stats;
        self.feed(run, true, &mut Vec::new());
        self.stats = stats;
    }

    /// Drops the state of series whose latest sample is older than `before`.
    pub fn forget_idle(&mut self, before: Timestamp) {
        self.sources.retain(|_, state| state.forget_idle(before));
    }

    /// What it did not use so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn feed(&mut self, run: &SampleRun, is_restored: bool, out: &mut Vec<Sample>) -> Vec<Resource> {
        let state = match self.sources.get_mut(&run.source) {
            Some(state) => state,
            None => self.sources.entry(run.source.clone()).or_default(),
        };
        let gap_max = input::gap_max(run.period, run.delay);
        let mut wanted: Vec<&Sample> = Vec::new();
        for sample in &run.samples {
            if state.wants(&self.mappings, &run.source, &sample.labels, &mut self.stats) {
                wanted.push(sample);
            }
        }
        // Remote write may carry a backlog series by series; groups need it time by time.
        if !wanted.is_sorted_by_key(|sample| sample.at) {
            wanted.sort_by_key(|sample| sample.at);
        }
        for sample in wanted {
            state.take(&self.mappings, sample, gap_max, out, &mut self.stats);
        }
        state.settle(&self.mappings, is_restored, out, &mut self.stats)
    }
}

#[cfg(test)]
mod tests;
