//! The loops that look after the server itself: the store's maintenance, the disk reserve, and the rules about Isobar.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use isobar_alerting::{CentreHandle, DeliveryState, Facts, SelfRules, SourceFacts};
use isobar_store::Store;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock;
use crate::collect::{SourceHealth, SourceStatus, SourceStatuses};
use crate::ingest::Ingest;
use crate::reserve::{Held, Reserve};
use crate::resources::ResourceTable;
use crate::rules::hand_over;
use crate::serve::journal_events::WatchedJournal;
use crate::stages::Stages;
use crate::watermark::Watermarks;

/// Blocks are cut every two hours; looking twice a minute keeps the log short without costing anything.
const MAINTAIN_EVERY: Duration = Duration::from_secs(30);
/// A full disk is noticed within this time: writes are refused within a second.
const RESERVE_EVERY: Duration = Duration::from_millis(250);
/// A source that breaks is reported within two of its intervals; a second is a fraction of the shortest usual one.
const SELF_RULES_EVERY: Duration = Duration::from_secs(1);
/// Series silent for this long no longer have a state worth keeping: twice the longest lookback of a scrape.
const IDLE_AFTER: Duration = Duration::from_secs(10 * 60);

/// What the loops look after.
#[derive(Clone)]
pub struct Upkeep {
    pub data_dir: PathBuf,
    pub store: Store,
    pub ingest: Arc<Ingest>,
    pub statuses: Arc<SourceStatuses>,
    pub watermarks: Arc<Watermarks>,
    pub centre: CentreHandle,
    pub stages: Arc<Stages>,
    pub journal: Arc<WatchedJournal>,
    pub resources: Arc<ResourceTable>,
}

impl Upkeep {
    /// Starts the loops; they end when `stop` is cancelled.
    ///
    /// # Errors
    /// The data volume cannot be asked for its size.
    pub fn start(self, stop: &CancellationToken) -> Result<Vec<JoinHandle<()>>> {
        let mut reserve = Reserve::open(&self.data_dir).context("the disk reserve")?;
        let released = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let keeper = self.clone();
        let seen = released.clone();
        let mut before = Held::Kept;
        let reserving = tokio::spawn(every(RESERVE_EVERY, stop.clone(), move || {
            keeper.keep_reserve(&mut reserve, &mut before);
            seen.store(before == Held::GivenUp, std::sync::atomic::Ordering::Relaxed);
        }));
        let keeper = self.clone();
        let maintaining = tokio::spawn(every(MAINTAIN_EVERY, stop.clone(), move || keeper.maintain()));
        Ok(vec![reserving, maintaining, tokio::spawn(self.watch_self(released, stop.clone()))])
    }

    fn keep_reserve(&self, reserve: &mut Reserve, before: &mut Held) {
        let now = clock::now();
        match reserve.refresh() {
            Ok(Held::Kept) => {
                if *before == Held::GivenUp {
                    info!("the disk has room again; samples are taken");
                }
                self.store.set_writable(true);
                self.stages.finished("disk_reserve", RESERVE_EVERY, now);
                *before = Held::Kept;
            }
            Ok(Held::GivenUp) => {
                if *before == Held::Kept {
                    error!(
                        "the disk is full: samples are refused, alerts go on from the reserve; free some space"
                    );
                }
                self.store.set_writable(false);
                self.stages.failed(
                    "disk_reserve",
                    RESERVE_EVERY,
                    "the disk is full: samples are refused".to_owned(),
                    now,
                );
                *before = Held::GivenUp;
            }
            Err(error) => self.stages.failed("disk_reserve", RESERVE_EVERY, error.to_string(), now),
        }
        metrics::gauge!("isobar_disk_reserve_held").set(if *before == Held::Kept { 1.0 } else { 0.0 });
    }

    fn maintain(&self) {
        let now = clock::now();
        self.ingest.forget_idle(now.minus(IDLE_AFTER));
        if let Err(error) = self.journal.save_resources(&self.resources) {
            warn!(%error, "saving the inventory failed; it is tried again");
        }
        match self.store.maintain(now) {
            Ok(_) => self.stages.finished("store", MAINTAIN_EVERY, clock::now()),
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "maintaining the store failed; it is tried again"
                );
                self.stages.failed("store", MAINTAIN_EVERY, error.to_string(), clock::now());
            }
        }
    }

    async fn watch_self(self, reserve_released: Arc<std::sync::atomic::AtomicBool>, stop: CancellationToken) {
        let mut rules = SelfRules::restored(&self.centre.alerts());
        loop {
            let now = clock::now();
            let facts = self.facts(reserve_released.load(std::sync::atomic::Ordering::Relaxed));
            let (next, transitions) = rules.step(&facts, now);
            hand_over(&self.centre, transitions, &stop).await;
            rules = next;
            self.stages.finished("self_rules", SELF_RULES_EVERY, clock::now());
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SELF_RULES_EVERY) => {}
            }
        }
    }

    fn facts(&self, disk_reserve_released: bool) -> Facts {
        for state in [DeliveryState::Queued, DeliveryState::Failed, DeliveryState::Dead] {
            let count = self.centre.delivery_count(state);
            metrics::gauge!("isobar_delivery_pending_count", "state" => state.as_str()).set(count as f64);
        }
        Facts {
            sources: self.statuses.all().iter().map(|status| self.source_facts(status)).collect(),
            wal_damaged_records: self.store.stats().damaged_records,
            disk_reserve_released,
            deliveries: self.centre.delivery_facts(),
        }
    }

    fn source_facts(&self, status: &SourceStatus) -> SourceFacts {
        let (health, reason) = status.health();
        let progress = self.watermarks.progress(&status.name);
        let lag = progress.map_or(Duration::ZERO, |progress| clock::now().since(progress.complete));
        metrics::gauge!("isobar_source_lag_seconds", "source" => status.name.to_string())
            .set(lag.as_secs_f64());
        SourceFacts {
            name: status.name.to_string(),
            is_down: health == SourceHealth::Down,
            reason: reason.unwrap_or_default(),
            since: status.since(),
            lag,
            interval: status.interval,
        }
    }
}

/// Runs blocking work now and then again and again, never twice at once.
async fn every(pause: Duration, stop: CancellationToken, mut work: impl FnMut() + Send + 'static) {
    loop {
        let ran = tokio::task::spawn_blocking(move || {
            work();
            work
        });
        match ran.await {
            Ok(same) => work = same,
            Err(error) => {
                error!(%error, "an upkeep loop broke off");
                return;
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
