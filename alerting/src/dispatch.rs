//! The dispatcher: puts alerts into groups and says, group by group, who is to be told what and when. Pure.
//!
//! Telling is two steps, so that nothing is forgotten when the journal cannot be written: [`Dispatcher::plan`] says what
//! is due and changes nothing; [`Dispatcher::commit`] takes it as written down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isobar_normalizer::Timestamp;

use crate::alert::{Alert, AlertState};
use crate::config::{AlertingConfig, Receiver};
use crate::delivery::{
    Delivery, DeliveryState, Direction, GroupId, IntegrationId, Notification, NotifiedAlert, Told,
    delivery_id, idempotency_key, notification_id,
};
use crate::group::{Group, NotificationLog, decide};
use crate::route::Route;

/// All groups, and where each alert is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dispatcher {
    groups: BTreeMap<GroupId, Group>,
    places: BTreeMap<u64, BTreeSet<GroupId>>,
}

/// Notifications in one plan. With their parts and deliveries they go into one append of the journal, which takes 100,000
/// events.
const PLAN_MAX: usize = 2_000;

/// What is due: everything in it goes into the journal in one append before any of it is sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What receivers are told.
    pub notifications: Vec<Arc<Notification>>,
    /// On which ways.
    pub deliveries: Vec<Delivery>,
    flushed: Vec<GroupId>,
}

impl Plan {
    /// Whether no group was due at all.
    pub fn is_empty(&self) -> bool {
        self.flushed.is_empty()
    }
}

impl Dispatcher {
    /// Takes in an alert after a change: joins it to the groups its routes lead to. A group it no longer belongs to, because
    /// its severity or the routes changed, sees it end. One that its provider holds back joins none; in a group it was told
    /// in before, it stays, so that its end is told.
    pub fn place(&mut self, route: &Route, alert: &Alert, now: Timestamp) {
        if !alert.is_muted() || self.places.contains_key(&alert.fingerprint()) {
            self.put(route, alert, now);
        }
    }

    fn put(&mut self, route: &Route, alert: &Alert, now: Timestamp) {
        let fingerprint = alert.fingerprint();
        let before = self.places.remove(&fingerprint).unwrap_or_default();
        let notified = Arc::new(NotifiedAlert::of(alert));
        let mut places = BTreeSet::new();
        if alert.state != AlertState::Pending {
            for route in route.matching(&notified.labels) {
                let labels = route.group_labels(&notified.labels);
                let id =
                    GroupId { key: route.group_key(&labels).into(), receiver: Arc::clone(&route.receiver) };
                if !alert.state.is_open() && !before.contains(&id) {
                    continue;
                }
                let group = self.groups.entry(id.clone()).or_insert_with(|| Group {
                    labels,
                    timing: route.timing,
                    members: BTreeMap::new(),
                    next_flush: now.plus(route.timing.group_wait),
                });
                group.members.insert(fingerprint, Arc::clone(&notified));
                places.insert(id);
            }
        }
        for left in before.difference(&places) {
            if let Some(member) =
                self.groups.get_mut(left).and_then(|group| group.members.get_mut(&fingerprint))
            {
                *member = Arc::new(member.ended(notified.ends_at.unwrap_or(notified.updated_at)));
            }
        }
        places.extend(before);
        if !places.is_empty() {
            self.places.insert(fingerprint, places);
        }
    }

    /// Makes the groups again from what the journal kept: every alert with the time it was decided to be open, and the
    /// notification log. A group that was told rests until its interval is over; one that was not waits from its first
    /// alert on. What a receiver knows as open and is not open any more is a member that ended.
    pub fn restore<'a>(
        config: &AlertingConfig,
        alerts: impl IntoIterator<Item = (&'a Alert, Timestamp)>,
        log: &NotificationLog,
        now: Timestamp,
    ) -> Self {
        let mut dispatcher = Self::default();
        let mut ended: BTreeMap<u64, Timestamp> = BTreeMap::new();
        let mut opened: Vec<(&Alert, Timestamp)> = Vec::new();
        for (alert, opened_at) in alerts {
            if alert.state.is_open() {
                opened.push((alert, opened_at));
            } else {
                ended.insert(alert.fingerprint(), alert.ends_at.unwrap_or(alert.updated_at));
            }
        }
        opened.sort_by_key(|(alert, opened_at)| (*opened_at, alert.fingerprint()));
        let told: BTreeSet<u64> = log
            .groups()
            .flat_map(|(_, entries)| entries)
            .flat_map(|entry| &entry.notification.alerts)
            .filter(|alert| alert.is_firing())
            .map(|alert| alert.fingerprint)
            .collect();
        opened.retain(|(alert, _)| !alert.is_muted() || told.contains(&alert.fingerprint()));
        for (alert, opened_at) in opened {
            dispatcher.put(&config.route, alert, opened_at);
        }
        for (id, group) in &mut dispatcher.groups {
            let told = log.entries_of(id).map(|entry| entry.notification.at).max();
            let rested = told.map(|told| told.plus(group.timing.group_interval));
            group.next_flush = rested.unwrap_or(group.next_flush).max(now);
        }
        for (id, entries) in log.groups() {
            if config.receiver(&id.receiver).is_some() {
                for entry in entries {
                    dispatcher.take_back(config, id, &entry.notification, &ended, now);
                }
            }
        }
        dispatcher
    }

    /// Adds, as ended, what the receiver was told is open and what is no member now. A group that no route makes any more
    /// is due at once.
    fn take_back(
        &mut self,
        config: &AlertingConfig,
        id: &GroupId,
        told: &Notification,
        ended: &BTreeMap<u64, Timestamp>,
        now: Timestamp,
    ) {
        let group = self.groups.entry(id.clone()).or_insert_with(|| {
            let timing = config.route.making(id, &told.group_labels).map(|route| route.timing);
            let rested = timing.map_or(now, |timing| told.at.plus(timing.group_interval));
            Group {
                labels: told.group_labels.clone(),
                timing: timing.unwrap_or_default(),
                members: BTreeMap::new(),
                next_flush: rested.max(now),
            }
        });
        for alert in told.alerts.iter().filter(|alert| alert.is_firing()) {
            let at = ended.get(&alert.fingerprint).copied().unwrap_or(now);
            group.members.entry(alert.fingerprint).or_insert_with(|| Arc::new(alert.ended(at)));
            self.places.entry(alert.fingerprint).or_default().insert(id.clone());
        }
    }

    /// What is due at `now`; of very many groups the first [`PLAN_MAX`] notifications, the others stay due.
    pub fn plan(&self, config: &AlertingConfig, log: &NotificationLog, now: Timestamp) -> Plan {
        let mut plan = Plan::default();
        for (id, group) in self.groups.iter().filter(|(_, group)| group.due_at(now) <= now) {
            if plan.notifications.len() >= PLAN_MAX {
                break;
            }
            plan.flushed.push(id.clone());
            if let Some(receiver) = config.receiver(&id.receiver) {
                tell(receiver, id, group, log, now, &mut plan);
            }
        }
        plan
    }

    /// Takes a plan as written down: its groups rest for their interval, and let go of what ended. Nothing may have been
    /// placed since the plan was made.
    pub fn commit(&mut self, plan: &Plan, now: Timestamp) {
        for id in &plan.flushed {
            let Some(group) = self.groups.get_mut(id) else { continue };
            let gone: Vec<u64> = group
                .members
                .values()
                .filter(|alert| !alert.is_firing())
                .map(|alert| alert.fingerprint)
                .collect();
            for fingerprint in gone {
                group.members.remove(&fingerprint);
                if let Some(places) = self.places.get_mut(&fingerprint) {
                    places.remove(id);
                    if places.is_empty() {
                        self.places.remove(&fingerprint);
                    }
                }
            }
            group.next_flush = now.plus(group.timing.group_interval);
            if group.members.is_empty() {
                self.groups.remove(id);
            }
        }
    }

    /// When [`Dispatcher::plan`] has something to say next; `None` while there is no group.
    pub fn next_flush(&self, now: Timestamp) -> Option<Timestamp> {
        self.groups.values().map(|group| group.due_at(now)).min()
    }

    /// All groups, in the order of their keys.
    pub fn groups(&self) -> impl Iterator<Item = (&GroupId, &Group)> {
        self.groups.iter()
    }

    /// The groups an alert is in.
    pub fn groups_of(&self, fingerprint: u64) -> impl Iterator<Item = (&GroupId, &Group)> {
        let places = self.places.get(&fingerprint).into_iter().flatten();
        places.filter_map(|id| self.groups.get_key_value(id))
    }
}

/// Adds to the plan what one receiver is to be told of one group, if anything.
fn tell(
    receiver: &Receiver,
    id: &GroupId,
    group: &Group,
    log: &NotificationLog,
    now: Timestamp,
    plan: &mut Plan,
) {
    let alerts = group.sorted_members();
    let notification_id = notification_id(id, now);
    let mut told = Vec::new();
    for integration in &receiver.integrations {
        let (channel, index) = (integration.settings.kind().name(), integration.index);
        let known = log.entry(id, channel, index);
        let Some(reason) = decide(known, &alerts, group.timing.repeat_interval, now) else { continue };
        let episode = known.map_or(now, |known| known.episode);
        let way = IntegrationId { receiver: Arc::clone(&receiver.name), channel: channel.into(), index };
        let heard = integration.settings.send_resolved() || !reason.is_resolve();
        let delivery = heard.then(|| delivery_id(&notification_id, &way));
        if let Some(delivery) = &delivery {
            let any_firing = alerts.iter().any(|alert| alert.is_firing());
            let scope = integration.settings.kind().key_scope();
            plan.deliveries.push(Delivery {
                id: Arc::clone(delivery),
                notification: Arc::clone(&notification_id),
                group_key: Arc::clone(&id.key),
                incident: None,
                transition: if any_firing { Direction::Firing } else { Direction::Resolved },
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
            });
        }
        let sent_at = if heard { now } else { known.map_or(now, |known| known.sent_at) };
        told.push(Told { channel: channel.into(), index, episode, reason, sent_at, delivery });
    }
    if !told.is_empty() {
        let (group, group_labels) = (id.clone(), group.labels.clone());
        let notification = Notification { id: notification_id, group, group_labels, at: now, alerts, told };
        plan.notifications.push(Arc::new(notification));
    }
}

#[cfg(test)]
mod tests;
