//! `cloudevents_configs`: CloudEvents 1.0 over HTTP, structured or binary.
//!
//! Source: cloudevents/spec, "CloudEvents - Version 1.0.2" and "HTTP Protocol Binding", read 2026-11.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use isobar_normalizer::{ConfigError, Secret};
use serde::{Deserialize, Serialize};
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::posted::{Body, Headers, SecretUrl, Way, Writer};
use super::report::{Report, event_type};
use super::{IntegrationSettings, Message, Notifier, NotifierKind, NotifyError, RawIntegration, Tools};
use crate::config::Global;
use crate::config::http::RawHttp;
use crate::config::keys::{Checked, Grammar};
use crate::delivery::KeyScope;

/// The channel.
#[derive(Debug)]
pub(super) struct CloudEvents;
pub(super) static KIND: CloudEvents = CloudEvents;

impl NotifierKind for CloudEvents {
    fn name(&self) -> &'static str {
        "cloudevents"
    }

    fn config_key(&self) -> &'static str {
        "cloudevents_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("cloudevents.sample.yaml")
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Notification
    }
}

/// Where the attributes stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// In the body, beside the data.
    #[default]
    Structured,
    /// In headers; the body is the data.
    Binary,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCloudEvents {
    #[serde(default = "yes")]
    send_resolved: bool,
    url: Option<Secret>,
    url_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    mode: Mode,
    source: Option<Spanned<String>>,
    http_config: Option<Spanned<Checked<RawHttp>>>,
    timeout: Option<Spanned<String>>,
}

fn yes() -> bool {
    true
}

impl Grammar for RawCloudEvents {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[];
}

#[derive(Debug)]
struct Settings {
    send_resolved: bool,
    url: SecretUrl,
    mode: Mode,
    source: Option<String>,
    way: Way,
}

impl RawIntegration for RawCloudEvents {
    fn check(self, location: Location, global: &Global) -> Result<Arc<dyn IntegrationSettings>, ConfigError> {
        let source = self.source.map(source).transpose()?;
        Ok(Arc::new(Settings {
            send_resolved: self.send_resolved,
            url: SecretUrl::choose("url", self.url, self.url_file, location)?,
            mode: self.mode,
            source,
            way: Way::check(self.http_config, self.timeout.as_ref(), global)?,
        }))
    }
}

/// A reference to a URI: absolute, or relative to nothing in particular.
fn source(text: Spanned<String>) -> Result<String, ConfigError> {
    let base = Url::parse("isobar://base/").expect("a constant that is a URL");
    let is_plain = text.value.bytes().all(|byte| byte.is_ascii_graphic());
    if text.value.is_empty() || !is_plain || base.join(&text.value).is_err() {
        let wrong = "source is a URI or a path, such as /isobar/production";
        return Err(ConfigError::at(text.referenced, wrong));
    }
    Ok(text.value)
}

impl IntegrationSettings for Settings {
    fn kind(&self) -> &'static dyn NotifierKind {
        &KIND
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn build(&self, tools: &Tools<'_>) -> Result<Box<dyn Notifier>, ConfigError> {
        let source = self.source.clone().unwrap_or_else(|| tools.external_url.to_string());
        let events = Events { mode: self.mode, source };
        self.way.build(self.url.reveal(tools.secrets)?, Arc::new(events), tools)
    }
}

#[derive(Debug)]
struct Events {
    mode: Mode,
    source: String,
}

/// The context attributes. `source` and `id` together name one event: every try of a delivery has the same.
#[derive(Clone, Debug, Serialize)]
struct Attributes<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    event_type: String,
    subject: &'a str,
    time: String,
    datacontenttype: &'static str,
}

#[derive(Serialize)]
struct Structured<'a> {
    #[serde(flatten)]
    attributes: Attributes<'a>,
    data: Report<'a>,
}

impl<'a> Attributes<'a> {
    fn of(message: &Message<'a>, source: &'a str) -> Self {
        Self {
            specversion: "1.0",
            id: &message.delivery.idempotency_key,
            source,
            event_type: format!("io.isobar.{}.v1", event_type(message.direction())),
            subject: &message.notification.group.key,
            time: message.notification.at.to_string(),
            datacontenttype: "application/json",
        }
    }

    /// The headers of binary mode; the type of the data is the content type.
    fn headers(&self) -> Headers {
        vec![
            ("content-type", self.datacontenttype.to_owned()),
            ("ce-specversion", self.specversion.to_owned()),
            ("ce-id", header_value(self.id)),
            ("ce-source", header_value(self.source)),
            ("ce-type", header_value(&self.event_type)),
            ("ce-subject", header_value(self.subject)),
            ("ce-time", header_value(&self.time)),
        ]
    }
}

/// A value as a header holds it: what is no printable ASCII, and space, double quote and percent, as percent-encoded UTF-8.
fn header_value(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'%') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

impl Writer for Events {
    fn kind() -> &'static dyn NotifierKind {
        &KIND
    }

    fn write(&self, message: &Message<'_>, external_url: &Url) -> Result<Body, NotifyError> {
        let data = Report::of(message, external_url);
        match self.mode {
            Mode::Structured => {
                Body::of(&Structured { attributes: Attributes::of(message, &self.source), data })
            }
            Mode::Binary => Body::of(&data),
        }
    }

    fn headers(&self, message: &Message<'_>, _body: &[u8]) -> Headers {
        match self.mode {
            Mode::Structured => vec![("content-type", "application/cloudevents+json".to_owned())],
            Mode::Binary => Attributes::of(message, &self.source).headers(),
        }
    }
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Severity;
    use serde_json::Value;

    use super::*;
    use crate::alert::AlertState;
    use crate::delivery::Reason;
    use crate::fixture::{START, alert, told};
    use crate::notify::fixture::wire;

    fn request(mode: Mode) -> (Value, Headers) {
        let events = Events { mode, source: "/isobar/production".to_owned() };
        let one = alert("alertname=HighCpu", AlertState::Firing, Severity::Critical, START);
        let (notification, delivery) = told(&[one], Reason::First);
        let message = Message::new(&notification, &delivery, true, START);
        let body = events.write(&message, &Url::parse("https://isobar.example/").unwrap()).unwrap().json;
        (serde_json::from_slice(&body).unwrap(), events.headers(&message, &body))
    }

    #[test]
    fn either_mode_says_the_same() {
        let (structured, headers) = request(Mode::Structured);
        assert_eq!(headers, [("content-type", "application/cloudevents+json".to_owned())]);
        let (data, headers) = request(Mode::Binary);
        assert_eq!(structured["data"], data);
        assert_eq!(data["status"], "firing");
        for (name, value) in &headers {
            let attribute = name.strip_prefix("ce-").unwrap_or("datacontenttype");
            assert_eq!(*value, header_value(structured[attribute].as_str().unwrap()), "{name}");
        }
        assert_eq!(headers[5].1, "{}:{alertname=%22HighCpu%22}");
        assert_eq!(header_value("Köln 50%"), "K%C3%B6ln%2050%25");
        let Some(bodies) = wire("bodies.hand-written.json") else { return };
        let documented = bodies["cloudevents_structured"]["body"].as_object().unwrap();
        for attribute in structured.as_object().unwrap().keys() {
            assert!(documented.contains_key(attribute), "{attribute} is not among those that are documented");
        }
        assert_eq!(structured["type"], documented["type"]);
    }

    #[test]
    fn a_source_is_a_reference() {
        let check = |text: &str| {
            let text = serde_saphyr::from_str::<Spanned<String>>(&format!("{text:?}")).unwrap();
            source(text).is_ok()
        };
        assert!(check("/isobar/production") && check("https://isobar.example/") && check("urn:isobar:1"));
        assert!(!check("") && !check("a b") && !check("http://[x"));
    }
}
