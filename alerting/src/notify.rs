//! Notifiers: each turns a notification into one request of its channel and judges the answer.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::{Egress, Retry, Trust};
use isobar_normalizer::{ConfigError, SecretReader, Timestamp};
use url::Url;

use crate::delivery::{Delivery, Direction, KeyScope, Notification, NotifiedAlert, Receipt};

mod email;
mod heartbeat;
mod http;
mod pagerduty;
pub(crate) mod text;
mod webhook;

pub use heartbeat::HeartbeatSender;

pub(crate) use email::{MailDefaults, RawEmail};
pub(crate) use pagerduty::{PagerDutyDefaults, RawPagerDuty};
pub(crate) use webhook::RawWebhook;

/// Every channel there is.
pub static NOTIFIER_KINDS: &[&dyn NotifierKind] = &[&email::KIND, &pagerduty::KIND, &webhook::KIND];

/// What a `…_configs` list of a receiver stands for.
pub trait NotifierKind: fmt::Debug + Sync {
    /// The channel's name: `webhook`.
    fn name(&self) -> &'static str;
    /// The key of a receiver under which its integrations are listed: `webhook_configs`.
    fn config_key(&self) -> &'static str;
    /// A complete, commented sample of one entry of that list, YAML.
    fn sample(&self) -> &'static str;
    /// How far one idempotency key reaches.
    fn key_scope(&self) -> KeyScope;
    /// Whether its receivers keep an incident that they can be told somebody has taken.
    fn takes_acknowledgements(&self) -> bool {
        false
    }
}

/// One checked entry of a `…_configs` list.
pub trait IntegrationSettings: fmt::Debug + Send + Sync {
    /// Its channel.
    fn kind(&self) -> &'static dyn NotifierKind;
    /// Whether it wants to hear of what is over.
    fn send_resolved(&self) -> bool;
    /// Makes the notifier: reads the secrets, prepares the client.
    ///
    /// # Errors
    /// A secret or file that cannot be read, a certificate that is none.
    fn build(&self, tools: &Tools<'_>) -> Result<Box<dyn Notifier>, ConfigError>;
}

/// What building a notifier takes.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// Reads secrets and files.
    pub secrets: &'a dyn SecretReader,
    /// The way out.
    pub egress: &'a Egress,
    /// Where people reach Isobar's own pages, for links.
    pub external_url: &'a Url,
}

impl fmt::Debug for Tools<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tools").field("external_url", &self.external_url.as_str()).finish_non_exhaustive()
    }
}

/// One try to tell one integration.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What to tell.
    pub notification: &'a Notification,
    /// The delivery it is tried for.
    pub delivery: &'a Delivery,
    /// Whether the integration hears of resolved alerts.
    pub send_resolved: bool,
    /// When it is tried.
    pub now: Timestamp,
}

impl<'a> Message<'a> {
    /// The alerts to tell of, in label order.
    pub fn alerts(&self) -> impl Iterator<Item = &'a NotifiedAlert> + Clone {
        let all = self.send_resolved;
        self.notification.alerts.iter().map(|alert| &**alert).filter(move |alert| all || alert.is_firing())
    }

    /// Whether something is still wrong.
    pub fn direction(&self) -> Direction {
        self.delivery.transition
    }
}

/// Tells one integration.
#[async_trait]
pub trait Notifier: fmt::Debug + Send + Sync {
    /// Sends the message once. Dropping the future gives the try up.
    ///
    /// # Errors
    /// Why it is not known to have been taken, and whether another try makes sense.
    async fn notify(&self, message: Message<'_>) -> Result<Receipt, NotifyError>;

    /// Where it connects to, and how far that is trusted: for a check of the way that tells nobody anything. The path may
    /// be a secret.
    fn target(&self) -> (&Url, Trust);
}

/// Why a try did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotifyError {
    /// The receiver answered something that is not success.
    #[error("answered {status}: {body}")]
    Answer {
        /// HTTP status or SMTP reply code.
        status: u16,
        /// The beginning of the answer.
        body: String,
        /// What it means for another try.
        retry: Retry,
    },
    /// No answer came.
    #[error("{reason}")]
    Unreachable {
        /// What happened on the way.
        reason: String,
        /// What it means for another try.
        retry: Retry,
    },
    /// The message cannot be put into the channel's form.
    #[error("cannot be written as a message: {0}")]
    Unwritable(String),
}

impl NotifyError {
    /// What it means for another try.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Answer { retry, .. } | Self::Unreachable { retry, .. } => *retry,
            Self::Unwritable(_) => Retry::Never,
        }
    }

    /// Whether the receiver itself is unwell, which its circuit breaker counts. A refusal of one message is no such sign.
    pub(crate) fn blames_receiver(&self) -> bool {
        self.retry() != Retry::Never
    }
}

/// Every try ends after this: Standard Webhooks asks for 15 to 30 seconds.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
