//! The one way in for samples: canonicalised, appended, remembered as progress. Blocking.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use isobar_journal::{APPEND_EVENTS_MAX, Journal, JournalError, NewEvent};
use isobar_normalizer::{
    Canonicaliser, METRIC_NAME, Mappings, Matcher, Measurement, NativeMappings, Resource, Sample, SampleRun,
    TimeRange, Timestamp,
};
use isobar_store::{AppendError, Appended, SeriesSlice, Store};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tracing::warn;

use crate::alarms::AlarmInbox;
use crate::coverage::Coverage;
use crate::metadata::{MetadataTable, Said};
use crate::resources::{KIND_RESOURCE, Record, ResourceTable};
use crate::series::LongestLookback;
use crate::watermark::Watermarks;

/// What no sender repeats for so long about a metric is forgotten: they repeat it every minute or so.
const SAID_IDLE: Duration = Duration::from_secs(10 * 60);
/// Deliveries whose canonical samples wait for a disk that took the raw ones and then was full.
const UNWRITTEN_MAX: usize = 64;

/// What one delivery of a source brought.
#[derive(Debug)]
pub struct Delivery {
    /// Which source.
    pub source: Arc<str>,
    /// Which part of it; empty for what is pushed.
    pub part: Arc<str>,
    /// Raw measurements.
    pub runs: Vec<SampleRun>,
    /// What a cloud measured.
    pub measurements: Vec<Measurement>,
    /// Inventory seen on the way.
    pub resources: Vec<Resource>,
    /// Whether `resources` are all that the part has.
    pub lists_all: bool,
    /// What it says about metrics.
    pub metadata: Said,
    /// Up to when the part's data is complete now.
    pub watermark: Option<Timestamp>,
    /// Since when it is, where the past was read too.
    pub complete_since: Option<Timestamp>,
}

/// Takes deliveries into the store, the resource table, the metadata table and the watermarks.
#[derive(Debug)]
pub struct Ingest {
    store: Store,
    resources: Arc<ResourceTable>,
    metadata: Arc<MetadataTable>,
    watermarks: Arc<Watermarks>,
    journal: Arc<dyn Journal>,
    meanings: Meanings,
    coverage: Arc<Coverage>,
    alarms: AlarmInbox,
    lookback: Arc<LongestLookback>,
    /// How far ahead of `now` the store takes samples.
    future_max: Duration,
    deriving: Mutex<HashMap<Arc<str>, Arc<Mutex<Deriving>>>>,
    arrived: Notify,
}

/// What metrics mean.
#[derive(Clone, Debug, Default)]
pub struct Meanings {
    /// Of what comes as a stream of samples.
    pub streams: Arc<Mappings>,
    /// Of what clouds measure over periods.
    pub clouds: Arc<NativeMappings>,
}

/// How canonical samples come of one source's raw ones.
#[derive(Debug)]
struct Deriving {
    canonicaliser: Canonicaliser,
    /// The longest of this source's series.
    lookback: LongestLookback,
    /// Computed, and not stored yet because the disk was full.
    unwritten: Vec<SampleRun>,
}

/// Why a delivery was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The store refused it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A change of the inventory could not be journalled.
    #[error("journalling a change of the inventory: {0}")]
    Journal(#[from] JournalError),
}

impl Ingest {
    /// Wires the way in.
    pub fn new(
        store: Store,
        resources: Arc<ResourceTable>,
        watermarks: Arc<Watermarks>,
        journal: Arc<dyn Journal>,
        meanings: Meanings,
        lookback: Arc<LongestLookback>,
        future_max: Duration,
    ) -> Self {
        Self {
            store,
            resources,
            metadata: Arc::default(),
            watermarks,
            journal,
            meanings,
            coverage: Arc::default(),
            alarms: AlarmInbox::default(),
            lookback,
            future_max,
            deriving: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// What sources say about metrics.
    pub fn metadata(&self) -> &Arc<MetadataTable> {
        &self.metadata
    }

    /// What clouds measure and what of it is mapped.
    pub fn coverage(&self) -> &Arc<Coverage> {
        &self.coverage
    }

    /// What was seen of providers' own alarms, for the evaluator.
    pub fn alarms(&self) -> &AlarmInbox {
        &self.alarms
    }

    /// Reads the recent past of the series that mappings watch, so that rates go on over a restart. Where the store cannot
    /// be read they begin anew: no reason not to start.
    pub fn restore(&self, now: Timestamp) {
        for fresh in self.store.freshness(&[]) {
            self.lookback.note(fresh.period, fresh.delay);
        }
        // As far back as state is kept, see `forget_idle`.
        let range = TimeRange { start: now.minus(self.lookback.get() * 2), end: now };
        for name in self.meanings.streams.source_metrics() {
            match self.store.select(&[Matcher::equal(METRIC_NAME, name)], range) {
                Ok(slices) => slices.iter().for_each(|slice| self.restore_series(slice)),
                Err(error) => {
                    warn!(metric = name, %error, "its past could not be read: its rates begin anew")
                }
            }
        }
    }

    fn restore_series(&self, slice: &SeriesSlice) {
        let points = slice.timestamps.iter().zip(&slice.values);
        let sample = |(at, value): (&i64, &f64)| Sample {
            labels: slice.labels.clone(),
            at: Timestamp::from_millis(*at),
            value: *value,
        };
        let run = SampleRun {
            source: slice.source.clone(),
            period: slice.period,
            delay: slice.delay,
            samples: points.map(sample).collect(),
        };
        let deriving = self.deriving(&run.source);
        let mut deriving = deriving.lock();
        deriving.lookback.note(run.period, run.delay);
        deriving.canonicaliser.restore(&run);
    }

    /// Takes one delivery: what it returns is written to the operating system and visible to queries.
    ///
    /// # Errors
    /// The disk is full or fails. Part of the delivery may be visible; the watermark stays, and delivering the same again
    /// completes it.
    pub fn take(&self, delivery: Delivery, now: Timestamp) -> Result<Appended, IngestError> {
        let Delivery {
            source,
            part,
            mut runs,
            measurements,
            mut resources,
            lists_all,
            metadata,
            watermark,
            complete_since,
        } = delivery;
        runs.extend(self.meanings.clouds.align(&source, &measurements).runs);
        for run in &runs {
            self.lookback.note(run.period, run.delay);
        }
        let newest = runs.iter().flat_map(|run| &run.samples).map(|sample| sample.at).max();
        let raw = self.store.append(&runs, now)?;
        let appended = sum(raw, self.derive(&source, &runs, now, &mut resources)?);
        if let Some(newest) = newest {
            metrics::histogram!("isobar_ingest_freshness_seconds", "source" => source.to_string())
                .record(now.since(newest).as_secs_f64());
        }
        self.metadata.take(&source, &part, metadata, now);
        let measured = measurements.iter().map(|measurement| &measurement.resource);
        if lists_all {
            self.resources.list(&source, &part, resources, now);
        } else {
            self.resources.see(&source, &part, resources);
        }
        self.resources.see_measured(&source, &part, measured, now);
        self.journal_changes(now)?;
        if let Some(watermark) = watermark {
            let delay = runs.iter().map(|run| run.delay).max().unwrap_or_default();
            self.watermarks.advance(&source, &part, watermark, delay, complete_since);
        }
        self.coverage.see(&source, &part, &measurements, &self.meanings.clouds, now);
        self.arrived.notify_one();
        Ok(appended)
    }

    /// Computes what follows from raw samples that are stored, and stores it. One delivery of a source after the other: the
    /// value of a group that a late member corrects must not come after the correction.
    fn derive(
        &self,
        source: &Arc<str>,
        runs: &[SampleRun],
        now: Timestamp,
        resources: &mut Vec<Resource>,
    ) -> Result<Appended, AppendError> {
        let deriving = self.deriving(source);
        let mut deriving = deriving.lock();
        let Deriving { canonicaliser, lookback, unwritten } = &mut *deriving;
        for run in runs {
            lookback.note(run.period, run.delay);
            let canonical = canonicaliser.apply(&until(run, now.plus(self.future_max)));
            unwritten.extend(canonical.runs);
            resources.extend(canonical.resources);
        }
        if unwritten.is_empty() {
            return Ok(Appended::default());
        }
        let appended = self.store.append(unwritten, now);
        if appended.is_ok() {
            unwritten.clear();
        } else if let Some(beyond) = unwritten.len().checked_sub(UNWRITTEN_MAX) {
            let lost: usize = unwritten.drain(..beyond).map(|run| run.samples.len()).sum();
            metrics::counter!("isobar_ingest_canonical_lost_total").increment(lost as u64);
        }
        appended
    }

    /// Takes the last words of a part that is read no more. What it saw stays in the inventory until
    /// [`Ingest::keep_parts`] finds that no other part sees it.
    ///
    /// # Errors
    /// As [`Ingest::take`].
    pub fn end_part(
        &self,
        source: &Arc<str>,
        part: &Arc<str>,
        last: Vec<SampleRun>,
        now: Timestamp,
    ) -> Result<(), IngestError> {
        let delivery = Delivery {
            source: source.clone(),
            part: part.clone(),
            runs: last,
            measurements: Vec::new(),
            resources: Vec::new(),
            lists_all: false,
            metadata: Said::Nothing,
            watermark: None,
            complete_since: None,
        };
        let stored = self.take(delivery, now);
        self.metadata.forget_part(source, part);
        self.coverage.forget_part(source, part);
        stored.map(drop)
    }

    /// Takes the last words of a part that has left the estate with its source. It has left whatever becomes of them.
    ///
    /// # Errors
    /// As [`Ingest::take`]. What the journal does not take now it is handed again.
    pub fn forget(
        &self,
        source: &Arc<str>,
        part: &Arc<str>,
        last: Vec<SampleRun>,
        now: Timestamp,
    ) -> Result<(), IngestError> {
        let stored = self.end_part(source, part, last, now);
        // Gone before the watermark moves on without the part: no instant is judged in between.
        self.resources.forget_part(source, part, now);
        self.watermarks.forget(source, part);
        self.alarms.forget(source);
        self.arrived.notify_one();
        self.journal_changes(now)?;
        stored
    }

    /// Takes out what is known of other parts of the source than these: they left while nobody looked.
    ///
    /// # Errors
    /// The journal cannot be written; it is handed the changes again.
    pub fn keep_parts(
        &self,
        source: &str,
        parts: &BTreeSet<Arc<str>>,
        now: Timestamp,
    ) -> Result<(), IngestError> {
        self.resources.keep_parts(source, parts, now);
        self.watermarks.keep_parts(source, parts);
        self.alarms.keep_parts(source, parts);
        self.arrived.notify_one();
        self.journal_changes(now)
    }

    /// Up to when what this part brought is complete; `None` before its first data.
    pub fn complete_until(&self, source: &str, part: &str) -> Option<Timestamp> {
        self.watermarks.mark(source, part)
    }

    /// Waits until a delivery has come since the last call returned.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Drops the state of series that have been silent for twice the longest lookback of their source, in its own time: what
    /// is late is not silent. And what no sender has repeated about metrics.
    pub fn forget_idle(&self, now: Timestamp) {
        self.metadata.forget_idle(now.minus(SAID_IDLE));
        let all: Vec<_> =
            self.deriving.lock().iter().map(|(name, one)| (name.clone(), one.clone())).collect();
        for (source, deriving) in all {
            let newest = self.watermarks.progress(&source).map_or(now, |progress| progress.newest.min(now));
            let mut deriving = deriving.lock();
            let before = newest.minus(deriving.lookback.get() * 2);
            deriving.canonicaliser.forget_idle(before);
        }
    }

    fn deriving(&self, source: &Arc<str>) -> Arc<Mutex<Deriving>> {
        let new = || Deriving {
            canonicaliser: Canonicaliser::new(self.meanings.streams.clone()),
            lookback: LongestLookback::default(),
            unwritten: Vec::new(),
        };
        let mut all = self.deriving.lock();
        all.entry(source.clone()).or_insert_with(|| Arc::new(Mutex::new(new()))).clone()
    }

    fn journal_changes(&self, now: Timestamp) -> Result<(), IngestError> {
        let event = |record: &Record| NewEvent {
            kind: KIND_RESOURCE.to_owned(),
            actor: "isobar".to_owned(),
            payload: serde_json::to_vec(record).expect("a record holds only text and numbers"),
        };
        self.resources.write_down(|changes| {
            for some in changes.chunks(APPEND_EVENTS_MAX) {
                self.journal.append(now, some.iter().map(event).collect())?;
            }
            Ok(())
        })
    }
}

/// The run without the samples later than `newest`, which the store refuses: to the canonicaliser one from a clock that
/// runs ahead would make every sample after it look late, until the time it named has come.
fn until(run: &SampleRun, newest: Timestamp) -> Cow<'_, SampleRun> {
    if run.samples.iter().all(|sample| sample.at <= newest) {
        return Cow::Borrowed(run);
    }
    let samples = run.samples.iter().filter(|sample| sample.at <= newest).cloned().collect();
    Cow::Owned(SampleRun { samples, ..run.clone() })
}

fn sum(a: Appended, b: Appended) -> Appended {
    Appended {
        stored: a.stored + b.stored,
        unchanged: a.unchanged + b.unchanged,
        too_old: a.too_old + b.too_old,
        too_far_in_future: a.too_far_in_future + b.too_far_in_future,
        over_series_limit: a.over_series_limit + b.over_series_limit,
        invalid: a.invalid + b.invalid,
    }
}

/// What of an append was refused, with counts; `None` when nothing was.
pub fn refusals(appended: &Appended) -> Option<String> {
    let counts = [
        (appended.too_old, "samples are too old"),
        (appended.too_far_in_future, "samples are too far in the future"),
        (appended.over_series_limit, "samples are of series over the limit"),
        (appended.invalid, "samples have no labels, or labels too long to keep"),
    ];
    let told: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Known;
    use isobar_journal::MemoryJournal;
    use isobar_normalizer::Labels;
    use isobar_store::StoreOptions;

    const COUNTER: [(&str, &str); 3] =
        [(METRIC_NAME, "node_disk_reads_completed_total"), ("device", "sda"), ("instance", "db")];
    const UP: [(&str, &str); 3] = [(METRIC_NAME, "up"), ("device", ""), ("instance", "db")];
    const HOST: &str = "onprem:dc1::host:db";
    const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    struct Fixture {
        ingest: Ingest,
        store: Store,
        resources: Arc<ResourceTable>,
        _folder: tempfile::TempDir,
    }

    fn seconds(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    fn part(name: &str) -> Arc<str> {
        name.into()
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let options = StoreOptions::default();
            let future_max = options.future_max;
            let (store, _) = Store::open(folder.path(), options, START).unwrap();
            let resources: Arc<ResourceTable> = Arc::default();
            let ingest = Ingest::new(
                store.clone(),
                resources.clone(),
                Arc::default(),
                Arc::new(MemoryJournal::new()),
                Meanings { streams: Arc::new(Mappings::builtin()), clouds: Arc::default() },
                Arc::default(),
                future_max,
            );
            Self { ingest, store, resources, _folder: folder }
        }

        /// One sample of a part, and the watermark with it.
        fn take(
            &self,
            labels: [(&str, &str); 3],
            of: &str,
            at: Timestamp,
            value: f64,
            now: Timestamp,
        ) -> Result<Appended, IngestError> {
            let samples = vec![Sample { labels: Labels::from_pairs(labels).unwrap(), at, value }];
            let source: Arc<str> = "dc1".into();
            let run =
                SampleRun { source: source.clone(), period: Duration::ZERO, delay: Duration::ZERO, samples };
            let delivery = Delivery {
                source,
                part: of.into(),
                runs: vec![run],
                measurements: Vec::new(),
                resources: Vec::new(),
                lists_all: false,
                metadata: Said::Nothing,
                watermark: Some(at.min(now)),
                complete_since: None,
            };
            self.ingest.take(delivery, now)
        }

        fn count(&self, at: Timestamp, value: f64, now: Timestamp) -> Result<Appended, IngestError> {
            self.take(COUNTER, "", at, value, now)
        }

        /// Times in seconds from the start, and values.
        fn rates(&self) -> Vec<(u64, f64)> {
            let range = TimeRange { start: START, end: START.plus(Duration::from_secs(2 * 86_400)) };
            let rates = [Matcher::equal(METRIC_NAME, "system.disk.operation.rate")];
            let rates = self.store.select(&rates, range).unwrap();
            let points = rates.iter().flat_map(|slice| slice.timestamps.iter().zip(&slice.values));
            points.map(|(at, value)| (Timestamp::from_millis(*at).since(START).as_secs(), *value)).collect()
        }
    }

    #[test]
    fn a_clock_that_ran_ahead_hides_nothing_afterwards() {
        let fixture = Fixture::new();
        assert_eq!(fixture.count(seconds(86_400), 5.0, START).unwrap().too_far_in_future, 1);
        fixture.count(seconds(10), 10.0, seconds(10)).unwrap();
        fixture.count(seconds(20), 30.0, seconds(20)).unwrap();
        assert_eq!(fixture.rates(), [(20, 2.0)]);
    }

    #[test]
    fn what_a_full_disk_refused_is_whole_when_it_is_delivered_again() {
        let fixture = Fixture::new();
        fixture.count(seconds(10), 10.0, seconds(10)).unwrap();
        fixture.store.set_writable(false);
        for _ in 0..2 {
            let refused = fixture.count(seconds(20), 30.0, seconds(20));
            assert!(matches!(refused, Err(IngestError::Append(AppendError::DiskFull))), "{refused:?}");
        }
        fixture.store.set_writable(true);
        assert_eq!(fixture.count(seconds(20), 30.0, seconds(25)).unwrap().stored, 2, "raw and canonical");
        fixture.count(seconds(30), 60.0, seconds(30)).unwrap();
        assert_eq!(fixture.rates(), [(20, 2.0), (30, 3.0)]);
    }

    #[test]
    fn canonical_samples_that_found_the_disk_full_come_with_the_next() {
        let fixture = Fixture::new();
        fixture.count(seconds(10), 10.0, seconds(10)).unwrap();
        let source = part("dc1");
        let labels = Labels::from_pairs(COUNTER).unwrap();
        let samples = vec![Sample { labels, at: seconds(20), value: 30.0 }];
        let run =
            SampleRun { source: source.clone(), period: Duration::ZERO, delay: Duration::ZERO, samples };
        // The disk takes the raw samples and is full then.
        fixture.store.append(std::slice::from_ref(&run), seconds(20)).unwrap();
        fixture.store.set_writable(false);
        assert!(fixture.ingest.derive(&source, &[run], seconds(20), &mut Vec::new()).is_err());
        fixture.store.set_writable(true);
        fixture.count(seconds(20), 30.0, seconds(21)).unwrap();
        assert_eq!(fixture.rates(), [(20, 2.0)]);
    }

    #[test]
    fn what_is_late_is_not_idle() {
        let fixture = Fixture::new();
        let late = seconds(3600);
        fixture.count(seconds(10), 10.0, late).unwrap();
        fixture.ingest.forget_idle(late);
        fixture.count(seconds(20), 30.0, late).unwrap();
        assert_eq!(fixture.rates(), [(20, 2.0)]);
        // Another series of the source goes on for an hour without it.
        fixture.take(UP, "", late, 1.0, late).unwrap();
        fixture.ingest.forget_idle(late);
        fixture.count(seconds(30), 60.0, late).unwrap();
        assert_eq!(fixture.rates(), [(20, 2.0)], "the counter began anew");
    }

    #[test]
    fn a_machine_stays_while_another_part_may_see_it() {
        let fixture = Fixture::new();
        let (source, now) = (part("dc1"), seconds(10));
        let is_there = || matches!(fixture.resources.look_up(HOST), Known::Present(_));
        fixture.take(UP, "before", now, 1.0, now).unwrap();
        fixture.ingest.end_part(&source, &part("before"), Vec::new(), now).unwrap();
        assert!(is_there(), "its target may only have other labels now");
        assert_eq!(fixture.ingest.complete_until("dc1", "before"), Some(now));
        fixture.take(UP, "after", now, 1.0, now).unwrap();
        fixture.ingest.keep_parts("dc1", &BTreeSet::from([part("after")]), now).unwrap();
        assert!(is_there());
        assert_eq!(fixture.ingest.complete_until("dc1", "before"), None);
        fixture.ingest.end_part(&source, &part("after"), Vec::new(), now).unwrap();
        fixture.ingest.keep_parts("dc1", &BTreeSet::new(), now).unwrap();
        assert!(!is_there());
    }

    #[test]
    fn refusals_are_told_with_their_number() {
        let refused = Appended { over_series_limit: 3, stored: 5, too_old: 1, ..Appended::default() };
        let told = "1 samples are too old, 3 samples are of series over the limit";
        assert_eq!(refusals(&refused).as_deref(), Some(told));
        assert_eq!(refusals(&Appended { stored: 5, ..Appended::default() }), None);
    }
}
