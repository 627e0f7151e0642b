use std::sync::Arc;

use super::*;
use crate::aws::catalogue::Catalogue;
use crate::estate::{Estate, PAST};
use crate::scenario::Scenario;

/// A whole hour.
const ORIGIN: Millis = 1_795_003_200_000;

fn view(now: Millis) -> View {
    View { now, late_ms: 0, begins: ORIGIN - PAST }
}

fn with_series(check: impl Fn(&Series, &Series)) {
    let estate = Arc::new(Estate::new(1, ORIGIN, Scenario::QuietDay));
    let catalogue = Catalogue::new(&estate);
    let find = |cadence| {
        let mut all = catalogue.series.iter();
        all.find(|it| it.name == "NetworkIn" && it.cadence == cadence).unwrap()
    };
    check(find(MINUTE), find(5 * MINUTE));
}

fn stamps(points: &[Point]) -> Vec<Millis> {
    points.iter().map(|point| (point.at - ORIGIN) / MINUTE).collect()
}

#[test]
fn a_detailed_point_is_seen_after_a_minute_and_final_after_two() {
    with_series(|detailed, _| {
        let at = ORIGIN - MINUTE;
        let sum = |now| view(now).value(detailed, at, MINUTE, Statistic::Sum);
        assert_eq!(sum(ORIGIN + MINUTE - 1), None);
        let first = sum(ORIGIN + MINUTE).unwrap();
        let last = sum(ORIGIN + 2 * MINUTE).unwrap();
        assert!(first < 0.9 * last, "the newest point is revised: {first} {last}");
        assert_eq!(sum(ORIGIN + 60 * MINUTE), Some(last), "and then never again");
    });
}

#[test]
fn a_basic_point_has_five_samples_and_asks_for_patience() {
    with_series(|_, basic| {
        let at = ORIGIN - 5 * MINUTE;
        let count = |now| view(now).value(basic, at, 5 * MINUTE, Statistic::SampleCount);
        assert_eq!(count(ORIGIN + 2 * MINUTE - 1), None);
        assert_eq!(count(ORIGIN + 2 * MINUTE), Some(4.0));
        assert_eq!(count(ORIGIN + 4 * MINUTE), Some(5.0));
        // Asked by the minute it still has a point every five.
        let points = view(ORIGIN + 10 * MINUTE).points(basic, ORIGIN - 20 * MINUTE, ORIGIN, MINUTE);
        assert_eq!(stamps(&points), [-20, -15, -10, -5]);
    });
}

#[test]
fn sums_of_minutes_are_the_sum_of_the_hour() {
    with_series(|detailed, basic| {
        let sum = |series, period| {
            let points = view(ORIGIN + 60 * MINUTE).points(
                series,
                ORIGIN - 120 * MINUTE,
                ORIGIN - 60 * MINUTE,
                period,
            );
            points.iter().filter_map(|point| Statistic::Sum.of(&point.samples)).sum::<f64>()
        };
        for series in [detailed, basic] {
            assert_eq!(sum(series, MINUTE), sum(series, 60 * MINUTE));
            assert_eq!(sum(series, 5 * MINUTE), sum(series, 60 * MINUTE));
        }
    });
}

#[test]
fn the_start_belongs_and_the_end_does_not_and_buckets_are_multiples_of_the_period() {
    with_series(|detailed, _| {
        let points = |start, end, period| {
            stamps(&view(ORIGIN + 60 * MINUTE).points(detailed, ORIGIN + start, ORIGIN + end, period))
        };
        assert_eq!(points(-3 * MINUTE, 0, MINUTE), [-3, -2, -1]);
        assert_eq!(points(-3 * MINUTE + 30_000, 1, MINUTE), [-3, -2, -1, 0], "rounded down to the minute");
        assert_eq!(points(-7 * MINUTE, 0, 5 * MINUTE), [-5]);
        assert_eq!(points(-10 * MINUTE, 0, 5 * MINUTE), [-10, -5]);
    });
}

#[test]
fn what_is_not_kept_does_not_come_and_is_no_error() {
    let now = ORIGIN;
    let cases = [
        (3 * 60 * MINUTE, 10_000, true),
        (3 * 60 * MINUTE + MINUTE, 10_000, false),
        (14 * DAY, MINUTE, true),
        (16 * DAY, MINUTE, false),
        (16 * DAY, 5 * MINUTE, true),
        (64 * DAY, 5 * MINUTE, false),
        (64 * DAY, 60 * MINUTE, true),
        (456 * DAY, 60 * MINUTE, false),
    ];
    for (age, period, kept) in cases {
        assert_eq!(is_kept(now - age, period, now), kept, "{age} {period}");
    }
    let start = now - 20 * DAY - 123_456;
    assert_eq!(round_start(start, 5 * MINUTE, now) % (5 * MINUTE), 0);
}

#[test]
fn trouble_makes_everything_later() {
    with_series(|detailed, _| {
        let view = View { late_ms: 2 * MINUTE, ..view(ORIGIN + 2 * MINUTE) };
        assert_eq!(stamps(&view.points(detailed, ORIGIN - 5 * MINUTE, ORIGIN, MINUTE)), [-5, -4, -3, -2, -1]);
        let early = View { now: ORIGIN + MINUTE, ..view };
        assert_eq!(stamps(&early.points(detailed, ORIGIN - 5 * MINUTE, ORIGIN, MINUTE)), [-5, -4, -3, -2]);
    });
}
