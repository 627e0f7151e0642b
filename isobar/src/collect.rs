//! The collecting loops: every part of every source on its own jittered ticks, so that a slow one delays nobody.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use isobar_collectors::{CollectError, Collected, Collector, Part, Window, next_tick};
use isobar_egress::Retry;
use isobar_normalizer::Timestamp;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock;
use crate::ingest::{Delivery, Ingest};
use crate::metadata::Said;

/// A collection that has not ended after this many of its intervals is given up, and at least after a minute.
const PATIENCE_INTERVALS: u32 = 4;
const PATIENCE_MIN: Duration = Duration::from_secs(60);

/// How the parts of one source went last.
#[derive(Clone, Debug)]
pub struct SourceStatus {
    /// Configured name.
    pub name: Arc<str>,
    /// Configured kind.
    pub kind: &'static str,
    /// Configured interval.
    pub interval: Duration,
    parts: BTreeMap<Arc<str>, PartStatus>,
    discovery_failed: Option<String>,
    since: Timestamp,
}

#[derive(Clone, Debug, Default)]
struct PartStatus {
    failure: Option<String>,
    /// Nothing came at all.
    failed: bool,
    last_success: Option<Timestamp>,
    samples: u64,
}

/// Whether a source delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceHealth {
    /// Every part does.
    Up,
    /// Something came, something did not.
    Degraded,
    /// Nothing came from any part.
    Down,
}

impl SourceStatus {
    /// Whether it delivers, and if not, why: the first failing part's reason and how many more fail.
    pub fn health(&self) -> (SourceHealth, Option<String>) {
        let failing: Vec<&String> = self.parts.values().filter_map(|part| part.failure.as_ref()).collect();
        let reason = match (failing.as_slice(), &self.discovery_failed) {
            ([], None) => return (SourceHealth::Up, None),
            ([], Some(discovery)) => discovery.clone(),
            ([one], _) => (*one).clone(),
            ([first, rest @ ..], _) => format!("{first} (and {} more)", rest.len()),
        };
        let all = self.parts.values().all(|part| part.failed);
        (if all { SourceHealth::Down } else { SourceHealth::Degraded }, Some(reason))
    }

    /// When any part last succeeded.
    pub fn last_success(&self) -> Option<Timestamp> {
        self.parts.values().filter_map(|part| part.last_success).max()
    }

    /// Samples taken in the latest round of every part.
    pub fn samples_last_cycle(&self) -> u64 {
        self.parts.values().map(|part| part.samples).sum()
    }

    /// Since when the health is as it is.
    pub fn since(&self) -> Timestamp {
        self.since
    }
}

/// The statuses of all sources, shared with the API and the self rules.
#[derive(Debug, Default)]
pub struct SourceStatuses {
    all: Mutex<BTreeMap<Arc<str>, SourceStatus>>,
}

impl SourceStatuses {
    /// Every source, by name.
    pub fn all(&self) -> Vec<SourceStatus> {
        self.all.lock().values().cloned().collect()
    }

    fn add(&self, name: &Arc<str>, kind: &'static str, interval: Duration) {
        let (parts, discovery_failed) = (BTreeMap::new(), None);
        let status =
            SourceStatus { name: name.clone(), kind, interval, parts, discovery_failed, since: clock::now() };
        self.all.lock().insert(name.clone(), status);
    }

    fn remove(&self, name: &str) {
        self.all.lock().remove(name);
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut SourceStatus)) {
        if let Some(status) = self.all.lock().get_mut(name) {
            let before = status.health().0;
            change(status);
            if status.health().0 != before {
                status.since = clock::now();
            }
        }
    }
}

/// A source ready to run.
#[derive(Debug)]
pub struct Source {
    /// Configured name.
    pub name: Arc<str>,
    /// Configured kind.
    pub kind: &'static str,
    /// Configured interval.
    pub interval: Duration,
    /// What it collects with.
    pub collector: Box<dyn Collector>,
}

/// A running source: stopped and joined by its owner.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    stop: CancellationToken,
    task: JoinHandle<Vec<Part>>,
}

impl Running {
    /// Starts the source's loops.
    pub fn start(source: Source, ingest: Arc<Ingest>, statuses: Arc<SourceStatuses>) -> Self {
        let stop = CancellationToken::new();
        statuses.add(&source.name, source.kind, source.interval);
        let shared = Arc::new(Shared { source, ingest, statuses });
        Self { task: tokio::spawn(follow_parts(shared.clone(), stop.clone())), shared, stop }
    }

    /// Its source's configured name.
    pub fn name(&self) -> &Arc<str> {
        &self.shared.source.name
    }

    /// Stops collecting and waits for what is being stored; returns the parts it had. Their series are left as they are.
    pub async fn stop(self) -> Vec<Part> {
        self.stop.cancel();
        self.task.await.unwrap_or_else(|error| {
            warn!(source = &*self.shared.source.name, %error, "a collecting loop ended badly");
            Vec::new()
        })
    }

    /// Stops collecting for good; the parts that its successor does not keep have left the estate.
    pub async fn retire(self, kept: &[Part]) {
        let shared = self.shared.clone();
        for part in self.stop().await {
            if !kept.iter().any(|other| other.key == part.key) {
                forget(&shared, &part).await;
            }
        }
        shared.statuses.remove(&shared.source.name);
    }
}

#[derive(Debug)]
struct Shared {
    source: Source,
    ingest: Arc<Ingest>,
    statuses: Arc<SourceStatuses>,
}

/// Follows discovery: starts a loop for each part that comes, ends it for each that goes.
async fn follow_parts(shared: Arc<Shared>, stop: CancellationToken) -> Vec<Part> {
    let mut loops: HashMap<Part, (CancellationToken, JoinHandle<()>)> = HashMap::new();
    loop {
        match shared.source.collector.parts().await {
            Ok(parts) => {
                let left: Vec<Part> = loops.keys().filter(|part| !parts.contains(part)).cloned().collect();
                for part in left {
                    end_loop(&shared, loops.remove(&part), &part).await;
                }
                for part in parts {
                    loops.entry(part).or_insert_with_key(|part| {
                        let stop = stop.child_token();
                        (stop.clone(), tokio::spawn(collect_part(shared.clone(), part.clone(), stop)))
                    });
                }
                shared.statuses.change(&shared.source.name, |status| status.discovery_failed = None);
            }
            Err(error) => {
                warn!(source = &*shared.source.name, %error, "discovery failed; the known parts go on");
                shared
                    .statuses
                    .change(&shared.source.name, |status| status.discovery_failed = Some(error.to_string()));
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(shared.source.interval) => {}
        }
    }
    let mut parts = Vec::with_capacity(loops.len());
    for (part, (_, task)) in loops {
        let _ = task.await;
        parts.push(part);
    }
    parts
}

async fn end_loop(shared: &Arc<Shared>, running: Option<(CancellationToken, JoinHandle<()>)>, part: &Part) {
    if let Some((stop, task)) = running {
        stop.cancel();
        let _ = task.await;
    }
    forget(shared, part).await;
}

/// Writes a part's last words and takes it out of the estate.
async fn forget(shared: &Arc<Shared>, part: &Part) {
    info!(source = &*shared.source.name, part = &*part.key, "left the source");
    let now = clock::now();
    let last = shared.source.collector.forget(part, now);
    let (in_task, key) = (shared.clone(), part.key.clone());
    let forgot =
        tokio::task::spawn_blocking(move || in_task.ingest.forget(&in_task.source.name, &key, last, now))
            .await;
    if let Ok(Err(error)) = forgot {
        warn!(source = &*shared.source.name, part = &*part.key, %error, "its end could not be stored");
    }
    shared.statuses.change(&shared.source.name, |status| {
        status.parts.remove(&part.key);
    });
}

/// One part's loop, on its own ticks.
async fn collect_part(shared: Arc<Shared>, part: Part, stop: CancellationToken) {
    let interval = part.interval.unwrap_or(shared.source.interval);
    let mut covered = clock::now().minus(interval);
    let mut pause = Duration::ZERO;
    loop {
        let tick = next_tick(&part.key, interval, clock::now().plus(pause));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(tick.since(clock::now())) => {}
        }
        let window = Window { start: covered, end: tick };
        let patience = PATIENCE_MIN.max(interval * PATIENCE_INTERVALS);
        let collected = tokio::select! {
            () = stop.cancelled() => return,
            collected = tokio::time::timeout(patience, shared.source.collector.collect(&part, window)) => collected,
        };
        let collected = collected.unwrap_or_else(|_| {
            let message = format!("{}: no answer within {} s", part.key, patience.as_secs());
            Err(CollectError { message, retry: Retry::Backoff })
        });
        pause = match &collected {
            Ok(_) => Duration::ZERO,
            Err(error) => match error.retry {
                Retry::After(wait) => wait,
                Retry::Backoff => (pause * 2).clamp(interval, interval * 8),
                Retry::Never => interval,
            },
        };
        if collected.is_ok() {
            covered = tick;
        }
        take(&shared, &part, collected).await;
    }
}

/// Stores what came and notes how it went.
async fn take(shared: &Arc<Shared>, part: &Part, collected: Result<Collected, CollectError>) {
    let mut failed = true;
    let (failure, stored) = match collected {
        Err(error) => (Some(error.message), None),
        Ok(collected) => {
            failed = collected.failed;
            let failure = collected.failures.first().cloned();
            let delivery = Delivery {
                source: shared.source.name.clone(),
                part: part.key.clone(),
                runs: collected.runs,
                resources: collected.resources,
                metadata: collected.metadata.map_or(Said::Nothing, Said::All),
                watermark: collected.watermark,
            };
            let ingest = shared.clone();
            match tokio::task::spawn_blocking(move || ingest.ingest.take(delivery, clock::now())).await {
                Ok(Ok(appended)) => (failure, Some(appended)),
                Ok(Err(error)) => (Some(format!("storing: {error}")), None),
                Err(error) => (Some(format!("storing: {error}")), None),
            }
        }
    };
    if let Some(reason) = &failure {
        warn!(source = &*shared.source.name, part = &*part.key, reason, "collection failed");
    }
    let result = if failure.is_some() { "failed" } else { "ok" };
    metrics::counter!("isobar_collect_rounds_total", "source" => shared.source.name.to_string(), "result" => result).increment(1);
    shared.statuses.change(&shared.source.name, |status| {
        let known = status.parts.entry(part.key.clone()).or_default();
        known.samples = stored.as_ref().map_or(0, |appended| (appended.stored + appended.unchanged) as u64);
        if failure.is_none() {
            known.last_success = Some(clock::now());
        }
        known.failure = failure;
        known.failed = failed || stored.is_none();
    });
}
