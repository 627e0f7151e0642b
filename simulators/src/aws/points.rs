//! Which stored periods of a series can be seen at a time, and what they hold.

use super::catalogue::{DAY, MINUTE, Series};
use super::statistic::{Sample, Statistic};
use crate::estate::Millis;

/// A period is usable in full so long after it ends: two minutes for detailed metrics.
/// Source: docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-cloudwatch-new.html; measured practice is 1 to 3 minutes.
const DETAILED_DELAY: Millis = 2 * MINUTE;
/// The same for metrics of five minutes.
const BASIC_DELAY: Millis = 4 * MINUTE;
/// The same for storage metrics, which come once a day.
const DAILY_DELAY: Millis = 6 * 60 * MINUTE;
/// Storage metrics have been collected for this long.
const DAILY_PAST: Millis = 14 * DAY;

/// How long periods are kept, by their length; longer ones for longer.
/// Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html, "Metrics retention".
const RETENTION: [(Millis, Millis); 3] =
    [(MINUTE, 15 * DAY), (5 * MINUTE, 63 * DAY), (60 * MINUTE, 455 * DAY)];
/// Periods under a minute reach back three hours. Same page.
const HIGH_RESOLUTION: Millis = 3 * 60 * MINUTE;

/// The eyes of one request: when it asks, and how late the provider is just now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) now: Millis,
    pub(crate) late_ms: Millis,
    /// Before this there is no data.
    pub(crate) begins: Millis,
}

/// One point of a result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    /// The beginning of its period.
    pub(crate) at: Millis,
    pub(crate) samples: Vec<Sample>,
}

/// How long after the end of a stored period it is usable in full.
fn delay(series: &Series) -> Millis {
    match series.cadence {
        DAY => DAILY_DELAY,
        MINUTE => DETAILED_DELAY,
        _ => BASIC_DELAY,
    }
}

impl View {
    /// The samples of a stored period that begins at `at`; empty when it cannot be seen.
    ///
    /// For the second half of its delay a period can be seen and is not final: its last fifth is still missing.
    fn stored(&self, series: &Series, at: Millis) -> Vec<Sample> {
        let (end, delay) = (at + series.cadence, delay(series) + self.late_ms);
        let begins = if series.cadence == DAY { self.begins - DAILY_PAST } else { self.begins };
        if at < begins || self.now < end + delay / 2 {
            return Vec::new();
        }
        let until = if self.now >= end + delay { end } else { at + series.cadence * 4 / 5 };
        if series.cadence == DAY {
            return series.measure(at, end.min(at + MINUTE)).into_iter().collect();
        }
        let minutes = (at..until).step_by(MINUTE as usize);
        minutes.filter_map(|from| series.measure(from, (from + MINUTE).min(until))).collect()
    }

    /// The points of a series whose period begins in `[start, end)`, oldest first.
    ///
    /// Timestamps are multiples of the period. A period shorter than the series' own gives a point for every stored one.
    pub(crate) fn points(&self, series: &Series, start: Millis, end: Millis, period: Millis) -> Vec<Point> {
        let start = round_start(start, period, self.now);
        if !is_kept(start, period, self.now) {
            return Vec::new();
        }
        let step = period.max(series.cadence);
        let mut points = Vec::new();
        // What lies before the data or after the clock needs no look.
        let first = start.max(self.begins - DAILY_PAST);
        let mut at = first.div_euclid(step) * step;
        while at < end.min(self.now) {
            if at >= start {
                let stored = (at..at + step).step_by(series.cadence as usize);
                let samples: Vec<Sample> = stored.flat_map(|from| self.stored(series, from)).collect();
                if !samples.is_empty() {
                    points.push(Point { at, samples });
                }
            }
            at += step;
        }
        points
    }

    /// One statistic of one whole period; none when it cannot be seen.
    pub(crate) fn value(
        &self,
        series: &Series,
        at: Millis,
        period: Millis,
        statistic: Statistic,
    ) -> Option<f64> {
        let points = self.points(series, at, at + period, period);
        statistic.of(&points.first()?.samples)
    }
}

/// Rounds the start down: to the minute, for older ones to five minutes or an hour, under a minute to the period.
/// Source: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html, StartTime.
fn round_start(start: Millis, period: Millis, now: Millis) -> Millis {
    let unit = match now - start {
        age if age > 63 * DAY => 60 * MINUTE,
        age if age > 15 * DAY => 5 * MINUTE,
        _ => MINUTE.min(period),
    };
    start.div_euclid(unit) * unit
}

/// Whether periods of this length exist so far back. Same page, Period; otherwise nothing comes, and no error.
fn is_kept(start: Millis, period: Millis, now: Millis) -> bool {
    let age = now - start;
    if period < MINUTE {
        return age <= HIGH_RESOLUTION;
    }
    let unit = RETENTION.iter().find(|(_, kept)| age <= *kept).map(|(unit, _)| *unit);
    unit.is_some_and(|unit| period % unit == 0)
}

#[cfg(test)]
mod tests;
