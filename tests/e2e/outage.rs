//! A region of a provider goes out: hundreds of alerts, one incident, one page, and a reason for each that was not sent.

use std::time::Duration;

use isobar_simulators::{Fault, Provider, Scope};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::clouds::{Clouds, INTERVAL_S};
use crate::harness::eventually_within;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;

const REGION: &str = "us-east-1";
/// How many machines of each service complain.
const MACHINES: usize = 6;

async fn sql(server: &Server, statement: &str) -> Vec<Value> {
    let request = server.client().post(server.url("/api/isobar/v1/sql"));
    let response =
        request.json(&serde_json::json!({"statement": statement})).send().await.expect("an answer");
    let answer: Value = response.json().await.expect("JSON");
    answer["rows"].as_array().unwrap_or_else(|| panic!("{statement}: {answer}")).clone()
}

/// The names of the alerts that were told as firing, each as often as it was.
fn told(webhook: &Receiver) -> Vec<String> {
    let bodies: Vec<Value> = webhook.received().iter().map(|received| received.json()).collect();
    let alerts = bodies.iter().flat_map(|body| body["alerts"].as_array().cloned().unwrap_or_default());
    let firing = alerts.filter(|alert| alert["status"] == "firing");
    firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn step(server: &Server, alert: &str, stage: &str) -> Value {
    let why = server.get(&format!("/api/isobar/v1/why?alert={alert}")).await;
    let steps = why.as_array().or_else(|| why["items"].as_array()).cloned().unwrap_or_default();
    let found = steps.into_iter().find(|step| step["stage"] == stage);
    found.unwrap_or_else(|| panic!("no step {stage}: {why:#}"))
}

fn config(webhook: &Receiver, clouds: &Clouds, dir: &std::path::Path) -> String {
    format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
policies: [policies.yaml]
hooks:
  - {{name: in-region, kind: alertmanager, auth: {{bearer: {{sha256: {token}}}}}}}
alerting:
  route: {{receiver: ops, group_by: [alertname, service_name], group_wait: 40s, group_interval: 1m, repeat_interval: 1h}}
  receivers:
    - {{name: ops, webhook_configs: [{{url: {webhook:?}}}]}}
sources:
{aws}{azure}{rooms}",
        token = hex::encode(Sha256::digest("s3cret")),
        webhook = webhook.url("/"),
        aws = clouds.aws("aws", dir),
        azure = clouds.azure("azure", dir),
        rooms = clouds.onprem("rooms"),
    )
}

/// Tells over the hook of what runs in the region that every machine of these services answers with errors.
async fn complain(server: &Server, services: &[String]) {
    let alert = |service: &String, machine: usize| {
        json!({
            "status": "firing",
            "labels": {
                "alertname": "ManyErrors", "severity": "critical", "service_name": service,
                "instance": format!("{service}-{machine}"), "cloud_provider": "aws", "cloud_region": REGION,
            },
            "annotations": {"summary": "answers with errors"},
        })
    };
    let alerts: Vec<Value> = services
        .iter()
        .flat_map(|service| (0..MACHINES).map(move |machine| alert(service, machine)))
        .collect();
    let body = json!({"version": "4", "status": "firing", "receiver": "isobar", "groupLabels": {}, "commonLabels": {},
        "commonAnnotations": {}, "externalURL": "", "groupKey": "{}", "truncatedAlerts": 0, "alerts": alerts});
    let request = server.client().post(server.url("/hooks/alertmanager/in-region")).bearer_auth("s3cret");
    let answer = request.json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

async fn is_degraded(server: &Server) -> Option<()> {
    let sources = server.items("sources").await;
    sources.iter().any(|source| source["name"] == "aws" && source["state"] == "degraded").then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_out_is_one_incident_and_one_page() {
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let home = tempfile::tempdir().unwrap();
    let clouds = Clouds::start(1).await;
    std::fs::write(home.path().join("isobar.yaml"), config(&webhook, &clouds, home.path())).unwrap();
    std::fs::write(home.path().join("policies.yaml"), "policies: []\n").unwrap();
    let mut server = Server::start_in(home.path()).await;
    let services: Vec<String> =
        eventually_within(Duration::from_secs(150), "the services of the region", || async {
            let rows =
                sql(&server, &format!("SELECT DISTINCT service FROM resources WHERE region = '{REGION}'"))
                    .await;
            let services: Vec<String> = rows
                .iter()
                .filter_map(|row| row[0].as_str())
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
            (services.len() >= 7).then_some(services)
        })
        .await;

    // The provider's own interface fails there, and what runs there suffers.
    let scope =
        Scope { operation: Some("GetMetricData".to_owned()), region: Some(REGION.to_owned()), calls: None };
    clouds.running.faults.inject(Provider::Aws, Fault::SomeFailing, scope);
    let cycles = Duration::from_secs(2 * INTERVAL_S + 30);
    eventually_within(cycles, "calls to fail", || is_degraded(&server)).await;
    complain(&server, &services).await;

    let incident = eventually_within(Duration::from_secs(60), "an outage to be suspected", || async {
        let outages = sql(
            &server,
            "SELECT id, title, cell, alert_count FROM incidents WHERE outage = 'suspected' AND state = 'open'",
        )
        .await;
        outages.into_iter().find(|row| row[3].as_u64() > Some((services.len() * MACHINES) as u64))
    })
    .await;
    assert_eq!(incident[2], format!("aws {REGION}"), "{incident}");
    eventually_within(Duration::from_secs(90), "the page", || async {
        told(&webhook).contains(&"ProviderOutage".to_owned()).then_some(())
    })
    .await;
    // The groups of the machines have waited for longer than the page has.
    assert_eq!(told(&webhook), ["ProviderOutage"]);

    let alerts = server.items("alerts?limit=500").await;
    let find = |name: &str| alerts.iter().find(|alert| alert["name"] == name && alert["state"] == "firing");
    let (machine, outage) =
        (find("ManyErrors").expect("an alert of a machine"), find("ProviderOutage").expect("its alert"));
    assert_eq!((&machine["incident"], &outage["incident"]), (&incident[0], &incident[0]));
    let held = step(&server, machine["id"].as_str().unwrap(), "correlate").await;
    assert_eq!((&held["verdict"], &held["rule"]), (&Value::from("held"), &incident[0]), "{held:#}");
    let said = step(&server, outage["id"].as_str().unwrap(), "evaluate").await;
    let said = said["detail"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains("independent services") && said.contains("fail at the provider"), "{said}");
    let delivery = &server.items("deliveries").await[0];
    assert_eq!(delivery["incident"], incident[0]);

    // A process that is killed knows of it again, and pages nobody anew.
    server.kill_and_restart().await;
    eventually_within(cycles, "the region to be collected again", || is_degraded(&server)).await;
    let alerts = server.items("alerts?limit=500").await;
    let outage = alerts.iter().find(|alert| alert["name"] == "ProviderOutage" && alert["state"] == "firing");
    assert_eq!(outage.expect("its alert")["incident"], incident[0]);
    assert!(told(&webhook).iter().all(|name| name == "ProviderOutage"));
}
