//! What happened to an incident, read back from the journal: its alerts, what providers posted, its own changes, what people
//! did, and what was sent.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use isobar_journal::{Event, Journal, JournalError};
use isobar_normalizer::{Labels, Severity, Timestamp};
use serde::Deserialize;

use super::{Incident, IncidentRecord, Membership};
use crate::alert::{AlertState, read_labels};
use crate::delivery::{Delivery, DeliveryState, fingerprint};
use crate::event::{
    ACTOR, KIND_ALERT, KIND_DELIVERY, KIND_HANDLING, KIND_INCIDENT, KIND_NOTIFICATION, Transition,
};
use crate::handling::Handling;
use crate::outage::{Evidence, EvidenceClass, HealthNotice, Verdict};

#[cfg(test)]
mod tests;

/// The latest entries are kept; more is for SQL.
const ENTRIES_MAX: usize = 500;
/// The latest events that are looked at: reading them takes a fraction of a second.
const EVENTS_MAX: u64 = 50_000;
/// Events read at a time.
const PAGE: usize = 1_000;
/// An alert was written down at most so long before it began by its own clock, or joined.
const SLACK: Duration = Duration::from_secs(60);
/// Of what is over is told within this time, unless a receiver is ill.
const AFTERWARDS: Duration = Duration::from_secs(3600);

/// Something that happened to an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When it was written down.
    pub at: Timestamp,
    /// What sort of thing.
    pub kind: EntryKind,
    /// In one word: an alert's state or `severity`; `notice`; `opened`, `joined`, `merge`, `split`, `suspected`, `confirmed`, `ended`,
    /// `resolved`; the word of an act; the state of a delivery.
    pub what: String,
    /// What it is about: the alert's name, the provider, the incident's title, the receiver.
    pub subject: String,
    /// Who did it, where a person did.
    pub actor: Option<String>,
    /// In words; may be empty.
    pub detail: String,
    /// The alert.
    pub alert: Option<u64>,
    /// Id of the delivery.
    pub delivery: Option<Arc<str>>,
}

/// Sorts of things that happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// An alert changed.
    Alert,
    /// A provider said something.
    Notice,
    /// The incident changed.
    Incident,
    /// A person did something.
    Person,
    /// A receiver was told, or could not be.
    Delivery,
}

impl EntryKind {
    /// The word the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Notice => "notice",
            Self::Incident => "incident",
            Self::Person => "person",
            Self::Delivery => "delivery",
        }
    }
}

/// The latest 500 entries about an incident with all its members, oldest first. Blocks on the journal, of which it reads
/// the time of the incident, and of that at most the last 50,000 events.
///
/// # Errors
/// The journal cannot be read.
pub fn timeline(journal: &dyn Journal, record: &IncidentRecord) -> Result<Vec<TimelineEntry>, JournalError> {
    let mut story = Story::new(record);
    let last = match story.until {
        Some(until) => last_before(journal, until.plus(AFTERWARDS))?,
        None => journal.head().seq,
    };
    let mut seen = last_before(journal, story.since())?.max(last.saturating_sub(EVENTS_MAX));
    while seen < last {
        let events = journal.read(seen, PAGE)?;
        let Some(read) = events.last() else { break };
        seen = read.seq;
        events.iter().take_while(|event| event.seq <= last).for_each(|event| story.take(event));
    }
    Ok(story.finish())
}

/// The number of the last event that was written before this time, or a number before the first. Where the clock was set back
/// it is one of those that may be meant.
fn last_before(journal: &dyn Journal, at: Timestamp) -> Result<u64, JournalError> {
    let (mut low, mut high) = (0, journal.head().seq);
    while low < high {
        let middle = low + (high - low) / 2;
        match journal.read(middle, 1)?.first() {
            Some(event) if event.at < at => low = event.seq,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// One member, and how it was last seen.
struct Watched<'a> {
    member: &'a Membership,
    severity: Option<Severity>,
}

impl Watched<'_> {
    fn since(&self) -> Timestamp {
        self.member.joined_at.min(self.member.features.starts_at).minus(SLACK)
    }
}

/// What was found of an incident so far.
struct Story<'a> {
    record: &'a IncidentRecord,
    opened_at: Timestamp,
    /// When it was over; absent while it is open.
    until: Option<Timestamp>,
    watched: HashMap<u64, Watched<'a>>,
    /// Deliveries that tell of members.
    telling: HashSet<Arc<str>>,
    tried: HashMap<Arc<str>, (DeliveryState, u32)>,
    before: Option<Incident>,
    /// When somebody took the incident last, or handed it back, and its alerts with it.
    acted: Option<(Timestamp, String)>,
    /// When the incident was opened last, merged or split.
    told: Option<Timestamp>,
    entries: VecDeque<TimelineEntry>,
}

impl<'a> Story<'a> {
    fn new(record: &'a IncidentRecord) -> Self {
        let watched = record.members.iter().map(|(id, member)| (*id, Watched { member, severity: None }));
        let joined = record.members.values().map(|member| member.joined_at);
        Self {
            record,
            opened_at: joined.min().unwrap_or(record.incident.updated_at),
            until: record.incident.is_resolved().then_some(record.incident.updated_at),
            watched: watched.collect(),
            telling: HashSet::new(),
            tried: HashMap::new(),
            before: None,
            acted: None,
            told: None,
            entries: VecDeque::new(),
        }
    }

    fn since(&self) -> Timestamp {
        let opened_at = self.opened_at.min(self.record.incident.starts_at).minus(SLACK);
        self.watched.values().map(Watched::since).min().unwrap_or(opened_at)
    }

    /// Takes in one event. What cannot be read is left out: the centre complains of it at its start.
    fn take(&mut self, event: &Event) {
        let is_afterwards = self.until.is_some_and(|until| event.at > until);
        match event.kind.as_str() {
            KIND_ALERT if !is_afterwards => self.alert(event),
            KIND_HANDLING if !is_afterwards => self.handling(event),
            KIND_INCIDENT if !is_afterwards => self.incident(event),
            KIND_NOTIFICATION => self.notification(event),
            KIND_DELIVERY => self.delivery(event),
            _ => {}
        }
    }

    fn finish(self) -> Vec<TimelineEntry> {
        let mut entries = Vec::from(self.entries);
        entries.sort_by_key(|entry| entry.at);
        entries
    }

    fn add(&mut self, entry: TimelineEntry) {
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    fn watched(&mut self, id: u64, at: Timestamp) -> Option<&mut Watched<'a>> {
        self.watched.get_mut(&id).filter(|watched| at >= watched.since())
    }

    fn alert(&mut self, event: &Event) {
        // Most alerts are others': of those no more is read than who they are.
        let Ok(AlertHead { alert: Identity { identity } }) = serde_json::from_slice(&event.payload) else {
            return;
        };
        let id = identity.fingerprint();
        let Some(watched) = self.watched(id, event.at) else { return };
        let Ok(said) = serde_json::from_slice::<Transition>(&event.payload) else { return };
        let alert = &said.alert;
        let before = watched.severity.replace(alert.severity);
        let is_other = said.from != Some(alert.state);
        let is_worth_telling = is_other || before.is_some_and(|before| before != alert.severity);
        // What never fired is nobody's trouble.
        let has_fired = match alert.state {
            AlertState::Pending => false,
            AlertState::Resolved => said.from != Some(AlertState::Pending),
            AlertState::Firing | AlertState::NoData => true,
        };
        if !(is_worth_telling && has_fired) {
            return;
        }
        let entry = match HealthNotice::of(alert) {
            Some(notice) => TimelineEntry {
                what: if notice.is_open { "notice" } else { "resolved" }.to_owned(),
                subject: notice.provider.to_string(),
                detail: notice.title,
                ..entry(event, EntryKind::Notice)
            },
            None => TimelineEntry {
                what: if is_other { alert.state.as_str() } else { "severity" }.to_owned(),
                subject: alert.name().to_owned(),
                detail: said.reason.clone(),
                ..entry(event, EntryKind::Alert)
            },
        };
        self.add(TimelineEntry { alert: Some(id), ..entry });
    }

    fn handling(&mut self, event: &Event) {
        let Ok(done) = serde_json::from_slice::<Handling>(&event.payload) else { return };
        // What was done to the incident was done to its alerts.
        let is_told = matches!(done.act.as_str(), "acknowledge" | "unacknowledge")
            && self.acted.as_ref().is_some_and(|(at, actor)| *at == event.at && *actor == event.actor);
        let Some(watched) = self.watched(done.fingerprint, event.at).filter(|_| !is_told) else { return };
        let subject = watched.member.features.name.to_string();
        let more = match done.act.as_str() {
            "assign" => done.assigned_to.clone(),
            "snooze" => done.snoozed.as_ref().map(|one| one.until.to_string()).unwrap_or_default(),
            _ => String::new(),
        };
        let said = [more.as_str(), &done.note].into_iter().filter(|text| !text.is_empty());
        self.add(TimelineEntry {
            detail: said.collect::<Vec<_>>().join(": "),
            what: done.act,
            subject,
            actor: Some(done.actor),
            alert: Some(done.fingerprint),
            ..entry(event, EntryKind::Person)
        });
    }

    fn incident(&mut self, event: &Event) {
        let own = &self.record.incident.id;
        if !std::str::from_utf8(&event.payload).is_ok_and(|text| text.contains(&**own)) {
            return;
        }
        let Ok(IncidentRecord { incident, members, .. }) = serde_json::from_slice(&event.payload) else {
            return;
        };
        if incident.id != *own {
            return;
        }
        let before = self.before.replace(incident.clone());
        let is_opening = before.is_none() && incident.updated_at <= self.opened_at;
        let change = changed(before.as_ref(), &incident, is_opening);
        let actor = (event.actor != ACTOR).then(|| event.actor.clone());
        if change.iter().any(|(what, _)| matches!(*what, "acknowledge" | "unacknowledge")) {
            self.acted = Some((event.at, event.actor.clone()));
        }
        for (what, detail) in &change {
            let kind = match (*what, &actor) {
                ("notice", _) => EntryKind::Notice,
                (_, Some(_)) => EntryKind::Person,
                (_, None) => EntryKind::Incident,
            };
            self.add(TimelineEntry {
                what: (*what).to_owned(),
                subject: incident.title.clone(),
                actor: actor.clone().filter(|_| kind == EntryKind::Person),
                detail: detail.clone(),
                ..entry(event, kind)
            });
        }
        // Those it was opened with, and those of a merge, are told by that.
        if is_opening || change.iter().any(|(what, _)| matches!(*what, "merge" | "split")) {
            self.told = Some(incident.updated_at);
        }
        // A record of many members has several parts.
        let is_told = self.told == Some(incident.updated_at);
        for (id, member) in members {
            if !member.is_here() {
                // One that came back was never gone.
                if self.record.members.get(&id).is_none_or(|last| !last.is_here()) {
                    self.watched.remove(&id);
                }
                continue;
            }
            if !is_told && member.joined_at == incident.updated_at && before.is_some() {
                self.add(TimelineEntry {
                    what: "joined".to_owned(),
                    subject: member.features.name.to_string(),
                    detail: member.reason,
                    alert: Some(id),
                    ..entry(event, EntryKind::Incident)
                });
            }
        }
    }

    /// Notes which deliveries tell of members.
    fn notification(&mut self, event: &Event) {
        let Ok(PartHead { notification }) = serde_json::from_slice(&event.payload) else { return };
        let NotificationHead { alerts, told } = notification;
        let until = self.until;
        let is_told = |alert: &ToldHead| {
            // An alert that began after the incident was over is another one's.
            let is_of_then = until.is_none_or(|until| alert.starts_at <= until);
            is_of_then && self.watched.get(&alert.fingerprint).is_some_and(|one| event.at >= one.since())
        };
        if alerts.iter().any(is_told) {
            self.telling.extend(told.into_iter().filter_map(|told| told.delivery));
        }
    }

    fn delivery(&mut self, event: &Event) {
        let Ok(delivery) = serde_json::from_slice::<Delivery>(&event.payload) else { return };
        let is_own = delivery.incident.as_deref() == Some(&*self.record.incident.id);
        if !(is_own || self.telling.contains(&delivery.id)) {
            return;
        }
        let now = (delivery.state, delivery.attempts);
        let before = self.tried.insert(Arc::clone(&delivery.id), now);
        let by_person = event.actor != ACTOR;
        // That something was queued says nothing that its sending does not, unless somebody queued it again.
        if before == Some(now) || (delivery.state == DeliveryState::Queued && !by_person) {
            return;
        }
        let way = format!("{} {}", delivery.integration.channel, delivery.transition.as_str());
        let kind = if by_person { EntryKind::Person } else { EntryKind::Delivery };
        self.add(TimelineEntry {
            what: delivery.state.as_str().to_owned(),
            subject: delivery.integration.receiver.to_string(),
            actor: by_person.then(|| event.actor.clone()),
            detail: delivery.last_error.map_or(way.clone(), |error| format!("{way}: {error}")),
            delivery: Some(delivery.id),
            ..entry(event, kind)
        });
    }
}

fn entry(event: &Event, kind: EntryKind) -> TimelineEntry {
    TimelineEntry {
        at: event.at,
        kind,
        what: String::new(),
        subject: String::new(),
        actor: None,
        detail: String::new(),
        alert: None,
        delivery: None,
    }
}

/// What of an incident is another than before, in a word each, and in words.
fn changed(before: Option<&Incident>, after: &Incident, is_opening: bool) -> Vec<(&'static str, String)> {
    let mut change = Vec::new();
    let Some(before) = before else {
        if is_opening && let Some(outage) = &after.outage {
            change.push((outage.level.as_str(), outage.evidence()));
            change.extend(noticed(None, outage));
        } else if is_opening {
            let what = if after.apart_from.is_empty() { "opened" } else { "split" };
            change.push((what, after.reason.clone()));
        }
        return change;
    };
    if let Some(more) = after.reason.strip_prefix(&before.reason).filter(|more| !more.is_empty()) {
        let more = more.trim_start_matches("; ");
        let what = if more.starts_with("merged with ") { "merge" } else { "split" };
        change.push((what, more.to_owned()));
    }
    if let Some(outage) = &after.outage {
        let known = before.outage.as_ref();
        if known.is_none_or(|known| known.level != outage.level) {
            change.push((outage.level.as_str(), outage.evidence()));
        }
        change.extend(noticed(known, outage));
        if outage.ended_at.is_some() && known.is_some_and(|known| known.ended_at.is_none()) {
            change.push(("ended", String::new()));
        }
    }
    match (&after.merged_into, after.is_resolved() && !before.is_resolved()) {
        (Some(into), true) => change.push(("merge", format!("its alerts are in {into}"))),
        (None, true) => change.push(("resolved", String::new())),
        (_, false) if before.acknowledged_by != after.acknowledged_by => {
            let is_taken = after.acknowledged_by.is_some();
            change.push((if is_taken { "acknowledge" } else { "unacknowledge" }, String::new()));
        }
        _ => {}
    }
    change
}

/// What the provider says of an outage that it did not say before.
fn noticed(before: Option<&Verdict>, after: &Verdict) -> Option<(&'static str, String)> {
    let notice = |outage: &'_ Verdict| -> Option<Evidence> {
        outage.evidence.iter().find(|one| one.class == EvidenceClass::Notice).cloned()
    };
    let said = notice(after)?;
    before.and_then(notice).is_none().then_some(("notice", said.detail))
}

/// Of a transition, whose it is.
#[derive(Deserialize)]
struct AlertHead {
    alert: Identity,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(deserialize_with = "read_labels")]
    identity: Labels,
}

/// Of a notification, whom it is about and the deliveries that carry it.
#[derive(Deserialize)]
struct PartHead {
    notification: NotificationHead,
}

#[derive(Deserialize)]
struct NotificationHead {
    alerts: Vec<ToldHead>,
    told: Vec<Carried>,
}

#[derive(Deserialize)]
struct ToldHead {
    #[serde(deserialize_with = "fingerprint::deserialize")]
    fingerprint: u64,
    starts_at: Timestamp,
}

#[derive(Deserialize)]
struct Carried {
    delivery: Option<Arc<str>>,
}
