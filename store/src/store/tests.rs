use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::{Labels, MatchOp, Matcher, Sample, SampleRun, stale_marker};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::append::Appended;
use crate::error::SelectError;

mod blocks;

const HOUR: i64 = 3_600_000;

fn options() -> StoreOptions {
    StoreOptions { retention: Duration::from_secs(40 * 3_600), ..StoreOptions::default() }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn always() -> TimeRange {
    TimeRange { start: at(i64::MIN), end: at(i64::MAX) }
}

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "j")]).unwrap()
}

fn run(samples: &[(&str, i64, f64)]) -> SampleRun {
    let samples = samples.iter().map(|(name, millis, value)| Sample {
        labels: labels(name),
        at: at(*millis),
        value: *value,
    });
    SampleRun {
        source: "one".into(),
        period: Duration::from_secs(60),
        delay: Duration::from_secs(5),
        samples: samples.collect(),
    }
}

fn open(folder: &TempDir, now: i64) -> (Store, Recovery) {
    Store::open(folder.path(), options(), at(now)).unwrap()
}

/// Everything a store answers, with the bits of the values.
fn content(store: &Store) -> BTreeMap<(String, i64), u64> {
    let mut content = BTreeMap::new();
    for slice in store.select(&[], always()).unwrap() {
        assert!(slice.timestamps.is_sorted_by(|a, b| a < b), "{slice:?}");
        let name = slice.labels.name().unwrap().to_owned();
        for (at, value) in slice.timestamps.iter().zip(&slice.values) {
            content.insert((name.clone(), *at), value.to_bits());
        }
    }
    content
}

fn expect(store: &Store, expected: &[(&str, i64, f64)]) {
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(name, at, value)| (((*name).to_owned(), *at), value.to_bits())).collect();
    assert_eq!(content(store), expected);
}

#[test]
fn samples_are_upserted_and_judged() {
    let folder = tempfile::tempdir().unwrap();
    let now = 100 * HOUR;
    let (store, _) = open(&folder, now);
    let first =
        store.append(&[run(&[("a", now, 1.0), ("b", now, 2.0), ("a", now - HOUR, 0.5)])], at(now)).unwrap();
    assert_eq!(first, Appended { stored: 3, ..Appended::default() });
    let too_far = now + 600_001;
    let long = "x".repeat(9_000);
    let again = [
        ("a", now, 1.0),
        ("b", now, 3.0),
        ("a", now - 25 * HOUR, 9.0),
        ("a", too_far, 9.0),
        (&long, now, 9.0),
    ];
    let second = store.append(&[run(&again)], at(now)).unwrap();
    let expected = Appended {
        stored: 1,
        unchanged: 1,
        too_old: 1,
        too_far_in_future: 1,
        invalid: 1,
        ..Appended::default()
    };
    assert_eq!(second, expected);
    assert_eq!(second.refused(), 3);
    expect(&store, &[("a", now - HOUR, 0.5), ("a", now, 1.0), ("b", now, 3.0)]);
}

#[test]
fn a_full_head_refuses_new_series_and_a_flood_leaves_room_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { series_max: 60, series_per_source_max: 20, ..options() };
    let (store, _) = Store::open(folder.path(), options, at(HOUR)).unwrap();
    let names: Vec<String> = (0..1000).map(|i| format!("m{i}")).collect();
    let flood = run(&names.iter().map(|name| (name.as_str(), HOUR, 1.0)).collect::<Vec<_>>());
    let appended = store.append(std::slice::from_ref(&flood), at(HOUR)).unwrap();
    assert_eq!((appended.stored, appended.over_series_limit), (20, 980));
    let other = SampleRun { source: "two".into(), ..run(&[("quiet", HOUR, 1.0)]) };
    assert_eq!(store.append(&[other], at(HOUR)).unwrap().stored, 1);
    assert_eq!(store.append(&[flood], at(HOUR)).unwrap().unchanged, 20);
}

#[test]
fn nothing_is_written_while_the_disk_is_full_and_queries_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(&folder, HOUR);
    store.append(&[run(&[("a", HOUR, 1.0)])], at(HOUR)).unwrap();
    store.set_writable(false);
    let refused = store.append(&[run(&[("a", HOUR + 1, 2.0)])], at(HOUR));
    assert!(matches!(refused, Err(AppendError::DiskFull)));
    expect(&store, &[("a", HOUR, 1.0)]);
    store.set_writable(true);
    store.append(&[run(&[("a", HOUR + 1, 2.0)])], at(HOUR)).unwrap();
    expect(&store, &[("a", HOUR, 1.0), ("a", HOUR + 1, 2.0)]);
}

#[test]
fn a_second_process_is_kept_out_until_the_last_clone_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(&folder, HOUR);
    let clone = store.clone();
    store.close().unwrap();
    drop(store);
    assert!(matches!(Store::open(folder.path(), options(), at(HOUR)), Err(OpenError::Locked(_))));
    drop(clone);
    open(&folder, HOUR);
}

#[test]
fn finished_spans_become_blocks_and_free_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let start = 100 * HOUR;
    let (store, _) = open(&folder, start);
    let mut expected = Vec::new();
    for minute in 0..5 * 60 {
        let now = start + minute * 60_000;
        let samples = [("a", now, minute as f64), ("b", now, stale_marker())];
        store.append(&[run(&samples)], at(now)).unwrap();
        expected.extend(samples);
    }
    let now = start + 5 * HOUR;
    let maintained = store.maintain(at(now)).unwrap();
    assert_eq!((maintained.blocks_written, maintained.samples_written), (2, 2 * 240));
    assert_eq!(maintained.segments_removed, 0, "the segments still hold the last hour");
    expect(&store, &expected);
    assert_eq!(store.stats().head_samples, 2 * 60);

    // A correction and a late sample for a span already cut end up in a further block, which wins.
    let corrections = [("a", start, -1.0), ("c", start + 5, 7.0)];
    store.append(&[run(&corrections)], at(now)).unwrap();
    expected[0].2 = -1.0;
    expected.push(corrections[1]);
    expect(&store, &expected);
    assert_eq!(store.maintain(at(now)).unwrap().blocks_written, 0, "not more often than every half span");
    let later = now + 3 * HOUR;
    let maintained = store.maintain(at(later)).unwrap();
    assert_eq!((maintained.blocks_written, maintained.samples_written), (2, 122));
    assert!(maintained.segments_removed >= 2, "{maintained:?}");
    expect(&store, &expected);
    assert_eq!((store.stats().wal_bytes, store.stats().head_samples), (0, 0));

    drop(store);
    let (store, recovery) = open(&folder, later);
    assert_eq!((recovery.blocks, recovery.samples), (4, 0));
    expect(&store, &expected);
    let slice = &store.select(&[Matcher::equal("__name__", "a")], always()).unwrap()[0];
    assert_eq!(
        (&*slice.source, slice.period, slice.delay),
        ("one", Duration::from_secs(60), Duration::from_secs(5))
    );
    assert_eq!(slice.period_at(at(start)), Duration::from_secs(60));
}

#[test]
fn a_crash_between_block_and_log_counts_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let kept = tempfile::tempdir().unwrap();
    let start = 100 * HOUR;
    let (store, _) = open(&folder, start);
    store.append(&[run(&[("a", start, 1.0), ("b", start, 2.0)])], at(start)).unwrap();
    store.append(&[run(&[("a", start, 3.0)])], at(start)).unwrap();
    for shard in 0..SHARDS {
        for entry in std::fs::read_dir(folder.path().join(format!("wal/{shard}"))).unwrap() {
            let path = entry.unwrap().path();
            let copy = kept.path().join(format!("{shard}-{}", path.file_name().unwrap().to_str().unwrap()));
            std::fs::copy(&path, copy).unwrap();
        }
    }
    let later = start + 4 * HOUR;
    assert_eq!(store.maintain(at(later)).unwrap().samples_written, 2);
    drop(store);
    // The log as it was before the block covered it, and a block that was never finished.
    for entry in std::fs::read_dir(kept.path()).unwrap() {
        let path = entry.unwrap().path();
        let (shard, segment) = path.file_name().unwrap().to_str().unwrap().split_once('-').unwrap();
        std::fs::copy(&path, folder.path().join("wal").join(shard).join(segment)).unwrap();
    }
    std::fs::create_dir_all(folder.path().join("blocks/tmp/9")).unwrap();
    let (store, recovery) = open(&folder, later);
    assert_eq!(recovery.samples, 0);
    expect(&store, &[("a", start, 3.0), ("b", start, 2.0)]);
    assert!(!folder.path().join("blocks/tmp").exists());
    // New writes go to segments the block does not claim.
    store.append(&[run(&[("a", start, 4.0)])], at(later)).unwrap();
    drop(store);
    expect(&open(&folder, later).0, &[("a", start, 4.0), ("b", start, 2.0)]);
}

#[test]
fn a_damaged_block_is_counted_left_alone_and_its_number_not_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let start = 100 * HOUR;
    let (store, _) = open(&folder, start);
    store.append(&[run(&[("a", start, 1.0)])], at(start)).unwrap();
    store.maintain(at(start + 4 * HOUR)).unwrap();
    drop(store);
    let meta = folder.path().join("blocks/default/1970-01-05/0000000001/meta.json");
    std::fs::write(&meta, "{").unwrap();
    let (store, recovery) = open(&folder, start + 4 * HOUR);
    assert_eq!((recovery.blocks, recovery.damaged_blocks), (0, 1));
    store.append(&[run(&[("a", start, 2.0)])], at(start + 4 * HOUR)).unwrap();
    assert_eq!(store.maintain(at(start + 4 * HOUR)).unwrap().blocks_written, 1);
    expect(&store, &[("a", start, 2.0)]);
    assert!(meta.exists());
}

#[test]
fn retention_drops_whole_blocks_and_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let start = 100 * HOUR;
    let (store, _) = open(&folder, start);
    store.append(&[run(&[("a", start, 1.0)])], at(start)).unwrap();
    store.maintain(at(start + 4 * HOUR)).unwrap();
    store.append(&[run(&[("a", start + 20 * HOUR, 2.0)])], at(start + 20 * HOUR)).unwrap();
    expect(&store, &[("a", start, 1.0), ("a", start + 20 * HOUR, 2.0)]);
    let now = start + 42 * HOUR;
    assert_eq!(store.append(&[run(&[("a", start + HOUR, 3.0)])], at(now)).unwrap().too_old, 1);
    expect(&store, &[("a", start + 20 * HOUR, 2.0)]);
    assert_eq!(store.maintain(at(now)).unwrap().blocks_dropped, 1);
    let blocks_of =
        |day: &str| std::fs::read_dir(folder.path().join("blocks/default").join(day)).unwrap().count();
    assert_eq!((blocks_of("1970-01-05"), blocks_of("1970-01-06")), (0, 1));
}

#[test]
fn labels_and_freshness_are_found_in_head_and_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let start = 100 * HOUR;
    let (store, _) = open(&folder, start);
    store.append(&[run(&[("old", start, 1.0)])], at(start)).unwrap();
    store.maintain(at(start + 4 * HOUR)).unwrap();
    let now = start + 4 * HOUR;
    store.append(&[run(&[("new", now, 1.0)])], at(now)).unwrap();
    assert_eq!(store.label_names(&[], always()).unwrap(), ["__name__", "job"]);
    assert_eq!(store.label_values("__name__", &[], always()).unwrap(), ["new", "old"]);
    let late = TimeRange { start: at(now), end: at(now) };
    assert_eq!(store.label_values("__name__", &[], late).unwrap(), ["new"]);
    let not_new = Matcher::new("__name__", MatchOp::NotMatches, "n.*").unwrap();
    assert_eq!(store.series(std::slice::from_ref(&not_new), always()).unwrap(), [labels("old")]);
    let freshness = store.freshness(&[not_new]);
    assert_eq!(freshness.len(), 1, "a silent series stays known");
    assert_eq!((freshness[0].last_at, freshness[0].period), (at(start), Duration::from_secs(60)));
    assert_eq!(store.maintain(at(now + 7 * HOUR)).unwrap().series_forgotten, 2);
}

#[test]
fn the_last_of_a_batch_wins_also_when_it_says_what_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(&folder, HOUR);
    store.append(&[run(&[("a", HOUR, 2.0)])], at(HOUR)).unwrap();
    store.append(&[run(&[("a", HOUR, 0.0), ("a", HOUR, 2.0)])], at(HOUR)).unwrap();
    expect(&store, &[("a", HOUR, 2.0)]);
}

#[test]
fn a_selection_over_its_limit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions { select_samples_max: 2, ..options() };
    let (store, _) = Store::open(folder.path(), options, at(HOUR)).unwrap();
    store.append(&[run(&[("a", HOUR, 1.0), ("b", HOUR, 1.0), ("c", HOUR, 1.0)])], at(HOUR)).unwrap();
    assert!(matches!(store.select(&[], always()), Err(SelectError::TooManySamples(2))));
    assert_eq!(store.select(&[Matcher::equal("__name__", "b")], always()).unwrap().len(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<(u8, i64, u64)>),
    Maintain,
    Reopen,
    Wait(i64),
}

/// Blocks of two hours become blocks of six.
const LAW_RETENTION: Duration = Duration::from_secs(70 * 3_600);

fn step() -> impl Strategy<Value = Step> {
    let sample =
        (0..6_u8, 0..8 * 60_i64, prop_oneof![any::<u64>(), (0..3_u64).prop_map(|n| (n as f64).to_bits())]);
    prop_oneof![
        6 => proptest::collection::vec(sample, 1..60).prop_map(Step::Append),
        2 => Just(Step::Maintain),
        1 => Just(Step::Reopen),
        2 => (1..600_i64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Whatever is appended, cut and reopened in whatever order, the store is the map of the last write per time.
    #[test]
    fn a_store_is_a_map_of_last_writes(steps in proptest::collection::vec(step(), 1..30)) {
        let folder = tempfile::tempdir().unwrap();
        let mut now = 1_000 * HOUR;
        // Small segments, so that they close and go.
        // A window that settles soon, so that blocks become one.
        let out_of_order = Duration::from_secs(8 * 3_600);
        let options = StoreOptions { segment_bytes: 2_000, out_of_order, retention: LAW_RETENTION, ..options() };
        let open = |now| Store::open(folder.path(), options.clone(), at(now)).unwrap();
        let mut store = open(now).0;
        let mut expected = BTreeMap::new();
        for step in steps {
            match step {
                Step::Append(samples) => {
                    let samples: Vec<(String, i64, f64)> = samples
                        .iter()
                        .map(|(series, back, bits)| (format!("s{series}"), now - back * 60_000, f64::from_bits(*bits)))
                        .collect();
                    for (name, at, value) in &samples {
                        expected.insert((name.clone(), *at), value.to_bits());
                    }
                    let samples: Vec<_> = samples.iter().map(|(name, at, value)| (name.as_str(), *at, *value)).collect();
                    prop_assert_eq!(store.append(&[run(&samples)], at(now)).unwrap().refused(), 0);
                }
                Step::Maintain => {
                    store.maintain(at(now)).unwrap();
                    while store.compact(|| true).unwrap().is_some() {}
                }
                Step::Reopen => {
                    drop(store);
                    let (opened, recovery) = open(now);
                    prop_assert_eq!(recovery.damaged_records + recovery.torn_bytes, 0);
                    store = opened;
                }
                Step::Wait(minutes) => now += minutes * 60_000,
            }
            let horizon = now - LAW_RETENTION.as_millis() as i64;
            expected.retain(|(_, at), _| *at >= horizon);
            let mut found = content(&store);
            found.retain(|(_, at), _| *at >= horizon);
            prop_assert_eq!(found, expected.clone());
        }
    }
}
