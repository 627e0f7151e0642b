//! Alertmanager's door: a real Prometheus tells its alerts, amtool's commands work as people type them, and what is answered is
//! what Alertmanager itself answers.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::peers::{Alertmanager, Prometheus};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;
use crate::harness::{eventually, http_client, now_ms};

const NO_POLICIES: &str = "policies: []\n";

const CONFIG: &str = "
security: {allow_private_targets: [\"127.0.0.0/8\"]}
policies: [policies.yaml]
alerting: {file: alertmanager.yml}
";

/// Everything goes to `web`, and the alerts of one team to nobody.
fn alertmanager_yml(webhook: &Receiver) -> String {
    format!(
        "
route:
  receiver: web
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes: [{{matchers: ['team=\"db\"'], receiver: db}}]
receivers:
  - name: web
    webhook_configs: [{{url: {:?}}}]
  - name: db
",
        webhook.url("/web")
    )
}

async fn start(home: &Path, webhook: &Receiver) -> Server {
    std::fs::write(home.join("isobar.yaml"), CONFIG).unwrap();
    std::fs::write(home.join("policies.yaml"), NO_POLICIES).unwrap();
    std::fs::write(home.join("alertmanager.yml"), alertmanager_yml(webhook)).unwrap();
    Server::start_in(home).await
}

/// Prometheus looks up where to send five seconds after its start; what fires earlier it tells a minute later.
const RULES: &str = "
groups:
  - name: lab
    interval: 1s
    rules:
      - alert: AlwaysBad
        expr: vector(7) > 5 and vector(time()) < UNTIL
        for: 8s
        labels: {severity: critical}
        annotations: {summary: 'it is {{ $value }}'}
";

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_tells_its_alerts_and_their_end() {
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &webhook).await;
    let rules = home.path().join("rules.yml");
    // Over by itself: after a reload Prometheus would look up again where to send, and tell the end a minute later.
    let until = now_ms() / 1000 + 25;
    std::fs::write(&rules, RULES.replace("UNTIL", &until.to_string())).unwrap();
    let url = server.url("");
    let address = url.strip_prefix("http://").unwrap();
    let config = format!(
        "
global: {{scrape_interval: 1s, evaluation_interval: 1s, external_labels: {{site: eu}}}}
rule_files: [{:?}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: [{address:?}]}}]}}]}}
",
        rules.display().to_string()
    );
    let _prometheus = Prometheus::start(home.path(), &config).await;
    let page = webhook.wait_for(1).await[0].json();
    let alert = &page["alerts"][0];
    assert_eq!(page["status"], "firing", "{page}");
    assert_eq!(alert["labels"], json!({"alertname": "AlwaysBad", "severity": "critical", "site": "eu"}));
    assert_eq!(alert["annotations"], json!({"summary": "it is 7"}));
    let generator = alert["generatorURL"].as_str().unwrap();
    assert!(generator.contains("/graph?g0.expr=vector"), "{page}");
    let shown = server.get("/api/v2/alerts").await;
    assert_eq!(shown[0]["fingerprint"], alert["fingerprint"], "{shown}");
    assert_eq!(shown[0]["receivers"], json!([{"name": "web"}]), "{shown}");
    let listed = server.items("alerts").await;
    assert_eq!((&listed[0]["name"], &listed[0]["severity"]), (&json!("AlwaysBad"), &json!("critical")));

    // It repeats what it told; that is no news. The end is.
    let pages = webhook.wait_for(2).await;
    let end = pages[1].json();
    assert_eq!(
        (&end["status"], &end["alerts"][0]["fingerprint"]),
        (&json!("resolved"), &alert["fingerprint"])
    );
    assert_eq!(server.get("/api/v2/alerts").await, json!([]));
}

/// amtool against a server, in a home of its own.
struct Amtool<'a> {
    url: &'a str,
    home: &'a Path,
}

impl Amtool<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("/usr/bin/amtool");
        command.arg(format!("--alertmanager.url={}", self.url)).args(arguments).env("HOME", self.home);
        command.output().expect("amtool is installed")
    }

    /// What it prints, having done it.
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "amtool {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[arguments, &["-o", "json"]].concat())).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn amtool_works_as_people_type_it() {
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &webhook).await;
    let url = server.url("");
    let amtool = Amtool { url: &url, home: home.path() };

    amtool.ok(&["alert", "add", "alertname=Disk", "host=a", "--annotation=summary=full"]);
    amtool.ok(&["alert", "add", "Disk", "host=b", "team=db"]);
    webhook.wait_for(1).await;
    let names = |alerts: Value| {
        let hosts =
            alerts.as_array().unwrap().iter().map(|one| one["labels"]["host"].as_str().unwrap().to_owned());
        let mut hosts: Vec<String> = hosts.collect();
        hosts.sort();
        hosts
    };
    assert_eq!(names(amtool.json(&["alert", "query"])), ["a", "b"]);
    assert_eq!(names(amtool.json(&["alert", "query", "Disk", "host=~a|c"])), ["a"]);
    assert_eq!(names(amtool.json(&["alert", "query", "--receiver=db"])), ["b"]);
    assert!(amtool.ok(&["alert"]).contains("full"));

    let id =
        amtool.ok(&["silence", "add", "alertname=Disk", "host=~a|b", "-c", "moving", "-d", "2h", "-a", "me"]);
    let id = id.trim();
    assert_eq!(amtool.ok(&["silence", "query", "-q"]).trim(), id);
    assert_eq!(amtool.json(&["silence", "query", "host=\"a|b\""])[0]["comment"], "moving");
    eventually("the silence to hold", || async {
        names(amtool.json(&["alert", "query", "--silenced"])).len().eq(&2).then_some(())
    })
    .await;
    assert_eq!(names(amtool.json(&["alert", "query", "--active"])), [""; 0]);
    let updated = amtool.ok(&["silence", "update", "-d", "3h", "-c", "still", id]);
    assert!(updated.contains("still"), "{updated}");
    let exported = home.path().join("silences.json");
    std::fs::write(&exported, amtool.ok(&["silence", "query", "-o", "json"])).unwrap();
    let kept = amtool.ok(&["silence", "query", "-q"]);
    amtool.ok(&["silence", "expire", kept.trim()]);
    assert_eq!(amtool.ok(&["silence", "query", "-q"]), "");
    amtool.ok(&["silence", "import", exported.to_str().unwrap()]);
    let imported = amtool.ok(&["silence", "query", "-q"]);
    assert_eq!(imported.lines().count(), 1, "{imported}");
    assert_eq!(amtool.json(&["silence", "query", "--expired", "--within=1h"]).as_array().unwrap().len(), 1);

    let cluster = amtool.ok(&["cluster", "show"]);
    assert!(cluster.contains("disabled"), "{cluster}");
    let routes = amtool.ok(&["config", "routes", "show"]);
    assert!(routes.contains("receiver: db"), "{routes}");
    assert_eq!(amtool.ok(&["config", "routes", "test", "team=db"]).trim(), "db");
    assert_eq!(
        amtool.run(&["config", "routes", "test", "--verify.receivers=web", "team=db"]).status.code(),
        Some(1)
    );
    assert!(amtool.ok(&["config", "show"]).contains("webhook_configs"));
    let wrong = amtool.run(&["silence", "add", "alertname=~.*", "-c", "all", "-a", "me"]);
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("must not match the empty string"));
}

/// A request and what is read of its answer.
struct Ask {
    method: &'static str,
    path: String,
    body: Option<Value>,
}

fn ask(method: &'static str, path: &str, body: Option<Value>) -> Ask {
    Ask { method, path: path.to_owned(), body }
}

/// The status, and the answer without what differs from moment to moment, and from one to the other on purpose.
async fn answer(url: &str, ask: &Ask, ids: &mut Vec<String>) -> (u16, Value) {
    let path =
        ids.iter().enumerate().fold(ask.path.clone(), |path, (at, id)| path.replace(&format!("ID{at}"), id));
    let method = ask.method.parse().unwrap();
    let mut request = http_client().request(method, format!("{url}/api/v2/{path}"));
    if let Some(body) = &ask.body {
        let text = ids
            .iter()
            .enumerate()
            .fold(body.to_string(), |text, (at, id)| text.replace(&format!("ID{at}"), id));
        request = request.header("content-type", "application/json").body(text);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let mut body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if let Some(id) = body["silenceID"].as_str().filter(|id| ids.iter().all(|known| known != id)) {
        ids.push(id.to_owned());
    }
    plain(&mut body, ids);
    (status, body)
}

fn plain(body: &mut Value, ids: &[String]) {
    match body {
        Value::Object(fields) => {
            // What came after 0.25.
            for added in ["mutedBy", "routeLabels", "annotations"] {
                if fields.get(added).is_some_and(|value| value == &json!({}) || value == &json!([])) {
                    fields.remove(added);
                }
            }
            for (key, value) in fields {
                if ["startsAt", "endsAt", "updatedAt"].contains(&key.as_str()) {
                    assert!(value.as_str().unwrap().ends_with('Z'), "{key}: {value}");
                    *value = json!("time");
                }
                plain(value, ids);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| plain(item, ids)),
        Value::String(text) => {
            if let Some(at) = ids.iter().position(|id| id == text) {
                *text = format!("ID{at}");
            }
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_those_of_alertmanager() {
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let home = tempfile::tempdir().unwrap();
    let server = start(home.path(), &webhook).await;
    let theirs = Alertmanager::start(home.path(), &home.path().join("alertmanager.yml")).await;
    let silence = |matchers: Value, more: Value| {
        let mut silence = json!({
            "matchers": matchers, "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
            "createdBy": "me", "comment": "c",
        });
        more.as_object().unwrap().iter().for_each(|(key, value)| silence[key] = value.clone());
        Some(silence)
    };
    let team = json!([{"name": "team", "value": "db", "isRegex": false}]);
    let asks = [
        ask("GET", "alerts", None),
        ask("GET", "receivers", None),
        ask(
            "POST",
            "alerts",
            Some(json!([
                {"labels": {"alertname": "A", "team": "db", "e": ""}, "generatorURL": "http://x/y", "annotations": {"s": "t"}},
                {"labels": {"alertname": "B", "zone": "z"}},
                {"labels": {"alertname": "Over"}, "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2020-01-02T00:00:00Z"},
            ])),
        ),
        ask("GET", "alerts", None),
        ask("GET", "alerts/groups", None),
        ask("GET", "alerts/groups?receiver=d.", None),
        ask("GET", "alerts?filter=team=db", None),
        ask("GET", "alerts?filter=team=%22%22", None),
        ask("GET", "alerts?filter=alertname=~%22A%7CB%22&filter=zone!=z", None),
        ask("GET", "alerts?receiver=we", None),
        ask("GET", "alerts?active=maybe", None),
        ask("POST", "alerts", Some(json!([]))),
        ask(
            "POST",
            "alerts",
            Some(json!([{"labels": {"alertname": "B", "zone": "z"}, "endsAt": "2020-01-02T00:00:00Z"}])),
        ),
        ask("GET", "alerts", None),
        ask("POST", "silences", silence(team.clone(), json!({}))),
        ask("GET", "silences", None),
        ask("GET", "silence/ID0", None),
        ask("GET", "alerts?silenced=false", None),
        ask("GET", "alerts?active=false", None),
        ask("GET", "alerts/groups", None),
        ask("GET", "silences?filter=team=db", None),
        ask("GET", "silences?filter=team=web", None),
        ask(
            "POST",
            "silences",
            silence(
                json!([{"name": "zone", "value": "z.*", "isRegex": true, "isEqual": false}]),
                json!({"id": "ID0"}),
            ),
        ),
        ask("GET", "silences", None),
        ask("DELETE", "silence/ID1", None),
        ask("GET", "silence/ID1", None),
        ask("GET", "alerts", None),
        ask("POST", "silences", silence(team.clone(), json!({"id": "00000000-0000-4000-8000-000000000000"}))),
        ask("POST", "silences", silence(json!([]), json!({}))),
        ask("POST", "silences", silence(json!([{"name": "team", "value": "", "isRegex": false}]), json!({}))),
        ask("POST", "silences", silence(team.clone(), json!({"startsAt": "2099-01-01T00:00:00Z"}))),
        ask("POST", "silences", silence(team.clone(), json!({"endsAt": "2021-01-01T00:00:00Z"}))),
        ask("POST", "silences", silence(team.clone(), json!({"comment": null}))),
        ask("GET", "silence/x", None),
        ask("GET", "silence/00000000-0000-4000-8000-000000000000", None),
    ];
    let (mut our_ids, mut their_ids) = (Vec::new(), Vec::new());
    let url = server.url("");
    let mut different = Vec::new();
    for one in &asks {
        let ours = eventually_equal(&url, &theirs.url, one, &mut our_ids, &mut their_ids).await;
        different.extend(ours);
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// Asks both; reads are asked again for a moment, because both tell groups and silences to themselves in the background.
async fn eventually_equal(
    url: &str,
    their_url: &str,
    one: &Ask,
    our_ids: &mut Vec<String>,
    their_ids: &mut Vec<String>,
) -> Option<String> {
    let tries = if one.method == "GET" { 40 } else { 1 };
    let mut last = None;
    for _ in 0..tries {
        let (ours, theirs) = (answer(url, one, our_ids).await, answer(their_url, one, their_ids).await);
        if ours == theirs {
            return None;
        }
        last = Some(format!("{} {}\n  ours   {ours:?}\n  theirs {theirs:?}", one.method, one.path));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    last
}
