//! The ranges a period is made of, as Alertmanager writes them: `monday:friday`, `-3:-1`, `may`, `08:00` to `17:00`.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

/// A stretch of a day on the wall, its end not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawTimes", into = "RawTimes")]
pub(super) struct TimeOfDay {
    /// Minutes from midnight, 0 to 1439.
    start: u32,
    /// Minutes from midnight, after `start`, up to 1440.
    end: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTimes {
    start_time: Option<String>,
    end_time: Option<String>,
}

impl TimeOfDay {
    pub(super) fn contains(&self, second_of_day: u32) -> bool {
        (self.start..self.end).contains(&(second_of_day / 60))
    }

    /// Where it begins and ends, in seconds from midnight.
    pub(super) fn edges(&self) -> [u32; 2] {
        [self.start * 60, self.end * 60]
    }
}

impl TryFrom<RawTimes> for TimeOfDay {
    type Error = String;

    fn try_from(raw: RawTimes) -> Result<Self, String> {
        let (Some(start), Some(end)) = (raw.start_time, raw.end_time) else {
            return Err("a stretch of time needs both start_time and end_time".to_owned());
        };
        let (start, end) = (minutes(&start)?, minutes(&end)?);
        if start >= end {
            return Err("start_time is not before end_time: write a stretch over midnight as two".to_owned());
        }
        Ok(Self { start, end })
    }
}

fn minutes(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text:?} is not a time of day: write HH:MM, from 00:00 to 24:00");
    let &[h1, h2, b':', m1, m2] = text.as_bytes() else { return Err(wrong()) };
    if ![h1, h2, m1, m2].iter().all(u8::is_ascii_digit) {
        return Err(wrong());
    }
    let number = |tens: u8, ones: u8| u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
    let (hour, minute) = (number(h1, h2), number(m1, m2));
    match (hour, minute) {
        (0..24, 0..60) | (24, 0) => Ok(hour * 60 + minute),
        _ => Err(wrong()),
    }
}

impl From<TimeOfDay> for RawTimes {
    fn from(times: TimeOfDay) -> Self {
        let shown = |minutes: u32| Some(format!("{:02}:{:02}", minutes / 60, minutes % 60));
        Self { start_time: shown(times.start), end_time: shown(times.end) }
    }
}

/// `first:last`, both included, or one member alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String", bound = "U: Unit")]
pub(super) struct Range<U> {
    first: i32,
    last: i32,
    unit: PhantomData<U>,
}

/// What a range counts.
pub(super) trait Unit: Clone {
    /// What one of them is and how it is written.
    const WRITTEN: &'static str;
    /// Its names, in small letters, the first standing for [`Unit::FIRST_NAMED`].
    const NAMES: &'static [&'static str] = &[];
    const FIRST_NAMED: i32 = 0;

    /// The member with this number, where numbers may stand for it.
    fn numbered(number: i32) -> Option<i32>;

    /// Whether a range may go from the one to the other.
    fn is_ordered(first: i32, last: i32) -> bool {
        first <= last
    }
}

/// Days of the week; Sunday is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weekdays;

impl Unit for Weekdays {
    const WRITTEN: &'static str = "a day of the week, sunday to saturday";
    const NAMES: &'static [&'static str] =
        &["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

    fn numbered(_: i32) -> Option<i32> {
        None
    }
}

/// Days of the month; negative ones count from its end, which is -1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DaysOfMonth;

impl Unit for DaysOfMonth {
    const WRITTEN: &'static str = "a day of the month, 1 to 31, or -31 to -1 from its end";

    fn numbered(number: i32) -> Option<i32> {
        (number != 0 && (-31..=31).contains(&number)).then_some(number)
    }

    /// A range from the end of the month stays there, and in the shortest month the first is not behind the last.
    fn is_ordered(first: i32, last: i32) -> bool {
        let in_shortest = |day: i32| if day < 0 { 28 + day } else { day };
        !(first < 0 && last > 0) && in_shortest(first) <= in_shortest(last)
    }
}

/// Months; January is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Months;

impl Unit for Months {
    const WRITTEN: &'static str = "a month, january to december or 1 to 12";
    const NAMES: &'static [&'static str] = &[
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    const FIRST_NAMED: i32 = 1;

    fn numbered(number: i32) -> Option<i32> {
        (1..=12).contains(&number).then_some(number)
    }
}

/// Years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Years;

impl Unit for Years {
    const WRITTEN: &'static str = "a year, such as 2026";

    fn numbered(number: i32) -> Option<i32> {
        Some(number)
    }
}

impl<U: Unit> Range<U> {
    pub(super) fn contains(&self, member: i32) -> bool {
        (self.first..=self.last).contains(&member)
    }
}

impl Range<DaysOfMonth> {
    /// Whether the day is inside in a month of so many days. What reaches beyond the month is cut at its end.
    pub(super) fn contains_day(&self, day: i32, days_in_month: i32) -> bool {
        let from_start = |day: i32| if day < 0 { days_in_month + day + 1 } else { day };
        (from_start(self.first)..=from_start(self.last)).contains(&day)
    }
}

impl<U: Unit> TryFrom<String> for Range<U> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let lower = text.to_lowercase();
        let (first, last) = lower.split_once(':').unwrap_or((&lower, &lower));
        let (first, last) = (member::<U>(first)?, member::<U>(last)?);
        if !U::is_ordered(first, last) {
            return Err(format!("{text:?} ends before it begins: write it as two ranges"));
        }
        Ok(Self { first, last, unit: PhantomData })
    }
}

fn member<U: Unit>(text: &str) -> Result<i32, String> {
    let named =
        U::NAMES.iter().zip(U::FIRST_NAMED..).find(|(name, _)| **name == text).map(|(_, number)| number);
    let member = named.or_else(|| text.parse().ok().and_then(U::numbered));
    member.ok_or_else(|| format!("{text:?} is not {}", U::WRITTEN))
}

impl<U: Unit> From<Range<U>> for String {
    fn from(range: Range<U>) -> Self {
        range.to_string()
    }
}

impl<U: Unit> fmt::Display for Range<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let member = |number: i32| {
            let index = usize::try_from(number - U::FIRST_NAMED).ok();
            index
                .and_then(|index| U::NAMES.get(index))
                .map_or_else(|| number.to_string(), |name| (*name).to_owned())
        };
        f.write_str(&member(self.first))?;
        if self.first != self.last {
            write!(f, ":{}", member(self.last))?;
        }
        Ok(())
    }
}
