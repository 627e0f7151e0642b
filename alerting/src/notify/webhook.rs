//! `webhook_configs`: Alertmanager's version 4 body, with the headers of Standard Webhooks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::{SigningKey, Trust, excerpt, webhook_headers};
use isobar_normalizer::{ConfigError, Secret};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use url::Url;

use self::body::Body;
use super::fit::fit;
use super::http::{Poster, refused};
use super::{IntegrationSettings, Message, Notifier, NotifierKind, NotifyError, RawIntegration, Tools};
use crate::config::keys::{Checked, Grammar};
use crate::config::value::{duration_or, http_url, parse_http_url};
use crate::config::{Global, HttpConfig, SecretSource, http::RawHttp};
use crate::delivery::{KeyScope, Receipt};

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
    http: HttpConfig,
    /// Zero for all.
    max_alerts: usize,
    timeout: Option<Duration>,
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
        let timeout = match duration_or(self.timeout.as_ref(), Duration::ZERO)? {
            Duration::ZERO => None,
            timeout => Some(timeout),
        };
        Ok(Arc::new(WebhookSettings {
            send_resolved: self.send_resolved,
            target,
            http: self.http_config.map_or_else(|| Ok(global.http.clone()), HttpConfig::try_from)?,
            max_alerts: self.max_alerts,
            timeout,
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
        Ok(Box::new(WebhookNotifier {
            url,
            key,
            poster: Poster::build(&self.http, self.timeout, tools.egress, tools.secrets)?,
            max_alerts: self.max_alerts,
            external_url: tools.external_url.clone(),
        }))
    }
}

#[derive(Debug)]
struct WebhookNotifier {
    url: Url,
    key: Option<SigningKey>,
    poster: Poster,
    max_alerts: usize,
    external_url: Url,
}

#[async_trait]
impl Notifier for WebhookNotifier {
    fn target(&self) -> (&Url, Trust) {
        (&self.url, Trust::Guarded)
    }

    async fn notify(&self, message: Message<'_>) -> Result<Receipt, NotifyError> {
        let max = message.max_bytes.unwrap_or(usize::MAX);
        let body = fit(&message, max, Vec::len, |message| {
            serde_json::to_vec(&Body::of(message, self.max_alerts, &self.external_url))
                .map_err(|error| NotifyError::Unwritable(error.to_string()))
        })?;
        let id = message.delivery.idempotency_key.to_string();
        let headers = webhook_headers(&id, message.now.millis(), &body, self.key.as_ref());
        let response = self.poster.post(&self.url, body, &headers).await?;
        if !response.status.is_success() {
            return Err(refused(&response, message.now));
        }
        Ok(Receipt { status: response.status.as_u16(), body: excerpt(&response.body), provider_id: None })
    }
}
