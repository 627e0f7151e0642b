use std::sync::Arc;

use serde_json::{Value, json};

use super::pagerduty::PagerDuty;
use super::*;
use crate::estate::Millis;

const NOW: Millis = 1_795_000_000_000;
const KEY: &str = "0123456789abcdef0123456789abcdef";

fn asked(now: Millis) -> Asked {
    let call = Call { operation: "PagerDuty".to_owned(), region: String::new() };
    Asked { now, call, faults: Vec::new(), late_ms: 0 }
}

async fn send(pagerduty: &PagerDuty, event: &Value, now: Millis) -> (u16, Value) {
    let response = pagerduty.enqueue(event.to_string().as_bytes(), &asked(now), &Arc::default());
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

fn event(action: &str, dedup_key: &str) -> Value {
    json!({
        "routing_key": KEY,
        "event_action": action,
        "dedup_key": dedup_key,
        "payload": {"summary": "hot", "source": "vm", "severity": "critical"},
    })
}

#[tokio::test]
async fn a_key_is_one_incident_until_it_is_resolved() {
    let pagerduty = PagerDuty::default();
    let story = ["resolve", "trigger", "trigger", "acknowledge", "resolve", "acknowledge", "trigger"];
    for action in story {
        let (status, body) = send(&pagerduty, &event(action, "k"), NOW).await;
        assert_eq!((status, &body["dedup_key"]), (202, &json!("k")));
    }
    let incidents = pagerduty.incidents();
    let states: Vec<_> = incidents.iter().map(|it| (it.state, it.triggers)).collect();
    assert_eq!(states, [(IncidentState::Resolved, 2), (IncidentState::Triggered, 1)]);
}

#[tokio::test]
async fn events_that_break_a_limit_are_refused() {
    let pagerduty = PagerDuty::default();
    let change = |path: &[&str], value: Value| {
        let mut event = event("trigger", "k");
        let place = path.iter().fold(&mut event, |place, name| &mut place[*name]);
        *place = value;
        event
    };
    let cases = [
        (change(&["routing_key"], json!("short")), 400),
        (change(&["event_action"], json!("fire")), 400),
        (change(&["dedup_key"], json!("k".repeat(256))), 400),
        (change(&["payload", "summary"], json!("s".repeat(1_025))), 400),
        (change(&["payload", "severity"], json!("high")), 400),
        (change(&["payload", "source"], Value::Null), 400),
        (change(&["payload", "custom_details"], json!("d".repeat(512 * 1_024))), 413),
        (change(&["dedup_key"], json!("k".repeat(255))), 202),
    ];
    for (event, expected) in cases {
        let (status, body) = send(&pagerduty, &event, NOW).await;
        assert_eq!(status, expected, "{body}");
    }
    let (status, _) = send(&pagerduty, &json!({"routing_key": KEY, "event_action": "resolve"}), NOW).await;
    assert_eq!(status, 400, "a resolve needs a key");
}

#[tokio::test]
async fn a_minute_takes_120_events_of_one_integration() {
    let pagerduty = PagerDuty::default();
    let mut statuses = Vec::new();
    for n in 0..121 {
        statuses.push(send(&pagerduty, &event("trigger", &format!("k{n}")), NOW).await.0);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 120);
    let (status, body) = send(&pagerduty, &event("trigger", "late"), NOW + 59_999).await;
    assert_eq!((status, &body["status"]), (429, &json!("throttle exceeded")));
    assert_eq!(send(&pagerduty, &event("trigger", "late"), NOW + 60_000).await.0, 202);
}

#[test]
fn what_came_is_kept_within_bounds_and_told() {
    let received = Received::default();
    let told = Arc::new(parking_lot::Mutex::new(0));
    let count = Arc::clone(&told);
    received.on_webhook(move |_| *count.lock() += 1);
    for n in 0..10_001 {
        let body = n.to_string();
        received.webhook(Webhook { at: NOW, name: String::new(), headers: Vec::new(), body });
    }
    assert_eq!((received.webhooks().len(), received.dropped(), *told.lock()), (10_000, 1, 10_001));
    assert_eq!(received.webhooks()[0].body, "1", "the oldest goes first");
}
