//! Group robots of chat services: an address that is a secret, whom to call by name, and answers whose code counts, not their
//! status. What is a service's own is its [`Protocol`].

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use isobar_egress::{Response, Retry, excerpt};
use isobar_normalizer::{ConfigError, Revealed, Secret, Severity, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::chat::{Chat, Language, Said};
use super::http::refused;
use super::posted::{Body, SecretUrl, Way, Writer};
use super::text::worst_severity;
use super::{IntegrationSettings, Message, Notifier, NotifierKind, NotifyError, RawIntegration, Tools};
use crate::config::http::RawHttp;
use crate::config::keys::{Checked, Grammar};
use crate::config::{Global, SecretSource};
use crate::delivery::{Direction, Receipt};

/// Whom a robot calls by name when something is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mention {
    /// By the service's own ids.
    pub(super) users: Vec<String>,
    /// By mobile number.
    pub(super) mobiles: Vec<String>,
    /// Everybody in the group.
    pub(super) all: bool,
}

/// What the codes of a robot's answers mean; zero is success, one that is not listed is tried again.
#[derive(Debug)]
pub(super) struct Codes {
    /// Where the code stands; the first of these that is there.
    pub(super) fields: &'static [&'static str],
    /// Too many messages.
    pub(super) limited: &'static [i64],
    /// For how long it takes none then.
    pub(super) limited_for: Duration,
    /// The message or the configuration is wrong, and will be the next time.
    pub(super) refused: &'static [i64],
}

/// A message for a robot.
#[derive(Debug)]
pub(super) struct Post<'a> {
    pub(super) said: &'a Said,
    pub(super) direction: Direction,
    pub(super) severity: Severity,
    /// Whom to call; nobody when it is over.
    pub(super) mention: &'a Mention,
    pub(super) secret: Option<&'a str>,
    pub(super) now: Timestamp,
}

/// How the robots of one service are spoken to.
pub(super) trait Protocol: fmt::Debug + Send + Sync + 'static {
    /// What the codes of its answers mean.
    const CODES: Codes;
    /// Largest body, in bytes.
    const BODY_MAX: usize;
    /// Why there is no `secret`, where there is none.
    const WITHOUT_SECRET: Option<&'static str> = None;
    /// Why nobody is called by mobile number, where that is so.
    const WITHOUT_MOBILES: Option<&'static str> = None;
    /// Its channel.
    fn kind() -> &'static dyn NotifierKind;
    /// The body of a request.
    ///
    /// # Errors
    /// It cannot be written.
    fn body(post: &Post<'_>) -> Result<Body, NotifyError>;
    /// The address of a request.
    fn url(url: &Url, _secret: Option<&str>, _now: Timestamp) -> Url {
        url.clone()
    }
}

/// One entry of a robot's `…_configs` list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub(crate) struct RawRobot<P> {
    #[serde(default = "yes")]
    send_resolved: bool,
    webhook_url: Option<Secret>,
    webhook_url_file: Option<Spanned<PathBuf>>,
    secret: Option<Secret>,
    secret_file: Option<Spanned<PathBuf>>,
    http_config: Option<Spanned<Checked<RawHttp>>>,
    timeout: Option<Spanned<String>>,
    #[serde(default)]
    language: Language,
    title: Option<Spanned<String>>,
    text: Option<Spanned<String>>,
    mention: Option<Spanned<Mention>>,
    #[serde(skip)]
    protocol: PhantomData<P>,
}

fn yes() -> bool {
    true
}

impl<P> Grammar for RawRobot<P> {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[];
}

#[derive(Debug)]
struct RobotSettings<P> {
    send_resolved: bool,
    url: SecretUrl,
    secret: Option<SecretSource>,
    way: Way,
    chat: Chat,
    mention: Mention,
    protocol: PhantomData<P>,
}

impl<P: Protocol> RawIntegration for RawRobot<P> {
    fn check(self, location: Location, global: &Global) -> Result<Arc<dyn IntegrationSettings>, ConfigError> {
        let secret = SecretSource::choose("secret", self.secret, self.secret_file)?;
        if let Some(why) = P::WITHOUT_SECRET.filter(|_| secret.is_some()) {
            return Err(ConfigError::at(location, why));
        }
        if let (Some(why), Some(mention)) = (P::WITHOUT_MOBILES, &self.mention)
            && !mention.value.mobiles.is_empty()
        {
            return Err(ConfigError::at(mention.referenced, why));
        }
        Ok(Arc::new(RobotSettings::<P> {
            send_resolved: self.send_resolved,
            url: SecretUrl::choose("webhook_url", self.webhook_url, self.webhook_url_file, location)?,
            secret,
            way: Way::check(self.http_config, self.timeout.as_ref(), global)?,
            chat: Chat::check(self.language, self.title.as_ref(), self.text.as_ref(), &global.templates)?,
            mention: self.mention.map(|mention| mention.value).unwrap_or_default(),
            protocol: PhantomData,
        }))
    }
}

impl<P: Protocol> IntegrationSettings for RobotSettings<P> {
    fn kind(&self) -> &'static dyn NotifierKind {
        P::kind()
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn build(&self, tools: &Tools<'_>) -> Result<Box<dyn Notifier>, ConfigError> {
        let robot = Robot::<P> {
            secret: self.secret.as_ref().map(|secret| secret.reveal(tools.secrets)).transpose()?,
            chat: self.chat.clone(),
            mention: self.mention.clone(),
            protocol: PhantomData,
        };
        self.way.build(self.url.reveal(tools.secrets)?, Arc::new(robot), tools)
    }
}

#[derive(Debug)]
struct Robot<P> {
    secret: Option<Revealed>,
    chat: Chat,
    mention: Mention,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Writer for Robot<P> {
    const BODY_MAX: usize = P::BODY_MAX;

    fn kind() -> &'static dyn NotifierKind {
        P::kind()
    }

    fn write(&self, message: &Message<'_>, external_url: &Url) -> Result<Body, NotifyError> {
        let (direction, nobody) = (message.direction(), Mention::default());
        P::body(&Post {
            said: &self.chat.say(message, external_url)?,
            direction,
            severity: worst_severity(message),
            mention: if direction == Direction::Firing { &self.mention } else { &nobody },
            secret: self.secret.as_ref().map(Revealed::expose),
            now: message.now,
        })
    }

    fn url(&self, url: &Url, now: Timestamp) -> Url {
        P::url(url, self.secret.as_ref().map(Revealed::expose), now)
    }

    fn judge(response: &Response, now: Timestamp) -> Result<Receipt, NotifyError> {
        P::CODES.judge(response, now)
    }
}

impl Codes {
    /// Whether the robot has taken the message.
    fn judge(&self, response: &Response, now: Timestamp) -> Result<Receipt, NotifyError> {
        if !response.status.is_success() {
            return Err(refused(response, now));
        }
        let (status, body) = (response.status.as_u16(), excerpt(&response.body));
        let answer: Option<Value> = serde_json::from_slice(&response.body).ok();
        let field = |name: &&str| answer.as_ref()?.get(*name)?.as_i64();
        let retry = match self.fields.iter().find_map(field) {
            Some(0) => return Ok(Receipt { status, body, provider_id: None }),
            Some(code) if self.limited.contains(&code) => Retry::After(self.limited_for),
            Some(code) if self.refused.contains(&code) => Retry::Never,
            Some(_) | None => Retry::Backoff,
        };
        Err(NotifyError::Answer { status, body, retry })
    }
}
