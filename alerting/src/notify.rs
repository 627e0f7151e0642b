//! Notifiers: each turns a notification into one request of its channel and judges the answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::{Egress, Retry, Trust};
use isobar_normalizer::{ConfigError, SecretReader, Timestamp};
use serde_saphyr::Location;
use url::Url;

use crate::config::Global;
use crate::config::keys::Grammar;
use crate::delivery::{Delivery, Direction, KeyScope, Notification, NotifiedAlert, Receipt};
use crate::outbox::{Destination, Rate};

mod chat;
mod cloudevents;
mod dingtalk;
mod discord;
mod email;
mod feishu;
mod fit;
#[cfg(test)]
mod fixture;
mod heartbeat;
mod http;
mod msteamsv2;
mod pagerduty;
mod posted;
mod report;
mod robot;
mod slack;
mod standard_webhook;
mod telegram;
pub(crate) mod text;
mod webhook;
mod wecom;

pub use heartbeat::HeartbeatSender;

pub(crate) use cloudevents::RawCloudEvents;
pub(crate) use dingtalk::DingTalk;
pub(crate) use discord::RawDiscord;
pub(crate) use email::{MailDefaults, RawEmail};
pub(crate) use feishu::Feishu;
pub(crate) use msteamsv2::RawTeams;
pub(crate) use pagerduty::{PagerDutyDefaults, RawPagerDuty};
pub(crate) use robot::RawRobot;
pub(crate) use slack::{RawSlack, SlackDefaults};
pub(crate) use standard_webhook::RawStandardWebhook;
pub(crate) use telegram::{RawTelegram, TelegramDefaults};
pub(crate) use webhook::RawWebhook;
pub(crate) use wecom::WeCom;

/// Every channel there is.
pub static NOTIFIER_KINDS: &[&dyn NotifierKind] = &[
    &cloudevents::KIND,
    &dingtalk::KIND,
    &discord::KIND,
    &email::KIND,
    &feishu::KIND,
    &msteamsv2::KIND,
    &pagerduty::KIND,
    &slack::KIND,
    &standard_webhook::KIND,
    &telegram::KIND,
    &webhook::KIND,
    &wecom::KIND,
];

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
    /// How much one destination of it takes, as far as is known; what stands in the configuration replaces it.
    fn rate_limits(&self) -> &'static [Rate] {
        &[]
    }
}

/// One entry of a `…_configs` list as it is written.
pub(crate) trait RawIntegration: Grammar {
    /// Checks it.
    ///
    /// # Errors
    /// What is missing or wrong in it, and where.
    fn check(self, location: Location, global: &Global) -> Result<Arc<dyn IntegrationSettings>, ConfigError>;
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
    /// The largest body that is wanted, in bytes; `None` for what the channel takes.
    pub max_bytes: Option<usize>,
    /// What is shown one by one, where the body would be too large otherwise; `None` for everything.
    pub(crate) part: Option<Part<'a>>,
}

/// Those of a message's alerts that its body shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    alerts: &'a [Arc<NotifiedAlert>],
    /// Nothing shorter comes after it.
    is_shortest: bool,
}

impl<'a> Message<'a> {
    /// The whole notification, without a limit but the channel's own.
    pub fn new(
        notification: &'a Notification,
        delivery: &'a Delivery,
        send_resolved: bool,
        now: Timestamp,
    ) -> Self {
        Self { notification, delivery, send_resolved, now, max_bytes: None, part: None }
    }

    /// The alerts to tell of one by one, in label order.
    pub fn alerts(&self) -> impl Iterator<Item = &'a NotifiedAlert> + Clone {
        self.told(self.part.map_or(&self.notification.alerts, |part| part.alerts))
    }

    /// All alerts it is about, also those that are only counted: what is said of the whole is said of these.
    pub fn all_alerts(&self) -> impl Iterator<Item = &'a NotifiedAlert> + Clone {
        self.told(&self.notification.alerts)
    }

    /// How many alerts are only counted.
    pub fn left_out(&self) -> usize {
        self.all_alerts().count() - self.alerts().count()
    }

    /// Whether its body shows a part of it.
    pub(crate) fn is_cut(&self) -> bool {
        self.part.is_some()
    }

    /// Whether nothing shorter comes after it.
    pub(crate) fn is_shortest(&self) -> bool {
        self.part.is_some_and(|part| part.is_shortest)
    }

    fn told(&self, alerts: &'a [Arc<NotifiedAlert>]) -> impl Iterator<Item = &'a NotifiedAlert> + Clone {
        let all = self.send_resolved;
        alerts.iter().map(|alert| &**alert).filter(move |alert| all || alert.is_firing())
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

    /// Where it leads, as people may see it.
    fn place(&self) -> String {
        place(self.target().0)
    }

    /// What its rate limit is about: who tells the same destination shares it.
    fn destination(&self) -> Destination {
        Destination::of(&[self.target().0.as_str()])
    }
}

/// Where a URL leads, without what may be a secret: user, path and query.
pub fn place(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
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
    /// It is too much for the channel's form: fewer alerts may do.
    #[error("cannot be written as a message: {0}")]
    TooLarge(String),
}

impl NotifyError {
    /// What it means for another try.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Answer { retry, .. } | Self::Unreachable { retry, .. } => *retry,
            Self::Unwritable(_) | Self::TooLarge(_) => Retry::Never,
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
