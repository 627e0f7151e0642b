//! `isobar demo` as a newcomer starts it: what is seen within a minute, and that nothing is left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::process::Process;
use crate::harness::server::{binary, listening_at, run};
use crate::harness::{eventually_within, http_client};

/// The first alerts over several clouds are there within this time from the start.
const FIRST_ALERTS: Duration = Duration::from_secs(60);
/// Machines that are scraped have no past: their alerts fire when they have breached for as long as the policy says.
const SCRAPED_ALERTS: Duration = Duration::from_secs(180);

/// A running demo.
struct Demo {
    process: Process,
    url: String,
    client: reqwest::Client,
    started: Instant,
}

impl Demo {
    /// Starts one on any port; its output goes to a file in `dir`, and what it makes under `dir/tmp`.
    async fn start(dir: &Path, arguments: &[&str]) -> Self {
        std::fs::create_dir_all(dir.join("tmp")).unwrap();
        let mut command = Command::new(binary());
        command.args(["demo", "--listen", "127.0.0.1:0"]).args(arguments).current_dir(dir);
        command.env("TMPDIR", dir.join("tmp"));
        let started = Instant::now();
        let mut process = Process::start(command, &dir.join("demo.log"));
        let url = listening_at(&mut process, 0, "Open ").await.trim_end_matches('/').to_owned();
        Self { process, url, client: http_client(), started }
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.client.get(format!("{}{path}", self.url)).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// The alerts about the processors of machines that are in this state, whoever raised them first.
    async fn hot(&self, state: &str) -> Vec<Value> {
        let alerts = self.get("/api/isobar/v1/alerts?limit=1000").await;
        let all = alerts["items"].as_array().cloned().unwrap_or_default();
        let is_hot = |alert: &Value| alert["metric"] == "system.cpu.utilization" && alert["state"] == state;
        all.into_iter().filter(is_hot).collect()
    }

    async fn sql(&self, statement: &str) -> Vec<Vec<Value>> {
        let request = self.client.post(format!("{}/api/isobar/v1/sql", self.url));
        let answer: Value = request
            .json(&serde_json::json!({"statement": statement}))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let rows = answer["rows"].as_array().cloned().unwrap_or_else(|| panic!("{statement}: {answer}"));
        rows.into_iter().filter_map(|row| row.as_array().cloned()).collect()
    }

    async fn value(&self, expr: &str, at: f64) -> Option<f64> {
        let request = self.client.post(format!("{}/api/v1/query", self.url));
        let answer: Value = request
            .form(&[("query", expr), ("time", &at.to_string())])
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// How much of a time since the start is left.
    fn left_of(&self, time: Duration) -> Duration {
        time.saturating_sub(self.started.elapsed())
    }
}

fn provider(alert: &Value) -> String {
    alert["resource"].as_str().unwrap_or_default().split(':').next().unwrap_or_default().to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// How many alerts each cloud has.
fn by_cloud(alerts: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for alert in alerts {
        *counts.entry(provider(alert)).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn within_a_minute_one_policy_fires_in_every_cloud_and_pages_once() {
    let home = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(home.path(), &[]).await;

    // One machine in each region is hot; each cloud's own alarm says so too.
    eventually_within(demo.left_of(FIRST_ALERTS), "an alert for each hot machine of each cloud", || async {
        let counts = by_cloud(&demo.hot("firing").await);
        (counts.get("aws") == Some(&2) && counts.get("azure") == Some(&2)).then_some(())
    })
    .await;
    // What is scraped has no past: its alerts wait for as long as the policy says.
    eventually_within(demo.left_of(FIRST_ALERTS), "the hot machines of the rooms to be pending", || async {
        (by_cloud(&demo.hot("pending").await).get("onprem") == Some(&2)).then_some(())
    })
    .await;
    let statement =
        "SELECT cloud_provider, avg(value) FROM metrics WHERE name = 'system.cpu.utilization' GROUP BY 1";
    let rows = demo.sql(statement).await;
    let averages: BTreeMap<String, f64> =
        rows.iter().map(|row| (text(&row[0]), row[1].as_f64().unwrap_or(f64::NAN))).collect();
    assert_eq!(averages.keys().collect::<Vec<_>>(), ["aws", "azure", "onprem"], "{averages:?}");
    assert!(
        averages.values().all(|average| (0.05..0.95).contains(average)),
        "ratios, all of them: {averages:?}"
    );

    eventually_within(demo.left_of(SCRAPED_ALERTS), "the hot machines of the rooms to fire", || async {
        (by_cloud(&demo.hot("firing").await).get("onprem") == Some(&2)).then_some(())
    })
    .await;
    let firing = demo.hot("firing").await;
    let machines: BTreeSet<String> = firing.iter().map(|alert| text(&alert["resource"])).collect();
    assert_eq!(machines.len(), firing.len(), "one alert for each machine: {firing:#?}");
    for alert in firing.iter().filter(|alert| provider(alert) != "onprem") {
        assert_eq!(alert["severity"], "critical", "{alert:#}");
        let native = alert["native"].as_array().map_or(0, Vec::len);
        assert_eq!(native, 1, "the cloud's own alarm is folded in: {alert:#}");
    }

    let printed = demo.process.printed();
    let triggers: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("PagerDuty: trigger") && line.contains("saturation of checkout"))
        .filter_map(|line| line.rsplit_once("dedup key ").map(|(_, key)| key))
        .collect();
    let keys: BTreeSet<&&str> = triggers.iter().collect();
    assert_eq!(keys.len(), 1, "one page for the group, however often it grows: {triggers:?}");
    assert!(printed.contains("webhook: firing: class=saturation service_name=checkout"), "{printed}");
    assert!(printed.contains("\"groupKey\""), "the first body is printed whole");

    let code = demo.process.terminate().code();
    assert_eq!(code, Some(0), "{}", demo.process.printed());
    let left: Vec<PathBuf> = std::fs::read_dir(home.path().join("tmp"))
        .unwrap()
        .filter_map(|it| it.ok().map(|it| it.path()))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_seen_by_two_sources_shows_one_value() {
    let home = tempfile::tempdir().unwrap();
    let demo = Demo::start(home.path(), &["--scenario", "quiet-day"]).await;
    // A virtual machine that also runs node_exporter: its name is one of a kind.
    let (cloud, page) = eventually_within(Duration::from_secs(60), "a machine that both know", || async {
        let resources = demo.get("/api/isobar/v1/resources?limit=1000").await;
        let resources = resources["items"].as_array().cloned().unwrap_or_default();
        let of = |provider: &str| {
            let machines = resources.iter().filter(|one| one["provider"] == provider && one["name"] != "");
            machines.map(|one| (text(&one["name"]), text(&one["id"]))).collect::<BTreeMap<_, _>>()
        };
        let (azure, onprem) = (of("azure"), of("onprem"));
        azure.iter().find_map(|(name, id)| onprem.get(name).map(|other| (id.clone(), other.clone())))
    })
    .await;
    let cpu = |id: &str| format!("{{\"system.cpu.utilization\", resource_id=\"{id}\", cpu_mode=\"\"}}");
    // A whole minute of Azure's all through which the page was scraped: those that come now ended five minutes ago.
    let (theirs, ours) = eventually_within(Duration::from_secs(480), "a minute that both have measured", || async {
        let statement = format!(
            "SELECT max(to_unixtime(ts)) FROM metrics WHERE name = 'system.cpu.utilization' AND resource_id = '{cloud}'"
        );
        let end = demo.sql(&statement).await[0][0].as_f64()?;
        let scraped = demo.value(&format!("count_over_time({}[62s])", cpu(&page)), end + 1.0).await?;
        let theirs = demo.value(&cpu(&cloud), end).await?;
        let ours = demo.value(&format!("avg_over_time({}[60s])", cpu(&page)), end).await?;
        (scraped >= 12.0).then_some((theirs, ours))
    })
    .await;
    // Scrapes do not begin with the minute: the ends of the two stretches differ by up to one interval.
    assert!((theirs - ours).abs() < 0.02, "{cloud} {theirs}, {page} {ours}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_kept_and_what_is_there_is_not_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(home.path(), &["--keep", "kept", "--scenario", "quiet-day"]).await;
    let printed = demo.process.printed();
    assert!(printed.starts_with("isobar demo: "), "{printed}");
    assert_eq!(demo.process.terminate().code(), Some(0));
    let kept = home.path().join("kept");
    let checked = run(&["check", "--config", "kept/isobar.yaml"], home.path());
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(kept.join("data/journal.db").exists());
    let again = run(&["demo", "--listen", "127.0.0.1:0", "--keep", "kept"], home.path());
    let complaint = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && complaint.contains("not empty"), "{complaint}");
}

#[test]
fn an_unknown_scenario_is_answered_with_the_list() {
    let home = tempfile::tempdir().unwrap();
    for command in ["demo", "simulate"] {
        let refused = run(&[command, "--scenario", "rain"], home.path());
        let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success(), "{command}");
        assert!(complaint.contains("first-light") && complaint.contains("brown-out"), "{complaint}");
    }
}
