//! Incidents over the native API and from the command line: alerts that are posted belong together, people take them, split and
//! merge them, and a restart forgets nothing of it.

use serde_json::{Value, json};

use crate::harness::eventually;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;
use crate::openapi::{check, close};

fn config(webhook: &Receiver) -> String {
    format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
policies: [policies.yaml]
alerting:
  route: {{receiver: web, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
  receivers:
    - name: web
      webhook_configs: [{{url: {:?}}}]
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

async fn post_alerts(server: &Server, names: &[&str]) {
    let alert = |name: &&str| {
        let resource = if *name == "Apart" { "onprem:::host:web-9" } else { "onprem:::host:db-1" };
        json!({"labels": {"alertname": name, "resource_id": resource, "severity": "critical"}})
    };
    let alerts: Vec<Value> = names.iter().map(alert).collect();
    let request = server.client().post(server.url("/api/v2/alerts")).json(&alerts);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

async fn act(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let url = server.url(&format!("/api/isobar/v1/incidents/{path}"));
    let response = server.client().post(url).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Ids of the alerts of an incident, by the filter of the list.
async fn listed(server: &Server, incident: &str) -> Vec<String> {
    let items = server.items(&format!("alerts?sort=name&q=%40incident%3D{incident}")).await;
    items.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_together_is_taken_split_and_merged_and_a_restart_keeps_it() {
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let mut server = Server::start(&config(&webhook), "policies: []\n").await;
    post_alerts(&server, &["Full", "Slow", "Apart"]).await;
    let whole = eventually("the two of one host in one incident", || async {
        let found = server.items("incidents?state=open&q=db-1").await;
        found.into_iter().find(|one| one["alert_count"] == 2 && one["open_count"] == 2)
    })
    .await;
    let id = whole["id"].as_str().unwrap().to_owned();
    assert_eq!(server.get("/api/isobar/v1/incidents?state=all").await["total"], 2);
    assert_eq!(listed(&server, &id).await, ["Full", "Slow"]);
    let facets =
        server.get("/api/isobar/v1/alerts?facets=@incident,@acknowledged,@flapping").await["facets"].clone();
    assert_eq!(facets["@incident"][0], json!({"value": id, "count": 2}));
    assert_eq!(facets["@acknowledged"], json!([{"value": "no", "count": 3}]));

    // What happened is told in order, deliveries too.
    let detail = eventually("both deliveries in the timeline", || async {
        let shown = server.get(&format!("/api/isobar/v1/incidents/{id}")).await;
        let sent =
            shown["timeline"].as_array().unwrap().iter().filter(|entry| entry["what"] == "sent").count();
        (sent == 2).then_some(shown)
    })
    .await;
    let mut document = server.get("/api/isobar/openapi.json").await;
    close(&mut document["components"]["schemas"]);
    check(&document, "incidents/{id}", "200", &detail);
    check(&document, "incidents", "200", &server.get("/api/isobar/v1/incidents").await);
    let words: Vec<&str> =
        detail["timeline"].as_array().unwrap().iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    assert_eq!(words.iter().filter(|word| **word == "firing").count(), 2, "{words:?}");
    assert!(words.contains(&"opened"), "{words:?}");
    let member = |name: &str| {
        let members = detail["members"].as_array().unwrap();
        let found = members.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{detail}"));
        found["id"].as_str().unwrap().to_owned()
    };
    let (full, slow) = (member("Full"), member("Slow"));

    // Who takes it has its alerts too; those of other incidents stay nobody's.
    ok(&server, &["incidents", "ack", &id]);
    assert_eq!(server.get("/api/isobar/v1/alerts?q=%40acknowledged%3Dyes").await["total"], 2);
    let (status, handed_back) = act(&server, &format!("{id}/unacknowledge"), &json!({})).await;
    assert_eq!((status, &handed_back["state"]), (200, &json!("open")));
    assert_eq!(server.get("/api/isobar/v1/alerts?q=%40acknowledged%3Dyes").await["total"], 0);
    let (status, taken) = act(&server, &format!("{id}/acknowledge"), &json!({})).await;
    assert_eq!((status, &taken["acknowledged_by"]), (200, &json!("anonymous")));

    let new = ok(&server, &["incidents", "split", &id, &full]).trim().to_owned();
    assert_eq!(
        (listed(&server, &id).await, listed(&server, &new).await),
        (vec!["Slow".to_owned()], vec!["Full".to_owned()])
    );
    let (status, refusal) = act(&server, &format!("{id}/split"), &json!({"alerts": [full]})).await;
    assert_eq!((status, &refusal["code"]), (409, &json!("conflict")), "{refusal}");
    let (status, refusal) = act(&server, &format!("{id}/split"), &json!({"alerts": [slow]})).await;
    assert_eq!(status, 400, "{refusal}");
    assert_eq!(act(&server, "i-none/acknowledge", &json!({})).await.0, 404);
    assert_eq!(act(&server, &format!("{id}/merge"), &json!({"from": id})).await.0, 400);

    // Nothing of it is forgotten.
    let before = server.get("/api/isobar/v1/incidents").await;
    server.kill_and_restart().await;
    assert_eq!(server.get("/api/isobar/v1/incidents").await, before);
    assert_eq!(server.get(&format!("/api/isobar/v1/incidents/{id}")).await["acknowledged_by"], "anonymous");
    assert_eq!(listed(&server, &new).await, ["Full"]);

    assert_eq!(ok(&server, &["incidents", "merge", &id, &new]).trim(), id);
    assert_eq!(listed(&server, &id).await, ["Full", "Slow"]);
    let gone = server.items("incidents?state=resolved").await;
    assert_eq!((&gone[0]["id"], &gone[0]["merged_into"]), (&json!(new), &json!(id)), "{gone:?}");
    assert_eq!(act(&server, &format!("{new}/acknowledge"), &json!({})).await.0, 409);
    let table = ok(&server, &["incidents"]);
    assert!(table.contains(&id) && !table.contains(&new), "{table}");
    let shown = ok(&server, &["incidents", "show", &id]);
    for word in ["2 alerts on db-1", "anonymous", "merge", "split", &full, &slow] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let why = ok(&server, &["why", &full]);
    assert!(why.contains(&id), "{why}");
}
