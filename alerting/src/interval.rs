//! Named intervals of local time: when a route's notifications are held back, or let through.
//!
//! Source: prometheus/alertmanager `timeinterval` (0.34), docs/configuration.md `<time_interval>`.

use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

use self::local::{Local, TimeZone};
use self::range::{DaysOfMonth, Months, Range, TimeOfDay, Weekdays, Years};

mod local;
mod range;

/// What an entry of `time_intervals` stands for: an instant is inside when any of its periods holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeInterval {
    /// What routes call it; unique.
    pub name: Arc<str>,
    /// None of them: no instant is inside.
    pub periods: Vec<Period>,
}

/// A set of instants by local time, as Alertmanager writes it. An instant is inside when every list that is given holds it;
/// a list that is given and empty holds nothing. Local time goes as clocks on the wall do: an hour that is skipped in
/// spring is never inside, one that is repeated in autumn is inside twice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Period {
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<Vec<TimeOfDay>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weekdays: Option<Vec<Range<Weekdays>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days_of_month: Option<Vec<Range<DaysOfMonth>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    months: Option<Vec<Range<Months>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    years: Option<Vec<Range<Years>>>,
    /// UTC where it is not given.
    location: Option<TimeZone>,
}

/// How far ahead a change is looked for: longer than the four years from one 29 February to the next.
const LOOK_AHEAD: Duration = Duration::from_secs(5 * 366 * 24 * 60 * 60);

impl TimeInterval {
    /// Whether the instant is inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.periods.iter().any(|period| period.contains(at))
    }

    /// The first instant after `after` at which [`TimeInterval::contains`] answers otherwise; `None` when nothing changes
    /// within the five years that follow.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        let (before, end) = (self.contains(after), after.plus(LOOK_AHEAD));
        let mut at = after;
        loop {
            at = self.periods.iter().filter_map(|period| period.next_edge(at)).min()?;
            if at > end {
                return None;
            }
            if self.contains(at) != before {
                return Some(at);
            }
        }
    }
}

impl Period {
    /// Whether the instant is inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        let Some(local) = self.zone().local(at) else { return false };
        holds(self.times.as_deref(), |times| times.contains(local.second_of_day))
            && holds(self.days_of_month.as_deref(), |days| days.contains_day(local.day, local.days_in_month))
            && holds(self.months.as_deref(), |months| months.contains(local.month))
            && holds(self.weekdays.as_deref(), |days| days.contains(local.weekday))
            && holds(self.years.as_deref(), |years| years.contains(local.year))
    }

    fn zone(&self) -> TimeZone {
        self.location.unwrap_or_default()
    }

    /// The next instant after `after` at which something may change: a time that is named, a midnight, a shift of the
    /// clock; at most a day ahead. `None` beyond the calendar.
    fn next_edge(&self, after: Timestamp) -> Option<Timestamp> {
        let Local { second_of_day, .. } = self.zone().local(after)?;
        let named = self.times.iter().flatten().flat_map(TimeOfDay::edges);
        let ahead = named.filter(|edge| *edge > second_of_day).min().unwrap_or(DAY) - second_of_day;
        let whole_second = Timestamp::from_millis(after.millis().div_euclid(1000) * 1000);
        let edge = whole_second.plus(Duration::from_secs(ahead.into()));
        Some(self.zone().shift_within(after, edge).unwrap_or(edge))
    }
}

/// Seconds of a day on the wall.
const DAY: u32 = 24 * 60 * 60;

fn holds<T>(list: Option<&[T]>, holds: impl FnMut(&T) -> bool) -> bool {
    list.is_none_or(|list| list.iter().any(holds))
}

#[cfg(test)]
mod tests;
