//! What a batch of changes makes of the incidents, before any of it is written down.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use isobar_normalizer::Timestamp;

use super::distance::{Link, Near, VERY_NEAR, near};
use super::features::{Features, wide_hash};
use super::fold::Incidents;
use super::index::Index;
use super::tally::{Sum, Tally};
use super::{Incident, IncidentRecord, IncidentState, Membership};
use crate::alert::Alert;

/// Incidents that change, over those that are known.
pub(super) struct Draft<'a> {
    known: &'a Incidents,
    now: Timestamp,
    changed: BTreeMap<Arc<str>, Changed>,
    of: HashMap<u64, Arc<str>>,
    index: Index,
    /// The count of an incident that was not there before.
    nothing: Tally,
}

/// The record to be written of one incident, and what of its members' count changes.
struct Changed {
    record: IncidentRecord,
    change: Tally,
}

/// The member of an incident that an alert is nearest to.
struct Nearest {
    incident: Arc<str>,
    member: u64,
    near: Near,
}

impl Nearest {
    fn is_nearer(&self, than: &Self) -> bool {
        (self.near.distance, self.member) < (than.near.distance, than.member)
    }
}

impl<'a> Draft<'a> {
    pub(super) fn new(known: &'a Incidents, now: Timestamp) -> Self {
        let (changed, of, index, nothing) = Default::default();
        Self { known, now, changed, of, index, nothing }
    }

    /// Takes in an alert as it is now.
    pub(super) fn take_in(&mut self, fingerprint: u64, alert: &Alert) {
        let place =
            self.place(fingerprint).filter(|id| self.incident(id).is_some_and(|it| !it.is_resolved()));
        match (place, alert.state.is_open()) {
            (None, false) => {}
            (None, true) => self.join(fingerprint, alert),
            (Some(id), is_open) => {
                let Some(before) = self.member(&id, fingerprint) else { return };
                let mut member = before.clone();
                if is_open {
                    member.left_at = None;
                    member.severity = alert.severity;
                    member.features = Features::of(alert);
                } else {
                    // What is over may become pending again, and is over no later by that.
                    let ended_at = alert.ends_at.or(before.left_at);
                    member.left_at = Some(ended_at.unwrap_or(alert.updated_at));
                }
                let begins_again = is_open && before.left_at.is_some() && !before.by_person;
                let outage = begins_again.then(|| self.outage_of(&member.features)).flatten();
                if member != *before {
                    self.set(&id, fingerprint, member);
                }
                if let Some((outage, why)) = outage.filter(|(outage, _)| *outage != id) {
                    self.move_member(fingerprint, &id, &outage, Some(why));
                }
            }
        }
    }

    fn join(&mut self, fingerprint: u64, alert: &Alert) {
        let features = Features::of(alert);
        let nearest = self.nearest(&features);
        let (id, reason) = match (self.outage_of(&features), nearest.first()) {
            (Some(found), _) => found,
            (None, Some(nearest)) => (Arc::clone(&nearest.incident), self.reason(nearest)),
            (None, None) => {
                let id = self.open(fingerprint, &features);
                (id, "the first of its incident".to_owned())
            }
        };
        let is_outage = self.incident(&id).is_some_and(|incident| incident.outage.is_some());
        let member = Membership {
            joined_at: self.now,
            left_at: None,
            reason,
            severity: alert.severity,
            by_person: false,
            moved_to: None,
            features,
        };
        self.set(&id, fingerprint, member);
        if let [first, second, ..] = nearest.as_slice()
            && !is_outage
            && second.near.distance <= VERY_NEAR
            && !self.are_apart(&first.incident, &second.incident)
        {
            let why = format!("{} is near to both: {}", alert.name(), self.reason(second));
            let (older, younger) = self.by_age(&first.incident, &second.incident);
            self.merge(&older, &younger, &why);
        }
    }

    fn reason(&self, nearest: &Nearest) -> String {
        let member = self.member(&nearest.incident, nearest.member);
        member.map(|member| nearest.near.reason(&member.features)).unwrap_or_default()
    }

    /// The incident of an outage that explains the alert, and how.
    fn outage_of(&self, features: &Features) -> Option<(Arc<str>, String)> {
        let explained = |incident: &Incident| {
            let outage = incident.outage.as_ref()?;
            let why = outage.explains(features)?;
            Some((Arc::clone(&incident.id), why))
        };
        self.known.standing().find_map(|known| explained(&known.record.incident))
    }

    /// Of each incident that the alert may belong to the member it is nearest to, nearest first.
    fn nearest(&self, features: &Features) -> Vec<Nearest> {
        let mut nearest: Vec<Nearest> = Vec::new();
        let mut least = f64::INFINITY;
        for link in Link::ALL {
            // What comes now is neither the nearest nor near enough to make two incidents one.
            if link.least() >= least && link.least() >= VERY_NEAR {
                break;
            }
            let Some(key) = link.key(features) else { continue };
            let known = self.known.index().linked(key, features.starts_at);
            for member in known.chain(self.index.linked(key, features.starts_at)) {
                let Some(found) = self.near(features, member) else { continue };
                least = least.min(found.near.distance);
                match nearest.iter_mut().find(|known| known.incident == found.incident) {
                    Some(known) if found.is_nearer(known) => *known = found,
                    Some(_) => {}
                    None => nearest.push(found),
                }
            }
        }
        nearest.sort_by(|a, b| {
            a.near.distance.total_cmp(&b.near.distance).then_with(|| a.incident.cmp(&b.incident))
        });
        nearest
    }

    /// How near an alert is to one that is in an incident it may join.
    fn near(&self, features: &Features, member: u64) -> Option<Nearest> {
        let id = self.place(member)?;
        let incident = self.incident(&id)?;
        if incident.is_resolved() || incident.outage.is_some() {
            return None;
        }
        let found = near(features, &self.member(&id, member)?.features)?;
        Some(Nearest { incident: id, member, near: found })
    }

    /// Opens an incident around an alert.
    pub(super) fn open(&mut self, fingerprint: u64, features: &Features) -> Arc<str> {
        let reason = format!("opened by {}", features.name);
        self.open_as(&format!("{fingerprint:016x}"), reason, features.starts_at)
    }

    pub(super) fn open_as(&mut self, around: &str, reason: String, starts_at: Timestamp) -> Arc<str> {
        let id = self.new_id(around);
        let incident = Incident {
            id: Arc::clone(&id),
            title: String::new(),
            state: IncidentState::Open,
            severity: isobar_normalizer::Severity::Info,
            cell: None,
            reason,
            outage: None,
            starts_at,
            ends_at: None,
            updated_at: self.now,
            acknowledged_by: None,
            merged_into: None,
            apart_from: std::collections::BTreeSet::new(),
        };
        let record = IncidentRecord { incident, members: BTreeMap::new(), forgotten: 0 };
        self.changed.insert(Arc::clone(&id), Changed { record, change: Tally::default() });
        id
    }

    /// An id that no incident has; the same input gives the same one.
    fn new_id(&self, around: &str) -> Arc<str> {
        let mut turn = 0;
        loop {
            let at = self.now.millis().to_string();
            let id: Arc<str> =
                format!("i-{:012x}", wide_hash(&[around, &at, &turn.to_string()]) >> 16).into();
            if self.incident(&id).is_none() {
                return id;
            }
            turn += 1;
        }
    }

    /// Moves all members of one incident into another, which is apart from what the one was apart from.
    pub(super) fn merge(&mut self, into: &Arc<str>, from: &Arc<str>, why: &str) {
        let title = self.title(from);
        let taken = self.edit(from);
        let (reason, mut apart_from) = (taken.reason.clone(), taken.apart_from.clone());
        for fingerprint in self.present(from) {
            self.move_member(fingerprint, from, into, None);
        }
        apart_from.remove(into);
        for other in &apart_from {
            if self.incident(other).is_some_and(|other| !other.is_resolved()) {
                self.edit(other).apart_from.insert(Arc::clone(into));
            }
        }
        let merged = self.edit(into);
        merged.apart_from.append(&mut apart_from);
        merged.add_reason(&format!("merged with {title} ({reason}), because {why}"));
    }

    /// The count of an incident's members as it will be.
    fn sum(&self, id: &str) -> Sum<'_> {
        let known = self.known.known(id).map_or(&self.nothing, |known| &known.tally);
        let change = self.changed.get(id).map_or(&self.nothing, |changed| &changed.change);
        Sum { known, change }
    }

    fn title(&self, id: &str) -> String {
        self.sum(id).title(self.forgotten(id))
    }

    fn forgotten(&self, id: &str) -> usize {
        self.known.get(id).map_or(0, |record| record.forgotten)
    }

    /// Moves one member; its reason stays, unless there is a new one. What is left of an incident that nobody is in is over.
    pub(super) fn move_member(
        &mut self,
        fingerprint: u64,
        from: &Arc<str>,
        into: &Arc<str>,
        reason: Option<String>,
    ) {
        let Some(member) = self.member(from, fingerprint).filter(|member| member.is_here()) else { return };
        let (mut left, mut moved) = (member.clone(), member.clone());
        left.moved_to = Some(Arc::clone(into));
        moved.joined_at = self.now;
        moved.reason = reason.unwrap_or(moved.reason);
        self.set(from, fingerprint, left);
        self.set(into, fingerprint, moved);
        if self.sum(from).is_empty() {
            let incident = self.edit(from);
            incident.state = IncidentState::Resolved;
            incident.merged_into = Some(Arc::clone(into));
            incident.ends_at = Some(incident.updated_at);
        }
    }

    fn are_apart(&self, a: &Arc<str>, b: &Arc<str>) -> bool {
        let is_apart = |from: &Incident, id| from.apart_from.contains(id);
        self.incident(a).is_some_and(|it| is_apart(it, b))
            || self.incident(b).is_some_and(|it| is_apart(it, a))
    }

    /// The one that began first, and the other.
    fn by_age(&self, a: &Arc<str>, b: &Arc<str>) -> (Arc<str>, Arc<str>) {
        let age = |id: &Arc<str>| (self.incident(id).map(|incident| incident.starts_at), Arc::clone(id));
        if age(a) <= age(b) { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) }
    }

    /// Puts a member as it is after the change.
    pub(super) fn set(&mut self, id: &Arc<str>, fingerprint: u64, member: Membership) {
        let before = self.member(id, fingerprint).filter(|before| before.is_here()).cloned();
        let changed = self.change(id);
        if let Some(before) = &before {
            changed.change.take(before);
        }
        if member.is_here() {
            changed.change.add(&member);
        }
        changed.record.members.insert(fingerprint, member.clone());
        if let Some(before) = &before {
            self.index.remove(fingerprint, &before.features, id);
        }
        if member.is_here() {
            self.index.insert(fingerprint, &member.features, id);
            self.of.insert(fingerprint, Arc::clone(id));
        }
    }

    /// The incident as it is to be written.
    pub(super) fn edit(&mut self, id: &Arc<str>) -> &mut Incident {
        &mut self.change(id).record.incident
    }

    fn change(&mut self, id: &Arc<str>) -> &mut Changed {
        let (known, now) = (self.known, self.now);
        self.changed.entry(Arc::clone(id)).or_insert_with(|| {
            let known =
                known.known(id).expect("only incidents that are known or were opened here are changed");
            let mut incident = known.record.incident.clone();
            incident.updated_at = now;
            let record = IncidentRecord { incident, members: BTreeMap::new(), forgotten: 0 };
            Changed { record, change: Tally::default() }
        })
    }

    /// Where an alert is, or was last.
    pub(super) fn place(&self, fingerprint: u64) -> Option<Arc<str>> {
        self.of.get(&fingerprint).or_else(|| self.known.id_of(fingerprint)).cloned()
    }

    pub(super) fn incident(&self, id: &str) -> Option<&Incident> {
        let changed = self.changed.get(id).map(|changed| &changed.record.incident);
        changed.or_else(|| self.known.get(id).map(|record| &record.incident))
    }

    pub(super) fn member(&self, id: &str, fingerprint: u64) -> Option<&Membership> {
        let changed = self.changed.get(id).and_then(|changed| changed.record.members.get(&fingerprint));
        changed.or_else(|| self.known.get(id)?.members.get(&fingerprint))
    }

    /// The fingerprints of those that are in an incident.
    pub(super) fn present(&self, id: &Arc<str>) -> Vec<u64> {
        let known = self.known.get(id).into_iter().flat_map(|record| record.members.keys());
        let changed = self.changed.get(id).into_iter().flat_map(|changed| changed.record.members.keys());
        let all: std::collections::BTreeSet<u64> = known.chain(changed).copied().collect();
        let is_here = |fingerprint: &u64| self.member(id, *fingerprint).is_some_and(Membership::is_here);
        all.into_iter().filter(is_here).collect()
    }

    /// The records to be written.
    pub(super) fn finish(mut self) -> Vec<IncidentRecord> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_values().map(|changed| self.finished(changed)).collect()
    }

    fn finished(&self, Changed { mut record, change }: Changed) -> IncidentRecord {
        let incident = &mut record.incident;
        let forgotten = self.forgotten(&incident.id);
        let known = self.known.known(&incident.id).map_or(&self.nothing, |known| &known.tally);
        let sum = Sum { known, change: &change };
        incident.severity = sum.severity().unwrap_or(incident.severity);
        match &incident.outage {
            Some(outage) => incident.title = outage.title(sum.members() + forgotten),
            None if !sum.is_empty() => {
                incident.cell = sum.cell();
                incident.title = sum.title(forgotten);
                let began = sum.starts_at().unwrap_or(incident.starts_at);
                // Those that are forgotten began before.
                incident.starts_at = if forgotten > 0 { began.min(incident.starts_at) } else { began };
            }
            None => {}
        }
        record
    }
}
