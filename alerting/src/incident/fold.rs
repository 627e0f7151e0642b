//! All incidents as they are now: the fold of every record.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::draft::Draft;
use super::features::Features;
use super::index::Index;
use super::tally::Tally;
use super::{Incident, IncidentRecord, IncidentState};
use crate::alert::Alert;

/// An incident whose members are all over stays open for so long: what comes back within it comes back to it.
pub(super) const HOLD_OPEN: Duration = Duration::from_secs(5 * 60);

/// Of an incident so many members are remembered that are over or went elsewhere: one that stays open for weeks has had any
/// number of pods in it.
pub(super) const OVER_KEPT: usize = 5_000;

/// Every incident of late, and where each alert is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incidents {
    all: BTreeMap<Arc<str>, Known>,
    /// The incident an alert is in, or was in last.
    of: HashMap<u64, Arc<str>>,
    index: Index,
    /// Those whose members are all over, by when they are resolved.
    closing: BTreeSet<(Timestamp, Arc<str>)>,
    /// Those of outages that go on.
    standing: BTreeSet<Arc<str>>,
}

/// One incident, its members counted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) record: IncidentRecord,
    pub(super) tally: Tally,
}

impl Known {
    /// Forgets members that have been over for longest, or went elsewhere, down to [`OVER_KEPT`]: says which, and what
    /// correlation saw of them.
    fn forget(&mut self) -> Vec<(u64, Features)> {
        let open = self.tally.open();
        let members = &mut self.record.members;
        let Some(surplus) = (members.len() - open).checked_sub(OVER_KEPT + 1) else { return Vec::new() };
        let over = members.iter().filter(|(_, member)| !member.is_open());
        let mut over: Vec<(Timestamp, u64)> =
            over.map(|(id, member)| (member.left_at.unwrap_or(member.joined_at), *id)).collect();
        over.select_nth_unstable(surplus);
        let mut forgotten = Vec::with_capacity(surplus + 1);
        for (_, fingerprint) in over.into_iter().take(surplus + 1) {
            let Some(member) = members.remove(&fingerprint) else { continue };
            if member.is_here() {
                self.tally.take(&member);
                self.record.forgotten += 1;
            }
            forgotten.push((fingerprint, member.features));
        }
        forgotten
    }

    /// When it is resolved, if nothing happens.
    fn closes_at(&self) -> Option<Timestamp> {
        let incident = &self.record.incident;
        let waits = !incident.is_resolved() && !incident.is_standing_outage() && self.tally.is_over();
        waits.then(|| incident.updated_at.plus(HOLD_OPEN))
    }
}

impl Incidents {
    /// What a snapshot kept, each with all its members, in any order.
    pub fn restored(mut records: Vec<IncidentRecord>) -> Self {
        // An alert is in the incident that changed last; one that was resolved at that moment it had left before.
        records.sort_by_key(|record| (record.incident.updated_at, !record.incident.is_resolved()));
        let mut incidents = Self::default();
        for record in records {
            let (id, forgotten) = (Arc::clone(&record.incident.id), record.forgotten);
            incidents.apply(record);
            if let Some(known) = incidents.all.get_mut(&id) {
                known.record.forgotten = forgotten;
            }
        }
        incidents
    }

    /// Takes in one record; applied twice, it is as applied once.
    pub fn apply(&mut self, record: IncidentRecord) {
        let IncidentRecord { incident, members, .. } = record;
        let id = Arc::clone(&incident.id);
        let known = self.all.entry(Arc::clone(&id)).or_insert_with(|| Known {
            record: IncidentRecord { incident: incident.clone(), members: BTreeMap::new(), forgotten: 0 },
            tally: Tally::default(),
        });
        if let Some(due) = known.closes_at() {
            self.closing.remove(&(due, Arc::clone(&id)));
        }
        known.record.incident = incident;
        let incident = &known.record.incident;
        for (fingerprint, member) in members {
            if let Some(before) = known.record.members.get(&fingerprint).filter(|before| before.is_here()) {
                known.tally.take(before);
                self.index.remove(fingerprint, &before.features, &id);
            }
            if member.is_here() {
                known.tally.add(&member);
                self.of.insert(fingerprint, Arc::clone(&id));
                if incident.outage.is_none() && !incident.is_resolved() {
                    self.index.insert(fingerprint, &member.features, &id);
                }
            } else if self.of.get(&fingerprint) == Some(&id) {
                self.of.remove(&fingerprint);
            }
            known.record.members.insert(fingerprint, member);
        }
        if incident.is_resolved() {
            for (fingerprint, member) in known.record.present() {
                self.index.remove(fingerprint, &member.features, &id);
            }
        }
        if incident.is_standing_outage() {
            self.standing.insert(Arc::clone(&id));
        } else {
            self.standing.remove(&id);
        }
        if let Some(due) = known.closes_at() {
            self.closing.insert((due, id));
        }
    }

    /// Says what follows for incidents from alerts that changed, given as they are now. In whatever order those come that
    /// are handed in together, the outcome is the same.
    pub fn correlate<'a>(
        &self,
        alerts: impl IntoIterator<Item = &'a Alert>,
        now: Timestamp,
    ) -> Vec<IncidentRecord> {
        let mut changed: Vec<(Timestamp, u64, &Alert)> =
            alerts.into_iter().map(|alert| (alert.starts_at, alert.fingerprint(), alert)).collect();
        changed.sort_by_key(|(starts_at, fingerprint, alert)| (*starts_at, *fingerprint, alert.updated_at));
        let mut draft = Draft::new(self, now);
        for (_, fingerprint, alert) in changed {
            draft.take_in(fingerprint, alert);
        }
        draft.finish()
    }

    /// Resolves what has been quiet for long enough.
    pub fn close(&self, now: Timestamp) -> Vec<IncidentRecord> {
        let due = self.closing.iter().take_while(|(due, _)| *due <= now);
        let resolved = |(_, id): &(Timestamp, Arc<str>)| {
            let known = &self.all[id];
            let mut incident = known.record.incident.clone();
            incident.state = IncidentState::Resolved;
            incident.ends_at = known.tally.ends_at().or(Some(now));
            incident.updated_at = now;
            IncidentRecord { incident, members: BTreeMap::new(), forgotten: 0 }
        };
        due.map(resolved).collect()
    }

    /// When [`Incidents::close`] has something to say next.
    pub fn next_close(&self) -> Option<Timestamp> {
        self.closing.first().map(|(due, _)| *due)
    }

    /// Forgets what was resolved longer ago than `retention`, and of the others the members that have been over for longest
    /// where those are too many.
    pub fn expire(&mut self, now: Timestamp, retention: Duration) {
        let is_old =
            |incident: &Incident| incident.is_resolved() && now.since(incident.updated_at) > retention;
        let old: Vec<Arc<str>> = self
            .all
            .iter()
            .filter(|(_, known)| is_old(&known.record.incident))
            .map(|(id, _)| id.clone())
            .collect();
        for id in old {
            let Some(known) = self.all.remove(&id) else { continue };
            for fingerprint in known.record.members.keys() {
                if self.of.get(fingerprint) == Some(&id) {
                    self.of.remove(fingerprint);
                }
            }
        }
        for (id, known) in &mut self.all {
            for (fingerprint, features) in known.forget() {
                self.index.remove(fingerprint, &features, id);
                if self.of.get(&fingerprint) == Some(id) {
                    self.of.remove(&fingerprint);
                }
            }
        }
    }

    /// The incident with this id, with all its members.
    pub fn get(&self, id: &str) -> Option<&IncidentRecord> {
        self.all.get(id).map(|known| &known.record)
    }

    /// The incident an alert is in, or was in last.
    pub fn of(&self, fingerprint: u64) -> Option<&IncidentRecord> {
        self.of.get(&fingerprint).and_then(|id| self.get(id))
    }

    /// The id of the incident an alert is in, or was in last.
    pub(crate) fn id_of(&self, fingerprint: u64) -> Option<&Arc<str>> {
        self.of.get(&fingerprint)
    }

    /// The incident of the outage that speaks for an alert while it stands: the alert itself is not told.
    pub fn folded_under(&self, fingerprint: u64) -> Option<&Incident> {
        // As long as nothing is out, as on most days, nothing is asked of a hundred thousand alerts.
        if self.standing.is_empty() {
            return None;
        }
        let record = self.of(fingerprint)?;
        let outage = record.incident.outage.as_ref().filter(|_| record.incident.is_standing_outage())?;
        // What it took in as long as it was thought to be wider, or what people put there, it does not speak for.
        outage.speaks_for(&record.members.get(&fingerprint)?.features).then_some(&record.incident)
    }

    /// The fingerprint of every open alert, and what correlation sees of it.
    pub fn open_features(&self) -> impl Iterator<Item = (u64, &Features)> {
        let members = self.unresolved().flat_map(|known| known.record.present());
        let open = members.filter(|(_, member)| member.left_at.is_none());
        open.map(|(fingerprint, member)| (fingerprint, &member.features))
    }

    /// Every incident of late in the order of their ids, with how many alerts are or were in it, and how many of them are
    /// open.
    pub fn counted(&self) -> impl Iterator<Item = (&Incident, usize, usize)> {
        self.all.values().map(|known| {
            let Known { record, tally } = known;
            (&record.incident, tally.members() + record.forgotten, tally.open())
        })
    }

    /// Every incident of late, in the order of their ids.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &IncidentRecord> {
        self.all.values().map(|known| &known.record)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn known(&self, id: &str) -> Option<&Known> {
        self.all.get(id)
    }

    pub(super) fn unresolved(&self) -> impl Iterator<Item = &Known> {
        self.all.values().filter(|known| !known.record.incident.is_resolved())
    }

    pub(super) fn standing(&self) -> impl Iterator<Item = &Known> {
        self.standing.iter().map(|id| &self.all[id])
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }
}
