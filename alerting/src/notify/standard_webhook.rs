//! `standard_webhook_configs`: Standard Webhooks 1.0, signed by a shared secret (`v1`), a private key (`v1a`), or both.
//!
//! Source: standard-webhooks/standard-webhooks, spec/standard-webhooks.md, read 2026-11.

use std::path::PathBuf;
use std::sync::Arc;

use isobar_egress::{SigningKey, webhook_headers};
use isobar_normalizer::{ConfigError, Secret};
use serde::{Deserialize, Serialize};
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::posted::{Body, Headers, SecretUrl, Way, Writer};
use super::report::{Report, event_type};
use super::{IntegrationSettings, Message, Notifier, NotifierKind, NotifyError, RawIntegration, Tools};
use crate::config::http::RawHttp;
use crate::config::keys::{Checked, Grammar};
use crate::config::{Global, SecretSource};
use crate::delivery::KeyScope;

/// The channel.
#[derive(Debug)]
pub(super) struct StandardWebhook;
pub(super) static KIND: StandardWebhook = StandardWebhook;

impl NotifierKind for StandardWebhook {
    fn name(&self) -> &'static str {
        "standard_webhook"
    }

    fn config_key(&self) -> &'static str {
        "standard_webhook_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("standard_webhook.sample.yaml")
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Notification
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStandardWebhook {
    #[serde(default = "yes")]
    send_resolved: bool,
    url: Option<Secret>,
    url_file: Option<Spanned<PathBuf>>,
    secret: Option<Secret>,
    secret_file: Option<Spanned<PathBuf>>,
    private_key: Option<Secret>,
    private_key_file: Option<Spanned<PathBuf>>,
    http_config: Option<Spanned<Checked<RawHttp>>>,
    timeout: Option<Spanned<String>>,
}

fn yes() -> bool {
    true
}

impl Grammar for RawStandardWebhook {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[];
}

#[derive(Debug)]
struct Settings {
    send_resolved: bool,
    url: SecretUrl,
    /// Each with how it begins.
    keys: Vec<(SecretSource, &'static str)>,
    way: Way,
    location: Location,
}

impl RawIntegration for RawStandardWebhook {
    fn check(self, location: Location, global: &Global) -> Result<Arc<dyn IntegrationSettings>, ConfigError> {
        let secret = SecretSource::choose("secret", self.secret, self.secret_file)?;
        let private_key = SecretSource::choose("private_key", self.private_key, self.private_key_file)?;
        let keys: Vec<(SecretSource, &str)> = secret
            .map(|secret| (secret, "whsec_"))
            .into_iter()
            .chain(private_key.map(|key| (key, "whsk_")))
            .collect();
        if keys.is_empty() {
            let wrong = "a standard webhook is signed: give secret (whsec_…) or private_key (whsk_…)";
            return Err(ConfigError::at(location, wrong));
        }
        Ok(Arc::new(Settings {
            send_resolved: self.send_resolved,
            url: SecretUrl::choose("url", self.url, self.url_file, location)?,
            keys,
            way: Way::check(self.http_config, self.timeout.as_ref(), global)?,
            location,
        }))
    }
}

impl IntegrationSettings for Settings {
    fn kind(&self) -> &'static dyn NotifierKind {
        &KIND
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn build(&self, tools: &Tools<'_>) -> Result<Box<dyn Notifier>, ConfigError> {
        let mut keys = Vec::with_capacity(self.keys.len());
        for (source, prefix) in &self.keys {
            let secret = source.reveal(tools.secrets)?;
            let key = SigningKey::parse(secret.expose());
            let key = key.and_then(|key| match secret.expose().starts_with(prefix) {
                true => Ok(key),
                false => Err(format!("a key of this kind begins with {prefix}")),
            });
            keys.push(key.map_err(|wrong| ConfigError::at(self.location, wrong))?);
        }
        self.way.build(self.url.reveal(tools.secrets)?, Arc::new(Signed { keys }), tools)
    }
}

#[derive(Debug)]
struct Signed {
    keys: Vec<SigningKey>,
}

/// The body: its time is that of the event, which is the same at every try; that of the try is in the header.
#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    event_type: &'static str,
    timestamp: String,
    data: Report<'a>,
}

impl Writer for Signed {
    fn kind() -> &'static dyn NotifierKind {
        &KIND
    }

    fn write(&self, message: &Message<'_>, external_url: &Url) -> Result<Body, NotifyError> {
        Body::of(&Event {
            event_type: event_type(message.direction()),
            timestamp: message.notification.at.to_string(),
            data: Report::of(message, external_url),
        })
    }

    fn headers(&self, message: &Message<'_>, body: &[u8]) -> Headers {
        let id = &message.delivery.idempotency_key;
        webhook_headers(id, message.now.millis(), body, &self.keys)
    }
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Severity;
    use serde_json::{Value, json};

    use super::*;
    use crate::alert::AlertState;
    use crate::delivery::Reason;
    use crate::fixture::{START, alert, told};

    #[test]
    fn the_body_says_what_when_and_about_what() {
        let mut one = alert("alertname=HighCpu", AlertState::Firing, Severity::Critical, START);
        one.annotations.insert("summary".to_owned(), "hot".to_owned());
        let (notification, delivery) = told(&[one], Reason::First);
        let url = Url::parse("https://isobar.example/").unwrap();
        let message = Message::new(&notification, &delivery, true, START);
        let body = Signed { keys: Vec::new() }.write(&message, &url).unwrap();
        let found: Value = serde_json::from_slice(&body.json).unwrap();
        let fingerprint = found["data"]["alerts"][0]["fingerprint"].as_str().unwrap();
        let expected = json!({
            "type": "alert.firing",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "data": {
                "receiver": "team",
                "status": "firing",
                "reason": "first notification",
                "severity": "critical",
                "title": "[FIRING:1] HighCpu: hot",
                "group_key": "{}:{alertname=\"HighCpu\"}",
                "group_labels": {"alertname": "HighCpu"},
                "alerts": [{
                    "fingerprint": fingerprint,
                    "status": "firing",
                    "severity": "critical",
                    "labels": {"alertname": "HighCpu", "class": "saturation", "severity": "critical"},
                    "annotations": {"summary": "hot"},
                    "starts_at": "2026-01-01T00:00:00.000Z",
                    "url": format!("https://isobar.example/alerts?q={fingerprint}"),
                }],
                "left_out": 0,
                "url": "https://isobar.example/alerts",
            },
        });
        assert_eq!(found, expected);
    }
}
