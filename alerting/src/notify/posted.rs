//! Channels that post one JSON body to one address: what is the same in each of them. What is a channel's own is its
//! [`Writer`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::{Response, Trust, excerpt};
use isobar_normalizer::{ConfigError, Secret, SecretReader, Timestamp};
use serde::Serialize;
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::fit::fit;
use super::http::{Poster, refused};
use super::{IntegrationSettings, Message, Notifier, NotifierKind, NotifyError, Tools};
use crate::config::http::RawHttp;
use crate::config::keys::Checked;
use crate::config::value::{duration_or, parse_http_url};
use crate::config::{Global, HttpConfig, SecretSource};
use crate::delivery::Receipt;
use crate::outbox::Destination;

/// A body as JSON, and its size in bytes: more than anything allows where a part of it is too large.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) json: Vec<u8>,
    pub(super) size: usize,
}

impl Body {
    /// A body whose only limit is that of the whole.
    pub(super) fn of(json: &impl Serialize) -> Result<Self, NotifyError> {
        Self::limited(json, true)
    }

    /// A body of which a part has a limit too.
    pub(super) fn limited(json: &impl Serialize, is_within: bool) -> Result<Self, NotifyError> {
        let json = serde_json::to_vec(json).map_err(|error| NotifyError::Unwritable(error.to_string()))?;
        let size = if is_within { json.len() } else { usize::MAX };
        Ok(Self { json, size })
    }
}

/// Names and values.
pub(super) type Headers = Vec<(&'static str, String)>;

/// What a channel writes, and how it reads the answer.
pub(super) trait Writer: fmt::Debug + Send + Sync + 'static {
    /// Largest body, in bytes; [`usize::MAX`] is within no limit.
    const BODY_MAX: usize = usize::MAX - 1;

    /// Its channel.
    fn kind() -> &'static dyn NotifierKind;

    /// The body of a request about this message.
    ///
    /// # Errors
    /// It cannot be written, or not about so many alerts.
    fn write(&self, message: &Message<'_>, external_url: &Url) -> Result<Body, NotifyError>;

    /// The headers of a request beside the usual ones.
    fn headers(&self, _message: &Message<'_>, _body: &[u8]) -> Headers {
        Headers::new()
    }

    /// The address of a request.
    fn url(&self, url: &Url, _now: Timestamp) -> Url {
        url.clone()
    }

    /// What its rate limit is about.
    fn destination(&self, url: &Url) -> Destination {
        Destination::of(&[url.as_str()])
    }

    /// Whether the receiver has taken the message: any 2xx says so.
    ///
    /// # Errors
    /// It has not.
    fn judge(response: &Response, now: Timestamp) -> Result<Receipt, NotifyError> {
        if !response.status.is_success() {
            return Err(refused(response, now));
        }
        Ok(Receipt { status: response.status.as_u16(), body: excerpt(&response.body), provider_id: None })
    }
}

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

/// How an integration is reached, as far as it is the same everywhere.
#[derive(Clone, Debug)]
pub(super) struct Way {
    http: HttpConfig,
    /// `None` for ours.
    timeout: Option<Duration>,
}

impl Way {
    /// `http_config` and `timeout`, or what `global` and we say; a timeout of zero says nothing.
    pub(super) fn check(
        http: Option<Spanned<Checked<RawHttp>>>,
        timeout: Option<&Spanned<String>>,
        global: &Global,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            http: http.map_or_else(|| Ok(global.http.clone()), HttpConfig::try_from)?,
            timeout: Some(duration_or(timeout, Duration::ZERO)?).filter(|timeout| !timeout.is_zero()),
        })
    }

    /// The notifier that goes this way.
    pub(super) fn build<W: Writer>(
        &self,
        url: Url,
        writer: Arc<W>,
        tools: &Tools<'_>,
    ) -> Result<Box<dyn Notifier>, ConfigError> {
        let poster = Poster::build(&self.http, self.timeout, tools.egress, tools.secrets)?;
        Ok(Box::new(Posted { url, poster, writer, external_url: tools.external_url.clone() }))
    }
}

/// The settings of an integration whose writer needs no secret of its own.
#[derive(Debug)]
pub(super) struct PostSettings<W> {
    pub(super) send_resolved: bool,
    pub(super) url: SecretUrl,
    pub(super) way: Way,
    pub(super) writer: Arc<W>,
}

impl<W: Writer> IntegrationSettings for PostSettings<W> {
    fn kind(&self) -> &'static dyn NotifierKind {
        W::kind()
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn build(&self, tools: &Tools<'_>) -> Result<Box<dyn Notifier>, ConfigError> {
        self.way.build(self.url.reveal(tools.secrets)?, Arc::clone(&self.writer), tools)
    }
}

#[derive(Debug)]
struct Posted<W> {
    url: Url,
    poster: Poster,
    writer: Arc<W>,
    external_url: Url,
}

#[async_trait]
impl<W: Writer> Notifier for Posted<W> {
    fn target(&self) -> (&Url, Trust) {
        (&self.url, Trust::Guarded)
    }

    fn destination(&self) -> Destination {
        self.writer.destination(&self.url)
    }

    async fn notify(&self, message: Message<'_>) -> Result<Receipt, NotifyError> {
        let (writer, external_url) = (Arc::clone(&self.writer), self.external_url.clone());
        let write = move |message: &Message<'_>| writer.write(message, &external_url);
        let body = fit(&message, W::BODY_MAX, |body: &Body| body.size, write).await?.json;
        let headers = self.writer.headers(&message, &body);
        let response = self.poster.post(&self.writer.url(&self.url, message.now), body, &headers).await?;
        W::judge(&response, message.now)
    }
}
