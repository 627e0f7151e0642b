//! What templates see of a message: Alertmanager's `Data`, nothing else.

use std::sync::Arc;

use isobar_normalizer::Timestamp;
use url::Url;

use super::time::Moment;
use super::value::{Field, ListKind, Record, Value};
use crate::delivery::{Direction, NotifiedAlert};
use crate::notify::Message;
use crate::notify::text::{common_annotations, common_labels, generator_url};

/// The data of one message, in the shape of Alertmanager's template reference: `.Receiver`, `.Status`, `.Alerts`,
/// `.GroupLabels`, `.CommonLabels`, `.CommonAnnotations`, `.ExternalURL`, `.NotificationReason`, `.RouteLabels`.
#[derive(Clone, Debug)]
pub struct TemplateData {
    pub(super) root: Value,
    /// When the message is written: what `since` counts from.
    pub(super) now: Timestamp,
}

impl TemplateData {
    /// What may be said of a message. `external_url` is where people reach Isobar's own pages. The time is that of the
    /// decision, not of the try, so that every try of a delivery says the same.
    pub fn of(message: &Message<'_>, external_url: &Url) -> Self {
        let notification = message.notification;
        // What somebody has taken is firing still.
        let status = match message.alerts().any(NotifiedAlert::is_firing) {
            true => Direction::Firing,
            false => Direction::Resolved,
        };
        let alerts = message.alerts().map(|alert| self::alert(alert, external_url));
        let fields = vec![
            // Alertmanager quotes the name for use in a pattern, and links rely on it.
            field("Receiver", "receiver", text(&regex::escape(&notification.group.receiver))),
            field("Status", "status", text(status.as_str())),
            field("Alerts", "alerts", Value::List(ListKind::Alerts, alerts.collect())),
            field("NotificationReason", "notification_reason", text(message.delivery.reason.as_str())),
            field("GroupLabels", "groupLabels", Value::labels(notification.group_labels.iter())),
            field("CommonLabels", "commonLabels", Value::labels(common_labels(message))),
            field("CommonAnnotations", "commonAnnotations", Value::labels(common_annotations(message))),
            field("RouteLabels", "routeLabels", Value::labels([])),
            field("ExternalURL", "externalURL", text(external_url.as_str().trim_end_matches('/'))),
        ];
        Self { root: record("template.Data", fields), now: notification.at }
    }
}

impl TemplateData {
    /// The same with the first of the alerts alone; what all have in common stays.
    #[must_use]
    pub(crate) fn first(&self, alerts: usize) -> Self {
        let Value::Record(whole) = &self.root else { return self.clone() };
        let mut fields = whole.fields.clone();
        for field in &mut fields {
            if let Value::List(ListKind::Alerts, all) = &field.value {
                field.value = Value::List(ListKind::Alerts, all.iter().take(alerts).cloned().collect());
            }
        }
        Self { root: record(whole.name, fields), now: self.now }
    }
}

fn alert(alert: &NotifiedAlert, external_url: &Url) -> Value {
    let annotations = alert.annotations.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields = vec![
        field("Status", "status", text(alert.direction.as_str())),
        field("Labels", "labels", Value::labels(alert.labels.iter())),
        field("Annotations", "annotations", Value::labels(annotations)),
        field("StartsAt", "startsAt", Value::Time(Moment::of(alert.starts_at))),
        field("EndsAt", "endsAt", Value::Time(alert.ends_at.map_or_else(Moment::zero, Moment::of))),
        field("GeneratorURL", "generatorURL", text(&generator_url(external_url, alert))),
        field("Fingerprint", "fingerprint", text(&format!("{:016x}", alert.fingerprint))),
    ];
    record("template.Alert", fields)
}

fn record(name: &'static str, fields: Vec<Field>) -> Value {
    Value::Record(Arc::new(Record { name, fields }))
}

fn field(name: &'static str, json: &'static str, value: Value) -> Field {
    Field { name, json, value }
}

fn text(text: &str) -> Value {
    Value::text(text)
}
