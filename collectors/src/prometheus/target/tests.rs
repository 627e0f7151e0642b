use std::path::Path;

use super::super::scrape_file;
use super::*;

fn targets(yaml: &str) -> Result<Vec<Target>, String> {
    let file = scrape_file::read(yaml, Path::new("/etc/prometheus")).map_err(|error| error.to_string())?;
    let mut targets = Vec::new();
    for (index, job) in file.jobs.iter().enumerate() {
        for discovered in &job.targets {
            targets.extend(Target::new("lab", index, job, discovered)?);
        }
    }
    Ok(targets)
}

/// URL and labels of each target.
#[track_caller]
fn check(job: &str, expected: &[&str]) {
    let yaml = format!("scrape_configs:\n- job_name: j\n{job}");
    let shown = |target: &Target| {
        let labels = Labels::from_pairs(target.labels.iter().map(|(name, value)| (name, value))).unwrap();
        format!("{} {labels}", target.url)
    };
    assert_eq!(targets(&yaml).unwrap().iter().map(shown).collect::<Vec<_>>(), expected, "{job}");
}

#[test]
fn defaults_and_labels() {
    check(
        "  static_configs: [{targets: ['a:1', b], labels: {zone: z, __hidden: x}}]\n",
        &[
            r#"http://a:1/metrics {instance="a:1", job="j", source="lab", zone="z"}"#,
            r#"http://b/metrics {instance="b", job="j", source="lab", zone="z"}"#,
        ],
    );
    check(
        "  scheme: https\n  metrics_path: /probe\n  params: {module: [http, icmp], x: [a b]}\n  static_configs: [{targets: ['[::1]:9']}]\n",
        &[
            r#"https://[::1]:9/probe?module=http&module=icmp&x=a+b {instance="[::1]:9", job="j", source="lab"}"#,
        ],
    );
    check(
        "  static_configs: [{targets: ['a:1'], labels: {job: other, source: fake}}]\n",
        &[r#"http://a:1/metrics {instance="a:1", job="other", source="lab"}"#],
    );
}

#[test]
fn relabeling_decides_address_path_and_timing() {
    check(
        "  params: {module: [icmp]}
  static_configs: [{targets: [router, skip]}]
  relabel_configs:
  - {source_labels: [__address__], regex: skip, action: drop}
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__param_target], target_label: instance}
  - {target_label: __address__, replacement: 'prober:9115'}
",
        &[
            r#"http://prober:9115/metrics?module=icmp&target=router {instance="router", job="j", source="lab"}"#,
        ],
    );
    let yaml = "scrape_configs: [{job_name: j, scrape_interval: 20s, static_configs: [{targets: [a], labels: {__scrape_interval__: 5s}}]}]";
    let target = targets(yaml).unwrap().remove(0);
    assert_eq!(target.part.interval, Some(Duration::from_secs(5)));
    assert_eq!(target.timeout, Duration::from_secs(5), "a timeout never outlasts its interval");
}

#[test]
fn labels_do_not_make_a_target_be_scraped_without_pause() {
    let with = |labels: &str| {
        targets(&format!(
            "scrape_configs: [{{job_name: j, static_configs: [{{targets: [a], labels: {labels}}}]}}]"
        ))
    };
    let error = with("{__scrape_interval__: 1ms}").unwrap_err();
    assert!(error.ends_with("__scrape_interval__ 1ms is too short: at least 100ms"), "{error}");
    assert_eq!(with("{__scrape_timeout__: '0'}").unwrap()[0].timeout, Duration::from_secs(10));
}

#[test]
fn targets_that_cannot_be_scraped_are_named() {
    for (address, message) in [
        ("http://a:1", "without scheme, path or user"),
        ("user@a:1", "without scheme, path or user"),
        ("a:b", "write host:port"),
        ("a:99999", "write host:port"),
    ] {
        let yaml = format!("scrape_configs: [{{job_name: j, static_configs: [{{targets: ['{address}']}}]}}]");
        let error = targets(&yaml).unwrap_err();
        assert!(
            error.starts_with(&format!("job \"j\", target \"{address}\": ")) && error.contains(message),
            "{error}"
        );
    }
}

#[test]
fn neither_messages_nor_keys_show_parameters() {
    let one = |token: &str| {
        let config =
            format!("job_name: j, params: {{token: [{token}]}}, static_configs: [{{targets: ['a:1']}}]");
        targets(&format!("scrape_configs: [{{{config}}}]")).unwrap().remove(0)
    };
    let (target, other) = (one("hidden"), one("other"));
    assert_eq!(target.shown(), "job j, instance a:1, http://a:1/metrics");
    assert!(target.part.key.starts_with("http://a:1/metrics?") && !target.part.key.contains("hidden"));
    assert_ne!(target.part.key, other.part.key, "targets that differ in a parameter are two");
}
