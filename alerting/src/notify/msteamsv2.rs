//! `msteamsv2_configs`: an adaptive card to a workflow of Microsoft Teams.
//!
//! Source: prometheus/alertmanager `notify/msteamsv2`; learn.microsoft.com, "Create and send messages" of incoming webhooks.

use std::path::PathBuf;
use std::sync::Arc;

use isobar_normalizer::{ConfigError, Secret};
use serde::Deserialize;
use serde_json::{Value, json};
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::posted::{Body, PostSettings, SecretUrl, Way, Writer};
use super::text::{alerts_url, cut, marked};
use super::{IntegrationSettings, Message, NotifierKind, NotifyError, RawIntegration};
use crate::config::Global;
use crate::config::http::RawHttp;
use crate::config::keys::{Checked, Grammar};
use crate::delivery::{Direction, KeyScope};
use crate::gotemplate::{TemplateData, TemplateText};

/// Characters of a title where the card would be too large.
const TITLE_KEPT: usize = 1024;
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
        let card = Card {
            title: wording(&self.title, r#"{{ template "msteamsv2.default.title" . }}"#)?,
            text: wording(&self.text, r#"{{ template "msteamsv2.default.text" . }}"#)?,
        };
        Ok(Arc::new(PostSettings {
            send_resolved: self.send_resolved,
            url: SecretUrl::choose("webhook_url", self.webhook_url, self.webhook_url_file, location)?,
            way: Way::check(self.http_config, self.timeout.as_ref(), global)?,
            writer: Arc::new(card),
        }))
    }
}

impl Writer for Card {
    const BODY_MAX: usize = BODY_MAX;

    fn kind() -> &'static dyn NotifierKind {
        &KIND
    }

    fn write(&self, message: &Message<'_>, external_url: &Url) -> Result<Body, NotifyError> {
        Body::of(&self.card(message, external_url)?)
    }
}

impl Card {
    fn card(&self, message: &Message<'_>, external_url: &Url) -> Result<Value, NotifyError> {
        let data = TemplateData::of(message, external_url);
        let color = match message.direction() {
            Direction::Firing => "attention",
            Direction::Acknowledged => "warning",
            Direction::Resolved => "good",
        };
        let mut title = marked(message, self.title.render(&data.whole())?);
        if message.is_cut() {
            title = cut(&title, TITLE_KEPT);
        }
        let mut text = self.text.render(&data)?;
        let more = message.left_out();
        if more > 0 {
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
                            "text": title,
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
    use crate::notify::fixture::{first_of, wire};

    /// The card about one alert of so many.
    fn card(title: &str, text: &str, alerts: usize) -> Value {
        let one = alert("alertname=HighCpu", AlertState::Firing, Severity::Critical, START);
        let (notification, delivery) = told(&vec![one; alerts], Reason::First);
        let wording = |text: &str| {
            let text = serde_saphyr::from_str::<Spanned<String>>(&format!("{text:?}")).unwrap();
            TemplateText::check(Some(&text), "", &Arc::default()).unwrap()
        };
        let card = Card { title: wording(title), text: wording(text) };
        let whole = Message::new(&notification, &delivery, true, START);
        let message = if alerts > 1 { first_of(&whole, 1) } else { whole };
        card.card(&message, &Url::parse("http://isobar.example/").unwrap()).unwrap()
    }

    #[test]
    fn the_card_is_that_of_the_service() {
        let found = card("[{{ .Status | toUpper }}:2] HighCpu", "host-1 cpu 97%", 1);
        let body = &found["attachments"][0]["content"]["body"];
        assert_eq!(body[0]["text"], "[FIRING:2] HighCpu");
        let Some(bodies) = wire("bodies.hand-written.json") else { return };
        assert_eq!(found, bodies["teams_workflow_adaptive_card"]["body"]);
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let found = card("{{ len .Alerts }}", "{{ len .Alerts }}", 5);
        let body = &found["attachments"][0]["content"]["body"];
        assert_eq!(body[0]["text"], "5");
        assert_eq!(body[1]["text"], "1\n\n[and 4 more](http://isobar.example/alerts)");
        let found = card("{{ printf \"%9000s\" \"\" }}", "x", 2);
        let title = found["attachments"][0]["content"]["body"][0]["text"].as_str().unwrap();
        assert_eq!(title.chars().count(), TITLE_KEPT);
    }
}
