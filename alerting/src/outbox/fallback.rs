//! Fallback: what a receiver that fails by every way is to be told is told another receiver too, once. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isobar_normalizer::Timestamp;

use super::{AGE_MAX, Outbox};
use crate::config::{AlertingConfig, Receiver};
use crate::delivery::{
    Delivery, DeliveryState, Direction, GroupId, IntegrationId, Notification, fallback_delivery_id,
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
            records.extend(deliveries(fallback, &receiver.name, &content.notification, &own, now));
            records.extend(own.iter().map(|delivery| handed_to(delivery, &fallback.name)));
        }
        records
    }

    /// Adds to a plan what fallbacks were told the beginning of.
    pub(crate) fn follow(&self, config: &AlertingConfig, plan: &mut Plan, now: Timestamp) {
        for notification in &plan.notifications {
            let Some(episode) = self.handed.get(&notification.group) else { continue };
            let Some((receiver, fallback)) = with_fallback(config, &notification.group.receiver) else {
                continue;
            };
            if notification.told.iter().all(|told| told.episode != *episode) {
                continue;
            }
            let mut followed = Vec::new();
            for delivery in plan.deliveries.iter_mut().filter(|d| d.notification == notification.id) {
                delivery.handed_to = Some(Arc::clone(&fallback.name));
                followed.push(delivery.clone());
            }
            let own: Vec<&Delivery> = followed.iter().collect();
            plan.deliveries.extend(deliveries(fallback, &receiver.name, notification, &own, now));
        }
    }

    /// Notes that an episode was handed on, until its end was.
    pub(super) fn note_handed(&mut self, delivery: &Delivery) {
        if delivery.handed_to.is_none() || delivery.fallback_for.is_some() {
            return;
        }
        let Some(content) = self.contents.get(&delivery.notification) else { return };
        let group = content.notification.group.clone();
        if delivery.transition == Direction::Resolved {
            self.handed.remove(&group);
        } else if let Some(told) = content.notification.told.first() {
            self.handed.insert(group, told.episode);
        }
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

/// The deliveries of the notification to the fallback: one for each of its ways that wants to hear of it.
fn deliveries<'a>(
    fallback: &'a Receiver,
    receiver: &Arc<str>,
    notification: &'a Notification,
    own: &[&Delivery],
    now: Timestamp,
) -> impl Iterator<Item = Delivery> + use<'a> {
    let first = own.first().map(|delivery| (*delivery).clone());
    let episode = notification.told.first().map_or(notification.at, |told| told.episode);
    // Not the receiver's own keys, and not those of what the fallback is told in its own name.
    let name = format!("{receiver}\u{0}{}", fallback.name).into();
    let (group, receiver) =
        (GroupId { key: Arc::clone(&notification.group.key), receiver: name }, Arc::clone(receiver));
    let ways = fallback.integrations.iter().zip(fallback.ways());
    ways.filter_map(move |(integration, way)| {
        let first = first.as_ref()?;
        let kind = integration.settings.kind();
        if first.reason.is_resolve() && !integration.settings.send_resolved()
            || first.transition == Direction::Acknowledged && !kind.takes_acknowledgements()
        {
            return None;
        }
        let scope = kind.key_scope();
        Some(Delivery {
            id: fallback_delivery_id(&notification.id, &way),
            idempotency_key: idempotency_key(scope, &group, &way, episode, notification.at),
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
            ..first.clone()
        })
    })
}

#[cfg(test)]
mod tests;
