//! What others hold of the responder: ways to ask, and readers.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot};

use super::{Command, RunbookError};
use crate::book::{Ask, Book};
use crate::event::Attempt;
use crate::lever::{Lever, Position};
use crate::proposal::Proposal;
use crate::send::Senders;
use crate::situation::Situation;

/// Asks the responder and reads what is known. Cheap to clone.
#[derive(Clone)]
pub struct RunbookHandle {
    book: Arc<RwLock<Book>>,
    commands: mpsc::Sender<Command>,
}

impl fmt::Debug for RunbookHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunbookHandle").finish_non_exhaustive()
    }
}

impl RunbookHandle {
    pub(super) fn new(book: Arc<RwLock<Book>>, commands: mpsc::Sender<Command>) -> Self {
        Self { book, commands }
    }

    /// Says what stands now: every alert that is on and asks for a runbook. To be said again and again, because approvals
    /// rest on it.
    ///
    /// # Errors
    /// The journal could not be written; then nothing changed.
    pub async fn observe(&self, situations: Vec<Situation>) -> Result<(), RunbookError> {
        self.ask(|reply| Command::Observe(situations, reply)).await
    }

    /// Approves or denies a proposal; returns it as decided, once that is on disk.
    ///
    /// # Errors
    /// Nothing happens, and that it was asked is journalled: the proposal is not known, decided, expired, or shows something
    /// else by now; the lever is off; its evidence is not being read.
    pub async fn decide(&self, ask: Ask) -> Result<Proposal, RunbookError> {
        self.ask(|reply| Command::Decide(ask, reply)).await
    }

    /// Moves the lever. Once this returns, no call begins against it; one that is under way is not called back.
    ///
    /// # Errors
    /// There is no reason, or the journal could not be written; then nothing changed.
    pub async fn set_lever(
        &self,
        position: Position,
        reason: &str,
        actor: &str,
    ) -> Result<Lever, RunbookError> {
        let (reason, actor) = (reason.to_owned(), actor.to_owned());
        self.ask(|reply| Command::Move { position, reason, actor, reply }).await
    }

    /// Journals that somebody tried to act and was turned away before it came to a decision. A flood of them is only counted.
    ///
    /// # Errors
    /// The journal could not be written.
    pub async fn turned_away(&self, actor: &str, attempt: Attempt) -> Result<(), RunbookError> {
        let actor = actor.to_owned();
        self.ask(|reply| Command::Attempt { actor, attempt, reply }).await
    }

    /// Puts other runbooks into effect.
    ///
    /// # Errors
    /// The responder has been stopped.
    pub async fn reload(&self, senders: Senders) -> Result<(), RunbookError> {
        self.ask(|reply| Command::Reload(senders, reply)).await
    }

    /// Every proposal that is remembered, newest first.
    pub fn proposals(&self) -> Vec<Proposal> {
        let mut all: Vec<Proposal> = self.book.read().proposals().cloned().collect();
        all.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        all
    }

    /// The proposal with this id.
    pub fn proposal(&self, id: &str) -> Option<Proposal> {
        self.book.read().proposal(id).cloned()
    }

    /// Ids of the proposals of the alert with this id, oldest first.
    pub fn of_alert(&self, alert: &str) -> Vec<String> {
        self.book.read().of_alert(alert).into_iter().map(|one| one.id.clone()).collect()
    }

    /// Where the lever stands.
    pub fn lever(&self) -> Lever {
        self.book.read().lever().clone()
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, RunbookError>>) -> Command,
    ) -> Result<T, RunbookError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| RunbookError::Stopped)?;
        answer.await.map_err(|_| RunbookError::Stopped)?
    }
}
