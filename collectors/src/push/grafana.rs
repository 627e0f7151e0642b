//! The kind `grafana`: the webhook of Grafana's unified alerting, and the one of legacy alerting before version 9.
//!
//! Source: Grafana's documentation of the webhook contact point (v12, v13) and of legacy notifications; read 2026-11.

use isobar_normalizer::{ConfigError, Step, read_part};
use serde::Deserialize;
use serde_json::Value;

use super::alertmanager::{GroupAlert, GroupMessage, NoSettings};
use super::check::{RawAlert, RawEnd};
use super::hook::{json, posted_only};
use super::reading::{Pairs, Text};
use super::{End, Hook, HookAnswer, HookError, HookKind, HookRequest, Pushed};

/// `kind: grafana`
pub(super) static KIND: Grafana = Grafana;

#[derive(Debug)]
pub(super) struct Grafana;

impl HookKind for Grafana {
    fn name(&self) -> &'static str {
        "grafana"
    }

    fn sample(&self) -> &'static str {
        include_str!("grafana.sample.yaml")
    }

    fn build(&self, document: &str, at: &[Step]) -> Result<Box<dyn Hook>, ConfigError> {
        read_part::<NoSettings>(document, at)?;
        Ok(Box::new(Self))
    }
}

/// Which of the two a message is.
#[derive(Deserialize)]
struct Either<'a> {
    #[serde(borrow, default, rename = "ruleName")]
    rule_name: Option<Text<'a>>,
}

/// Legacy alerting speaks of one rule at a time, whatever its series.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Legacy<'a> {
    #[serde(borrow)]
    rule_name: Text<'a>,
    #[serde(borrow)]
    state: Text<'a>,
    #[serde(default)]
    rule_id: Option<i64>,
    #[serde(default)]
    org_id: Option<i64>,
    #[serde(borrow, default)]
    title: Option<Text<'a>>,
    #[serde(borrow, default)]
    message: Option<Text<'a>>,
    #[serde(borrow, default)]
    rule_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    image_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    tags: Pairs<'a>,
    #[serde(default)]
    eval_matches: Option<Vec<Match>>,
}

#[derive(Deserialize)]
struct Match {
    #[serde(default)]
    metric: String,
    #[serde(default)]
    value: Value,
}

impl Hook for Grafana {
    fn read(&self, request: HookRequest<'_>) -> Result<HookAnswer, HookError> {
        posted_only(&request)?;
        let expected = "Grafana's webhook: an object with a list of alerts, or one with ruleName and state";
        let either: Either<'_> = json(request.body, expected)?;
        let mut pushed = Pushed::default();
        if either.rule_name.is_some() {
            let legacy: Legacy<'_> = json(request.body, expected)?;
            match of_legacy(legacy, &request) {
                Ok(Some(raw)) => pushed.add(0, raw, request.limits, request.now),
                Ok(None) => {}
                Err(wrong) => pushed.complaints.push(wrong),
            }
            return Ok(HookAnswer::Alerts(pushed));
        }
        let message: GroupMessage<'_> = json(request.body, expected)?;
        pushed.truncated = message.truncated_alerts;
        for (place, one) in message.alerts.into_iter().enumerate() {
            match of_unified(one, &request) {
                Ok(raw) => pushed.add(place, raw, request.limits, request.now),
                Err(wrong) => pushed.complaints.push(format!("alert {place}: {wrong}")),
            }
        }
        Ok(HookAnswer::Alerts(pushed))
    }
}

/// Where Grafana shows it goes into annotations, under names of ours.
fn of_unified<'a>(mut one: GroupAlert<'a>, request: &HookRequest<'_>) -> Result<RawAlert<'a>, String> {
    let shown = [
        ("dashboard_url", one.dashboard_url.take()),
        ("panel_url", one.panel_url.take()),
        ("silence_url", one.silence_url.take()),
        ("image_url", one.image_url.take()),
        ("values", one.value_string.take()),
    ];
    let mut raw = one.raw(request)?;
    for (name, Text(text)) in shown.into_iter().filter_map(|(name, text)| Some((name, text?))) {
        raw.annotation(name, text);
    }
    Ok(raw)
}

/// The rule's alert; `None` where the state tells nothing of it.
fn of_legacy<'a>(rule: Legacy<'a>, request: &HookRequest<'_>) -> Result<Option<RawAlert<'a>>, String> {
    let end = match &*rule.state.0 {
        "alerting" | "no_data" => End::Told,
        "ok" | "paused" => End::At(request.now),
        "pending" => return Ok(None),
        other => {
            let other = super::check::shown(other);
            return Err(format!("state {other}: alerting, no_data, ok, paused or pending was expected"));
        }
    };
    let mut raw = RawAlert { end: RawEnd(end), ..RawAlert::default() };
    // The rule is what alerts: which series are bad differs from message to message, and is empty in the last one.
    raw.labels = rule.tags.0;
    raw.label("alertname", rule.rule_name.0);
    for (name, id) in [("rule_id", rule.rule_id), ("org_id", rule.org_id)] {
        if let Some(id) = id {
            raw.label(name, id.to_string());
        }
    }
    let texts = [("summary", rule.title), ("description", rule.message), ("image_url", rule.image_url)];
    for (name, Text(text)) in texts.into_iter().filter_map(|(name, text)| Some((name, text?))) {
        raw.annotation(name, text);
    }
    let values: Vec<String> = rule
        .eval_matches
        .unwrap_or_default()
        .iter()
        .map(|one| format!("{} = {}", one.metric, one.value))
        .collect();
    raw.annotation("values", values.join(", "));
    raw.generator_url = rule.rule_url.unwrap_or_default().0;
    Ok(Some(raw))
}
