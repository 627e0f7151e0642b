//! `webhook_configs`: Alertmanager's version 4 body, with the headers of Standard Webhooks.

use std::path::PathBuf;
use std::sync::Arc;

use isobar_egress::{SigningKey, webhook_headers};
use isobar_normalizer::{ConfigError, Secret};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use url::Url;

use self::body::Payload;
use super::posted::{Body, Headers, Way, Writer};
use super::{IntegrationSettings, Message, Notifier, NotifierKind, NotifyError, RawIntegration, Tools};
use crate::config::http::RawHttp;
use crate::config::keys::{Checked, Grammar};
use crate::config::value::{http_url, parse_http_url};
use crate::config::{Global, SecretSource};
use crate::delivery::KeyScope;

mod body;

/// The channel.
#[derive(Debug)]
pub(super) struct Webhook;
pub(super) static KIND: Webhook = Webhook;

impl NotifierKind for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn config_key(&self) -> &'static str {
        "webhook_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("webhook.sample.yaml")
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Notification
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawWebhook {
    #[serde(default = "yes")]
    send_resolved: bool,
    url: Option<Spanned<String>>,
    url_file: Option<Spanned<PathBuf>>,
    http_config: Option<Spanned<Checked<RawHttp>>>,
    #[serde(default)]
    max_alerts: usize,
    timeout: Option<Spanned<String>>,
    secret: Option<Secret>,
    secret_file: Option<Spanned<PathBuf>>,
}

fn yes() -> bool {
    true
}

impl Grammar for RawWebhook {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] =
        &[("payload", "remove it, the version 4 body is sent")];
}

#[derive(Debug)]
pub(super) struct WebhookSettings {
    send_resolved: bool,
    target: Target,
    way: Way,
    /// Zero for all.
    max_alerts: usize,
    secret: Option<SecretSource>,
    location: Location,
}

#[derive(Debug)]
enum Target {
    Url(Url),
    File(SecretSource),
}

impl RawIntegration for RawWebhook {
    fn check(self, location: Location, global: &Global) -> Result<Arc<dyn IntegrationSettings>, ConfigError> {
        let target = match (&self.url, self.url_file) {
            (Some(url), None) => Target::Url(http_url(url)?),
            (None, Some(file)) => {
                Target::File(SecretSource::File { path: file.value, location: file.referenced })
            }
            _ => return Err(ConfigError::at(location, "a webhook needs either url or url_file")),
        };
        Ok(Arc::new(WebhookSettings {
            send_resolved: self.send_resolved,
            target,
            way: Way::check(self.http_config, self.timeout.as_ref(), global)?,
            max_alerts: self.max_alerts,
            secret: SecretSource::choose("secret", self.secret, self.secret_file)?,
            location,
        }))
    }
}

impl IntegrationSettings for WebhookSettings {
    fn kind(&self) -> &'static dyn NotifierKind {
        &KIND
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn build(&self, tools: &Tools<'_>) -> Result<Box<dyn Notifier>, ConfigError> {
        let here = |wrong: String| ConfigError::at(self.location, wrong);
        let url = match &self.target {
            Target::Url(url) => url.clone(),
            Target::File(file) => parse_http_url(file.reveal(tools.secrets)?.expose()).map_err(here)?,
        };
        let key = match &self.secret {
            Some(secret) => Some(SigningKey::parse(secret.reveal(tools.secrets)?.expose()).map_err(here)?),
            None => None,
        };
        self.way.build(url, Arc::new(Version4 { key, max_alerts: self.max_alerts }), tools)
    }
}

/// Alertmanager's body, signed where there is a key.
#[derive(Debug)]
struct Version4 {
    key: Option<SigningKey>,
    max_alerts: usize,
}

impl Writer for Version4 {
    fn kind() -> &'static dyn NotifierKind {
        &KIND
    }

    fn write(&self, message: &Message<'_>, external_url: &Url) -> Result<Body, NotifyError> {
        Body::of(&Payload::of(message, self.max_alerts, external_url))
    }

    fn headers(&self, message: &Message<'_>, body: &[u8]) -> Headers {
        webhook_headers(&message.delivery.idempotency_key, message.now.millis(), body, self.key.as_ref())
    }
}
