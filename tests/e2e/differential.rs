//! Alertmanager and Isobar side by side: the same configuration, the same alerts and silences at the same time, and the same
//! notifications for each of many generated scenarios.
//!
//! All scenarios run at once in one process of each: a label of its own keeps the alerts of a scenario apart. Things happen at
//! multiples of four seconds and groups are flushed two seconds after, so that no event races a flush.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::http_client;
use crate::harness::now_ms;
use crate::harness::peers::Alertmanager;
use crate::harness::receiver::{Answer, Received, Receiver};
use crate::harness::server::Server;

mod scenario;

use scenario::{Act, Scenario};

const SCENARIOS: u64 = 240;
/// Where Isobar differs on purpose, by the difference's id in docs/alertmanager.md. What ends while it is silenced is told as over
/// when the silence has ended: `closed-when-allowed`.
const DIFFERING: [u64; 1] = [99];
/// Between two steps; groups rest for as long.
const STEP: Duration = Duration::from_secs(4);
const STEPS: u32 = 6;
/// Steps after the last act: one for its flush, three for a repetition.
const AFTER: u32 = 4;

/// A server that speaks Alertmanager's API.
struct Peer {
    url: String,
    client: reqwest::Client,
    /// The silences of the scenarios that have one.
    silences: BTreeMap<u64, String>,
}

impl Peer {
    fn new(url: String) -> Self {
        Self { url, client: http_client(), silences: BTreeMap::new() }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.url)).json(body);
        let response = request.send().await.expect("the peer answers");
        let (status, text) = (response.status(), response.text().await.unwrap_or_default());
        assert!(status.is_success(), "{path} of {}: {status}: {text}", self.url);
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Does what the scenarios say for this step.
    async fn act(&mut self, acts: &[(u64, Act)], now: i64) {
        let alerts: Vec<Value> = acts.iter().filter_map(|(_, act)| act.alert(now)).collect();
        for some in alerts.chunks(256) {
            self.post("/api/v2/alerts", &Value::from(some)).await;
        }
        for (scenario, act) in acts {
            match act {
                Act::Silence(matchers) => {
                    let silence = json!({
                        "matchers": matchers, "createdBy": "test", "comment": "a scenario's",
                        "startsAt": scenario::time(now), "endsAt": scenario::time(now + 3_600_000),
                    });
                    let id = self.post("/api/v2/silences", &silence).await["silenceID"].clone();
                    self.silences.insert(*scenario, id.as_str().expect("silences have ids").to_owned());
                }
                Act::Expire => {
                    if let Some(id) = self.silences.remove(scenario) {
                        let request = self.client.delete(format!("{}/api/v2/silence/{id}", self.url));
                        let status = request.send().await.expect("the peer answers").status();
                        assert!(status.is_success(), "expiring {id} of {}: {status}", self.url);
                    }
                }
                Act::Alert { .. } => {}
            }
        }
    }
}

/// What was told, in order, by receiver: everything of it that does not depend on who tells.
fn told(received: &[Received]) -> BTreeMap<String, Vec<Value>> {
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for one in received {
        let mut body = one.json();
        let receiver = body["receiver"].as_str().unwrap_or_default().to_owned();
        let shown = body.as_object_mut().expect("a notification is an object");
        shown.remove("externalURL");
        // Newer than the peer.
        shown.remove("notification_reason");
        shown.remove("routeLabels");
        let mut alerts = shown["alerts"].as_array().cloned().unwrap_or_default();
        for alert in &mut alerts {
            for time in ["startsAt", "endsAt"] {
                let text = alert[time].as_str().unwrap_or_default();
                alert[time] = json!(scenario::shortest(text));
            }
        }
        alerts.sort_by_key(|alert| alert["fingerprint"].to_string());
        shown["alerts"] = Value::from(alerts);
        told.entry(receiver).or_default().push(body);
    }
    // Groups of one receiver are flushed together, in no order.
    for all in told.values_mut() {
        all.sort_by_key(|body| body["groupKey"].to_string());
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_groups_and_the_same_notifications_as_alertmanager() {
    let scenarios: Vec<Scenario> = (0..SCENARIOS).map(Scenario::generate).collect();
    let (to_theirs, to_ours) =
        (Receiver::start(Answer::Status(200, "")).await, Receiver::start(Answer::Status(200, "")).await);
    let home = tempfile::tempdir().unwrap();
    let theirs_yml = home.path().join("theirs.yml");
    std::fs::write(&theirs_yml, scenario::configuration(&scenarios, &to_theirs.url("/"))).unwrap();
    std::fs::write(
        home.path().join("alertmanager.yml"),
        scenario::configuration(&scenarios, &to_ours.url("/")),
    )
    .unwrap();
    let config = "security: {allow_private_targets: [\"127.0.0.0/8\"]}\nalerting: {file: alertmanager.yml}\n";
    std::fs::write(home.path().join("isobar.yaml"), config).unwrap();
    let server = Server::start_in(home.path()).await;
    let alertmanager = Alertmanager::start(home.path(), &theirs_yml).await;
    let (mut ours, mut theirs) = (Peer::new(server.url("")), Peer::new(alertmanager.url.clone()));

    let started = Instant::now();
    for step in 0..STEPS + AFTER {
        tokio::time::sleep_until((started + STEP * step).into()).await;
        let acts: Vec<(u64, Act)> = scenarios.iter().flat_map(|scenario| scenario.acts(step)).collect();
        let now = now_ms();
        tokio::join!(ours.act(&acts, now), theirs.act(&acts, now));
        let late = started.elapsed().saturating_sub(STEP * step);
        assert!(late < STEP / 2, "step {step} took {late:?}: too long to compare by");
    }
    tokio::time::sleep_until((started + STEP * (STEPS + AFTER)).into()).await;

    let (theirs, ours) = (told(&to_theirs.received()), told(&to_ours.received()));
    let differing: Vec<&Scenario> = scenarios
        .iter()
        .filter(|scenario| scenario.receivers().iter().any(|name| theirs.get(name) != ours.get(name)))
        .collect();
    let count = |told: &BTreeMap<String, Vec<Value>>| told.values().map(Vec::len).sum::<usize>();
    assert!(count(&theirs) > 3 * SCENARIOS as usize, "too little was told: {}", count(&theirs));
    let found: Vec<u64> = differing.iter().map(|one| one.id).collect();
    if found == DIFFERING {
        return;
    }
    if let Some(scenario) = differing.iter().find(|one| !DIFFERING.contains(&one.id)) {
        let of = |told: &BTreeMap<String, Vec<Value>>| {
            let lines = scenario
                .receivers()
                .into_iter()
                .flat_map(|name| told.get(&name).cloned().unwrap_or_default());
            lines.map(|body| scenario::line(&body)).collect::<Vec<_>>().join("\n")
        };
        panic!(
            "{} of {SCENARIOS} scenarios differ: {found:?}; the first:\n{scenario:#?}\nAlertmanager:\n{}\nIsobar:\n{}",
            differing.len(),
            of(&theirs),
            of(&ours)
        );
    }
    panic!("only {found:?} differ, and not all of {DIFFERING:?}: the document is behind");
}
