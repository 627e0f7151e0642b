//! `telegram_configs`: Telegram's bots.
//!
//! Source: prometheus/alertmanager `notify/telegram`; core.telegram.org, "Telegram Bot API: sendMessage" and "Bots FAQ".

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::{Response, Retry, Trust, excerpt};
use isobar_normalizer::{ConfigError, Secret, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::fit::fit;
use super::http::{Poster, refused};
use super::text::{alerts_url, marked};
use super::{
    ATTEMPT_TIMEOUT, IntegrationSettings, Message, Notifier, NotifierKind, NotifyError, RawIntegration, Tools,
};
use crate::config::http::RawHttp;
use crate::config::keys::{Checked, Grammar};
use crate::config::value::{duration_or, http_url};
use crate::config::{Global, HttpConfig, SecretSource};
use crate::delivery::{KeyScope, Receipt};
use crate::gotemplate::{TemplateData, TemplateText};
use crate::outbox::{Destination, Rate};

/// Where bots are, unless the configuration says otherwise.
const API_URL: &str = "https://api.telegram.org";
/// Longest text, in characters.
const TEXT_MAX: usize = 4096;

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
    http: HttpConfig,
    timeout: Duration,
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
            http: self.http_config.map_or_else(|| Ok(global.http.clone()), HttpConfig::try_from)?,
            timeout: duration_or(self.timeout.as_ref(), ATTEMPT_TIMEOUT)?,
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
        Ok(Box::new(TelegramNotifier {
            url,
            chat,
            poster: Poster::build(&self.http, Some(self.timeout), tools.egress, tools.secrets)?,
            note: self.note.clone(),
            external_url: tools.external_url.clone(),
        }))
    }
}

#[derive(Debug)]
struct TelegramNotifier {
    url: Url,
    chat: i64,
    poster: Poster,
    note: Note,
    external_url: Url,
}

#[async_trait]
impl Notifier for TelegramNotifier {
    fn target(&self) -> (&Url, Trust) {
        (&self.url, Trust::Guarded)
    }

    /// A bot has a limit for each of its groups.
    fn destination(&self) -> Destination {
        Destination::of(&[self.url.as_str(), &self.chat.to_string()])
    }

    async fn notify(&self, message: Message<'_>) -> Result<Receipt, NotifyError> {
        let max = message.max_bytes.unwrap_or(usize::MAX - 1);
        let (body, _) = fit(
            &message,
            max,
            |(_, size)| *size,
            |message| self.note.write(message, self.chat, &self.external_url),
        )?;
        let response = self.poster.post(&self.url, body, &[]).await?;
        judge(&response, message.now)
    }
}

impl Note {
    /// The body, and its size in bytes: more than anything allows where the text is too long. A text is never cut: half a
    /// tag would be refused.
    fn write(
        &self,
        message: &Message<'_>,
        chat: i64,
        external_url: &Url,
    ) -> Result<(Vec<u8>, usize), NotifyError> {
        let data = TemplateData::of(message, external_url);
        let mut text = marked(message, self.message.render(&data)?);
        if message.left_out.total() > 0 {
            let (more, url) = (message.left_out.total(), alerts_url(external_url));
            text.push_str(&match self.parse_mode {
                ParseMode::Html => format!("\n<a href=\"{url}\">and {more} more</a>"),
                ParseMode::Markdown | ParseMode::MarkdownV2 => format!("\n[and {more} more]({url})"),
                ParseMode::Plain => format!("\nand {more} more: {url}"),
            });
        }
        let mut body = json!({
            "chat_id": chat,
            "text": text,
            "disable_notification": self.is_silent,
            "link_preview_options": {"is_disabled": true},
        });
        let mode = match self.parse_mode {
            ParseMode::Html => Some("HTML"),
            ParseMode::Markdown => Some("Markdown"),
            ParseMode::MarkdownV2 => Some("MarkdownV2"),
            ParseMode::Plain => None,
        };
        if let Some(mode) = mode {
            body["parse_mode"] = mode.into();
        }
        if let Some(thread) = self.thread {
            body["message_thread_id"] = thread.into();
        }
        let is_within = text.chars().count() <= TEXT_MAX;
        let body = body.to_string().into_bytes();
        let size = if is_within { body.len() } else { usize::MAX };
        Ok((body, size))
    }
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};
    use isobar_normalizer::Severity;

    use super::*;
    use crate::alert::AlertState;
    use crate::delivery::Reason;
    use crate::fixture::{START, alert, told};

    fn body(message: &str, parse_mode: ParseMode) -> (Value, usize) {
        let mut one = alert("alertname=HighCpu", AlertState::Firing, Severity::Critical, START);
        one.annotations.insert("summary".to_owned(), "1 < 2".to_owned());
        let (notification, delivery) = told(&[one], Reason::First);
        let text = serde_saphyr::from_str::<Spanned<String>>(&format!("{message:?}")).unwrap();
        let message = TemplateText::check(Some(&text), "", &Arc::default()).unwrap();
        let message = if parse_mode == ParseMode::Html { message.html() } else { message };
        let note = Note { message, parse_mode, thread: Some(7), is_silent: true };
        let url = Url::parse("http://isobar.example/").unwrap();
        let (body, size) =
            note.write(&Message::new(&notification, &delivery, true, START), -100, &url).unwrap();
        (serde_json::from_slice(&body).unwrap(), size)
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
            assert_eq!(judge(&response, START).err().map(|error| error.retry()), expected, "{body}");
        }
        check(200, r#"{"ok": true, "result": {"message_id": 3}}"#, None);
        let wait = Retry::After(Duration::from_secs(35));
        check(429, r#"{"ok": false, "error_code": 429, "parameters": {"retry_after": 35}}"#, Some(wait));
        check(400, r#"{"ok": false, "description": "chat not found"}"#, Some(Retry::Never));
        check(502, "", Some(Retry::Backoff));
        check(200, "", Some(Retry::Backoff));
    }
}
