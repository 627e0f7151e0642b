//! What people do about alerts, from the command line and over the native API, and what receivers are told then.

use serde_json::{Value, json};

use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;
use crate::harness::{eventually, now_ms};

fn config(webhook: &Receiver) -> String {
    format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
policies: [policies.yaml]
alerting:
  route:
    receiver: web
    group_by: [alertname]
    group_wait: 0s
    group_interval: 1s
    repeat_interval: 2s
    routes: [{{matchers: ['team=\"db\"'], receiver: db}}]
  receivers:
    - name: web
      webhook_configs: [{{url: {:?}}}]
    - name: db
",
        webhook.url("/web")
    )
}

/// What a command printed, having done it.
fn ok(server: &Server, arguments: &[&str]) -> String {
    let output = server.cli(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

async fn post(server: &Server, alerts: &Value) {
    let request = server.client().post(server.url("/api/v2/alerts")).json(alerts);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

fn alert(name: &str, more: &Value) -> Value {
    let mut labels = json!({"alertname": name});
    more.as_object().unwrap().iter().for_each(|(key, value)| labels[key] = value.clone());
    json!({"labels": labels})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_is_not_repeated_and_what_is_silenced_is_not_told() {
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let mut server = Server::start(&config(&webhook), "policies: []\n").await;

    let printed =
        ok(&server, &["silence", "add", "alertname=Quiet", "-c", "moving the shelf", "--for", "2h"]);
    let id = printed.trim();
    post(&server, &json!([alert("Quiet", &json!({})), alert("Loud", &json!({}))])).await;
    let told = webhook.wait_for(1).await;
    assert_eq!(told[0].json()["alerts"][0]["labels"]["alertname"], "Loud");
    let listed = ok(&server, &["silence", "list"]);
    assert!(
        listed.contains(id) && listed.contains("alertname=\"Quiet\"") && listed.contains("active"),
        "{listed}"
    );
    let quiet = server.items("alerts?q=Quiet").await;
    assert_eq!(quiet[0]["silenced_by"], json!([id]), "{quiet:?}");
    let why = ok(&server, &["why", quiet[0]["id"].as_str().unwrap()]);
    assert!(why.contains(id), "{why}");

    // Taken: the repetition that is due every two seconds stays away; worse, and it is told again.
    assert_eq!(ok(&server, &["alerts", "ack", "--q", "Loud", "--note", "on it"]).trim(), "1 alert");
    let loud = server.items("alerts?q=Loud").await;
    assert_eq!(loud[0]["acknowledged_by"], "anonymous", "{loud:?}");
    assert_eq!(loud[0]["comments"][0]["text"], "on it");
    let count = webhook.received().len();
    post(&server, &json!([alert("Late", &json!({}))])).await;
    webhook.wait_for(count + 2).await;
    let late =
        |one: &crate::harness::receiver::Received| one.json()["alerts"][0]["labels"]["alertname"] == "Late";
    assert!(webhook.received()[count..].iter().all(late), "only what nobody has taken is repeated");

    // Nothing of it is forgotten by a restart.
    server.kill_and_restart().await;
    assert_eq!(server.items("alerts?q=Loud").await[0]["acknowledged_by"], "anonymous");
    let expired = server.cli(&["silence", "expire", id]);
    assert!(expired.status.success());
    let again = server.cli(&["silence", "expire", id]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("already expired"));
    eventually("the page that was silenced", || async {
        let pages = webhook.received();
        pages.iter().any(|one| one.json()["alerts"][0]["labels"]["alertname"] == "Quiet").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_counted_and_acted_on_by_the_server() {
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let server = Server::start(&config(&webhook), "policies: []\n").await;
    let alerts: Vec<Value> = (0..60)
        .map(|n| {
            alert(
                "Many",
                &json!({"n": n.to_string(), "severity": if n % 2 == 0 { "critical" } else { "warning" }}),
            )
        })
        .collect();
    post(&server, &json!(alerts)).await;
    let list = server
        .get("/api/isobar/v1/alerts?q=%40severity%3Dcritical&sort=-name&limit=7&facets=@severity,n")
        .await;
    assert_eq!((&list["total"], list["items"].as_array().unwrap().len()), (&json!(30), 7), "{list}");
    let counts = json!([{"value": "critical", "count": 30}, {"value": "warning", "count": 30}]);
    assert_eq!(list["facets"]["@severity"], counts);
    assert_eq!(list["facets"]["n"].as_array().unwrap().len(), 30);
    let act = async |body: Value| {
        let request = server.client().post(server.url("/api/isobar/v1/alerts/acts")).json(&body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let (status, answer) =
        act(json!({"act": "assign", "to": "mei", "q": "@severity=warning", "expected": 29})).await;
    assert_eq!(status, 409, "{answer}");
    let (status, answer) =
        act(json!({"act": "assign", "to": "mei", "q": "@severity=warning", "expected": 30})).await;
    assert_eq!((status, &answer["affected"]), (200, &json!(30)), "{answer}");
    let owned = server.get("/api/isobar/v1/alerts?q=%40owner%3Dmei").await;
    assert_eq!(owned["total"], 30);
    let until = isobar_rfc3339(now_ms() + 3_600_000);
    let id = owned["items"][0]["id"].clone();
    assert_eq!(act(json!({"act": "snooze", "until": until, "ids": [id]})).await.0, 200);
    assert_eq!(server.get("/api/isobar/v1/alerts?q=%40held%3Dyes").await["total"], 1);

    let shown = ok(&server, &["routes", "test", "team=db", "severity=critical"]);
    assert!(shown.contains("route.routes[0]") && shown.contains("db"), "{shown}");
    let preview = json!({"config": "{route: {receiver: other}, receivers: [{name: other}]}"});
    let request = server.client().post(server.url("/api/isobar/v1/routes/preview")).json(&preview);
    let changed: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((&changed["alerts"], &changed["changed"]), (&json!(60), &json!(60)), "{changed}");
    assert_eq!(changed["receivers"][0], json!({"receiver": "other", "before": 0, "after": 60}));
    let preview = json!({"matchers": [{"name": "severity", "value": "critical"}]});
    let request = server.client().post(server.url("/api/isobar/v1/silences/preview")).json(&preview);
    let hidden: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(hidden["now"], json!({"total": 30, "critical": 30, "names": [{"name": "Many", "count": 30}]}));
    let receivers = server.items("receivers").await;
    assert_eq!(
        (&receivers[0]["name"], &receivers[0]["channels"][0]["channel"]),
        (&json!("web"), &json!("webhook"))
    );
}

/// A time as the API writes it.
fn isobar_rfc3339(millis: i64) -> String {
    let output = std::process::Command::new("/usr/bin/date")
        .args(["-u", "-d", &format!("@{}", millis / 1000), "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
