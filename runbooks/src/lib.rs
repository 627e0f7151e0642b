//! Runbooks: what an alert asks to be done, what a person decided about it, and the signed call that does it.
//!
//! An alert whose policy names a runbook becomes a [`Proposal`]: the call that would be made and the evidence for it, bound
//! by a hash to what was shown. Nothing is called before a person has approved that very hash, nothing while the [`Lever`]
//! is off, and nothing twice: every try carries the proposal's id, so that the other side carries it out once.
//!
//! Decisions are functions of [`Book`] and are journalled before anything leaves; the book is a fold of the journal. Nothing
//! here reads a clock or knows how alerts come about: who does says what stands ([`RunbookHandle::observe`]).

mod book;
mod canonical;
mod config;
mod event;
mod lever;
mod proposal;
mod responder;
mod send;
mod situation;

pub use book::{Ask, Book, Decision, Refused};
pub use config::{RawRunbook, Runbook, Runbooks, SAMPLE};
pub use event::{Attempt, Change, KIND_ATTEMPT, KIND_LEVER, KIND_PROPOSAL, Record};
pub use lever::{Lever, Position};
pub use proposal::{Decided, Proposal, ProposalState, Receipt, Sending, Shown, ShownAlert, Target};
pub use responder::{Responder, RunbookError, RunbookHandle, RunbookParts};
pub use send::Senders;
pub use situation::{Evidence, Situation, Standing};
