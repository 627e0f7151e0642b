//! `msteamsv2_configs`: an adaptive card to a workflow of Microsoft Teams.
//!
//! Source: prometheus/alertmanager `notify/msteamsv2`; learn.microsoft.com, "Create and send messages" of incoming webhooks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::{Trust, excerpt};
use isobar_normalizer::{ConfigError, Secret};
use serde::Deserialize;
use serde_json::{Value, json};
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::fit::fit;
use super::http::{Poster, refused};
use super::robot::SecretUrl;
use super::text::{alerts_url, marked};
use super::{
    ATTEMPT_TIMEOUT, IntegrationSettings, Message, Notifier, NotifierKind, NotifyError, RawIntegration, Tools,
};
use crate::config::http::RawHttp;
use crate::config::keys::{Checked, Grammar};
use crate::config::value::duration_or;
use crate::config::{Global, HttpConfig};
use crate::delivery::{Direction, KeyScope, Receipt};
use crate::gotemplate::{TemplateData, TemplateText};

/// Largest body, in bytes; the documented 28 KB.
const BODY_MAX: usize = 28_000;

/// The channel.
#[derive(Debug)]
pub(super) struct Teams;
pub(super) static KIND: Teams = Teams;

impl NotifierKind for Teams {
    fn name(&self) -> &'static str {
        "msteamsv2"
    }

    fn config_key(&self) -> &'static str {
        "msteamsv2_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("msteamsv2.sample.yaml")
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Notification
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTeams {
    #[serde(default = "yes")]
    send_resolved: bool,
    webhook_url: Option<Secret>,
    webhook_url_file: Option<Spanned<PathBuf>>,
    http_config: Option<Spanned<Checked<RawHttp>>>,
    timeout: Option<Spanned<String>>,
    title: Option<Spanned<String>>,
    text: Option<Spanned<String>>,
}

fn yes() -> bool {
    true
}

impl Grammar for RawTeams {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[];
}

#[derive(Debug)]
struct Settings {
    send_resolved: bool,
    url: SecretUrl,
    http: HttpConfig,
    timeout: Duration,
    card: Card,
}

/// What the configuration says about every card.
#[derive(Clone, Debug)]
struct Card {
    title: TemplateText,
    text: TemplateText,
}

impl RawIntegration for RawTeams {
    fn check(self, location: Location, global: &Global) -> Result<Arc<dyn IntegrationSettings>, ConfigError> {
        let wording = |given: &Option<Spanned<String>>, otherwise| {
            TemplateText::check(given.as_ref(), otherwise, &global.templates)
        };
        Ok(Arc::new(Settings {
            send_resolved: self.send_resolved,
            card: Card {
                title: wording(&self.title, r#"{{ template "msteamsv2.default.title" . }}"#)?,
                text: wording(&self.text, r#"{{ template "msteamsv2.default.text" . }}"#)?,
            },
            url: SecretUrl::choose("webhook_url", self.webhook_url, self.webhook_url_file, location)?,
            http: self.http_config.map_or_else(|| Ok(global.http.clone()), HttpConfig::try_from)?,
            timeout: duration_or(self.timeout.as_ref(), ATTEMPT_TIMEOUT)?,
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
        Ok(Box::new(TeamsNotifier {
            url: self.url.reveal(tools.secrets)?,
            poster: Poster::build(&self.http, Some(self.timeout), tools.egress, tools.secrets)?,
            card: self.card.clone(),
            external_url: tools.external_url.clone(),
        }))
    }
}

#[derive(Debug)]
struct TeamsNotifier {
    url: Url,
    poster: Poster,
    card: Card,
    external_url: Url,
}

#[async_trait]
impl Notifier for TeamsNotifier {
    fn target(&self) -> (&Url, Trust) {
        (&self.url, Trust::Guarded)
    }

    async fn notify(&self, message: Message<'_>) -> Result<Receipt, NotifyError> {
        let max = message.max_bytes.map_or(BODY_MAX, |max| max.min(BODY_MAX));
        let body = fit(&message, max, Vec::len, |message| {
            Ok(self.card.write(message, &self.external_url)?.to_string().into_bytes())
        })?;
        let response = self.poster.post(&self.url, body, &[]).await?;
        if !response.status.is_success() {
            return Err(refused(&response, message.now));
        }
        Ok(Receipt { status: response.status.as_u16(), body: excerpt(&response.body), provider_id: None })
    }
}

impl Card {
    fn write(&self, message: &Message<'_>, external_url: &Url) -> Result<Value, NotifyError> {
        let data = TemplateData::of(message, external_url);
        let color = match message.direction() {
            Direction::Firing => "attention",
            Direction::Acknowledged => "warning",
            Direction::Resolved => "good",
        };
        let mut text = self.text.render(&data)?;
        if message.left_out.total() > 0 {
            let more = message.left_out.total();
            text.push_str(&format!("\n\n[and {more} more]({})", alerts_url(external_url)));
        }
        Ok(json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.2",
                    "body": [
                        {
                            "type": "TextBlock",
                            "text": marked(message, self.title.render(&data)?),
                            "weight": "Bolder",
                            "size": "Medium",
                            "wrap": true,
                            "style": "heading",
                            "color": color,
                        },
                        {"type": "TextBlock", "text": text, "wrap": true},
                    ],
                    "msteams": {"width": "full"},
                },
            }],
        }))
    }
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Severity;

    use super::*;
    use crate::alert::AlertState;
    use crate::delivery::Reason;
    use crate::fixture::{START, alert, told};
    use crate::notify::LeftOut;
    use crate::notify::fixture::wire;

    fn card(title: &str, text: &str, left_out: LeftOut) -> Value {
        let one = alert("alertname=HighCpu", AlertState::Firing, Severity::Critical, START);
        let (notification, delivery) = told(&[one], Reason::First);
        let wording = |text: &str| {
            let text = serde_saphyr::from_str::<Spanned<String>>(&format!("{text:?}")).unwrap();
            TemplateText::check(Some(&text), "", &Arc::default()).unwrap()
        };
        let card = Card { title: wording(title), text: wording(text) };
        let message = Message { left_out, ..Message::new(&notification, &delivery, true, START) };
        card.write(&message, &Url::parse("http://isobar.example/").unwrap()).unwrap()
    }

    #[test]
    fn the_card_is_that_of_the_service() {
        let found = card("[{{ .Status | toUpper }}:2] HighCpu", "host-1 cpu 97%", LeftOut::default());
        let body = &found["attachments"][0]["content"]["body"];
        assert_eq!(body[0]["text"], "[FIRING:2] HighCpu");
        let Some(bodies) = wire("bodies.hand-written.json") else { return };
        assert_eq!(found, bodies["teams_workflow_adaptive_card"]["body"]);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let found = card("t", "x", LeftOut { firing: 3, resolved: 1 });
        let text = &found["attachments"][0]["content"]["body"][1]["text"];
        assert_eq!(text, "x\n\n[and 4 more](http://isobar.example/alerts)");
    }
}
