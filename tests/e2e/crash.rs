//! SIGKILL at any moment loses nothing that was acknowledged or shown, and pages nobody twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::harness::exporter::Exporter;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::remote_write::{encode, post};
use crate::harness::server::Server;
use crate::harness::{eventually, now_ms};
use crate::paging::{MEMORY_POLICY, config, memory_page};

/// Rounds of killing; `ISOBAR_CRASH_ROUNDS=300` for the long run.
fn rounds() -> u64 {
    std::env::var("ISOBAR_CRASH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(30)
}

/// Series written to in each request.
const SERIES: usize = 20;

/// What the client knows must be there: time → value, the same for every series.
#[derive(Default)]
struct Ledger {
    acknowledged: BTreeMap<i64, f64>,
    shown: BTreeMap<i64, f64>,
}

impl Ledger {
    /// Writes until the time is over, one request after the other, noting what was acknowledged and what a query showed.
    async fn write_for(&mut self, server: &Server, time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {
            let at = now_ms().max(self.acknowledged.last_key_value().map_or(0, |(at, _)| at + 1));
            let value = (at % 1_000_003) as f64;
            let names: Vec<String> = (0..SERIES).map(|n| n.to_string()).collect();
            let labels: Vec<[(&str, &str); 2]> =
                names.iter().map(|n| [("__name__", "ledger"), ("n", n.as_str())]).collect();
            let series: Vec<_> = labels.iter().map(|labels| (labels.as_slice(), vec![(at, value)])).collect();
            let (status, body) = post(server, encode(&series)).await;
            assert_eq!(status, 204, "{body}");
            self.acknowledged.insert(at, value);
            if self.acknowledged.len().is_multiple_of(16) {
                self.shown.extend(points(server, "n=\"0\"").await);
            }
        }
    }

    async fn check(&self, server: &Server) {
        for n in ["n=\"0\"", "n=\"19\""] {
            let kept = points(server, n).await;
            for (at, value) in self.acknowledged.iter().chain(&self.shown) {
                assert_eq!(
                    kept.get(at),
                    Some(value),
                    "series {n} lost its sample at {at}; it keeps {}",
                    kept.len()
                );
            }
        }
    }
}

/// Every point of one ledger series.
async fn points(server: &Server, n: &str) -> BTreeMap<i64, f64> {
    let query = [("query", format!("ledger{{{n}}}[1h]"))];
    let response = server.client().post(server.url("/api/v1/query")).form(&query).send().await.unwrap();
    let answer: serde_json::Value = response.json().await.unwrap();
    assert_eq!(answer["status"], "success", "{answer}");
    let values = answer["data"]["result"][0]["values"].as_array().cloned().unwrap_or_default();
    let point = |value: &serde_json::Value| {
        let at = (value[0].as_f64().unwrap_or_default() * 1000.0).round() as i64;
        (at, value[1].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN))
    };
    values.iter().map(point).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_delivered_is_sent_again() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let mut server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    webhook.wait_for(1).await;
    eventually("the delivery's proof", || async {
        server.items("deliveries").await.iter().any(|delivery| delivery["state"] == "sent").then_some(())
    })
    .await;
    let mut ledger = Ledger::default();
    for round in 0..rounds() {
        // Spread over the start, the first fsyncs and steady running, without randomness a failure could hide behind.
        let time = Duration::from_millis(20 + round * 131 % 700);
        ledger.write_for(&server, time).await;
        server.kill_and_restart().await;
        ledger.check(&server).await;
    }
    let told: Vec<String> = webhook.received().iter().map(|one| one.json()["status"].to_string()).collect();
    assert_eq!(told, ["\"firing\""], "one transition, one page, over {} kills", rounds());
    assert_eq!(server.items("alerts").await[0]["state"], "firing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_queued_when_the_process_died_is_sent_under_its_key() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(503, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let mut server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    let first = webhook.wait_for(1).await[0].header("webhook-id").to_owned();
    server.process.kill();
    let tried = webhook.received().len();
    webhook.answer_always(Answer::Status(200, ""));
    server.restart().await;
    let all = webhook.wait_for(tried + 1).await;
    assert_eq!(all[tried].header("webhook-id"), first);
    eventually("the delivery's proof", || async {
        server.items("deliveries").await.iter().any(|delivery| delivery["state"] == "sent").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_drains_and_flushes() {
    let exporter = Exporter::start(&memory_page(0.5)).await;
    let mut server = Server::start(&config(&[exporter.url()], ""), MEMORY_POLICY).await;
    let mut ledger = Ledger::default();
    ledger.write_for(&server, Duration::from_millis(300)).await;
    let status = server.process.terminate();
    assert!(status.success(), "{status}: {}", server.process.printed());
    server.restart().await;
    ledger.check(&server).await;
}
