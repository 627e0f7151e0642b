//! What pages become.

use isobar_normalizer::Labels;
use proptest::prelude::*;

use super::super::catalogue::{BundleKey, Metric};
use super::*;
use crate::Window;

const MINUTE: Duration = Duration::from_secs(60);
const NOW: Timestamp = Timestamp::from_millis(1_795_000_200_000);
const END: Timestamp = Timestamp::from_millis(1_795_000_080_000 / 300_000 * 300_000);

fn bundle(namespace: &str, metrics: &[&str]) -> Bundle {
    let id = "aws:1:us-east-1:compute.instance:i-1".parse().unwrap();
    let metric = |name: &&str| Metric {
        name: (*name).into(),
        dimensions: Labels::from_pairs([("InstanceId", "i-1")]).unwrap(),
        statistics: vec!["Sum".into()],
    };
    Bundle {
        key: BundleKey::for_tests(id, metrics[0], MINUTE),
        namespace: namespace.into(),
        period: MINUTE,
        delay: MINUTE * 2,
        metrics: metrics.iter().map(metric).collect(),
        feeds: ["x".to_owned()].into(),
    }
}

fn call(bundles: &[Bundle], minutes: u32, cadence: Cadence) -> Call {
    let window = Window { start: END.minus(MINUTE * minutes), end: END };
    let read = |bundle| Read {
        bundle,
        window,
        period: MINUTE,
        cadence,
        is_in_use: true,
        leaves: None,
        makes_up: false,
    };
    let reads = (0..bundles.len()).map(read).collect();
    Call { window, period: MINUTE, reads, billed: 1, points: 1 }
}

/// A result whose points are so many minutes before the window's end, by the START of their periods.
fn result(id: &str, status: StatusCode, points: &[(u32, f64)]) -> MetricDataResult {
    let mut result = MetricDataResult::builder().id(id).status_code(status);
    for (minutes, value) in points {
        result = result.timestamps(date(END.minus(MINUTE * *minutes))).values(*value);
    }
    result.build()
}

fn page(results: Vec<MetricDataResult>) -> GetMetricDataOutput {
    GetMetricDataOutput::builder().set_metric_data_results(Some(results)).build()
}

fn known() -> Cadence {
    Cadence::Mapped(NOW)
}

fn ends(measurement: &Measurement) -> Vec<(i64, f64)> {
    measurement.points.iter().map(|(at, value)| ((END.millis() - at.millis()) / 60_000, *value)).collect()
}

#[test]
fn queries_are_numbered_and_named() {
    let bundles = [bundle("AWS/EC2", &["A", "B"]), bundle("AWS/EC2", &["C"])];
    let call = call(&bundles, 3, known());
    let queries = Answer::new(&call, &bundles).queries();
    let shown: Vec<(&str, &str)> = queries
        .iter()
        .map(|query| {
            let metric = query.metric_stat().unwrap().metric().unwrap();
            (query.id().unwrap(), metric.metric_name().unwrap())
        })
        .collect();
    assert_eq!(shown, [("q0", "A"), ("q1", "B"), ("q2", "C")]);
}

#[test]
fn stamps_become_ends_and_pages_go_on() {
    let bundles = [bundle("AWS/RDS", &["A"])];
    let call = call(&bundles, 3, known());
    let mut answer = Answer::new(&call, &bundles);
    // Descending, on two pages, under the same Id.
    answer.page(page(vec![result("q0", StatusCode::PartialData, &[(1, 3.0), (2, 2.0)])]));
    answer.page(page(vec![result("q0", StatusCode::Complete, &[(3, 1.0)])]));
    let finished = answer.finish(NOW);
    let (seen, measurements) = finished.bundles[0].outcome.as_ref().unwrap();
    assert_eq!(ends(&measurements[0]), [(0, 3.0), (1, 2.0), (2, 1.0)]);
    assert_eq!((seen.read_to, seen.newest), (END, Some(END)));
    assert_eq!((measurements[0].period, measurements[0].delay), (MINUTE, MINUTE * 2));
}

#[test]
fn points_that_cannot_be_are_dropped_and_counted() {
    let bundles = [bundle("AWS/RDS", &["A"])];
    let call = call(&bundles, 3, known());
    let mut answer = Answer::new(&call, &bundles);
    let future = MetricDataResult::builder()
        .id("q0")
        .status_code(StatusCode::Complete)
        .timestamps(date(NOW.plus(MINUTE * 1440)))
        .values(1.0)
        .timestamps(date(END))
        .values(1.0)
        .timestamps(DateTime::from_secs(i64::MAX))
        .values(1.0)
        .timestamps(DateTime::from_secs(i64::MIN))
        .values(1.0);
    let future = future.timestamps(date(END.minus(MINUTE))).values(5.0).build();
    let mut strange = result("q0", StatusCode::Complete, &[(1, f64::NAN), (2, f64::INFINITY), (3, 4.0)]);
    strange.label = Some("x".to_owned());
    answer.page(page(vec![future, strange]));
    let finished = answer.finish(NOW);
    assert_eq!(finished.dropped, Dropped { future: 3, not_finite: 2 });
    let (_, measurements) = finished.bundles[0].outcome.as_ref().unwrap();
    assert_eq!(ends(&measurements[0]), [(0, 5.0), (2, 4.0)]);
}

#[test]
fn a_bundle_comes_whole_or_not_at_all() {
    let good = || result("q0", StatusCode::Complete, &[(1, 1.0)]);
    let forbidden = {
        let message = MessageData::builder().code("Forbidden").value("no").build();
        MetricDataResult::builder().id("q1").status_code(StatusCode::Forbidden).messages(message).build()
    };
    let uneven = {
        let mut uneven = result("q1", StatusCode::Complete, &[(1, 1.0)]);
        uneven.values = Some(vec![1.0, 2.0]);
        uneven
    };
    for (other, reason, is_final) in [
        (None, "was not answered", false),
        (Some(result("q1", StatusCode::InternalError, &[])), "failed inside CloudWatch", false),
        (Some(result("q1", StatusCode::PartialData, &[(1, 1.0)])), "came in part", false),
        (Some(result("q1", StatusCode::from("New"), &[(1, 1.0)])), "has no status that is known", false),
        (Some(uneven), "has not as many values as times", false),
        (Some(forbidden), "is forbidden (Forbidden: no)", true),
    ] {
        let bundles = [bundle("AWS/RDS", &["A", "B"]), bundle("AWS/RDS", &["C"])];
        let call = call(&bundles, 3, known());
        let mut answer = Answer::new(&call, &bundles);
        let third = result("q2", StatusCode::Complete, &[(1, 1.0)]);
        answer.page(page([Some(good()), other, Some(third)].into_iter().flatten().collect()));
        let finished = answer.finish(NOW);
        let unread = Unread { reason: reason.to_owned(), is_final };
        assert_eq!(finished.bundles[0].outcome, Err(unread));
        assert!(finished.bundles[1].outcome.is_ok(), "{reason}: the other one came");
    }
}

#[test]
fn a_failure_on_one_page_is_not_healed_by_the_next() {
    let bundles = [bundle("AWS/RDS", &["A"])];
    let call = call(&bundles, 3, known());
    let mut answer = Answer::new(&call, &bundles);
    answer.page(page(vec![result("q0", StatusCode::InternalError, &[])]));
    answer.page(page(vec![
        result("q0", StatusCode::Complete, &[(1, 1.0)]),
        result("q9", StatusCode::Complete, &[]),
    ]));
    assert!(answer.finish(NOW).bundles[0].outcome.is_err());
}

#[test]
fn basic_monitoring_shows_and_its_points_stand_for_five_minutes() {
    let bundles = [bundle("AWS/EC2", &["NetworkIn"])];
    let call = call(&bundles, 30, Cadence::Unknown);
    let mut answer = Answer::new(&call, &bundles);
    let points: Vec<(u32, f64)> = (1..=6).map(|n| (n * 5, 300.0)).collect();
    answer.page(page(vec![result("q0", StatusCode::Complete, &points)]));
    let finished = answer.finish(NOW);
    let (seen, measurements) = finished.bundles[0].outcome.as_ref().unwrap();
    assert_eq!(seen.cadence, Cadence::Basic(NOW));
    assert_eq!((measurements[0].period, measurements[0].delay), (BASIC, BASIC));
    // The newest is published five minutes after its end: it is not final before.
    let due = due_at(&bundles[0], BASIC, NOW);
    assert_eq!(seen.read_to, due.min(END));
    assert!(measurements[0].points.iter().all(|(at, _)| *at <= due && at.millis() % 300_000 == 0));
    assert!(measurements[0].points.len() >= 4, "{:?}", measurements[0].points);
}

#[test]
fn while_the_rhythm_is_not_known_nothing_is_taken() {
    let bundles = [bundle("AWS/EC2", &["NetworkIn"])];
    let call = call(&bundles, 30, Cadence::Unknown);
    let mut answer = Answer::new(&call, &bundles);
    answer.page(page(vec![result("q0", StatusCode::Complete, &[(5, 300.0)])]));
    let finished = answer.finish(NOW);
    let (seen, measurements) = finished.bundles[0].outcome.as_ref().unwrap();
    assert_eq!((seen.cadence, measurements.len()), (Cadence::Unknown, 0));
}

proptest! {
    /// Order, pages and repetitions change nothing.
    #[test]
    fn points_are_the_same_however_they_come(
        points in proptest::collection::btree_map(1u32..30, -1e6f64..1e6, 1..29),
        cut in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let bundles = [bundle("AWS/RDS", &["A"])];
        let call = call(&bundles, 30, known());
        let collect = |pages: &[&[(u32, f64)]]| {
            let mut answer = Answer::new(&call, &bundles);
            for points in pages {
                answer.page(page(vec![result("q0", StatusCode::Complete, points)]));
            }
            let finished = answer.finish(NOW);
            let (_, measurements) = finished.bundles.into_iter().next().unwrap().outcome.unwrap();
            let mut points: Vec<(i64, f64)> = measurements.iter().flat_map(ends).collect();
            points.sort_by_key(|(at, _)| *at);
            points.dedup();
            points
        };
        let ordered: Vec<(u32, f64)> = points.into_iter().collect();
        let mut shuffled = ordered.clone();
        shuffled.sort_by_key(|(minute, _)| xxhash_rust::xxh3::xxh3_64_with_seed(&minute.to_le_bytes(), seed));
        let (first, second) = shuffled.split_at(cut.index(shuffled.len()));
        prop_assert_eq!(collect(&[&ordered]), collect(&[first, second, first]));
    }

    #[test]
    fn no_time_overflows(seconds in any::<i64>(), nanos in 0u32..1_000_000_000) {
        millis(&DateTime::from_secs_and_nanos(seconds, nanos));
    }
}
