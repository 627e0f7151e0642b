//! Incidents of outages: what an outage explains is in its incident, whatever incident it was in before.

use std::sync::Arc;

use isobar_normalizer::Timestamp;

use super::IncidentRecord;
use super::draft::Draft;
use super::fold::{Incidents, Known};
use crate::outage::Verdict;

impl Incidents {
    /// Opens the incident of an outage, or brings it to what is known of it now, and moves into it what the outage explains.
    /// What people have put somewhere stays there. An outage that is over takes nothing more in.
    pub fn hold(&self, verdict: &Verdict, now: Timestamp) -> Vec<IncidentRecord> {
        let is_its = |known: &&Known| {
            known.record.incident.outage.as_ref().is_some_and(|outage| outage.is_about_the_same(verdict))
        };
        let its = self.unresolved().find(is_its).map(|known| Arc::clone(&known.record.incident.id));
        if its.is_none() && verdict.ended_at.is_some() {
            return Vec::new();
        }
        let mut draft = Draft::new(self, now);
        let id = its.unwrap_or_else(|| {
            draft.open_as(verdict.name(), format!("inferred: {}", verdict.evidence()), verdict.onset)
        });
        let incident = draft.edit(&id);
        incident.cell.clone_from(&verdict.cell);
        incident.starts_at = verdict.onset;
        incident.outage = Some(verdict.clone());
        if verdict.ended_at.is_none() {
            for known in self.unresolved().filter(|known| known.record.incident.id != id) {
                self.fold(&mut draft, known, &id, verdict);
            }
        }
        draft.finish()
    }

    /// Moves what the outage explains out of one incident into its own.
    fn fold(&self, draft: &mut Draft<'_>, known: &Known, into: &Arc<str>, verdict: &Verdict) {
        if !verdict.may_explain(known.tally.regions()) {
            return;
        }
        let from = &known.record.incident.id;
        for (fingerprint, member) in known.record.present() {
            if let Some(why) = verdict.explains(&member.features)
                && member.is_open()
                && !member.by_person
            {
                draft.move_member(fingerprint, from, into, Some(format!("{why}; before: {}", member.reason)));
            }
        }
    }
}
