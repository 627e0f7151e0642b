//! The outbox: every delivery from the moment it is written down until the receiver has taken it, or it is given up.
//! This is the state, a fold of journal records; [`lane`] sends.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

use self::fallback::Handed;
use self::queue::Queue;
use crate::delivery::{Delivery, DeliveryState, Direction, GroupId, IntegrationId, Notification};

mod digest;
mod fallback;
pub(crate) mod lane;
mod pace;
mod queue;
mod retry;

pub use pace::{Destination, Rate};
pub(crate) use pace::{Paces, Turn};
pub use retry::{AGE_MAX, after_attempt, requeued};

/// Taken deliveries kept in memory, for the API and for `why`; the journal has all of them.
const SENT_KEPT: usize = 10_000;
/// Dead letters kept in memory ready to be sent again, contents included.
const DEAD_KEPT: usize = 1_000;

/// Deliveries told in one digest; more wait for the next.
const DIGEST_MAX: usize = 1_000;

/// Fingerprints kept to say which alerts a delivery told of, over all remembered notifications: 8 MB.
const MEMBERS_KEPT: usize = 1_000_000;

/// All deliveries that are under way, and the latest of those that are not.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    deliveries: HashMap<Arc<str>, (u64, Delivery)>,
    /// What is under way by each integration.
    lanes: BTreeMap<IntegrationId, Queue>,
    /// Contents of what is not taken yet, dead letters included.
    contents: HashMap<Arc<str>, Content>,
    /// Which alerts each notification told of, oldest first.
    members: VecDeque<(Arc<str>, Arc<[u64]>)>,
    members_total: usize,
    sent: VecDeque<Arc<str>>,
    dead: VecDeque<Arc<str>>,
    /// Since when every try on a way has failed.
    failing_since: BTreeMap<IntegrationId, Timestamp>,
    handed: Handed,
    /// Of the notifications taken in last, those of one moment: what no way of the receiver itself hears of and a fallback
    /// may.
    unheard: Vec<Arc<Notification>>,
    written: u64,
}

/// A notification, the worst severity in it, and who else is told of it.
#[derive(Clone, Debug)]
struct Content {
    notification: Arc<Notification>,
    severity: Severity,
    /// Deliveries of it to fallbacks.
    handed: Vec<Arc<str>>,
}

impl Content {
    fn of(notification: Arc<Notification>) -> Self {
        let severity = notification.alerts.iter().map(|alert| alert.severity).max().unwrap_or(Severity::Info);
        Self { notification, severity, handed: Vec::new() }
    }
}

/// An [`Outbox`] as a snapshot keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Remembered {
    contents: Vec<Arc<Notification>>,
    members: Vec<(Arc<str>, Vec<u64>)>,
    /// In the order they were written down.
    deliveries: Vec<Delivery>,
    #[serde(default)]
    handed: Vec<(GroupId, Timestamp)>,
}

/// What a lane does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Send this now.
    Send {
        /// The one whose turn it is.
        delivery: Box<Delivery>,
        /// What it carries.
        notification: Arc<Notification>,
    },
    /// Nothing may be sent before this time.
    WaitUntil(Timestamp),
    /// Nothing is under way.
    Idle,
}

impl Next {
    fn send(delivery: &Delivery, content: &Content) -> Self {
        let notification = Arc::clone(&content.notification);
        Self::Send { delivery: Box::new(delivery.clone()), notification }
    }
}

/// A delivery that is due, and how severe what waits behind it in its group is.
struct Head<'a> {
    order: u64,
    severity: Severity,
    delivery: &'a Delivery,
    content: &'a Content,
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
        self.unheard.retain(|unheard| unheard.at == notification.at);
        if notification.told.iter().any(|told| told.delivery.is_some()) {
            self.keep(notification);
        } else if self.handed_episode(notification).is_some() {
            self.unheard.push(Arc::clone(notification));
        }
        if notification.direction() == Direction::Resolved {
            self.handed.remove(&notification.group);
        }
    }

    /// Keeps what is to be sent.
    fn keep(&mut self, notification: &Arc<Notification>) {
        self.contents.insert(Arc::clone(&notification.id), Content::of(Arc::clone(notification)));
        let members = notification.alerts.iter().map(|alert| alert.fingerprint).collect();
        self.remember_members(Arc::clone(&notification.id), members);
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
        if let Some(at) = self.unheard.iter().position(|unheard| unheard.id == delivery.notification) {
            let heard = self.unheard.swap_remove(at);
            self.keep(&heard);
        }
        let order = match self.deliveries.get(&id) {
            Some((order, _)) => *order,
            None => {
                self.written += 1;
                self.written
            }
        };
        let severity =
            self.contents.get(&delivery.notification).map_or(Severity::Info, |known| known.severity);
        let lane = self.lanes.entry(delivery.integration.clone()).or_default();
        if delivery.state.is_final() {
            lane.remove(order);
            if lane.is_empty() {
                self.lanes.remove(&delivery.integration);
            }
        } else {
            lane.insert(order, Arc::clone(&id), severity);
        }
        if delivery.state == DeliveryState::Sent {
            self.failing_since.remove(&delivery.integration);
        } else if let Some(tried_at) = delivery.tried_at {
            self.failing_since.entry(delivery.integration.clone()).or_insert(tried_at);
        }
        self.note_handed(&delivery);
        if delivery.fallback_for.is_some()
            && let Some(content) = self.contents.get_mut(&delivery.notification)
            && !content.handed.contains(&id)
        {
            content.handed.push(Arc::clone(&id));
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

    /// What the lane of this integration does next: of the deliveries that are due the oldest in the group with the worst
    /// severity. A delivery waits for every earlier one of its group, so that a resolve never overtakes its trigger; groups
    /// do not wait for each other. What would wait for longer than anything may was decided before the clock was put back,
    /// and is due.
    pub fn next(&self, integration: &IntegrationId, now: Timestamp) -> Next {
        let worst = self.lanes.get(integration).and_then(Queue::worst);
        // The first delivery of each group: due, with the worst severity that waits in the group, or not before a time.
        let mut heads: HashMap<&str, Result<Head<'_>, Timestamp>> = HashMap::new();
        for (order, delivery, content) in self.lane(integration) {
            match heads.get_mut(&*delivery.group_key) {
                Some(Ok(head)) => head.severity = head.severity.max(content.severity),
                Some(Err(_)) => {}
                None if !is_due(delivery, now) => {
                    heads.insert(&delivery.group_key, Err(delivery.next_attempt_at));
                }
                None if Some(content.severity) == worst => return Next::send(delivery, content),
                None => {
                    let head = Head { order, severity: content.severity, delivery, content };
                    heads.insert(&delivery.group_key, Ok(head));
                }
            }
        }
        let due = heads.values().filter_map(|head| head.as_ref().ok());
        match due.min_by_key(|head| (std::cmp::Reverse(head.severity), head.order)) {
            Some(head) => Next::send(head.delivery, head.content),
            None => heads
                .values()
                .filter_map(|head| head.as_ref().err())
                .min()
                .map_or(Next::Idle, |at| Next::WaitUntil(*at)),
        }
    }

    /// How many deliveries of this integration could be sent now.
    pub(crate) fn waiting(&self, integration: &IntegrationId, now: Timestamp) -> usize {
        let mut held: HashSet<&str> = HashSet::new();
        let mut waiting = 0;
        for (_, delivery, _) in self.lane(integration) {
            if !is_due(delivery, now) {
                held.insert(&delivery.group_key);
            } else if !held.contains(&*delivery.group_key) {
                waiting += 1;
            }
        }
        waiting
    }

    /// All that could be sent now, oldest first, at most [`DIGEST_MAX`]; without what was refused in a digest before.
    pub(crate) fn due(
        &self,
        integration: &IntegrationId,
        now: Timestamp,
    ) -> Vec<(Delivery, Arc<Notification>)> {
        let mut held: HashSet<&str> = HashSet::new();
        let mut due = Vec::new();
        for (_, delivery, content) in self.lane(integration) {
            if !is_due(delivery, now) || delivery.digest.is_some() {
                held.insert(&delivery.group_key);
            } else if !held.contains(&*delivery.group_key) && due.len() < DIGEST_MAX {
                due.push((delivery.clone(), Arc::clone(&content.notification)));
            }
        }
        due
    }

    /// How long ago this integration was sent messages, of those sent in this time: what a limit counts after a restart.
    pub(crate) fn sends(
        &self,
        integration: &IntegrationId,
        within: Duration,
        now: Timestamp,
    ) -> Vec<Duration> {
        let own = self.deliveries.values().filter(|(_, delivery)| delivery.integration == *integration);
        let tried: BTreeSet<Timestamp> = own.filter_map(|(_, delivery)| delivery.tried_at).collect();
        tried
            .into_iter()
            .filter(|at| *at <= now)
            .map(|at| now.since(at))
            .filter(|age| *age < within)
            .collect()
    }

    /// What is under way by this integration, oldest first.
    fn lane(&self, integration: &IntegrationId) -> impl Iterator<Item = (u64, &Delivery, &Content)> {
        let lane = self.lanes.get(integration).into_iter().flat_map(Queue::iter);
        lane.filter_map(|(order, id, _)| {
            let (_, delivery) = self.deliveries.get(id)?;
            Some((order, delivery, self.contents.get(&delivery.notification)?))
        })
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
                let ids = self.lanes.values().flat_map(Queue::iter);
                ids.filter(|(_, id, _)| self.delivery(id).is_some_and(|delivery| delivery.state == open))
                    .count()
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

    /// Which alerts each notification told of, by its id, as far as that is remembered.
    pub fn members(&self) -> BTreeMap<Arc<str>, Arc<[u64]>> {
        self.members.iter().cloned().collect()
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
            contents: self.contents.values().map(|content| Arc::clone(&content.notification)).collect(),
            members: self.members.iter().map(|(id, members)| (Arc::clone(id), members.to_vec())).collect(),
            deliveries: deliveries.into_iter().map(|(_, delivery)| delivery.clone()).collect(),
            handed: self.handed.iter().map(|(group, episode)| (group.clone(), *episode)).collect(),
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
            outbox.contents.insert(Arc::clone(&notification.id), Content::of(notification));
        }
        for (order, delivery) in outbox.deliveries.values() {
            let Some(content) = outbox.contents.get_mut(&delivery.notification) else { continue };
            if delivery.fallback_for.is_some() {
                content.handed.push(Arc::clone(&delivery.id));
            }
            if let Some(lane) =
                outbox.lanes.get_mut(&delivery.integration).filter(|_| !delivery.state.is_final())
            {
                lane.insert(*order, Arc::clone(&delivery.id), content.severity);
            }
        }
        outbox.handed = remembered.handed.into_iter().collect();
        outbox
    }

    /// Drops contents that nobody will be sent again.
    fn let_go(&mut self, notification: &str) {
        let Some(contents) = self.contents.get(notification) else { return };
        let taken = |id: &Arc<str>| {
            self.deliveries.get(id).is_none_or(|(_, delivery)| delivery.state == DeliveryState::Sent)
        };
        let told = contents.notification.told.iter().filter_map(|told| told.delivery.as_ref());
        if told.chain(&contents.handed).all(taken) {
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

fn is_due(delivery: &Delivery, now: Timestamp) -> bool {
    delivery.next_attempt_at <= now || delivery.next_attempt_at > now.plus(retry::PAUSE_LONGEST)
}

#[cfg(test)]
mod tests;
