//! The collecting loops: every part of every source on its own jittered ticks, so that a slow one delays nobody.

mod freshness;
mod parts;
mod reach;
mod status;
mod trouble;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use isobar_collectors::{CollectError, Collected, Collector, Part, Window, next_tick};
use isobar_egress::Retry;
use isobar_normalizer::{SampleRun, Timestamp};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::clock;
use crate::ingest::{Delivery, Ingest, IngestError, refusals};
use crate::metadata::Said;
use freshness::Outcome;
use reach::Asked;

pub use freshness::BlockState;
pub use status::{PartHealth, SourceHealth, SourceStatus, SourceStatuses};

/// A collection that has not ended after this many of its intervals is given up, and at least after a minute.
const PATIENCE_INTERVALS: u32 = 4;
const PATIENCE_MIN: Duration = Duration::from_secs(60);
/// What a part saw that discovery does not name any more has left once every part there is was collected: a target under
/// another label is another part, and sees the same machine. A part that is collected more seldom is not waited for longer
/// than this, or two intervals of its source.
const SETTLED_AFTER: Duration = Duration::from_secs(10 * 60);

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

    /// Stops collecting for good. The parts that its successor does not have are read no more; what they saw has left the
    /// estate when the successor finds that no part of its own sees it. Where there is no successor, all of it has.
    pub async fn retire(self, successor: Option<&[Part]>) {
        let shared = self.shared.clone();
        let kept: Option<BTreeSet<Arc<str>>> =
            successor.map(|parts| parts.iter().map(|part| part.key.clone()).collect());
        for part in self.stop().await {
            match &kept {
                Some(kept) if kept.contains(&part.key) => {}
                Some(_) => end_part(&shared, &part).await,
                None => forget(&shared, &part).await,
            }
        }
        if kept.is_none() {
            shared.statuses.remove(&shared.source.name);
        }
    }
}

#[derive(Debug)]
struct Shared {
    source: Source,
    ingest: Arc<Ingest>,
    statuses: Arc<SourceStatuses>,
}

/// A part's loop, and what stops it.
type PartLoop = (CancellationToken, JoinHandle<()>);

/// Follows discovery: starts a loop for each part that comes, ends it for each that goes.
async fn follow_parts(shared: Arc<Shared>, stop: CancellationToken) -> Vec<Part> {
    let Source { name, interval, collector, .. } = &shared.source;
    let pause = collector.discovery_interval().map_or(*interval, |own| own.min(*interval));
    let mut loops: HashMap<Part, PartLoop> = HashMap::new();
    // Since when something may have left. At the start: what an earlier process or configuration saw.
    let mut unsettled_since = Some(Instant::now());
    loop {
        let found = tokio::select! {
            () = stop.cancelled() => break,
            found = tokio::time::timeout(patience(*interval), collector.parts()) => found,
        };
        let found = found.unwrap_or_else(|_| {
            let message = format!("discovery: no answer within {} s", patience(*interval).as_secs());
            Err(CollectError { message, retry: Retry::Backoff })
        });
        match found {
            Ok(parts) => {
                let keys: BTreeSet<Arc<str>> = parts.iter().map(|part| part.key.clone()).collect();
                if end_loops(&shared, &mut loops, &parts, &keys).await {
                    unsettled_since.get_or_insert_with(Instant::now);
                }
                if let Some(since) = unsettled_since
                    && (shared.statuses.are_all_tried(name, &keys)
                        || since.elapsed() >= SETTLED_AFTER.max(*interval * 2))
                {
                    settle(&shared, keys).await;
                    unsettled_since = None;
                }
                loops.retain(|part, (_, task)| {
                    let is_broken = task.is_finished() && !stop.is_cancelled();
                    if is_broken {
                        error!(
                            source = &**name,
                            part = &*part.key,
                            "its loop broke off; it is started again"
                        );
                        metrics::counter!("isobar_collect_loops_broken_total").increment(1);
                    }
                    !is_broken
                });
                let is_empty = parts.is_empty();
                for part in parts {
                    loops.entry(part).or_insert_with_key(|part| {
                        let stop = stop.child_token();
                        (stop.clone(), tokio::spawn(collect_part(shared.clone(), part.clone(), stop)))
                    });
                }
                shared.statuses.change(name, clock::now(), |status| {
                    status.discovery_failed = None;
                    status.tried |= is_empty;
                });
            }
            Err(error) => {
                warn!(source = &**name, %error, "discovery failed; the known parts go on");
                shared.statuses.change(name, clock::now(), |status| {
                    status.discovery_failed = Some(error.to_string());
                    status.tried = true;
                });
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    let mut parts = Vec::with_capacity(loops.len());
    for (part, (_, task)) in loops {
        let _ = task.await;
        parts.push(part);
    }
    parts
}

/// How long a call that is made every `interval` is waited for.
fn patience(interval: Duration) -> Duration {
    PATIENCE_MIN.max(interval * PATIENCE_INTERVALS)
}

/// Ends the loops of the parts that are not among `parts`; whether any part left. One whose interval changed is there under
/// its key.
async fn end_loops(
    shared: &Arc<Shared>,
    loops: &mut HashMap<Part, PartLoop>,
    parts: &[Part],
    keys: &BTreeSet<Arc<str>>,
) -> bool {
    let present: HashSet<&Part> = parts.iter().collect();
    let left: Vec<Part> = loops.keys().filter(|part| !present.contains(part)).cloned().collect();
    let mut has_left = false;
    for part in left {
        if let Some((stop, task)) = loops.remove(&part) {
            stop.cancel();
            let _ = task.await;
        }
        if !keys.contains(&part.key) {
            end_part(shared, &part).await;
            has_left = true;
        }
    }
    has_left
}

/// Takes out what only parts saw that are not there any more.
async fn settle(shared: &Arc<Shared>, parts: BTreeSet<Arc<str>>) {
    shared.statuses.change(&shared.source.name, clock::now(), |status| status.parts.retain(&parts));
    let in_task = shared.clone();
    let settling = move || in_task.ingest.keep_parts(&in_task.source.name, &parts, clock::now());
    if let Ok(Err(error)) = tokio::task::spawn_blocking(settling).await {
        warn!(source = &*shared.source.name, %error, "what left could not be written down; it is tried again");
    }
}

/// Writes the last words of a part that left the source.
async fn end_part(shared: &Arc<Shared>, part: &Part) {
    say_last(shared, part, Ingest::end_part).await;
}

/// Writes a part's last words and takes what it saw out of the estate.
async fn forget(shared: &Arc<Shared>, part: &Part) {
    say_last(shared, part, Ingest::forget).await;
}

type Ending = fn(&Ingest, &Arc<str>, &Arc<str>, Vec<SampleRun>, Timestamp) -> Result<(), IngestError>;

async fn say_last(shared: &Arc<Shared>, part: &Part, ending: Ending) {
    info!(source = &*shared.source.name, part = &*part.key, "left the source");
    let (in_task, ended) = (shared.clone(), part.clone());
    // A collector may have to wait for a page that is being read.
    let said = tokio::task::spawn_blocking(move || {
        let (now, Shared { source, ingest, .. }) = (clock::now(), &*in_task);
        ending(ingest, &source.name, &ended.key, source.collector.forget(&ended, now), now)
    });
    if let Ok(Err(error)) = said.await {
        warn!(source = &*shared.source.name, part = &*part.key, %error, "its end could not be stored");
    }
    shared.statuses.change(&shared.source.name, clock::now(), |status| {
        status.parts.remove(&part.key);
    });
}

/// One part's loop, on its own ticks.
async fn collect_part(shared: Arc<Shared>, part: Part, stop: CancellationToken) {
    let interval = part.interval.unwrap_or(shared.source.interval);
    // Over a reload a gap stays one; at a start nothing is known of it.
    let covered_before = shared.ingest.complete_until(&shared.source.name, &part.key);
    let mut covered = covered_before.unwrap_or_else(|| clock::now().minus(interval));
    let mut pause = Duration::ZERO;
    let mut is_first = shared.source.collector.answers_for_the_past();
    loop {
        let now = clock::now();
        let tick = if is_first { now } else { next_tick(&part.key, interval, now.plus(pause)) };
        is_first = false;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(tick.since(clock::now())) => {}
        }
        let window = Window { start: covered, end: tick };
        let patience = patience(interval);
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
        // What was read and could not be stored is read again, where the source can.
        if take(&shared, &part, tick, collected).await {
            covered = tick;
        }
    }
}

/// Stores what an attempt that began then brought, and notes how it went; whether the part was read and what came is stored.
async fn take(
    shared: &Arc<Shared>,
    part: &Part,
    began: Timestamp,
    collected: Result<Collected, CollectError>,
) -> bool {
    let mut failed = true;
    let mut watermark = None;
    let (failure, stored) = match collected {
        Err(error) => (Some(error.message), None),
        Ok(collected) => {
            let Source { name, kind, .. } = &shared.source;
            shared.statuses.costs().count(name, kind, &collected.calls, clock::now());
            failed = collected.failed;
            if let Some(report) = collected.alarms {
                shared.ingest.alarms().put(name, kind, &part.key, report);
            }
            watermark = collected.watermark;
            let failure = collected.failures.first().cloned();
            let delivery = Delivery {
                source: shared.source.name.clone(),
                part: part.key.clone(),
                runs: collected.runs,
                measurements: collected.measurements,
                resources: collected.resources,
                lists_all: collected.lists_all,
                metadata: collected.metadata.map_or(Said::Nothing, Said::All),
                watermark: collected.watermark,
                complete_since: collected.complete_since,
            };
            let ingest = shared.clone();
            match tokio::task::spawn_blocking(move || ingest.ingest.take(delivery, clock::now())).await {
                Ok(Ok(appended)) => (failure.or_else(|| refusals(&appended)), Some(appended)),
                Ok(Err(error)) => (Some(format!("storing: {error}")), None),
                Err(error) => (Some(format!("storing: {error}")), None),
            }
        }
    };
    let result = if failure.is_some() { "failed" } else { "ok" };
    metrics::counter!("isobar_collect_rounds_total", "source" => shared.source.name.to_string(), "result" => result).increment(1);
    shared.statuses.change(&shared.source.name, began, |status| {
        let every = part.interval.unwrap_or(status.interval);
        let SourceStatus { name, parts, .. } = &mut *status;
        let mut outcome = Outcome::Whole;
        parts.change(&part.key, |known| {
            // Told when it begins and when it ends: a target that is down for a day is one line, not thousands.
            match (&known.failure, &failure) {
                (None, Some(reason)) => {
                    warn!(source = &**name, part = &*part.key, reason, "collection fails");
                }
                (Some(_), None) => info!(source = &**name, part = &*part.key, "collection works again"),
                _ => {}
            }
            known.samples =
                stored.as_ref().map_or(0, |appended| (appended.stored + appended.unchanged) as u64);
            if failure.is_none() {
                known.last_success = Some(clock::now());
            }
            let asked = Asked {
                began,
                ended: clock::now(),
                failure: failure.as_deref(),
                has_data: known.samples > 0,
                watermark,
                interval: every,
            };
            known.reach = known.reach.after(&asked);
            known.failure = failure;
            known.failed = failed || stored.is_none();
            known.interval = part.interval;
            known.measures |= watermark.is_some();
            outcome = match known.health() {
                SourceHealth::Up => Outcome::Whole,
                SourceHealth::Degraded => Outcome::Partial,
                SourceHealth::Down => Outcome::Failed,
            };
        });
        status.strip.note(outcome, clock::now());
        status.tried = true;
    });
    stored.is_some()
}
