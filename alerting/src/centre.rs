//! The alert centre: owns what is known of alerts, tells receivers, and answers what was told to whom and why.
//!
//! One task writes ([`AlertCentre::run`]); everybody else holds a [`CentreHandle`]: the evaluator hands in transitions, the
//! API reads. Nothing is sent before it is in the journal, and nothing that is in the journal is forgotten by a restart.

use std::fmt;
use std::sync::Arc;

use isobar_egress::{Breakers, Egress};
use isobar_journal::Journal;
use isobar_normalizer::{ConfigError, SecretReader, Timestamp};
use parking_lot::RwLock;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::senders::{Senders, supervise};
use self::state::State;
use self::writer::Writer;
use crate::config::AlertingConfig;
use crate::handling::ActError;
use crate::incident::IncidentError;
use crate::outbox::Paces;
use crate::silence::SilenceError;

mod command;
mod handle;
mod incidents;
mod lists;
mod people;
mod rerun;
mod restore;
mod senders;
mod state;
mod test_fire;
mod writer;

pub use handle::{AlertGroup, CentreHandle};
pub use incidents::ListedIncident;
pub use lists::KnownAlert;
pub use people::EndingSilence;
pub(crate) use rerun::{Past, Rerun};
pub use test_fire::{Stage, TestFired, TestStage};

/// Commands that may wait for the writer: more than evaluation, senders and people make in one turn. Who comes later waits.
const COMMANDS_MAX: usize = 1024;

/// What the alert centre needs from the world.
#[derive(Clone)]
pub struct CentreParts {
    /// Where everything is written down.
    pub journal: Arc<dyn Journal>,
    /// The way out.
    pub egress: Egress,
    /// The circuit breakers, shared with whoever shows them.
    pub breakers: Breakers,
    /// Reads secrets and files of the configuration.
    pub secrets: Arc<dyn SecretReader + Send + Sync>,
    /// Where people reach Isobar's own pages.
    pub external_url: Url,
    /// The wall clock.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Uniform in `[0, 1)`, for the pauses between tries.
    pub jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl fmt::Debug for CentreParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CentreParts")
            .field("external_url", &self.external_url.as_str())
            .finish_non_exhaustive()
    }
}

/// Why the alert centre did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CentreError {
    /// The journal could not be read or written. Nothing changed; asking again is safe.
    #[error("journal: {0}")]
    Journal(String),
    /// A record in the journal is not what its kind says.
    #[error("journal event {seq} of kind {kind} cannot be read: {reason}")]
    Record {
        /// Its number.
        seq: u64,
        /// Its kind.
        kind: String,
        /// What is wrong.
        reason: String,
    },
    /// The configuration cannot be put into effect.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No delivery of this id is remembered.
    #[error("no delivery {0:?} is remembered")]
    UnknownDelivery(String),
    /// Only dead letters are sent again by hand.
    #[error("delivery {id} is {state}: only a dead one can be sent again")]
    NotDead {
        /// Its id.
        id: String,
        /// Where it stands.
        state: &'static str,
    },
    /// A silence was not made or changed.
    #[error(transparent)]
    Silence(#[from] SilenceError),
    /// Nothing was done about alerts.
    #[error(transparent)]
    Act(#[from] ActError),
    /// What was asked of an incident is refused.
    #[error(transparent)]
    Incident(#[from] IncidentError),
    /// No receiver has this name.
    #[error("no receiver is named {0:?}")]
    UnknownReceiver(String),
    /// A receiver is tested once in ten seconds.
    #[error("receiver {0:?} was tested less than ten seconds ago: wait, and ask again")]
    TestedJustNow(String),
    /// The centre has been stopped.
    #[error("the alert centre is stopped")]
    Stopped,
}

/// The alert centre, before it runs.
pub struct AlertCentre {
    writer: Writer,
    handle: CentreHandle,
    senders: watch::Receiver<Senders>,
}

impl fmt::Debug for AlertCentre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertCentre").finish_non_exhaustive()
    }
}

impl AlertCentre {
    /// Reads what the journal knows and makes the senders. Nothing is sent before [`AlertCentre::run`].
    ///
    /// # Errors
    /// A journal that cannot be read, a secret or certificate that is missing.
    pub async fn open(config: AlertingConfig, parts: CentreParts) -> Result<Self, CentreError> {
        let paces = Paces::default();
        let first = Senders::build(&config, &parts, &paces)?;
        let known = restore::known(Arc::clone(&parts.journal)).await?;
        let now = (parts.clock)();
        first.remember(&known.outbox, now);
        let state = Arc::new(RwLock::new(State::new(Arc::new(config), known, now)));
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
        let (version, versions) = watch::channel(0);
        let (senders, senders_changed) = watch::channel(first);
        let writer = Writer {
            journal: Arc::clone(&parts.journal),
            state: Arc::clone(&state),
            commands: receiver,
            version,
            clock: Arc::clone(&parts.clock),
            unsaved: 0,
            saving: None,
            trouble: None,
        };
        let handle = CentreHandle::new(state, commands, versions, senders, paces, parts);
        Ok(Self { writer, handle, senders: senders_changed })
    }

    /// What everybody else holds.
    pub fn handle(&self) -> CentreHandle {
        self.handle.clone()
    }

    /// Tells and sends until stopped; returns when everything that was under way is written down.
    pub async fn run(self, stop: CancellationToken) {
        let sending = tokio::spawn(supervise(self.senders, self.handle, stop));
        let end = async {
            if let Err(error) = sending.await {
                tracing::error!(%error, "the senders broke off");
            }
        };
        self.writer.run(end).await;
    }
}

#[cfg(test)]
mod tests;
