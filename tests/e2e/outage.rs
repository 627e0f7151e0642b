//! A region of a provider goes out: hundreds of alerts, one incident, one page, and a reason for each that was not sent.

use std::time::Duration;

use isobar_simulators::{Fault, Provider, Scope};
use serde_json::Value;

use crate::harness::clouds::Clouds;
use crate::harness::eventually_within;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;

/// Four machines of five are at 92 % while their region browns out, and below half of it otherwise.
const POLICIES: &str = "
policies:
  - name: HighCpu
    metric: system.cpu.utilization
    where: {resource_type: [compute.instance]}
    over: 1m
    by: [resource_id]
    levels: {critical: \"> 85%\"}
    class: saturation
";

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

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_out_is_one_incident_and_one_page() {
    // Its data of the first minutes is there when the test begins: clouds tell of a minute two to five minutes later.
    let clouds = Clouds::start_browned_out(1, Duration::from_secs(4 * 60)).await;
    let region = Scope { region: Some("us-east-1".to_owned()), ..Scope::default() };
    clouds.running.faults.inject(Provider::Aws, Fault::SomeFailing, region);
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let home = tempfile::tempdir().unwrap();
    let config = format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
policies: [policies.yaml]
alerting:
  route: {{receiver: ops, group_by: [alertname, service_name], group_wait: 20s, group_interval: 1m, repeat_interval: 1h}}
  receivers:
    - {{name: ops, webhook_configs: [{{url: {:?}}}]}}
sources:
{}{}{}",
        webhook.url("/"),
        clouds.aws("aws", home.path()),
        clouds.azure("azure", home.path()),
        clouds.onprem("rooms"),
    );
    std::fs::write(home.path().join("isobar.yaml"), config).unwrap();
    std::fs::write(home.path().join("policies.yaml"), POLICIES).unwrap();
    let mut server = Server::start_in(home.path()).await;

    let incident = eventually_within(Duration::from_secs(240), "an outage to be suspected", || async {
        let outages = sql(
            &server,
            "SELECT id, title, cell, alert_count FROM incidents WHERE outage = 'suspected' AND state = 'open'",
        )
        .await;
        outages.into_iter().find(|row| row[3].as_i64() >= Some(30))
    })
    .await;
    assert_eq!(incident[2], "aws us-east-1", "{incident}");
    eventually_within(Duration::from_secs(60), "the page", || async {
        told(&webhook).contains(&"ProviderOutage".to_owned()).then_some(())
    })
    .await;
    // The groups of the machines have waited for longer than the page has.
    assert_eq!(told(&webhook), ["ProviderOutage"]);

    let alerts = server.items("alerts?limit=500").await;
    let find = |name: &str| alerts.iter().find(|alert| alert["name"] == name && alert["state"] == "firing");
    let (machine, outage) =
        (find("HighCpu").expect("an alert of a machine"), find("ProviderOutage").expect("its alert"));
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
    eventually_within(Duration::from_secs(120), "the region to be collected again", || async {
        let sources = server.items("sources").await;
        sources.iter().any(|source| source["name"] == "aws" && source["state"] == "degraded").then_some(())
    })
    .await;
    let alerts = server.items("alerts?limit=500").await;
    let outage = alerts.iter().find(|alert| alert["name"] == "ProviderOutage" && alert["state"] == "firing");
    assert_eq!(outage.expect("its alert")["incident"], incident[0]);
    assert!(told(&webhook).iter().all(|name| name == "ProviderOutage"));
}
