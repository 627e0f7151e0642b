//! What people do through the alert centre: silences, and acts on alerts.

use std::sync::Arc;
use std::time::Duration;

use super::command::Command;
use super::{CentreError, CentreHandle};
use crate::alert::AlertState;
use crate::handling::{Act, ActOutcome, Handling, Request};
use crate::silence::{Silence, SilenceDraft, SilenceState};
use crate::suppress::Suppressed;

/// A silence that is about to end while something is still silenced by it.
#[derive(Clone, Debug, PartialEq)]
pub struct EndingSilence {
    /// The silence.
    pub silence: Arc<Silence>,
    /// How many open alerts it holds back.
    pub alerts: usize,
}

impl CentreHandle {
    /// Every silence, those that are over for at most [`crate::SILENCE_RETENTION`] included, in the order of their ids.
    pub fn silences(&self) -> Vec<Arc<Silence>> {
        self.state.read().known.silences.iter().cloned().collect()
    }

    /// The silence of this id, while it is kept.
    pub fn silence(&self, id: &str) -> Option<Arc<Silence>> {
        self.state.read().known.silences.get(id).cloned()
    }

    /// Makes a silence, or changes one; in the latter case the answer may have another id, and the one before is over.
    /// `actor` is who asked for it, for the journal.
    ///
    /// # Errors
    /// The draft is refused, or the journal could not be written.
    pub async fn put_silence(&self, draft: SilenceDraft, actor: &str) -> Result<Arc<Silence>, CentreError> {
        let (draft, actor) = (Box::new(draft), actor.to_owned());
        self.ask(|reply| Command::PutSilence { draft, actor, reply }).await
    }

    /// Ends a silence.
    ///
    /// # Errors
    /// It is not known or over already, or the journal could not be written.
    pub async fn expire_silence(&self, id: &str, actor: &str) -> Result<Arc<Silence>, CentreError> {
        let (id, actor) = (id.to_owned(), actor.to_owned());
        self.ask(|reply| Command::ExpireSilence { id, actor, reply }).await
    }

    /// Does something about alerts, given by their fingerprints; best effort: what is not open is named in the outcome. The
    /// note is kept as a comment.
    ///
    /// # Errors
    /// The act is refused, none of the alerts is open, or the journal could not be written.
    pub async fn act(
        &self,
        targets: Vec<u64>,
        act: Act,
        actor: &str,
        note: &str,
    ) -> Result<ActOutcome, CentreError> {
        let request = Request { targets, act, actor: actor.to_owned(), note: note.to_owned() };
        self.ask(|reply| Command::Act { request, reply }).await
    }

    /// How an alert is handled, where anybody did anything about it since it began.
    pub fn handling(&self, fingerprint: u64) -> Option<Arc<Handling>> {
        self.state.read().known.handlings.get(fingerprint).cloned()
    }

    /// Who has taken an alert here, where that still holds for one as bad as it is.
    pub fn acknowledged_by(&self, fingerprint: u64) -> Option<String> {
        let state = self.state.read();
        let severity = state.known.alerts.get(fingerprint)?.severity;
        state.known.handlings.acknowledged(fingerprint, severity).map(|acknowledged| acknowledged.by.clone())
    }

    /// What keeps an alert from being told now; empty where nothing does, and for what is not known.
    pub fn suppressed(&self, fingerprint: u64) -> Suppressed {
        self.state.read().suppressed(fingerprint, (self.parts.clock)())
    }

    /// Whether an alert flaps: it has begun and ended again and again of late.
    pub fn is_flapping(&self, fingerprint: u64) -> bool {
        let state = self.state.read();
        state.known.changes.is_flapping(fingerprint, state.config.flapping, (self.parts.clock)())
    }

    /// The silences that are active, end within this time, have lasted as long, and hold open alerts back, in the order of
    /// their ids.
    pub fn ending_silences(&self, within: Duration) -> Vec<EndingSilence> {
        let now = (self.parts.clock)();
        let state = self.state.read();
        let is_ending = |silence: &&Arc<Silence>| {
            // One that is hardly longer than that is short on purpose.
            silence.state(now) == SilenceState::Active
                && silence.ends_at.since(now) <= within
                && now.since(silence.starts_at) >= within
        };
        let ending: Vec<&Arc<Silence>> = state.known.silences.iter().filter(is_ending).collect();
        if ending.is_empty() {
            return Vec::new();
        }
        let is_open = |fingerprint| {
            let alert = state.known.alerts.get(fingerprint);
            alert.is_some_and(|alert| alert.state != AlertState::Resolved)
        };
        let counts = state.known.silences.counts(is_open);
        let held = ending.into_iter().filter_map(|silence| {
            let alerts = *counts.get(&silence.id)?;
            Some(EndingSilence { silence: Arc::clone(silence), alerts })
        });
        held.collect()
    }
}
