//! What our own machine-readable channels say of a message: one JSON object, the same in each of them.

use std::collections::BTreeMap;

use serde::Serialize;
use url::Url;

use super::Message;
use super::text::{alert_url, alerts_url, headline, worst_severity};
use crate::delivery::{Direction, NotifiedAlert};

/// The message as data. Times are RFC 3339 in UTC; alerts are in label order, the worst first in a digest.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    receiver: &'a str,
    /// `firing` while anything is open, else `resolved`.
    status: &'static str,
    reason: &'static str,
    /// The worst of the alerts.
    severity: &'static str,
    title: String,
    group_key: &'a str,
    group_labels: BTreeMap<&'a str, &'a str>,
    alerts: Vec<ReportAlert<'a>>,
    /// Alerts that are not shown, because the body would be too large.
    left_out: usize,
    url: String,
}

#[derive(Debug, Serialize)]
struct ReportAlert<'a> {
    fingerprint: String,
    status: &'static str,
    severity: &'static str,
    labels: BTreeMap<&'a str, &'a str>,
    annotations: &'a BTreeMap<String, String>,
    starts_at: String,
    /// Absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
    url: String,
}

impl<'a> Report<'a> {
    pub(super) fn of(message: &Message<'a>, external_url: &Url) -> Self {
        let notification = message.notification;
        Self {
            receiver: &notification.group.receiver,
            status: message.direction().as_str(),
            reason: message.delivery.reason.as_str(),
            severity: worst_severity(message).as_str(),
            title: headline(message),
            group_key: &notification.group.key,
            group_labels: notification.group_labels.iter().collect(),
            alerts: message.alerts().map(|alert| ReportAlert::of(alert, external_url)).collect(),
            left_out: message.left_out(),
            url: alerts_url(external_url),
        }
    }
}

impl<'a> ReportAlert<'a> {
    fn of(alert: &'a NotifiedAlert, external_url: &Url) -> Self {
        Self {
            fingerprint: format!("{:016x}", alert.fingerprint),
            status: alert.direction.as_str(),
            severity: alert.severity.as_str(),
            labels: alert.labels.iter().collect(),
            annotations: &alert.annotations,
            starts_at: alert.starts_at.to_string(),
            ends_at: alert.ends_at.map(|at| at.to_string()),
            url: alert_url(external_url, alert),
        }
    }
}

/// The kind of event a message is: `alert.firing`, `alert.acknowledged`, `alert.resolved`.
pub(super) fn event_type(direction: Direction) -> &'static str {
    match direction {
        Direction::Firing => "alert.firing",
        Direction::Acknowledged => "alert.acknowledged",
        Direction::Resolved => "alert.resolved",
    }
}
