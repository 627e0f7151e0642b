//! What templates see of a message: Alertmanager's `Data`, nothing else.

use std::sync::Arc;

use isobar_normalizer::Timestamp;
use url::Url;

use super::time::Moment;
use super::value::{Field, ListKind, Record, Value};
use crate::delivery::{Direction, NotifiedAlert};
use crate::notify::Message;
use crate::notify::text::{common_annotations, common_labels, generator_url};
use crate::quote::quote_meta;

/// The data of one message, in the shape of Alertmanager's template reference: `.Receiver`, `.Status`, `.Alerts`,
/// `.GroupLabels`, `.CommonLabels`, `.CommonAnnotations`, `.ExternalURL`, `.NotificationReason`, `.RouteLabels`.
#[derive(Clone, Debug)]
pub struct TemplateData {
    pub(super) root: Value,
    /// The same with all alerts, where the message shows a part of them.
    pub(super) whole: Option<Value>,
    /// When the message is written: what `since` counts from.
    pub(super) now: Timestamp,
}

impl TemplateData {
    /// What may be said of a message. `external_url` is where people reach Isobar's own pages. The time is that of the
    /// decision, not of the try, so that every try of a delivery says the same.
    pub fn of(message: &Message<'_>, external_url: &Url) -> Self {
        let notification = message.notification;
        // What somebody has taken is firing still.
        let status = match message.all_alerts().any(NotifiedAlert::is_firing) {
            true => Direction::Firing,
            false => Direction::Resolved,
        };
        let shown = alerts(message.alerts(), external_url);
        let fields = vec![
            // Alertmanager quotes the name for use in a pattern, and links rely on it.
            field("Receiver", "receiver", text(&quote_meta(&notification.group.receiver))),
            field("Status", "status", text(status.as_str())),
            field("Alerts", "alerts", shown),
            field("NotificationReason", "notification_reason", text(message.delivery.reason.as_str())),
            field("GroupLabels", "groupLabels", Value::labels(notification.group_labels.iter())),
            field("CommonLabels", "commonLabels", Value::labels(common_labels(message))),
            field("CommonAnnotations", "commonAnnotations", Value::labels(common_annotations(message))),
            field("RouteLabels", "routeLabels", Value::labels([])),
            field("ExternalURL", "externalURL", text(external_url.as_str().trim_end_matches('/'))),
        ];
        let whole = (message.left_out() > 0).then(|| {
            let all = alerts(message.all_alerts(), external_url);
            let with_all = fields.iter().map(|known| match known.name {
                "Alerts" => Field { value: all.clone(), ..known.clone() },
                _ => known.clone(),
            });
            record("template.Data", with_all.collect())
        });
        Self { root: record("template.Data", fields), whole, now: notification.at }
    }

    /// The data of the whole message, for what is said of it in one line: a title counts all alerts, also where the body shows
    /// a part of them.
    #[must_use]
    pub(crate) fn whole(&self) -> Self {
        let root = self.whole.as_ref().unwrap_or(&self.root).clone();
        Self { root, whole: None, now: self.now }
    }
}

fn alerts<'a>(alerts: impl Iterator<Item = &'a NotifiedAlert>, external_url: &Url) -> Value {
    Value::List(ListKind::Alerts, alerts.map(|one| alert(one, external_url)).collect())
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
