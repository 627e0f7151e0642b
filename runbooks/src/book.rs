//! What is known of proposals and of the lever, and every decision about them. Pure: what is to be done comes back as
//! changes, which are written down before they are applied and before anything leaves.

mod observe;
mod sending;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Attempt, Change, Record};
use crate::lever::{Lever, Position};
use crate::proposal::{Decided, Proposal, ProposalState};

pub(crate) use sending::Outcome;

/// A decision counts only while what it rests on was looked at so lately; it is looked at every second.
pub(crate) const CONFIRMED_FOR: Duration = Duration::from_secs(30);
/// Finished proposals are remembered for so long; the journal keeps them all.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// At most so many finished ones are remembered: some ten megabytes.
const KEPT_MAX: usize = 5_000;
/// Longest comment and reason, in bytes: a paragraph, not a log file.
const COMMENT_BYTES_MAX: usize = 2_000;

/// Proposals and the lever: a fold of the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    lever: Lever,
    proposals: BTreeMap<String, Proposal>,
    /// When the evidence of each undecided or unsent proposal was last looked at and found present; of this process only.
    #[serde(skip)]
    confirmed: BTreeMap<String, Timestamp>,
}

/// What a person may say to a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Do it.
    Approve,
    /// Do not.
    Deny,
}

impl Decision {
    /// The word in the journal and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }
}

/// A person says something to a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The proposal's id.
    pub id: String,
    /// What is to happen.
    pub decision: Decision,
    /// The hash of what the person saw.
    pub hash: String,
    /// What is said to it; may be empty.
    pub comment: String,
    /// Who, as the journal names it.
    pub actor: String,
}

/// Why nothing happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No proposal has this id.
    #[error("there is no proposal {0:?}")]
    Unknown(String),
    /// What is asked cannot be read as a decision.
    #[error("{0}")]
    Invalid(String),
    /// As things are it cannot be done; the text says why.
    #[error("{0}")]
    Conflict(String),
}

impl Book {
    /// Where the lever stands.
    pub fn lever(&self) -> &Lever {
        &self.lever
    }

    /// The proposal with this id.
    pub fn proposal(&self, id: &str) -> Option<&Proposal> {
        self.proposals.get(id)
    }

    /// Every proposal that is remembered, in the order of their ids.
    pub fn proposals(&self) -> impl Iterator<Item = &Proposal> {
        self.proposals.values()
    }

    /// Those of one alert, by its id, oldest first.
    pub fn of_alert(&self, alert: &str) -> Vec<&Proposal> {
        let mut found: Vec<&Proposal> = self.proposals().filter(|one| one.shown.alert.id == alert).collect();
        found.sort_by_key(|one| (one.created_at, &one.id));
        found
    }

    /// Takes in a record, after it was written down.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Proposal(proposal) => {
                if proposal.state.is_final() {
                    self.confirmed.remove(&proposal.id);
                }
                self.proposals.insert(proposal.id.clone(), *proposal);
            }
            Record::Lever(lever) => self.lever = lever,
            Record::Attempt(_) => {}
        }
    }

    /// Forgets finished proposals that are old, and the oldest of too many.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        let mut finished: Vec<(Timestamp, String)> = self
            .proposals
            .values()
            .filter(|one| one.state.is_final())
            .map(|one| (one.updated_at, one.id.clone()))
            .collect();
        finished.sort_unstable();
        let over = finished.len().saturating_sub(KEPT_MAX);
        for (index, (updated_at, id)) in finished.into_iter().enumerate() {
            if index < over || now.since(updated_at) > KEPT_FOR {
                self.proposals.remove(&id);
            }
        }
    }

    /// What a person's word comes to: the proposal as decided, or why nothing happens. Either way it is written down.
    pub(crate) fn decide(&self, ask: &Ask, now: Timestamp) -> (Change, Result<Proposal, Refused>) {
        let refused = match self.judge(ask, now) {
            Ok(proposal) => {
                let state = match ask.decision {
                    Decision::Approve => ProposalState::Approved,
                    Decision::Deny => ProposalState::Denied,
                };
                let comment = ask.comment.trim().to_owned();
                let reason = match ask.decision {
                    Decision::Approve => "approved; not sent yet".to_owned(),
                    Decision::Deny if comment.is_empty() => format!("denied by {}", ask.actor),
                    Decision::Deny => format!("denied by {}: {comment}", ask.actor),
                };
                let decided = Decided { by: ask.actor.clone(), at: now, comment };
                let proposal =
                    Proposal { state, reason, updated_at: now, decided: Some(decided), ..proposal.clone() };
                return (Change::of(&ask.actor, proposal.clone()), Ok(proposal));
            }
            Err(refused) => refused,
        };
        let attempt = Attempt {
            action: ask.decision.as_str().to_owned(),
            proposal: ask.id.chars().take(64).collect(),
            reason: refused.to_string(),
        };
        (Change { actor: ask.actor.clone(), record: Record::Attempt(attempt) }, Err(refused))
    }

    fn judge(&self, ask: &Ask, now: Timestamp) -> Result<&Proposal, Refused> {
        let conflict = |reason: String| Err(Refused::Conflict(reason));
        if ask.comment.len() > COMMENT_BYTES_MAX {
            return Err(Refused::Invalid(format!("the comment is over {COMMENT_BYTES_MAX} bytes")));
        }
        let proposal = self.proposals.get(&ask.id).ok_or_else(|| Refused::Unknown(ask.id.clone()))?;
        if proposal.state != ProposalState::Proposed {
            let (state, reason) = (proposal.state.as_str(), &proposal.reason);
            return conflict(format!("the proposal is {state}: {reason}"));
        }
        if now >= proposal.expires_at {
            return conflict(format!("the proposal expired at {}", proposal.expires_at));
        }
        if let Some(reason) = self.lever.holds() {
            return conflict(reason);
        }
        if ask.hash != proposal.hash {
            return conflict(
                "the hash is not that of what the proposal shows now: look at it again and decide anew"
                    .to_owned(),
            );
        }
        if ask.decision == Decision::Approve && !self.is_confirmed(&ask.id, now) {
            return conflict(
                "the evidence has not been read since the start, or no longer is: try again in a moment"
                    .to_owned(),
            );
        }
        Ok(proposal)
    }

    /// Whether the evidence was lately found present.
    fn is_confirmed(&self, id: &str, now: Timestamp) -> bool {
        self.confirmed.get(id).is_some_and(|at| now.since(*at) <= CONFIRMED_FOR && *at <= now)
    }

    /// The lever moved by a person.
    ///
    /// # Errors
    /// There is no reason, or one that is too long.
    pub(crate) fn moved(
        position: Position,
        reason: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Change, Refused> {
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(Refused::Invalid("say why: the reason is empty".to_owned()));
        }
        if reason.len() > COMMENT_BYTES_MAX {
            return Err(Refused::Invalid(format!("the reason is over {COMMENT_BYTES_MAX} bytes")));
        }
        let lever =
            Lever { position, set_by: actor.to_owned(), set_at: Some(now), reason: reason.to_owned() };
        Ok(Change { actor: actor.to_owned(), record: Record::Lever(lever) })
    }
}

/// What time brings: the end of what nobody decided, or could be sent, in time.
impl Book {
    pub(crate) fn expire(&self, now: Timestamp) -> Vec<Change> {
        let undecided = self.proposals.values().filter(|one| one.state == ProposalState::Proposed);
        let late = undecided.filter(|one| now >= one.expires_at);
        late.map(|one| {
            let reason = format!("nobody decided before {}", one.expires_at);
            Change::own(one.ended(ProposalState::Expired, reason, now))
        })
        .collect()
    }
}

impl Proposal {
    /// This one, ended.
    fn ended(&self, state: ProposalState, reason: String, now: Timestamp) -> Self {
        Self { state, reason, updated_at: now, ..self.clone() }
    }
}
