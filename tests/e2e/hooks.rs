//! Hooks: a real Alertmanager tells through one, others are known by their signatures, and strangers are sent away.

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::peers::Alertmanager;
use crate::harness::server::Server;
use crate::harness::{eventually, http_client};

fn config() -> String {
    let token = hex::encode(Sha256::digest("s3cret"));
    format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
policies: [policies.yaml]
hooks:
  - {{name: other-site, kind: alertmanager, auth: {{bearer: {{sha256: {token}}}}}}}
  - name: boards
    kind: grafana
    auth: {{grafana: {{secret: '${{file:hook-secret}}', timestamp_header: X-Time}}}}
  - name: shop
    kind: json
    auth: {{query: {{sha256: {token}}}}}
    settings: {{name: /rule, status: /state, labels: {{host: /host}}}}
  - {{name: lab, kind: cloudevents, auth: {{none: true}}, settings: {{resolve_after: 1h}}}}
"
    )
}

async fn start() -> Server {
    let home = tempfile::tempdir().unwrap().keep();
    std::fs::write(home.join("isobar.yaml"), config()).unwrap();
    std::fs::write(home.join("policies.yaml"), "policies: []\n").unwrap();
    std::fs::write(home.join("hook-secret"), "swordfish\n").unwrap();
    Server::start_in(&home).await
}

/// The alert of this name in the native list.
async fn alert(server: &Server, name: &str) -> Option<Value> {
    server.items("alerts").await.into_iter().find(|alert| alert["name"] == name)
}

async fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: &Value) -> u16 {
    let mut request = http_client().post(server.url(path)).body(body.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alertmanager_tells_through_its_hook() {
    let server = start().await;
    let file = server.dir.join("alertmanager.yml");
    let their_config = format!(
        "
route: {{receiver: isobar, group_wait: 0s, group_interval: 1s}}
receivers:
  - name: isobar
    webhook_configs: [{{url: {:?}, http_config: {{authorization: {{credentials: s3cret}}}}}}]
",
        server.url("/hooks/alertmanager/other-site")
    );
    std::fs::write(&file, their_config).unwrap();
    let theirs = Alertmanager::start(&server.dir, &file).await;
    theirs
        .post(&[
            json!({"labels": {"alertname": "Far", "severity": "warning"}, "annotations": {"summary": "s"}}),
        ])
        .await;
    let found = eventually("the alert from the other site", || alert(&server, "Far")).await;
    assert_eq!((&found["state"], &found["sources"]), (&json!("firing"), &json!(["other-site"])), "{found}");
    assert_eq!((&found["verified"], &found["severity"]), (&json!(true), &json!("warning")), "{found}");
    let over =
        json!({"labels": {"alertname": "Far", "severity": "warning"}, "endsAt": "2020-01-02T00:00:00Z"});
    theirs.post(&[over]).await;
    eventually("its end", || async {
        alert(&server, "Far").await.filter(|alert| alert["state"] == "resolved")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_are_known_by_what_they_carry() {
    let server = start().await;
    let body = json!({"alerts": [{"status": "firing", "labels": {"alertname": "Board"}}]});
    let sign = |time: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"swordfish").unwrap();
        mac.update(format!("{time}:{body}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    };
    let now = (crate::harness::now_ms() / 1000).to_string();
    let path = "/hooks/grafana/boards";
    let good = [("x-grafana-alerting-signature", &*sign(&now)), ("x-time", &*now)];
    assert_eq!(post(&server, path, &good, &json!({"alerts": []})).await, 401, "another body");
    assert_eq!(post(&server, path, &[], &body).await, 401);
    let old = "1600000000";
    let replayed = [("x-grafana-alerting-signature", &*sign(old)), ("x-time", old)];
    assert_eq!(post(&server, path, &replayed, &body).await, 401, "an old request again");
    assert_eq!(alert(&server, "Board").await, None);
    assert_eq!(post(&server, path, &good, &body).await, 200);
    assert_eq!(alert(&server, "Board").await.unwrap()["verified"], true);

    let fired = json!({"rule": "Till", "state": "alerting", "host": "t1"});
    assert_eq!(post(&server, "/hooks/json/shop", &[], &fired).await, 401);
    assert_eq!(post(&server, "/hooks/json/shop?token=s3cret", &[], &fired).await, 200);
    assert_eq!(post(&server, "/hooks/json/shop?token=s3cret", &[], &json!({"rule": "Till"})).await, 400);
    assert_eq!(post(&server, "/hooks/json/nowhere?token=s3cret", &[], &fired).await, 404);
    assert_eq!(post(&server, "/hooks/grafana/shop?token=s3cret", &[], &fired).await, 404);
    let over = json!({"rule": "Till", "state": "ok", "host": "t1"});
    assert_eq!(post(&server, "/hooks/json/shop?token=s3cret", &[], &over).await, 200);
    assert_eq!(alert(&server, "Till").await.unwrap()["state"], "resolved");

    let event = json!({"specversion": "1.0", "id": "1", "source": "lab", "type": "Leak"});
    let kind = [("content-type", "application/cloudevents+json")];
    assert_eq!(post(&server, "/hooks/cloudevents/lab", &kind, &event).await, 200);
    assert_eq!(alert(&server, "Leak").await.unwrap()["verified"], false);
    let asked = http_client().request("OPTIONS".parse().unwrap(), server.url("/hooks/cloudevents/lab"));
    let allowed = asked.header("webhook-request-origin", "grid.example").send().await.unwrap();
    assert_eq!(allowed.headers()["webhook-allowed-origin"], "grid.example");
}

/// What a hook was told stays across the end of the process, and a hook that left the configuration is closed.
#[tokio::test(flavor = "multi_thread")]
async fn alerts_stay_and_hooks_follow_the_configuration() {
    let mut server = start().await;
    let fired = json!({"rule": "Till", "state": "alerting", "host": "t1"});
    assert_eq!(post(&server, "/hooks/json/shop?token=s3cret", &[], &fired).await, 200);
    server.kill_and_restart().await;
    let till = alert(&server, "Till").await.unwrap();
    assert_eq!((&till["state"], &till["ends_at"]), (&json!("firing"), &Value::Null));
    let why = server.get(&format!("/api/isobar/v1/why?alert={}", till["id"].as_str().unwrap())).await;
    assert!(why.to_string().contains("it ends when its sender says so"), "{why}");
    let theirs = server.get("/api/v2/alerts").await;
    assert!(!(why.to_string() + &theirs.to_string()).contains("9999-"), "an end that nobody named: {theirs}");
    std::fs::write(server.dir.join("isobar.yaml"), config().replace("name: shop", "name: store")).unwrap();
    assert_eq!(server.reload().await.0, 200);
    assert_eq!(post(&server, "/hooks/json/shop?token=s3cret", &[], &fired).await, 404);
    assert_eq!(post(&server, "/hooks/json/store?token=s3cret", &[], &fired).await, 200);
    let _ = std::fs::remove_dir_all(&server.dir);
}
