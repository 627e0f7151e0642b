//! Reads the metrics of one region: asks, takes apart what fails, and says up to when the region is complete.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use isobar_normalizer::{Measurement, NativeMappings, Provider, Timestamp};

use super::cadence::{Due, MARKING_MAX, Pace, Region, watermark};
use super::cloud::Audience;
use super::definitions::{Definitions, written};
use super::error::{ApiError, Failure};
use super::estate::Item;
use super::limits::Limit;
use super::plan::{Ask, Query, asks, fit, plan};
use super::points::{Answered, SERIES_MAX, read};
use super::rest::{Call, Rest, Round};
use super::wire::{Batch, ResourceMetrics};
use crate::InUse;

/// Calls under way at once for one region.
const AT_ONCE: usize = 4;
/// Failures told of one collection; the first ones say what is wrong.
const FAILURES_MAX: usize = 20;
/// The delay of a metric that no mapping knows. Source: Azure publishes platform metrics within three minutes.
const DELAY: Duration = Duration::from_secs(180);

/// What reading needs beside the region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) rest: &'a Rest,
    pub(super) definitions: &'a Definitions,
    pub(super) mappings: &'a NativeMappings,
    pub(super) in_use: &'a InUse,
    /// What the settings add, by namespace in lower case.
    pub(super) extra: &'a BTreeMap<String, Vec<Ask>>,
    pub(super) other_interval: Duration,
    pub(super) backfill: Duration,
}

/// One region of one subscription.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) subscription: &'a str,
    pub(super) region: &'a str,
    pub(super) items: &'a [Arc<Item>],
}

/// What a region gave.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) measurements: Vec<Measurement>,
    pub(super) failures: Vec<String>,
    /// The first error that left something unread.
    pub(super) error: Option<ApiError>,
    /// Whether any call gave something to read.
    pub(super) has_answer: bool,
    /// Whether all that was due failed, and nothing came.
    pub(super) has_failed: bool,
    pub(super) watermark: Option<Timestamp>,
    pub(super) complete_since: Option<Timestamp>,
}

/// One period of one namespace that is due.
struct Job {
    key: (Arc<str>, Duration),
    due: Due,
    members: BTreeSet<Arc<str>>,
    has_failed: bool,
}

impl Reader<'_> {
    /// Reads what is due. `region` is as it was after the last time, and is moved on by what came.
    pub(super) async fn read(
        &self,
        place: Place<'_>,
        region: &mut Region,
        now: Timestamp,
        round: &Round<'_>,
    ) -> Read {
        let (mut jobs, queries, pacing) = self.plan(place, region, now, round).await;
        let mut done = Read::default();
        self.ask(place, queries, &mut jobs, &mut done, now, round).await;
        let has_failed = jobs.iter().any(|job| job.has_failed);
        let all_failed = has_failed && jobs.iter().all(|job| job.has_failed);
        done.has_failed = all_failed && done.measurements.is_empty();
        let is_first = region.complete_since.is_none();
        for job in jobs.into_iter().filter(|job| !job.has_failed) {
            if job.key.1 == Duration::from_secs(60) && !job.members.is_empty() {
                let of_job = |one: &&Measurement| {
                    one.namespace == job.key.0 && one.period == job.key.1 && job.members.contains(&one.metric)
                };
                let used: Vec<Measurement> = done.measurements.iter().filter(of_job).cloned().collect();
                region.bulk.see(&used, job.key.1, job.due.stretch.end);
            }
            let track = region.tracks.entry(job.key).or_default();
            if is_first || track.leaves_gap(&job.due) {
                region.complete_since = region.complete_since.max(Some(job.due.stretch.start));
            }
            track.read(&job.due, job.members);
        }
        // One namespace that failed holds the whole region: an instant is judged once.
        if !has_failed {
            let complete = pacing.marking.iter().filter_map(|key| region.tracks.get(key)?.complete(key.1));
            done.watermark = Some(watermark(now, pacing.delay, complete, region.bulk));
            done.complete_since = region.complete_since;
        }
        done
    }

    async fn plan(
        &self,
        place: Place<'_>,
        region: &Region,
        now: Timestamp,
        round: &Round<'_>,
    ) -> (Vec<Job>, VecDeque<Query>, Pacing) {
        let mut by_namespace: BTreeMap<&Arc<str>, Vec<Arc<Item>>> = BTreeMap::new();
        for item in place.items {
            by_namespace.entry(&item.namespace).or_default().push(item.clone());
        }
        let (mut jobs, mut queries, mut pacing) = (Vec::new(), Vec::new(), Pacing::default());
        for (namespace, items) in by_namespace {
            let kind = items.first().map_or("", |item| item.resource.id.parts().3);
            let mapping = self.mappings.get(Provider::Azure, namespace, kind);
            let extra = self.extra.get(&namespace.to_lowercase()).map_or(&[][..], Vec::as_slice);
            let delay = mapping.map_or(DELAY, isobar_normalizer::NativeMapping::delay);
            let wanted = asks(mapping, extra, self.in_use);
            let known = match items.first() {
                Some(item) if !wanted.is_empty() => {
                    self.definitions.of(item, place.subscription, self.rest, round).await
                }
                _ => None,
            };
            let known = known.as_deref();
            let mut by_period: BTreeMap<Duration, Vec<Ask>> = BTreeMap::new();
            for ask in wanted.into_iter().filter_map(|ask| fit(ask, known)) {
                if !self.definitions.is_refused(namespace, &ask.metric) {
                    by_period.entry(ask.period).or_default().push(ask);
                }
            }
            for (period, asks) in by_period {
                let key = (namespace.clone(), period);
                let used = asks.iter().filter(|ask| ask.is_used).map(|ask| ask.metric.clone());
                let members: BTreeSet<Arc<str>> = used.collect();
                if period <= MARKING_MAX && !members.is_empty() {
                    pacing.marking.push(key.clone());
                }
                pacing.delay = pacing.delay.max(delay);
                let pace =
                    Pace { period, delay, other_interval: self.other_interval, backfill: self.backfill };
                let has_others = asks.iter().any(|ask| !ask.is_used);
                let track = region.tracks.get(&key).cloned().unwrap_or_default();
                let Some(due) = track.due(now, &pace, &members, has_others) else { continue };
                let (used, others): (Vec<Ask>, Vec<Ask>) = asks.into_iter().partition(|ask| ask.is_used);
                queries.extend(
                    plan(namespace, &used, &items, &due.stretch, known).into_iter().map(|query| (0, query)),
                );
                if due.with_others {
                    let others = plan(namespace, &others, &items, &due.stretch, known);
                    queries.extend(others.into_iter().map(|query| (1, query)));
                }
                jobs.push(Job { key, due, members, has_failed: false });
            }
        }
        // What somebody waits for, and of that the newest, comes first.
        queries.sort_by_key(|(rank, query)| (*rank, std::cmp::Reverse(query.end)));
        (jobs, queries.into_iter().map(|(_, query)| query).collect(), pacing)
    }

    async fn ask(
        &self,
        place: Place<'_>,
        mut queue: VecDeque<Query>,
        jobs: &mut [Job],
        done: &mut Read,
        now: Timestamp,
        round: &Round<'_>,
    ) {
        let mut told: BTreeSet<String> = BTreeSet::new();
        let mut dropped = 0;
        let mut is_denied = false;
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < AT_ONCE
                && let Some(query) = queue.pop_front()
            {
                under_way.push(async move {
                    let answer = self.call(place, &query, round).await;
                    (query, answer)
                });
            }
            let Some((query, answer)) = under_way.next().await else { break };
            let outcome = match answer {
                Ok(answer) => {
                    done.has_answer = true;
                    let answered = read(&query, answer, now);
                    dropped += answered.dropped;
                    self.go_on(&query, answered, done, &mut told)
                }
                Err(error) => {
                    is_denied |= error.kind == Failure::Denied;
                    self.take_apart(&query, error, &mut told)
                }
            };
            match outcome {
                Next::Ask(more) => queue.extend(more),
                Next::Unread(error) => {
                    fail(jobs, &query);
                    told.insert(error.message.clone());
                    done.error.get_or_insert(error);
                }
            }
            if is_denied {
                // Whoever may not read one may read none: the rest would only say it again.
                for query in queue.drain(..) {
                    fail(jobs, &query);
                }
            }
        }
        if dropped > 0 {
            metrics::counter!("isobar_collect_points_dropped_total", "kind" => "azure_monitor")
                .increment(dropped as u64);
            told.insert(format!("{}: {dropped} points lie in the future or are no numbers", place.region));
        }
        done.failures.extend(told.into_iter().take(FAILURES_MAX));
    }

    /// What an answer leaves to be asked.
    fn go_on(&self, query: &Query, answered: Answered, done: &mut Read, told: &mut BTreeSet<String>) -> Next {
        done.measurements.extend(answered.measurements);
        for (metric, message) in &answered.refused {
            self.tell_refused(query, metric, format!("{metric} of {}: {message}", query.namespace), told);
        }
        for metric in &answered.cut {
            told.insert(format!(
                "{} of {}: only the first {SERIES_MAX} series of a resource are read",
                metric, query.namespace
            ));
        }
        if let Some((metric, message)) = answered.denied.first_key_value() {
            let message = format!(
                "{}: {metric}: {message}; give the principal the role Monitoring Reader",
                about(query)
            );
            return Next::Unread(ApiError::new(Failure::Denied, message));
        }
        let mut more = Vec::new();
        if !answered.missing.is_empty() {
            more.push(Query { resources: answered.missing, ..query.clone() });
        }
        let mut failing: BTreeMap<BTreeSet<Arc<str>>, Vec<Arc<Item>>> = BTreeMap::new();
        for (arm_id, metrics) in answered.failing {
            let item = query.resources.iter().find(|item| item.arm_id == arm_id);
            failing.entry(metrics).or_default().extend(item.cloned());
        }
        for (names, resources) in failing {
            let metrics = query.metrics.iter().filter(|(name, _)| names.contains(name)).cloned().collect();
            more.push(Query { metrics, resources, ..query.clone() });
        }
        let mut next = Vec::new();
        for left in more {
            let error = ApiError::new(
                Failure::Transient,
                format!("{}: Azure left out {} resources", about(query), left.resources.len()),
            );
            // The same question again would be answered the same: it has to be a smaller one.
            match self.smaller(&left, query) {
                Some(smaller) => next.extend(smaller),
                None => return Next::Unread(error),
            }
        }
        Next::Ask(next)
    }

    /// What to ask instead of a question that failed.
    fn take_apart(&self, query: &Query, error: ApiError, told: &mut BTreeSet<String>) -> Next {
        let waits = matches!(error.retry, isobar_egress::Retry::After(_));
        match error.kind {
            Failure::Denied | Failure::Unreachable => Next::Unread(error),
            Failure::Throttled if waits => Next::Unread(error),
            Failure::Throttled | Failure::Transient | Failure::Unreadable => {
                self.smaller(query, query).map_or(Next::Unread(error), Next::Ask)
            }
            Failure::Refused => match query.metric_halves() {
                Some(halves) if self.rest.budget.spend(2) => Next::Ask(halves.into()),
                Some(_) => Next::Unread(error),
                None => {
                    // One metric that Azure does not know is no reason to hold back the others.
                    if let Some((metric, _)) = query.metrics.first() {
                        self.definitions.refuse(&query.namespace, metric);
                        self.tell_refused(query, metric, error.message, told);
                    }
                    Next::Ask(Vec::new())
                }
            },
        }
    }

    /// Tells of a metric Azure does not give, where somebody asked for it by name. Of those that are mapped not every
    /// resource has all.
    fn tell_refused(&self, query: &Query, metric: &str, message: String, told: &mut BTreeSet<String>) {
        let extra = self.extra.get(&query.namespace.to_lowercase()).into_iter().flatten();
        if extra.into_iter().any(|ask| *ask.metric == *metric) {
            told.insert(message);
        } else {
            tracing::debug!(metric, message, "not given");
        }
    }

    /// A question in smaller parts: by half of the resources each, and a single one by itself where it was not asked so.
    /// `None` where it cannot be smaller, or too much was asked again already.
    fn smaller(&self, left: &Query, asked: &Query) -> Option<Vec<Query>> {
        let parts: Vec<Query> = match left.halves() {
            _ if left.resources.len() < asked.resources.len() => vec![left.clone()],
            Some(halves) => halves.into(),
            None if left.metrics.len() < asked.metrics.len() => vec![left.clone()],
            None => return None,
        };
        let requests = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        self.rest.budget.spend(requests).then_some(parts)
    }

    /// Asks in a batch; a single resource whose batch fails is asked for at the resource manager, which answers apart from
    /// the data plane.
    async fn call(
        &self,
        place: Place<'_>,
        query: &Query,
        round: &Round<'_>,
    ) -> Result<Vec<ResourceMetrics>, ApiError> {
        let batched = self.batch(place, query, round).await;
        match (batched, query.resources.as_slice()) {
            (Ok(batch), resources) if !batch.values.is_empty() || resources.is_empty() => Ok(batch.values),
            (Ok(_), [item]) if self.rest.budget.spend(1) => self.single(place, query, item, round).await,
            (Ok(_), _) => Err(ApiError::new(
                Failure::Transient,
                format!("{}: Azure answers with nothing", about(query)),
            )),
            (Err(error), [item])
                if error.is_passing() && error.kind != Failure::Unreachable && self.rest.budget.spend(1) =>
            {
                self.single(place, query, item, round).await
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn batch(&self, place: Place<'_>, query: &Query, round: &Round<'_>) -> Result<Batch, ApiError> {
        let base = self.rest.endpoints.metrics_of(place.region).ok_or_else(|| {
            ApiError::new(Failure::Refused, format!("{:?} makes no metrics endpoint", place.region))
        })?;
        let path = format!("/subscriptions/{}/metrics:getBatch", place.subscription);
        let mut parameters = parameters(query, "filter");
        parameters.push(("top", SERIES_MAX.to_string()));
        parameters.push(("starttime", query.start.to_string()));
        parameters.push(("endtime", query.end.to_string()));
        let ids: Vec<&str> = query.resources.iter().map(|item| item.arm_id.as_str()).collect();
        let call = Call {
            operation: "Metrics.Batch",
            about: about(query),
            audience: Audience::Metrics,
            limit: Limit::Metrics(place.region.into()),
            url: super::arm::under(&base, &path, &borrowed(&parameters))?,
            body: Some(serde_json::json!({ "resourceids": ids }).to_string()),
        };
        self.rest.call(&call, round).await
    }

    async fn single(
        &self,
        place: Place<'_>,
        query: &Query,
        item: &Item,
        round: &Round<'_>,
    ) -> Result<Vec<ResourceMetrics>, ApiError> {
        let path = format!("{}/providers/Microsoft.Insights/metrics", item.arm_id);
        let mut parameters = parameters(query, "$filter");
        // Here it is allowed beside a filter only.
        if !query.dimensions.is_empty() {
            parameters.push(("top", SERIES_MAX.to_string()));
        }
        parameters.push(("timespan", format!("{}/{}", query.start, query.end)));
        let url = self.rest.arm_url(&path, &borrowed(&parameters))?;
        let call = self.rest.arm_get("Metrics.List", about(query), place.subscription, url);
        let mut one: ResourceMetrics = self.rest.call(&call, round).await?;
        one.resourceid.clone_from(&item.arm_id);
        Ok(vec![one])
    }
}

/// What the pace of the region follows from.
#[derive(Debug, Default)]
struct Pacing {
    /// What moves the watermark.
    marking: Vec<(Arc<str>, Duration)>,
    delay: Duration,
}

/// What follows from an answer.
enum Next {
    Ask(Vec<Query>),
    Unread(ApiError),
}

fn fail(jobs: &mut [Job], query: &Query) {
    let of_query = jobs.iter_mut().find(|job| job.key.0 == query.namespace && job.key.1 == query.period);
    if let Some(job) = of_query {
        job.has_failed = true;
    }
}

fn about(query: &Query) -> String {
    let region = query.resources.first().map_or("", |item| item.resource.id.parts().2);
    format!("metrics of {} in {region}", query.namespace)
}

/// What both ways of asking take under the same names.
fn parameters(query: &Query, filter: &'static str) -> Vec<(&'static str, String)> {
    // A comma would end the name it is part of.
    let names: Vec<String> = query.metrics.iter().map(|(name, _)| name.replace(',', "%2")).collect();
    let statistics: Vec<&str> = query.statistics().into_iter().map(|statistic| statistic.as_str()).collect();
    let mut parameters = vec![
        ("api-version", "2024-02-01".to_owned()),
        ("metricnamespace", query.namespace.to_string()),
        ("metricnames", names.join(",")),
        ("aggregation", statistics.join(",")),
        ("interval", written(query.period)),
    ];
    if !query.dimensions.is_empty() {
        let all: Vec<String> =
            query.dimensions.iter().map(|dimension| format!("{dimension} eq '*'")).collect();
        parameters.push((filter, all.join(" and ")));
    }
    parameters
}

fn borrowed<'a>(parameters: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    parameters.iter().map(|(name, value)| (*name, value.as_str())).collect()
}
