//! The journal, watched: whoever waits for live events hears of each append once it is durable.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use isobar_journal::{Event, Head, Journal, JournalError, NewEvent, SqliteJournal};
use isobar_normalizer::Timestamp;
use tokio::sync::watch;

use crate::cost::CostMeters;
use crate::resources::{KIND_RESOURCE, ResourceTable};

/// Events read at a time when state is folded from the journal.
const PAGE: usize = 4096;
/// The inventory is saved every so many events: folding them takes some milliseconds.
const SNAPSHOT_EVERY: u64 = 4096;
/// The name the inventory is saved under.
const SNAPSHOT: &str = "resources";
/// The name the month's costs are saved under.
const COSTS: &str = "costs";

/// A journal that tells how far it has come.
#[derive(Debug)]
pub struct WatchedJournal {
    inner: SqliteJournal,
    head: watch::Sender<u64>,
    /// Up to which event the inventory was saved, at least.
    saved: AtomicU64,
}

impl WatchedJournal {
    /// Watches this journal.
    pub fn new(inner: SqliteJournal) -> Self {
        let (head, _) = watch::channel(inner.head().seq);
        Self { inner, head, saved: AtomicU64::new(0) }
    }

    /// The number of the newest event, as it changes.
    pub fn heads(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Folds the snapshot of the inventory and every change since into the table.
    ///
    /// # Errors
    /// The journal cannot be read, or a record in it is not what its kind says.
    pub fn restore_resources(&self, table: &ResourceTable) -> anyhow::Result<()> {
        let mut after = 0;
        if let Some((upto, snapshot)) = self.inner.load_snapshot(SNAPSHOT)? {
            table.restore_all(&snapshot).context("the snapshot of the inventory")?;
            after = upto;
        }
        loop {
            let events = self.inner.read(after, PAGE)?;
            let Some(last) = events.last() else { return Ok(()) };
            after = last.seq;
            for event in events.iter().filter(|event| event.kind == KIND_RESOURCE) {
                table
                    .restore(&event.payload)
                    .map_err(|error| anyhow::anyhow!("journal event {}: {error}", event.seq))?;
            }
        }
    }

    /// Saves the inventory when many events have come since it was last saved, so that starting stays short.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn save_resources(&self, table: &ResourceTable) -> Result<(), JournalError> {
        let head = self.inner.head().seq;
        if head < self.saved.load(Ordering::Relaxed) + SNAPSHOT_EVERY {
            return Ok(());
        }
        // Changes journalled after `head` was read are in the snapshot too: folding them again changes nothing.
        self.inner.save_snapshot(SNAPSHOT, head, &table.snapshot())?;
        self.saved.store(head, Ordering::Relaxed);
        Ok(())
    }
}

impl WatchedJournal {
    /// Puts back what collecting has cost this month.
    ///
    /// # Errors
    /// The journal cannot be read, or the snapshot is none.
    pub fn restore_costs(&self, costs: &CostMeters) -> anyhow::Result<()> {
        match self.inner.load_snapshot(COSTS)? {
            Some((_, snapshot)) => costs.restore(&snapshot).context("the snapshot of what collecting costs"),
            None => Ok(()),
        }
    }

    /// Saves what collecting has cost this month. It is no fold of events: what a crash loses is the latest half minute.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn save_costs(&self, costs: &CostMeters) -> Result<(), JournalError> {
        match costs.changed() {
            Some(snapshot) => self.inner.save_snapshot(COSTS, self.inner.head().seq, &snapshot),
            None => Ok(()),
        }
    }
}

impl Journal for WatchedJournal {
    fn append(&self, at: Timestamp, events: Vec<NewEvent>) -> Result<Vec<Event>, JournalError> {
        let appended = self.inner.append(at, events)?;
        if let Some(last) = appended.last() {
            self.head.send_if_modified(|head| {
                let newer = last.seq > *head;
                *head = last.seq.max(*head);
                newer
            });
        }
        Ok(appended)
    }

    fn read(&self, after_seq: u64, limit: usize) -> Result<Vec<Event>, JournalError> {
        self.inner.read(after_seq, limit)
    }

    fn head(&self) -> Head {
        self.inner.head()
    }

    fn save_snapshot(&self, name: &str, upto_seq: u64, bytes: &[u8]) -> Result<(), JournalError> {
        self.inner.save_snapshot(name, upto_seq, bytes)
    }

    fn load_snapshot(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, JournalError> {
        self.inner.load_snapshot(name)
    }

    fn checkpoints(&self) -> Result<Vec<Head>, JournalError> {
        self.inner.checkpoints()
    }

    fn prune(&self, before_seq: u64) -> Result<Head, JournalError> {
        self.inner.prune(before_seq)
    }
}
