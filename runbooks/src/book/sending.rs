//! Sending what was approved: when a try begins, and what its outcome means.

use std::collections::BTreeSet;
use std::time::Duration;

use isobar_egress::Retry;
use isobar_normalizer::Timestamp;

use super::Book;
use crate::config::Runbooks;
use crate::event::Change;
use crate::proposal::{Proposal, ProposalState, Receipt, Sending};

/// What was approved is sent within this time or not at all: it was approved for how things stood then.
pub(crate) const SEND_FOR: Duration = Duration::from_secs(15 * 60);
/// Tries at most, restarts included.
const ATTEMPTS_MAX: u32 = 30;
/// The longest pause after the first failed try; it doubles with each one.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How one try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The other side took it: status and the beginning of the answer.
    Taken { status: u16, body: String },
    /// It is not known to have been taken.
    Failed { error: String, retry: Retry },
    /// The try was broken off by us; whether it arrived is not known.
    Broken,
}

impl Book {
    /// The tries that begin now; each is to be sent once its change is written down. `busy` are those under way. What can be
    /// sent no more is ended.
    pub(crate) fn begin(&self, busy: &BTreeSet<String>, runbooks: &Runbooks, now: Timestamp) -> Vec<Change> {
        let unsent = |one: &&Proposal| matches!(one.state, ProposalState::Approved | ProposalState::Sending);
        let free = self.proposals.values().filter(unsent).filter(|one| !busy.contains(&one.id));
        free.filter_map(|one| self.begin_one(one, runbooks, now)).map(Change::own).collect()
    }

    fn begin_one(&self, proposal: &Proposal, runbooks: &Runbooks, now: Timestamp) -> Option<Proposal> {
        let begun = proposal.sending.as_ref();
        let (over, doubt) = match begun {
            None => (ProposalState::Expired, ""),
            Some(_) => (ProposalState::Failed, "; whether it was carried out is not known"),
        };
        let given_up = |why: String| Some(proposal.ended(over, format!("{why}{doubt}"), now));
        let approved_at = proposal.decided.as_ref().map_or(proposal.created_at, |decided| decided.at);
        if now >= approved_at.plus(SEND_FOR) {
            let held = self.lever.holds().map(|held| format!(", {held}")).unwrap_or_default();
            let minutes = SEND_FOR.as_secs() / 60;
            return given_up(format!("not sent within {minutes} min of its approval{held}"));
        }
        let runbook = runbooks.get(&proposal.shown.runbook);
        if runbook.is_none_or(|runbook| runbook.target() != proposal.shown.target) {
            return given_up(
                "the runbook was removed or calls another address since its approval".to_owned(),
            );
        }
        if self.lever.holds().is_some() {
            return None;
        }
        match begun {
            // What it rests on is looked at once more after a restart, before anything has left.
            None if !self.is_confirmed(&proposal.id, now) => return None,
            Some(sending) if now < sending.next_attempt_at => return None,
            _ => {}
        }
        let attempts = begun.map_or(0, |sending| sending.attempts);
        if attempts >= ATTEMPTS_MAX {
            return given_up(format!("given up after {attempts} tries"));
        }
        let last_error = begun.and_then(|sending| sending.last_error.clone());
        let sending = Sending {
            attempts: attempts + 1,
            tried_at: now,
            next_attempt_at: now,
            last_error,
            receipt: None,
        };
        let reason = match attempts {
            0 => "being sent".to_owned(),
            tries => format!("being sent again after {tries} tries"),
        };
        let state = ProposalState::Sending;
        Some(Proposal { state, reason, sending: Some(sending), updated_at: now, ..proposal.clone() })
    }

    /// What the outcome of a try means. `jitter` is uniform in `[0, 1)` and spreads the next try over the pause.
    pub(crate) fn finish(&self, id: &str, outcome: Outcome, now: Timestamp, jitter: f64) -> Option<Change> {
        let proposal = self.proposals.get(id).filter(|one| one.state == ProposalState::Sending)?;
        let sending = proposal.sending.clone().unwrap_or_default();
        let (error, retry) = match outcome {
            Outcome::Taken { status, body } => {
                let receipt = Some(Receipt { status, body, at: now });
                let reason = format!("taken: {status}");
                let sending = Sending { last_error: None, receipt, ..sending };
                return Some(Change::own(Proposal {
                    sending: Some(sending),
                    ..proposal.ended(ProposalState::Sent, reason, now)
                }));
            }
            Outcome::Failed { error, retry } => (error, retry),
            Outcome::Broken => ("the try was broken off".to_owned(), Retry::Backoff),
        };
        let next_attempt_at = match retry {
            Retry::Never => {
                let reason = format!("refused by the other side: {error}");
                let sending = Sending { last_error: Some(error), ..sending };
                return Some(Change::own(Proposal {
                    sending: Some(sending),
                    ..proposal.ended(ProposalState::Failed, reason, now)
                }));
            }
            Retry::After(wait) => now.plus(wait),
            Retry::Backoff => now.plus(pause(sending.attempts).mul_f64(jitter.clamp(0.0, 1.0))),
        };
        let approved_at = proposal.decided.as_ref().map_or(proposal.created_at, |decided| decided.at);
        let is_late = next_attempt_at >= approved_at.plus(SEND_FOR) || sending.attempts >= ATTEMPTS_MAX;
        let tries = sending.attempts;
        let (state, reason) = if is_late {
            let doubt = "whether it was carried out is not known";
            (ProposalState::Failed, format!("given up after {tries} tries: {error}; {doubt}"))
        } else {
            (ProposalState::Sending, format!("try {tries} failed, again at {next_attempt_at}: {error}"))
        };
        let sending = Sending { next_attempt_at, last_error: Some(error), ..sending };
        Some(Change::own(Proposal {
            state,
            reason,
            sending: Some(sending),
            updated_at: now,
            ..proposal.clone()
        }))
    }

    /// When something is due by itself; `None` when nothing is.
    pub(crate) fn next_due(&self, busy: &BTreeSet<String>) -> Option<Timestamp> {
        let due = |one: &Proposal| match one.state {
            ProposalState::Proposed => Some(one.expires_at),
            // Held or not confirmed: a command will come, or its time is over.
            ProposalState::Approved => one.decided.as_ref().map(|decided| decided.at.plus(SEND_FOR)),
            ProposalState::Sending if busy.contains(&one.id) => None,
            ProposalState::Sending if self.lever.holds().is_some() => {
                one.decided.as_ref().map(|decided| decided.at.plus(SEND_FOR))
            }
            ProposalState::Sending => one.sending.as_ref().map(|sending| sending.next_attempt_at),
            _ => None,
        };
        self.proposals.values().filter_map(due).min()
    }
}

/// The longest pause after so many tries.
fn pause(attempts: u32) -> Duration {
    (PAUSE_FIRST * (1 << attempts.saturating_sub(1).min(16))).min(PAUSE_MAX)
}
