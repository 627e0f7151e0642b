//! What channels share: links, and what the alerts of a message have in common.

use std::collections::BTreeMap;

use isobar_normalizer::Severity;
use url::Url;

use super::Message;
use super::chat::{ENGLISH, Words};
use crate::delivery::{Direction, NotifiedAlert};

/// `[FIRING:2] HighCpu: CPU of db-1 at 97%`, `[RESOLVED] HighCpu`; one line whatever the annotations hold.
pub(super) fn headline(message: &Message<'_>) -> String {
    headline_in(message, &ENGLISH)
}

/// The same in these words.
pub(super) fn headline_in(message: &Message<'_>, words: &Words) -> String {
    let firing = message.all_alerts().filter(|alert| alert.is_firing()).count();
    let state = match message.direction() {
        Direction::Firing => format!("[{}:{firing}]", words.firing),
        Direction::Acknowledged => format!("[{}]", words.acknowledged),
        Direction::Resolved => format!("[{}]", words.resolved),
    };
    let mut names: Vec<&str> =
        message.all_alerts().filter_map(|alert| alert.labels.get("alertname")).collect();
    names.sort_unstable();
    names.dedup();
    let subject = match names.as_slice() {
        [] => words.alert.to_owned(),
        [one] => (*one).to_owned(),
        [first, rest @ ..] => (words.and_more)(first, rest.len()),
    };
    let worst = message.all_alerts().max_by_key(|alert| (alert.is_firing(), alert.severity));
    let detail = worst.and_then(|alert| {
        let annotation = alert.annotations.get("summary").map(String::as_str);
        annotation.or_else(|| alert.labels.get("resource_name")).or_else(|| alert.labels.get("resource_id"))
    });
    let line = match detail {
        Some(detail) => format!("{state} {subject}: {detail}"),
        None => format!("{state} {subject}"),
    };
    one_line(&marked_in(message, line, words))
}

/// A title with what it must say whatever template wrote it: that it is for another receiver.
pub(super) fn marked(message: &Message<'_>, title: String) -> String {
    marked_in(message, title, &ENGLISH)
}

/// The same in these words.
pub(super) fn marked_in(message: &Message<'_>, title: String, words: &Words) -> String {
    match mark(message, words) {
        Some(mark) => format!("{mark} {title}"),
        None => title,
    }
}

/// What a message to a fallback says first.
pub(super) fn mark(message: &Message<'_>, words: &Words) -> Option<String> {
    message.delivery.fallback_for.as_ref().map(|receiver| one_line(&(words.instead_of)(receiver)))
}

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
    let worst = message.all_alerts().max_by_key(|alert| (alert.is_firing(), alert.severity));
    worst.map_or(Severity::Info, |alert| alert.severity)
}

/// Where people see this alert.
pub(crate) fn alert_url(external_url: &Url, alert: &NotifiedAlert) -> String {
    format!("{}/alerts?q={:016x}", external_url.as_str().trim_end_matches('/'), alert.fingerprint)
}

/// What raised an alert: as its sender says, or our own page where nobody sent it.
pub(crate) fn generator_url(external_url: &Url, alert: &NotifiedAlert) -> String {
    alert.generator_url.clone().unwrap_or_else(|| alert_url(external_url, alert))
}

/// Where people see all alerts.
pub(super) fn alerts_url(external_url: &Url) -> String {
    format!("{}/alerts", external_url.as_str().trim_end_matches('/'))
}

/// Text inside HTML, also inside an attribute.
pub(super) fn in_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What to do about the alert, where it says so by a web address.
pub(super) fn runbook_url(alert: &NotifiedAlert) -> Option<Url> {
    let url = Url::parse(alert.annotations.get("runbook_url")?).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
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
    common(message.all_alerts().map(|alert| alert.labels.iter()))
}

/// The annotations all alerts of the message have.
pub(crate) fn common_annotations<'a>(message: &Message<'a>) -> BTreeMap<&'a str, &'a str> {
    common(
        message
            .all_alerts()
            .map(|alert| alert.annotations.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
    )
}
