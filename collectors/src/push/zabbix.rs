//! The kind `zabbix`: the webhook media type with the parameters of the sample.
//!
//! Source: Zabbix manual, "Webhook" and "Supported macros" (7.0), read 2026-11.

use isobar_normalizer::{ConfigError, Step, read_part};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::check::{RawAlert, RawEnd, shown};
use super::hook::{json, posted_only};
use super::{End, Hook, HookAnswer, HookError, HookKind, HookRequest, Pushed};

/// `kind: zabbix`
pub(super) static KIND: Zabbix = Zabbix;

#[derive(Debug)]
pub(super) struct Zabbix;

/// Which of an event's tags identify an alert.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    tag_labels: Vec<String>,
}

impl HookKind for Zabbix {
    fn name(&self) -> &'static str {
        "zabbix"
    }

    fn sample(&self) -> &'static str {
        include_str!("zabbix.sample.yaml")
    }

    fn build(&self, document: &str, at: &[Step]) -> Result<Box<dyn Hook>, ConfigError> {
        Ok(Box::new(ZabbixHook(read_part::<Settings>(document, at)?.unwrap_or_default())))
    }
}

#[derive(Debug)]
struct ZabbixHook(Settings);

#[derive(Deserialize)]
struct Tag {
    tag: String,
    #[serde(default)]
    value: String,
}

/// Zabbix's names of severities; the words of ours are those its own API source gives them.
const SEVERITIES: [(&str, &str); 6] = [
    ("Disaster", "critical"),
    ("High", "error"),
    ("Average", "warning"),
    ("Warning", "warning"),
    ("Information", "info"),
    ("Not classified", "info"),
];

impl Hook for ZabbixHook {
    fn read(&self, request: HookRequest<'_>) -> Result<HookAnswer, HookError> {
        posted_only(&request)?;
        let event: Map<String, Value> = json(request.body, "the parameters of the webhook media type")?;
        let mut pushed = Pushed::default();
        match self.raw(&event, &request) {
            Ok(raw) => pushed.add(0, raw, request.limits, request.now),
            Err(wrong) => pushed.complaints.push(wrong),
        }
        Ok(HookAnswer::Alerts(pushed))
    }
}

impl ZabbixHook {
    fn raw<'a>(
        &self,
        event: &'a Map<String, Value>,
        request: &HookRequest<'_>,
    ) -> Result<RawAlert<'a>, String> {
        // A macro that does not resolve is sent as it is written.
        let text = |name: &str| {
            let text = event.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.filter(|text| !text.starts_with("{") || !text.ends_with("}"))
        };
        let name = text("name").ok_or("name is missing: the parameter name is {EVENT.NAME}")?;
        let end = match (text("value"), text("status")) {
            (Some("1"), _) | (None, Some("PROBLEM")) => End::Told,
            (Some("0"), _) | (None, Some("RESOLVED" | "OK")) => End::At(request.now),
            (value, status) => {
                let (value, status) = (shown(value.unwrap_or_default()), shown(status.unwrap_or_default()));
                return Err(format!(
                    "value {value} and status {status}: 1 or PROBLEM, 0 or RESOLVED was expected"
                ));
            }
        };
        let mut raw = RawAlert { end: RawEnd(end), ..RawAlert::default() };
        raw.label("alertname", name);
        for (label, parameters) in
            [("host", ["host_name", "service"]), ("trigger_id", ["triggerId", "trigger_id"])]
        {
            if let Some(value) = parameters.into_iter().find_map(text) {
                raw.label(label, value);
            }
        }
        if let Some(severity) = text("severity") {
            let known = SEVERITIES.iter().find(|(word, _)| word.eq_ignore_ascii_case(severity));
            raw.label("severity", known.map_or(severity, |(_, ours)| ours));
        }
        for Tag { tag, value } in self.tags(event) {
            if self.0.tag_labels.contains(&tag) {
                raw.label(tag, value);
            } else {
                raw.annotation(format!("tag_{tag}"), value);
            }
        }
        for (annotation, parameter) in [
            ("summary", "message"),
            ("description", "description"),
            ("event_id", "id"),
            ("host_ip", "host_ip"),
            ("acknowledged", "event_ack"),
        ] {
            if let Some(value) = text(parameter) {
                raw.annotation(annotation, value);
            }
        }
        raw.generator_url = text("url").unwrap_or_default().into();
        Ok(raw)
    }

    /// The event's tags; a list, or the text of one, as `{EVENT.TAGSJSON}` writes it.
    fn tags(&self, event: &Map<String, Value>) -> Vec<Tag> {
        let list = match event.get("tags") {
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            Some(list) => serde_json::from_value(list.clone()).ok(),
            None => None,
        };
        list.unwrap_or_default()
    }
}
