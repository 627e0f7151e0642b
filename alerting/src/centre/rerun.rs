//! The alert centre's state under another clock: nothing is written down and nothing is sent. What replaying is made of.

use std::sync::Arc;

use isobar_journal::{Journal, JournalError};
use isobar_normalizer::Timestamp;

use super::restore::{SNAPSHOT, unpacked};
use super::state::{Known, State};
use crate::alert::Alert;
use crate::config::AlertingConfig;
use crate::delivery::Notification;
use crate::event::{KIND_ALERT, KIND_HANDLING, KIND_INCIDENT, KIND_SILENCE, Transition};
use crate::silence::{Silence, Silences};

/// What was known at a moment of the past: a fold of the journal up to there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Past(Known);

impl Past {
    /// Begins with what the journal keeps folded, if that is of before `from`; also says which event it reaches.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(crate) fn begin(journal: &dyn Journal, from: Timestamp) -> Result<(Self, u64), JournalError> {
        let Some((seq, bytes)) = journal.load_snapshot(SNAPSHOT)? else { return Ok(Self::nothing()) };
        let last = journal.read(seq.saturating_sub(1), 1)?;
        let is_before = last.first().is_some_and(|event| event.seq == seq && event.at < from);
        match unpacked(&bytes) {
            Ok(kept) if is_before => Ok((Self(Known::from(kept)), seq)),
            _ => Ok(Self::nothing()),
        }
    }

    fn nothing() -> (Self, u64) {
        (Self::default(), 0)
    }

    /// Takes in one record of the journal.
    pub(crate) fn take(&mut self, kind: &str, payload: &[u8]) -> Result<(), serde_json::Error> {
        self.0.apply_record(kind, payload)
    }

    /// Forgets what was long over by then.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        self.0.forget(now);
    }

    /// Puts these silences in the place of those there were.
    pub(crate) fn replace_silences(&mut self, silences: impl IntoIterator<Item = Silence>) {
        self.0.silences = Silences::default();
        for silence in silences {
            // Which alerts they are about is asked when it goes on from here.
            self.0.silences.apply(Arc::new(silence), []);
        }
    }

    /// The alerts there were.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.0.alerts.iter()
    }
}

/// The centre from then on, under a configuration of one's choice.
#[derive(Debug)]
pub(crate) struct Rerun(State);

impl Rerun {
    /// As if the configuration had been put into effect at `from`: what was told before stays told, and groups are looked at
    /// on the beat they had.
    pub(crate) fn begin(config: Arc<AlertingConfig>, past: Past, from: Timestamp) -> Self {
        let mut state = State::new(config, past.0, from);
        state.dispatcher.keep_beat(&state.known.log, from);
        Self(state)
    }

    /// Whether records of this kind are what the centre is handed, not what it makes of it.
    pub(crate) fn is_input(kind: &str) -> bool {
        [KIND_ALERT, KIND_SILENCE, KIND_HANDLING, KIND_INCIDENT].contains(&kind)
    }

    /// Takes in one record that the centre was handed then.
    pub(crate) fn take(
        &mut self,
        kind: &str,
        payload: &[u8],
        now: Timestamp,
    ) -> Result<(), serde_json::Error> {
        match kind {
            KIND_ALERT => {
                let transition: Arc<Transition> = Arc::new(serde_json::from_slice(payload)?);
                // Its end was written down too, so that nothing ends by itself here.
                self.0.apply_transition(transition, None, now);
            }
            KIND_SILENCE => self.0.apply_silence(Arc::new(serde_json::from_slice(payload)?)),
            KIND_HANDLING => self.0.apply_handling(Arc::new(serde_json::from_slice(payload)?)),
            // What belongs together, and what was out, does not depend on the configuration.
            KIND_INCIDENT => self.0.apply_incidents(vec![serde_json::from_slice(payload)?]),
            _ => {}
        }
        Ok(())
    }

    /// When something is to be told next.
    pub(crate) fn next_flush(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.dispatcher.next_flush(now)
    }

    /// Tells what is due.
    pub(crate) fn flush(&mut self, now: Timestamp) -> Vec<Arc<Notification>> {
        let plan = self.0.plan(now);
        self.0.commit(&plan, now);
        self.0.forget(now);
        plan.notifications
    }
}
