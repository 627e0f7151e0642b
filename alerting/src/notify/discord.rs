//! `discord_configs`: Discord's webhooks.
//!
//! Source: prometheus/alertmanager `notify/discord`; discord.com/developers, "Execute Webhook" and "Embed Limits".

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{ConfigError, Secret};
use serde::Deserialize;
use serde_json::{Map, Value, json};
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
use crate::outbox::Rate;

/// Longest title of an embed, in characters.
const TITLE_MAX: usize = 256;
/// Longest description of an embed, in characters.
const DESCRIPTION_MAX: usize = 4096;
/// Longest content, in characters.
const CONTENT_MAX: usize = 2000;

/// The channel.
#[derive(Debug)]
pub(super) struct Discord;
pub(super) static KIND: Discord = Discord;

impl NotifierKind for Discord {
    fn name(&self) -> &'static str {
        "discord"
    }

    fn config_key(&self) -> &'static str {
        "discord_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("discord.sample.yaml")
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Notification
    }

    /// Of one webhook. Source: discord.com/developers, "Rate Limits": what it takes is told with each answer; thirty a minute
    /// is what is known of webhooks.
    fn rate_limits(&self) -> &'static [Rate] {
        const LIMITS: &[Rate] = &[Rate::new(30, Duration::from_secs(60))];
        LIMITS
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawDiscord {
    #[serde(default = "yes")]
    send_resolved: bool,
    webhook_url: Option<Secret>,
    webhook_url_file: Option<Spanned<PathBuf>>,
    http_config: Option<Spanned<Checked<RawHttp>>>,
    timeout: Option<Spanned<String>>,
    content: Option<Spanned<String>>,
    title: Option<Spanned<String>>,
    message: Option<Spanned<String>>,
    username: Option<Spanned<String>>,
    avatar_url: Option<Spanned<String>>,
}

fn yes() -> bool {
    true
}

impl Grammar for RawDiscord {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[];
}

/// What the configuration says about every message.
#[derive(Clone, Debug)]
struct Embed {
    content: TemplateText,
    title: TemplateText,
    message: TemplateText,
    username: TemplateText,
    avatar_url: TemplateText,
}

impl RawIntegration for RawDiscord {
    fn check(self, location: Location, global: &Global) -> Result<Arc<dyn IntegrationSettings>, ConfigError> {
        let wording = |given: &Option<Spanned<String>>, otherwise| {
            TemplateText::check(given.as_ref(), otherwise, &global.templates)
        };
        let embed = Embed {
            content: wording(&self.content, "")?,
            title: wording(&self.title, r#"{{ template "discord.default.title" . }}"#)?,
            message: wording(&self.message, r#"{{ template "discord.default.message" . }}"#)?,
            username: wording(&self.username, "")?,
            avatar_url: wording(&self.avatar_url, "")?,
        };
        Ok(Arc::new(PostSettings {
            send_resolved: self.send_resolved,
            url: SecretUrl::choose("webhook_url", self.webhook_url, self.webhook_url_file, location)?,
            way: Way::check(self.http_config, self.timeout.as_ref(), global)?,
            writer: Arc::new(embed),
        }))
    }
}

impl Writer for Embed {
    fn kind() -> &'static dyn NotifierKind {
        &KIND
    }

    fn write(&self, message: &Message<'_>, external_url: &Url) -> Result<Body, NotifyError> {
        Body::of(&self.embed(message, external_url)?)
    }
}

impl Embed {
    /// Texts are cut where Discord would refuse them, as Alertmanager does.
    fn embed(&self, message: &Message<'_>, external_url: &Url) -> Result<Value, NotifyError> {
        let data = TemplateData::of(message, external_url);
        let whole = data.whole();
        let color = match message.direction() {
            Direction::Firing => 0x99_2D_22,
            Direction::Acknowledged => 0x95_A5_A6,
            Direction::Resolved => 0x2E_CC_71,
        };
        let more = match message.left_out() {
            0 => String::new(),
            more => format!("\n[and {more} more]({})", alerts_url(external_url)),
        };
        let room = DESCRIPTION_MAX.saturating_sub(more.chars().count());
        let description = format!("{}{more}", cut(&self.message.render(&data)?, room));
        let title = cut(&marked(message, self.title.render(&whole)?), TITLE_MAX);
        let mut body = Map::new();
        body.insert("content".to_owned(), cut(&self.content.render(&data)?, CONTENT_MAX).into());
        let embed = json!({"title": title, "description": description, "color": color});
        body.insert("embeds".to_owned(), json!([embed]));
        for (name, wording) in [("username", &self.username), ("avatar_url", &self.avatar_url)] {
            let text = wording.render(&whole)?;
            if !text.is_empty() {
                body.insert(name.to_owned(), text.into());
            }
        }
        Ok(Value::Object(body))
    }
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Severity;

    use super::*;
    use crate::alert::AlertState;
    use crate::delivery::Reason;
    use crate::fixture::{START, alert, told};

    fn body(message: &str, state: AlertState) -> Value {
        let reason = if state.is_open() { Reason::First } else { Reason::AllResolved };
        let (notification, delivery) =
            told(&[alert("alertname=HighCpu", state, Severity::Critical, START)], reason);
        let wording = |text: &str| {
            let text = serde_saphyr::from_str::<Spanned<String>>(&format!("{text:?}")).unwrap();
            TemplateText::check(Some(&text), "", &Arc::default()).unwrap()
        };
        let embed = Embed {
            content: wording(""),
            title: wording("{{ .Status }}"),
            message: wording(message),
            username: wording("Isobar"),
            avatar_url: wording(""),
        };
        let message = Message::new(&notification, &delivery, true, START);
        embed.embed(&message, &Url::parse("http://isobar.example/").unwrap()).unwrap()
    }

    #[test]
    fn an_embed_whose_colour_tells_the_state() {
        let expected = json!({
            "content": "",
            "username": "Isobar",
            "embeds": [{"title": "firing", "description": "HighCpu", "color": 10_038_562}],
        });
        assert_eq!(body("{{ .CommonLabels.alertname }}", AlertState::Firing), expected);
        assert_eq!(body("x", AlertState::Resolved)["embeds"][0]["color"], 3_066_993);
        let long = body(&"x".repeat(5000), AlertState::Firing);
        assert_eq!(long["embeds"][0]["description"].as_str().unwrap().chars().count(), DESCRIPTION_MAX);
    }
}
