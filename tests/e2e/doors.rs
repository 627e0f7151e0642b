//! Prometheus' own programs use the doors: it writes to them, promtool queries them, and both agree on what was measured.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::exporter::{Exporter, Page};
use crate::harness::peers::{NodeExporter, Prometheus};
use crate::harness::remote_write::{encode, post};
use crate::harness::server::Server;
use crate::harness::{PATIENCE, eventually, now_ms};

const PUSHED_ONLY: &str = "policies: []\n";

/// Canonical metrics and what Prometheus computes for them over the same minute, one number each. Rates are averaged over
/// the window that the peer takes its rate over.
const SAME: [(&str, &str); 31] = [
    (
        r#"avg_over_time({"system.cpu.utilization", cpu_mode=""}[$w])"#,
        r#"1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$w]))"#,
    ),
    (
        r#"avg_over_time({"system.cpu.utilization", cpu_mode="iowait"}[$w])"#,
        r#"avg by (instance) (rate(node_cpu_seconds_total{mode="iowait"}[$w]))"#,
    ),
    (
        r#"avg_over_time({"system.cpu.utilization", cpu_mode="steal"}[$w])"#,
        r#"avg by (instance) (rate(node_cpu_seconds_total{mode="steal"}[$w]))"#,
    ),
    (r#"{"system.cpu.logical.count"}"#, r#"count by (instance) (node_cpu_seconds_total{mode="idle"})"#),
    (r#"{"system.cpu.load_average.1m"}"#, "node_load1"),
    (r#"{"system.cpu.load_average.5m"}"#, "node_load5"),
    (r#"{"system.cpu.load_average.15m"}"#, "node_load15"),
    (r#"{"system.memory.utilization"}"#, "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"),
    (r#"{"system.memory.usage"}"#, "node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes"),
    (r#"{"system.memory.limit"}"#, "node_memory_MemTotal_bytes"),
    (r#"{"system.memory.available"}"#, "node_memory_MemAvailable_bytes"),
    (
        r#"{"system.paging.utilization"}"#,
        "1 - node_memory_SwapFree_bytes / (node_memory_SwapTotal_bytes > 0)",
    ),
    (
        r#"max({"system.filesystem.utilization"})"#,
        "max(1 - node_filesystem_avail_bytes{$f} / node_filesystem_size_bytes{$f})",
    ),
    (r#"sum({"system.filesystem.usage"})"#, "sum(node_filesystem_avail_bytes)"),
    (r#"sum({"system.filesystem.limit"})"#, "sum(node_filesystem_size_bytes)"),
    (
        r#"max({"system.filesystem.inode.utilization"})"#,
        "max(1 - node_filesystem_files_free / (node_filesystem_files > 0))",
    ),
    (
        r#"sum(avg_over_time({"system.disk.io.rate", disk_io_direction="read"}[$w]))"#,
        "sum(rate(node_disk_read_bytes_total[$w]))",
    ),
    (
        r#"sum(avg_over_time({"system.disk.io.rate", disk_io_direction="write"}[$w]))"#,
        "sum(rate(node_disk_written_bytes_total[$w]))",
    ),
    (
        r#"sum(avg_over_time({"system.disk.operation.rate", disk_io_direction="read"}[$w]))"#,
        "sum(rate(node_disk_reads_completed_total[$w]))",
    ),
    (
        r#"sum(avg_over_time({"system.disk.operation.rate", disk_io_direction="write"}[$w]))"#,
        "sum(rate(node_disk_writes_completed_total[$w]))",
    ),
    (
        r#"sum(avg_over_time({"system.disk.io_time.utilization"}[$w]))"#,
        "sum(rate(node_disk_io_time_seconds_total[$w]))",
    ),
    (r#"sum({"system.disk.pending_operations"})"#, "sum(node_disk_io_now)"),
    (
        r#"sum(avg_over_time({"system.network.io.rate", network_io_direction="receive"}[$w]))"#,
        "sum(rate(node_network_receive_bytes_total{$d}[$w]))",
    ),
    (
        r#"sum(avg_over_time({"system.network.io.rate", network_io_direction="transmit"}[$w]))"#,
        "sum(rate(node_network_transmit_bytes_total{$d}[$w]))",
    ),
    (
        r#"sum(avg_over_time({"system.network.packet.rate", network_io_direction="receive"}[$w]))"#,
        "sum(rate(node_network_receive_packets_total[$w]))",
    ),
    (
        r#"sum(avg_over_time({"system.network.error.rate", network_io_direction="transmit"}[$w]))"#,
        "sum(rate(node_network_transmit_errs_total[$w]))",
    ),
    (
        r#"sum(avg_over_time({"system.network.packet.dropped.rate", network_io_direction="receive"}[$w]))"#,
        "sum(rate(node_network_receive_drop_total[$w]))",
    ),
    (r#"{"system.network.connection.count"}"#, "node_netstat_Tcp_CurrEstab"),
    (r#"{"system.process.count", process_state="running"}"#, "node_procs_running"),
    (r#"{"system.uptime"}"#, "node_time_seconds - node_boot_time_seconds"),
    (r#"{"resource.up"}"#, "up"),
];

/// Puts the window and the label matchers of the mapping's templates into a query.
fn filled(template: &str) -> String {
    let filesystems = r#"fstype!~"tmpfs|overlay|squashfs""#;
    let devices = r#"device!~"lo|veth.*|docker.*|cali.*""#;
    template.replace("$w", "10s").replace("$f", filesystems).replace("$d", devices)
}

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
    let mut compared = 0;
    for (ours, theirs) in SAME {
        let (ours, theirs) = (filled(ours), filled(theirs));
        let expected = prometheus.query(&theirs, at).await;
        let form = [("query", ours.clone()), ("time", at.to_string())];
        let response = server.client().post(server.url("/api/v1/query")).form(&form).send().await;
        let answer: serde_json::Value = response.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{ours}: {answer}");
        let found =
            answer["data"]["result"][0]["value"][1].as_str().and_then(|text| text.parse::<f64>().ok());
        match (expected.first(), found) {
            // A machine without swap, or without a disk, has nothing to compare.
            (None, None) => {}
            (Some((_, expected)), Some(found)) => {
                // A rate near nothing differs by the window's edges.
                let tolerance = (expected.abs() * 0.01).max(1e-3);
                assert!((found - expected).abs() <= tolerance, "{ours} is {found}, {theirs} is {expected}");
                compared += 1;
            }
            _ => panic!("{ours}: {answer}, {theirs}: {expected:?}"),
        }
    }
    // Every machine has processors, memory, load, network and processes.
    assert!(compared >= 18, "only {compared} of {} metrics were there to compare", SAME.len());

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
    let at = now_ms();
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

/// Lines about metrics in every form the text format has, and one metric two targets disagree about.
const SAID: &str = "\
# HELP door_jobs_total Jobs: a \\\\ and\\na second line, \"quoted\" \\\" so.
# TYPE door_jobs_total counter
door_jobs_total 3
# HELP door_temperature   Blanks around.  
# TYPE door_temperature gauge
door_temperature 21.5
# TYPE door_bare untyped
door_bare 1
# HELP door_mute
door_mute 1
# HELP door_unmeasured Said and not measured.
# TYPE door_wait_seconds histogram
door_wait_seconds_bucket{le=\"+Inf\"} 1
door_wait_seconds_sum 1
door_wait_seconds_count 1
# TYPE door_size_bytes summary
door_size_bytes_sum 1
door_size_bytes_count 1
# HELP door_twice one
# HELP door_twice two
door_twice 1
";

/// The names and entries of a metadata answer, entries in order, canonical metrics apart.
fn told(answer: &Value) -> BTreeMap<String, Vec<String>> {
    let all = answer["data"].as_object().unwrap();
    let entries = |(name, entries): (&String, &Value)| {
        let mut entries: Vec<String> = entries.as_array().unwrap().iter().map(Value::to_string).collect();
        entries.sort();
        (name.clone(), entries)
    };
    all.iter().filter(|(name, _)| !name.contains('.')).map(entries).collect()
}

/// Waits until the server tells exactly this; fails showing what it tells instead.
async fn told_is(server: &Server, expected: &BTreeMap<String, Vec<String>>) {
    let started = Instant::now();
    loop {
        let told = told(&server.get("/api/v1/metadata").await);
        if told == *expected {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "told {told:#?}, expected {expected:#?}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_what_prometheus_makes_of_the_same_pages() {
    let home = tempfile::tempdir().unwrap();
    let first = Exporter::start(SAID).await;
    let second = Exporter::start("# HELP door_jobs_total Something else.\ndoor_jobs_total 1\n").await;
    let urls = [first.url(), second.url()];
    let addresses = [first.address(), second.address()];
    let scraping = |urls: &[String]| {
        format!(
            "
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}
sources: [{{name: lab, kind: prometheus, interval: 1s, settings: {{targets: {urls:?}}}}}]
policies: [policies.yaml]
"
        )
    };
    let scrapes = Server::start(&scraping(&urls), PUSHED_ONLY).await;
    let is_written_to = Server::start("policies: [policies.yaml]\n", PUSHED_ONLY).await;
    let config = format!(
        "
global: {{scrape_interval: 1s}}
scrape_configs: [{{job_name: lab, static_configs: [{{targets: {addresses:?}}}]}}]
remote_write: [{{url: \"{}\", metadata_config: {{send_interval: 1s}}}}]
",
        is_written_to.url("/api/v1/write")
    );
    let prometheus = Prometheus::start(home.path(), &config).await;
    let expected = eventually("prometheus to have scraped both", || async {
        let told = told(&prometheus.get("/api/v1/metadata").await);
        (told.len() == 8 && told["door_jobs_total"].len() == 2).then_some(told)
    })
    .await;
    told_is(&scrapes, &expected).await;
    told_is(&is_written_to, &expected).await;
    for path in ["metric=door_twice", "metric=nothing", "limit=0", "limit=x"] {
        let path = format!("/api/v1/metadata?{path}");
        let (_, ours) = scrapes.try_get(&path).await;
        let ours: Value = serde_json::from_str(&ours).unwrap();
        assert_eq!(ours, prometheus.get(&path).await, "{path}");
    }
    let canonical = scrapes.get("/api/v1/metadata?metric=system.cpu.utilization").await;
    assert_eq!(canonical["data"]["system.cpu.utilization"][0]["type"], "gauge", "{canonical}");

    // What a target says anew replaces what it said, and what it said goes with it.
    first.show(Page::Text("# TYPE door_bare gauge\ndoor_bare 1\n".to_owned()));
    let mut left = expected;
    left.retain(|name, _| name == "door_jobs_total");
    left.get_mut("door_jobs_total").unwrap().retain(|entry| entry.contains("Something else."));
    let mut changed = left.clone();
    let gauge = serde_json::json!({"type": "gauge", "help": "", "unit": ""});
    changed.insert("door_bare".to_owned(), vec![gauge.to_string()]);
    told_is(&scrapes, &changed).await;
    std::fs::write(scrapes.dir.join("isobar.yaml"), scraping(&urls[1..])).unwrap();
    scrapes.process.signal(rustix::process::Signal::HUP);
    told_is(&scrapes, &left).await;
}
