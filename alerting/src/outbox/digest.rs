//! A digest: what waits for one destination, told in one message. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_normalizer::Labels;

use crate::delivery::{Delivery, Direction, GroupId, Notification, NotifiedAlert, Reason, digest_id};

/// What stands as the group key of a digest, which is of no group.
const GROUP_KEY: &str = "digest";

/// What is sent instead of these, oldest first: each alert as the latest of them tells it, the worst first. The same
/// deliveries make the same digest, so that a second try is known for what it is.
pub(super) fn digest(waiting: &[(Delivery, Arc<Notification>)]) -> Option<(Notification, Delivery)> {
    let (first, _) = waiting.first()?;
    let mut alerts: BTreeMap<u64, &Arc<NotifiedAlert>> = BTreeMap::new();
    for alert in waiting.iter().flat_map(|(_, notification)| &notification.alerts) {
        let known = alerts.entry(alert.fingerprint).or_insert(alert);
        if alert.updated_at >= known.updated_at {
            *known = alert;
        }
    }
    let mut alerts: Vec<Arc<NotifiedAlert>> = alerts.into_values().cloned().collect();
    alerts.sort_by(|a, b| {
        (b.is_firing(), b.severity).cmp(&(a.is_firing(), a.severity)).then_with(|| a.labels.cmp(&b.labels))
    });
    let id = digest_id(waiting.iter().map(|(delivery, _)| &*delivery.id));
    let receiver = Arc::clone(&first.integration.receiver);
    let notification = Notification {
        id: Arc::clone(&id),
        group: GroupId { key: GROUP_KEY.into(), receiver },
        group_labels: common_group_labels(waiting),
        at: waiting.iter().map(|(_, notification)| notification.at).max()?,
        alerts,
        told: Vec::new(),
    };
    let transition = notification.direction();
    let delivery = Delivery {
        id: Arc::clone(&id),
        notification: Arc::clone(&id),
        group_key: GROUP_KEY.into(),
        incident: shared(waiting, |delivery| &delivery.incident),
        fallback_for: shared(waiting, |delivery| &delivery.fallback_for),
        transition,
        reason: if transition == Direction::Firing { Reason::NewAlerts } else { Reason::AllResolved },
        idempotency_key: format!("isobar-{id}").into(),
        ..first.clone()
    };
    Some((notification, delivery))
}

/// What all say in the same way; what only some say, the digest does not say of all.
fn shared<T: Clone + PartialEq>(
    waiting: &[(Delivery, Arc<Notification>)],
    said: impl Fn(&Delivery) -> &Option<T>,
) -> Option<T> {
    let (first, _) = waiting.first()?;
    let is_same = waiting.iter().all(|(delivery, _)| said(delivery) == said(first));
    said(first).clone().filter(|_| is_same)
}

/// The group labels that all have.
fn common_group_labels(waiting: &[(Delivery, Arc<Notification>)]) -> Labels {
    let mut groups = waiting.iter().map(|(_, notification)| &notification.group_labels);
    let Some(first) = groups.next() else { return Labels::empty() };
    let rest: Vec<&Labels> = groups.collect();
    let shared =
        first.iter().filter(|(name, value)| rest.iter().all(|labels| labels.get(name) == Some(*value)));
    Labels::from_pairs(shared).unwrap_or_else(|_| Labels::empty())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use isobar_normalizer::Severity;

    use super::*;
    use crate::alert::AlertState;
    use crate::fixture::{START, alert, labels, told};

    #[test]
    fn each_alert_stands_in_it_once_as_it_was_told_last() {
        let later = START.plus(Duration::from_secs(5));
        let one = alert("alertname=A i=1", AlertState::Firing, Severity::Warning, START);
        let over = alert("alertname=A i=1", AlertState::Resolved, Severity::Warning, later);
        let minor = alert("alertname=A i=2", AlertState::Firing, Severity::Warning, START);
        let worst = alert("alertname=B i=3", AlertState::Firing, Severity::Critical, START);
        let delivery = |id: &str, alerts: &[crate::alert::Alert], reason| {
            let (notification, delivery) = told(alerts, reason);
            (Delivery { id: id.into(), ..delivery }, Arc::new(notification))
        };
        let mut waiting = vec![
            delivery("1", &[one], Reason::First),
            delivery("2", &[over, minor], Reason::SomeResolved),
            delivery("3", &[worst], Reason::First),
        ];
        let (notification, sent) = digest(&waiting).unwrap();
        let shown: Vec<(&str, bool)> =
            notification.alerts.iter().map(|a| (a.labels.get("i").unwrap(), a.is_firing())).collect();
        assert_eq!(shown, [("3", true), ("2", true), ("1", false)]);
        assert_eq!((sent.transition, sent.reason), (Direction::Firing, Reason::NewAlerts));
        assert_eq!(notification.group_labels, labels("alertname=HighCpu"));
        assert_eq!(digest(&waiting).unwrap().1.idempotency_key, sent.idempotency_key);
        for (delivery, _) in &mut waiting {
            delivery.fallback_for = Some("team".into());
        }
        assert_eq!(digest(&waiting).unwrap().1.fallback_for.as_deref(), Some("team"));
        waiting[1].0.fallback_for = None;
        assert_eq!(digest(&waiting).unwrap().1.fallback_for, None, "one of them was the receiver's own");
        waiting.pop();
        assert_ne!(digest(&waiting).unwrap().1.idempotency_key, sent.idempotency_key);
        assert!(digest(&[]).is_none());
    }
}
