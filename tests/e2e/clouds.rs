//! Simulated clouds through the real binary: their own alarms and our policies about the same machines are one alert.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::harness::process::Process;
use crate::harness::server::{Server, binary};
use crate::harness::{PATIENCE, eventually, eventually_within};

/// Runs `isobar demo`, whose machines have been hot for ten minutes, and on which CloudWatch's and Azure's alarms fire.
async fn demo() -> (tempfile::TempDir, Server) {
    let temp = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary());
    command.args(["demo", "--listen", "127.0.0.1:0", "--keep"]).arg(temp.path().join("demo"));
    let mut process = Process::start(command, &temp.path().join("demo.log"));
    let url = eventually("the demo to say where it is", || {
        assert!(process.ended().is_none(), "the demo ended: {}", process.printed());
        let printed = process.printed();
        let line = printed.lines().find_map(|line| line.strip_prefix("Open "));
        let url = line.map(|url| url.trim().trim_end_matches('/').to_owned());
        async move { url }
    })
    .await;
    let server = Server::of(process, temp.path(), url);
    (temp, server)
}

fn is_open(alert: &Value) -> bool {
    alert["state"] == "firing" || alert["state"] == "no_data"
}

/// Whether a policy and a provider's alarm tell of it.
fn is_folded(alert: &Value) -> bool {
    alert["threshold"].is_object() && alert["native"].as_array().is_some_and(|native| !native.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_providers_alarm_and_a_policy_are_one_alert() {
    let (_temp, server) = demo().await;
    for source in ["aws", "azure"] {
        // How much of `for` was over at the start depends on the second it began in.
        let alert = eventually_within(PATIENCE * 8, &format!("a folded alert of {source}"), || async {
            let alerts = server.items("alerts?limit=500").await;
            let of_source = |alert: &Value| {
                alert["native"]
                    .as_array()
                    .is_some_and(|native| native.iter().any(|one| one["source"] == source))
            };
            alerts.into_iter().find(|alert| is_open(alert) && is_folded(alert) && of_source(alert))
        })
        .await;
        assert_eq!(alert["metric"], "system.cpu.utilization");
        assert_eq!(alert["native"][0]["state"], "firing");
        let expression = alert["expression"].as_str().unwrap();
        let shown = server.query(expression).await;
        assert_eq!(shown.len(), 1, "{expression} is the value of this alert alone");

        let why = server.get(&format!("/api/isobar/v1/why?alert={}", alert["id"].as_str().unwrap())).await;
        let steps = why.as_array().or_else(|| why["items"].as_array()).unwrap();
        let folded = steps.iter().filter(|step| step["stage"] == "fold").count();
        assert_eq!(folded, 2, "the policy and the alarm: {why}");
    }

    let mut open: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    for alert in server.items("alerts?limit=500").await.into_iter().filter(is_open) {
        if let (Some(resource), Some(metric)) = (alert["resource"].as_str(), alert["metric"].as_str()) {
            open.entry((resource.to_owned(), metric.to_owned())).or_default().push(alert);
        }
    }
    for ((resource, metric), alerts) in open {
        assert_eq!(alerts.len(), 1, "{resource} {metric}: {alerts:#?}");
    }
}
