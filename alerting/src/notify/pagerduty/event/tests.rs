use isobar_normalizer::Severity;
use serde_json::{Value, json};

use super::*;
use crate::alert::{Alert, AlertState};
use crate::delivery::Reason;
use crate::fixture::{START, alert, told};
use crate::gotemplate::Templates;
use crate::notify::RawPagerDuty;
use crate::notify::fit::fit;

/// The settings with these further keys.
fn texts(keys: &str) -> Texts {
    let raw: RawPagerDuty = serde_saphyr::from_str(&format!("{{routing_key: k, {keys}}}")).unwrap();
    raw.texts(&Templates::default()).unwrap()
}

fn event(alerts: &[Alert], reason: Reason, texts: &Texts) -> (usize, Value) {
    let (notification, delivery) = told(alerts, reason);
    let message = Message::new(&notification, &delivery, true, START);
    let body = events(texts).write(&message, &external_url()).unwrap();
    (body.size, serde_json::from_slice(&body.json).unwrap())
}

fn events(texts: &Texts) -> Events {
    Events { routing_key: Revealed::new("k".repeat(32)), texts: texts.clone() }
}

fn external_url() -> Url {
    Url::parse("https://isobar.example/").unwrap()
}

fn cpu(i: usize, severity: Severity) -> Alert {
    alert(&format!("alertname=HighCpu resource_name=db-{i}"), AlertState::Firing, severity, START)
}

#[test]
fn a_trigger_says_what_where_and_how_bad() {
    let mut one = cpu(1, Severity::Critical);
    one.annotations.insert("summary".to_owned(), "CPU of db-1\nat 97%".to_owned());
    let (_, found) = event(&[one, cpu(2, Severity::Warning)], Reason::First, &texts(""));
    assert_eq!(found["event_action"], "trigger");
    assert_eq!(found["dedup_key"], "isobar-0123456789abcdef");
    assert_eq!(found["routing_key"], "k".repeat(32));
    assert_eq!(found["payload"]["summary"], "[FIRING:2] HighCpu (saturation)");
    assert_eq!(found["payload"]["severity"], "critical");
    assert_eq!(found["payload"]["source"], "Isobar", "the two have no resource in common");
    assert_eq!(found["payload"]["class"], "saturation");
    assert_eq!(found["payload"]["timestamp"], "2026-01-01T00:00:00.000Z");
    let details = &found["payload"]["custom_details"];
    assert_eq!((&details["num_firing"], &details["num_resolved"]), (&json!("2"), &json!("0")));
    assert_eq!((&details["resolved"], &details["reason"]), (&json!(""), &json!("first notification")));
    let firing = details["firing"].as_str().unwrap();
    assert!(firing.starts_with("Labels:\n - alertname = HighCpu\n - class = saturation\n"), "{firing}");
    assert!(
        firing.contains("Annotations:\n - summary = CPU of db-1\nat 97%\nSource: https://isobar.example/"),
        "{firing}"
    );
    assert_eq!(
        (&found["client"], &found["client_url"]),
        (&json!("Isobar"), &json!("https://isobar.example/alerts?q=alertname%3DHighCpu"))
    );
    assert_eq!(found["links"].as_array().unwrap().len(), 2);
}

#[test]
fn a_resolve_is_the_key_alone() {
    let over = alert("alertname=HighCpu", AlertState::Resolved, Severity::Critical, START);
    let (_, found) = event(&[over], Reason::AllResolved, &texts(""));
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
    let (_, found) = event(&[cpu(1, Severity::Error)], Reason::First, &texts(""));
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
    let texts = texts("description: '{{ .CommonAnnotations.summary }}'");
    let (_, found) = event(&[one], Reason::First, &texts);
    let summary = found["payload"]["summary"].as_str().unwrap();
    assert_eq!(summary.chars().count(), TEXT_MAX);
    assert!(summary.ends_with('…'));
}

#[tokio::test]
async fn an_event_is_never_too_large_and_says_what_it_leaves_out() {
    let big: Vec<Alert> = (0..300)
        .map(|i| {
            let severity = if i >= 290 { Severity::Critical } else { Severity::Warning };
            let mut alert = cpu(i, severity);
            alert.annotations.insert("description".to_owned(), "x".repeat(20_000));
            alert.annotations.insert("summary".to_owned(), "s".repeat(2000));
            alert
        })
        .collect();
    let (notification, delivery) = told(&big, Reason::First);
    let message = Message::new(&notification, &delivery, true, START);
    let fitting = async |max_bytes, texts: &Texts| {
        let events = events(texts);
        let write = move |message: &Message<'_>| events.write(message, &external_url());
        let message = Message { max_bytes, ..message };
        let body = fit(&message, EVENT_MAX, |body: &Body| body.size, write).await.unwrap();
        (body.size, serde_json::from_slice::<Value>(&body.json).unwrap())
    };
    let (size, found) = fitting(None, &texts("")).await;
    assert!(size <= EVENT_MAX, "{size}");
    let details = &found["payload"]["custom_details"];
    let firing = details["firing"].as_str().unwrap();
    let shown = firing.matches("Source: ").count();
    assert_eq!(details["left_out"], format!("{} of 300 alerts are not shown", 300 - shown));
    assert!(shown > 150, "annotations go before alerts: {shown}");
    assert_eq!(firing.matches(" - severity = critical").count(), 10, "the worst stay");
    assert_eq!((&details["num_firing"], &found["payload"]["severity"]), (&json!("300"), &json!("critical")));
    assert_eq!(found["payload"]["summary"], "[FIRING:300] HighCpu (saturation)");

    let own =
        texts("details: {left_out: mine, all: '{{ range 1000 }}{{ printf \"%900s\" \"x\" }}{{ end }}'}");
    let (size, found) = fitting(None, &own).await;
    assert!(size <= EVENT_MAX, "{size}");
    let details = &found["payload"]["custom_details"];
    assert_eq!((&details["left_out"], &details["all"]), (&json!("mine"), &json!("")));

    let (size, found) = fitting(Some(1024), &texts("description: '{{ printf \"%1000s\" \"x\" }}'")).await;
    assert!(size > 1024, "a wish that cannot be met is no refusal");
    assert_eq!(found["payload"]["custom_details"]["left_out"], "299 of 300 alerts are not shown");
}

#[test]
fn what_is_configured_is_a_template() {
    let texts = texts(
        "description: 'Checkout {{ .Status }}', severity: '{{ .CommonLabels.severity }}', source: checkout, class: '{{ \"\" }}', \
         details: {team: platform, firing: '{{ len .Alerts.Firing }}'}, \
         links: [{href: 'https://wiki.example/{{ .GroupLabels.alertname }}'}, {href: '{{ .CommonLabels.nope }}'}], \
         images: [{src: 'https://charts.example/x.png', alt: '{{ .Status }}'}]",
    );
    let (_, found) = event(&[cpu(1, Severity::Critical)], Reason::First, &texts);
    let payload = &found["payload"];
    assert_eq!(payload["summary"], "Checkout firing");
    assert_eq!(payload["severity"], "critical");
    assert_eq!((&payload["class"], &payload["source"]), (&Value::Null, &json!("checkout")));
    assert_eq!(
        (&payload["custom_details"]["team"], &payload["custom_details"]["firing"]),
        (&json!("platform"), &json!("1"))
    );
    let wiki = "https://wiki.example/HighCpu";
    assert_eq!(found["links"][0], json!({"href": wiki, "text": wiki}));
    assert_eq!(found["links"].as_array().unwrap().len(), 2);
    assert_eq!(found["images"], json!([{"src": "https://charts.example/x.png", "alt": "firing"}]));
}

#[test]
fn a_severity_that_the_api_does_not_know_gives_way_to_the_alerts_own() {
    let (_, found) = event(
        &[cpu(1, Severity::Warning)],
        Reason::First,
        &texts("severity: '{{ .CommonLabels.nope }}page'"),
    );
    assert_eq!(found["payload"]["severity"], "warning");
}
