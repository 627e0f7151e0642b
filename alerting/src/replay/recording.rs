//! What the journal kept of a stretch of time: what was known at its begin, what came in, and what was told.

use std::sync::Arc;

use isobar_journal::Journal;
use isobar_normalizer::Timestamp;

use super::{IsOver, ReplayError};
use crate::centre::{Past, Rerun};
use crate::delivery::{Notification, NotificationParts};
use crate::event::{KIND_NOTIFICATION, KIND_SILENCE};
use crate::silence::{SilenceDraft, SilenceError, Silences};

/// Events read at a time: a few megabytes.
const PAGE: usize = 1_000;
/// Events held at once, a kilobyte or two each.
const INPUTS_MAX: usize = 200_000;

/// A stretch of the journal, read whole.
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// What was known at `from`.
    pub(super) past: Past,
    /// What the centre was handed, in the journal's order.
    pub(super) inputs: Vec<Input>,
    /// What it told.
    pub(super) told: Vec<Arc<Notification>>,
    /// When the oldest event was written, if those before it are gone.
    pub(super) begins_at: Option<Timestamp>,
}

/// One record that the centre was handed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    /// When; never before the record before it, whatever the clock did.
    pub(super) at: Timestamp,
    pub(super) kind: String,
    pub(super) payload: Vec<u8>,
}

impl Recording {
    /// Reads the events of `[from, to)`, and those before that it takes to know how things stood. Blocks.
    ///
    /// # Errors
    /// See [`ReplayError`].
    pub fn read(
        journal: &dyn Journal,
        from: Timestamp,
        to: Timestamp,
        is_over: IsOver<'_>,
    ) -> Result<Self, ReplayError> {
        let (past, mut after) = Past::begin(journal, from)?;
        let mut recording = Self { from, to, past, inputs: Vec::new(), told: Vec::new(), begins_at: None };
        let mut parts = NotificationParts::default();
        let mut reached = Timestamp::from_millis(i64::MIN);
        loop {
            if is_over() {
                return Err(ReplayError::TookTooLong);
            }
            let events = journal.read(after, PAGE)?;
            let Some((first, last)) = events.first().zip(events.last()) else { return Ok(recording) };
            if first.seq != after + 1 {
                recording.begins_at = Some(first.at);
            }
            after = last.seq;
            for event in events {
                reached = reached.max(event.at);
                if reached >= to {
                    return Ok(recording);
                }
                let (kind, payload) = (event.kind, event.payload);
                let wrong = |error: serde_json::Error| unreadable(&kind, &error);
                if reached < from {
                    recording.past.take(&kind, &payload).map_err(wrong)?;
                } else if kind == KIND_NOTIFICATION {
                    let part = serde_json::from_slice(&payload).map_err(wrong)?;
                    recording.told.extend(parts.join(part).map(Arc::new));
                } else if Rerun::is_input(&kind) {
                    if recording.inputs.len() >= INPUTS_MAX {
                        return Err(ReplayError::TooManyEvents(INPUTS_MAX));
                    }
                    recording.inputs.push(Input { at: reached, kind, payload });
                }
            }
            recording.past.forget(reached.min(from));
        }
    }

    /// Puts these silences in the place of all there were then: made at the begin of the stretch, if they do not start later.
    ///
    /// # Errors
    /// The first that no silence can be.
    pub fn with_silences(mut self, drafts: Vec<SilenceDraft>) -> Result<Self, SilenceError> {
        let mut silences = Silences::default();
        for draft in drafts {
            for silence in draft.put(&silences, None, self.from)? {
                silences.apply(Arc::new(silence), []);
            }
        }
        self.inputs.retain(|input| input.kind != KIND_SILENCE);
        self.past.replace_silences(silences.iter().map(|silence| (**silence).clone()));
        Ok(self)
    }

    /// Begin of the stretch.
    pub fn from(&self) -> Timestamp {
        self.from
    }

    /// End of it, exclusive.
    pub fn to(&self) -> Timestamp {
        self.to
    }
}

pub(super) fn unreadable(kind: &str, error: &serde_json::Error) -> ReplayError {
    ReplayError::Record { kind: kind.to_owned(), reason: error.to_string() }
}
