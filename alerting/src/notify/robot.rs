//! Group robots of chat services: an address that is a secret, whom to call by name, and answers whose code counts, not their
//! status. What is a service's own is its [`Protocol`].

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::{Response, Retry, Trust, excerpt};
use isobar_normalizer::{ConfigError, Revealed, Secret, SecretReader, Severity, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::chat::{Chat, Language, Said};
use super::fit::fit;
use super::http::{Poster, refused};
use super::text::worst_severity;
use super::{
    ATTEMPT_TIMEOUT, IntegrationSettings, Message, Notifier, NotifierKind, NotifyError, RawIntegration, Tools,
};
use crate::config::http::RawHttp;
use crate::config::keys::{Checked, Grammar};
use crate::config::value::{duration_or, parse_http_url};
use crate::config::{Global, HttpConfig, SecretSource};
use crate::delivery::{Direction, Receipt};

/// The address of a webhook that lets in whoever knows it.
#[derive(Clone, Debug)]
pub(super) struct SecretUrl {
    key: &'static str,
    source: SecretSource,
    location: Location,
}

impl SecretUrl {
    /// The one of `key` and `key_file` that is given.
    pub(super) fn choose(
        key: &'static str,
        inline: Option<Secret>,
        file: Option<Spanned<PathBuf>>,
        location: Location,
    ) -> Result<Self, ConfigError> {
        let source = SecretSource::choose(key, inline, file)?
            .ok_or_else(|| ConfigError::at(location, format!("needs {key} or {key}_file")))?;
        Ok(Self { key, source, location })
    }

    /// An address that was found already.
    pub(super) fn new(key: &'static str, source: SecretSource, location: Location) -> Self {
        Self { key, source, location }
    }

    /// The address itself.
    pub(super) fn reveal(&self, secrets: &dyn SecretReader) -> Result<Url, ConfigError> {
        let text = self.source.reveal(secrets)?;
        parse_http_url(text.expose())
            .map_err(|wrong| ConfigError::at(self.location, format!("{}: {wrong}", self.key)))
    }
}

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

/// A body as JSON, and its size in bytes: more than anything allows where a part of it is too large.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) json: Vec<u8>,
    pub(super) size: usize,
}

impl Body {
    /// A body whose only limit is that of the whole.
    pub(super) fn of(json: &Value) -> Self {
        Self::limited(json, true)
    }

    /// A body of which a part has a limit too.
    pub(super) fn limited(json: &Value, is_within: bool) -> Self {
        let json = json.to_string().into_bytes();
        let size = if is_within { json.len() } else { usize::MAX };
        Self { json, size }
    }
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
    fn body(post: &Post<'_>) -> Body;
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
    http: HttpConfig,
    timeout: Duration,
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
            http: self.http_config.map_or_else(|| Ok(global.http.clone()), HttpConfig::try_from)?,
            timeout: duration_or(self.timeout.as_ref(), ATTEMPT_TIMEOUT)?,
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
        Ok(Box::new(Robot::<P> {
            url: self.url.reveal(tools.secrets)?,
            secret: self.secret.as_ref().map(|secret| secret.reveal(tools.secrets)).transpose()?,
            poster: Poster::build(&self.http, Some(self.timeout), tools.egress, tools.secrets)?,
            chat: self.chat.clone(),
            mention: self.mention.clone(),
            external_url: tools.external_url.clone(),
            protocol: PhantomData,
        }))
    }
}

#[derive(Debug)]
struct Robot<P> {
    url: Url,
    secret: Option<Revealed>,
    poster: Poster,
    chat: Chat,
    mention: Mention,
    external_url: Url,
    protocol: PhantomData<P>,
}

#[async_trait]
impl<P: Protocol> Notifier for Robot<P> {
    fn target(&self) -> (&Url, Trust) {
        (&self.url, Trust::Guarded)
    }

    async fn notify(&self, message: Message<'_>) -> Result<Receipt, NotifyError> {
        let max = message.max_bytes.map_or(P::BODY_MAX, |max| max.min(P::BODY_MAX));
        let secret = self.secret.as_ref().map(Revealed::expose);
        let (now, nobody) = (message.now, Mention::default());
        let direction = message.direction();
        let mention = if direction == Direction::Firing { &self.mention } else { &nobody };
        let body = fit(
            &message,
            max,
            |body: &Body| body.size,
            |message| {
                let said = self.chat.say(message, &self.external_url)?;
                let severity = worst_severity(message);
                Ok(P::body(&Post { said: &said, direction, severity, mention, secret, now }))
            },
        )?;
        let response = self.poster.post(&P::url(&self.url, secret, now), body.json, &[]).await?;
        P::CODES.judge(&response, now)
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
