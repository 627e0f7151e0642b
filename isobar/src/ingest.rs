//! The one way in for samples: canonicalised, appended, remembered as progress. Blocking.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use isobar_journal::{APPEND_EVENTS_MAX, Journal, JournalError, NewEvent};
use isobar_normalizer::{Canonicaliser, Mappings, Matcher, Resource, SampleRun, TimeRange, Timestamp};
use isobar_store::{AppendError, Appended, SelectError, Store};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::metadata::{MetadataTable, Said};
use crate::resources::{KIND_RESOURCE, Record, ResourceTable};
use crate::series::LongestLookback;
use crate::watermark::Watermarks;

/// How far back the canonicaliser's state is read from the store at start: two samples of a five-minute period.
const RESTORE_PAST: Duration = Duration::from_secs(10 * 60);

/// What one delivery of a source brought.
#[derive(Debug)]
pub struct Delivery {
    /// Which source.
    pub source: Arc<str>,
    /// Which part of it; empty for what is pushed.
    pub part: Arc<str>,
    /// Raw measurements.
    pub runs: Vec<SampleRun>,
    /// Inventory seen on the way.
    pub resources: Vec<Resource>,
    /// What it says about metrics.
    pub metadata: Said,
    /// Up to when the part's data is complete now.
    pub watermark: Option<Timestamp>,
}

/// Takes deliveries into the store, the resource table, the metadata table and the watermarks.
#[derive(Debug)]
pub struct Ingest {
    store: Store,
    resources: Arc<ResourceTable>,
    metadata: Arc<MetadataTable>,
    watermarks: Arc<Watermarks>,
    journal: Arc<dyn Journal>,
    mappings: Arc<Mappings>,
    lookback: Arc<LongestLookback>,
    canonicalisers: Mutex<HashMap<Arc<str>, Arc<Mutex<Canonicaliser>>>>,
    arrived: Notify,
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
        mappings: Arc<Mappings>,
        lookback: Arc<LongestLookback>,
    ) -> Self {
        let (metadata, canonicalisers, arrived) = (Arc::default(), Mutex::default(), Notify::new());
        Self { store, resources, metadata, watermarks, journal, mappings, lookback, canonicalisers, arrived }
    }

    /// What sources say about metrics.
    pub fn metadata(&self) -> &Arc<MetadataTable> {
        &self.metadata
    }

    /// Reads the recent past of the series that mappings watch, so that rates go on over a restart.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn restore(&self, now: Timestamp) -> Result<(), SelectError> {
        for fresh in self.store.freshness(&[]) {
            self.lookback.note(fresh.period, fresh.delay);
        }
        let range = TimeRange { start: now.minus(RESTORE_PAST), end: now };
        for name in self.mappings.source_metrics() {
            for slice in self.store.select(&[Matcher::equal(isobar_normalizer::METRIC_NAME, name)], range)? {
                let source: Arc<str> = slice.source.clone();
                let samples =
                    slice.timestamps.iter().zip(&slice.values).map(|(at, value)| isobar_normalizer::Sample {
                        labels: slice.labels.clone(),
                        at: Timestamp::from_millis(*at),
                        value: *value,
                    });
                let run = SampleRun {
                    source: source.clone(),
                    period: slice.period,
                    delay: slice.delay,
                    samples: samples.collect(),
                };
                self.canonicaliser(&source).lock().restore(&run);
            }
        }
        Ok(())
    }

    /// Takes one delivery: what it returns is written to the operating system and visible to queries.
    ///
    /// # Errors
    /// The disk is full or fails; nothing of the delivery is then visible, and the watermark stays.
    pub fn take(&self, delivery: Delivery, now: Timestamp) -> Result<Appended, IngestError> {
        let Delivery { source, part, mut runs, mut resources, metadata, watermark } = delivery;
        {
            let canonicaliser = self.canonicaliser(&source);
            let mut canonicaliser = canonicaliser.lock();
            for index in 0..runs.len() {
                let canonical = canonicaliser.apply(&runs[index]);
                runs.extend(canonical.runs);
                resources.extend(canonical.resources);
            }
        }
        for run in &runs {
            self.lookback.note(run.period, run.delay);
        }
        let newest = runs.iter().flat_map(|run| &run.samples).map(|sample| sample.at).max();
        let appended = self.store.append(&runs, now)?;
        if let Some(newest) = newest {
            metrics::histogram!("isobar_ingest_freshness_seconds", "source" => source.to_string())
                .record(now.since(newest).as_secs_f64());
        }
        self.metadata.take(&source, &part, metadata, now);
        self.resources.see(&source, &part, resources);
        self.journal_changes(now)?;
        if let Some(watermark) = watermark {
            self.watermarks.advance(&source, &part, watermark);
        }
        self.arrived.notify_one();
        Ok(appended)
    }

    /// Takes the last words of a part that has left its source. It has left whatever becomes of them.
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
        let delivery = Delivery {
            source: source.clone(),
            part: part.clone(),
            runs: last,
            resources: Vec::new(),
            metadata: Said::Nothing,
            watermark: None,
        };
        let stored = self.take(delivery, now);
        // Gone before the watermark moves on without the part: no instant is judged in between.
        self.resources.forget_part(source, part, now);
        self.watermarks.forget(source, part);
        self.metadata.forget_part(source, part);
        self.arrived.notify_one();
        self.journal_changes(now)?;
        stored.map(drop)
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
        self.arrived.notify_one();
        self.journal_changes(now)
    }

    /// Waits until a delivery has come since the last call returned.
    pub async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Drops the state of series that have been silent since `before`, and what no sender has said about metrics since then.
    pub fn forget_idle(&self, before: Timestamp) {
        self.metadata.forget_idle(before);
        let canonicalisers: Vec<_> = self.canonicalisers.lock().values().cloned().collect();
        for canonicaliser in canonicalisers {
            canonicaliser.lock().forget_idle(before);
        }
    }

    fn canonicaliser(&self, source: &Arc<str>) -> Arc<Mutex<Canonicaliser>> {
        let mut all = self.canonicalisers.lock();
        let new = || Arc::new(Mutex::new(Canonicaliser::new(self.mappings.clone())));
        all.entry(source.clone()).or_insert_with(new).clone()
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
