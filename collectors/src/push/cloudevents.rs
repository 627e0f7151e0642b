//! The kind `cloudevents`: CloudEvents 1.0 over HTTP, structured, binary and in batches, and the question whether it may be sent.
//!
//! Source: cloudevents/spec v1.0.2, `http-protocol-binding.md`, `json-format.md`, `http-webhook.md` (section 4).

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use isobar_normalizer::{ConfigError, Step, read_part};
use serde_json::{Map, Value};

use super::hook::json;
use super::mapping::{Mapping, Pointer};
use super::{Hook, HookAnswer, HookError, HookKind, HookRequest, Pushed};

/// `kind: cloudevents`
pub(super) static KIND: CloudEvents = CloudEvents;

#[derive(Debug)]
pub(super) struct CloudEvents;

impl HookKind for CloudEvents {
    fn name(&self) -> &'static str {
        "cloudevents"
    }

    fn sample(&self) -> &'static str {
        include_str!("cloudevents.sample.yaml")
    }

    fn build(&self, document: &str, at: &[Step]) -> Result<Box<dyn Hook>, ConfigError> {
        let mut mapping: Mapping = read_part(document, at)?.unwrap_or_default();
        if mapping.items.is_some() {
            return Err(ConfigError::whole("settings: items has no effect here: each event is one alert"));
        }
        mapping.name.get_or_insert_with(|| Pointer::to("/type"));
        mapping.starts_at.get_or_insert_with(|| Pointer::to("/time"));
        for name in ["source", "subject"] {
            mapping.labels.entry(name.to_owned()).or_insert_with(|| Pointer::to(&format!("/{name}")));
        }
        Ok(Box::new(EventsHook(mapping.check()?)))
    }
}

#[derive(Debug)]
struct EventsHook(Mapping);

impl Hook for EventsHook {
    fn read(&self, request: HookRequest<'_>) -> Result<HookAnswer, HookError> {
        if *request.method == Method::OPTIONS {
            return allowed(request.headers);
        }
        super::hook::posted_only(&request)?;
        let events = match essence(request.headers).as_str() {
            "application/cloudevents+json" => vec![json(request.body, "a CloudEvent")?],
            "application/cloudevents-batch+json" => json(request.body, "a list of CloudEvents")?,
            kind if request.headers.contains_key("ce-specversion") => vec![binary(&request, kind)],
            kind => {
                let message = format!(
                    "content type {kind:?}: application/cloudevents+json, application/cloudevents-batch+json, or any \
                     with ce- headers was expected"
                );
                return Err(HookError::Unsupported(message));
            }
        };
        let mut pushed = Pushed::default();
        for (place, event) in events.iter().enumerate() {
            match complete(event) {
                Ok(()) => self.0.add(place, event, &request, &mut pushed),
                Err(wrong) => pushed.complaints.push(format!("event {place}: {wrong}")),
            }
        }
        Ok(HookAnswer::Alerts(pushed))
    }
}

/// Consent to whoever asks: whether what comes then is taken is decided by its credentials.
fn allowed(headers: &HeaderMap) -> Result<HookAnswer, HookError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let origin = text("webhook-request-origin");
    let origin =
        origin.ok_or_else(|| HookError::Malformed("WebHook-Request-Origin is missing".to_owned()))?;
    let mut answer = vec![("webhook-allowed-origin", origin)];
    if let Some(rate) = text("webhook-request-rate") {
        answer.push(("webhook-allowed-rate", rate));
    }
    Ok(HookAnswer::Allowed(answer))
}

fn essence(headers: &HeaderMap) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The event of a request in binary mode, as it would be in structured mode.
fn binary(request: &HookRequest<'_>, content_type: &str) -> Value {
    let mut event = Map::new();
    for (name, value) in request.headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else { continue };
        let text = percent_encoding::percent_decode(value.as_bytes()).decode_utf8_lossy().into_owned();
        event.insert(attribute.to_owned(), text.into());
    }
    let is_json = content_type.ends_with("/json") || content_type.ends_with("+json");
    let data = is_json.then(|| serde_json::from_slice(request.body).ok()).flatten();
    let data = data.unwrap_or_else(|| String::from_utf8_lossy(request.body).into_owned().into());
    event.insert("data".to_owned(), data);
    event.into()
}

/// Whether the attributes that every event has are there.
fn complete(event: &Value) -> Result<(), String> {
    let text = |name: &str| event.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    for name in ["id", "source", "type"] {
        text(name).ok_or_else(|| format!("the attribute {name} is missing"))?;
    }
    match text("specversion") {
        Some("1.0") => Ok(()),
        other => Err(format!("specversion {:?}: 1.0 is spoken here", other.unwrap_or_default())),
    }
}
