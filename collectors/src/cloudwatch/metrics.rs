//! Collects the metrics of one region.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use isobar_egress::Retry;
use isobar_normalizer::{Measurement, Timestamp};
use tokio::time::{Instant, sleep_until};

use super::account::Services;
use super::answer::{Answer, Dropped, Finished, date};
use super::call::{Caller, Failure, GET_METRIC_DATA};
use super::catalogue::{BundleKey, Catalogue, Place};
use super::collector::Asked;
use super::discovery::{self, Pages};
use super::plan::{self, Call, Read};
use super::progress::{Member, Progress, complete_since, watermark};
use crate::{CollectError, Collected};

/// Calls under way at once: enough to hide the way there, far from the 50 a second a region takes.
const CALLS_AT_ONCE: usize = 4;
/// No call is begun after this much of a collection: what is left is due next time.
const BEGIN_UNTIL: Duration = Duration::from_secs(35);
/// Pages of one call: one holds all points it has room for.
const PAGES_MAX: usize = 20;
/// What is told of one collection, in lines.
const FAILURES_MAX: usize = 20;

/// What is known of a region, between collections.
#[derive(Debug, Default)]
pub(super) struct RegionMetrics(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    catalogue: Arc<Catalogue>,
    discovered: Option<Timestamp>,
    /// Its resources were not handed over yet.
    is_untold: bool,
    progress: HashMap<BundleKey, Progress>,
}

/// What one collection brought so far.
#[derive(Debug, Default)]
struct Round {
    measurements: Vec<Measurement>,
    failures: BTreeSet<String>,
    first_failure: Option<Failure>,
    answered: usize,
    /// Bundles that were read, values or none, and those that could not be.
    read: usize,
    unread: usize,
    dropped: Dropped,
    /// AWS asked for fewer calls, will not answer them, or time is up.
    is_over: bool,
}

/// A region of an account as a collection of metrics sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region<'a> {
    pub(super) place: Place<'a>,
    pub(super) services: &'a Services,
    pub(super) asked: &'a Asked,
    pub(super) caller: &'a Caller,
}

impl RegionMetrics {
    /// Reads what is due. The lock is held between calls, never during one: a collection that is dropped loses nothing that
    /// came before.
    pub(super) async fn collect(
        &self,
        region: Region<'_>,
        now: Timestamp,
    ) -> Result<Collected, CollectError> {
        let started = Instant::now();
        let mut round = Round::default();
        if self.is_discovery_due(region.asked.discovery_interval, now)
            && let Err(failure) = self.discover(region, now).await
        {
            if self.known().discovered.is_none() {
                return Err(whole(&failure));
            }
            round.fail(failure);
        }
        for makes_up in [false, true] {
            let (calls, catalogue) = self.plan(region.asked, now, makes_up);
            self.run(region, &calls, &catalogue, &mut round, started, now).await;
            // A gap is made up when the present is there.
            if round.is_over || round.first_failure.is_some() {
                break;
            }
        }
        if round.answered == 0
            && let Some(failure) = &round.first_failure
        {
            return Err(whole(failure));
        }
        Ok(self.collected(round, region, now))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What is known is changed one bundle at a time, each in one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_discovery_due(&self, interval: Duration, now: Timestamp) -> bool {
        self.known().discovered.is_none_or(|before| now.since(before) >= interval)
    }

    async fn discover(&self, region: Region<'_>, now: Timestamp) -> Result<(), Failure> {
        let Asked { is_recently_active, mappings, extra, .. } = region.asked;
        let namespaces = region.asked.namespaces_in(region.place.region);
        let client = &region.services.cloudwatch;
        let listed = discovery::list(client, region.caller, &namespaces, *is_recently_active).await?;
        let catalogue = Catalogue::new(region.place, &listed, mappings, extra, now);
        let mut known = self.known();
        let present: BTreeSet<&BundleKey> = catalogue.bundles.iter().map(|bundle| &bundle.key).collect();
        known.progress.retain(|key, _| present.contains(key));
        known.catalogue = Arc::new(catalogue);
        known.discovered = Some(now);
        known.is_untold = true;
        Ok(())
    }

    fn plan(&self, asked: &Asked, now: Timestamp, makes_up: bool) -> (Vec<Call>, Arc<Catalogue>) {
        let known = self.known();
        let rules = asked.rules();
        let never = Progress::default();
        let mut reads = Vec::new();
        for (index, bundle) in known.catalogue.bundles.iter().enumerate() {
            let progress = known.progress.get(&bundle.key).unwrap_or(&never);
            let read = if makes_up { plan::owed } else { plan::newest };
            reads.extend(read(index, bundle, progress, &rules, now));
        }
        (plan::calls(reads, &known.catalogue.bundles), known.catalogue.clone())
    }

    /// Calls, a few at a time, until all are answered, one is throttled, or time is up.
    async fn run(
        &self,
        region: Region<'_>,
        calls: &[Call],
        catalogue: &Catalogue,
        round: &mut Round,
        started: Instant,
        now: Timestamp,
    ) {
        let mut begun = 0;
        let mut begin_at = Instant::now();
        let mut under_way: FuturesUnordered<BoxFuture<'_, Asking<'_>>> = FuturesUnordered::new();
        loop {
            let may_begin = begun < calls.len()
                && under_way.len() < CALLS_AT_ONCE
                && !round.is_over
                && started.elapsed() < BEGIN_UNTIL;
            if !may_begin && under_way.is_empty() {
                break;
            }
            tokio::select! {
                Some((call, answered)) = under_way.next(), if !under_way.is_empty() => match answered {
                    Ok(finished) => self.take(finished, catalogue, round, now),
                    Err(failure) => {
                        for read in &call.reads {
                            self.failed(read, catalogue, false, now);
                        }
                        round.unread += call.reads.len();
                        round.is_over |= failure.is_throttled || failure.retry == Retry::Never;
                        round.fail(failure);
                    }
                },
                () = sleep_until(begin_at), if may_begin => {
                    let call = &calls[begun];
                    under_way.push(ask(region, call, catalogue, now).boxed());
                    begun += 1;
                    // The next one waits for the points of this one.
                    begin_at = Instant::now() + call.pause();
                }
            }
        }
        let left = calls.len() - begun;
        if left > 0 {
            round.failures.insert(format!("GetMetricData: {left} calls are left for the next time"));
            round.is_over = true;
        }
    }

    fn take(&self, finished: Finished, catalogue: &Catalogue, round: &mut Round, now: Timestamp) {
        round.answered += 1;
        round.dropped.future += finished.dropped.future;
        round.dropped.not_finite += finished.dropped.not_finite;
        round.failures.extend(finished.messages);
        let mut unread: HashMap<String, (usize, String)> = HashMap::new();
        for of_bundle in finished.bundles {
            let read = &of_bundle.read;
            match of_bundle.outcome {
                Ok((seen, measurements)) => {
                    round.read += 1;
                    round.measurements.extend(measurements);
                    let mut known = self.known();
                    let progress = known.progress.entry(catalogue.bundles[read.bundle].key.clone());
                    let progress = progress.or_default();
                    if read.makes_up {
                        progress.made_up(read.window, seen, now);
                    } else {
                        progress.read(read.window, read.leaves, seen, now);
                    }
                }
                Err(why) => {
                    round.unread += 1;
                    self.failed(read, catalogue, why.is_final, now);
                    let example = catalogue.bundles[read.bundle].key.resource.as_str();
                    unread.entry(why.reason).or_insert_with(|| (0, example.to_owned())).0 += 1;
                }
            }
        }
        for (reason, (count, example)) in unread {
            round.failures.insert(format!("GetMetricData: what {example} has {reason} ({count} such)"));
        }
    }

    fn failed(&self, read: &Read, catalogue: &Catalogue, is_final: bool, now: Timestamp) {
        let mut known = self.known();
        let key = catalogue.bundles[read.bundle].key.clone();
        known.progress.entry(key).or_default().failed(is_final, now);
    }

    fn collected(&self, round: Round, region: Region<'_>, now: Timestamp) -> Collected {
        let failed = round.read == 0 && round.unread > 0;
        let Round { measurements, failures, dropped, .. } = round;
        let mut failures: Vec<String> = failures.into_iter().collect();
        let Dropped { future, not_finite } = dropped;
        if future > 0 {
            failures
                .push(format!("GetMetricData: {future} points of periods that are not over are left out"));
        }
        if not_finite > 0 {
            failures.push(format!("GetMetricData: {not_finite} points that are no number are left out"));
        }
        for (reason, count) in [("future", future), ("not_finite", not_finite)] {
            metrics::counter!("isobar_cloudwatch_points_dropped_total", "reason" => reason).increment(count);
        }
        if failures.len() > FAILURES_MAX {
            let more = failures.len() - FAILURES_MAX;
            failures.truncate(FAILURES_MAX);
            failures.push(format!("and {more} more"));
        }
        let (resources, lists_all) = {
            let mut known = self.known();
            let is_new = std::mem::take(&mut known.is_untold);
            (if is_new { known.catalogue.resources.clone() } else { Vec::new() }, is_new)
        };
        let (watermark, complete_since) = self.marks(region.asked, now);
        Collected {
            measurements,
            resources,
            lists_all,
            failures,
            failed,
            watermark,
            complete_since,
            ..Collected::default()
        }
    }

    /// Up to when the region is complete, and since when. One without metrics is, as far as they would be published.
    fn marks(&self, asked: &Asked, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        let known = self.known();
        let rules = asked.rules();
        let never = Progress::default();
        let members = || {
            known.catalogue.bundles.iter().map(|bundle| {
                let progress = known.progress.get(&bundle.key).unwrap_or(&never);
                let period = plan::period(bundle, progress.cadence);
                Member { progress, period, is_in_use: rules.is_in_use(bundle) }
            })
        };
        if known.catalogue.bundles.is_empty() {
            return (Some(now.minus(asked.empty_delay)), None);
        }
        (watermark(members(), now), complete_since(members(), now))
    }
}

impl Round {
    fn fail(&mut self, failure: Failure) {
        self.failures.insert(failure.message.clone());
        self.first_failure.get_or_insert(failure);
    }
}

fn whole(failure: &Failure) -> CollectError {
    CollectError { message: failure.message.clone(), retry: failure.retry }
}

/// A call and what came of it.
type Asking<'a> = (&'a Call, Result<Finished, Failure>);

/// One call with all its pages. Queries that fail inside CloudWatch are due again next time.
async fn ask<'a>(region: Region<'_>, call: &'a Call, catalogue: &'a Catalogue, now: Timestamp) -> Asking<'a> {
    let answered = read_pages(region, call, catalogue).await;
    (call, answered.map(|answer| answer.finish(now)))
}

async fn read_pages<'a>(
    region: Region<'_>,
    call: &'a Call,
    catalogue: &'a Catalogue,
) -> Result<Answer<'a>, Failure> {
    let mut answer = Answer::new(call, &catalogue.bundles);
    let client = &region.services.cloudwatch;
    let mut ask = client
        .get_metric_data()
        .set_metric_data_queries(Some(answer.queries()))
        .start_time(date(call.window.start))
        .end_time(date(call.window.end));
    let mut pages = Pages::new(PAGES_MAX);
    let mut billed = call.billed;
    loop {
        let page = region.caller.call(&GET_METRIC_DATA, billed, || ask.clone().send()).await?;
        // Whether further pages of one request are billed is not documented; the request is counted once.
        billed = 0;
        let token = page.next_token.clone();
        answer.page(page);
        match pages.next(&GET_METRIC_DATA, token)? {
            Some(token) => ask = ask.next_token(token),
            None => return Ok(answer),
        }
    }
}
