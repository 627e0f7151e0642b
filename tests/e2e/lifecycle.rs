//! Starts, reloads and ends tell nobody anything that is not so, and take nothing without effect.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::eventually;
use crate::harness::exporter::{Exporter, Page};
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::{Server, run};
use crate::paging::{MEMORY_POLICY, config, memory_page, scrapes_pass};

fn webhook_config(targets: &[String], webhook: &Receiver) -> String {
    config(targets, &format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/")))
}

/// The alerts that were told, as `name status`.
fn told(webhook: &Receiver) -> Vec<String> {
    let shown = |body: Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!("{} {}", text(&body["alerts"][0]["labels"]["alertname"]), text(&body["status"]))
    };
    webhook.received().iter().map(|one| shown(one.json())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_stays_down_is_told_once_over_reloads_and_restarts() {
    let exporter = Exporter::start("").await;
    exporter.show(Page::Status(500));
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let mut server = Server::start(&webhook_config(&[exporter.url()], &webhook), MEMORY_POLICY).await;
    webhook.wait_for(1).await;
    assert_eq!(server.reload().await.0, 200);
    // Several intervals of the source and of the rules about Isobar: what is wrong would have come by then.
    scrapes_pass(&server, 4.0).await;
    server.kill_and_restart().await;
    eventually("the source to be tried again", || async {
        (server.items("sources").await[0]["state"] == "down").then_some(())
    })
    .await;
    scrapes_pass(&server, 4.0).await;
    assert_eq!(told(&webhook), ["source_down firing"]);
    exporter.show(Page::Text(memory_page(0.5)));
    webhook.wait_for(2).await;
    assert_eq!(told(&webhook), ["source_down firing", "source_down resolved"]);
}

/// A server whose one target comes from a file and is in trouble, which was told.
async fn discovered(webhook: &Receiver, exporter: &Exporter) -> Server {
    let config = webhook_config(&[], webhook).replace("targets: []", "file_sd: [targets.json]");
    let home = tempfile::tempdir().unwrap();
    let dir = home.keep();
    std::fs::write(dir.join("isobar.yaml"), config).unwrap();
    std::fs::write(dir.join("policies.yaml"), MEMORY_POLICY).unwrap();
    let targets = format!("[{{\"targets\": [{:?}]}}]", exporter.address());
    std::fs::write(dir.join("targets.json"), targets).unwrap();
    let server = Server::start_in(&dir).await;
    webhook.wait_for(1).await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_target_that_leaves_takes_its_alerts_along() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let server = discovered(&webhook, &exporter).await;
    std::fs::write(server.dir.join("targets.json"), "[]").unwrap();
    webhook.wait_for(2).await;
    assert_eq!(told(&webhook), ["MemoryFull firing", "MemoryFull resolved"]);
    let sources = server.items("sources").await;
    assert_eq!(sources[0]["state"], "up", "a source without targets has nothing that fails: {sources:?}");
    std::fs::remove_dir_all(&server.dir).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_leaves_while_nobody_looks_takes_its_alerts_along() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let mut server = discovered(&webhook, &exporter).await;
    server.process.kill();
    std::fs::write(server.dir.join("targets.json"), "[]").unwrap();
    server.restart().await;
    webhook.wait_for(2).await;
    assert_eq!(told(&webhook), ["MemoryFull firing", "MemoryFull resolved"]);
    assert_eq!(server.items("resources").await, Vec::<Value>::new());
    std::fs::remove_dir_all(&server.dir).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_refuses_what_only_a_start_reads() {
    let server = Server::start("store: {retention: 3d}\npolicies: [policies.yaml]\n", MEMORY_POLICY).await;
    let file = server.dir.join("isobar.yaml");
    std::fs::write(&file, "policies: [policies.yaml]\nstore:\n  retention: 3d\n").unwrap();
    assert_eq!(server.reload().await.0, 200, "the same, written otherwise");
    let changed = "policies: [policies.yaml]\nstore: {retention: 4d}\nsecurity: {hosts: [metrics.example]}\n";
    std::fs::write(&file, changed).unwrap();
    let (status, message) = server.reload().await;
    assert_eq!(status, 500);
    assert!(message.contains("store differs") && message.contains("security differs"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_without_waiting() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Hang(Duration::from_secs(600))).await;
    let mut server = Server::start(&webhook_config(&[exporter.url()], &webhook), MEMORY_POLICY).await;
    webhook.wait_for(1).await;
    server.process.signal(Signal::INT);
    eventually("the first signal to be taken", || async {
        server.process.printed().contains("a second signal").then_some(())
    })
    .await;
    assert_eq!(server.process.ended(), None, "a delivery under way is waited for");
    let asked = Instant::now();
    server.process.signal(Signal::INT);
    let status = loop {
        match server.process.ended() {
            Some(status) => break status,
            None => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    assert_eq!((status.code(), asked.elapsed() < Duration::from_secs(2)), (Some(130), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_tells_nobody_anything() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(503, "")).await;
    let mut server = Server::start(&webhook_config(&[exporter.url()], &webhook), MEMORY_POLICY).await;
    webhook.wait_for(1).await;
    server.process.kill();
    let before = webhook.received().len();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let serve = ["serve", "--config", "isobar.yaml", "--data-dir", "data", "--listen", &listen];
    let output = run(&serve, &server.dir);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(&format!("listening on {listen}")), "{said}");
    assert_eq!(webhook.received().len(), before, "the queued page waits for a start that succeeds");
    let open = run(&["serve", "--config", "isobar.yaml", "--listen", "0.0.0.0:0"], &server.dir);
    let said = String::from_utf8_lossy(&open.stderr).into_owned();
    assert!(!open.status.success() && said.contains("can be reached from other machines"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_and_own_metrics_cover_the_way_of_a_page() {
    let exporter = Exporter::start(&memory_page(0.95)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let server = Server::start(&webhook_config(&[exporter.url()], &webhook), MEMORY_POLICY).await;
    webhook.wait_for(1).await;
    let page = eventually("the page to be counted", || async {
        let (_, page) = server.try_get("/metrics").await;
        page.contains("isobar_page_latency_seconds_count{channel=\"webhook\"} 1").then_some(page)
    })
    .await;
    assert!(page.contains("isobar_ingest_freshness_seconds_bucket{source=\"lab\",le=\"1\"}"), "{page}");
    for stage in ["evaluate", "self_rules", "journal", "outbox", "store", "wal", "disk_reserve"] {
        let round = format!("isobar_stage_last_round_timestamp_seconds{{stage=\"{stage}\"}}");
        assert!(page.contains(&round), "{round} is not in\n{page}");
    }
    assert_eq!(server.try_get("/-/ready").await.0, 200);
}
