//! Clouds that fail, each in another way at the same time: the others go on, those that fail are told of, and nothing
//! resolves over it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use isobar_simulators::{Fault, Provider, Scope};
use serde_json::Value;

use crate::harness::clouds::{Clouds, INTERVAL_S};
use crate::harness::eventually_within;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;

/// As `HighCpu` is among the examples, without the two minutes that scraped machines would have to be waited for.
const POLICIES: &str = "
policies:
  - name: HighCpu
    metric: system.cpu.utilization
    where: {resource_type: [compute.instance, host]}
    over: 1m
    by: [source, resource_id]
    levels: {warning: \"> 80%\", critical: \"> 95%\"}
    recover: \"< 70%\"
    class: saturation
";

/// Everything of a provider is asked and nothing comes of it: each of these takes a source down.
const BREAKING: [(&str, Fault); 14] = [
    ("throttled", Fault::Status { code: 429, retry_after_s: Some(1) }),
    ("broken", Fault::Status { code: 500, retry_after_s: None }),
    ("bad-gateway", Fault::Status { code: 502, retry_after_s: None }),
    ("unavailable", Fault::Status { code: 503, retry_after_s: Some(1) }),
    ("unauthorized", Fault::Status { code: 401, retry_after_s: None }),
    ("forbidden", Fault::Status { code: 403, retry_after_s: None }),
    ("refused", Fault::Refuse),
    ("stalled", Fault::Stall),
    ("dripping", Fault::Drip),
    ("reset", Fault::Reset),
    ("malformed", Fault::Malformed),
    ("cut-off", Fault::TruncatedGzip),
    ("huge", Fault::Huge),
    ("error-in-200", Fault::ErrorIn200),
];

/// What comes is strange and still data: the source is not down.
const STRANGE: [(&str, Fault); 5] = [
    ("twice", Fault::Duplicates),
    ("in-no-order", Fault::OutOfOrder),
    ("of-tomorrow", Fault::Future),
    ("not-a-number", Fault::NotANumber),
    ("infinite", Fault::Infinite),
];

/// Sources that nothing happens to.
const WELL: [&str; 3] = ["well-aws", "well-azure", "well-onprem"];

/// A server over many clouds, of which each breaks in its own way.
struct Watch {
    clouds: BTreeMap<&'static str, (Clouds, Fault)>,
    server: Server,
    webhook: Receiver,
    _well: Clouds,
    _home: tempfile::TempDir,
}

impl Watch {
    /// Starts it and waits until every hot machine has its alert.
    async fn start(provider: Provider, faults: &[(&'static str, Fault)]) -> Self {
        let webhook = Receiver::start(Answer::Status(200, "")).await;
        let home = tempfile::tempdir().unwrap();
        let well = Clouds::start(1).await;
        let mut sources =
            well.aws(WELL[0], home.path()) + &well.azure(WELL[1], home.path()) + &well.onprem(WELL[2]);
        let mut clouds = BTreeMap::new();
        for (seed, (name, fault)) in (2..).zip(faults) {
            let one = Clouds::start(seed).await;
            sources += &match provider {
                Provider::Azure => one.azure(name, home.path()),
                _ => one.aws(name, home.path()),
            };
            clouds.insert(*name, (one, *fault));
        }
        let config = format!(
            "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
policies: [policies.yaml]
alerting:
  route: {{receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
  receivers:
    - {{name: ops, webhook_configs: [{{url: {:?}}}]}}
sources:
{sources}",
            webhook.url("/"),
        );
        std::fs::write(home.path().join("isobar.yaml"), config).unwrap();
        std::fs::write(home.path().join("policies.yaml"), POLICIES).unwrap();
        let server = Server::start_in(home.path()).await;
        let watch = Self { clouds, server, webhook, _well: well, _home: home };
        eventually_within(Duration::from_secs(150), "two hot machines in every source", || async {
            let firing = watch.firing().await;
            let names = WELL.into_iter().chain(watch.clouds.keys().copied());
            names.into_iter().all(|name| firing.get(name) == Some(&2)).then_some(())
        })
        .await;
        watch
    }

    async fn alerts(&self, name: &str) -> Vec<Value> {
        let mut alerts = self.server.items("alerts?limit=1000").await;
        alerts.retain(|alert| alert["name"] == name && alert["state"] == "firing");
        alerts
    }

    /// How many machines are hot, by the source that tells of them.
    async fn firing(&self) -> BTreeMap<String, usize> {
        let mut firing = BTreeMap::new();
        for alert in self.alerts("HighCpu").await {
            *firing.entry(alert["sources"][0].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        firing
    }

    async fn source(&self, name: &str) -> Value {
        let sources = self.server.items("sources").await;
        sources.into_iter().find(|source| source["name"] == name).unwrap_or_default()
    }

    /// Those that are told to be down.
    async fn down(&self) -> BTreeSet<String> {
        let alerts = self.alerts("source_down").await;
        alerts.iter().filter_map(|alert| alert["labels"]["source"].as_str().map(str::to_owned)).collect()
    }

    /// Nobody was told that a hot machine is well again.
    fn check_nothing_resolved(&self) {
        for received in self.webhook.received() {
            let body = received.json();
            for alert in body["alerts"].as_array().into_iter().flatten() {
                let is_over = alert["status"] == "resolved" && alert["labels"]["alertname"] == "HighCpu";
                assert!(!is_over, "{alert:#}");
            }
        }
    }
}

/// Breaks each of the clouds in its way, and looks at them and at those that are well.
async fn break_in_every_way(provider: Provider) {
    let faults: Vec<_> = BREAKING.into_iter().chain(STRANGE).collect();
    let watch = Watch::start(provider, &faults).await;
    let before = watch.firing().await;
    let asked = |clouds: &Clouds| clouds.running.requests().all().len();
    let asked_before: BTreeMap<_, _> =
        watch.clouds.iter().map(|(name, (one, _))| (*name, asked(one))).collect();
    for (clouds, fault) in watch.clouds.values() {
        clouds.running.faults.inject(provider, *fault, Scope::default());
    }
    // The next try is an interval away at most, and takes as long as its timeout; some seconds for a busy machine.
    let expected: BTreeSet<String> = BREAKING.iter().map(|(name, _)| (*name).to_owned()).collect();
    let told = Duration::from_secs(2 * INTERVAL_S + 10);
    let broken = Instant::now();
    while broken.elapsed() < told && !watch.down().await.is_superset(&expected) {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    if let Some(name) = expected.difference(&watch.down().await).next() {
        panic!("{name} is not told to be down after {} s: {:#}", told.as_secs(), watch.source(name).await);
    }
    assert_eq!(watch.down().await, expected, "no other is told to be down");
    for (name, _) in BREAKING {
        let reason = watch.source(name).await["reason"].clone();
        assert!(reason.as_str().is_some_and(|reason| !reason.is_empty()), "{name}: {reason}");
    }
    for (name, fault) in STRANGE {
        let clouds = &watch.clouds[name].0;
        eventually_within(Duration::from_secs(2 * INTERVAL_S), &format!("{name} to be asked"), || async {
            let requests = clouds.running.requests().all();
            let mut fresh = requests.iter().skip(asked_before[name]);
            fresh.any(|one| one.provider == provider && one.faults.contains(&fault)).then_some(())
        })
        .await;
        assert_ne!(watch.source(name).await["state"], "down", "{name}");
    }
    for name in WELL {
        let seen = watch.source(name).await;
        assert_eq!(seen["state"], "up", "{seen:#}");
        let late = if name == "well-onprem" { 45.0 } else { 420.0 };
        assert!(seen["lag_seconds"].as_f64().is_some_and(|lag| lag < late), "as fresh as ever: {seen:#}");
    }
    assert_eq!(watch.firing().await, before, "what fired goes on");
    watch.check_nothing_resolved();
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudwatch_fails_in_every_way_and_nothing_else_does() {
    break_in_every_way(Provider::Aws).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_fails_in_every_way_and_nothing_else_does() {
    break_in_every_way(Provider::Azure).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cost_meter_agrees_with_the_bill() {
    let watch = Watch::start(Provider::Aws, &[("metered", Fault::Duplicates)]).await;
    let clouds = &watch.clouds["metered"].0;
    // Calls go on: both are read until no call has come between.
    let (bill, meter) =
        eventually_within(Duration::from_secs(60), "the meter to show what was billed", || async {
            let bill = clouds.running.bill();
            let detail = watch.server.get("/api/isobar/v1/sources/metered").await;
            let calls = detail["calls"].as_array().cloned().unwrap_or_default();
            let cost = |call: &Value| Some(call["billed"].as_f64()? * call["unit_price"].as_f64()?);
            let meter: f64 = calls.iter().filter_map(cost).sum();
            let is_close = (meter - bill.list_usd()).abs() <= 0.01 * bill.list_usd();
            (bill.list_usd() > 0.0 && is_close).then_some((bill, meter))
        })
        .await;
    assert!(bill.operations["GetMetricData"].units > 100, "{bill:?}, {meter}");
    let cost = &watch.source("metered").await["cost"];
    assert!(cost["projected_month"].as_f64() > Some(0.0) && cost["currency"] == "USD", "{cost}");
}
