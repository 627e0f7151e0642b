//! Prometheus' own programs use the doors: it writes to them, promtool queries them, and both agree on what was measured.

use std::process::Command;

use crate::harness::eventually;
use crate::harness::peers::{NodeExporter, Prometheus};
use crate::harness::remote_write::{encode, post};
use crate::harness::server::Server;

const PUSHED_ONLY: &str = "policies: []\n";

/// Canonical metrics and what Prometheus computes for them over the same minute; `$i` stands for the instance.
/// Rates are averaged over the window the peer takes its rate over.
const SAME: [(&str, &str); 9] = [
    (
        r#"avg_over_time({"system.cpu.utilization", cpu_mode=""}[$w])"#,
        r#"1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$w]))"#,
    ),
    (r#"{"system.memory.utilization"}"#, "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"),
    (r#"{"system.memory.limit"}"#, "node_memory_MemTotal_bytes"),
    (r#"{"system.cpu.load_average.1m"}"#, "node_load1"),
    (r#"{"system.cpu.logical.count"}"#, r#"count by (instance) (node_cpu_seconds_total{mode="idle"})"#),
    (r#"{"system.uptime"}"#, "node_time_seconds - node_boot_time_seconds"),
    (
        r#"max({"system.filesystem.utilization"})"#,
        r#"max(1 - node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|squashfs"} / node_filesystem_size_bytes{fstype!~"tmpfs|overlay|squashfs"})"#,
    ),
    (
        r#"sum(avg_over_time({"system.network.io.rate", network_io_direction="receive"}[$w]))"#,
        r#"sum(rate(node_network_receive_bytes_total{device!~"lo|veth.*|docker.*|cali.*"}[$w]))"#,
    ),
    (
        r#"sum(avg_over_time({"system.disk.io.rate", disk_io_direction="write"}[$w]))"#,
        "sum(rate(node_disk_written_bytes_total[$w]))",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_writes_promtool_queries_and_both_agree() {
    let home = tempfile::tempdir().unwrap();
    let node = NodeExporter::start(home.path()).await;
    let server = Server::start("policies: [policies.yaml]\n", PUSHED_ONLY).await;
    let config = format!(
        "
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: node
    static_configs: [{{targets: [\"127.0.0.1:{}\"]}}]
remote_write: [{{url: \"{}\", queue_config: {{batch_send_deadline: 100ms}}}}]
",
        node.port,
        server.url("/api/v1/write")
    );
    let prometheus = Prometheus::start(home.path(), &config).await;
    // Twenty scrapes, so that a window of ten seconds lies inside what both hold.
    let at = eventually("twenty scrapes", || async {
        let found = server.query("count_over_time(node_load1[1m])").await;
        let newest = server.query("max(timestamp(node_load1))").await;
        let enough = found.first().is_some_and(|(_, count)| *count >= 20.0);
        newest.first().filter(|_| enough).map(|(_, newest)| newest - 2.0)
    })
    .await;
    for (ours, theirs) in SAME {
        let (ours, theirs) = (ours.replace("$w", "10s"), theirs.replace("$w", "10s"));
        let expected = prometheus.query(&theirs, at).await;
        let response = server
            .client()
            .post(server.url("/api/v1/query"))
            .form(&[("query", &ours), ("time", &at.to_string())])
            .send()
            .await;
        let answer: serde_json::Value = response.unwrap().json().await.unwrap();
        let found: Option<f64> =
            answer["data"]["result"][0]["value"][1].as_str().and_then(|text| text.parse().ok());
        let (Some((_, expected)), Some(found)) = (expected.first(), found) else {
            panic!("{ours}: {answer}, {theirs}: {expected:?}");
        };
        // A rate near nothing differs by the window's edges; a hundredth of a per cent of the whole is nothing.
        let tolerance = (expected.abs() * 0.01).max(1e-3);
        assert!((found - expected).abs() <= tolerance, "{ours} is {found}, {theirs} is {expected}");
    }

    let promtool = |arguments: &[&str]| {
        let output = Command::new("/usr/bin/promtool").args(["query"]).args(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "promtool {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let url = server.url("");
    assert!(promtool(&["instant", &url, "up"]).contains("up{"));
    assert!(promtool(&["labels", &url, "job"]).contains("node"));
    assert!(promtool(&["series", "--match", "node_load1", &url]).contains("node_load1"));
    let range =
        promtool(&["range", "--step=1s", &url, "rate(node_cpu_seconds_total{mode=\"idle\",cpu=\"0\"}[5s])"]);
    assert!(range.contains("@["), "{range}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_do_not_decode_store_nothing() {
    let server = Server::start("policies: [policies.yaml]\n", PUSHED_ONLY).await;
    let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    for wrong in [
        b"not snappy".to_vec(),
        snap::raw::Encoder::new().compress_vec(b"\xff\xff\xff not protobuf").unwrap(),
    ] {
        let (status, message) = post(&server, wrong).await;
        assert_eq!(status, 400, "{message}");
    }
    assert_eq!(server.query("count({__name__=~\".+\"})").await, vec![]);

    let good: &[(&str, &str)] = &[("__name__", "good")];
    let nameless: &[(&str, &str)] = &[("job", "x")];
    let twice: &[(&str, &str)] = &[("__name__", "twice"), ("a", "1"), ("a", "2")];
    let mixed = encode(&[(good, vec![(at, 1.0)]), (nameless, vec![(at, 1.0)]), (twice, vec![(at, 1.0)])]);
    let (status, message) = post(&server, mixed).await;
    assert_eq!(status, 400);
    assert!(message.contains('2'), "the count of what was refused is told: {message}");
    assert_eq!(server.query("good").await.len(), 1);
    assert_eq!(server.query("twice").await.len(), 0);

    // Fifteen bytes that claim four gigabytes are refused before anything of that size is asked for.
    let before = server.process.resident_bytes();
    let bomb = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
    let (status, message) = post(&server, bomb).await;
    assert!(status == 413 || status == 400, "{status} {message}");
    assert!(server.process.resident_bytes() < before + (64 << 20));
}
