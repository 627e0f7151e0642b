//! What is read now, in which calls. Pure: a function of what there is, how far it was read, and the time.
//!
//! A metric requested costs the same whatever stretch it is requested for. What a policy reads is asked for once in each of its
//! periods, when that period is due; everything else every `other_interval`, with all its points in one call.

use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::cadence::{BASIC, Cadence, SHOWN_BY};
use super::catalogue::{Bundle, QUERIES_MAX};
use super::progress::{FAST_MAX, Progress};
use crate::{InUse, Window};

/// Points of one page. Source: API_GetMetricData.html, MaxDatapoints (read 2026-11-21).
pub(super) const POINTS_MAX: u64 = 100_800;
/// Points a second that one account may ask one region for, by stretch and period and not by what is there.
/// Source: cloudwatch_limits.html, GetMetricData (2023-05); older data may be asked for faster.
pub(super) const POINTS_PER_SECOND: u64 = 180_000;
/// Statistics of one metric that are billed as one. Source: Amazon CloudWatch pricing (2026-11).
const STATISTICS_PER_UNIT: usize = 5;
/// Periods read at a time: the newest, and those before it again, because late values correct them.
pub(super) const PERIODS_READ: u32 = 3;
/// What ended longer ago is not read again: a day is how far behind the newest sample anything is stored.
const READ_AGAIN: Duration = Duration::from_secs(24 * 3600);
/// A gap of more periods is made up after the newest was read.
const GAP_PERIODS: u32 = 20;
/// Periods of more than five minutes come late by hours; until the newest is there it is asked for this often.
const SLOW_INTERVAL: Duration = Duration::from_secs(3600);

/// What decides how often and how far back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) in_use: &'a InUse,
    pub(super) other_interval: Duration,
    pub(super) backfill: Duration,
}

impl Rules<'_> {
    /// Whether a policy reads what the bundle feeds.
    pub(super) fn is_in_use(&self, bundle: &Bundle) -> bool {
        bundle.feeds.iter().any(|feed| self.in_use.contains(feed))
    }
}

/// A bundle to read: the periods that end inside a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Read {
    /// Its place in the catalogue.
    pub(super) bundle: usize,
    pub(super) window: Window,
    /// The period to ask for.
    pub(super) period: Duration,
    /// What is known of its rhythm.
    pub(super) cadence: Cadence,
    pub(super) is_in_use: bool,
    /// What lies before the window and is owed then.
    pub(super) leaves: Option<Window>,
    /// Whether it is what was owed.
    pub(super) makes_up: bool,
}

/// One call of GetMetricData: bundles that are read up to the same end in the same period. The window is that of the longest:
/// what is requested costs the same however far back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) window: Window,
    pub(super) period: Duration,
    pub(super) reads: Vec<Read>,
    /// Metrics requested, as they are billed.
    pub(super) billed: u64,
    /// Points that the stretch has room for.
    pub(super) points: u64,
}

/// The period a bundle is read in, as its rhythm is known.
pub(super) fn period(bundle: &Bundle, cadence: Cadence) -> Duration {
    if matches!(cadence, Cadence::Basic(_)) { BASIC } else { bundle.period }
}

/// The end of the newest period that is published at `now`.
pub(super) fn due_at(bundle: &Bundle, period: Duration, now: Timestamp) -> Timestamp {
    floor(now.minus(bundle.delay_at(period)), period)
}

/// What of a bundle is to be read, the newest only.
pub(super) fn newest(
    index: usize,
    bundle: &Bundle,
    progress: &Progress,
    rules: &Rules<'_>,
    now: Timestamp,
) -> Option<Read> {
    let cadence = progress.cadence.at(bundle, now);
    let period = period(bundle, cadence);
    let end = due_at(bundle, period, now);
    let is_in_use = rules.is_in_use(bundle);
    let last = progress.read_to;
    if period > FAST_MAX {
        let is_there = progress.newest.is_some_and(|newest| newest >= end);
        let rests = |answered| now.since(answered) < SLOW_INTERVAL.min(period);
        if is_there || progress.answered.is_some_and(rests) {
            return None;
        }
    } else if let Some(last) = last {
        let step = if is_in_use { period } else { period.max(rules.other_interval) };
        let turn = floor(now.minus(bundle.delay_at(period)), step);
        if end <= last || turn <= floor(last, step) {
            return None;
        }
    }
    let periods = periods_read(period);
    let again = period * (periods - 1);
    let few = end.minus(period * periods);
    let oldest = few.min(end.minus(rules.backfill));
    let mut start = last.map_or(oldest, |last| last.minus(again).max(oldest)).min(few);
    let mut leaves = None;
    if cadence == Cadence::Unknown {
        start = start.min(end.minus(SHOWN_BY));
    } else if period <= FAST_MAX && last.is_some_and(|last| end.since(last) > period * GAP_PERIODS) {
        let before = progress.owed.map_or(start, |owed| owed.start.max(oldest).min(start));
        leaves = Some(Window { start: before, end: few });
        start = few;
    }
    let window = Window { start: floor(start, period), end };
    Some(Read { bundle: index, window, period, cadence, is_in_use, leaves, makes_up: false })
}

/// How many periods are read at a time: of those that last a day, one.
fn periods_read(period: Duration) -> u32 {
    let fit = READ_AGAIN.as_millis() / period.as_millis().max(1);
    PERIODS_READ.min(u32::try_from(fit).unwrap_or(u32::MAX)).max(1)
}

/// What of a bundle is owed, once its newest was read.
pub(super) fn owed(
    index: usize,
    bundle: &Bundle,
    progress: &Progress,
    rules: &Rules<'_>,
    now: Timestamp,
) -> Option<Read> {
    let cadence = progress.cadence.at(bundle, now);
    let period = period(bundle, cadence);
    let Window { start, end } = progress.owed?;
    let start = floor(start.max(end.minus(rules.backfill)), period);
    let window = Window { start, end: floor(end, period) };
    let is_in_use = rules.is_in_use(bundle);
    let read = Read { bundle: index, window, period, cadence, is_in_use, leaves: None, makes_up: true };
    (window.start < window.end).then_some(read)
}

/// Packs reads into calls, those a policy waits for first.
pub(super) fn calls(mut reads: Vec<Read>, bundles: &[Bundle]) -> Vec<Call> {
    reads.sort_by_key(|read| (!read.is_in_use, read.period, read.window.end, read.window.start, read.bundle));
    let mut calls: Vec<Call> = Vec::new();
    let mut queries = 0;
    for read in reads {
        let bundle = &bundles[read.bundle];
        // The earliest start comes first, so that the window of a call holds those of all its reads.
        let fits = |call: &Call| {
            let longer = points(call.window, call.period);
            (call.window.end, call.period) == (read.window.end, read.period)
                && (call.window.start == read.window.start || longer <= u64::from(GAP_PERIODS))
                && call.reads[0].is_in_use == read.is_in_use
                && queries + bundle.queries() <= QUERIES_MAX
                && call.points + longer * bundle.queries() as u64 <= POINTS_MAX
        };
        match calls.last_mut().filter(|call| fits(call)) {
            Some(call) => {
                queries += bundle.queries();
                call.reads.push(read);
                call.billed += billed(bundle);
                call.points += points(call.window, call.period) * bundle.queries() as u64;
            }
            None => {
                queries = bundle.queries();
                let Read { window, period, .. } = read;
                let points = points(window, period).saturating_mul(queries as u64);
                calls.push(Call { window, period, reads: vec![read], billed: billed(bundle), points });
            }
        }
    }
    calls
}

impl Call {
    /// How long the next call waits, so that the region's points a second are not used up.
    pub(super) fn pause(&self) -> Duration {
        Duration::from_millis(self.points.saturating_mul(1000) / POINTS_PER_SECOND)
    }
}

/// Metrics requested, as they are billed.
pub(super) fn billed(bundle: &Bundle) -> u64 {
    bundle.metrics.iter().map(|metric| metric.statistics.len().div_ceil(STATISTICS_PER_UNIT) as u64).sum()
}

/// Periods that end inside a window.
pub(super) fn points(window: Window, period: Duration) -> u64 {
    let millis = window.end.since(window.start).as_millis().div_ceil(period.as_millis().max(1));
    u64::try_from(millis).unwrap_or(u64::MAX)
}

/// The last multiple of a period.
fn floor(at: Timestamp, period: Duration) -> Timestamp {
    let period = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_millis(at.millis().div_euclid(period).saturating_mul(period))
}

#[cfg(test)]
mod tests;
