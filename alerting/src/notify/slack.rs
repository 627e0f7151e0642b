//! `slack_configs`: Slack's incoming webhooks, and services that speak like them.
//!
//! Source: prometheus/alertmanager `notify/slack`; docs.slack.dev, "Sending messages using incoming webhooks" and "Legacy
//! secondary message attachments", read 2026-11.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use isobar_egress::{Response, Retry, excerpt};
use isobar_normalizer::{ConfigError, Secret, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};
use url::Url;

use self::attachment::{Action, Attachment, Field, RawAction, RawField};
use super::http::refused;
use super::posted::{Body, PostSettings, SecretUrl, Way, Writer};
use super::{IntegrationSettings, Message, NotifierKind, NotifyError, RawIntegration};
use crate::config::http::RawHttp;
use crate::config::keys::{Checked, Grammar};
use crate::config::{Global, SecretSource};
use crate::delivery::{KeyScope, Receipt};
use crate::gotemplate::{TemplateData, TemplateText, Templates};
use crate::outbox::Rate;

mod attachment;

/// The channel.
#[derive(Debug)]
pub(super) struct Slack;
pub(super) static KIND: Slack = Slack;

impl NotifierKind for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    fn config_key(&self) -> &'static str {
        "slack_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("slack.sample.yaml")
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Notification
    }

    /// Source: docs.slack.dev, "Rate limits", read 2026-11.
    fn rate_limits(&self) -> &'static [Rate] {
        const LIMITS: &[Rate] = &[Rate::new(1, Duration::from_secs(1))];
        LIMITS
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSlack {
    #[serde(default)]
    send_resolved: bool,
    api_url: Option<Secret>,
    api_url_file: Option<Spanned<PathBuf>>,
    http_config: Option<Spanned<Checked<RawHttp>>>,
    timeout: Option<Spanned<String>>,
    channel: Option<Spanned<String>>,
    username: Option<Spanned<String>>,
    color: Option<Spanned<String>>,
    title: Option<Spanned<String>>,
    title_link: Option<Spanned<String>>,
    pretext: Option<Spanned<String>>,
    text: Option<Spanned<String>>,
    message_text: Option<Spanned<String>>,
    #[serde(default)]
    fields: Vec<RawField>,
    #[serde(default)]
    short_fields: bool,
    footer: Option<Spanned<String>>,
    fallback: Option<Spanned<String>>,
    callback_id: Option<Spanned<String>>,
    icon_emoji: Option<Spanned<String>>,
    icon_url: Option<Spanned<String>>,
    image_url: Option<Spanned<String>>,
    thumb_url: Option<Spanned<String>>,
    #[serde(default)]
    link_names: bool,
    mrkdwn_in: Option<Vec<String>>,
    #[serde(default)]
    actions: Vec<Spanned<RawAction>>,
}

impl Grammar for RawSlack {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[
        ("app_token", "use the api_url of an incoming webhook, or http_config.authorization"),
        ("app_token_file", "use the api_url of an incoming webhook, or http_config.authorization"),
        ("app_url", "use api_url"),
        ("update_message", "every notification is a message of its own"),
        ("post_updates_to_thread", "every notification is a message of its own"),
    ];
}

/// What `global` says about Slack.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlackDefaults {
    pub(crate) api_url: Option<SecretSource>,
}

/// What the configuration says about every message.
#[derive(Clone, Debug)]
struct Post {
    channel: TemplateText,
    username: TemplateText,
    icon_emoji: TemplateText,
    icon_url: TemplateText,
    message_text: TemplateText,
    link_names: bool,
    attachment: Attachment,
}

impl RawIntegration for RawSlack {
    fn check(self, location: Location, global: &Global) -> Result<Arc<dyn IntegrationSettings>, ConfigError> {
        let post = self.post(&global.templates)?;
        let own = SecretSource::choose("api_url", self.api_url, self.api_url_file)?;
        let source = own.or_else(|| global.slack.api_url.clone()).ok_or_else(|| {
            ConfigError::at(location, "Slack needs api_url or api_url_file, or global slack_api_url")
        })?;
        Ok(Arc::new(PostSettings {
            send_resolved: self.send_resolved,
            url: SecretUrl::new("api_url", source, location),
            way: Way::check(self.http_config, self.timeout.as_ref(), global)?,
            writer: Arc::new(post),
        }))
    }
}

impl RawSlack {
    fn post(&self, templates: &Arc<Templates>) -> Result<Post, ConfigError> {
        let wording = |given: &Option<Spanned<String>>, otherwise| {
            TemplateText::check(given.as_ref(), otherwise, templates)
        };
        let fields: Result<Vec<Field>, ConfigError> =
            self.fields.iter().map(|field| field.check(self.short_fields, templates)).collect();
        let actions: Result<Vec<Action>, ConfigError> =
            self.actions.iter().map(|action| action.value.check(action.referenced, templates)).collect();
        let attachment = Attachment {
            title: wording(&self.title, r#"{{ template "slack.default.title" . }}"#)?,
            title_link: wording(&self.title_link, r#"{{ template "slack.default.titlelink" . }}"#)?,
            pretext: wording(&self.pretext, r#"{{ template "slack.default.pretext" . }}"#)?,
            text: wording(&self.text, r#"{{ template "slack.default.text" . }}"#)?,
            fallback: wording(&self.fallback, r#"{{ template "slack.default.fallback" . }}"#)?,
            callback_id: wording(&self.callback_id, r#"{{ template "slack.default.callbackid" . }}"#)?,
            footer: wording(&self.footer, r#"{{ template "slack.default.footer" . }}"#)?,
            color: wording(&self.color, r#"{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}"#)?,
            image_url: wording(&self.image_url, "")?,
            thumb_url: wording(&self.thumb_url, "")?,
            fields: fields?,
            actions: actions?,
            mrkdwn_in: self.mrkdwn_in.clone().filter(|names| !names.is_empty()),
        };
        Ok(Post {
            channel: wording(&self.channel, "")?,
            username: wording(&self.username, r#"{{ template "slack.default.username" . }}"#)?,
            icon_emoji: wording(&self.icon_emoji, r#"{{ template "slack.default.iconemoji" . }}"#)?,
            icon_url: wording(&self.icon_url, r#"{{ template "slack.default.iconurl" . }}"#)?,
            message_text: wording(&self.message_text, "")?,
            link_names: self.link_names,
            attachment,
        })
    }
}

/// The body, without what says nothing, as Alertmanager writes it.
#[derive(Serialize)]
struct Webhook {
    #[serde(skip_serializing_if = "String::is_empty")]
    channel: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    icon_emoji: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    icon_url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    link_names: bool,
    attachments: [Value; 1],
}

impl Writer for Post {
    fn kind() -> &'static dyn NotifierKind {
        &KIND
    }

    fn write(&self, message: &Message<'_>, external_url: &Url) -> Result<Body, NotifyError> {
        let data = TemplateData::of(message, external_url);
        let whole = data.whole();
        Body::of(&Webhook {
            channel: self.channel.render(&whole)?,
            username: self.username.render(&whole)?,
            icon_emoji: self.icon_emoji.render(&whole)?,
            icon_url: self.icon_url.render(&whole)?,
            text: self.message_text.render(&data)?,
            link_names: self.link_names,
            attachments: [self.attachment.write(message, &data, external_url)?],
        })
    }

    /// A webhook answers `ok`; the web API answers JSON of 200 also when it refuses. Rocket.Chat says `success` for `ok`.
    fn judge(response: &Response, now: Timestamp) -> Result<Receipt, NotifyError> {
        if !response.status.is_success() {
            return Err(refused(response, now));
        }
        let (status, body) = (response.status.as_u16(), excerpt(&response.body));
        let taken = |provider_id| Ok(Receipt { status, body: body.clone(), provider_id });
        let failed = |retry| Err(NotifyError::Answer { status, body: body.clone(), retry });
        let Ok(answer) = serde_json::from_slice::<Value>(&response.body) else {
            return if response.body.trim_ascii() == b"ok" { taken(None) } else { failed(Retry::Never) };
        };
        let is_taken = answer["ok"].as_bool().or_else(|| answer["success"].as_bool());
        match (is_taken, answer["error"].as_str()) {
            (Some(true), _) => taken(answer["ts"].as_str().map(str::to_owned)),
            (_, Some("ratelimited" | "rate_limited")) => failed(Retry::After(LIMITED_FOR)),
            (_, Some(error)) if PASSING.contains(&error) => failed(Retry::Backoff),
            // What says neither may have been taken: to send it again would page twice.
            _ => failed(Retry::Never),
        }
    }
}

/// Errors of Slack's web API that pass.
const PASSING: [&str; 4] = ["internal_error", "fatal_error", "service_unavailable", "request_timeout"];
/// How long we wait when Slack says that there were too many messages without saying for how long.
const LIMITED_FOR: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
