//! What is read when, and in which calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isobar_normalizer::{Labels, ResourceId};
use proptest::prelude::*;

use super::super::catalogue::{BundleKey, Metric};
use super::super::progress::Seen;
use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(minutes * 60_000)
}

fn window(start: i64, end: i64) -> Window {
    Window { start: at(start), end: at(end) }
}

fn in_use(metrics: &[&str]) -> InUse {
    let in_use = InUse::default();
    in_use.set(metrics.iter().map(|metric| (*metric).to_owned()).collect());
    in_use
}

/// A bundle of one resource that feeds `feed`; its metrics have so many statistics each.
fn bundle(resource: usize, period: Duration, feed: &str, statistics: &[usize]) -> Bundle {
    let id: ResourceId = format!("aws:1:r-1:db.relational:{resource}").parse().unwrap();
    let metric = |(number, count): (usize, &usize)| Metric {
        name: format!("m{number}").into(),
        dimensions: Labels::empty(),
        statistics: (0..*count).map(|n| Arc::from(format!("p{n}"))).collect(),
    };
    Bundle {
        key: BundleKey::for_tests(id, feed, period),
        namespace: "AWS/RDS".into(),
        period,
        delay: MINUTE * 2,
        metrics: statistics.iter().enumerate().map(metric).collect(),
        feeds: [feed.to_owned()].into(),
    }
}

fn rules(in_use: &InUse) -> Rules<'_> {
    Rules { in_use, other_interval: MINUTE * 5, backfill: HOUR * 3 }
}

#[track_caller]
fn check(feed: &str, minutes: u32, progress: &Progress, now: i64, expected: Option<(i64, i64)>) {
    let in_use = in_use(&["used"]);
    let bundle = bundle(1, MINUTE * minutes, feed, &[1]);
    let read = newest(0, &bundle, progress, &rules(&in_use), at(now));
    assert_eq!(read.map(|read| read.window), expected.map(|(start, end)| window(start, end)), "at {now}");
}

fn read_to(minutes: i64) -> Progress {
    Progress { read_to: Some(at(minutes)), read_from: Some(at(0)), ..Progress::default() }
}

#[test]
fn what_a_policy_reads_is_read_once_in_each_period_and_twice_again() {
    check("used", 1, &Progress::default(), 1002, Some((820, 1000)));
    check("used", 1, &read_to(1000), 1002, None);
    check("used", 1, &read_to(1000), 1003, Some((998, 1001)));
    check("used", 1, &read_to(1000), 1006, Some((998, 1004)));
    // Periods of five minutes come five minutes late, and not before.
    check("used", 5, &read_to(1000), 1009, None);
    check("used", 5, &read_to(1000), 1010, Some((990, 1005)));
}

#[test]
fn what_no_policy_reads_is_read_every_five_minutes_with_all_its_points() {
    check("other", 1, &read_to(1000), 1006, None);
    check("other", 1, &read_to(1000), 1007, Some((998, 1005)));
    check("other", 1, &read_to(1003), 1006, None);
    check("other", 1, &read_to(1003), 1007, Some((1001, 1005)));
}

#[test]
fn long_periods_are_asked_for_until_they_are_there() {
    let day = 1440;
    let answered = |newest: Option<i64>, answered: i64| Progress {
        newest: newest.map(at),
        answered: Some(at(answered)),
        ..read_to(day * 10)
    };
    // What ended more than a day ago could not be stored.
    let due = Some((day * 9, day * 10));
    check("other", 1440, &Progress::default(), day * 10 + 30, due);
    check("other", 1440, &answered(Some(day * 9), day * 10 + 30), day * 10 + 60, None);
    check("other", 1440, &answered(Some(day * 9), day * 10 + 30), day * 10 + 90, due);
    check("other", 1440, &answered(Some(day * 10), day * 10 + 30), day * 10 + 90, None);
    check("used", 1440, &answered(None, day * 10 + 30), day * 10 + 89, None);
}

#[test]
fn after_a_gap_the_present_comes_first() {
    let in_use = in_use(&["used"]);
    let bundle = bundle(1, MINUTE, "used", &[1]);
    let mut progress = read_to(1000);
    let now = at(1122);
    let read = newest(0, &bundle, &progress, &rules(&in_use), now).unwrap();
    assert_eq!((read.window, read.leaves), (window(1117, 1120), Some(window(998, 1117))));
    let seen = Seen { read_to: read.window.end, cadence: read.cadence, newest: None };
    progress.read(read.window, read.leaves, seen, now);
    let left = owed(0, &bundle, &progress, &rules(&in_use), now).unwrap();
    assert_eq!((left.window, left.makes_up), (window(998, 1117), true));
    progress.made_up(left.window, seen, now);
    assert_eq!(owed(0, &bundle, &progress, &rules(&in_use), now), None);
    // A day later only what may be backfilled is owed.
    let read = newest(0, &bundle, &progress, &rules(&in_use), at(1122 + 1440)).unwrap();
    assert_eq!(read.leaves, Some(window(2560 - 180, 2557)));
}

#[test]
fn statistics_of_a_metric_share_a_call_and_five_are_billed_as_one() {
    let bundle = bundle(1, MINUTE, "used", &[1, 5, 6]);
    assert_eq!((bundle.queries(), billed(&bundle)), (12, 4));
}

#[test]
fn what_is_a_little_behind_shares_the_call_of_the_others() {
    let used = in_use(&["used"]);
    let bundles: Vec<Bundle> = (0..3).map(|number| bundle(number, MINUTE, "used", &[1])).collect();
    let behind = [1000, 997, 1000].map(read_to);
    let rules = rules(&used);
    let reads = (0..3).filter_map(|index| newest(index, &bundles[index], &behind[index], &rules, at(1003)));
    let calls = calls(reads.collect(), &bundles);
    assert_eq!(
        calls.iter().map(|call| (call.window, call.reads.len())).collect::<Vec<_>>(),
        [(window(995, 1001), 3)]
    );
    assert_eq!(calls[0].points, 18);
}

#[test]
fn what_policies_read_goes_first() {
    let used = in_use(&["used"]);
    let bundles = [bundle(1, MINUTE, "other", &[1]), bundle(2, MINUTE, "used", &[1])];
    let rules = rules(&used);
    let read = |index: usize| newest(index, &bundles[index], &Progress::default(), &rules, at(1002)).unwrap();
    let calls = calls(vec![read(0), read(1)], &bundles);
    assert_eq!(calls.iter().map(|call| call.reads[0].bundle).collect::<Vec<_>>(), [1, 0]);
}

proptest! {
    #[test]
    fn calls_keep_the_limits_and_lose_nothing(
        sizes in proptest::collection::vec((1usize..30, 1usize..7, any::<bool>()), 1..120),
        backfill in 0u32..24,
    ) {
        let used = in_use(&["used"]);
        let rules = Rules { backfill: HOUR * backfill, ..rules(&used) };
        let bundles: Vec<Bundle> = sizes
            .iter()
            .enumerate()
            .map(|(number, (metrics, statistics, is_used))| {
                let feed = if *is_used { "used" } else { "other" };
                bundle(number, MINUTE, feed, &vec![*statistics; *metrics])
            })
            .collect();
        let progress = Progress::default();
        let reads: Vec<Read> = bundles
            .iter()
            .enumerate()
            .filter_map(|(index, bundle)| newest(index, bundle, &progress, &rules, at(100_002)))
            .collect();
        let calls = calls(reads, &bundles);
        let mut seen = BTreeSet::new();
        for call in &calls {
            let queries: usize = call.reads.iter().map(|read| bundles[read.bundle].queries()).sum();
            prop_assert!(queries <= QUERIES_MAX);
            prop_assert!(call.points <= POINTS_MAX || call.reads.len() == 1);
            prop_assert_eq!(call.points, queries as u64 * points(call.window, call.period));
            prop_assert_eq!(call.billed, call.reads.iter().map(|read| billed(&bundles[read.bundle])).sum::<u64>());
            for read in &call.reads {
                prop_assert_eq!((read.window.end, read.period), (call.window.end, call.period));
                prop_assert!(read.window.start >= call.window.start);
                prop_assert!(seen.insert(read.bundle), "once");
            }
        }
        prop_assert_eq!(seen.len(), bundles.len());
    }

    /// Whatever fails meanwhile: every period of the past that may be backfilled is read in the end, the newest first.
    #[test]
    fn no_period_is_forgotten(
        minutes in prop_oneof![Just(1u32), Just(5u32)],
        is_used in any::<bool>(),
        outcomes in proptest::collection::vec((any::<bool>(), any::<bool>(), 1i64..40), 1..60),
    ) {
        let used = in_use(&["used"]);
        let rules = rules(&used);
        let period = MINUTE * minutes;
        let bundles = [bundle(1, period, if is_used { "used" } else { "other" }, &[1])];
        let mut progress = Progress::default();
        let mut read_ends = BTreeSet::new();
        let mut now = at(100_000);
        let rounds = outcomes.into_iter().chain([(true, true, 1), (true, true, 30)]);
        for (works, gap_works, wait) in rounds {
            now = now.plus(MINUTE * u32::try_from(wait).unwrap());
            for (makes_up, works) in [(false, works), (true, works && gap_works)] {
                let planned = if makes_up { owed } else { newest };
                let Some(read) = planned(0, &bundles[0], &progress, &rules, now) else { continue };
                prop_assert!(read.window.end <= now.minus(bundles[0].delay_at(period)));
                prop_assert!(read.window.start < read.window.end);
                if !works {
                    progress.failed(false, now);
                    continue;
                }
                let mut end = read.window.start.plus(period);
                while end <= read.window.end {
                    read_ends.insert(end);
                    end = end.plus(period);
                }
                let seen = Seen { read_to: read.window.end, cadence: read.cadence, newest: None };
                if makes_up {
                    progress.made_up(read.window, seen, now);
                } else {
                    progress.read(read.window, read.leaves, seen, now);
                }
            }
        }
        prop_assert_eq!(progress.owed, None);
        let (from, to) = (progress.read_from.unwrap(), progress.read_to.unwrap());
        prop_assert!(now.since(to) < bundles[0].delay_at(period) + period.max(MINUTE * 5) + period);
        let mut end = from.plus(period);
        while end <= to {
            prop_assert!(read_ends.contains(&end), "{end} of {from}..{to}");
            end = end.plus(period);
        }
    }

    /// With nothing in the way, what a policy reads is requested once for each of its periods.
    #[test]
    fn a_metric_in_use_is_requested_once_a_period(phase in 0i64..60_000, minutes in prop_oneof![Just(1u32), Just(5u32)]) {
        let used = in_use(&["used"]);
        let rules = rules(&used);
        let period = MINUTE * minutes;
        let bundle = bundle(1, period, "used", &[3]);
        let mut progress = Progress::default();
        let mut requested: BTreeMap<Timestamp, u32> = BTreeMap::new();
        for minute in 0..300 {
            let now = Timestamp::from_millis(at(100_000 + minute).millis() + phase);
            if let Some(read) = newest(0, &bundle, &progress, &rules, now) {
                let seen = Seen { read_to: read.window.end, cadence: read.cadence, newest: None };
                progress.read(read.window, read.leaves, seen, now);
                *requested.entry(read.window.end).or_default() += 1;
                // Right after it is published.
                prop_assert!(now.since(read.window.end.plus(bundle.delay_at(period))) < MINUTE || minute == 0);
            }
        }
        prop_assert!(requested.values().all(|count| *count == 1));
        let expected = 300 / i64::from(minutes);
        prop_assert!((requested.len() as i64 - expected).abs() <= 1, "{} of {expected}", requested.len());
    }
}
