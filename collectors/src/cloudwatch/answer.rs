//! From the pages of one call to measurements. Pure.
//!
//! CloudWatch stamps the beginning of a period, Isobar its end. What is in the future or no number is dropped and counted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, MessageData, Metric as SdkMetric, MetricDataQuery, MetricDataResult, MetricStat, StatusCode,
};
use isobar_normalizer::{Measurement, Timestamp};

use super::cadence::{BASIC, Cadence, observe};
use super::catalogue::Bundle;
use super::plan::{Call, Read, due_at, points};
use super::progress::Seen;

/// Room made for the points of one query before they come.
const ROOM_MAX: u64 = 1_440;

/// What came for one call so far.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    call: &'a Call,
    bundles: &'a [Bundle],
    slots: Vec<Slot>,
    dropped: Dropped,
    /// What AWS wants known about the call as a whole.
    messages: BTreeSet<String>,
}

/// Points that were not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dropped {
    /// Of periods that have not been published yet.
    pub(super) future: u64,
    /// No number, or infinite.
    pub(super) not_finite: u64,
}

/// What came for one query.
#[derive(Debug, Default)]
struct Slot {
    state: State,
    /// END of the period asked for, and value.
    points: Vec<(Timestamp, f64)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum State {
    /// No page has named it.
    #[default]
    Unanswered,
    /// There should be more.
    Partial,
    Complete,
    /// It failed inside CloudWatch, or made no sense.
    Failed(&'static str),
    Forbidden(String),
}

/// What came of one bundle.
#[derive(Debug, PartialEq)]
pub(super) struct OfBundle {
    pub(super) read: Read,
    pub(super) outcome: Result<(Seen, Vec<Measurement>), Unread>,
}

/// Why a bundle was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) reason: String,
    /// Asking again would bring the same.
    pub(super) is_final: bool,
}

/// What came of a call.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) bundles: Vec<OfBundle>,
    pub(super) dropped: Dropped,
    pub(super) messages: BTreeSet<String>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(call: &'a Call, bundles: &'a [Bundle]) -> Self {
        let queries = call.reads.iter().map(|read| bundles[read.bundle].queries()).sum();
        let slots = std::iter::repeat_with(Slot::default).take(queries).collect();
        Self { call, bundles, slots, dropped: Dropped::default(), messages: BTreeSet::new() }
    }

    /// The call's queries. The Id of each is `q` and its place.
    pub(super) fn queries(&self) -> Vec<MetricDataQuery> {
        let period = i32::try_from(self.call.period.as_secs()).unwrap_or(i32::MAX);
        let mut queries = Vec::with_capacity(self.slots.len());
        for read in &self.call.reads {
            let bundle = &self.bundles[read.bundle];
            for metric in &bundle.metrics {
                let dimensions = metric.dimensions.iter();
                let dimensions =
                    dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build());
                let asked = SdkMetric::builder()
                    .namespace(&*bundle.namespace)
                    .metric_name(&*metric.name)
                    .set_dimensions(Some(dimensions.collect()))
                    .build();
                for statistic in &metric.statistics {
                    let stat =
                        MetricStat::builder().metric(asked.clone()).period(period).stat(&**statistic).build();
                    let id = format!("q{}", queries.len());
                    queries.push(MetricDataQuery::builder().id(id).metric_stat(stat).build());
                }
            }
        }
        queries
    }

    /// Takes in a page. The same Id comes again when its points go on.
    pub(super) fn page(&mut self, page: GetMetricDataOutput) {
        self.messages.extend(page.messages.unwrap_or_default().iter().map(told));
        for result in page.metric_data_results.unwrap_or_default() {
            let place = result.id.as_deref().and_then(|id| id.strip_prefix('q')?.parse::<usize>().ok());
            // What nobody asked for is not taken.
            let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) else { continue };
            slot.take(result, self.call, &mut self.dropped);
        }
    }

    /// Sums up: a bundle of which one query is missing was not read, because what is missing may stand for zero.
    pub(super) fn finish(self, now: Timestamp) -> Finished {
        let Self { call, bundles, slots, dropped, messages } = self;
        let mut slots = slots.into_iter();
        let of_bundles = call.reads.iter().map(|read| {
            let bundle = &bundles[read.bundle];
            let slots: Vec<Slot> = slots.by_ref().take(bundle.queries()).collect();
            let outcome = match slots.iter().find_map(Slot::unread) {
                Some(unread) => Err(unread),
                None => Ok(measurements(bundle, read, slots, now)),
            };
            OfBundle { read: *read, outcome }
        });
        Finished { bundles: of_bundles.collect(), dropped, messages }
    }
}

impl Slot {
    fn take(&mut self, result: MetricDataResult, call: &Call, dropped: &mut Dropped) {
        let MetricDataResult { timestamps, values, status_code, messages, .. } = result;
        let (timestamps, values) = (timestamps.unwrap_or_default(), values.unwrap_or_default());
        if self.points.capacity() == 0 && !values.is_empty() {
            let room = points(call.window, call.period).min(ROOM_MAX);
            self.points.reserve(usize::try_from(room).unwrap_or(0).max(values.len()));
        }
        // A failure on one page is not healed by another.
        if !matches!(self.state, State::Failed(_) | State::Forbidden(_)) {
            self.state = match status_code {
                _ if timestamps.len() != values.len() => State::Failed("has not as many values as times"),
                Some(StatusCode::Complete) => State::Complete,
                Some(StatusCode::PartialData) => State::Partial,
                Some(StatusCode::Forbidden) => {
                    let said: Vec<String> = messages.unwrap_or_default().iter().map(told).collect();
                    State::Forbidden(said.join("; "))
                }
                Some(StatusCode::InternalError) => State::Failed("failed inside CloudWatch"),
                _ => State::Failed("has no status that is known"),
            };
        }
        for (start, value) in timestamps.iter().zip(values) {
            let end = millis(start).plus(call.period);
            if !value.is_finite() {
                dropped.not_finite += 1;
            } else if end > call.window.end {
                dropped.future += 1;
            } else if end > call.window.start {
                self.points.push((end, value));
            }
        }
    }

    fn unread(&self) -> Option<Unread> {
        let (reason, is_final) = match &self.state {
            State::Complete => return None,
            State::Unanswered => ("was not answered".to_owned(), false),
            State::Partial => ("came in part".to_owned(), false),
            State::Failed(what) => ((*what).to_owned(), false),
            State::Forbidden(said) if said.is_empty() => ("is forbidden".to_owned(), true),
            State::Forbidden(said) => (format!("is forbidden ({said})"), true),
        };
        Some(Unread { reason, is_final })
    }
}

/// The measurements of a bundle that came whole.
fn measurements(bundle: &Bundle, read: &Read, slots: Vec<Slot>, now: Timestamp) -> (Seen, Vec<Measurement>) {
    let cadence = match read.cadence {
        Cadence::Unknown => shown(&slots, read.period, now),
        known => known,
    };
    let is_basic = matches!(cadence, Cadence::Basic(_)) && read.period < BASIC;
    let (period, read_to) = match is_basic {
        true => (BASIC, due_at(bundle, BASIC, now).min(read.window.end)),
        false => (read.period, read.window.end),
    };
    let mut slots = slots.into_iter();
    let mut newest = None;
    let mut measurements = Vec::new();
    for metric in &bundle.metrics {
        for statistic in &metric.statistics {
            let mut points = slots.next().map(|slot| slot.points).unwrap_or_default();
            if is_basic {
                // The point of the first minute stands for all five.
                let later = BASIC.saturating_sub(read.period);
                points.iter_mut().for_each(|(end, _)| *end = end.plus(later));
                points.retain(|(end, _)| *end <= read_to);
            }
            newest = newest.max(points.iter().map(|(end, _)| *end).max());
            if points.is_empty() || cadence == Cadence::Unknown {
                continue;
            }
            measurements.push(Measurement {
                namespace: bundle.namespace.clone(),
                metric: metric.name.clone(),
                statistic: Arc::clone(statistic),
                resource: bundle.key.resource.clone(),
                dimensions: metric.dimensions.clone(),
                period,
                delay: bundle.delay_at(period),
                points,
            });
        }
    }
    (Seen { read_to, cadence, newest }, measurements)
}

/// The rhythm that the points of a bundle show: one metric that comes every minute is enough.
fn shown(slots: &[Slot], period: Duration, now: Timestamp) -> Cadence {
    let mut found = Cadence::Unknown;
    let mut starts = Vec::new();
    for slot in slots {
        starts.clear();
        starts.extend(slot.points.iter().map(|(end, _)| end.minus(period).millis()));
        match observe(&mut starts, now) {
            Cadence::Unknown => {}
            Cadence::Mapped(seen) => return Cadence::Mapped(seen),
            basic => found = basic,
        }
    }
    found
}

/// In milliseconds; what does not fit ends at the end of time.
pub(super) fn millis(at: &DateTime) -> Timestamp {
    let fraction = i64::from(at.subsec_nanos() / 1_000_000);
    Timestamp::from_millis(at.secs().saturating_mul(1000).saturating_add(fraction))
}

/// As the SDK has it.
pub(super) fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.millis())
}

fn told(message: &MessageData) -> String {
    let (code, value) = (message.code().unwrap_or_default(), message.value().unwrap_or_default());
    format!("{code}: {value}")
}

#[cfg(test)]
mod tests;
