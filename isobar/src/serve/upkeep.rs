//! The loops that look after the server itself: the store's maintenance, the disk reserve, and the rules about Isobar.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use isobar_alerting::{Alert, CentreHandle, DeliveryState, Facts, SILENCE_ENDING, SelfRules, SourceFacts};
use isobar_normalizer::AlertClass;
use isobar_store::Store;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::api::REMOTE_WRITE;
use crate::clock;
use crate::collect::{SourceHealth, SourceStatus, SourceStatuses};
use crate::ingest::Ingest;
use crate::reserve::{Held, Reserve};
use crate::resources::ResourceTable;
use crate::rules::hand_over;
use crate::serve::checkpoints::CheckpointStatuses;
use crate::serve::journal_events::WatchedJournal;
use crate::stages::Stages;
use crate::watermark::Watermarks;

/// Blocks are cut every two hours; looking twice a minute keeps the log short without costing anything.
const MAINTAIN_EVERY: Duration = Duration::from_secs(30);
/// Blocks settle every two hours; a merge found a minute later is as good.
const COMPACT_EVERY: Duration = Duration::from_secs(60);
/// A full disk is noticed within this time: writes are refused within a second.
const RESERVE_EVERY: Duration = Duration::from_millis(250);
/// A source that breaks is reported within two of its intervals; a second is a fraction of the shortest usual one.
const SELF_RULES_EVERY: Duration = Duration::from_secs(1);
/// A journal that cannot be written, or an fsync that failed, is seen within this time and the next.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// An append takes milliseconds; a disk that does not answer for so long hangs.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);
/// A lane comes round every half minute, or after a try, which no timeout lets last as long as this.
const LANE_PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Senders push at least this often: Prometheus' default scrape interval.
const PUSH_INTERVAL: Duration = Duration::from_secs(60);

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
    pub metrics: PrometheusHandle,
    /// How long samples are kept, and what they were about.
    pub retention: Duration,
    /// How the places for checkpoints of the journal fare.
    pub checkpoints: Arc<CheckpointStatuses>,
}

impl Upkeep {
    /// Starts the loops; they end when `stop` is cancelled.
    ///
    /// # Errors
    /// The data volume cannot be asked for its size.
    pub fn start(self, stop: &CancellationToken) -> Result<Vec<JoinHandle<()>>> {
        let mut reserve = Reserve::open(&self.data_dir).context("the disk reserve")?;
        let mut before = reserve.held();
        let released = Arc::new(std::sync::atomic::AtomicBool::new(before == Held::GivenUp));
        let keeper = self.clone();
        let seen = released.clone();
        let reserving = tokio::spawn(every(RESERVE_EVERY, stop.clone(), move || {
            keeper.keep_reserve(&mut reserve, &mut before);
            seen.store(before == Held::GivenUp, std::sync::atomic::Ordering::Relaxed);
        }));
        let keeper = self.clone();
        let maintaining = tokio::spawn(every(MAINTAIN_EVERY, stop.clone(), move || keeper.maintain()));
        let (keeper, stopping) = (self.clone(), stop.clone());
        let compacting = tokio::spawn(every(COMPACT_EVERY, stop.clone(), move || keeper.compact(&stopping)));
        for (stage, interval) in [
            ("disk_reserve", RESERVE_EVERY),
            ("store", MAINTAIN_EVERY),
            ("self_rules", SELF_RULES_EVERY),
            ("journal", CHECK_EVERY),
            ("outbox", CHECK_EVERY),
            ("wal", CHECK_EVERY),
        ] {
            self.stages.started(stage, interval, clock::now());
        }
        let checking = tokio::spawn(self.clone().check_others(stop.clone()));
        let watching = tokio::spawn(self.watch_self(released, stop.clone()));
        Ok(vec![reserving, maintaining, compacting, checking, watching])
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
        // Nobody may be reading the metrics; what histograms have gathered is put away all the same.
        self.metrics.run_upkeep();
        self.ingest.forget_idle(now);
        self.resources.drop_gone(now.minus(self.retention));
        if let Err(error) = self.journal.save_resources(&self.resources) {
            warn!(%error, "saving the inventory failed; it is tried again");
        }
        if let Err(error) = self.journal.save_costs(self.statuses.costs()) {
            warn!(%error, "saving what collecting cost failed; it is tried again");
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

    /// Merges blocks until none are to be merged. It may take minutes, so it has its own loop, and ends with the server.
    fn compact(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match self.store.compact(|| !stop.is_cancelled()) {
                Ok(Some(done)) => info!(?done, "blocks were merged"),
                Ok(None) => return,
                Err(error) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "merging blocks failed; it is tried again"
                    );
                    return;
                }
            }
        }
    }

    /// Asks the stages that have no rounds of their own.
    async fn check_others(self, stop: CancellationToken) {
        loop {
            let journal = match tokio::time::timeout(CHECK_PATIENCE, self.centre.check()).await {
                Ok(checked) => checked.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer within {} s", CHECK_PATIENCE.as_secs())),
            };
            self.stages.ended("journal", CHECK_EVERY, journal, clock::now());
            let stuck: Vec<String> =
                self.centre.stuck_lanes(LANE_PATIENCE).iter().map(ToString::to_string).collect();
            let outbox = match stuck.as_slice() {
                [] => Ok(()),
                lanes => Err(format!("nothing is sent to {}: restart", lanes.join(", "))),
            };
            self.stages.ended("outbox", CHECK_EVERY, outbox, clock::now());
            let wal = self.store.sync_failure().map_or(Ok(()), |error| Err(error.to_string()));
            self.stages.ended("wal", CHECK_EVERY, wal, clock::now());
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(CHECK_EVERY) => {}
            }
        }
    }

    async fn watch_self(self, reserve_released: Arc<std::sync::atomic::AtomicBool>, stop: CancellationToken) {
        let mut rules = SelfRules::restored(&self.centre.alerts());
        loop {
            let now = clock::now();
            let released = reserve_released.load(std::sync::atomic::Ordering::Relaxed);
            let keeper = self.clone();
            // The store and the centre are asked under locks.
            let facts = match tokio::task::spawn_blocking(move || keeper.facts(released)).await {
                Ok(facts) => facts,
                Err(error) => {
                    error!(%error, "the rules about Isobar itself broke off");
                    return;
                }
            };
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
        let collected = self.statuses.all();
        let collected = collected.iter().map(|status| self.source_facts(status));
        let damage = self.store.damage();
        Facts {
            sources: collected.chain(self.pushed_facts()).collect(),
            wal_damaged_records: damage.wal_records,
            damaged_blocks: damage.blocks,
            disk_reserve_released,
            deliveries: self.centre.delivery_facts(),
            checkpoints: self.checkpoints.facts(),
            silences: self.centre.ending_silences(SILENCE_ENDING),
        }
    }

    /// What is pushed is never down, since nobody asks for it; but senders that fall silent leave it behind. Before the
    /// first push of this process nothing is known.
    fn pushed_facts(&self) -> Option<SourceFacts> {
        let progress = self.watermarks.progress(REMOTE_WRITE);
        let was_on = progress.is_some() || self.centre.any_alert(is_about_pushed);
        was_on.then(|| SourceFacts {
            name: REMOTE_WRITE.to_owned(),
            is_tried: progress.is_some(),
            is_down: false,
            reason: String::new(),
            since: progress.map_or_else(clock::now, |progress| progress.since),
            lag: self.lag(REMOTE_WRITE),
            interval: PUSH_INTERVAL,
        })
    }

    /// How far a source's data is behind what its provider may have published by now; nothing before its first data. The
    /// gauge shows how far it is behind the clock.
    fn lag(&self, source: &str) -> Duration {
        let progress = self.watermarks.progress(source);
        let lag = progress.map_or(Duration::ZERO, |progress| clock::now().since(progress.complete));
        metrics::gauge!("isobar_source_lag_seconds", "source" => source.to_owned()).set(lag.as_secs_f64());
        lag.saturating_sub(progress.map_or(Duration::ZERO, |progress| progress.delay))
    }

    fn source_facts(&self, status: &SourceStatus) -> SourceFacts {
        let (health, reason) = status.health();
        SourceFacts {
            name: status.name.to_string(),
            is_tried: status.is_tried(),
            is_down: health == SourceHealth::Down,
            reason: reason.unwrap_or_default(),
            since: status.since(),
            lag: self.lag(&status.name),
            interval: status.interval,
        }
    }
}

/// Whether an alert about Isobar itself is about what is pushed.
fn is_about_pushed(alert: &Alert) -> bool {
    alert.class == AlertClass::Own && alert.identity.get("source") == Some(REMOTE_WRITE)
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
