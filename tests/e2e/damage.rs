//! A damaged log costs what was hit, is kept for inspection, and pages once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::harness::receiver::{Answer, Receiver};
use crate::harness::remote_write::{encode, post};
use crate::harness::server::Server;
use crate::harness::{eventually, now_ms};

/// Requests written; each is one record of the one shard that its series is in.
const WRITES: i64 = 100;

/// The largest log segment.
fn segment(dir: &Path) -> PathBuf {
    let shards = ["0", "1"].map(|shard| dir.join("data/wal").join(shard));
    let files = shards.iter().flat_map(|shard| std::fs::read_dir(shard).unwrap().filter_map(Result::ok));
    files
        .map(|file| file.path())
        .max_by_key(|path| std::fs::metadata(path).map_or(0, |file| file.len()))
        .unwrap()
}

/// The names of what was kept of damaged segments.
fn kept(dir: &Path) -> BTreeSet<PathBuf> {
    let files = std::fs::read_dir(dir.join("data/wal/damaged")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

/// A server that has acknowledged [`WRITES`] samples of one series, its webhook and the samples' times; then killed.
async fn killed() -> (Server, Receiver, BTreeSet<i64>) {
    let webhook = Receiver::start(Answer::Status(200, "")).await;
    let config = format!(
        "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
alerting:
  route: {{receiver: ops, group_wait: 0s, group_interval: 1s}}
  receivers: [{{name: ops, webhook_configs: [{{url: {:?}}}]}}]
",
        webhook.url("/")
    );
    let mut server = Server::start(&config, "policies: []\n").await;
    let newest = now_ms();
    let written: BTreeSet<i64> = (0..WRITES).map(|n| newest - (WRITES - n) * 10).collect();
    for at in &written {
        let (status, body) = post(&server, encode(&[(&[("__name__", "ledger")], vec![(*at, 1.0)])])).await;
        assert_eq!(status, 204, "{body}");
    }
    server.process.kill();
    (server, webhook, written)
}

/// Changes the largest segment while nobody has it open, and starts the server again.
async fn restarted_on(server: &mut Server, change: impl FnOnce(&mut Vec<u8>)) {
    let path = segment(&server.dir);
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();
    server.restart().await;
    rules_have_run(server).await;
}

/// Waits until the rules about Isobar have looked at what the start found.
async fn rules_have_run(server: &Server) {
    eventually("a round of the rules about Isobar", || async {
        let (_, page) = server.try_get("/metrics").await;
        page.contains(r#"isobar_stage_last_round_timestamp_seconds{stage="self_rules"}"#).then_some(())
    })
    .await;
}

/// The times that are there.
async fn left(server: &Server) -> BTreeSet<i64> {
    let query = [("query", "ledger[1h]")];
    let response = server.client().post(server.url("/api/v1/query")).form(&query).send().await.unwrap();
    let answer: serde_json::Value = response.json().await.unwrap();
    let values = answer["data"]["result"][0]["values"].as_array().cloned().unwrap_or_default();
    values.iter().map(|value| (value[0].as_f64().unwrap() * 1000.0).round() as i64).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_costs_one_record_and_pages() {
    let (mut server, webhook, written) = killed().await;
    restarted_on(&mut server, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
    })
    .await;
    let left = left(&server).await;
    assert!(left.is_subset(&written) && left.len() >= written.len() - 1, "{} of {WRITES}", left.len());
    let page = webhook.wait_for(1).await[0].json();
    assert_eq!(
        (&page["alerts"][0]["labels"]["alertname"], &page["status"]),
        (&"wal_damaged".into(), &"firing".into())
    );
    let (_, metrics) = server.try_get("/metrics").await;
    assert!(metrics.contains("isobar_wal_damaged_records_total 1\n"), "{metrics}");
    let bad = kept(&server.dir);
    assert!(bad.len() == 1 && bad.iter().all(|path| std::fs::metadata(path).unwrap().len() > 0), "{bad:?}");

    // The segment was mended: the next start finds nothing new, and what was told stays told.
    server.kill_and_restart().await;
    rules_have_run(&server).await;
    let (_, metrics) = server.try_get("/metrics").await;
    assert!(!metrics.contains("isobar_wal_damaged_records_total"), "{metrics}");
    assert_eq!(server.items("alerts").await[0]["state"], "firing");
    assert_eq!((webhook.received().len(), kept(&server.dir)), (1, bad));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_end_is_no_damage() {
    let (mut server, webhook, written) = killed().await;
    restarted_on(&mut server, |bytes| bytes.truncate(bytes.len() - 7)).await;
    let mut expected = written;
    expected.pop_last();
    assert_eq!(left(&server).await, expected);
    let (_, metrics) = server.try_get("/metrics").await;
    assert!(!metrics.contains("isobar_wal_damaged_records_total"), "{metrics}");
    assert_eq!((server.items("alerts").await, kept(&server.dir)), (vec![], BTreeSet::new()));
    assert!(webhook.received().is_empty(), "the end of a log is torn by many a kill");
}
