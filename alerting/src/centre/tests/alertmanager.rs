//! The same alerts and the same configuration through Debian's Alertmanager and through us: both tell the same groups.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use isobar_egress::{ClientOptions, Request, Trust};
use serde_json::{Value, json};

use super::*;
use crate::alert::Alert;
use crate::fixture::alert;

const BINARY: &str = "prometheus-alertmanager";

const ROUTES: &str = r#"
route:
  receiver: team
  group_by: [alertname, cluster]
  group_wait: 50ms
  group_interval: 10m
  routes:
  - receiver: pager
    matchers: ['severity=~"critical|error"', team!=test]
    group_by: [severity]
    continue: true
  - receiver: database
    match_re: {team: 'd.*'}
    group_by: ['...']
"#;

/// Ends the process however the test ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn configuration(receiver: &TestReceiver, prefix: &str) -> String {
    let mut text = format!("{}receivers:\n", ROUTES.trim_start());
    for name in ["team", "pager", "database"] {
        let url = format!("{}/{prefix}/{name}", receiver.address);
        text.push_str(&format!("- name: {name}\n  webhook_configs: [{{url: '{url}'}}]\n"));
    }
    text
}

/// What both must agree on, by receiver and group.
fn told(receiver: &TestReceiver, prefix: &str) -> BTreeMap<(String, String), Value> {
    let mut groups = BTreeMap::new();
    for name in ["team", "pager", "database"] {
        for seen in receiver.seen(&format!("/{prefix}/{name}")) {
            let body = seen.body;
            let mut alerts: Vec<Value> = body["alerts"].as_array().unwrap().clone();
            for alert in &mut alerts {
                *alert = json!({
                    "status": alert["status"], "labels": alert["labels"], "annotations": alert["annotations"],
                    "endsAt": alert["endsAt"], "fingerprint": alert["fingerprint"],
                });
            }
            alerts.sort_by_key(|alert| alert["fingerprint"].to_string());
            let key = (name.to_owned(), body["groupKey"].as_str().unwrap().to_owned());
            let shared = [
                "receiver",
                "status",
                "version",
                "truncatedAlerts",
                "groupLabels",
                "commonLabels",
                "commonAnnotations",
            ];
            let mut group: serde_json::Map<String, Value> =
                shared.iter().map(|field| ((*field).to_owned(), body[*field].clone())).collect();
            group.insert("alerts".to_owned(), Value::Array(alerts));
            assert!(groups.insert(key, Value::Object(group)).is_none(), "a group was told twice");
        }
    }
    groups
}

fn alerts() -> Vec<Alert> {
    let mut alerts = Vec::new();
    for (i, (severity, team)) in [
        ("critical", "db"),
        ("critical", "test"),
        ("error", "web"),
        ("warning", "data"),
        ("info", "web"),
        ("critical", "db"),
    ]
    .into_iter()
    .enumerate()
    {
        // The identity names all that Alertmanager sees, so that fingerprints are of the same labels.
        let identity = format!(
            "alertname=A{} cluster=c{} severity={severity} team={team} class=latency i={i}",
            i % 2,
            i % 3
        );
        let mut one = alert(&identity, AlertState::Firing, severity.parse().unwrap(), START);
        one.class = isobar_normalizer::AlertClass::Latency;
        one.annotations.insert("summary".to_owned(), "same".to_owned());
        one.annotations.insert("n".to_owned(), i.to_string());
        alerts.push(one);
    }
    alerts
}

async fn post(egress: &Egress, url: &str, body: &Value) -> Option<u16> {
    let client = egress.client(ClientOptions::new(Trust::Operator)).unwrap();
    let headers = [(http::header::CONTENT_TYPE, "application/json".parse().unwrap())];
    let request = Request {
        method: http::Method::POST,
        url: Url::parse(url).unwrap(),
        headers: headers.into_iter().collect(),
        body: body.to_string().into(),
        timeout: Duration::from_secs(5),
        response_max: 1 << 20,
    };
    client.send(request).await.ok().map(|response| response.status.as_u16())
}

#[tokio::test]
async fn groups_are_told_as_alertmanager_tells_them() {
    if Command::new(BINARY).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        eprintln!("skipped: {BINARY} is not installed");
        return;
    }
    let receiver = TestReceiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alertmanager.yml");
    std::fs::write(&file, configuration(&receiver, "theirs")).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new(BINARY)
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _ended = Ended(child);

    let alerts = alerts();
    let posted: Vec<Value> = alerts
        .iter()
        .map(|alert| {
            let labels: BTreeMap<String, String> =
                alert.labels().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            json!({"labels": labels, "annotations": alert.annotations})
        })
        .collect();
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let url = format!("http://127.0.0.1:{port}/api/v2/alerts");
    let posting = async {
        while post(&egress, &url, &json!(posted)).await != Some(200) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), posting).await.expect("Alertmanager takes alerts");

    let centre = Running::start(&configuration(&receiver, "ours"), &Arc::default()).await;
    let said = alerts.into_iter().map(|alert| crate::Transition {
        from: None,
        reason: String::new(),
        decided_at: START,
        alert,
    });
    centre.handle.ingest(said.collect()).await.unwrap();
    let expected = centre.handle.groups().len();
    assert_eq!(expected, 7);
    centre.until_all_are(expected, DeliveryState::Sent).await;
    let all_theirs = async {
        while told(&receiver, "theirs").len() < expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(10), all_theirs).await;
    let (ours, theirs) = (told(&receiver, "ours"), told(&receiver, "theirs"));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    assert_eq!(ours, theirs);
    centre.stop().await;
}
