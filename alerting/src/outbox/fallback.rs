//! Fallback: what a receiver that fails by every way is to be told is told another receiver too, once. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isobar_normalizer::Timestamp;

use super::{AGE_MAX, Outbox};
use crate::config::{AlertingConfig, Receiver};
use crate::delivery::{
    Delivery, DeliveryState, Direction, GroupId, IntegrationId, Notification, Reason, fallback_delivery_id,
    idempotency_key,
};
use crate::dispatch::Plan;

/// Episodes of groups that were handed on: who was told of the beginning is told of the end.
pub(super) type Handed = BTreeMap<GroupId, Timestamp>;

impl Outbox {
    /// What is to be written down so that the fallback of this receiver learns what the receiver itself does not: deliveries
    /// to the fallback, and the deliveries they stand for, marked. That is every notification none of whose deliveries was
    /// taken, each being dead or on a way that is failing.
    pub(crate) fn handed_on(
        &self,
        config: &AlertingConfig,
        receiver: &str,
        is_failing: impl Fn(&IntegrationId) -> bool,
        now: Timestamp,
    ) -> Vec<Delivery> {
        let Some((receiver, fallback)) = with_fallback(config, receiver) else { return Vec::new() };
        let mut records = Vec::new();
        for notification in self.untaken(receiver, now) {
            let Some(content) = self.contents.get(&notification) else { continue };
            let told = content.notification.told.iter().filter_map(|told| told.delivery.as_ref());
            let handed = self.deliveries_to_fallbacks(&notification, &receiver.name);
            let own: Vec<&Delivery> =
                if handed.is_empty() { told.filter_map(|id| self.delivery(id)).collect() } else { handed };
            let is_stranded = |delivery: &&Delivery| match delivery.state {
                DeliveryState::Sent => false,
                DeliveryState::Dead => true,
                DeliveryState::Queued | DeliveryState::Failed => is_failing(&delivery.integration),
            };
            let is_new = own.iter().all(|delivery| delivery.handed_to.is_none());
            if own.is_empty() || !is_new || !own.iter().all(is_stranded) {
                continue;
            }
            let incident = own.iter().find_map(|delivery| delivery.incident.clone());
            let told = self.to_fallback(fallback, &receiver.name, &content.notification, now);
            records.extend(told.map(|one| Delivery { incident: incident.clone(), ..one }));
            records.extend(own.iter().map(|delivery| handed_to(delivery, &fallback.name)));
        }
        records
    }

    /// Adds to a plan what fallbacks were told the beginning of, also where no way of the receiver itself hears of it.
    pub(crate) fn follow(&self, config: &AlertingConfig, plan: &mut Plan, now: Timestamp) {
        for notification in &plan.notifications {
            if self.handed_episode(notification).is_none() {
                continue;
            }
            let Some((receiver, fallback)) = with_fallback(config, &notification.group.receiver) else {
                continue;
            };
            for delivery in plan.deliveries.iter_mut().filter(|d| d.notification == notification.id) {
                delivery.handed_to = Some(Arc::clone(&fallback.name));
            }
            plan.deliveries.extend(self.to_fallback(fallback, &receiver.name, notification, now));
        }
    }

    /// The episode that the notification is of, where that was handed on.
    pub(super) fn handed_episode(&self, notification: &Notification) -> Option<Timestamp> {
        let handed = self.handed.get(&notification.group).copied();
        handed.filter(|episode| notification.told.iter().any(|told| told.episode == *episode))
    }

    /// The deliveries of the notification to the fallback: one for each of its ways that wants to hear of it.
    fn to_fallback<'a>(
        &self,
        fallback: &'a Receiver,
        receiver: &Arc<str>,
        notification: &'a Notification,
        now: Timestamp,
    ) -> impl Iterator<Item = Delivery> + use<'a> {
        let first = notification.told.first();
        let episode = self.handed_episode(notification).or(first.map(|told| told.episode));
        let episode = episode.unwrap_or(notification.at);
        // As the first way of the receiver hears it, or would if it wanted to.
        let reason = notification.told.iter().find(|told| told.delivery.is_some()).or(first);
        let reason = reason.map(|told| told.reason);
        // Not the receiver's own keys, and not those of what the fallback is told in its own name.
        let name = format!("{receiver}\u{0}{}", fallback.name).into();
        let (group, receiver) =
            (GroupId { key: Arc::clone(&notification.group.key), receiver: name }, Arc::clone(receiver));
        let ways = fallback.integrations.iter().zip(fallback.ways());
        ways.filter_map(move |(integration, way)| {
            let (kind, reason) = (integration.settings.kind(), reason?);
            let is_taken = reason == Reason::Acknowledged;
            if reason.is_resolve() && !integration.settings.send_resolved()
                || is_taken && !kind.takes_acknowledgements()
            {
                return None;
            }
            Some(Delivery {
                id: fallback_delivery_id(&notification.id, &way),
                notification: Arc::clone(&notification.id),
                group_key: Arc::clone(&notification.group.key),
                incident: None,
                transition: if is_taken { Direction::Acknowledged } else { notification.direction() },
                reason,
                idempotency_key: idempotency_key(kind.key_scope(), &group, &way, episode, notification.at),
                integration: way,
                state: DeliveryState::Queued,
                attempts: 0,
                tried_at: None,
                last_error: None,
                next_attempt_at: now,
                created_at: now,
                queued_at: now,
                sent_at: None,
                receipt: None,
                digest: None,
                handed_to: None,
                fallback_for: Some(Arc::clone(&receiver)),
            })
        })
    }

    /// Notes that an episode was handed on, until its end is told.
    pub(super) fn note_handed(&mut self, delivery: &Delivery) {
        let was_handed = self.delivery(&delivery.id).is_some_and(|known| known.handed_to.is_some());
        if was_handed || delivery.handed_to.is_none() || delivery.fallback_for.is_some() {
            return;
        }
        let Some(content) = self.contents.get(&delivery.notification) else { return };
        let group = content.notification.group.clone();
        if delivery.transition == Direction::Resolved {
            self.handed.remove(&group);
        } else if self.handed_episode(&content.notification).is_none()
            && let Some(told) = content.notification.told.first()
        {
            self.handed.insert(group, told.episode);
        }
    }

    /// Forgets that episodes were handed on which are over: one may have been when it was over already.
    pub(crate) fn retain_handed(&mut self, is_open: impl Fn(&GroupId, Timestamp) -> bool) {
        self.handed.retain(|group, episode| is_open(group, *episode));
    }

    /// Notifications of which this receiver has taken nothing, oldest first; not those that are older than anything is tried.
    fn untaken(&self, receiver: &Receiver, now: Timestamp) -> Vec<Arc<str>> {
        let ways: BTreeSet<IntegrationId> = receiver.ways().collect();
        let open = ways.iter().flat_map(|way| self.lane(way)).map(|(order, delivery, _)| (order, delivery));
        let dead = self.dead.iter().filter_map(|id| self.deliveries.get(id)).map(|(order, d)| (*order, d));
        let dead = dead.filter(|(_, d)| ways.contains(&d.integration) && now.since(d.queued_at) <= AGE_MAX);
        let found: BTreeMap<u64, &Delivery> =
            open.chain(dead).filter(|(_, d)| d.handed_to.is_none()).collect();
        let mut notifications: Vec<Arc<str>> = Vec::new();
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for delivery in found.into_values() {
            if known.insert(&delivery.notification) {
                notifications.push(Arc::clone(&delivery.notification));
            }
        }
        notifications
    }

    /// The deliveries of a notification that this receiver has as another's fallback.
    fn deliveries_to_fallbacks(&self, notification: &str, receiver: &str) -> Vec<&Delivery> {
        let Some(content) = self.contents.get(notification) else { return Vec::new() };
        let handed = content.handed.iter().filter_map(|id| self.delivery(id));
        handed.filter(|delivery| *delivery.integration.receiver == *receiver).collect()
    }
}

fn with_fallback<'c>(config: &'c AlertingConfig, receiver: &str) -> Option<(&'c Receiver, &'c Receiver)> {
    let receiver = config.receiver(receiver)?;
    Some((receiver, config.receiver(receiver.fallback.as_ref()?)?))
}

fn handed_to(delivery: &Delivery, fallback: &Arc<str>) -> Delivery {
    Delivery { handed_to: Some(Arc::clone(fallback)), ..delivery.clone() }
}

#[cfg(test)]
mod tests;
