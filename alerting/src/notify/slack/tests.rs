use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use isobar_normalizer::Severity;
use serde_json::json;

use super::*;
use crate::alert::{Alert, AlertState};
use crate::delivery::Reason;
use crate::fixture::{START, alert, told};
use crate::notify::fixture::first_of;

fn body(entry: &str, alerts: &[Alert], reason: Reason) -> Value {
    let raw: RawSlack = serde_saphyr::from_str(entry).unwrap();
    let (notification, delivery) = told(alerts, reason);
    let message = Message::new(&notification, &delivery, true, START);
    let url = Url::parse("http://isobar.example/").unwrap();
    let post = raw.post(&Arc::default()).unwrap();
    serde_json::from_slice(&post.write(&message, &url).unwrap().json).unwrap()
}

#[test]
fn without_texts_of_its_own_it_says_what_alertmanager_would() {
    let one = alert("alertname=HighCpu i=1", AlertState::Firing, Severity::Critical, START);
    let found = body("api_url: http://h/", &[one], Reason::First);
    assert_eq!(found["username"], "Isobar");
    let attachment = &found["attachments"][0];
    assert_eq!(attachment["title"], "[FIRING:1] HighCpu (saturation 1 critical)");
    assert_eq!(attachment["color"], "danger");
    assert_eq!(attachment["mrkdwn_in"], json!(["fallback", "pretext", "text"]));
    for name in ["text", "callback_id", "footer"] {
        assert_eq!(attachment[name], "", "{name}");
    }
    assert!(found.get("channel").is_none() && attachment.get("image_url").is_none());
    let over = alert("alertname=HighCpu i=1", AlertState::Resolved, Severity::Critical, START);
    let over = body("api_url: http://h/", &[over], Reason::AllResolved);
    assert_eq!(over["attachments"][0]["color"], "good");
}

#[test]
fn every_text_is_a_template() {
    let entry = r#"
api_url: http://h/
channel: '#{{ .CommonLabels.severity }}'
title: '{{ .Status | toUpper }}'
text: '{{ range .Alerts }}{{ .Labels.i }} {{ end }}'
short_fields: true
fields: [{title: Class, value: '{{ .CommonLabels.class }}'}, {title: Long, value: x, short: false}]
actions:
- {type: button, text: 'Open', url: '{{ .ExternalURL }}', name: dropped}
- {type: button, text: Ack, name: ack, value: '1', confirm: {text: 'Really?', ok_text: Yes}}
mrkdwn_in: [text]
link_names: true
"#;
    let two =
        ["1", "2"].map(|i| alert(&format!("alertname=A i={i}"), AlertState::Firing, Severity::Error, START));
    let found = body(entry, &two, Reason::First);
    assert_eq!((&found["channel"], &found["link_names"]), (&json!("#error"), &json!(true)));
    let attachment = &found["attachments"][0];
    assert_eq!((&attachment["title"], &attachment["text"]), (&json!("FIRING"), &json!("1 2 ")));
    assert_eq!(
        attachment["fields"],
        json!([{"title": "Class", "value": "saturation", "short": true}, {"title": "Long", "value": "x", "short": false}])
    );
    assert_eq!(
        attachment["actions"],
        json!([
            {"type": "button", "text": "Open", "url": "http://isobar.example"},
            {"type": "button", "text": "Ack", "name": "ack", "value": "1", "confirm": {"text": "Really?", "ok_text": "Yes"}},
        ])
    );
    assert_eq!(attachment["mrkdwn_in"], json!(["text"]));
}

#[test]
fn two_hundred_is_not_yet_success() {
    #[track_caller]
    fn check(body: &'static str, expected: Option<Retry>) {
        let response = Response {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
            elapsed: Duration::ZERO,
        };
        assert_eq!(Post::judge(&response, START).err().map(|error| error.retry()), expected, "{body}");
    }
    check("ok", None);
    check(r#"{"ok": true, "ts": "1.2"}"#, None);
    check(r#"{"ok": false, "error": "channel_not_found"}"#, Some(Retry::Never));
    check(r#"{"ok": false, "error": "ratelimited"}"#, Some(Retry::After(LIMITED_FOR)));
    check(r#"{"ok": false, "error": "internal_error"}"#, Some(Retry::Backoff));
    check("no_service", Some(Retry::Never));
    check(r#"{"success": true}"#, None);
    check(r#"{"success": false, "error": "invalid"}"#, Some(Retry::Never));
    check("{}", Some(Retry::Never));
    check("null", Some(Retry::Never));
}

#[test]
fn what_is_said_of_the_whole_counts_what_is_not_shown() {
    let raw: RawSlack = serde_saphyr::from_str("{api_url: http://h/, text: '{{ len .Alerts }}'}").unwrap();
    let three = ["1", "2", "3"]
        .map(|i| alert(&format!("alertname=A i={i}"), AlertState::Firing, Severity::Error, START));
    let (notification, delivery) = told(&three, Reason::First);
    let whole = Message::new(&notification, &delivery, true, START);
    let url = Url::parse("http://isobar.example/").unwrap();
    let body = raw.post(&Arc::default()).unwrap().write(&first_of(&whole, 1), &url).unwrap();
    let found: Value = serde_json::from_slice(&body.json).unwrap();
    let attachment = &found["attachments"][0];
    assert_eq!(attachment["title"], "[FIRING:3] HighCpu (saturation error)");
    assert!(attachment["fallback"].as_str().unwrap().starts_with("[FIRING:3] "), "{attachment}");
    assert_eq!(attachment["text"], "1\n<http://isobar.example/alerts|and 2 more>");
}
