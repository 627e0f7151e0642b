//! Go's times and durations: layouts, zones, and how they print.
//!
//! Source: the documentation of Go's package time.

use std::fmt;

use chrono::{DateTime, Datelike, Offset, TimeDelta, Timelike, Utc};
use chrono_tz::{OffsetName, Tz};
use isobar_normalizer::Timestamp;

/// A time in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(DateTime<Tz>);

/// How a time prints.
const DEFAULT_LAYOUT: &str = "2006-01-02 15:04:05.999999999 -0700 MST";
/// How JSON has it.
const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";
/// Seconds from Go's zero time, 0001-01-01T00:00:00Z, to the epoch.
const ZERO_SECONDS: i64 = -62_135_596_800;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Moment {
    /// In UTC.
    pub(crate) fn of(at: Timestamp) -> Self {
        DateTime::<Utc>::from_timestamp_millis(at.millis())
            .map_or_else(Self::zero, |at| Self(at.with_timezone(&Tz::UTC)))
    }

    /// Go's zero time, which stands where there is none.
    pub(crate) fn zero() -> Self {
        let zero = DateTime::<Utc>::from_timestamp(ZERO_SECONDS, 0).expect("the year 1 is in range");
        Self(zero.with_timezone(&Tz::UTC))
    }

    pub(super) fn is_zero(self) -> bool {
        self == Self::zero()
    }

    /// The same time in the zone of this name. `Local` is UTC: what a page says does not depend on the machine it comes
    /// from.
    pub(super) fn within(self, zone: &str) -> Option<Self> {
        let zone = match zone {
            "" | "UTC" | "Local" => Tz::UTC,
            name => name.parse().ok()?,
        };
        Some(Self(self.0.with_timezone(&zone)))
    }

    /// Nanoseconds from `earlier` to this, held at the ends of the range.
    pub(super) fn since(self, earlier: Self) -> i64 {
        let delta = self.0.signed_duration_since(earlier.0);
        let limit = if delta < TimeDelta::zero() { i64::MIN } else { i64::MAX };
        delta.num_nanoseconds().unwrap_or(limit)
    }

    pub(super) fn plus(self, nanos: i64) -> Option<Self> {
        self.0.checked_add_signed(TimeDelta::nanoseconds(nanos)).map(Self)
    }

    /// Nanoseconds since the epoch, where they fit.
    pub(super) fn nanos(self) -> Option<i64> {
        self.0.timestamp_nanos_opt()
    }

    /// Milliseconds since the epoch.
    pub(super) fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    pub(super) fn year(self) -> i64 {
        i64::from(self.0.year())
    }

    /// Number from 1 and name.
    pub(super) fn month(self) -> (i64, &'static str) {
        (i64::from(self.0.month()), MONTHS[self.0.month0() as usize])
    }

    /// Number from 0 for Sunday, and name.
    pub(super) fn weekday(self) -> (i64, &'static str) {
        let day = self.0.weekday().num_days_from_sunday();
        (i64::from(day), WEEKDAYS[day as usize])
    }

    pub(super) fn day(self) -> i64 {
        i64::from(self.0.day())
    }

    pub(super) fn year_day(self) -> i64 {
        i64::from(self.0.ordinal())
    }

    /// Hour, minute, second, nanosecond.
    pub(super) fn clock(self) -> [i64; 4] {
        let time = self.0.time();
        [time.hour(), time.minute(), time.second(), time.nanosecond()].map(i64::from)
    }

    pub(super) fn json(self) -> String {
        self.format(RFC3339_NANO)
    }

    /// By a layout that shows how the reference time, Mon Jan 2 15:04:05 MST 2006, would look.
    pub(super) fn format(self, layout: &str) -> String {
        let mut text = String::new();
        let mut rest = layout;
        while let Some(c) = rest.chars().next() {
            let used = match chunk(rest) {
                Some((chunk, used)) => {
                    self.write(chunk, &mut text);
                    used
                }
                None => {
                    text.push(c);
                    c.len_utf8()
                }
            };
            rest = &rest[used..];
        }
        text
    }

    fn write(self, chunk: Chunk, to: &mut String) {
        use std::fmt::Write as _;
        let at = &self.0;
        let hour12 = match at.hour() % 12 {
            0 => 12,
            hour => hour,
        };
        let half = if at.hour() < 12 { "AM" } else { "PM" };
        // Writing to a string cannot fail.
        let _ = match chunk {
            Chunk::Month => to.write_str(self.month().1),
            Chunk::Mon => to.write_str(&self.month().1[..3]),
            Chunk::Weekday => to.write_str(self.weekday().1),
            Chunk::Day => to.write_str(&self.weekday().1[..3]),
            Chunk::Number(field, pad) => {
                let (number, width) = match field {
                    Unit::Month => (at.month(), 2),
                    Unit::Day => (at.day(), 2),
                    Unit::YearDay => (at.ordinal(), 3),
                    Unit::Hour => (at.hour(), 2),
                    Unit::Hour12 => (hour12, 2),
                    Unit::Minute => (at.minute(), 2),
                    Unit::Second => (at.second(), 2),
                    Unit::ShortYear => (at.year().rem_euclid(100).unsigned_abs(), 2),
                };
                match pad {
                    Pad::None => write!(to, "{number}"),
                    Pad::Zero => write!(to, "{number:0width$}"),
                    Pad::Space => write!(to, "{number:width$}"),
                }
            }
            Chunk::Year => write!(to, "{:04}", at.year()),
            Chunk::Half(true) => to.write_str(half),
            Chunk::Half(false) => to.write_str(&half.to_lowercase()),
            Chunk::Zone => {
                let offset = at.offset();
                match offset.abbreviation() {
                    Some(name) => to.write_str(name),
                    None => to.write_str(&zone_offset(offset.fix().local_minus_utc(), "-0700")),
                }
            }
            Chunk::Offset(form) => {
                let seconds = at.offset().fix().local_minus_utc();
                match form.strip_prefix('Z') {
                    Some(_) if seconds == 0 => to.write_char('Z'),
                    _ => to.write_str(&zone_offset(seconds, form)),
                }
            }
            Chunk::Fraction { separator, digits, trims } => {
                let nanos = format!("{:09}", at.nanosecond() % 1_000_000_000);
                let fraction: String = nanos.chars().chain(std::iter::repeat('0')).take(digits).collect();
                let shown = if trims { fraction.trim_end_matches('0') } else { &fraction };
                if trims && shown.is_empty() { Ok(()) } else { write!(to, "{separator}{shown}") }
            }
        };
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format(DEFAULT_LAYOUT))
    }
}

#[derive(Clone, Copy, Debug)]
enum Chunk {
    Month,
    Mon,
    Weekday,
    Day,
    Number(Unit, Pad),
    Year,
    /// `PM` or `pm`.
    Half(bool),
    Zone,
    Offset(&'static str),
    Fraction {
        separator: char,
        digits: usize,
        trims: bool,
    },
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Month,
    Day,
    YearDay,
    Hour,
    Hour12,
    Minute,
    Second,
    ShortYear,
}

#[derive(Clone, Copy, Debug)]
enum Pad {
    None,
    Zero,
    Space,
}

/// Pieces by their text; a longer one stands before the ones it begins with.
const CHUNKS: [(&str, Chunk); 35] = [
    ("January", Chunk::Month),
    ("Jan", Chunk::Mon),
    ("Monday", Chunk::Weekday),
    ("Mon", Chunk::Day),
    ("MST", Chunk::Zone),
    ("002", Chunk::Number(Unit::YearDay, Pad::Zero)),
    ("01", Chunk::Number(Unit::Month, Pad::Zero)),
    ("02", Chunk::Number(Unit::Day, Pad::Zero)),
    ("03", Chunk::Number(Unit::Hour12, Pad::Zero)),
    ("04", Chunk::Number(Unit::Minute, Pad::Zero)),
    ("05", Chunk::Number(Unit::Second, Pad::Zero)),
    ("06", Chunk::Number(Unit::ShortYear, Pad::Zero)),
    ("15", Chunk::Number(Unit::Hour, Pad::Zero)),
    ("1", Chunk::Number(Unit::Month, Pad::None)),
    ("2006", Chunk::Year),
    ("2", Chunk::Number(Unit::Day, Pad::None)),
    ("__2", Chunk::Number(Unit::YearDay, Pad::Space)),
    ("_2", Chunk::Number(Unit::Day, Pad::Space)),
    ("3", Chunk::Number(Unit::Hour12, Pad::None)),
    ("4", Chunk::Number(Unit::Minute, Pad::None)),
    ("5", Chunk::Number(Unit::Second, Pad::None)),
    ("PM", Chunk::Half(true)),
    ("pm", Chunk::Half(false)),
    ("-07:00:00", Chunk::Offset("-07:00:00")),
    ("-07:00", Chunk::Offset("-07:00")),
    ("-070000", Chunk::Offset("-070000")),
    ("-0700", Chunk::Offset("-0700")),
    ("-07", Chunk::Offset("-07")),
    ("Z07:00:00", Chunk::Offset("Z07:00:00")),
    ("Z07:00", Chunk::Offset("Z07:00")),
    ("Z070000", Chunk::Offset("Z070000")),
    ("Z0700", Chunk::Offset("Z0700")),
    ("Z07", Chunk::Offset("Z07")),
    (".", Chunk::Fraction { separator: '.', digits: 0, trims: false }),
    (",", Chunk::Fraction { separator: ',', digits: 0, trims: false }),
];

/// The piece that a layout begins with, and how long it is.
fn chunk(rest: &str) -> Option<(Chunk, usize)> {
    let (text, chunk) = CHUNKS.iter().find(|(text, _)| rest.starts_with(text))?;
    let after = &rest[text.len()..];
    match chunk {
        // A month or day that goes on in small letters is a word.
        Chunk::Mon | Chunk::Day if after.starts_with(|c: char| c.is_ascii_lowercase()) => None,
        // `_2006` is an underscore and a year.
        Chunk::Number(Unit::Day, Pad::Space) if rest.starts_with("_2006") => None,
        Chunk::Fraction { separator, .. } => {
            let digit = after.chars().next().filter(|digit| matches!(digit, '0' | '9'))?;
            let digits = after.len() - after.trim_start_matches(digit).len();
            let ends = !after[digits..].starts_with(|c: char| c.is_ascii_digit());
            let fraction = Chunk::Fraction { separator: *separator, digits, trims: digit == '9' };
            ends.then_some((fraction, 1 + digits))
        }
        chunk => Some((*chunk, text.len())),
    }
}

/// `+08:00` in the form of a layout.
fn zone_offset(seconds: i32, form: &str) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match form.trim_start_matches(['-', 'Z']) {
        "07" => format!("{sign}{hours:02}"),
        "0700" => format!("{sign}{hours:02}{minutes:02}"),
        "070000" => format!("{sign}{hours:02}{minutes:02}{rest:02}"),
        "07:00:00" => format!("{sign}{hours:02}:{minutes:02}:{rest:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}"),
    }
}

/// `1h2m3.5s`, `250ms`, `0s`.
pub(super) fn duration_text(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{nanos}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", decimal(nanos, 3)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", decimal(nanos, 6)),
        _ => {
            let minutes = nanos / 60_000_000_000;
            let seconds = decimal(nanos % 60_000_000_000, 9);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// The number divided by a power of ten, without trailing zeros.
fn decimal(number: u64, digits: usize) -> String {
    let number = format!("{number:0width$}", width = digits + 1);
    let (whole, fraction) = number.split_at(number.len() - digits);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}
