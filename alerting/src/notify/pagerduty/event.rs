//! One event, within the limits of the API.

use std::collections::BTreeMap;

use isobar_normalizer::Revealed;
use serde::Serialize;
use url::Url;

use super::Fixed;
use crate::delivery::Direction;
use crate::notify::text::{alert_url, common_labels, cut, headline, one_line, worst_severity};
use crate::notify::{Message, NotifyError};

/// Longest `payload.summary`, in characters.
const SUMMARY_MAX: usize = 1024;
/// Largest event, in bytes; Alertmanager's figure for the documented 512 KB.
const EVENT_MAX: usize = 512_000;
/// Alerts shown in `custom_details`; an incident page is read by people.
const ALERTS_SHOWN: usize = 100;
/// Keys of `custom_details` that are always there: the same key twice is JSON that nobody has to take.
pub(super) const OWN_DETAILS: [&str; 6] =
    ["reason", "group_key", "firing_count", "resolved_count", "alerts", "left_out"];
/// Links to alerts.
const LINKS_SHOWN: usize = 5;

#[derive(Serialize)]
struct Event<'a> {
    routing_key: &'a str,
    event_action: &'static str,
    dedup_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
}

#[derive(Serialize)]
struct Payload<'a> {
    summary: String,
    source: String,
    severity: &'a str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
    custom_details: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(flatten)]
    fixed: &'a BTreeMap<String, String>,
    reason: &'static str,
    group_key: &'a str,
    firing_count: usize,
    resolved_count: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alerts: Vec<DetailAlert<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
}

#[derive(Serialize)]
struct DetailAlert<'a> {
    status: &'static str,
    severity: &'static str,
    labels: BTreeMap<&'a str, &'a str>,
    annotations: &'a BTreeMap<String, String>,
    starts_at: String,
}

#[derive(Serialize)]
struct Link {
    href: String,
    text: String,
}

/// The event as JSON. Alerts are left out of the details, and counted there, where it would be too large.
pub(super) fn write(
    message: &Message<'_>,
    fixed: &Fixed,
    routing_key: &Revealed,
    external_url: &Url,
) -> Result<Vec<u8>, NotifyError> {
    let mut shown = ALERTS_SHOWN;
    loop {
        let event = event(message, fixed, routing_key, external_url, shown);
        let body = serde_json::to_vec(&event).map_err(|error| NotifyError::Unwritable(error.to_string()))?;
        if body.len() <= EVENT_MAX {
            return Ok(body);
        }
        if shown == 0 {
            let size = body.len();
            return Err(NotifyError::Unwritable(format!(
                "event of {size} bytes without any alert: at most {EVENT_MAX}"
            )));
        }
        shown /= 2;
    }
}

fn event<'a>(
    message: &Message<'a>,
    fixed: &'a Fixed,
    routing_key: &'a Revealed,
    external_url: &'a Url,
    shown: usize,
) -> Event<'a> {
    let is_trigger = message.direction() == Direction::Firing;
    let mut links: Vec<Link> = Vec::new();
    if is_trigger {
        for (href, text) in &fixed.links {
            links.push(Link {
                href: href.to_string(),
                text: text.clone().unwrap_or_else(|| href.to_string()),
            });
        }
        for alert in message.alerts().filter(|alert| alert.is_firing()).take(LINKS_SHOWN) {
            let name = alert.labels.get("alertname").unwrap_or("alert");
            links
                .push(Link { href: alert_url(external_url, alert), text: cut(&one_line(name), SUMMARY_MAX) });
        }
    }
    Event {
        routing_key: routing_key.expose(),
        event_action: match message.direction() {
            Direction::Firing => "trigger",
            Direction::Acknowledged => "acknowledge",
            Direction::Resolved => "resolve",
        },
        dedup_key: &message.delivery.idempotency_key,
        payload: is_trigger.then(|| payload(message, fixed, external_url, shown)),
        client: is_trigger.then(|| fixed.client.as_deref().unwrap_or("Isobar")),
        client_url: is_trigger.then(|| fixed.client_url.as_deref().unwrap_or(external_url.as_str())),
        links,
    }
}

fn payload<'a>(message: &Message<'a>, fixed: &'a Fixed, external_url: &Url, shown: usize) -> Payload<'a> {
    let labels = common_labels(message);
    let label = |names: &[&str]| names.iter().find_map(|name| labels.get(name).copied());
    let source = fixed.source.as_deref().or_else(|| label(&["resource_name", "resource_id", "instance"]));
    let firing = message.alerts().filter(|alert| alert.is_firing()).count();
    let total = message.alerts().count();
    let begun = message.alerts().filter(|alert| alert.is_firing()).map(|alert| alert.starts_at).min();
    let summary = fixed.description.clone().unwrap_or_else(|| headline(message));
    Payload {
        summary: cut(&summary, SUMMARY_MAX),
        source: cut(source.unwrap_or_else(|| external_url.host_str().unwrap_or("isobar")), SUMMARY_MAX),
        severity: fixed.severity.as_deref().unwrap_or_else(|| worst_severity(message).as_str()),
        timestamp: begun.unwrap_or(message.notification.at).to_string(),
        component: fixed.component.as_deref().or_else(|| label(&["resource_type", "job"])),
        group: fixed.group.as_deref().or_else(|| label(&["service_name", "cluster"])),
        class: fixed.class.as_deref().or_else(|| label(&["class"])),
        custom_details: Details {
            fixed: &fixed.details,
            reason: message.delivery.reason.as_str(),
            group_key: &message.notification.group.key,
            firing_count: firing,
            resolved_count: total - firing,
            alerts: message
                .alerts()
                .take(shown)
                .map(|alert| DetailAlert {
                    status: alert.direction.as_str(),
                    severity: alert.severity.as_str(),
                    labels: alert.labels.iter().collect(),
                    annotations: &alert.annotations,
                    starts_at: alert.starts_at.to_string(),
                })
                .collect(),
            left_out: (total > shown).then(|| format!("{} of {total} alerts are not shown", total - shown)),
        },
    }
}

#[cfg(test)]
mod tests;
