//! The same alerts and the same configuration through Debian's Alertmanager and through us: both tell the same groups.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use isobar_egress::{ClientOptions, Request, Trust};
use serde_json::{Value, json};

use super::*;
use crate::alert::Alert;
use crate::fixture::alert;

mod differences;

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
    call(egress, http::Method::POST, url, body).await.map(|(status, _)| status)
}

async fn call(egress: &Egress, method: http::Method, url: &str, body: &Value) -> Option<(u16, Value)> {
    let client = egress.client(ClientOptions::new(Trust::Operator)).unwrap();
    let headers = [(http::header::CONTENT_TYPE, "application/json".parse().unwrap())];
    let request = Request {
        method,
        url: Url::parse(url).unwrap(),
        headers: headers.into_iter().collect(),
        body: body.to_string().into(),
        timeout: Duration::from_secs(5),
        response_max: 1 << 20,
    };
    let response = client.send(request).await.ok()?;
    Some((response.status.as_u16(), serde_json::from_slice(&response.body).unwrap_or_default()))
}

/// Debian's Alertmanager with this configuration, and where it listens; `None` where it is not installed.
fn start(folder: &std::path::Path, configuration: &str) -> Option<(Ended, String)> {
    if Command::new(BINARY).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        eprintln!("skipped: {BINARY} is not installed");
        return None;
    }
    let file = folder.join("alertmanager.yml");
    std::fs::write(&file, configuration).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new(BINARY)
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Some((Ended(child), format!("http://127.0.0.1:{port}")))
}

#[tokio::test]
async fn groups_are_told_as_alertmanager_tells_them() {
    let receiver = TestReceiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let Some((_ended, base)) = start(folder.path(), &configuration(&receiver, "theirs")) else { return };

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
    let url = format!("{base}/api/v2/alerts");
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

/// What was told of one group, in its order: how it stands, what fires, what is over.
fn story(receiver: &TestReceiver, prefix: &str) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for seen in receiver.seen(&format!("/{prefix}")) {
        let body = seen.body;
        let mut alerts: Vec<String> = body["alerts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|alert| {
                format!("{} {}{}", alert["status"], alert["labels"]["alertname"], alert["labels"]["i"])
            })
            .collect();
        alerts.sort();
        let told = format!("{}: {}", body["status"], alerts.join(", "));
        groups.entry(body["groupKey"].to_string()).or_default().push(told);
    }
    groups
}

/// The same alerts, silences and ends for both, one after the other, each when both have told what came before.
#[tokio::test]
async fn what_is_silenced_and_inhibited_is_told_as_alertmanager_tells_it() {
    const STORY: &str = "
route: {receiver: team, group_by: [team], group_wait: 300ms, group_interval: 700ms}
inhibit_rules: [{source_matchers: [alertname=Outage], target_matchers: [alertname!=Outage], equal: [zone]}]
";
    let receiver = TestReceiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let configuration = |prefix: &str| {
        format!(
            "{STORY}receivers: [{{name: team, webhook_configs: [{{url: '{}/{prefix}'}}]}}]\n",
            receiver.address
        )
    };
    let Some((_ended, base)) = start(folder.path(), &configuration("theirs")) else { return };
    let egress = Egress::new(EgressOptions::default()).unwrap();
    // The clock of the API: both are told times by it.
    let now = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
    };
    let ours = Running::start(&configuration("ours"), &Arc::default()).await;
    let send = async |identity: &str, is_over: bool| {
        let labels: BTreeMap<&str, &str> =
            identity.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect();
        let hour = Duration::from_secs(3600);
        let span = |at: Timestamp| (at.minus(hour / 60), if is_over { at } else { at.plus(hour) });
        let (starts_at, ends_at) = span(now());
        let (starts_at, ends_at) = (starts_at.to_string(), ends_at.to_string());
        let body = json!([{"labels": labels, "startsAt": starts_at, "endsAt": ends_at}]);
        let posting = async {
            while post(&egress, &format!("{base}/api/v2/alerts"), &body).await != Some(200) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), posting).await.expect("Alertmanager takes alerts");
        let (starts_at, ends_at) = span((ours.handle.parts.clock)());
        let posted = crate::PostedAlert {
            labels: crate::fixture::labels(identity),
            annotations: BTreeMap::new(),
            starts_at: Some(starts_at),
            ends_at: Some(ends_at),
            generator_url: String::new(),
        };
        assert_eq!(ours.handle.post("alertmanager", vec![posted], true).await.unwrap().refused, []);
    };
    let agree = async |step: &str, groups: usize, told: usize| {
        let done = || {
            let (ours, theirs) = (story(&receiver, "ours"), story(&receiver, "theirs"));
            let total = |story: &BTreeMap<String, Vec<String>>| story.values().map(Vec::len).sum::<usize>();
            ours == theirs && ours.len() == groups && total(&ours) == told
        };
        let agreed = async {
            while !done() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(10), agreed).await.is_err() {
            let (ours, theirs) = (story(&receiver, "ours"), story(&receiver, "theirs"));
            panic!("{step}: ours {ours:#?}\ntheirs {theirs:#?}");
        }
    };

    let matcher = json!({"name": "i", "value": "2", "isRegex": false});
    let ends = now().plus(Duration::from_secs(3600)).to_string();
    let silence = json!({"matchers": [matcher], "startsAt": now().to_string(), "endsAt": ends, "createdBy": "ada", "comment": "c"});
    let silencing = async {
        loop {
            let made = call(&egress, http::Method::POST, &format!("{base}/api/v2/silences"), &silence).await;
            match made {
                Some((200, body)) => return body["silenceID"].as_str().unwrap().to_owned(),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let theirs =
        tokio::time::timeout(Duration::from_secs(20), silencing).await.expect("Alertmanager takes silences");
    let draft = crate::SilenceDraft {
        matchers: vec![isobar_normalizer::Matcher::equal("i", "2")],
        ends_at: (ours.handle.parts.clock)().plus(Duration::from_secs(3600)),
        ..crate::SilenceDraft::default()
    };
    let mine = ours.handle.put_silence(draft, "user:ada").await.unwrap();

    send("alertname=Outage zone=z team=net", false).await;
    agree("the source", 1, 1).await;
    for identity in
        ["alertname=A i=1", "alertname=A i=2", "alertname=A i=3 zone=z", "alertname=A i=4 zone=z team=net"]
    {
        send(identity, false).await;
    }
    agree("silenced and inhibited", 2, 2).await;
    call(&egress, http::Method::DELETE, &format!("{base}/api/v2/silence/{theirs}"), &Value::Null).await;
    ours.handle.expire_silence(&mine.id, "user:ada").await.unwrap();
    agree("the silence ends", 2, 3).await;
    send("alertname=Outage zone=z team=net", true).await;
    agree("the source is over", 2, 5).await;
    send("alertname=A i=1", true).await;
    agree("one is over", 2, 6).await;
    ours.stop().await;
}
