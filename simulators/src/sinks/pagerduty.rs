//! PagerDuty's Events API v2.
//!
//! Source: PagerDuty/developer-docs, docs/events-API-v2/01-Overview.md and 02-Trigger-Events.md (2026-08).

use std::collections::{HashMap, VecDeque};

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::received::{Page, Received};
use crate::estate::{Dice, Millis};
use crate::faults::Fault;
use crate::server::Asked;

/// The largest event in bytes: 512 KB.
const EVENT_MAX: usize = 512 * 1_024;
/// Characters of an integration's key.
const ROUTING_KEY: usize = 32;
/// Characters of a key that incidents are found by.
const DEDUP_KEY_MAX: usize = 255;
/// Characters of a summary.
const SUMMARY_MAX: usize = 1_024;
const SEVERITIES: [&str; 4] = ["critical", "error", "warning", "info"];
/// Events of one integration within [`RATE_MS`]; the page says the limit is about so many.
const RATE: usize = 120;
/// The window it slides over.
const RATE_MS: Millis = 60_000;
/// Incidents and integrations that are remembered; a run has far fewer.
const REMEMBERED: usize = 100_000;

/// How far an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentState {
    /// Nobody has taken it.
    Triggered,
    /// Someone has.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// What PagerDuty makes of the events with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// The integration's key.
    pub routing_key: String,
    /// What its events are found by.
    pub dedup_key: String,
    /// How far it is.
    pub state: IncidentState,
    /// The summary of the event that opened it.
    pub summary: String,
    /// The severity of that event.
    pub severity: String,
    /// When it was opened.
    pub opened: Millis,
    /// How many triggers it has had.
    pub triggers: u32,
}

#[derive(Debug, Default)]
struct State {
    incidents: Vec<Incident>,
    /// The open incident of a key; it is closed by a resolve, and a trigger opens another.
    open: HashMap<(String, String), usize>,
    recent: HashMap<String, VecDeque<Millis>>,
    accepted: u64,
}

/// The service.
#[derive(Debug, Default)]
pub(super) struct PagerDuty {
    state: Mutex<State>,
}

/// An event that was read and found good.
struct Event {
    routing_key: String,
    dedup_key: Option<String>,
    action: String,
    summary: String,
    severity: String,
}

impl PagerDuty {
    pub(super) fn incidents(&self) -> Vec<Incident> {
        self.state.lock().incidents.clone()
    }

    /// Takes an event.
    pub(super) fn enqueue(&self, body: &[u8], asked: &Asked, received: &Received) -> Response {
        if body.len() > EVENT_MAX {
            return say(
                StatusCode::PAYLOAD_TOO_LARGE,
                json!({"status": "invalid event", "message": "Event object is too large"}),
            );
        }
        if asked.has(Fault::Failing) {
            let body = json!({"status": "error", "message": "Internal Server Error"});
            return say(StatusCode::INTERNAL_SERVER_ERROR, body);
        }
        let value: Value = match serde_json::from_slice(body) {
            Ok(value) => value,
            Err(error) => return invalid(vec![format!("the body is not JSON: {error}")]),
        };
        let event = match read(&value) {
            Ok(event) => event,
            Err(errors) => return invalid(errors),
        };
        let mut state = self.state.lock();
        if asked.has(Fault::Throttled) || !state.admits(&event.routing_key, asked.now) {
            let body = json!({
                "status": "throttle exceeded",
                "message": "Requests for this service are arriving too quickly.  Please retry later.",
            });
            return say(StatusCode::TOO_MANY_REQUESTS, body);
        }
        state.accepted += 1;
        // Who gives no key gets one: every such trigger is an incident of its own.
        let own = || Dice::new(state.accepted).hex(32, "dedup key");
        let dedup_key = event.dedup_key.clone().unwrap_or_else(own);
        state.apply(&event, &dedup_key, asked.now);
        drop(state);
        received.page(Page {
            at: asked.now,
            action: event.action,
            routing_key: event.routing_key,
            dedup_key: dedup_key.clone(),
            event: value,
        });
        let body = json!({"status": "success", "message": "Event processed", "dedup_key": dedup_key});
        say(StatusCode::ACCEPTED, body)
    }
}

impl State {
    fn admits(&mut self, key: &str, now: Millis) -> bool {
        if self.recent.len() > REMEMBERED {
            self.recent.clear();
        }
        let recent = self.recent.entry(key.to_owned()).or_default();
        while recent.front().is_some_and(|at| now - at >= RATE_MS) {
            recent.pop_front();
        }
        let admitted = recent.len() < RATE;
        if admitted {
            recent.push_back(now);
        }
        admitted
    }

    fn apply(&mut self, event: &Event, dedup_key: &str, now: Millis) {
        let key = (event.routing_key.clone(), dedup_key.to_owned());
        let open = self.open.get(&key).copied();
        match (event.action.as_str(), open) {
            ("trigger", Some(index)) => self.incidents[index].triggers += 1,
            ("trigger", None) if self.incidents.len() < REMEMBERED => {
                self.open.insert(key, self.incidents.len());
                self.incidents.push(Incident {
                    routing_key: event.routing_key.clone(),
                    dedup_key: dedup_key.to_owned(),
                    state: IncidentState::Triggered,
                    summary: event.summary.clone(),
                    severity: event.severity.clone(),
                    opened: now,
                    triggers: 1,
                });
            }
            ("acknowledge", Some(index)) => self.incidents[index].state = IncidentState::Acknowledged,
            ("resolve", Some(index)) => {
                self.incidents[index].state = IncidentState::Resolved;
                self.open.remove(&key);
            }
            // What is about no open incident is accepted and dropped.
            _ => {}
        }
    }
}

fn read(value: &Value) -> Result<Event, Vec<String>> {
    let mut errors = Vec::new();
    let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    let routing_key = text(value, "routing_key").unwrap_or_default();
    if routing_key.chars().count() != ROUTING_KEY {
        errors.push(format!("'routing_key' must be {ROUTING_KEY} characters"));
    }
    let action = text(value, "event_action").unwrap_or_default();
    if !["trigger", "acknowledge", "resolve"].contains(&action.as_str()) {
        errors.push("'event_action' must be trigger, acknowledge or resolve".to_owned());
    }
    let dedup_key = text(value, "dedup_key").filter(|key| !key.is_empty());
    if dedup_key.as_ref().is_some_and(|key| key.chars().count() > DEDUP_KEY_MAX) {
        errors.push(format!("'dedup_key' must be at most {DEDUP_KEY_MAX} characters"));
    }
    let payload = &value["payload"];
    let summary = text(payload, "summary").unwrap_or_default();
    let severity = text(payload, "severity").unwrap_or_default();
    if action == "trigger" {
        if summary.is_empty() || summary.chars().count() > SUMMARY_MAX {
            errors.push(format!("'payload.summary' is missing, blank or over {SUMMARY_MAX} characters"));
        }
        if text(payload, "source").unwrap_or_default().is_empty() {
            errors.push("'payload.source' is missing or blank".to_owned());
        }
        if !SEVERITIES.contains(&severity.as_str()) {
            errors.push(format!("'payload.severity' is invalid (must be one of: {})", SEVERITIES.join(", ")));
        }
    } else if dedup_key.is_none() && errors.is_empty() {
        errors.push("'dedup_key' is missing or blank".to_owned());
    }
    if errors.is_empty() {
        Ok(Event { routing_key, dedup_key, action, summary, severity })
    } else {
        Err(errors)
    }
}

fn invalid(errors: Vec<String>) -> Response {
    let body = json!({"status": "invalid event", "message": "Event object is invalid", "errors": errors});
    say(StatusCode::BAD_REQUEST, body)
}

fn say(status: StatusCode, body: Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
