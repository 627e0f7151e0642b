//! What receives pages, as those see it who send them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use isobar_simulators::{Fault, IncidentState, Provider, Running, Scenario, Scope};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{http, python, run, script, start_at};

const ORIGIN: i64 = 1_795_003_200_000;

async fn simulators() -> Running {
    start_at(Scenario::QuietDay, ORIGIN, ORIGIN).await.0
}

async fn trigger(running: &Running, key: &str) -> (u16, Value) {
    let event = json!({
        "routing_key": "0123456789abcdef0123456789abcdef",
        "event_action": "trigger",
        "dedup_key": key,
        "payload": {"summary": "hot", "source": "vm", "severity": "critical"},
    });
    let answer = http().post(running.pagerduty_url.clone()).json(&event).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_kept_and_make_incidents() {
    let running = simulators().await;
    let (status, body) = trigger(&running, "a").await;
    assert_eq!((status, &body["message"]), (202, &json!("Event processed")));
    trigger(&running, "a").await;
    let incidents = running.incidents();
    assert_eq!(
        (incidents.len(), incidents[0].triggers, incidents[0].state),
        (1, 2, IncidentState::Triggered)
    );
    assert_eq!(running.received().pages()[1].event["payload"]["summary"], "hot");
    let once = Scope { operation: Some("PagerDuty".to_owned()), calls: Some(1), ..Scope::default() };
    running.faults.inject(Provider::Sinks, Fault::Throttled, once);
    assert_eq!(trigger(&running, "b").await.0, 429);
    assert_eq!(trigger(&running, "b").await.0, 202);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_told_to_whoever_asked_and_kept() {
    let running = simulators().await;
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    running.received().on_webhook(move |webhook| told.send(webhook.body.clone()).unwrap());
    let url = running.webhook_url.join("webhook/team-a").unwrap();
    let sent = http().post(url).header("x-mark", "1").body("{\"a\":1}").send();
    assert_eq!(sent.await.unwrap().status(), 200);
    assert_eq!(heard.recv().await.as_deref(), Some("{\"a\":1}"));
    running.received().until(|received| !received.webhooks().is_empty()).await;
    let webhook = running.received().webhooks().remove(0);
    assert_eq!((webhook.name.as_str(), webhook.at), ("team-a", ORIGIN));
    assert!(webhook.headers.contains(&("x-mark".to_owned(), "1".to_owned())));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_is_done_once_and_only_when_it_is_signed() {
    let running = simulators().await;
    let send = async |id: &str, body: &str, spoil: &str| {
        let key = BASE64.decode(running.failover_secret.strip_prefix("whsec_").unwrap()).unwrap();
        let timestamp = (ORIGIN / 1_000).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        let signature = format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()));
        let request = http()
            .post(running.failover_url.clone())
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(format!("{body}{spoil}"));
        request.send().await.unwrap().status().as_u16()
    };
    let body = r#"{"type":"failover.requested"}"#;
    assert_eq!(send("msg_1", body, " ").await, 401);
    assert_eq!(send("msg_1", body, "").await, 202);
    assert_eq!(send("msg_1", body, "").await, 200);
    assert_eq!(send("msg_2", "no json", "").await, 400);
    let failovers = running.received().failovers();
    assert_eq!((failovers.len(), failovers[0].attempts), (1, 2));
    assert_eq!(failovers[0].body["type"], "failover.requested");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_sends_mail_in_the_clear_and_under_tls() {
    let Some(python) = python() else { return };
    let running = simulators().await;
    let certificate = std::env::temp_dir().join(format!("isobar-smtp-{}.pem", running.smtp_addr.port()));
    std::fs::write(&certificate, &running.smtp_certificate).unwrap();
    let port = running.smtp_addr.port().to_string();
    run(script(&python, "send_mail.py", &[&port, certificate.to_str().unwrap()])).await;
    std::fs::remove_file(&certificate).unwrap();
    let mails = running.received().mails();
    let seen: Vec<_> = mails.iter().map(|it| (it.from.as_str(), it.to.len(), it.tls)).collect();
    assert_eq!(seen, [("a@example.com", 2, false), ("a@example.com", 2, true)]);
    assert!(mails[0].data.contains("\r\n.dot at the beginning\r\n..two\r\n"), "{:?}", mails[0].data);
    running.stop().await;
}
