//! The dispatcher: puts alerts into groups and says, group by group, who is to be told what and when. Pure.
//!
//! Telling is two steps, so that nothing is forgotten when the journal cannot be written: [`Dispatcher::plan`] says what
//! is due and changes nothing; [`Dispatcher::commit`] takes it as written down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::Timestamp;

use self::digest::{Arrival, Storms};
use self::tell::Look;
use crate::alert::{Alert, AlertState};
use crate::config::AlertingConfig;
use crate::delivery::{Delivery, GroupId, Notification, NotifiedAlert};
use crate::flapping::FlappingRule;
use crate::group::{Calendar, Group, LogEntry, NotificationLog};
use crate::route::Route;
use crate::suppress::{Gate, HeldBack};

mod digest;
mod tell;

/// All groups, and where each alert is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dispatcher {
    groups: BTreeMap<GroupId, Group>,
    /// Every group by when it is looked at next.
    agenda: BTreeSet<(Timestamp, GroupId)>,
    /// No group rests for longer.
    longest_rest: Duration,
    places: BTreeMap<u64, BTreeSet<GroupId>>,
    /// Groups with alerts that somebody has taken, whose receivers may be to be told so.
    taken: BTreeSet<GroupId>,
    /// How fast alerts come lately, for routes that ask.
    storms: Storms,
}

/// Whether an alert flaps, and by which rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flaps {
    pub(crate) rule: FlappingRule,
    pub(crate) is_flapping: bool,
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
    flushed: Vec<Flushed>,
    /// Open alerts that a group would have told of and that something holds back.
    pub(crate) held: BTreeSet<u64>,
    /// What of that is to be written down.
    pub(crate) held_back: Vec<HeldBack>,
    /// The groups that were looked at because somebody has taken alerts of them.
    taken: Vec<GroupId>,
}

/// A group that was looked at.
#[derive(Clone, Debug, PartialEq)]
struct Flushed {
    id: GroupId,
    /// Members that ended and of which there is nothing more to say.
    gone: Vec<u64>,
    /// Whether somebody has taken an open member: with this look written down, all that is open may be taken.
    is_taken: bool,
}

impl Plan {
    /// Whether no group was due at all.
    pub fn is_empty(&self) -> bool {
        self.flushed.is_empty() && self.taken.is_empty()
    }

    /// Groups are looked at in the order of their ids.
    fn has_flushed(&self, id: &GroupId) -> bool {
        self.flushed.binary_search_by(|flushed| flushed.id.cmp(id)).is_ok()
    }
}

impl Dispatcher {
    /// Takes in an alert after a change: joins it to the groups its routes lead to. A group it no longer belongs to, because
    /// its severity or the routes changed, sees it end. One that its provider holds back joins none; in a group it was told
    /// in before, it stays, so that its end is told.
    pub(crate) fn place(
        &mut self,
        route: &Route,
        alert: &Alert,
        notified: &Arc<NotifiedAlert>,
        flaps: Flaps,
        now: Timestamp,
    ) {
        if !alert.is_muted() || self.places.contains_key(&notified.fingerprint) {
            self.put(route, alert, notified, flaps, None, now);
        }
    }

    /// Where groups are made again, `told` are those that told of the alert as open.
    fn put(
        &mut self,
        route: &Route,
        alert: &Alert,
        notified: &Arc<NotifiedAlert>,
        flaps: Flaps,
        told: Option<&BTreeSet<GroupId>>,
        now: Timestamp,
    ) {
        let fingerprint = notified.fingerprint;
        let before = self.places.remove(&fingerprint).unwrap_or_default();
        let mut places = BTreeSet::new();
        if alert.state != AlertState::Pending {
            for route in route.matching(&notified.labels) {
                let (id, labels) = self.storms.seat(
                    route,
                    Arrival {
                        labels: &notified.labels,
                        is_open: alert.state.is_open(),
                        is_flapping: flaps.is_flapping,
                        known: told.unwrap_or(&before),
                        is_restored: told.is_some(),
                        at: now,
                    },
                );
                let timing = route.timing_of(&id.key, flaps.rule);
                if !alert.state.is_open() && !before.contains(&id) {
                    continue;
                }
                let group = self.groups.entry(id.clone()).or_insert_with(|| {
                    let next_flush = now.plus(timing.group_wait);
                    self.agenda.insert((next_flush, id.clone()));
                    self.longest_rest = self.longest_rest.max(timing.longest_rest());
                    Group {
                        labels,
                        timing,
                        members: BTreeMap::new(),
                        next_flush,
                        calendar: Calendar::of(route),
                        is_new: true,
                    }
                });
                group.members.insert(fingerprint, Arc::clone(notified));
                // What was sent here has waited at its sender already. Source: prometheus/alertmanager
                // `dispatch.aggrGroup.insert`.
                let has_waited = now > alert.starts_at.plus(route.timing.group_wait);
                if group.is_new && has_waited && alert.pushed.is_some() && now < group.next_flush {
                    self.agenda.remove(&(group.next_flush, id.clone()));
                    self.agenda.insert((now, id.clone()));
                    group.next_flush = now;
                }
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
        is_flapping: impl Fn(u64) -> bool,
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
        let mut told: BTreeMap<u64, BTreeSet<GroupId>> = BTreeMap::new();
        for (id, entries) in log.groups() {
            let known = entries.flat_map(|entry| &entry.notification.alerts);
            for alert in known.filter(|alert| alert.is_firing()) {
                told.entry(alert.fingerprint).or_default().insert(id.clone());
            }
        }
        opened.retain(|(alert, _)| !alert.is_muted() || told.contains_key(&alert.fingerprint()));
        let untold = BTreeSet::new();
        for (alert, opened_at) in opened {
            let fingerprint = alert.fingerprint();
            let flaps = Flaps { rule: config.flapping, is_flapping: is_flapping(fingerprint) };
            let told = told.get(&fingerprint).unwrap_or(&untold);
            let notified = Arc::new(NotifiedAlert::of(alert));
            dispatcher.put(&config.route, alert, &notified, flaps, Some(told), opened_at);
        }
        for (id, group) in &mut dispatcher.groups {
            let looked_at = log.entries_of(id).map(LogEntry::looked_at).max();
            let rested = looked_at.map(|told| told.plus(group.timing.group_interval));
            group.is_new = rested.is_none();
            group.next_flush = rested.unwrap_or(group.next_flush).max(now);
        }
        for (id, entries) in log.groups() {
            if config.receiver(&id.receiver).is_some() {
                for entry in entries {
                    dispatcher.take_back(config, id, entry, &ended, now);
                }
            }
        }
        let groups = &dispatcher.groups;
        dispatcher.agenda = groups.iter().map(|(id, group)| (group.next_flush, id.clone())).collect();
        dispatcher.longest_rest =
            groups.values().map(|group| group.timing.longest_rest()).max().unwrap_or_default();
        dispatcher
    }

    /// Adds, as ended, what the receiver was told is open and what is no member now. A group that no route makes any more
    /// is due at once.
    fn take_back(
        &mut self,
        config: &AlertingConfig,
        id: &GroupId,
        known: &LogEntry,
        ended: &BTreeMap<u64, Timestamp>,
        now: Timestamp,
    ) {
        let told = &known.notification;
        let group = self.groups.entry(id.clone()).or_insert_with(|| {
            let route = config.route.making(id, &told.group_labels);
            let timing = route.map(|route| route.timing_of(&id.key, config.flapping));
            let rested = timing.map_or(now, |timing| known.looked_at().plus(timing.group_interval));
            Group {
                labels: told.group_labels.clone(),
                timing: timing.unwrap_or_default(),
                members: BTreeMap::new(),
                next_flush: rested.max(now),
                calendar: route.map(Calendar::of).unwrap_or_default(),
                is_new: false,
            }
        });
        for alert in told.alerts.iter().filter(|alert| alert.is_firing()) {
            let at = ended.get(&alert.fingerprint).copied().unwrap_or(now);
            group.members.entry(alert.fingerprint).or_insert_with(|| Arc::new(alert.ended(at)));
            self.places.entry(alert.fingerprint).or_default().insert(id.clone());
        }
    }

    /// Looks at the groups of an alert that somebody has taken, for receivers that keep an incident.
    pub(crate) fn look_at_taken(&mut self, fingerprint: u64) {
        self.taken.extend(self.places.get(&fingerprint).into_iter().flatten().cloned());
    }

    /// Puts each group that was told on the beat that its latest telling began, where it was before the groups were made
    /// again.
    pub(crate) fn keep_beat(&mut self, log: &NotificationLog, now: Timestamp) {
        for (id, group) in &mut self.groups {
            let Some(told) = log.entries_of(id).map(LogEntry::looked_at).max() else { continue };
            let interval = group.timing.group_interval.max(Duration::from_millis(1));
            let beats = now.since(told).as_millis().div_ceil(interval.as_millis());
            let rested = interval.saturating_mul(u32::try_from(beats).unwrap_or(u32::MAX).max(1));
            self.agenda.remove(&(group.next_flush, id.clone()));
            group.next_flush = told.plus(rested).max(now);
            self.agenda.insert((group.next_flush, id.clone()));
        }
    }

    /// What is due at `now`; of very many groups the first [`PLAN_MAX`] notifications, the others stay due. Every look at a
    /// group in which somebody has taken anything is followed by a look at whether all that is open is taken now: an alert
    /// may have been taken before it was told, and the last that nobody has may have ended.
    pub(crate) fn plan(
        &self,
        config: &AlertingConfig,
        log: &NotificationLog,
        gate: &Gate<'_>,
        now: Timestamp,
    ) -> Plan {
        let mut plan = Plan::default();
        for (id, group) in self.due(now) {
            if plan.notifications.len() >= PLAN_MAX {
                return plan;
            }
            let receiver = config.receiver(&id.receiver);
            let look = Look { id, group, log, gate, now };
            let allowed = look.allowed();
            let (gone, is_taken) = (look.gone(&allowed), look.is_any_taken());
            plan.flushed.push(Flushed { id: id.clone(), gone, is_taken });
            look.hold(&allowed, &mut plan.held);
            if let Some(receiver) = receiver.filter(|_| !allowed.is_empty()) {
                look.tell(receiver, allowed, &mut plan);
            }
        }
        for id in &self.taken {
            if plan.notifications.len() >= PLAN_MAX {
                break;
            }
            plan.taken.push(id.clone());
            // What is told now anyway is told first; whether it is all taken is looked at with it written down.
            let is_due = plan.has_flushed(id);
            if let Some((group, receiver)) = self.groups.get(id).zip(config.receiver(&id.receiver))
                && !is_due
            {
                Look { id, group, log, gate, now }.tell_taken(receiver, &mut plan);
            }
        }
        plan
    }

    /// Takes a plan as written down: its groups rest for their interval, and let go of what ended. Nothing may have been
    /// placed since the plan was made.
    pub fn commit(&mut self, plan: &Plan, now: Timestamp) {
        for id in &plan.taken {
            if !plan.has_flushed(id) {
                self.taken.remove(id);
            }
        }
        for Flushed { id, gone, is_taken } in &plan.flushed {
            let Some(group) = self.groups.get_mut(id) else { continue };
            for fingerprint in gone {
                group.members.remove(fingerprint);
                if let Some(places) = self.places.get_mut(fingerprint) {
                    places.remove(id);
                    if places.is_empty() {
                        self.places.remove(fingerprint);
                    }
                }
            }
            self.agenda.remove(&(group.next_flush, id.clone()));
            if group.members.is_empty() {
                self.groups.remove(id);
                continue;
            }
            if *is_taken {
                self.taken.insert(id.clone());
            }
            group.is_new = false;
            group.next_flush = now.plus(group.timing.group_interval);
            self.agenda.insert((group.next_flush, id.clone()));
        }
    }

    /// When [`Dispatcher::plan`] has something to say next; `None` while there is no group.
    pub fn next_flush(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.taken.is_empty() {
            return Some(now);
        }
        if self.is_clock_put_back(now) {
            return self.groups.values().map(|group| group.due_at(now)).min();
        }
        self.agenda.first().map(|(at, _)| *at)
    }

    /// The groups that are due at `now`, in the order of their ids.
    fn due(&self, now: Timestamp) -> Vec<(&GroupId, &Group)> {
        if self.is_clock_put_back(now) {
            return self.groups.iter().filter(|(_, group)| group.due_at(now) <= now).collect();
        }
        let ids = self.agenda.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| id);
        let mut due: Vec<(&GroupId, &Group)> = ids.filter_map(|id| self.groups.get_key_value(id)).collect();
        due.sort_unstable_by_key(|(id, _)| *id);
        due
    }

    /// Whether a group would rest for longer than any may: then each is to be asked.
    fn is_clock_put_back(&self, now: Timestamp) -> bool {
        self.agenda.last().is_some_and(|(at, _)| *at > now.plus(self.longest_rest))
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

#[cfg(test)]
mod tests;
