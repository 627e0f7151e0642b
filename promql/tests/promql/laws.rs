//! Laws that hold for any data.

use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::{Labels, Timestamp, stale_marker};
use isobar_promql::{EngineOptions, Query, QueryError, Value};
use proptest::prelude::*;

use crate::memory::Memory;

const EXPRESSIONS: &[&str] = &[
    "m",
    "m offset 1m",
    "m @ 90",
    "-m",
    "m > 2",
    "m * on(a) group_left n",
    "m + ignoring(b) group_left n",
    "m and on(a) n",
    "m or n",
    "m unless on(a) n",
    "sum by (a) (m)",
    "avg without (b) (m)",
    "stddev by (a) (m)",
    "quantile by (a) (0.4, m)",
    "count_values by (a) (\"v\", m)",
    "topk(2, m)",
    "bottomk by (a) (1, m)",
    "limitk(2, m)",
    "rate(m[2m])",
    "increase(m[90s] offset 15s)",
    "delta(m[2m] @ 200)",
    "irate(m[2m])",
    "resets(m[3m])",
    "changes(m[3m])",
    "deriv(m[3m])",
    "predict_linear(m[3m] @ 200, 60)",
    "min_over_time(m[2m])",
    "max_over_time(m[2m])",
    "ts_of_max_over_time(m[2m])",
    "avg_over_time(m[2m])",
    "quantile_over_time(0.3, m[2m])",
    "stddev_over_time(m[2m])",
    "max_over_time(rate(m[1m])[2m:30s])",
    "absent(m)",
    "absent_over_time(m[1m])",
    "timestamp(m)",
    "scalar(m{a=\"0\",b=\"0\"})",
    "histogram_quantile(0.5, label_replace(m, \"le\", \"$1\", \"b\", \"(.*)\") or label_replace(n, \"le\", \"+Inf\", \"\", \"\"))",
    "clamp(m, 1, 3)",
    "m or on(b) (m offset 1m)",
    "last_over_time((m or m offset 1m)[2m:20s])",
    "count_values(\"v\", m or n)",
    "topk(1, m or n)",
    "day_of_week(m) + hour(m)",
];

type Data = Vec<(bool, u8, u8, Vec<(u8, i8)>)>;

/// Series `m{a, b}` and `n{a}` with values of −3 to 6, some of them NaN, infinite or the end of the series.
fn data() -> impl Strategy<Value = Data> {
    let samples = proptest::collection::vec((0..60_u8, -3..10_i8), 0..25);
    proptest::collection::vec((any::<bool>(), 0..3_u8, 0..3_u8, samples), 0..8)
}

fn memory(data: &Data, reversed: bool) -> Memory {
    let mut memory = Memory::default();
    memory.reversed = reversed;
    for (many, a, b, samples) in data {
        let (a, b) = (a.to_string(), b.to_string());
        let labels = if *many {
            Labels::from_pairs([("__name__", "m"), ("a", &a), ("b", &b)])
        } else {
            Labels::from_pairs([("__name__", "n"), ("a", &a)])
        }
        .unwrap();
        for (at, value) in samples {
            let value = match value {
                9 => stale_marker(),
                8 => f64::NAN,
                7 => f64::INFINITY,
                value => f64::from(*value),
            };
            memory.insert(&labels, i64::from(*at) * 10_000, value);
        }
    }
    memory
}

const STEP_MS: i64 = 35_000;
const STEPS: i64 = 15;

fn by_labels(value: Value) -> BTreeMap<Labels, f64> {
    match value {
        Value::Scalar(_, value) => BTreeMap::from([(Labels::empty(), value)]),
        Value::Vector(samples) => samples.into_iter().map(|sample| (sample.labels, sample.value)).collect(),
        other => panic!("{other:?} of an instant query"),
    }
}

fn column(value: &Value, at: i64) -> BTreeMap<Labels, f64> {
    let Value::Matrix(series) = value else { panic!("{value:?} of a range query") };
    let point = |points: &[(Timestamp, f64)]| points.iter().find(|point| point.0.millis() == at).map(|p| p.1);
    series.iter().filter_map(|one| Some((one.labels.clone(), point(&one.points)?))).collect()
}

/// Bit for bit, but for which NaN it is.
fn same(a: &BTreeMap<Labels, f64>, b: &BTreeMap<Labels, f64>) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && (a.1 == b.1 || (a.1.is_nan() && b.1.is_nan())))
}

fn range(query: &Query, memory: &Memory) -> Result<Value, QueryError> {
    let end = Timestamp::from_millis(STEP_MS * (STEPS - 1));
    let step = Duration::from_millis(STEP_MS as u64);
    let answer = query.range(Timestamp::from_millis(0), end, step, memory, &EngineOptions::default());
    answer.map(|answer| answer.value)
}

/// Pieces that queries are made of, and some that they are not.
const PIECES: &str = r#"m n { } ( ) [ ] , : = =~ != !~ == > < >= + - * / % ^ @ "a" 'b' `c` " ' \ a b le __name__ 1 0 -1 1e300
    0x1f 1_000 .5 Inf NaN 5m 1h30m 1ms 0s 1y 1d1w offset by without on ignoring group_left group_right bool and or unless
    atan2 start() end() sum topk quantile count_values limit_ratio rate increase max_over_time quantile_over_time
    label_replace label_join histogram_quantile absent absent_over_time time() timestamp vector scalar sort_by_label clamp
    round hour predict_linear info fill # é $ ;"#;

/// Texts of such pieces and of whole queries, with a blank between them or not.
fn texts() -> impl Strategy<Value = String> {
    let pieces: Vec<&str> =
        PIECES.split_whitespace().chain(["\n", "\0"]).chain(EXPRESSIONS.iter().copied()).collect();
    let pieces = proptest::collection::vec(proptest::sample::select(pieces), 0..16);
    (pieces, "[ ]?").prop_map(|(pieces, gap)| pieces.join(&gap))
}

proptest! {
    #[test]
    fn no_text_does_harm(text in texts()) {
        if let Ok(query) = Query::parse(&text) {
            let memory = memory(&vec![(true, 1, 1, vec![(1, 1), (8, 5)]), (false, 1, 1, vec![(1, 2)])], false);
            let options = EngineOptions { samples_max: 100_000, ..EngineOptions::default() };
            let _ = query.instant(Timestamp::from_millis(20_000), &memory, &options);
            let end = Timestamp::from_millis(100_000);
            let _ = query.range(Timestamp::from_millis(0), end, Duration::from_secs(7), &memory, &options);
        }
    }

    #[test]
    fn a_range_query_is_its_instant_queries(data in data()) {
        let memory = memory(&data, false);
        for expression in EXPRESSIONS {
            let query = Query::parse(expression).unwrap();
            let whole = range(&query, &memory);
            let instants: Vec<(i64, Result<Value, QueryError>)> = (0..STEPS)
                .map(|step| {
                    let at = step * STEP_MS;
                    let options = EngineOptions::default();
                    let answer = query.instant(Timestamp::from_millis(at), &memory, &options);
                    (at, answer.map(|answer| answer.value))
                })
                .collect();
            match whole {
                Ok(whole) => {
                    for (at, instant) in instants {
                        let instant = instant.map_err(|error| TestCaseError::fail(format!("{expression}: {error}")))?;
                        let (from_range, alone) = (column(&whole, at), by_labels(instant));
                        prop_assert!(
                            same(&from_range, &alone),
                            "{} at {}: {:?} in the range, {:?} alone", expression, at, from_range, alone
                        );
                    }
                }
                Err(error) => prop_assert!(
                    instants.iter().any(|(_, instant)| instant.is_err()),
                    "{} fails as a range query only: {}", expression, error
                ),
            }
        }
    }

    #[test]
    fn the_order_of_series_does_not_matter(data in data()) {
        let (forward, backward) = (memory(&data, false), memory(&data, true));
        for expression in EXPRESSIONS {
            let query = Query::parse(expression).unwrap();
            match (range(&query, &forward), range(&query, &backward)) {
                (Ok(forward), Ok(backward)) => prop_assert!(
                    (0..STEPS).all(|step| {
                        let at = step * STEP_MS;
                        same(&column(&forward, at), &column(&backward, at))
                    }),
                    "{}", expression
                ),
                (forward, backward) => prop_assert_eq!(forward.is_err(), backward.is_err(), "{}", expression),
            }
        }
    }
}
