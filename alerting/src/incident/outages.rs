//! Incidents of outages: what an outage explains is in its incident, whatever incident it was in before.

use std::sync::Arc;

use isobar_normalizer::Timestamp;

use super::IncidentRecord;
use super::draft::Draft;
use super::fold::{Incidents, Known};
use crate::outage::Verdict;

impl Incidents {
    /// Opens the incidents of outages, or brings them to what is known of them now, and moves into each what its outage
    /// explains. What people have put somewhere stays there. An outage that is over takes nothing more in. Verdicts that are
    /// handed in together are one change: where one outage takes another's place, nothing is without the one or the other.
    pub fn hold<'a>(
        &self,
        verdicts: impl IntoIterator<Item = &'a Verdict>,
        now: Timestamp,
    ) -> Vec<IncidentRecord> {
        let mut draft = Draft::new(self, now);
        for verdict in verdicts {
            self.hold_one(&mut draft, verdict);
        }
        draft.finish()
    }

    fn hold_one(&self, draft: &mut Draft<'_>, verdict: &Verdict) {
        let is_its = |known: &&Known| {
            known.record.incident.outage.as_ref().is_some_and(|outage| outage.is_about_the_same(verdict))
        };
        let its = self.unresolved().find(is_its).map(|known| Arc::clone(&known.record.incident.id));
        if its.is_none() && verdict.ended_at.is_some() {
            return;
        }
        let id = its.unwrap_or_else(|| {
            draft.open_as(verdict.name(), format!("inferred: {}", verdict.evidence()), verdict.onset)
        });
        let incident = draft.edit(&id);
        incident.cell.clone_from(&verdict.cell);
        incident.starts_at = verdict.onset;
        incident.outage = Some(verdict.clone());
        if verdict.ended_at.is_none() {
            for known in self.unresolved().filter(|known| known.record.incident.id != id) {
                self.fold(draft, known, &id, verdict);
            }
        }
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
                let before = before(&member.reason);
                draft.move_member(fingerprint, from, into, Some(format!("{why}; before: {before}")));
            }
        }
    }
}

/// Why it was where it was, without why it had been elsewhere before.
fn before(reason: &str) -> &str {
    reason.split_once("; before: ").map_or(reason, |(latest, _)| latest)
}
