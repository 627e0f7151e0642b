//! `telegram_configs`: Telegram's bots.
//!
//! Source: prometheus/alertmanager `notify/telegram`; core.telegram.org, "Telegram Bot API: sendMessage" and "Bots FAQ".

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use isobar_egress::{Response, Retry, excerpt};
use isobar_normalizer::{ConfigError, Secret, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::chat::ENGLISH;
use super::http::refused;
use super::posted::{Body, Way, Writer};
use super::text::{alerts_url, cut, headline, in_html, mark};
use super::{IntegrationSettings, Message, Notifier, NotifierKind, NotifyError, RawIntegration, Tools};
use crate::config::http::RawHttp;
use crate::config::keys::{Checked, Grammar};
use crate::config::value::http_url;
use crate::config::{Global, SecretSource};
use crate::delivery::{KeyScope, Receipt};
use crate::gotemplate::{TemplateData, TemplateText};
use crate::outbox::{Destination, Rate};

/// Where bots are, unless the configuration says otherwise.
const API_URL: &str = "https://api.telegram.org";
/// Longest text, in characters.
const TEXT_MAX: usize = 4096;
/// Characters of what is said where no text is short enough.
const HEADLINE_MAX: usize = 1000;

/// The channel.
#[derive(Debug)]
pub(super) struct Telegram;
pub(super) static KIND: Telegram = Telegram;

impl NotifierKind for Telegram {
    fn name(&self) -> &'static str {
        "telegram"
    }

    fn config_key(&self) -> &'static str {
        "telegram_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("telegram.sample.yaml")
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Notification
    }

    /// Of one bot in one group.
    fn rate_limits(&self) -> &'static [Rate] {
        const LIMITS: &[Rate] = &[Rate::new(20, Duration::from_secs(60))];
        LIMITS
    }
}

/// What `global` says about Telegram.
#[derive(Clone, Debug, Default)]
pub(crate) struct TelegramDefaults {
    pub(crate) api_url: Option<Url>,
    pub(crate) bot_token: Option<SecretSource>,
}

/// How Telegram reads the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
enum ParseMode {
    #[default]
    #[serde(rename = "HTML")]
    Html,
    Markdown,
    MarkdownV2,
    #[serde(rename = "")]
    Plain,
}

impl ParseMode {
    /// What the API calls it.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Html => Some("HTML"),
            Self::Markdown => Some("Markdown"),
            Self::MarkdownV2 => Some("MarkdownV2"),
            Self::Plain => None,
        }
    }

    /// A text that it reads as just that. Source: core.telegram.org, "Formatting options".
    fn escaped(self, text: &str) -> String {
        let special = match self {
            Self::Html => return in_html(text),
            Self::Markdown => "_*`[",
            Self::MarkdownV2 => r"_*[]()~`>#+-=|{}.!\",
            Self::Plain => "",
        };
        let escaped = text.chars().map(|c| match special.contains(c) {
            true => format!("\\{c}"),
            false => c.to_string(),
        });
        escaped.collect()
    }

    /// A link to one of our pages.
    fn link(self, text: &str, url: &str) -> String {
        match self {
            Self::Html => format!("<a href=\"{}\">{}</a>", self.escaped(url), self.escaped(text)),
            Self::Markdown | Self::MarkdownV2 => {
                format!("[{}]({})", self.escaped(text), url.replace(')', "%29"))
            }
            Self::Plain => format!("{text}: {url}"),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTelegram {
    #[serde(default = "yes")]
    send_resolved: bool,
    api_url: Option<Spanned<String>>,
    bot_token: Option<Secret>,
    bot_token_file: Option<Spanned<PathBuf>>,
    chat_id: Option<i64>,
    chat_id_file: Option<Spanned<PathBuf>>,
    message_thread_id: Option<i64>,
    message: Option<Spanned<String>>,
    #[serde(default)]
    disable_notifications: bool,
    #[serde(default)]
    parse_mode: ParseMode,
    http_config: Option<Spanned<Checked<RawHttp>>>,
    timeout: Option<Spanned<String>>,
}

fn yes() -> bool {
    true
}

impl Grammar for RawTelegram {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[];
}

#[derive(Debug)]
struct Settings {
    send_resolved: bool,
    api_url: Url,
    bot_token: SecretSource,
    chat: Chat,
    way: Way,
    note: Note,
    location: Location,
}

#[derive(Clone, Debug)]
enum Chat {
    Id(i64),
    File(SecretSource),
}

/// What the configuration says about every message.
#[derive(Clone, Debug)]
struct Note {
    message: TemplateText,
    parse_mode: ParseMode,
    thread: Option<i64>,
    is_silent: bool,
}

impl RawIntegration for RawTelegram {
    fn check(self, location: Location, global: &Global) -> Result<Arc<dyn IntegrationSettings>, ConfigError> {
        let own = SecretSource::choose("bot_token", self.bot_token, self.bot_token_file)?;
        let bot_token = own.or_else(|| global.telegram.bot_token.clone()).ok_or_else(|| {
            ConfigError::at(
                location,
                "Telegram needs bot_token or bot_token_file, or global telegram_bot_token",
            )
        })?;
        let chat = match (self.chat_id, self.chat_id_file) {
            (Some(id), None) if id != 0 => Chat::Id(id),
            (None, Some(file)) => {
                Chat::File(SecretSource::File { path: file.value, location: file.referenced })
            }
            _ => return Err(ConfigError::at(location, "Telegram needs either chat_id or chat_id_file")),
        };
        let api_url = match &self.api_url {
            Some(url) => http_url(url)?,
            None => global
                .telegram
                .api_url
                .clone()
                .unwrap_or_else(|| Url::parse(API_URL).expect("a constant that is a URL")),
        };
        let otherwise = r#"{{ template "telegram.default.message" . }}"#;
        let message = TemplateText::check(self.message.as_ref(), otherwise, &global.templates)?;
        Ok(Arc::new(Settings {
            send_resolved: self.send_resolved,
            api_url,
            bot_token,
            chat,
            way: Way::check(self.http_config, self.timeout.as_ref(), global)?,
            note: Note {
                message: match self.parse_mode {
                    ParseMode::Html => message.html(),
                    _ => message,
                },
                parse_mode: self.parse_mode,
                thread: self.message_thread_id.filter(|id| *id != 0),
                is_silent: self.disable_notifications,
            },
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
        let wrong = |what: &str| ConfigError::at(self.location, what.to_owned());
        let token = self.bot_token.reveal(tools.secrets)?;
        let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-');
        if token.expose().is_empty() || !token.expose().chars().all(is_token) {
            return Err(wrong("bot_token is written number:letters, as BotFather gives it"));
        }
        let base = self.api_url.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{base}/bot{}/sendMessage", token.expose()))
            .map_err(|_| wrong("api_url and bot_token make no address"))?;
        let chat = match &self.chat {
            Chat::Id(id) => *id,
            Chat::File(file) => file
                .reveal(tools.secrets)?
                .expose()
                .parse()
                .map_err(|_| wrong("chat_id_file holds no number"))?,
        };
        self.way.build(url, Arc::new(Bot { chat, note: self.note.clone() }), tools)
    }
}

/// A bot in one of its chats.
#[derive(Debug)]
struct Bot {
    chat: i64,
    note: Note,
}

impl Writer for Bot {
    fn kind() -> &'static dyn NotifierKind {
        &KIND
    }

    /// The body is within no limit where the text is too long. A text is never cut: half a tag would be refused. Where not
    /// even the shortest is short enough, the headline is said instead.
    fn write(&self, message: &Message<'_>, external_url: &Url) -> Result<Body, NotifyError> {
        let mut parse_mode = self.note.parse_mode;
        let mut text = self.note.message.render(&TemplateData::of(message, external_url))?;
        if let Some(mark) = mark(message, &ENGLISH) {
            text = format!("{} {text}", parse_mode.escaped(&mark));
        }
        if message.left_out() > 0 {
            let more = format!("and {} more", message.left_out());
            text.push('\n');
            text.push_str(&parse_mode.link(&more, &alerts_url(external_url)));
        }
        let mut is_within = text.chars().count() <= TEXT_MAX;
        if !is_within && message.is_shortest() {
            text = format!("{}\n{}", cut(&headline(message), HEADLINE_MAX), alerts_url(external_url));
            (parse_mode, is_within) = (ParseMode::Plain, true);
        }
        let mut body = json!({
            "chat_id": self.chat,
            "text": text,
            "disable_notification": self.note.is_silent,
            "link_preview_options": {"is_disabled": true},
        });
        if let Some(name) = parse_mode.name() {
            body["parse_mode"] = name.into();
        }
        if let Some(thread) = self.note.thread {
            body["message_thread_id"] = thread.into();
        }
        Body::limited(&body, is_within)
    }

    /// A bot has a limit for each of its groups.
    fn destination(&self, url: &Url) -> Destination {
        Destination::of(&[url.as_str(), &self.chat.to_string()])
    }

    /// The answer says itself how long to wait, not the header.
    fn judge(response: &Response, now: Timestamp) -> Result<Receipt, NotifyError> {
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        let (status, body) = (response.status.as_u16(), excerpt(&response.body));
        if let Some(seconds) = answer["parameters"]["retry_after"].as_u64() {
            let retry = Retry::After(Duration::from_secs(seconds));
            return Err(NotifyError::Answer { status, body, retry });
        }
        if !response.status.is_success() {
            return Err(refused(response, now));
        }
        match answer["ok"].as_bool() {
            Some(true) => {
                let id = answer["result"]["message_id"].as_i64().map(|id| id.to_string());
                Ok(Receipt { status, body, provider_id: id })
            }
            Some(false) => Err(NotifyError::Answer { status, body, retry: Retry::Never }),
            None => Err(NotifyError::Answer { status, body, retry: Retry::Backoff }),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use isobar_normalizer::Severity;

    use super::*;
    use crate::alert::AlertState;
    use crate::delivery::Reason;
    use crate::fixture::{START, alert, told};
    use crate::gotemplate::Templates;
    use crate::notify::fixture::{first_of, shortest};

    fn bot(message: &str, parse_mode: ParseMode) -> Bot {
        let text = serde_saphyr::from_str::<Spanned<String>>(&format!("{message:?}")).unwrap();
        let message = TemplateText::check(Some(&text), "", &Templates::default()).unwrap();
        let message = if parse_mode == ParseMode::Html { message.html() } else { message };
        Bot { chat: -100, note: Note { message, parse_mode, thread: Some(7), is_silent: true } }
    }

    /// What the bot says of an alert to a fallback of this receiver, after this was done to the message.
    fn said(
        bot: &Bot,
        fallback_for: Option<&str>,
        form: impl for<'a> Fn(&Message<'a>) -> Message<'a>,
    ) -> (Value, usize) {
        let mut one = alert("alertname=HighCpu", AlertState::Firing, Severity::Critical, START);
        one.annotations.insert("summary".to_owned(), "1 < 2".to_owned());
        let (notification, mut delivery) = told(&[one.clone(), one], Reason::First);
        delivery.fallback_for = fallback_for.map(Into::into);
        let url = Url::parse("http://isobar.example/(a)/").unwrap();
        let body = bot.write(&form(&Message::new(&notification, &delivery, true, START)), &url).unwrap();
        (serde_json::from_slice(&body.json).unwrap(), body.size)
    }

    fn body(message: &str, parse_mode: ParseMode) -> (Value, usize) {
        said(&bot(message, parse_mode), None, |message| *message)
    }

    #[test]
    fn the_mark_of_a_fallback_and_our_link_are_escaped_for_every_reader() {
        let text = |parse_mode| {
            let (body, _) = said(&bot("x", parse_mode), Some("team_a<1>"), |message| first_of(message, 1));
            body["text"].as_str().unwrap().to_owned()
        };
        assert_eq!(
            text(ParseMode::Html),
            "[for team_a&lt;1&gt;, which cannot be reached] x\n<a href=\"http://isobar.example/(a)/alerts\">and 1 more</a>"
        );
        assert_eq!(
            text(ParseMode::Markdown),
            "\\[for team\\_a<1>, which cannot be reached] x\n[and 1 more](http://isobar.example/(a%29/alerts)"
        );
        assert_eq!(
            text(ParseMode::MarkdownV2),
            "\\[for team\\_a<1\\>, which cannot be reached\\] x\n[and 1 more](http://isobar.example/(a%29/alerts)"
        );
        assert_eq!(
            text(ParseMode::Plain),
            "[for team_a<1>, which cannot be reached] x\nand 1 more: http://isobar.example/(a)/alerts"
        );
    }

    #[test]
    fn a_text_that_is_never_short_enough_gives_way_to_the_headline() {
        let long = bot(&"x".repeat(TEXT_MAX + 1), ParseMode::MarkdownV2);
        let (body, size) = said(&long, Some("team"), shortest);
        assert!(size < usize::MAX);
        assert_eq!(
            body["text"],
            "[for team, which cannot be reached] [FIRING:2] HighCpu: 1 < 2\nhttp://isobar.example/(a)/alerts"
        );
        assert!(body.get("parse_mode").is_none(), "{body}");
    }

    #[test]
    fn values_are_escaped_where_the_text_is_html() {
        let template = "<b>{{ .CommonAnnotations.summary }}</b>";
        let (found, _) = body(template, ParseMode::Html);
        let expected = json!({
            "chat_id": -100,
            "text": "<b>1 &lt; 2</b>",
            "parse_mode": "HTML",
            "disable_notification": true,
            "link_preview_options": {"is_disabled": true},
            "message_thread_id": 7,
        });
        assert_eq!(found, expected);
        let (plain, _) = body(template, ParseMode::Plain);
        assert_eq!((&plain["text"], plain.get("parse_mode")), (&json!("<b>1 < 2</b>"), None));
        assert_eq!(body(&"x".repeat(TEXT_MAX + 1), ParseMode::Html).1, usize::MAX);
    }

    #[test]
    fn the_answer_says_what_it_means() {
        #[track_caller]
        fn check(status: u16, body: &'static str, expected: Option<Retry>) {
            let response = Response {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: Bytes::from_static(body.as_bytes()),
                elapsed: Duration::ZERO,
            };
            assert_eq!(Bot::judge(&response, START).err().map(|error| error.retry()), expected, "{body}");
        }
        check(200, r#"{"ok": true, "result": {"message_id": 3}}"#, None);
        let wait = Retry::After(Duration::from_secs(35));
        check(429, r#"{"ok": false, "error_code": 429, "parameters": {"retry_after": 35}}"#, Some(wait));
        check(400, r#"{"ok": false, "description": "chat not found"}"#, Some(Retry::Never));
        check(502, "", Some(Retry::Backoff));
        check(200, "", Some(Retry::Backoff));
    }
}
