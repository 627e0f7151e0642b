//! The outbox: every delivery from the moment it is written down until the receiver has taken it, or it is given up.
//! This is the state, a fold of journal records; [`lane`] sends.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

use crate::delivery::{Delivery, DeliveryState, IntegrationId, Notification};

pub(crate) mod lane;
mod retry;

pub use retry::{AGE_MAX, after_attempt, requeued};

/// Taken deliveries kept in memory, for the API and for `why`; the journal has all of them.
const SENT_KEPT: usize = 10_000;
/// Dead letters kept in memory ready to be sent again, contents included.
const DEAD_KEPT: usize = 1_000;

/// Fingerprints kept to say which alerts a delivery told of, over all remembered notifications: 8 MB.
const MEMBERS_KEPT: usize = 1_000_000;

/// All deliveries that are under way, and the latest of those that are not.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    deliveries: HashMap<Arc<str>, (u64, Delivery)>,
    /// Ids in the order they were written down, for each way; only those under way.
    lanes: BTreeMap<IntegrationId, BTreeMap<u64, Arc<str>>>,
    /// Contents of what is not taken yet, dead letters included.
    contents: HashMap<Arc<str>, Arc<Notification>>,
    /// Which alerts each notification told of, oldest first.
    members: VecDeque<(Arc<str>, Arc<[u64]>)>,
    members_total: usize,
    sent: VecDeque<Arc<str>>,
    dead: VecDeque<Arc<str>>,
    /// Since when every try on a way has failed.
    failing_since: BTreeMap<IntegrationId, Timestamp>,
    written: u64,
}

/// An [`Outbox`] as a snapshot keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Remembered {
    contents: Vec<Arc<Notification>>,
    members: Vec<(Arc<str>, Vec<u64>)>,
    /// In the order they were written down.
    deliveries: Vec<Delivery>,
}

/// What a lane does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Send this now.
    Send(Box<Delivery>, Arc<Notification>),
    /// Nothing may be sent before this time.
    WaitUntil(Timestamp),
    /// Nothing is under way.
    Idle,
}

/// Which deliveries to list; every field that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Where it stands.
    pub state: Option<DeliveryState>,
    /// Name of the receiver.
    pub receiver: Option<String>,
    /// Alertmanager's group key.
    pub group_key: Option<String>,
}

impl Outbox {
    /// Takes in what will be delivered. Comes before its deliveries.
    pub fn apply_notification(&mut self, notification: &Arc<Notification>) {
        if notification.told.iter().any(|told| told.delivery.is_some()) {
            self.contents.insert(Arc::clone(&notification.id), Arc::clone(notification));
            let members = notification.alerts.iter().map(|alert| alert.fingerprint).collect();
            self.remember_members(Arc::clone(&notification.id), members);
        }
    }

    fn remember_members(&mut self, notification: Arc<str>, members: Arc<[u64]>) {
        self.members_total += members.len();
        self.members.push_back((notification, members));
        while self.members_total > MEMBERS_KEPT && self.members.len() > 1 {
            if let Some((_, forgotten)) = self.members.pop_front() {
                self.members_total -= forgotten.len();
            }
        }
    }

    /// Takes in a delivery record; the last one of an id holds.
    pub fn apply_delivery(&mut self, delivery: Delivery) {
        let id = Arc::clone(&delivery.id);
        let order = match self.deliveries.get(&id) {
            Some((order, _)) => *order,
            None => {
                self.written += 1;
                self.written
            }
        };
        let lane = self.lanes.entry(delivery.integration.clone()).or_default();
        if delivery.state.is_final() {
            lane.remove(&order);
            if lane.is_empty() {
                self.lanes.remove(&delivery.integration);
            }
        } else {
            lane.insert(order, Arc::clone(&id));
        }
        if delivery.state == DeliveryState::Sent {
            self.failing_since.remove(&delivery.integration);
        } else if let Some(tried_at) = delivery.tried_at {
            self.failing_since.entry(delivery.integration.clone()).or_insert(tried_at);
        }
        let notification = Arc::clone(&delivery.notification);
        let state = delivery.state;
        self.deliveries.insert(Arc::clone(&id), (order, delivery));
        match state {
            DeliveryState::Sent => {
                self.dead.retain(|dead| *dead != id);
                self.sent.push_back(id);
                self.let_go(&notification);
            }
            DeliveryState::Dead => self.dead.push_back(id),
            DeliveryState::Queued | DeliveryState::Failed => self.dead.retain(|dead| *dead != id),
        }
        self.forget_oldest();
    }

    /// What the lane of this integration does next: the oldest delivery that is due. A delivery waits for every earlier one
    /// of its group, so that a resolve never overtakes its trigger; groups do not wait for each other. What would wait for
    /// longer than anything may was decided before the clock was put back, and is due.
    pub fn next(&self, integration: &IntegrationId, now: Timestamp) -> Next {
        let Some(lane) = self.lanes.get(integration) else { return Next::Idle };
        let mut held: HashSet<&str> = HashSet::new();
        let mut soonest: Option<Timestamp> = None;
        for id in lane.values() {
            let Some((_, delivery)) = self.deliveries.get(id) else { continue };
            if !held.insert(&delivery.group_key) {
                continue;
            }
            let Some(notification) = self.contents.get(&delivery.notification) else { continue };
            let is_far = delivery.next_attempt_at > now.plus(retry::PAUSE_LONGEST);
            if delivery.next_attempt_at <= now || is_far {
                return Next::Send(Box::new(delivery.clone()), Arc::clone(notification));
            }
            soonest = Some(soonest.map_or(delivery.next_attempt_at, |at| at.min(delivery.next_attempt_at)));
        }
        soonest.map_or(Next::Idle, Next::WaitUntil)
    }

    /// The delivery of this id, while it is remembered.
    pub fn delivery(&self, id: &str) -> Option<&Delivery> {
        self.deliveries.get(id).map(|(_, delivery)| delivery)
    }

    /// The deliveries that pass the filter, newest first.
    pub fn list(&self, filter: &DeliveryFilter) -> Vec<Delivery> {
        let passes = |delivery: &Delivery| {
            filter.state.is_none_or(|state| delivery.state == state)
                && filter.receiver.as_deref().is_none_or(|name| *delivery.integration.receiver == *name)
                && filter.group_key.as_deref().is_none_or(|key| *delivery.group_key == *key)
        };
        let mut found: Vec<&(u64, Delivery)> = self.deliveries.values().filter(|(_, d)| passes(d)).collect();
        found.sort_by_key(|(order, _)| std::cmp::Reverse(*order));
        found.into_iter().map(|(_, delivery)| delivery.clone()).collect()
    }

    /// How many deliveries stand in this state, of those remembered.
    pub fn count(&self, state: DeliveryState) -> usize {
        match state {
            DeliveryState::Sent => self.sent.len(),
            DeliveryState::Dead => self.dead.len(),
            open => {
                let ids = self.lanes.values().flat_map(BTreeMap::values);
                ids.filter(|id| self.delivery(id).is_some_and(|delivery| delivery.state == open)).count()
            }
        }
    }

    /// The deliveries that told of this alert, oldest first.
    pub fn deliveries_of(&self, fingerprint: u64) -> Vec<&Delivery> {
        let told: HashSet<&str> = self
            .members
            .iter()
            .filter(|(_, members)| members.contains(&fingerprint))
            .map(|(notification, _)| &**notification)
            .collect();
        let mut found: Vec<&(u64, Delivery)> =
            self.deliveries.values().filter(|(_, delivery)| told.contains(&*delivery.notification)).collect();
        found.sort_by_key(|(order, _)| *order);
        found.into_iter().map(|(_, delivery)| delivery).collect()
    }

    /// Since when every try has failed on one of these ways, and how many dead letters they have. Ways that are configured
    /// no longer are nobody's trouble any more.
    pub fn trouble(&self, ways: &[IntegrationId]) -> (Option<Timestamp>, u64) {
        let failing_since = ways.iter().filter_map(|way| self.failing_since.get(way));
        let dead = self.dead.iter().filter_map(|id| self.delivery(id));
        let dead = dead.filter(|delivery| ways.contains(&delivery.integration)).count();
        (failing_since.min().copied(), dead as u64)
    }

    /// Everything that is remembered, for a snapshot.
    pub(crate) fn remembered(&self) -> Remembered {
        let mut deliveries: Vec<&(u64, Delivery)> = self.deliveries.values().collect();
        deliveries.sort_by_key(|(order, _)| *order);
        Remembered {
            contents: self.contents.values().cloned().collect(),
            members: self.members.iter().map(|(id, members)| (Arc::clone(id), members.to_vec())).collect(),
            deliveries: deliveries.into_iter().map(|(_, delivery)| delivery.clone()).collect(),
        }
    }

    /// The outbox as it was remembered.
    pub(crate) fn restored(remembered: Remembered) -> Self {
        let mut outbox = Self::default();
        for (notification, members) in remembered.members {
            outbox.remember_members(notification, members.into());
        }
        for delivery in remembered.deliveries {
            outbox.apply_delivery(delivery);
        }
        // After the deliveries: the first that was taken would take away what a later one of its notification is yet to say.
        for notification in remembered.contents {
            outbox.contents.insert(Arc::clone(&notification.id), notification);
        }
        outbox
    }

    /// Drops contents that nobody will be sent again.
    fn let_go(&mut self, notification: &str) {
        let Some(contents) = self.contents.get(notification) else { return };
        let taken = |id: &Arc<str>| {
            self.deliveries.get(id).is_none_or(|(_, delivery)| delivery.state == DeliveryState::Sent)
        };
        if contents.told.iter().filter_map(|told| told.delivery.as_ref()).all(taken) {
            self.contents.remove(notification);
        }
    }

    fn forget_oldest(&mut self) {
        while self.sent.len() > SENT_KEPT {
            if let Some(id) = self.sent.pop_front() {
                self.deliveries.remove(&id);
            }
        }
        while self.dead.len() > DEAD_KEPT {
            if let Some((_, gone)) = self.dead.pop_front().and_then(|id| self.deliveries.remove(&id)) {
                metrics::counter!("isobar_delivery_dead_forgotten_total").increment(1);
                self.let_go(&gone.notification);
            }
        }
    }
}

#[cfg(test)]
mod tests;
