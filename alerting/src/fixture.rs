//! What the tests of routing, delivery and notifiers start from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isobar_normalizer::{AlertClass, FailureDomain, Labels, NativeState, Severity, Timestamp};

use crate::alert::{Alert, AlertState, NativeReport, Watched};
use crate::delivery::{Delivery, DeliveryState, GroupId, IntegrationId, Notification, NotifiedAlert, Reason};
use crate::event::Transition;

/// 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// `a=b c=d` as labels.
pub(crate) fn labels(text: &str) -> Labels {
    let pairs = text.split_whitespace().map(|pair| pair.split_once('=').expect("name=value"));
    Labels::from_pairs(pairs).expect("labels of a test")
}

/// An alert with these identity labels, which went into this state at `at`.
pub(crate) fn alert(identity: &str, state: AlertState, severity: Severity, at: Timestamp) -> Alert {
    Alert {
        identity: labels(identity),
        described: Labels::empty(),
        annotations: BTreeMap::new(),
        state,
        severity,
        class: AlertClass::Saturation,
        failure_domain: FailureDomain::Resource,
        sources: BTreeSet::from(["policy".to_owned()]),
        verified: true,
        value: Some(0.97),
        starts_at: at,
        fired_at: state.is_open().then_some(at),
        ends_at: (state == AlertState::Resolved).then_some(at),
        updated_at: at,
        watched: Watched::default(),
        native: Vec::new(),
        members: Vec::new(),
        pushed: None,
    }
}

/// What is told of a firing alarm.
pub(crate) fn native_report(id: &str, is_muted: bool) -> NativeReport {
    NativeReport {
        source: "aws".to_owned(),
        part: "r".to_owned(),
        id: id.to_owned(),
        name: id.to_owned(),
        state: NativeState::Firing,
        severity: Severity::Warning,
        source_severity: String::new(),
        since: START,
        is_muted,
        acknowledged_by: String::new(),
        url: String::new(),
    }
}

/// The transition into this state.
pub(crate) fn transition(identity: &str, state: AlertState, severity: Severity, at: Timestamp) -> Transition {
    Transition {
        from: None,
        reason: "value 0.97 > 0.95".to_owned(),
        decided_at: at,
        alert: alert(identity, state, severity, at),
    }
}

/// A notification of these alerts and its delivery by webhook.
pub(crate) fn told(alerts: &[Alert], reason: Reason) -> (Notification, Delivery) {
    let group = GroupId { key: "{}:{alertname=\"HighCpu\"}".into(), receiver: "team".into() };
    let alerts = alerts.iter().map(NotifiedAlert::of).map(Arc::new).collect();
    let notification = Notification {
        id: "n".into(),
        group: group.clone(),
        group_labels: labels("alertname=HighCpu"),
        at: START,
        alerts,
        told: Vec::new(),
    };
    let delivery = Delivery {
        id: "d".into(),
        notification: "n".into(),
        group_key: group.key,
        incident: None,
        integration: IntegrationId { receiver: "team".into(), channel: "webhook".into(), index: 0 },
        transition: notification.direction(),
        reason,
        state: DeliveryState::Queued,
        attempts: 0,
        idempotency_key: "isobar-0123456789abcdef".into(),
        tried_at: None,
        last_error: None,
        next_attempt_at: START,
        created_at: START,
        queued_at: START,
        sent_at: None,
        receipt: None,
        digest: None,
        handed_to: None,
        fallback_for: None,
    };
    (notification, delivery)
}
