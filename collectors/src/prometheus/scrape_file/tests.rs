use std::time::Duration;

use super::*;

fn read_here(text: &str) -> Result<ScrapeFile, ConfigError> {
    read(text, Path::new("/etc/prometheus"))
}

#[test]
fn global_values_hold_until_a_job_says_otherwise() {
    let file = read_here(
        "
global: {scrape_interval: 20s, scrape_timeout: 8s, evaluation_interval: 30s, external_labels: {site: dc1}}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['a:9093']}]}]}
scrape_configs:
- job_name: defaults
- job_name: own
  scrape_interval: 5s
  honor_labels: true
  honor_timestamps: false
  sample_limit: 10
  label_limit: 0
  body_size_limit: 1MB
  file_sd_configs: [{files: [targets/*.yml]}, {files: [more.json], refresh_interval: 30s}]
  metric_relabel_configs: [{source_labels: [__name__], regex: x, action: drop}]
",
    )
    .unwrap();
    let [defaults, own] = &file.jobs[..] else { panic!("two jobs: {file:?}") };
    assert_eq!(
        (defaults.interval, defaults.timeout),
        (Some(Duration::from_secs(20)), Duration::from_secs(8))
    );
    assert_eq!(defaults.external["site"], "dc1");
    assert_eq!((own.interval, own.timeout), (Some(Duration::from_secs(5)), Duration::from_secs(5)));
    assert_eq!((own.honor_labels, own.honor_timestamps), (true, false));
    assert_eq!((own.limits.samples, own.limits.labels, own.limits.body), (10, 64, 1 << 20));
    assert_eq!((own.files.len(), own.metric_relabel.len()), (2, 1));
    assert_eq!((defaults.refresh, own.refresh), (None, Some(Duration::from_secs(30))));
    let ignored: Vec<&str> = file.ignored.iter().map(|(key, _)| *key).collect();
    assert_eq!(ignored, ["alerting", "rule_files", "evaluation_interval"]);
}

#[test]
fn the_file_of_debian_loads() {
    let Ok(text) = std::fs::read_to_string("/etc/prometheus/prometheus.yml") else {
        eprintln!("skipped: /etc/prometheus/prometheus.yml is not here");
        return;
    };
    assert!(!read_here(&text).unwrap().jobs.is_empty());
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let error = read_here(text).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{text}\n{error}");
}

#[test]
fn what_is_not_supported_is_refused_by_name_and_place() {
    refused("scrape_configs:\n- job_name: a\n  dns_sd_configs: []\n", "3:3: unknown field `dns_sd_configs`");
    refused(
        "scrape_config_files: []\nscrape_configs: [{job_name: a}]\n",
        "1:1: unknown field `scrape_config_files`",
    );
    refused(
        "global: {keep_dropped_targets: 1}\nscrape_configs: []\n",
        "1:10: unknown field `keep_dropped_targets`",
    );
    refused(
        "scrape_configs:\n- job_name: a\n  tls_config: {min_version: TLS12}\n",
        "3:16: unknown field `min_version`",
    );
    refused("scrape_configs:\n- job_name: a\n  scrape_interval: 5\n", "3:20: ");
    refused("scrape_configs:\n- job_name: a\n  scrape_interval: 0s\n", "3:20: must be longer than zero");
    refused("scrape_configs:\n- job_name: a\n  scrape_interval: 99ms\n", "3:20: 99ms is too short");
    refused("global: {scrape_interval: 1ms}\nscrape_configs: []\n", "1:27: 1ms is too short: at least 100ms");
    refused(
        "scrape_configs:\n- job_name: a\n  file_sd_configs: [{files: [a.json], refresh_interval: 0s}]\n",
        "3:57: must be longer than zero",
    );
    refused(
        "scrape_configs:\n- {job_name: a, scrape_interval: 5s, scrape_timeout: 6s}\n",
        "2:54: scrape_timeout is longer",
    );
    refused("scrape_configs:\n- job_name: a\n- job_name: a\n", "3:13: job_name \"a\" is given twice");
    refused("scrape_configs:\n- job_name: ''\n", "2:13: job_name cannot be empty");
    refused("scrape_configs:\n- {job_name: a, scheme: ftp}\n", "2:");
    refused("scrape_configs:\n- {job_name: a, body_size_limit: 1T}\n", "2:34: \"1T\" is not a size");
    refused(
        "scrape_configs:\n- job_name: a\n  bearer_token: x\n  basic_auth: {username: u}\n",
        "3:17: bearer_token excludes",
    );
    refused(
        "scrape_configs:\n- job_name: a\n  authorization: {type: Bearer}\n",
        "3:18: authorization needs credentials",
    );
    refused(
        "scrape_configs:\n- job_name: a\n  file_sd_configs: [{files: [a.txt]}]\n",
        "3:30: \"a.txt\" must end in",
    );
    refused(
        "global: {external_labels: {a: '${HOME}'}}\nscrape_configs: []\n",
        "1:31: references to the environment",
    );
    refused("global: {}\n", "0:0: the file has no scrape_configs");
    refused("- 1\n", "1:1: ");
}
