//! The version 4 body, field by field as Alertmanager 0.34 writes it.
//!
//! Source: prometheus/alertmanager `notify/webhook` and `template.Data`, read 2026-11.

use std::collections::BTreeMap;

use serde::Serialize;
use url::Url;

use crate::delivery::NotifiedAlert;
use crate::notify::Message;
use crate::notify::text::{common_annotations, common_labels, generator_url};

/// What stands as `endsAt` while an alert is open: Go's zero time.
const NO_END: &str = "0001-01-01T00:00:00Z";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payload<'a> {
    receiver: &'a str,
    status: &'static str,
    alerts: Vec<PayloadAlert<'a>>,
    #[serde(rename = "notification_reason")]
    notification_reason: &'static str,
    group_labels: BTreeMap<&'a str, &'a str>,
    common_labels: BTreeMap<&'a str, &'a str>,
    common_annotations: BTreeMap<&'a str, &'a str>,
    /// Labels of the route; there are none yet.
    route_labels: BTreeMap<&'a str, &'a str>,
    #[serde(rename = "externalURL")]
    external_url: &'a str,
    version: &'static str,
    group_key: &'a str,
    truncated_alerts: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PayloadAlert<'a> {
    status: &'static str,
    labels: BTreeMap<&'a str, &'a str>,
    annotations: &'a BTreeMap<String, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

impl<'a> Payload<'a> {
    /// The body that tells of the message; `max_alerts` of zero is no limit.
    pub(super) fn of(message: &Message<'a>, max_alerts: usize, external_url: &'a Url) -> Self {
        let fitting = message.alerts().count();
        let shown = if max_alerts == 0 { fitting } else { max_alerts.min(fitting) };
        Self {
            receiver: &message.notification.group.receiver,
            status: message.direction().as_str(),
            alerts: message.alerts().take(shown).map(|alert| PayloadAlert::of(alert, external_url)).collect(),
            notification_reason: message.delivery.reason.as_str(),
            group_labels: message.notification.group_labels.iter().collect(),
            common_labels: common_labels(message),
            common_annotations: common_annotations(message),
            route_labels: BTreeMap::new(),
            external_url: external_url.as_str().trim_end_matches('/'),
            version: "4",
            group_key: &message.notification.group.key,
            truncated_alerts: message.all_alerts().count() - shown,
        }
    }
}

impl<'a> PayloadAlert<'a> {
    fn of(alert: &'a NotifiedAlert, external_url: &Url) -> Self {
        Self {
            status: alert.direction.as_str(),
            labels: alert.labels.iter().collect(),
            annotations: &alert.annotations,
            starts_at: alert.starts_at.to_string(),
            ends_at: alert.ends_at.map_or_else(|| NO_END.to_owned(), |at| at.to_string()),
            generator_url: generator_url(external_url, alert),
            fingerprint: format!("{:016x}", alert.fingerprint),
        }
    }
}

#[cfg(test)]
mod tests;
