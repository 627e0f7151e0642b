//! What people do about alerts, and what the API shows of it.

use std::sync::Arc;

use isobar_alerting::{
    Act, ActOutcome, AlertingConfig, KnownAlert, Silence, SilenceDraft, SilenceError, TestStage,
};
use isobar_normalizer::Labels;

use super::{ActError, ReadError};
use crate::wire::{AlertView, ReceiverView};

/// Alerts as lists need them, acts on them, and where they go.
pub trait Alerts: Send + Sync {
    /// Every alert that is pending, open, or was resolved in the last 24 hours, in fingerprint order; nothing is copied.
    ///
    /// # Errors
    /// The state cannot be read.
    fn known(&self) -> Result<Vec<KnownAlert>, ReadError>;

    /// The alert as it is shown; `None` when it is not known.
    ///
    /// # Errors
    /// The state cannot be read.
    fn view(&self, fingerprint: u64) -> Result<Option<AlertView>, ReadError>;

    /// Does something about alerts; returns once it is on disk.
    ///
    /// # Errors
    /// See [`ActError`].
    fn act(&self, targets: Vec<u64>, act: Act, note: &str, actor: &str) -> Result<ActOutcome, ActError>;

    /// Fingerprints of the alerts that inhibit one with these labels, in order.
    ///
    /// # Errors
    /// The state cannot be read.
    fn inhibitors(&self, labels: &Labels) -> Result<Vec<u64>, ReadError>;

    /// Sends a test by every way of a receiver, and says how it went, stage by stage.
    ///
    /// # Errors
    /// See [`ActError`].
    fn test_fire(&self, receiver: &str, actor: &str) -> Result<Vec<TestStage>, ActError>;

    /// The configuration in effect.
    fn config(&self) -> Arc<AlertingConfig>;

    /// The receivers, in the order of the configuration.
    ///
    /// # Errors
    /// The state cannot be read.
    fn receivers(&self) -> Result<Vec<ReceiverView>, ReadError>;
}

/// Silences: what people decided not to be told.
pub trait Silences: Send + Sync {
    /// Every silence that is not forgotten yet, expired ones included.
    ///
    /// # Errors
    /// The state cannot be read.
    fn silences(&self) -> Result<Vec<Arc<Silence>>, ReadError>;

    /// The silence of this id.
    ///
    /// # Errors
    /// The state cannot be read.
    fn silence(&self, id: &str) -> Result<Option<Arc<Silence>>, ReadError>;

    /// Makes a silence, or changes the one whose id the draft names; the id may be another one afterwards. Returns once it is
    /// on disk.
    ///
    /// # Errors
    /// See [`SilenceRefusal`].
    fn put(&self, draft: SilenceDraft, actor: &str) -> Result<Arc<Silence>, SilenceRefusal>;

    /// Ends a silence now.
    ///
    /// # Errors
    /// See [`SilenceRefusal`].
    fn expire(&self, id: &str, actor: &str) -> Result<Arc<Silence>, SilenceRefusal>;
}

/// Why a silence was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SilenceRefusal {
    /// It may not be so.
    #[error(transparent)]
    Refused(SilenceError),
    /// The change could not be journalled; asking again is safe.
    #[error("{0}")]
    Failed(String),
}
