use isobar_normalizer::Severity;
use serde_json::{Value, json};

use super::*;
use crate::alert::{Alert, AlertState};
use crate::delivery::Reason;
use crate::fixture::{START, alert, told};

fn body(alerts: &[Alert], reason: Reason, send_resolved: bool, max_alerts: usize) -> Value {
    let (notification, delivery) = told(alerts, reason);
    let message = Message::new(&notification, &delivery, send_resolved, START);
    let url = Url::parse("http://isobar.example:9797/").unwrap();
    serde_json::to_value(Payload::of(&message, max_alerts, &url)).unwrap()
}

#[test]
fn a_firing_group() {
    let mut one = alert("alertname=HighCpu cluster=c1 i=1", AlertState::Firing, Severity::Critical, START);
    one.annotations.insert("summary".to_owned(), "hot".to_owned());
    let found = body(&[one], Reason::First, true, 0);
    assert_eq!(
        found,
        json!({
            "receiver": "team",
            "status": "firing",
            "alerts": [{
                "status": "firing",
                "labels": {"alertname": "HighCpu", "cluster": "c1", "i": "1", "severity": "critical", "class": "saturation"},
                "annotations": {"summary": "hot"},
                "startsAt": "2026-01-01T00:00:00.000Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": found["alerts"][0]["generatorURL"],
                "fingerprint": found["alerts"][0]["fingerprint"],
            }],
            "notification_reason": "first notification",
            "groupLabels": {"alertname": "HighCpu"},
            "commonLabels": {"alertname": "HighCpu", "cluster": "c1", "i": "1", "severity": "critical", "class": "saturation"},
            "commonAnnotations": {"summary": "hot"},
            "routeLabels": {},
            "externalURL": "http://isobar.example:9797",
            "version": "4",
            "groupKey": "{}:{alertname=\"HighCpu\"}",
            "truncatedAlerts": 0,
        })
    );
    let fingerprint = found["alerts"][0]["fingerprint"].as_str().unwrap();
    assert_eq!(fingerprint.len(), 16);
    assert_eq!(
        found["alerts"][0]["generatorURL"],
        format!("http://isobar.example:9797/alerts?q={fingerprint}")
    );
}

#[test]
fn the_fields_are_alertmanagers() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/wire/alerts/alertmanager/webhook_v4.am-0.34.hand-written.json"
    );
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there");
        return;
    };
    let fields = |value: &Value| -> Vec<String> {
        value.as_object().unwrap().keys().filter(|key| *key != "_note").cloned().collect()
    };
    let expected: Value = serde_json::from_str(&text).unwrap();
    let found = body(
        &[alert("alertname=HighCpu", AlertState::Firing, Severity::Error, START)],
        Reason::First,
        true,
        0,
    );
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(fields(&found)), sorted(fields(&expected)));
    assert_eq!(sorted(fields(&found["alerts"][0])), sorted(fields(&expected["alerts"][0])));
}

#[test]
fn what_is_common_and_what_is_cut() {
    let some: Vec<Alert> = (0..5)
        .map(|i| {
            let state = if i == 4 { AlertState::Resolved } else { AlertState::Firing };
            alert(&format!("alertname=HighCpu i={i}"), state, Severity::Warning, START)
        })
        .collect();
    let all = body(&some, Reason::SomeResolved, true, 0);
    assert_eq!(
        all["commonLabels"],
        json!({"alertname": "HighCpu", "severity": "warning", "class": "saturation"})
    );
    assert_eq!(all["alerts"][4]["status"], "resolved");
    assert_eq!(all["alerts"][4]["endsAt"], "2026-01-01T00:00:00.000Z");
    let cut = body(&some, Reason::SomeResolved, true, 2);
    assert_eq!((cut["alerts"].as_array().unwrap().len(), &cut["truncatedAlerts"]), (2, &json!(3)));
    let firing_only = body(&some, Reason::Repeat, false, 0);
    assert_eq!(firing_only["alerts"].as_array().unwrap().len(), 4);
    assert_eq!(body(&some[4..], Reason::AllResolved, true, 0)["status"], "resolved");
}
