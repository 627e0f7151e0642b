//! Points in time, ranges of time, and durations as users write them.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// Milliseconds since 1970-01-01T00:00:00Z. A sample's timestamp is the END of the period it measures.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch with fraction, as the Prometheus API writes time.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// This time later by `duration`, held at the ends of the range.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(duration)))
    }

    /// This time earlier by `duration`, held at the ends of the range.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis_of(duration)))
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339, with any offset.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|at| Self(at.timestamp_millis()))
    }
}

fn millis_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// RFC 3339 in UTC with milliseconds, `2026-01-02T03:04:05.678Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_millis(self.0) {
            Some(at) => f.write_str(&at.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => write!(f, "{}ms", self.0),
        }
    }
}

/// A stretch of time, both ends included, in the store's and the query engine's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// First instant inside.
    pub start: Timestamp,
    /// Last instant inside.
    pub end: Timestamp,
}

impl TimeRange {
    /// Whether the instant lies inside.
    pub fn contains(self, at: Timestamp) -> bool {
        self.start <= at && at <= self.end
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration: write a whole number and a unit, like 30s, 5m, 1h30m, 250ms or 30d")]
pub struct DurationError(pub String);

/// The units of Prometheus durations, largest first, in milliseconds. Source: prometheus/common `model.ParseDuration`.
const UNITS: [(&str, u64); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a Prometheus duration: whole numbers with units `y w d h m s ms`, largest first, each at most once; or `0`.
///
/// # Errors
/// Anything else, and what does not fit 64 bits of milliseconds.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError(text.to_owned());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut next_unit = 0;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit_text = &rest[digits..];
        let letters = unit_text.bytes().take_while(u8::is_ascii_alphabetic).count();
        let index = UNITS.iter().position(|(unit, _)| *unit == &unit_text[..letters]).ok_or_else(wrong)?;
        if index < next_unit {
            return Err(wrong());
        }
        next_unit = index + 1;
        total =
            count.checked_mul(UNITS[index].1).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = &unit_text[letters..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_millis(total)) }
}

/// Writes a duration so that [`parse_duration`] reads it back; parts under a millisecond are cut.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, millis) in UNITS {
        let exact_only = matches!(unit, "y" | "w");
        if rest >= millis && (!exact_only || rest.is_multiple_of(millis)) {
            text.push_str(&format!("{}{unit}", rest / millis));
            rest %= millis;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_as_prometheus_reads_them() {
        for (text, millis) in [
            ("0", 0),
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("1d", 86_400_000),
            ("1y2w", 32_745_600_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "m", "5 m", "-5m", "1m1h", "1m1m", "1.5h", "99999999999999999y", "5µs", "ms5"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_shown_in_rfc_3339() {
        let at = Timestamp::from_millis(1_767_323_045_678);
        assert_eq!(at.to_string(), "2026-01-02T03:04:05.678Z");
        assert_eq!(Timestamp::parse_rfc3339("2026-01-02T04:04:05.678+01:00"), Some(at));
    }

    proptest! {
        #[test]
        fn formatting_is_undone_by_parsing(millis in 0u64..=10_000_000_000_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
    }
}
