//! The main job: a breach pages once by each channel, with proof, and resolves.

use serde_json::Value;

use crate::harness::exporter::{Exporter, Page};
use crate::harness::peers::Mailbox;
use crate::harness::receiver::{Answer, Received, Receiver};
use crate::harness::server::Server;
use crate::harness::{PATIENCE, eventually};

/// What PagerDuty answers to an event it takes.
pub const PAGERDUTY_TAKES: Answer =
    Answer::Status(202, r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#);

/// A policy on memory, which one gauge page can breach: fires above 90 %, recovers below 70 %.
pub const MEMORY_POLICY: &str = "
policies:
  - name: MemoryFull
    metric: system.memory.utilization
    where: {resource_type: host}
    over: 1s
    by: [resource_id]
    levels: {warning: \"> 80%\", critical: \"> 90%\"}
    recover: \"< 70%\"
    class: saturation
    labels: {team: platform}
    annotations: {summary: \"memory of {{ resource_id }} at {{ value | percent }}\", runbook_url: \"https://runbooks.example/memory\"}
";

/// A node_exporter page of a machine whose memory is used to this share.
pub fn memory_page(used: f64) -> String {
    let total = 16e9;
    let available = total * (1.0 - used);
    format!(
        "# TYPE node_memory_MemTotal_bytes gauge\nnode_memory_MemTotal_bytes {total}\n\
         # TYPE node_memory_MemAvailable_bytes gauge\nnode_memory_MemAvailable_bytes {available}\n"
    )
}

/// A configuration that scrapes these targets every second and sends to these receivers without waiting.
pub fn config(targets: &[String], receivers: &str) -> String {
    let targets = targets.iter().map(|target| format!("{target:?}")).collect::<Vec<_>>().join(", ");
    format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
sources:
  - {{name: lab, kind: prometheus, interval: 1s, settings: {{targets: [{targets}]}}}}
policies: [policies.yaml]
alerting:
  route: {{receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
  receivers:
    - name: ops
{receivers}
"
    )
}

/// Waits until the targets were scraped so many times more: what the earlier of these scrapes set off has been set off.
pub async fn scrapes_pass(server: &Server, count: f64) {
    let scrapes = || async {
        let found = server.query("max(count_over_time(up[1h]))").await;
        found.first().map_or(0.0, |(_, scrapes)| *scrapes)
    };
    let before = scrapes().await;
    eventually("further scrapes", || async { (scrapes().await >= before + count).then_some(()) }).await;
}

fn event_actions(received: &[Received]) -> Vec<(String, String)> {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    received
        .iter()
        .map(Received::json)
        .map(|event| (text(&event, "event_action"), text(&event, "dedup_key")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_pages_once_by_each_channel_and_resolves() {
    let exporter = Exporter::start(&memory_page(0.5)).await;
    let pagerduty = Receiver::start(PAGERDUTY_TAKES).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let home = tempfile::tempdir().unwrap();
    let mailbox = Mailbox::start(home.path()).await;
    let mut receivers = format!(
        "      pagerduty_configs: [{{routing_key: 0123456789abcdef0123456789abcdef, url: {:?}}}]\n      webhook_configs: [{{url: {:?}, secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}}]\n",
        pagerduty.url("/v2/enqueue"),
        webhook.url("/hook"),
    );
    if let Some(mailbox) = &mailbox {
        let email = format!(
            "{{to: ops@example.com, from: isobar@example.com, smarthost: \"127.0.0.1:{}\", require_tls: false, send_resolved: true}}",
            mailbox.port
        );
        receivers += &format!("      email_configs: [{email}]\n");
    }
    let server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;

    eventually("the machine's memory under its canonical name", || async {
        let found = server.query(r#"{"system.memory.utilization"}"#).await;
        (found.len() == 1 && (found[0].1 - 0.5).abs() < 1e-9).then_some(())
    })
    .await;
    assert!(webhook.received().is_empty(), "nothing is wrong yet");

    exporter.show(Page::Text(memory_page(0.95)));
    let paged = webhook.wait_for(1).await;
    let body = paged[0].json();
    assert_eq!(body["version"], "4");
    assert_eq!(body["status"], "firing");
    assert_eq!(body["alerts"][0]["labels"]["alertname"], "MemoryFull");
    assert_eq!(body["alerts"][0]["labels"]["severity"], "critical");
    assert_eq!(body["alerts"][0]["labels"]["team"], "platform");
    assert_eq!(body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
    let fingerprint = body["alerts"][0]["fingerprint"].as_str().unwrap().to_owned();
    assert!(
        !paged[0].header("webhook-id").is_empty() && paged[0].header("webhook-signature").starts_with("v1,")
    );
    let triggers = event_actions(&pagerduty.wait_for(1).await);
    assert_eq!(triggers[0].0, "trigger");

    let alerts = server.items("alerts").await;
    assert_eq!((alerts.len(), &alerts[0]["state"]), (1, &Value::from("firing")), "{alerts:?}");
    assert_eq!(alerts[0]["id"].as_str(), Some(fingerprint.as_str()));

    exporter.show(Page::Text(memory_page(0.5)));
    webhook.wait_for(2).await;
    pagerduty.wait_for(2).await;
    if let Some(mailbox) = &mailbox {
        eventually("the mail of the recovery", || async { (mailbox.messages().len() >= 2).then_some(()) })
            .await;
    }
    // A few more rounds: nothing more may come.
    scrapes_pass(&server, 3.0).await;
    let sent = webhook.received();
    assert_eq!(
        sent.iter().map(|one| one.json()["status"].clone()).collect::<Vec<_>>(),
        ["firing", "resolved"]
    );
    assert_ne!(sent[0].header("webhook-id"), sent[1].header("webhook-id"));
    let events = event_actions(&pagerduty.received());
    assert_eq!(events.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(), ["trigger", "resolve"]);
    assert_eq!(events[0].1, events[1].1, "a resolve closes what its trigger opened");
    if let Some(mailbox) = &mailbox {
        let mails = mailbox.messages();
        assert_eq!(mails.len(), 2, "{mails:?}");
        assert!(
            mails[0].contains("MemoryFull") && mails[0].contains("multipart/alternative"),
            "{}",
            mails[0]
        );
        assert!(mails[0].contains("X-Envelope-To: ops@example.com"));
    }

    let deliveries = server.items("deliveries").await;
    assert_eq!(deliveries.len(), if mailbox.is_some() { 6 } else { 4 }, "{deliveries:?}");
    assert!(
        deliveries.iter().all(|delivery| delivery["state"] == "sent" && delivery["attempts"] == 1),
        "{deliveries:?}"
    );
    let proof = deliveries
        .iter()
        .find(|delivery| delivery["channel"] == "webhook" && delivery["transition"] == "firing");
    assert_eq!(proof.unwrap()["idempotency_key"].as_str(), Some(sent[0].header("webhook-id")));
    let proof = deliveries.iter().find(|delivery| delivery["channel"] == "pagerduty");
    assert_eq!(proof.unwrap()["idempotency_key"].as_str(), Some(events[0].1.as_str()));

    let why = server.cli(&["why", &fingerprint]);
    let told = String::from_utf8_lossy(&why.stdout).into_owned();
    assert!(why.status.success(), "{}", String::from_utf8_lossy(&why.stderr));
    for word in ["MemoryFull", "ops", "webhook", "pagerduty", "sent"] {
        assert!(told.contains(word), "{word} is not in:\n{told}");
    }
    let alerts = server.cli(&["alerts"]);
    assert!(String::from_utf8_lossy(&alerts.stdout).contains("resolved"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worse_level_is_a_change_of_the_same_alert() {
    let exporter = Exporter::start(&memory_page(0.85)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    let first = webhook.wait_for(1).await[0].json();
    assert_eq!(first["alerts"][0]["labels"]["severity"], "warning");
    exporter.show(Page::Text(memory_page(0.95)));
    eventually("the alert to be critical", || async {
        let alerts = server.items("alerts").await;
        (alerts.len() == 1 && alerts[0]["severity"] == "critical").then_some(())
    })
    .await;
    // Between 70 % and 80 % it neither fires anew nor recovers.
    exporter.show(Page::Text(memory_page(0.75)));
    eventually("the new value", || async {
        let found = server.query(r#"{"system.memory.utilization"}"#).await;
        found.first().is_some_and(|(_, value)| (value - 0.75).abs() < 1e-6).then_some(())
    })
    .await;
    scrapes_pass(&server, 2.0).await;
    assert_eq!(server.items("alerts").await[0]["state"], "firing");
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_and_promql_see_the_same_samples() {
    let exporter = Exporter::start(&memory_page(0.25)).await;
    let server = Server::start(&config(&[exporter.url()], ""), MEMORY_POLICY).await;
    eventually("samples", || async {
        (!server.query("node_memory_MemTotal_bytes").await.is_empty()).then_some(())
    })
    .await;
    let statement =
        "SELECT name, value, source FROM metrics WHERE name = 'node_memory_MemTotal_bytes' LIMIT 1";
    let output = server.cli(&["sql", statement, "--output", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["rows"][0], serde_json::json!(["node_memory_MemTotal_bytes", 16e9, "lab"]));
    let output = server.cli(&["query", "system_memory_utilization_ratio"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("system.memory.utilization") && told.contains("0.25"), "{told}");
    let refused = server.cli(&["sql", "COPY metrics TO 'out.csv'"]);
    assert!(!refused.status.success());
    let resources = server.items("resources").await;
    assert_eq!((resources.len(), &resources[0]["type"]), (1, &Value::from("host")), "{resources:?}");
    let patience = PATIENCE;
    let page = server.client().get(server.url("/")).timeout(patience).send().await.unwrap();
    assert!(page.status().is_success() && page.headers().contains_key("content-security-policy"));
}
