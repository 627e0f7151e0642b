//! A sender that dies is not a recovery: what fires goes on firing, and a policy that asks for it says no-data.

use serde_json::Value;

use crate::harness::receiver::{Answer, Receiver};
use crate::harness::remote_write::{encode, post};
use crate::harness::server::Server;
use crate::harness::{eventually, now_ms};

/// Two policies on the same values; they differ in what silence means to them.
const POLICIES: &str = "
policies:
  - name: Watched
    metric: system.memory.utilization
    over: 1s
    by: [resource_id]
    levels: {critical: \"> 90%\"}
    no_data: alert
    no_data_after: 20s
    labels: {team: platform}
  - name: Held
    metric: system.memory.utilization
    over: 1s
    by: [resource_id]
    levels: {critical: \"> 90%\"}
";

const SECOND: i64 = 1000;

async fn started(webhook: &Receiver) -> Server {
    let config = format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
policies: [policies.yaml]
alerting:
  route: {{receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
  receivers: [{{name: ops, webhook_configs: [{{url: {:?}}}]}}]
",
        webhook.url("/")
    );
    Server::start(&config, POLICIES).await
}

/// Writes what node_exporters on these machines say at this time about memory of which so much is used.
async fn write(server: &Server, machines: &[&str], used: f64, at: i64) {
    let mut labels = Vec::new();
    for machine in machines {
        for (name, value) in
            [("node_memory_MemTotal_bytes", 100.0), ("node_memory_MemAvailable_bytes", 100.0 * (1.0 - used))]
        {
            labels.push(([("__name__", name), ("instance", *machine), ("job", "node")], value));
        }
    }
    let series: Vec<_> =
        labels.iter().map(|(labels, value)| (labels.as_slice(), vec![(at, *value)])).collect();
    let (status, body) = post(server, encode(&series)).await;
    assert_eq!(status, 204, "{body}");
}

/// The alerts, as `name machine state`, in order.
fn shown(alerts: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let machine = |alert: &Value| text(&alert["resource"]).rsplit(':').next().unwrap_or_default().to_owned();
    let mut shown: Vec<String> = alerts
        .iter()
        .map(|one| format!("{} {} {}", text(&one["name"]), machine(one), text(&one["state"])))
        .collect();
    shown.sort();
    shown
}

/// The alert that is shown so.
fn alert<'a>(alerts: &'a [Value], so: &str) -> &'a Value {
    alerts.iter().find(|one| shown(std::slice::from_ref(one)) == [so]).unwrap()
}

async fn alerts_are(server: &Server, expected: &[&str]) -> Vec<Value> {
    eventually(&format!("{expected:?}"), || async {
        let alerts = server.items("alerts").await;
        (shown(&alerts) == expected).then_some(alerts)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_dies_is_silent_and_not_well() {
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let server = started(&webhook).await;
    // Event time is what counts, and a minute of it is written at once.
    let start = now_ms() - 60 * SECOND;
    for second in [0, 5, 10] {
        write(&server, &["alpha", "beta"], 0.95, start + second * SECOND).await;
    }
    let both = ["Held alpha firing", "Held beta firing", "Watched alpha firing", "Watched beta firing"];
    let before = alerts_are(&server, &both).await;
    let watched = alert(&before, "Watched alpha firing").clone();

    // Beta goes on, and that it is well shows that its latest sample was judged.
    for second in [15, 20] {
        write(&server, &["beta"], 0.95, start + second * SECOND).await;
    }
    write(&server, &["beta"], 0.5, start + 25 * SECOND).await;
    let waiting =
        ["Held alpha firing", "Held beta resolved", "Watched alpha firing", "Watched beta resolved"];
    alerts_are(&server, &waiting).await;
    for second in [30, 35] {
        write(&server, &["beta"], 0.5, start + second * SECOND).await;
    }
    let silent =
        ["Held alpha firing", "Held beta resolved", "Watched alpha no_data", "Watched beta resolved"];
    let after = alerts_are(&server, &silent).await;
    assert_eq!(
        alert(&after, "Watched alpha no_data")["labels"],
        watched["labels"],
        "the same route is taken"
    );
    assert_eq!(alert(&after, "Watched alpha no_data")["id"], watched["id"]);
    let told = webhook.received();
    let told = told.iter().flat_map(|one| one.json()["alerts"].as_array().cloned().unwrap_or_default());
    let of_alpha: Vec<Value> =
        told.filter(|one| one["labels"]["resource_id"] == watched["resource"]).collect();
    assert!(of_alpha.len() >= 2 && of_alpha.iter().all(|one| one["status"] == "firing"), "{of_alpha:#?}");

    // Only what it says when it is back can be a recovery.
    write(&server, &["alpha", "beta"], 0.5, start + 40 * SECOND).await;
    let over =
        ["Held alpha resolved", "Held beta resolved", "Watched alpha resolved", "Watched beta resolved"];
    alerts_are(&server, &over).await;
}
