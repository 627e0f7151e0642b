//! What channels share: links, and what the alerts of a message have in common.

use std::collections::BTreeMap;

use isobar_normalizer::Severity;
use url::Url;

use super::Message;
use crate::delivery::NotifiedAlert;

/// Control characters, line ends of every kind among them, become spaces.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect()
}

/// At most `max` characters, the last one an ellipsis where something was cut.
pub(super) fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// The worst severity among the open alerts, or among all when none is open.
pub(super) fn worst_severity(message: &Message<'_>) -> Severity {
    let worst = message.alerts().max_by_key(|alert| (alert.is_firing(), alert.severity));
    worst.map_or(Severity::Info, |alert| alert.severity)
}

/// Where people see this alert.
pub(crate) fn alert_url(external_url: &Url, alert: &NotifiedAlert) -> String {
    format!("{}/alerts?q={:016x}", external_url.as_str().trim_end_matches('/'), alert.fingerprint)
}

/// The pairs that all of these maps hold.
pub(super) fn common<'a, P>(mut maps: impl Iterator<Item = P>) -> BTreeMap<&'a str, &'a str>
where
    P: Iterator<Item = (&'a str, &'a str)>,
{
    let Some(first) = maps.next() else { return BTreeMap::new() };
    let mut shared: BTreeMap<&str, &str> = first.collect();
    for map in maps {
        let other: BTreeMap<&str, &str> = map.collect();
        shared.retain(|name, value| other.get(name) == Some(value));
    }
    shared
}

/// The labels all alerts of the message have.
pub(crate) fn common_labels<'a>(message: &Message<'a>) -> BTreeMap<&'a str, &'a str> {
    common(message.alerts().map(|alert| alert.labels.iter()))
}

/// The annotations all alerts of the message have.
pub(crate) fn common_annotations<'a>(message: &Message<'a>) -> BTreeMap<&'a str, &'a str> {
    common(
        message
            .alerts()
            .map(|alert| alert.annotations.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
    )
}
