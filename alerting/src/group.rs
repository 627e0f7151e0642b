//! One group of alerts, and the notification log: what each integration knows of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{Labels, Timestamp};

use crate::delivery::{GroupId, Notification, NotifiedAlert, Reason, Told};
use crate::interval::TimeInterval;
use crate::route::{Route, Timing};

/// Alerts that are told together. A group exists while it has members.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The labels its alerts have in common by construction.
    pub labels: Labels,
    /// When it is told.
    pub timing: Timing,
    /// By fingerprint: open alerts, and those that ended since the group was last looked at.
    pub members: BTreeMap<u64, Arc<NotifiedAlert>>,
    /// When it is looked at next, processing time.
    pub next_flush: Timestamp,
    /// When it is not told of.
    pub calendar: Calendar,
    /// Whether it still waits for company: it was not looked at yet.
    pub is_new: bool,
}

/// The time intervals of a route, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// While one of these holds nobody is told.
    pub mute: Vec<Arc<str>>,
    /// Where there are any, nobody is told unless one of them holds.
    pub active: Vec<Arc<str>>,
}

impl Calendar {
    /// That of a route.
    pub fn of(route: &Route) -> Self {
        Self { mute: route.mute_intervals.clone(), active: route.active_intervals.clone() }
    }

    /// The time intervals, found by their names among `intervals`, because of which nobody is told at `now`; none when
    /// somebody is.
    pub fn muting(
        &self,
        intervals: &BTreeMap<Arc<str>, Arc<TimeInterval>>,
        now: Timestamp,
    ) -> Vec<&Arc<str>> {
        let holds = |name: &&Arc<str>| intervals.get(*name).is_some_and(|interval| interval.contains(now));
        if !self.active.is_empty() && !self.active.iter().any(|name| holds(&name)) {
            return self.active.iter().collect();
        }
        self.mute.iter().filter(holds).collect()
    }
}

impl Group {
    /// When it is looked at next, seen from `now`: no group rests for longer than it may, whatever time it was when that was
    /// decided. A clock that is put back would hold pages for as long as it was ahead.
    pub(crate) fn due_at(&self, now: Timestamp) -> Timestamp {
        if self.next_flush > now.plus(self.timing.longest_rest()) { now } else { self.next_flush }
    }

    /// The members in label order, whatever order they came in.
    pub(crate) fn sorted_members(&self) -> Vec<Arc<NotifiedAlert>> {
        in_label_order(self.members.values().cloned().collect())
    }
}

pub(crate) fn in_label_order(mut alerts: Vec<Arc<NotifiedAlert>>) -> Vec<Arc<NotifiedAlert>> {
    alerts.sort_by(|a, b| a.labels.cmp(&b.labels).then(a.fingerprint.cmp(&b.fingerprint)));
    alerts
}

/// What one integration knows of a group, while something in it is open to its knowledge.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// When the first notification of the episode was decided.
    pub episode: Timestamp,
    /// When it was last sent something.
    pub sent_at: Timestamp,
    /// The latest notification that concerned it.
    pub notification: Arc<Notification>,
    /// Whether it was told that somebody has taken everything that is open.
    pub is_acknowledged: bool,
}

impl LogEntry {
    /// When the group was last looked at in turn, as far as that was written down: that somebody has taken it is told out of
    /// turn.
    pub(crate) fn looked_at(&self) -> Timestamp {
        let is_out_of_turn = self.notification.told.iter().all(|told| told.reason == Reason::Acknowledged);
        if is_out_of_turn { self.sent_at } else { self.notification.at }
    }
}

/// The notification log: a fold of [`Notification`] records.
#[derive(Clone, Debug, Default)]
pub struct NotificationLog {
    entries: BTreeMap<GroupId, BTreeMap<(Arc<str>, u32), LogEntry>>,
}

impl NotificationLog {
    /// Takes in a record. A group whose alerts are all over is forgotten: its next alert begins a new episode.
    pub fn apply(&mut self, notification: &Arc<Notification>) {
        let known = self.entries.entry(notification.group.clone()).or_default();
        let over = !notification.alerts.iter().any(|alert| alert.is_firing());
        for told in &notification.told {
            let integration = (Arc::clone(&told.channel), told.index);
            if over {
                known.remove(&integration);
            } else {
                let notification = Arc::clone(notification);
                let Told { episode, sent_at, is_acknowledged, .. } = *told;
                known.insert(integration, LogEntry { episode, sent_at, notification, is_acknowledged });
            }
        }
        if known.is_empty() {
            self.entries.remove(&notification.group);
        }
    }

    /// What the integration knows of the group; `None` when nothing of it is open to its knowledge.
    pub fn entry(&self, group: &GroupId, channel: &str, index: u32) -> Option<&LogEntry> {
        let known = self.entries.get(group)?;
        known.iter().find(|((c, i), _)| **c == *channel && *i == index).map(|(_, entry)| entry)
    }

    /// Every group something of which is open to some integration's knowledge, with the entries.
    pub fn groups(&self) -> impl Iterator<Item = (&GroupId, impl Iterator<Item = &LogEntry>)> {
        self.entries.iter().map(|(group, known)| (group, known.values()))
    }

    /// The notifications the log is made of, oldest first, each with the integrations that know nothing newer: taking them
    /// in again makes the same log.
    pub(crate) fn notifications(&self) -> Vec<Arc<Notification>> {
        let entries = self.entries.values().flat_map(BTreeMap::values);
        let by_time: BTreeMap<(Timestamp, Arc<str>), Arc<Notification>> = entries
            .map(|entry| {
                (
                    (entry.notification.at, Arc::clone(&entry.notification.id)),
                    self.latest(&entry.notification),
                )
            })
            .collect();
        by_time.into_values().collect()
    }

    /// The notification, for those whose latest it is.
    fn latest(&self, notification: &Arc<Notification>) -> Arc<Notification> {
        let is_latest = |told: &Told| {
            let known = self.entry(&notification.group, &told.channel, told.index);
            known.is_some_and(|known| known.notification.id == notification.id)
        };
        if notification.told.iter().all(is_latest) {
            return Arc::clone(notification);
        }
        let told = notification.told.iter().filter(|told| is_latest(told)).cloned().collect();
        Arc::new(Notification { told, ..(**notification).clone() })
    }

    /// The entries of one group.
    pub(crate) fn entries_of(&self, group: &GroupId) -> impl Iterator<Item = &LogEntry> {
        self.entries.get(group).into_iter().flat_map(BTreeMap::values)
    }
}

/// What is asked of the notification log: what an integration is to know of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// The members that may be told of.
    pub(crate) members: &'a [Arc<NotifiedAlert>],
    /// Whether the integration wants to hear what is over.
    pub(crate) send_resolved: bool,
    /// Whether somebody has taken all that is open: then it is not repeated.
    pub(crate) is_taken: bool,
    pub(crate) repeat_interval: Duration,
    pub(crate) now: Timestamp,
}

/// Whether and why an integration learns of the group as it is now; the notification log's five reasons.
///
/// Source: prometheus/alertmanager `notify.DedupStage.needsUpdate`. It differs in three points, each on the side of
/// telling: a known alert that became worse is new; of an integration that does not hear what is over, an alert that ended
/// is forgotten, so that its return is new; the repetition comes at the first look after `repeat_interval`, not at the one
/// after that.
pub(crate) fn decide(known: Option<&LogEntry>, question: Question<'_>) -> Option<Reason> {
    let Question { members, send_resolved, is_taken, repeat_interval, now } = question;
    let any_firing = members.iter().any(|alert| alert.is_firing());
    let Some(known) = known else {
        return any_firing.then_some(Reason::First);
    };
    let told: HashMap<u64, &Arc<NotifiedAlert>> =
        known.notification.alerts.iter().map(|alert| (alert.fingerprint, alert)).collect();
    let told_as = |alert: &NotifiedAlert, is_firing: bool| {
        told.get(&alert.fingerprint).filter(|told| told.is_firing() == is_firing)
    };
    let is_news =
        |alert: &NotifiedAlert| told_as(alert, true).is_none_or(|told| alert.severity > told.severity);
    if members.iter().any(|alert| alert.is_firing() && is_news(alert)) {
        return Some(Reason::NewAlerts);
    }
    if members.is_empty() {
        return None;
    }
    if !any_firing {
        return Some(Reason::AllResolved);
    }
    let is_end = |alert: &NotifiedAlert| {
        if send_resolved { told_as(alert, false).is_none() } else { told_as(alert, true).is_some() }
    };
    if members.iter().any(|alert| !alert.is_firing() && is_end(alert)) {
        return Some(Reason::SomeResolved);
    }
    (!is_taken && now.since(known.sent_at) >= repeat_interval).then_some(Reason::Repeat)
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Severity;

    use super::*;
    use crate::AlertState;
    use crate::fixture::{START, alert, told};

    #[test]
    fn an_integration_that_is_configured_no_longer_opens_nothing_for_the_others_again() {
        let firing = alert("alertname=A", AlertState::Firing, Severity::Error, START);
        let over = alert("alertname=A", AlertState::Resolved, Severity::Error, START);
        let (mut first, _) = told(&[firing], Reason::First);
        let (mut last, _) = told(&[over], Reason::AllResolved);
        let told = |index, reason| Told {
            channel: "webhook".into(),
            index,
            episode: START,
            reason,
            sent_at: START,
            delivery: None,
            is_acknowledged: false,
        };
        first.told = vec![told(0, Reason::First), told(7, Reason::First)];
        (last.id, last.told) = ("last".into(), vec![told(0, Reason::AllResolved)]);
        let mut log = NotificationLog::default();
        log.apply(&Arc::new(first.clone()));
        log.apply(&Arc::new(last));
        let mut again = NotificationLog::default();
        log.notifications().iter().for_each(|notification| again.apply(notification));
        for log in [&log, &again] {
            assert!(log.entry(&first.group, "webhook", 0).is_none(), "it was told that all is over");
            assert!(log.entry(&first.group, "webhook", 7).is_some());
        }
    }
}
