//! Incidents through the alert centre: what changed joins them, people split and merge them, outages are held.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use isobar_normalizer::Timestamp;

use super::command::Command;
use super::state::{Known, State};
use super::{CentreError, CentreHandle};
use crate::alert::Alert;
use crate::delivery::Notification;
use crate::dispatch::Plan;
use crate::event::Transition;
use crate::handling::{Act, Handling, Request};
use crate::incident::{Features, Incident, IncidentError, IncidentRecord, TimelineEntry, timeline};
use crate::outage::{Estate, HealthNotice, OutageFacts, OutageInference, PartFacts, Verdict};

/// An incident in a list, without its alerts.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedIncident {
    /// The incident.
    pub incident: Incident,
    /// How many alerts are in it.
    pub alerts: usize,
    /// How many of them are open.
    pub open: usize,
}

impl From<&IncidentRecord> for ListedIncident {
    fn from(record: &IncidentRecord) -> Self {
        Self {
            incident: record.incident.clone(),
            alerts: record.present().count() + record.forgotten,
            open: record.present().filter(|(_, member)| member.is_open()).count(),
        }
    }
}

/// What somebody does to an incident.
#[derive(Clone, Debug)]
pub(super) enum IncidentChange {
    /// Some of its alerts are another incident.
    Split { id: String, fingerprints: BTreeSet<u64> },
    /// Another one is the same.
    Merge { into: String, from: String },
    /// Somebody has it, or has it no more.
    Acknowledge { id: String, is_taken: bool },
}

impl IncidentChange {
    pub(super) fn carry_out(
        &self,
        state: &State,
        actor: &str,
        now: Timestamp,
    ) -> Result<(Vec<IncidentRecord>, Vec<Handling>), IncidentError> {
        let incidents = &state.known.incidents;
        match self {
            Self::Split { id, fingerprints } => {
                Ok((incidents.split(id, fingerprints, actor, now)?, Vec::new()))
            }
            Self::Merge { into, from } => Ok((incidents.merge(into, from, actor, now)?, Vec::new())),
            Self::Acknowledge { id, is_taken } => {
                let records = incidents.acknowledge(id, is_taken.then_some(actor), now)?;
                Ok((records, with_it(state, id, *is_taken, actor, now)))
            }
        }
    }

    /// The incident that came of it.
    pub(super) fn id(&self, state: &State) -> Arc<str> {
        match self {
            Self::Split { id, fingerprints } => {
                let first = fingerprints.first().and_then(|first| state.known.incidents.of(*first));
                first.map_or_else(|| id.as_str().into(), |split| Arc::clone(&split.incident.id))
            }
            Self::Merge { into: id, .. } | Self::Acknowledge { id, .. } => id.as_str().into(),
        }
    }
}

/// What taking an incident, or handing it back, does to its open alerts: who takes it takes those that nobody has, and those
/// that whoever had it before has; who hands it back hands back those that its holder has.
fn with_it(state: &State, id: &str, is_taken: bool, actor: &str, now: Timestamp) -> Vec<Handling> {
    let Some(record) = state.known.incidents.get(id) else { return Vec::new() };
    let holder = record.incident.acknowledged_by.as_deref();
    let is_meant = |fingerprint: &u64| {
        let Some(alert) = state.known.alerts.get(*fingerprint) else { return false };
        let taken = state.known.handlings.acknowledged(*fingerprint, alert.severity);
        match taken.map(|taken| taken.by.as_str()) {
            None => is_taken,
            taken_by => taken_by == holder,
        }
    };
    let open = record.present().filter(|(_, member)| member.is_open()).map(|(fingerprint, _)| fingerprint);
    let act = if is_taken { Act::Acknowledge } else { Act::Unacknowledge };
    let (targets, note) = (open.filter(is_meant).collect(), String::new());
    let request = Request { targets, act, actor: actor.to_owned(), note };
    let known = |fingerprint| state.known.alerts.get(fingerprint);
    // Where no alert is open there is nothing to be done to any.
    request.carry_out(&state.known.handlings, known, now).map_or_else(|_| Vec::new(), |(records, _)| records)
}

/// Alerts that are not in their incident, or not as they are: an earlier version knew no incidents, or was stopped between
/// an alert and its incident.
pub(super) fn astray(known: &Known) -> BTreeSet<u64> {
    let is_astray = |alert: &&Alert| {
        let record = known.incidents.of(alert.fingerprint());
        let record = record.filter(|record| !record.incident.is_resolved());
        let member = record.and_then(|record| record.members.get(&alert.fingerprint()));
        let member = member.filter(|member| member.is_open());
        let is_as_it_is = member.is_some_and(|member| member.severity == alert.severity);
        alert.state.is_open() != member.is_some() || (member.is_some() && !is_as_it_is)
    };
    known.alerts.iter().filter(is_astray).map(Alert::fingerprint).collect()
}

impl State {
    /// What follows for incidents from what changed, and from time.
    pub(super) fn correlated(&self, now: Timestamp) -> Vec<IncidentRecord> {
        let incidents = &self.known.incidents;
        if self.uncorrelated.is_empty() {
            return incidents.close(now);
        }
        incidents.correlate(self.uncorrelated.iter().filter_map(|id| self.known.alerts.get(*id)), now)
    }

    pub(super) fn apply_incidents(&mut self, records: Vec<IncidentRecord>) {
        records.into_iter().for_each(|record| self.known.incidents.apply(record));
    }

    /// Writes on each delivery the incident it tells of: that of the first of its alerts.
    pub(super) fn name_incidents(&self, plan: &mut Plan) {
        let incidents = &self.known.incidents;
        let notifications: HashMap<&str, &Notification> =
            plan.notifications.iter().map(|notification| (&*notification.id, &**notification)).collect();
        for delivery in &mut plan.deliveries {
            let told = notifications.get(&*delivery.notification);
            let mut alerts = told.into_iter().flat_map(|told| &told.alerts);
            let incident = alerts.find_map(|alert| incidents.of(alert.fingerprint));
            delivery.incident = incident.map(|record| record.incident.id.to_string());
        }
    }
}

impl CentreHandle {
    /// Every incident that is not over, or has been for at most a week, in the order of their ids.
    pub fn incidents(&self) -> Vec<ListedIncident> {
        let listed = |(incident, alerts, open): (&Incident, usize, usize)| ListedIncident {
            incident: incident.clone(),
            alerts,
            open,
        };
        self.state.read().known.incidents.counted().map(listed).collect()
    }

    /// The incident of this id, while it is remembered.
    pub fn incident(&self, id: &str) -> Option<IncidentRecord> {
        self.state.read().known.incidents.get(id).cloned()
    }

    /// What happened to an incident, oldest first, see [`timeline`]; `None` when it is not remembered. Blocks.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn timeline(&self, id: &str) -> Result<Option<Vec<TimelineEntry>>, CentreError> {
        let Some(record) = self.incident(id) else { return Ok(None) };
        let read = timeline(&*self.parts.journal, &record);
        read.map(Some).map_err(|error| CentreError::Journal(error.to_string()))
    }

    /// The id of the incident that an alert is in, or was in last.
    pub fn incident_of(&self, fingerprint: u64) -> Option<Arc<str>> {
        self.state.read().known.incidents.of(fingerprint).map(|record| Arc::clone(&record.incident.id))
    }

    /// Makes some alerts of an incident one of their own, and returns its id. `actor` is who says so.
    ///
    /// # Errors
    /// What is asked is refused, or the journal could not be written.
    pub async fn split(
        &self,
        id: &str,
        fingerprints: BTreeSet<u64>,
        actor: &str,
    ) -> Result<Arc<str>, CentreError> {
        self.change_incident(IncidentChange::Split { id: id.to_owned(), fingerprints }, actor).await
    }

    /// Makes two incidents one, which has the first one's id. `actor` is who says so.
    ///
    /// # Errors
    /// What is asked is refused, or the journal could not be written.
    pub async fn merge(&self, into: &str, from: &str, actor: &str) -> Result<Arc<str>, CentreError> {
        let change = IncidentChange::Merge { into: into.to_owned(), from: from.to_owned() };
        self.change_incident(change, actor).await
    }

    /// Says that `actor` has an incident and those of its open alerts that nobody else has, or hands all that back.
    ///
    /// # Errors
    /// It is not known or over, or the journal could not be written.
    pub async fn acknowledge_incident(
        &self,
        id: &str,
        is_taken: bool,
        actor: &str,
    ) -> Result<Arc<str>, CentreError> {
        let change = IncidentChange::Acknowledge { id: id.to_owned(), is_taken };
        self.change_incident(change, actor).await
    }

    /// What an inference makes of the alerts that are open now, of what providers say through alerts, and of what is
    /// watched and collected. Alerts that came over a door that cannot tell who speaks do not count: a stranger could keep a
    /// whole region from being told.
    pub fn look_for_outages(
        &self,
        inference: &OutageInference,
        estate: &Estate,
        parts: &[PartFacts],
    ) -> (OutageInference, Vec<Verdict>) {
        let now = (self.parts.clock)();
        let state = self.state.read();
        let is_verified =
            |fingerprint| state.known.alerts.get(fingerprint).is_some_and(|alert| alert.verified);
        let open = state.known.incidents.open_features();
        let alerts: Vec<&Features> =
            open.filter(|(fingerprint, _)| is_verified(*fingerprint)).map(|(_, features)| features).collect();
        let open = state.known.alerts.iter().filter(|alert| alert.state.is_open());
        let notices: Vec<HealthNotice> = open.filter_map(HealthNotice::of).collect();
        let facts = OutageFacts { estate, alerts: &alerts, parts, notices: &notices };
        inference.step(&facts, now)
    }

    /// Opens, changes or ends the incidents of outages, and takes in what that makes of their own alerts, all at once: where
    /// one outage takes another's place, nobody is told of what both speak for.
    ///
    /// # Errors
    /// The journal could not be written; then nothing changed and it is to be handed in again.
    pub async fn hold_outages(
        &self,
        verdicts: Vec<Verdict>,
        transitions: Vec<Transition>,
    ) -> Result<(), CentreError> {
        self.ask(|reply| Command::Outages { verdicts, transitions, reply }).await
    }

    async fn change_incident(&self, change: IncidentChange, actor: &str) -> Result<Arc<str>, CentreError> {
        let actor = actor.to_owned();
        self.ask(|reply| Command::Incident { change, actor, reply }).await
    }
}
