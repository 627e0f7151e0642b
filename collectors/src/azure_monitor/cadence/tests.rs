use isobar_normalizer::{Labels, ResourceId};
use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(minutes * 60_000)
}

fn pace(period_minutes: u32) -> Pace {
    Pace {
        period: MINUTE * period_minutes,
        delay: MINUTE * 3,
        other_interval: MINUTE * 5,
        backfill: Duration::from_secs(3 * 3600),
    }
}

fn members(names: &[&str]) -> BTreeSet<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

/// What is read over some minutes: for each reading its time, the start of its stretch and whether others were in it.
fn readings(
    track: &mut Track,
    pace: &Pace,
    used: &[&str],
    minutes: std::ops::Range<i64>,
) -> Vec<(i64, i64, bool)> {
    let mut readings = Vec::new();
    for minute in minutes {
        // Ticks lie at some offset into the minute.
        let now = at(minute).plus(Duration::from_secs(20));
        if let Some(due) = track.due(now, pace, &members(used), true) {
            assert_eq!(due.stretch.end, floor(at(minute - 3), pace.period));
            readings.push((minute, due.stretch.start.millis() / 60_000, due.with_others));
            track.read(&due, members(used));
        }
    }
    readings
}

#[test]
fn the_past_is_read_first_then_every_grain_once_more_for_four() {
    let mut track = Track::default();
    let read = readings(&mut track, &pace(1), &["cpu"], 1000..1012);
    assert_eq!(read[0], (1000, 997 - 180, true), "the backfill");
    assert_eq!(read[1], (1001, 997 - 4, false), "what a policy reads, each minute, four grains again");
    assert_eq!(read[2], (1002, 998 - 4, false));
    let with_others: Vec<i64> = read.iter().filter(|one| one.2).map(|one| one.0).collect();
    assert_eq!(with_others, [1000, 1005, 1010], "what none reads, all of five minutes in one call");
    assert_eq!(read[5].1, 997 - 4, "over the time of the others, so that a formula finds both");
    assert_eq!(read.len(), 12);
}

#[test]
fn what_nobody_reads_is_asked_for_more_seldom() {
    let mut track = Track::default();
    let read = readings(&mut track, &pace(1), &[], 1000..1011);
    assert_eq!(read.iter().map(|one| one.0).collect::<Vec<_>>(), [1000, 1005, 1010]);
}

#[test]
fn long_grains_are_asked_for_when_there_is_a_new_one() {
    let mut track = Track::default();
    let read = readings(&mut track, &pace(60), &["capacity"], 1000..1130);
    assert_eq!(
        read.iter().map(|one| one.0).collect::<Vec<_>>(),
        [1000, 1023, 1083],
        "each three minutes after its end"
    );
}

#[test]
fn a_metric_that_a_new_policy_reads_brings_its_past() {
    let mut track = Track::default();
    readings(&mut track, &pace(1), &["cpu"], 1000..1004);
    let due = track.due(at(1004), &pace(1), &members(&["cpu", "memory"]), true).unwrap();
    assert!(due.with_others && due.stretch.start == at(997 - 4), "{due:?}");
}

#[test]
fn a_gap_is_made_up_as_far_as_the_backfill() {
    let mut track = Track::default();
    readings(&mut track, &pace(1), &["cpu"], 1000..1001);
    let due = track.due(at(1120), &pace(1), &members(&["cpu"]), true).unwrap();
    assert_eq!((due.stretch.start, due.stretch.end), (at(997 - 4), at(1117)), "two hours at once");
    assert!(!track.leaves_gap(&due));
    let due = track.due(at(2000), &pace(1), &members(&["cpu"]), true).unwrap();
    assert_eq!(due.stretch.start, at(1997 - 180));
    assert!(track.leaves_gap(&due));
}

fn measured(series: &[&[i64]]) -> Vec<Measurement> {
    let measurement = |minutes: &&[i64]| Measurement {
        namespace: "n".into(),
        metric: "m".into(),
        statistic: "Average".into(),
        resource: "azure:s:r:t:x".parse::<ResourceId>().unwrap(),
        dimensions: Labels::empty(),
        period: MINUTE,
        delay: MINUTE * 3,
        points: minutes.iter().map(|minute| (at(*minute), 1.0)).collect(),
    };
    series.iter().map(measurement).collect()
}

fn bulk(series: &[&[i64]]) -> Bulk {
    let mut bulk = Bulk::default();
    bulk.see(&measured(series), MINUTE, at(100));
    bulk
}

#[test]
fn the_bulk_is_where_half_of_the_series_are() {
    let full: &[i64] = &[96, 97, 98, 99, 100];
    let late: &[i64] = &[96, 97, 98];
    assert_eq!(bulk(&[full, full, full]), Bulk(Some(at(100))));
    assert_eq!(bulk(&[full, full, late]), Bulk(Some(at(100))), "one that ended holds nobody up");
    assert_eq!(bulk(&[full, late, late]), Bulk(Some(at(98))), "most are late");
    assert_eq!(
        bulk(&[full, &[97], &[98], &[99]]),
        Bulk(Some(at(100))),
        "values now and then are no lateness"
    );
    assert_eq!(bulk(&[&[50, 51]]), Bulk(None), "nothing recent says nothing");
}

#[test]
fn a_bulk_never_goes_back() {
    let mut bulk = Bulk(Some(at(100)));
    bulk.see(&measured(&[&[96, 97]]), MINUTE, at(100));
    assert_eq!(bulk, Bulk(Some(at(100))));
}

#[test]
fn a_watermark_stays_behind_until_data_settles() {
    let now = at(1000).plus(Duration::from_secs(20));
    let delay = MINUTE * 3;
    let read_to = |minutes: i64| at(minutes).plus(MINUTE).minus(Duration::from_millis(1));
    assert_eq!(watermark(now, delay, [read_to(997)], Bulk::default()), at(996), "read twice");
    assert_eq!(
        watermark(now, delay, [read_to(997), read_to(990)], Bulk::default()),
        at(990),
        "the slowest namespace"
    );
    assert_eq!(watermark(now, delay, [], Bulk::default()), at(996), "nothing that is waited for");
    assert_eq!(watermark(now, delay, [read_to(997)], Bulk(Some(at(993)))), at(993), "the region is late");
    assert_eq!(
        watermark(now, delay, [read_to(997)], Bulk(Some(at(900)))),
        at(986),
        "but is not waited for for ever"
    );
}

proptest! {
    /// A watermark is never before the last one while time goes on and all is read, nor after what is settled.
    #[test]
    fn watermarks_go_forward(steps in proptest::collection::vec(10i64..200, 1..60)) {
        let mut track = Track::default();
        let (mut now, mut last) = (at(10_000), Timestamp::from_millis(i64::MIN));
        for step in steps {
            now = now.plus(Duration::from_secs(step.unsigned_abs()));
            if let Some(due) = track.due(now, &pace(1), &members(&["cpu"]), true) {
                track.read(&due, members(&["cpu"]));
            }
            let mark = watermark(now, MINUTE * 3, track.complete(MINUTE), Bulk::default());
            prop_assert!(mark >= last, "{mark} after {last}");
            prop_assert!(mark <= now.minus(MINUTE * 4));
            last = mark;
        }
    }

    /// No grain is left out, whatever the ticks: each begins where an earlier stretch ended or before.
    #[test]
    fn every_grain_is_read(steps in proptest::collection::vec(1i64..3000, 1..60), period in 1u32..6) {
        let mut track = Track::default();
        let mut now = at(10_000);
        let mut read_to: Option<Timestamp> = None;
        for step in steps {
            now = now.plus(Duration::from_secs(step.unsigned_abs()));
            let Some(due) = track.due(now, &pace(period), &members(&["cpu"]), false) else { continue };
            prop_assert!(read_to.is_none_or(|read_to| due.stretch.start < read_to || track.leaves_gap(&due)));
            prop_assert!(due.stretch.end <= now.minus(MINUTE * 3));
            prop_assert_eq!(due.stretch.start, floor(due.stretch.start, MINUTE * period));
            read_to = Some(due.stretch.end);
            track.read(&due, members(&["cpu"]));
        }
    }
}
