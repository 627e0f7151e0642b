//! The texts CloudWatch gives with a state. The forms are those of real alarms.

use chrono::DateTime;
use serde_json::json;

use super::{Condition, Operator, State};
use crate::estate::Millis;

fn format(t: Millis, pattern: &str) -> String {
    DateTime::from_timestamp_millis(t).map_or_else(String::new, |t| t.format(pattern).to_string())
}

/// `2026-11-21T04:04:55.000+0000`: the offset has no colon.
pub(crate) fn compact_time(t: Millis) -> String {
    format(t, "%Y-%m-%dT%H:%M:%S%.3f+0000")
}

/// `2026-11-21T04:04:55.000Z`.
pub(crate) fn iso_time(t: Millis) -> String {
    format(t, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// A number as Java prints a double: always with a fraction.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.1}") } else { value.to_string() }
}

pub(super) fn reason(
    condition: &Condition,
    recent: &[(Millis, Option<f64>)],
    from: State,
    to: State,
) -> String {
    if to == State::InsufficientData {
        let n = recent.len();
        let plural =
            if n == 1 { "period and 1 missing datapoint was" } else { "periods and missing datapoints were" };
        return format!(
            "Insufficient Data: no datapoints were received for {n} {plural} treated as [Missing]."
        );
    }
    let shown = recent.iter().rev().filter_map(|(at, value)| {
        Some(format!("{} ({})", number((*value)?), format(*at, "%d/%m/%y %H:%M:%S")))
    });
    let shown: Vec<String> = shown.collect();
    let passed = match (to, condition.operator) {
        (State::Firing, Operator::Greater) => "greater than",
        (State::Firing, Operator::GreaterOrEqual) => "greater than or equal to",
        (State::Firing, Operator::Less) => "less than",
        (_, Operator::Greater) => "not greater than",
        (_, Operator::GreaterOrEqual) => "not greater than or equal to",
        (_, Operator::Less) => "not less than",
    };
    let needed =
        if to == State::Firing { condition.to_alarm } else { condition.periods - condition.to_alarm + 1 };
    format!(
        "Threshold Crossed: {} out of the last {} datapoints [{}] {} {passed} the threshold ({}) (minimum {needed} datapoint{} for {} -> {} transition).",
        shown.len(),
        condition.periods,
        shown.join(", "),
        if shown.len() == 1 { "was" } else { "were" },
        number(condition.threshold),
        if needed == 1 { "" } else { "s" },
        from.name(),
        to.name()
    )
}

pub(super) fn reason_data(condition: &Condition, recent: &[(Millis, Option<f64>)], at: Millis) -> String {
    let evaluated = recent.iter().rev().map(|(from, value)| match value {
        Some(value) => json!({"timestamp": compact_time(*from), "value": value}),
        None => json!({"timestamp": compact_time(*from)}),
    });
    let values: Vec<f64> = recent.iter().filter_map(|(_, value)| *value).collect();
    json!({
        "version": "1.0",
        "queryDate": compact_time(at),
        "startDate": recent.first().map(|(from, _)| compact_time(*from)),
        "statistic": condition.statistic_name,
        "period": condition.period / 1_000,
        "recentDatapoints": values,
        "threshold": condition.threshold,
        "evaluatedDatapoints": evaluated.collect::<Vec<_>>(),
    })
    .to_string()
}

pub(super) fn composite_reason(arn: &str, state: State, at: Millis) -> String {
    let when = format(at, "%A %d %B, %Y %H:%M:%S UTC");
    format!("{arn} transitioned to {} at {when}", state.name())
}

pub(super) fn composite_data<'a>(firing: impl Iterator<Item = (&'a str, State)>, at: Millis) -> String {
    let firing = firing.take(20).map(
        |(arn, state)| json!({"arn": arn, "state": {"value": state.name(), "timestamp": compact_time(at)}}),
    );
    json!({"triggeringAlarms": firing.collect::<Vec<_>>()}).to_string()
}
