//! What the integrations of one receiver are told of one group that is looked at.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use isobar_normalizer::Timestamp;

use super::Plan;
use crate::config::{Integration, Receiver};
use crate::delivery::{
    Delivery, DeliveryState, Direction, GroupId, IntegrationId, Notification, NotifiedAlert, Reason, Told,
    acknowledgement_id, delivery_id, idempotency_key, notification_id,
};
use crate::group::{Group, NotificationLog, Question, decide, in_label_order};
use crate::suppress::Gate;

/// A look at one group.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) id: &'a GroupId,
    pub(super) group: &'a Group,
    pub(super) log: &'a NotificationLog,
    pub(super) gate: &'a Gate<'a>,
    pub(super) now: Timestamp,
}

impl Look<'_> {
    /// The members that may be told of, in label order.
    pub(super) fn allowed(self) -> Vec<Arc<NotifiedAlert>> {
        if !self.gate.muting(&self.group.calendar, self.now).is_empty() {
            return Vec::new();
        }
        let members = self.group.members.values().filter(|alert| !self.gate.holds(alert, self.now));
        in_label_order(members.cloned().collect())
    }

    /// The members that ended and leave the group with this look. One that some receiver knows as open and may not be told of
    /// now stays until it may: silence is not recovery, and what was opened is to be closed.
    pub(super) fn gone(self, allowed: &[Arc<NotifiedAlert>]) -> Vec<u64> {
        let ended: Vec<u64> = self
            .group
            .members
            .values()
            .filter(|alert| !alert.is_firing())
            .map(|alert| alert.fingerprint)
            .collect();
        if ended.is_empty() || allowed.len() == self.group.members.len() {
            return ended;
        }
        let allowed: HashSet<u64> = allowed.iter().map(|alert| alert.fingerprint).collect();
        let told = self.log.entries_of(self.id).flat_map(|entry| &entry.notification.alerts);
        let open: HashSet<u64> =
            told.filter(|alert| alert.is_firing()).map(|alert| alert.fingerprint).collect();
        ended.into_iter().filter(|alert| allowed.contains(alert) || !open.contains(alert)).collect()
    }

    /// Whether somebody has taken an open member.
    pub(super) fn is_any_taken(self) -> bool {
        let mut open = self.group.members.values().filter(|alert| alert.is_firing());
        open.any(|alert| self.gate.is_taken(alert))
    }

    /// Notes the open members that may not be told of.
    pub(super) fn hold(self, allowed: &[Arc<NotifiedAlert>], held: &mut BTreeSet<u64>) {
        if allowed.len() == self.group.members.len() {
            return;
        }
        let allowed: HashSet<u64> = allowed.iter().map(|alert| alert.fingerprint).collect();
        let open = self.group.members.values().filter(|alert| alert.is_firing());
        held.extend(open.map(|alert| alert.fingerprint).filter(|alert| !allowed.contains(alert)));
    }

    /// Adds to the plan what the receiver is to be told, if anything.
    pub(super) fn tell(self, receiver: &Receiver, allowed: Vec<Arc<NotifiedAlert>>, plan: &mut Plan) {
        let Self { id, group, log, gate, now } = self;
        let notification_id = notification_id(id, now);
        let any_firing = allowed.iter().any(|alert| alert.is_firing());
        let is_taken = allowed.iter().filter(|alert| alert.is_firing()).all(|alert| gate.is_taken(alert));
        let mut told = Vec::new();
        for integration in &receiver.integrations {
            let (channel, index) = (integration.settings.kind().name(), integration.index);
            let known = log.entry(id, channel, index);
            let send_resolved = integration.settings.send_resolved();
            let question = Question {
                members: &allowed,
                send_resolved,
                is_taken,
                repeat_interval: group.timing.repeat_interval,
                now,
            };
            let Some(reason) = decide(known, question) else { continue };
            let episode = known.map_or(now, |known| known.episode);
            let delivery = (send_resolved || !reason.is_resolve()).then(|| {
                let transition = if any_firing { Direction::Firing } else { Direction::Resolved };
                self.deliver(receiver, integration, &notification_id, (transition, reason), episode)
            });
            let sent_at = if delivery.is_some() { now } else { known.map_or(now, |known| known.sent_at) };
            let heard = delivery.as_ref().map(|delivery| Arc::clone(&delivery.id));
            told.push(Told {
                channel: channel.into(),
                index,
                episode,
                reason,
                sent_at,
                delivery: heard,
                is_acknowledged: reason.is_resolve() && known.is_some_and(|known| known.is_acknowledged),
            });
            plan.deliveries.extend(delivery);
        }
        if !told.is_empty() {
            plan.notifications.push(Arc::new(self.notification(notification_id, allowed, told)));
        }
    }

    /// Adds to the plan that everything is taken which the receiver knows as open, for integrations that keep an incident
    /// of it and do not know that yet.
    pub(super) fn tell_taken(self, receiver: &Receiver, plan: &mut Plan) {
        for integration in &receiver.integrations {
            let kind = integration.settings.kind();
            let Some(known) = self.log.entry(self.id, kind.name(), integration.index) else { continue };
            if !kind.takes_acknowledgements() || known.is_acknowledged {
                continue;
            }
            let open = known.notification.alerts.iter().filter(|alert| alert.is_firing());
            let mut now_open = open.filter_map(|alert| self.group.members.get(&alert.fingerprint));
            let mut now_open = now_open.by_ref().filter(|alert| alert.is_firing()).peekable();
            if now_open.peek().is_none() || !now_open.all(|alert| self.gate.is_taken(alert)) {
                continue;
            }
            let (alerts, reason) = (known.notification.alerts.clone(), Reason::Acknowledged);
            let way = way(receiver, integration);
            let id = acknowledgement_id(self.id, &way, self.now);
            let said = (Direction::Acknowledged, reason);
            let delivery = self.deliver(receiver, integration, &id, said, known.episode);
            let told = vec![Told {
                channel: kind.name().into(),
                index: integration.index,
                episode: known.episode,
                reason,
                sent_at: known.sent_at,
                delivery: Some(Arc::clone(&delivery.id)),
                is_acknowledged: true,
            }];
            plan.deliveries.push(delivery);
            plan.notifications.push(Arc::new(self.notification(id, alerts, told)));
        }
    }

    fn notification(self, id: Arc<str>, alerts: Vec<Arc<NotifiedAlert>>, told: Vec<Told>) -> Notification {
        let (group, group_labels) = (self.id.clone(), self.group.labels.clone());
        Notification { id, group, group_labels, at: self.now, alerts, told }
    }

    fn deliver(
        self,
        receiver: &Receiver,
        integration: &Integration,
        notification: &Arc<str>,
        (transition, reason): (Direction, Reason),
        episode: Timestamp,
    ) -> Delivery {
        let (id, now) = (self.id, self.now);
        let way = way(receiver, integration);
        let scope = integration.settings.kind().key_scope();
        Delivery {
            id: delivery_id(notification, &way),
            notification: Arc::clone(notification),
            group_key: Arc::clone(&id.key),
            incident: None,
            transition,
            reason,
            state: DeliveryState::Queued,
            attempts: 0,
            idempotency_key: idempotency_key(scope, id, &way, episode, now),
            integration: way,
            tried_at: None,
            last_error: None,
            next_attempt_at: now,
            created_at: now,
            queued_at: now,
            sent_at: None,
            receipt: None,
            digest: None,
            handed_to: None,
            fallback_for: None,
        }
    }
}

fn way(receiver: &Receiver, integration: &Integration) -> IntegrationId {
    IntegrationId {
        receiver: Arc::clone(&receiver.name),
        channel: integration.settings.kind().name().into(),
        index: integration.index,
    }
}
