//! A `prometheus.yml` is taken as it is: the same targets under the same labels, and the same series, as Prometheus itself.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::exporter::Exporter;
use crate::harness::peers::Prometheus;
use crate::harness::server::Server;
use crate::harness::{PATIENCE, now_ms};

/// Targets from a file and from the configuration; one is dropped, labels are made of others, series are dropped and
/// renamed. 127.0.0.1:1 answers nobody: its `up` is 0.
const PROMETHEUS_YML: &str = r#"
global: {scrape_interval: 1s, external_labels: {region: eu}}
rule_files: []
scrape_configs:
  - job_name: shop
    file_sd_configs: [{files: [targets/*.json], refresh_interval: 1s}]
    relabel_configs:
      - {source_labels: [lane], regex: closed, action: drop}
      - {source_labels: [__address__], regex: "([^:]+):.*", target_label: host}
      - {source_labels: [lane, zone], separator: "/", target_label: place}
      - {regex: lane, action: labeldrop}
      - {source_labels: [__meta_filepath], regex: ".*/([a-z]+)\\.json", target_label: listed_in}
    metric_relabel_configs:
      - {source_labels: [__name__], regex: "shop_debug_.*", action: drop}
      - {source_labels: [__name__], regex: "shop_old_(.+)", target_label: __name__, replacement: "shop_$1"}
      - {source_labels: [code], regex: "(.).*", target_label: class, replacement: "${1}xx"}
  - job_name: nobody
    honor_labels: true
    static_configs: [{targets: ["127.0.0.1:1"], labels: {zone: z}}]
"#;

const PAGE: &str = "\
# TYPE shop_requests_total counter
shop_requests_total{code=\"200\"} 5
shop_requests_total{code=\"503\",instance=\"inner\"} 1
shop_debug_state 1
shop_old_queue_length 3
# TYPE shop_wait_seconds histogram
shop_wait_seconds_bucket{le=\"1\"} 2
shop_wait_seconds_bucket{le=\"+Inf\"} 3
shop_wait_seconds_sum 2.5
shop_wait_seconds_count 3
";

/// Writes the list of targets: each with its lane.
fn list(home: &Path, targets: &[(&Exporter, &str)]) {
    let group = |(exporter, lane): &(&Exporter, &str)| json!({"targets": [exporter.address()], "labels": {"lane": lane, "zone": "a"}});
    let groups: Vec<Value> = targets.iter().map(group).collect();
    // In one step, so that nobody reads half of it.
    std::fs::write(home.join("targets.new"), json!(groups).to_string()).unwrap();
    std::fs::rename(home.join("targets.new"), home.join("targets/shop.json")).unwrap();
}

/// Label sets with values, less the labels that are only ours.
fn shown(found: Vec<(Value, f64)>, only_ours: &[&str]) -> BTreeSet<String> {
    let shown = |(mut labels, value): (Value, f64)| {
        labels.as_object_mut().unwrap().retain(|name, _| !only_ours.contains(&name.as_str()));
        format!("{labels} {value}")
    };
    found.into_iter().map(shown).collect()
}

/// What both answer, as soon as it is the same and so much; fails showing what each answers instead.
async fn agreed(server: &Server, prometheus: &Prometheus, expr: &str, count: usize) -> BTreeSet<String> {
    let started = Instant::now();
    loop {
        // External labels are for the outside there; here every reader is outside of the source.
        let ours = shown(server.query(expr).await, &["source", "region"]);
        let theirs = shown(prometheus.query(expr, now_ms() as f64 / 1000.0).await, &[]);
        if ours == theirs && ours.len() == count {
            return ours;
        }
        assert!(started.elapsed() < PATIENCE, "{expr}, {count} of them: ours {ours:#?}, theirs {theirs:#?}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gives_the_targets_and_series_of_prometheus() {
    let (first, second, third) =
        (Exporter::start(PAGE).await, Exporter::start(PAGE).await, Exporter::start(PAGE).await);
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("prometheus.yml");
    std::fs::create_dir(home.path().join("targets")).unwrap();
    std::fs::write(&file, PROMETHEUS_YML).unwrap();
    let config =
        "sources: [{name: lab, kind: prometheus, interval: 1h, settings: {scrape: prometheus.yml}}]\n";
    std::fs::write(home.path().join("isobar.yaml"), config).unwrap();
    list(home.path(), &[(&first, "fast"), (&second, "closed")]);
    let server = Server::start_in(home.path()).await;
    let prometheus = Prometheus::start_on(home.path(), &file).await;

    let up = agreed(&server, &prometheus, "up", 2).await;
    assert!(up.iter().any(|one| one.contains(r#""place":"fast/a""#)), "{up:?}");
    assert_eq!(server.query("up{source=\"lab\", region=\"eu\"}").await.len(), 2);
    // Canonical metrics are additional; their names are the ones with dots.
    agreed(&server, &prometheus, r#"count by (__name__) ({__name__!~".*[.].*", __name__!=""})"#, 10).await;
    agreed(&server, &prometheus, "{__name__=~\"shop_.*\"}", 7).await;

    // The list is followed as it changes; what left ends at once, not after a lookback of five minutes.
    list(home.path(), &[(&first, "fast"), (&third, "slow")]);
    agreed(&server, &prometheus, "up", 3).await;
    agreed(&server, &prometheus, "shop_queue_length", 2).await;
    list(home.path(), &[(&third, "slow")]);
    agreed(&server, &prometheus, "up", 2).await;
    let left = agreed(&server, &prometheus, "shop_queue_length", 1).await;
    assert!(left.iter().all(|one| one.contains(&third.address())), "{left:?}");
}
