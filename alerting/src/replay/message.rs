//! One thing that one receiver is told by one way.

use std::sync::Arc;

use isobar_normalizer::{Labels, Severity, Timestamp};

use crate::delivery::{Direction, IntegrationId, Notification, Reason};

/// A notification on one way.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayedMessage {
    /// When it was decided.
    pub at: Timestamp,
    /// To whom, and how.
    pub way: IntegrationId,
    /// Alertmanager's group key.
    pub group_key: Arc<str>,
    /// The labels that make the group.
    pub group_labels: Labels,
    /// Why.
    pub reason: Reason,
    /// Whether anything is open.
    pub direction: Direction,
    /// What it is about, by fingerprint.
    pub alerts: Vec<ToldAlert>,
}

/// One alert of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToldAlert {
    /// Of the identity labels.
    pub fingerprint: u64,
    /// Open or over.
    pub direction: Direction,
    /// Severity when it was told.
    pub severity: Severity,
    /// The `alertname` label.
    pub name: String,
}

impl ToldAlert {
    fn is_firing(&self) -> bool {
        self.direction == Direction::Firing
    }
}

/// Every message of the notifications, in their order. A way that only takes note of an end is told nothing.
pub(super) fn all(notifications: &[Arc<Notification>]) -> Vec<ReplayedMessage> {
    notifications.iter().flat_map(|notification| of(notification)).collect()
}

fn of(notification: &Notification) -> impl Iterator<Item = ReplayedMessage> + '_ {
    let mut alerts: Vec<ToldAlert> = notification
        .alerts
        .iter()
        .map(|alert| ToldAlert {
            fingerprint: alert.fingerprint,
            direction: alert.direction,
            severity: alert.severity,
            name: alert.labels.get("alertname").unwrap_or_default().to_owned(),
        })
        .collect();
    alerts.sort_unstable_by_key(|alert| (alert.fingerprint, alert.severity, !alert.is_firing()));
    let heard = notification.told.iter().filter(|told| told.delivery.is_some());
    heard.map(move |told| ReplayedMessage {
        at: notification.at,
        way: IntegrationId {
            receiver: Arc::clone(&notification.group.receiver),
            channel: Arc::clone(&told.channel),
            index: told.index,
        },
        group_key: Arc::clone(&notification.group.key),
        group_labels: notification.group_labels.clone(),
        reason: told.reason,
        direction: notification.direction(),
        alerts: alerts.clone(),
    })
}
