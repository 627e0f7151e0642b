//! Times, durations, limits: the parameter forms Prometheus reads.

use std::time::Duration;

use isobar_normalizer::{TimeRange, Timestamp, parse_duration};

use super::PrometheusError;
use crate::params::Params;

/// What clients send for "from the beginning" and "to the end". Source: Prometheus' `MinTime`, `MaxTime`.
const MIN_TIME: &str = "-292273086-05-16T16:47:06Z";
const MAX_TIME: &str = "292277025-08-18T07:12:54.999999999Z";

/// All of time.
const ALWAYS: TimeRange =
    TimeRange { start: Timestamp::from_millis(i64::MIN), end: Timestamp::from_millis(i64::MAX) };

/// Unix seconds with fraction, or RFC 3339.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("cannot parse {text:?} to a valid timestamp");
    match text {
        MIN_TIME => return Ok(ALWAYS.start),
        MAX_TIME => return Ok(ALWAYS.end),
        _ => {}
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return millis(seconds).map(Timestamp::from_millis).ok_or_else(wrong);
    }
    Timestamp::parse_rfc3339(text).ok_or_else(wrong)
}

/// Seconds with fraction, or a duration with units; milliseconds, negative ones included.
fn parse_step(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        let overflow = || format!("cannot parse {text:?} to a valid duration. It overflows int64");
        return millis(seconds).ok_or_else(overflow);
    }
    let duration = parse_duration(text).map_err(|_| format!("cannot parse {text:?} to a valid duration"))?;
    Ok(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

/// Seconds as whole milliseconds; `None` for what is no number or lies beyond 292 million years.
fn millis(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1000.0).round();
    (millis.abs() < i64::MAX as f64).then_some(millis as i64)
}

/// The time parameter, where it is given.
pub(super) fn time(params: &Params, name: &str) -> Result<Option<Timestamp>, PrometheusError> {
    let parsed = params.get(name).map(parse_time).transpose();
    parsed.map_err(|wrong| {
        PrometheusError::parameter(name, format!("Invalid time value for '{name}': {wrong}"))
    })
}

/// A time parameter that must be given.
pub(super) fn required_time(params: &Params, name: &str) -> Result<Timestamp, PrometheusError> {
    let parsed = parse_time(params.get(name).unwrap_or_default());
    parsed.map_err(|wrong| PrometheusError::parameter(name, wrong))
}

/// `start` to `end`; what is left out is the beginning or the end of time.
pub(super) fn range(params: &Params) -> Result<TimeRange, PrometheusError> {
    let start = time(params, "start")?.unwrap_or(ALWAYS.start);
    let end = time(params, "end")?.unwrap_or(ALWAYS.end);
    Ok(TimeRange { start, end })
}

/// `step`: more than zero.
pub(super) fn step(params: &Params) -> Result<Duration, PrometheusError> {
    let parsed = parse_step(params.get("step").unwrap_or_default());
    let millis = parsed.map_err(|wrong| PrometheusError::parameter("step", wrong))?;
    match u64::try_from(millis) {
        Ok(millis) if millis > 0 => Ok(Duration::from_millis(millis)),
        _ => Err(PrometheusError::parameter(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        )),
    }
}

/// A duration parameter that may be left out; negative ones count as zero.
pub(super) fn duration(params: &Params, name: &str) -> Result<Option<Duration>, PrometheusError> {
    let parsed = params.get(name).map(parse_step).transpose();
    let millis = parsed.map_err(|wrong| PrometheusError::parameter(name, wrong))?;
    Ok(millis.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0))))
}

/// A count where zero, like absence, means no limit.
pub(super) fn limit(params: &Params, name: &str) -> Result<Option<usize>, PrometheusError> {
    let Some(text) = params.get(name) else {
        return Ok(None);
    };
    match text.parse::<i64>() {
        Ok(limit) if limit < 0 => {
            Err(PrometheusError::parameter(name, format!("{name} must be non-negative")))
        }
        Ok(0) => Ok(None),
        Ok(limit) => Ok(Some(usize::try_from(limit).unwrap_or(usize::MAX))),
        Err(_) => Err(PrometheusError::parameter(name, format!("{text:?} is not a whole number"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_every_form() {
        for (text, millis) in [
            ("1435781451.781", 1_435_781_451_781),
            ("-0.5", -500),
            ("1e3", 1_000_000),
            ("2015-07-01T20:10:51.781Z", 1_435_781_451_781),
            ("2015-07-01T22:10:51.781+02:00", 1_435_781_451_781),
            (MIN_TIME, i64::MIN),
            (MAX_TIME, i64::MAX),
        ] {
            assert_eq!(parse_time(text), Ok(Timestamp::from_millis(millis)), "{text}");
        }
        for text in ["", "foo", "NaN", "+Inf", "1e300", "2015-07-01"] {
            assert_eq!(parse_time(text), Err(format!("cannot parse {text:?} to a valid timestamp")));
        }
    }

    #[test]
    fn steps_in_every_form() {
        for (text, millis) in [("15", 15_000), ("0.25", 250), ("1m30s", 90_000), ("-5", -5_000), ("0", 0)] {
            assert_eq!(parse_step(text), Ok(millis), "{text}");
        }
        for text in ["", "foo", "5 m", "-5m", "NaN", "1e300"] {
            assert!(parse_step(text).is_err(), "{text}");
        }
    }
}
