//! Answers the evaluator's questions, and runs it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use isobar_alerting::{
    CentreHandle, Evaluator, ResourceLookup, RuleQuery, RuleQueryError, SourceWatermark, Stretch, Transition,
};
use isobar_normalizer::{Labels, Matcher, Timestamp};
use isobar_promql::{EngineOptions, Query, Value};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::alarms::Taken;
use crate::clock;
use crate::ingest::Ingest;
use crate::resources::{Known, ResourceTable};
use crate::series::JoinedSeries;
use crate::stages::Stages;
use crate::watermark::{Mark, Watermarks};

/// New data is evaluated at most this often: a page leaves within a second of its datum.
const ROUND_MIN: Duration = Duration::from_millis(250);
/// Without new data the evaluator still looks this often: silence is a finding too.
const ROUND_MAX: Duration = Duration::from_secs(5);
/// The distance of instants when catching up; Prometheus' default evaluation interval is the next multiple of it.
pub const EVALUATION_STEP: Duration = Duration::from_secs(15);
/// A round may take at most this share of the time: the pause after it is so many times its length.
const PAUSE_FACTOR: u32 = 3;
/// Which sources feed a selection changes when targets come and go, not with every sample.
const FEEDS_KEPT: Duration = Duration::from_secs(5);
/// A part that is so many periods behind the newest one, or this time where that is less, is left behind: it fails, and no
/// longer holds the others back.
const HELD_BACK_PERIODS: u32 = 4;
const HELD_BACK_MAX: Duration = Duration::from_secs(5 * 60);
/// Parts are read on ticks of their own, so that with one missed they are less than two periods apart: never left behind.
const HELD_BACK_PERIODS_MIN: u32 = 2;
/// At a start the past of a cloud is read and judged before its own alarms are taken, so that what both know is the policy's
/// alert, with its labels and its words: alarms wait for so long, for regions are not read all at once, and until the first
/// was read, but no longer than the second time. Those that fire then have fired for a while.
const ALARMS_AFTER: Duration = Duration::from_secs(10);
const ALARMS_AFTER_MAX: Duration = Duration::from_secs(60);
/// The name of the stage whose rounds health watches.
pub const STAGE: &str = "evaluate";
/// The pauses between tries to hand transitions over: twice the one before, up to the longest. The disk that is full now
/// may have room in a moment, and a page waits for it.
const HAND_OVER_PAUSE_FIRST: Duration = Duration::from_millis(250);
const HAND_OVER_PAUSE_MAX: Duration = Duration::from_secs(10);

/// Series, watermarks and resources, as the evaluator asks for them.
#[derive(Debug)]
pub struct RuleData {
    series: JoinedSeries,
    watermarks: Arc<Watermarks>,
    resources: Arc<ResourceTable>,
    options: EngineOptions,
    feeds: Mutex<HashMap<String, Feeds>>,
}

/// Which sources have series of one selection, with their freshness contract.
#[derive(Clone, Debug)]
struct Feeds {
    read: Instant,
    sources: Vec<(Arc<str>, Duration, Duration)>,
}

impl RuleData {
    /// Joins the three.
    pub fn new(series: JoinedSeries, watermarks: Arc<Watermarks>, resources: Arc<ResourceTable>) -> Self {
        Self { series, watermarks, resources, options: EngineOptions::default(), feeds: Mutex::default() }
    }

    fn feeds(&self, matchers: &[Matcher]) -> Vec<(Arc<str>, Duration, Duration)> {
        let key = matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        if let Some(known) = self.feeds.lock().get(&key).filter(|known| known.read.elapsed() < FEEDS_KEPT) {
            return known.sources.clone();
        }
        let sources = self.series.feeds(matchers);
        // That nothing feeds it is not kept: its first sample counts at once.
        if !sources.is_empty() {
            self.feeds.lock().insert(key, Feeds { read: Instant::now(), sources: sources.clone() });
        }
        sources
    }
}

/// The evaluator's view, cheap to hand to a blocking thread.
#[derive(Clone, Debug)]
pub struct SharedRuleData(pub Arc<RuleData>);

#[async_trait]
impl RuleQuery for SharedRuleData {
    async fn instant(&self, expression: &str, at: Timestamp) -> Result<Vec<(Labels, f64)>, RuleQueryError> {
        let query = Query::parse(expression).map_err(|error| RuleQueryError(error.to_string()))?;
        let data = self.0.clone();
        let evaluated =
            tokio::task::spawn_blocking(move || query.instant(at, &data.series, &data.options)).await;
        let answer = match evaluated {
            Ok(answer) => answer.map_err(|error| RuleQueryError(error.to_string()))?,
            Err(error) => return Err(RuleQueryError(format!("the query broke off: {error}"))),
        };
        match answer.value {
            Value::Vector(samples) => {
                Ok(samples.into_iter().map(|sample| (sample.labels, sample.value)).collect())
            }
            other => Err(RuleQueryError(format!("{expression} is no instant vector but {other:?}"))),
        }
    }

    fn sources(&self, matchers: &[Matcher]) -> Vec<SourceWatermark> {
        let fed = self.0.feeds(matchers);
        let watermark = |(source, period, delay): (Arc<str>, Duration, Duration)| {
            let complete_since = self.0.watermarks.progress(&source)?.since;
            let (watermark, behind) = in_step(&self.0.watermarks.marks(&source), period)?;
            let pasts = self.0.watermarks.pasts(&source);
            Some(SourceWatermark { source, watermark, behind, complete_since, pasts, period, delay })
        };
        fed.into_iter().filter_map(watermark).collect()
    }

    fn stretch(&self, source: &str, resource_id: &str) -> Option<Stretch> {
        let parts = self.0.resources.parts_of(resource_id, source);
        stretch(parts.iter().map(|part| self.0.watermarks.stretch(source, part)))
    }

    fn resource(&self, resource_id: &str) -> ResourceLookup {
        match self.0.resources.look_up(resource_id) {
            Known::Present(labels) => {
                let labels = Labels::from_pairs(labels.iter().map(|(name, value)| (name, value)));
                labels.map_or(ResourceLookup::Unknown, ResourceLookup::Known)
            }
            Known::Gone(at) => ResourceLookup::Gone(at),
            Known::Never => ResourceLookup::Unknown,
        }
    }
}

impl SharedRuleData {
    /// The sources whose alarms are taken so long after the start.
    fn alarms_ready(&self, ingest: &Ingest, elapsed: Duration) -> BTreeSet<String> {
        let mut sources = ingest.alarms().sources();
        sources.retain(|source| {
            let was_read = || self.0.watermarks.progress(source).is_some();
            elapsed >= ALARMS_AFTER_MAX || (elapsed >= ALARMS_AFTER && was_read())
        });
        sources
    }
}

/// How far a source with these parts has come: up to its newest data, but short of what the slowest part in step is yet to
/// be read for; and where the slowest of the parts is that were left behind. `None` without parts.
fn in_step(parts: &[Timestamp], period: Duration) -> Option<(Timestamp, Option<Timestamp>)> {
    let newest = *parts.iter().max()?;
    if period.is_zero() {
        return Some((newest, None));
    }
    let patience = (period * HELD_BACK_PERIODS).min(HELD_BACK_MAX).max(period * HELD_BACK_PERIODS_MIN);
    let is_in_step = |mark: &&Timestamp| newest.since(**mark) <= patience;
    let slowest = *parts.iter().filter(is_in_step).min()?;
    let next_due = slowest.plus(period);
    let before_next = next_due.minus(Duration::from_millis(1));
    Some((newest.min(before_next), parts.iter().filter(|mark| !is_in_step(mark)).min().copied()))
}

/// Over which stretch a resource was read by any of the parts that see it, given their marks; one that was not read since the
/// start has none, and what only lists resources never has.
fn stretch(marks: impl Iterator<Item = Option<Mark>>) -> Option<Stretch> {
    let never = Timestamp::from_millis(i64::MIN);
    let marked = |mark: Option<Mark>| {
        mark.map_or(Stretch { since: never, until: never }, |mark| Stretch {
            since: mark.since,
            until: mark.until,
        })
    };
    marks.map(marked).reduce(|a, b| {
        if a.until == never || b.until == never {
            return if a.until == never { b } else { a };
        }
        Stretch { since: a.since.min(b.since), until: a.until.max(b.until) }
    })
}

/// Evaluates whenever data has come, hands what changed to the alert centre, and stops when told to. `ended` is what the
/// start found to be over.
pub async fn run(
    evaluator: Arc<tokio::sync::Mutex<Evaluator>>,
    ended: Vec<Transition>,
    data: SharedRuleData,
    ingest: Arc<Ingest>,
    centre: CentreHandle,
    stages: Arc<Stages>,
    stop: CancellationToken,
) {
    stages.started(STAGE, ROUND_MAX, clock::now());
    hand_over(&centre, ended, &stop).await;
    let begun = Instant::now();
    loop {
        let started = Instant::now();
        let now = clock::now();
        {
            // Held until it is written down: what a reload decides later must not come before it.
            let mut evaluator = evaluator.lock().await;
            let ready = data.alarms_ready(&ingest, begun.elapsed());
            let mut transitions = tokio::select! {
                () = stop.cancelled() => return,
                transitions = evaluator.tick(&data, now) => transitions,
            };
            transitions.extend(take_alarms(&mut evaluator, &data, ingest.alarms().take(&ready), now));
            hand_over(&centre, transitions, &stop).await;
        }
        let took = started.elapsed();
        metrics::histogram!("isobar_evaluate_round_seconds").record(took.as_secs_f64());
        stages.finished(STAGE, ROUND_MAX, clock::now());
        let pause = ROUND_MIN.max(took * PAUSE_FACTOR);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = ingest.arrived() => {}
            () = tokio::time::sleep(ROUND_MAX) => {}
        }
    }
}

/// What has come of providers' alarms since the round before.
fn take_alarms(
    evaluator: &mut Evaluator,
    data: &SharedRuleData,
    taken: Taken,
    now: Timestamp,
) -> Vec<Transition> {
    let mut transitions = Vec::new();
    for news in taken.reports {
        transitions.extend(evaluator.report(&news.origin, &news.report, data, now));
    }
    // After the reports: what another part tells of now is not over.
    for (source, parts) in taken.parts {
        transitions.extend(evaluator.retain_parts(&source, &parts, now));
    }
    transitions
}

/// Hands transitions over until they are taken: the evaluator's state already holds them.
pub async fn hand_over(centre: &CentreHandle, transitions: Vec<Transition>, stop: &CancellationToken) {
    let mut pause = HAND_OVER_PAUSE_FIRST;
    while let Err(error) = centre.ingest(transitions.clone()).await {
        warn!(%error, count = transitions.len(), ?pause, "alerts could not be written down; trying again");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = longer(pause);
    }
}

/// The pause after this one.
fn longer(pause: Duration) -> Duration {
    (pause * 2).min(HAND_OVER_PAUSE_MAX)
}

impl JoinedSeries {
    /// Which sources have series of this selection, each with the longest period and delay among them.
    fn feeds(&self, matchers: &[Matcher]) -> Vec<(Arc<str>, Duration, Duration)> {
        let (stored, descriptive) = self.split(matchers);
        let described = self.described();
        let mut feeds: HashMap<Arc<str>, (Duration, Duration)> = HashMap::new();
        for fresh in self.store().freshness(&stored) {
            let labels = self.join(&fresh.labels, &described);
            if descriptive
                .iter()
                .all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
            {
                let (period, delay) = feeds.entry(fresh.source).or_default();
                *period = (*period).max(fresh.period);
                *delay = (*delay).max(fresh.delay);
            }
        }
        feeds.into_iter().map(|(source, (period, delay))| (source, period, delay)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parts: &[i64], period: u64, expected: Option<(i64, Option<i64>)>) {
        let at = |seconds: &i64| Timestamp::from_millis(seconds * 1000);
        let parts: Vec<Timestamp> = parts.iter().map(at).collect();
        let found = in_step(&parts, Duration::from_secs(period));
        let millis = |(watermark, behind): (Timestamp, Option<Timestamp>)| {
            (watermark.millis(), behind.map(Timestamp::millis))
        };
        assert_eq!(found.map(millis), expected);
    }

    #[test]
    fn a_journal_that_refuses_is_asked_ever_more_seldom() {
        let pauses = std::iter::successors(Some(HAND_OVER_PAUSE_FIRST), |pause| Some(longer(*pause)));
        let millis: Vec<u128> = pauses.take(8).map(|pause| pause.as_millis()).collect();
        assert_eq!(millis, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    }

    #[test]
    fn an_instant_waits_for_every_sample_that_is_due_at_it() {
        check(&[], 60, None);
        check(&[600], 60, Some((600_000, None)));
        // Scraped on ticks of their own: the slow one has nothing before 597.
        check(&[590, 582], 15, Some((590_000, None)));
        // Read at whole minutes: the minute of the first is not over before the second was read for it.
        check(&[600, 540], 60, Some((599_999, None)));
        check(&[600, 600], 60, Some((600_000, None)));
    }

    #[test]
    fn a_resource_is_read_as_far_as_any_of_its_parts() {
        let at = Timestamp::from_millis;
        let mark = |since, until| Some(Mark { since: at(since), until: at(until), has_past: false });
        let read = |marks: &[Option<Mark>]| {
            stretch(marks.iter().copied()).map(|stretch| (stretch.since.millis(), stretch.until.millis()))
        };
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[mark(3, 5), None, mark(4, 9)]), Some((3, 9)));
        assert_eq!(
            read(&[None, mark(4, 9)]),
            Some((4, 9)),
            "an inventory lists it, and is never read up to a time"
        );
        assert_eq!(read(&[None, None]), Some((i64::MIN, i64::MIN)), "its region was not read yet");
    }

    #[test]
    fn a_part_that_fails_holds_the_others_back_a_while() {
        check(&[600, 360], 60, Some((419_999, None)));
        check(&[660, 360, 300], 60, Some((660_000, Some(300_000))));
        // Five minutes, or two periods: not twenty minutes.
        check(&[6000, 5400], 300, Some((5_699_999, None)));
        check(&[6000, 5399], 300, Some((6_000_000, Some(5_399_000))));
        // Nothing is known of when the next sample is due.
        check(&[600, 60], 0, Some((600_000, None)));
    }
}
