//! What runbooks write to the journal. Each payload is the whole record after the change, so that state is a plain fold.

use isobar_journal::NewEvent;
use serde::{Deserialize, Serialize};

use crate::lever::Lever;
use crate::proposal::Proposal;

/// Journal kind of proposals.
pub const KIND_PROPOSAL: &str = "proposal";
/// Journal kind of the lever.
pub const KIND_LEVER: &str = "lever";
/// Journal kind of attempts that changed nothing.
pub const KIND_ATTEMPT: &str = "attempt";

/// Who changes things when nobody asked.
pub(crate) const ISOBAR: &str = "isobar";

/// One change and who caused it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Who, as the journal names it.
    pub actor: String,
    /// What.
    pub record: Record,
}

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A proposal, as it is now.
    Proposal(Box<Proposal>),
    /// The lever, as it is now.
    Lever(Lever),
    /// Somebody tried to act, and nothing happened.
    Attempt(Attempt),
}

/// Somebody tried to act, and nothing happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What was tried: `approve`, `deny`, or the request as it came to the door.
    pub action: String,
    /// The proposal it was about; empty when that is not known.
    pub proposal: String,
    /// Why nothing happened.
    pub reason: String,
}

impl Change {
    pub(crate) fn own(proposal: Proposal) -> Self {
        Self::of(ISOBAR, proposal)
    }

    pub(crate) fn of(actor: &str, proposal: Proposal) -> Self {
        Self { actor: actor.to_owned(), record: Record::Proposal(Box::new(proposal)) }
    }

    /// As the journal takes it.
    pub(crate) fn event(&self) -> NewEvent {
        let (kind, payload) = match &self.record {
            Record::Proposal(proposal) => (KIND_PROPOSAL, serde_json::to_vec(proposal)),
            Record::Lever(lever) => (KIND_LEVER, serde_json::to_vec(lever)),
            Record::Attempt(attempt) => (KIND_ATTEMPT, serde_json::to_vec(attempt)),
        };
        let payload = payload.expect("records are maps with text keys, which JSON can hold");
        NewEvent { kind: kind.to_owned(), actor: self.actor.clone(), payload }
    }
}
