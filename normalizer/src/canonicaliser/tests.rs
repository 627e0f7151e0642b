//! Cases (`cases/*.case`) and the laws: splitting, order and restarts change nothing.

mod cases;
mod laws;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use super::*;
use crate::{Labels, is_stale};

/// What a store holds after upserting: the last value written for each series and timestamp.
type Stored = BTreeMap<Labels, BTreeMap<Timestamp, u64>>;

fn store(stored: &mut Stored, canonical: &Canonical) {
    for sample in canonical.runs.iter().flat_map(|run| &run.samples) {
        assert!(sample.value.is_finite() || is_stale(sample.value), "{sample:?}");
        stored.entry(sample.labels.clone()).or_default().insert(sample.at, sample.value.to_bits());
    }
}

fn run_of(samples: Vec<Sample>) -> SampleRun {
    SampleRun { source: "dc1".into(), period: Duration::from_secs(10), delay: Duration::ZERO, samples }
}

fn canonicaliser() -> Canonicaliser {
    static MAPPINGS: LazyLock<Arc<Mappings>> = LazyLock::new(|| Arc::new(Mappings::builtin()));
    Canonicaliser::new(MAPPINGS.clone())
}

fn sample(name: &str, instance: &str, at_ms: i64, value: f64) -> Sample {
    let labels = Labels::from_pairs([("__name__", name), ("instance", instance)]).unwrap();
    Sample { labels, at: Timestamp::from_millis(at_ms), value }
}

#[test]
fn idle_state_is_forgotten_and_the_rest_kept() {
    let counter = "node_disk_reads_completed_total";
    let mut canonicaliser = canonicaliser();
    canonicaliser.apply(&run_of(vec![sample(counter, "old", 0, 1.0), sample(counter, "new", 60_000, 1.0)]));
    canonicaliser.apply(&run_of(vec![sample("node_uname_info", "old", 1_000, crate::stale_marker())]));
    canonicaliser.forget_idle(Timestamp::from_millis(1_001));
    let next = vec![sample(counter, "old", 70_000, 11.0), sample(counter, "new", 70_000, 11.0)];
    let canonical = canonicaliser.apply(&run_of(next));
    let given: Vec<_> = canonical.runs[0].samples.iter().map(|one| one.labels.get("resource_id")).collect();
    assert_eq!(given, [Some("onprem:dc1::host:new")], "the old counter begins anew");
    assert_eq!(canonical.resources.len(), 2, "both are seen again");
    canonicaliser.forget_idle(Timestamp::from_millis(100_000));
    assert!(canonicaliser.sources.is_empty());
}

#[test]
fn an_ended_series_that_comes_back_is_seen_again() {
    let mut canonicaliser = canonicaliser();
    canonicaliser.apply(&run_of(vec![sample("up", "db", 0, 1.0)]));
    let ended = canonicaliser.apply(&run_of(vec![sample("up", "db", 60_000, crate::stale_marker())]));
    assert_eq!(ended.resources, [], "an end is no sight of it");
    canonicaliser.forget_idle(Timestamp::from_millis(30_000));
    let back = canonicaliser.apply(&run_of(vec![sample("up", "db", 70_000, 1.0)]));
    assert_eq!(back.resources[0].last_seen, Timestamp::from_millis(70_000));
}

#[test]
fn sources_do_not_mix() {
    let mut canonicaliser = canonicaliser();
    let counter = "node_disk_reads_completed_total";
    canonicaliser.apply(&run_of(vec![sample(counter, "db", 0, 1.0)]));
    let other = SampleRun { source: "dc2".into(), ..run_of(vec![sample(counter, "db", 10_000, 11.0)]) };
    assert_eq!(canonicaliser.apply(&other).runs, [], "it is the first sample of this source");
    let unnameable = SampleRun { source: "a:b".into(), ..run_of(vec![sample("up", "db", 0, 1.0)]) };
    assert_eq!(canonicaliser.apply(&unnameable).runs, []);
    assert_eq!(canonicaliser.stats(), Stats { unidentified: 1, ..Stats::default() });
    assert_eq!(canonicaliser.apply(&run_of(vec![sample("up", "db", 0, 1.0)])).runs.len(), 1);
}

#[test]
fn canonical_runs_keep_the_freshness_contract() {
    let mut run = run_of(vec![sample("node_load1", "db", 5, 1.0)]);
    run.delay = Duration::from_secs(3);
    let canonical = canonicaliser().apply(&run).runs.remove(0);
    assert_eq!((&canonical.source, canonical.period, canonical.delay), (&run.source, run.period, run.delay));
    assert_eq!(
        canonical.samples[0].labels.to_string(),
        r#"system.cpu.load_average.1m{isobar_vantage="guest", resource_id="onprem:dc1::host:db", source="dc1"}"#
    );
}

#[test]
fn what_is_restored_is_not_counted() {
    let mut canonicaliser = canonicaliser();
    let run = run_of(vec![sample("node_disk_reads_completed_total", "db", 0, 1.0)]);
    canonicaliser.restore(&run);
    canonicaliser.restore(&run);
    assert_eq!(canonicaliser.stats(), Stats::default());
    canonicaliser.apply(&run);
    assert_eq!(canonicaliser.stats().out_of_order, 1);
}

#[test]
fn a_round_that_waited_at_the_restart_is_still_told() {
    let idle = |cpu: &str, at_ms: i64| {
        let pairs =
            [("__name__", "node_cpu_seconds_total"), ("cpu", cpu), ("instance", "db"), ("mode", "idle")];
        Sample { labels: Labels::from_pairs(pairs).unwrap(), at: Timestamp::from_millis(at_ms), value: 0.0 }
    };
    let counts = |canonical: Canonical| -> Vec<(i64, f64)> {
        let samples = canonical.runs.into_iter().flat_map(|run| run.samples);
        let counts = samples.filter(|one| one.labels.name() == Some("system.cpu.logical.count"));
        counts.map(|one| (one.at.millis(), one.value)).collect()
    };
    let mut before = canonicaliser();
    before.apply(&run_of(vec![idle("0", 0), idle("1", 0)]));
    assert_eq!(
        counts(before.apply(&run_of(vec![idle("0", 10_000)]))),
        [],
        "it waits for the other processor"
    );
    let mut after = canonicaliser();
    after.restore(&run_of(vec![idle("0", 0), idle("0", 10_000)]));
    after.restore(&run_of(vec![idle("1", 0)]));
    let next = after.apply(&run_of(vec![idle("0", 20_000), idle("1", 20_000)]));
    assert_eq!(counts(next), [(10_000, 1.0), (20_000, 2.0)]);
}
