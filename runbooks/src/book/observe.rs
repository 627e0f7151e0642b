//! What follows from the alerts as they stand: proposals are made, shown anew, refused, and over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::Book;
use crate::config::Runbooks;
use crate::event::Change;
use crate::proposal::{Proposal, ProposalState, Shown};
use crate::situation::{Situation, Standing};

/// What was refused is proposed after all, once nothing stands against it, no sooner than this: evidence that comes and
/// goes does not make a proposal each time.
const REEXAMINED_AFTER: Duration = Duration::from_secs(60);
/// Proposals that wait for a person at once. Nobody decides a hundred with care: what is over is refused.
const OPEN_MAX: usize = 100;

/// What a look at the alerts comes to.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) changes: Vec<Change>,
    /// The proposals whose evidence is present.
    confirmed: BTreeSet<String>,
}

impl Book {
    /// What follows from every alert that is on and asks for a runbook.
    pub(crate) fn observe(&self, seen: &[Situation], runbooks: &Runbooks, now: Timestamp) -> Seen {
        let by_place: BTreeMap<(&str, &str), &Situation> =
            seen.iter().map(|one| ((one.runbook.as_str(), one.alert.id.as_str()), one)).collect();
        let mut result = Seen::default();
        let mut open = 0;
        for proposal in self.proposals.values() {
            if !matches!(proposal.state, ProposalState::Proposed | ProposalState::Approved) {
                continue;
            }
            let situation = by_place.get(&proposal.place()).filter(|one| one.since == proposal.since);
            match follow(proposal, situation.copied(), runbooks, now) {
                Follow::End(state, reason) => {
                    result.changes.push(Change::own(proposal.ended(state, reason, now)));
                    continue;
                }
                Follow::Show(shown) => {
                    let hash = shown.hash();
                    let anew = Proposal { shown: *shown, hash, updated_at: now, ..proposal.clone() };
                    result.changes.push(Change::own(anew));
                    result.confirmed.insert(proposal.id.clone());
                }
                Follow::Confirm => drop(result.confirmed.insert(proposal.id.clone())),
                Follow::Wait => {}
            }
            open += usize::from(proposal.state == ProposalState::Proposed);
        }
        let ended: BTreeSet<&str> = result.changes.iter().filter_map(Change::ended_proposal).collect();
        // By breach: what one came to counts for it, whatever the next ones came to.
        let mut latest: BTreeMap<((&str, &str), Timestamp), &Proposal> = BTreeMap::new();
        let mut occupied: BTreeSet<(&str, &str)> = BTreeSet::new();
        for proposal in self.proposals.values() {
            if !proposal.state.is_final() && !ended.contains(proposal.id.as_str()) {
                occupied.insert(proposal.place());
            }
            let entry = latest.entry((proposal.place(), proposal.since)).or_insert(proposal);
            if (proposal.created_at, &proposal.id) > (entry.created_at, &entry.id) {
                *entry = proposal;
            }
        }
        let mut made = Vec::new();
        for (place, situation) in by_place {
            if occupied.contains(&place) {
                continue;
            }
            let before = latest.get(&(place, situation.since)).copied();
            let Some(made_now) = self.make(situation, before, runbooks, open, now) else { continue };
            open += usize::from(made_now.state == ProposalState::Proposed);
            result.confirmed.insert(made_now.id.clone());
            made.push(Change::own(made_now));
        }
        drop(ended);
        result.changes.append(&mut made);
        result
    }

    /// Notes what was looked at, after the changes were applied.
    pub(crate) fn confirm(&mut self, seen: Seen, now: Timestamp) {
        for id in seen.confirmed {
            if self.proposals.get(&id).is_some_and(|one| !one.state.is_final()) {
                self.confirmed.insert(id, now);
            }
        }
    }

    /// The proposal that a situation without an open one makes. `before` is what it made last.
    fn make(
        &self,
        situation: &Situation,
        before: Option<&Proposal>,
        runbooks: &Runbooks,
        open: usize,
        now: Timestamp,
    ) -> Option<Proposal> {
        // A decision, an end in time and a call count for as long as the alert is on.
        if before.is_some_and(|one| one.state != ProposalState::Refused) {
            return None;
        }
        if before.is_some_and(|one| now.since(one.updated_at) < REEXAMINED_AFTER) {
            return None;
        }
        let runbook = runbooks.get(&situation.runbook)?;
        let objection = situation.objection().or_else(|| self.lever().holds()).or_else(|| {
            (open >= OPEN_MAX).then(|| format!("{OPEN_MAX} proposals wait for a decision already"))
        });
        if objection.is_some() && before.is_some() {
            return None;
        }
        if objection.is_none() && situation.standing == Standing::Unread {
            return None;
        }
        let shown = runbook.shown(situation);
        let state = match objection {
            Some(_) => ProposalState::Refused,
            None => ProposalState::Proposed,
        };
        Some(Proposal {
            id: Proposal::id_of(&shown, situation.since, now),
            hash: shown.hash(),
            shown,
            since: situation.since,
            state,
            reason: objection.unwrap_or_default(),
            created_at: now,
            expires_at: now.plus(runbook.expires_after),
            updated_at: now,
            decided: None,
            sending: None,
        })
    }
}

/// What becomes of a proposal that nothing was sent for.
enum Follow {
    End(ProposalState, String),
    Show(Box<Shown>),
    Confirm,
    Wait,
}

fn follow(proposal: &Proposal, situation: Option<&Situation>, runbooks: &Runbooks, now: Timestamp) -> Follow {
    let Some(runbook) = runbooks.get(&proposal.shown.runbook) else {
        return Follow::End(ProposalState::Expired, "the runbook is configured no more".to_owned());
    };
    let Some(situation) = situation else {
        let reason = "the alert is over, or its policy asks for this runbook no more";
        return Follow::End(ProposalState::Expired, reason.to_owned());
    };
    if let Some(objection) = situation.objection() {
        return Follow::End(ProposalState::Refused, objection);
    }
    if situation.standing == Standing::Unread {
        return Follow::Wait;
    }
    let shown = runbook.shown(situation);
    match proposal.state {
        // Nobody has decided: what is shown follows what is, and a decision about what was shown before is stale.
        ProposalState::Proposed if shown != proposal.shown && now < proposal.expires_at => {
            Follow::Show(Box::new(shown))
        }
        _ => Follow::Confirm,
    }
}

impl Change {
    /// The id of the proposal this ends.
    fn ended_proposal(&self) -> Option<&str> {
        match &self.record {
            crate::event::Record::Proposal(proposal) if proposal.state.is_final() => Some(&proposal.id),
            _ => None,
        }
    }
}
