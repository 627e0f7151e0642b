//! What people do to incidents. Correlation leaves it as they left it.

use std::collections::BTreeSet;
use std::sync::Arc;

use isobar_normalizer::Timestamp;

use super::draft::Draft;
use super::fold::Incidents;
use super::{IncidentRecord, IncidentState};

/// Why an incident is not changed as somebody asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IncidentError {
    /// There is none of this id, or not any more.
    #[error("no incident {0:?} is remembered")]
    Unknown(String),
    /// It is over.
    #[error("incident {0} is resolved")]
    Resolved(String),
    /// The alert is not in it.
    #[error("alert {fingerprint:016x} is not in incident {incident}")]
    NotAMember {
        /// The incident.
        incident: String,
        /// The alert.
        fingerprint: u64,
    },
    /// Nothing would be left, or nothing would be split off.
    #[error("to split incident {0}, name some of its alerts, not none and not all of them")]
    NotAPart(String),
    /// An incident with itself.
    #[error("incident {0} cannot be merged with itself")]
    Itself(String),
    /// The incident of an outage takes others in, and is not taken in.
    #[error("incident {0} stands for an outage: merge the other incident into it instead")]
    Outage(String),
}

impl Incidents {
    /// Puts these alerts of an incident into one of their own. The two are not merged again, except by a person.
    ///
    /// # Errors
    /// An incident that is not known or is over, alerts that are not in it, and none or all of its alerts.
    pub fn split(
        &self,
        id: &str,
        fingerprints: &BTreeSet<u64>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Vec<IncidentRecord>, IncidentError> {
        let from = self.unresolved_of(id)?;
        let strange =
            |fingerprint: &&u64| !from.members.get(fingerprint).is_some_and(|member| member.is_here());
        if let Some(fingerprint) = fingerprints.iter().find(strange) {
            return Err(IncidentError::NotAMember { incident: id.to_owned(), fingerprint: *fingerprint });
        }
        let (Some(first), true) = (fingerprints.first(), fingerprints.len() < from.present().count()) else {
            return Err(IncidentError::NotAPart(id.to_owned()));
        };
        let mut draft = Draft::new(self, now);
        let reason = format!("split off {} by {actor}", from.incident.title);
        let from = Arc::clone(&from.incident.id);
        let new = draft.open_as(&format!("{first:016x}"), reason, now);
        for fingerprint in fingerprints {
            draft.move_member(*fingerprint, &from, &new, Some(format!("split off {from} by {actor}")));
            pin(&mut draft, &new, *fingerprint);
        }
        draft.edit(&new).apart_from.insert(Arc::clone(&from));
        let left = draft.edit(&from);
        left.apart_from.insert(Arc::clone(&new));
        left.add_reason(&format!("{} alerts split off by {actor}, now {new}", fingerprints.len()));
        Ok(draft.finish())
    }

    /// Merges one incident into another, whose id the two have from then on. Their alerts are not taken apart again, except
    /// by a person.
    ///
    /// # Errors
    /// Incidents that are not known, over, or the same; an outage's own as the one that is to vanish.
    pub fn merge(
        &self,
        into: &str,
        from: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Vec<IncidentRecord>, IncidentError> {
        if into == from {
            return Err(IncidentError::Itself(into.to_owned()));
        }
        let (into, from) = (self.unresolved_of(into)?, self.unresolved_of(from)?);
        if from.incident.is_standing_outage() {
            return Err(IncidentError::Outage(from.incident.id.to_string()));
        }
        let (into, from) = (Arc::clone(&into.incident.id), Arc::clone(&from.incident.id));
        let mut draft = Draft::new(self, now);
        draft.merge(&into, &from, &format!("{actor} said so"));
        for fingerprint in draft.present(&into) {
            pin(&mut draft, &into, fingerprint);
        }
        draft.edit(&into).apart_from.remove(&from);
        draft.edit(&from).apart_from.remove(&into);
        Ok(draft.finish())
    }

    /// Takes an incident, or hands it back.
    ///
    /// # Errors
    /// An incident that is not known or is over.
    pub fn acknowledge(
        &self,
        id: &str,
        actor: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<IncidentRecord>, IncidentError> {
        let id = Arc::clone(&self.unresolved_of(id)?.incident.id);
        let mut draft = Draft::new(self, now);
        let incident = draft.edit(&id);
        incident.state = if actor.is_some() { IncidentState::Acknowledged } else { IncidentState::Open };
        incident.acknowledged_by = actor.map(str::to_owned);
        Ok(draft.finish())
    }

    fn unresolved_of(&self, id: &str) -> Result<&IncidentRecord, IncidentError> {
        let record = self.get(id).ok_or_else(|| IncidentError::Unknown(id.to_owned()))?;
        if record.incident.is_resolved() {
            return Err(IncidentError::Resolved(id.to_owned()));
        }
        Ok(record)
    }
}

fn pin(draft: &mut Draft<'_>, id: &Arc<str>, fingerprint: u64) {
    if let Some(mut member) = draft.member(id, fingerprint).cloned() {
        member.by_person = true;
        draft.set(id, fingerprint, member);
    }
}
