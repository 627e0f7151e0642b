//! A damaged log costs what was hit, is kept for inspection, and pages.

use std::path::{Path, PathBuf};

use crate::harness::eventually;
use crate::harness::exporter::Exporter;
use crate::harness::receiver::{Answer, Receiver};
use crate::harness::server::Server;
use crate::paging::{MEMORY_POLICY, config, memory_page};

/// The largest log segment.
fn segment(dir: &Path) -> PathBuf {
    let shards = ["0", "1"].map(|shard| dir.join("data/wal").join(shard));
    let files = shards.iter().flat_map(|shard| std::fs::read_dir(shard).unwrap().filter_map(Result::ok));
    files
        .map(|file| file.path())
        .max_by_key(|path| std::fs::metadata(path).map_or(0, |file| file.len()))
        .unwrap()
}

/// A server that has taken at least `samples` of one target, and its webhook; then killed.
async fn killed_after(samples: f64) -> (Server, Receiver, Exporter) {
    let exporter = Exporter::start(&memory_page(0.5)).await;
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let receivers = format!("      webhook_configs: [{{url: {:?}}}]\n", webhook.url("/"));
    let mut server = Server::start(&config(&[exporter.url()], &receivers), MEMORY_POLICY).await;
    eventually("samples", || async {
        let counts = server.query("sum(count_over_time({job=\"lab\"}[5m]))").await;
        counts.first().filter(|(_, count)| *count >= samples).map(|_| ())
    })
    .await;
    server.process.kill();
    (server, webhook, exporter)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_costs_one_record_and_pages() {
    let (mut server, webhook, _exporter) = killed_after(40.0).await;
    let path = segment(&server.dir);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&path, &bytes).unwrap();
    server.restart().await;
    let page = webhook.wait_for(1).await[0].json();
    assert_eq!(page["alerts"][0]["labels"]["alertname"], "wal_damaged");
    let (_, metrics) = server.try_get("/metrics").await;
    assert!(metrics.contains("isobar_wal_damaged_records_total 1"), "{metrics}");
    let kept = std::fs::read_dir(server.dir.join("data/wal/damaged")).unwrap().count();
    assert_eq!(kept, 1, "the bad bytes are kept");
    assert!(!server.query("count_over_time(up[5m])").await.is_empty(), "the rest is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_end_is_no_damage() {
    let (mut server, webhook, _exporter) = killed_after(40.0).await;
    let path = segment(&server.dir);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
    server.restart().await;
    eventually("new samples", || async { (!server.query("up == 1").await.is_empty()).then_some(()) }).await;
    assert!(webhook.received().is_empty(), "the end of a log is torn by every kill");
}
