//! Grains, time spans and how they are written.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};

use crate::estate::Millis;

/// A minute in milliseconds.
pub(crate) const MINUTE: Millis = 60_000;
/// An hour in milliseconds.
pub(crate) const HOUR: Millis = 60 * MINUTE;
/// A day in milliseconds.
pub(crate) const DAY: Millis = 24 * HOUR;

/// The grains there are.
/// Source: azure-monitor-docs, articles/azure-monitor/metrics/metrics-aggregation-explained.md, "Granularity and bucketing".
pub(crate) const GRAINS: [(&str, Millis); 8] = [
    ("PT1M", MINUTE),
    ("PT5M", 5 * MINUTE),
    ("PT15M", 15 * MINUTE),
    ("PT30M", 30 * MINUTE),
    ("PT1H", HOUR),
    ("PT6H", 6 * HOUR),
    ("PT12H", 12 * HOUR),
    ("P1D", DAY),
];

/// The length of a grain by its name.
pub(crate) fn parse_grain(name: &str) -> Option<Millis> {
    GRAINS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, length)| *length)
}

/// Writes any duration as ISO 8601 has it: `PT4H`, `PT1H30M`, `P2D`.
pub(crate) fn write_duration(length: Millis) -> String {
    let (days, rest) = (length / DAY, length % DAY);
    let (hours, minutes, seconds) = (rest / HOUR, rest % HOUR / MINUTE, rest % MINUTE / 1_000);
    let mut text = "P".to_owned();
    if days > 0 {
        text.push_str(&format!("{days}D"));
    }
    if rest >= 1_000 || days == 0 {
        text.push('T');
        for (count, unit) in [(hours, 'H'), (minutes, 'M'), (seconds, 'S')] {
            if count > 0 {
                text.push_str(&format!("{count}{unit}"));
            }
        }
        if rest < 1_000 {
            text.push_str("0S");
        }
    }
    text
}

/// Reads a time, with or without zone; without one it is UTC. None when it is no time.
pub(crate) fn parse_time(text: &str) -> Option<Millis> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(naive.and_utc().timestamp_millis())
}

fn utc(t: Millis) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(t).unwrap_or_default()
}

/// `2026-11-21T15:00:00Z`.
pub(crate) fn write_time(t: Millis) -> String {
    utc(t).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// With the seven digits of a .NET time: `2026-11-21T15:00:00.1230000Z`.
pub(crate) fn write_ticks(t: Millis) -> String {
    format!("{}0000Z", utc(t).format("%Y-%m-%dT%H:%M:%S%.3f"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_iso_8601() {
        let cases = [(MINUTE, "PT1M"), (4 * HOUR, "PT4H"), (DAY, "P1D"), (DAY + 90 * MINUTE, "P1DT1H30M")];
        for (length, text) in cases {
            assert_eq!(write_duration(length), text);
        }
        assert_eq!(write_duration(0), "PT0S");
        for (name, length) in GRAINS {
            assert_eq!((write_duration(length).as_str(), parse_grain(name)), (name, Some(length)));
        }
        assert_eq!(parse_grain("PT30S"), None);
    }

    #[test]
    fn times_come_in_many_spellings() {
        let expected = Some(1_795_000_000_000);
        for text in ["2026-11-18T11:06:40Z", "2026-11-18T12:06:40+01:00", "2026-11-18T11:06:40.000"] {
            assert_eq!(parse_time(text), expected, "{text}");
        }
        assert_eq!(parse_time("yesterday"), None);
        assert_eq!(write_ticks(1_795_000_000_123), "2026-11-18T11:06:40.1230000Z");
    }
}
