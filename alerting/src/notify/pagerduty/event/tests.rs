use isobar_normalizer::Severity;
use serde_json::{Value, json};

use super::*;
use crate::alert::{Alert, AlertState};
use crate::delivery::Reason;
use crate::fixture::{START, alert, told};

fn event(alerts: &[Alert], reason: Reason, fixed: &Fixed) -> (usize, Value) {
    let (notification, delivery) = told(alerts, reason);
    let message =
        Message { notification: &notification, delivery: &delivery, send_resolved: true, now: START };
    let url = Url::parse("https://isobar.example/").unwrap();
    let bytes = write(&message, fixed, &Revealed::new("k".repeat(32)), &url).unwrap();
    (bytes.len(), serde_json::from_slice(&bytes).unwrap())
}

fn cpu(i: usize, severity: Severity) -> Alert {
    alert(&format!("alertname=HighCpu resource_name=db-{i}"), AlertState::Firing, severity, START)
}

#[test]
fn a_trigger_says_what_where_and_how_bad() {
    let mut one = cpu(1, Severity::Critical);
    one.annotations.insert("summary".to_owned(), "CPU of db-1\nat 97%".to_owned());
    let (_, found) = event(&[one, cpu(2, Severity::Warning)], Reason::First, &Fixed::default());
    assert_eq!(found["event_action"], "trigger");
    assert_eq!(found["dedup_key"], "isobar-0123456789abcdef");
    assert_eq!(found["routing_key"], "k".repeat(32));
    assert_eq!(found["payload"]["summary"], "[FIRING:2] HighCpu: CPU of db-1 at 97%");
    assert_eq!(found["payload"]["severity"], "critical");
    assert_eq!(found["payload"]["source"], "isobar.example", "the two have no resource in common");
    assert_eq!(found["payload"]["class"], "saturation");
    assert_eq!(found["payload"]["timestamp"], "2026-01-01T00:00:00.000Z");
    assert_eq!(found["payload"]["custom_details"]["firing_count"], 2);
    assert_eq!(found["payload"]["custom_details"]["reason"], "first notification");
    assert_eq!(
        (&found["client"], &found["client_url"]),
        (&json!("Isobar"), &json!("https://isobar.example/"))
    );
    assert_eq!(found["links"].as_array().unwrap().len(), 2);
}

#[test]
fn a_resolve_is_the_key_alone() {
    let over = alert("alertname=HighCpu", AlertState::Resolved, Severity::Critical, START);
    let (_, found) = event(&[over], Reason::AllResolved, &Fixed::default());
    let expected = json!({"routing_key": "k".repeat(32), "event_action": "resolve", "dedup_key": "isobar-0123456789abcdef"});
    assert_eq!(found, expected);
}

#[test]
fn the_fields_are_those_of_the_api() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/wire/alerts/pagerduty/events_v2.hand-written.json"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there");
        return;
    };
    let documented: Value = serde_json::from_str(&text).unwrap();
    let (_, found) = event(&[cpu(1, Severity::Error)], Reason::First, &Fixed::default());
    for (part, known) in
        [(&found, &documented["trigger"]), (&found["payload"], &documented["trigger"]["payload"])]
    {
        for field in part.as_object().unwrap().keys() {
            assert!(known.get(field).is_some(), "{field} is not documented");
        }
    }
}

#[test]
fn texts_are_cut_between_characters() {
    let mut one = cpu(1, Severity::Error);
    one.annotations.insert("summary".to_owned(), "\"云\u{1F525}".repeat(1000));
    let (_, found) = event(&[one], Reason::First, &Fixed::default());
    let summary = found["payload"]["summary"].as_str().unwrap();
    assert_eq!(summary.chars().count(), SUMMARY_MAX);
    assert!(summary.ends_with('…'));
}

#[test]
fn an_event_is_never_too_large_and_says_what_it_leaves_out() {
    let big: Vec<Alert> = (0..300)
        .map(|i| {
            let mut alert = cpu(i, Severity::Error);
            alert.annotations.insert("description".to_owned(), "x".repeat(20_000));
            alert
        })
        .collect();
    let (size, found) = event(&big, Reason::First, &Fixed::default());
    assert!(size <= EVENT_MAX, "{size}");
    let details = &found["payload"]["custom_details"];
    let shown = details["alerts"].as_array().unwrap().len();
    assert_eq!(details["left_out"], format!("{} of 300 alerts are not shown", 300 - shown));
    assert!(shown > 0);
}

#[test]
fn what_is_configured_stands_in_every_trigger() {
    let fixed = Fixed {
        description: Some("Checkout".to_owned()),
        severity: Some("info".to_owned()),
        source: Some("checkout".to_owned()),
        details: [("team".to_owned(), "platform".to_owned())].into(),
        links: vec![(Url::parse("https://wiki.example/").unwrap(), None)],
        ..Fixed::default()
    };
    let (_, found) = event(&[cpu(1, Severity::Critical)], Reason::First, &fixed);
    assert_eq!(found["payload"]["summary"], "Checkout");
    assert_eq!(found["payload"]["severity"], "info");
    assert_eq!(found["payload"]["custom_details"]["team"], "platform");
    assert_eq!(found["links"][0], json!({"href": "https://wiki.example/", "text": "https://wiki.example/"}));
}
