//! What a query may not do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use isobar_normalizer::{Labels, Matcher, TimeRange, Timestamp};
use isobar_promql::{
    EngineOptions, Query, QueryError, SeriesSource, SourceError, SourceSeries, Value, parse_matchers,
};

use crate::memory::Memory;

fn ten_series() -> Memory {
    let mut memory = Memory::default();
    for series in 0..10 {
        let labels = Labels::from_pairs([("__name__", "m"), ("i", &series.to_string())]).unwrap();
        (0..10).for_each(|minute| memory.insert(&labels, minute * 60_000, f64::from(series)));
    }
    memory
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn instant(expression: &str, options: &EngineOptions) -> Result<Value, QueryError> {
    Query::parse(expression)?.instant(at(540), &ten_series(), options).map(|answer| answer.value)
}

#[test]
fn samples_series_steps_and_time_are_limited() {
    let few_samples = EngineOptions { samples_max: 50, ..EngineOptions::default() };
    assert!(instant("sum(m)", &few_samples).is_err());
    assert!(instant("sum(m{i=\"1\"})", &few_samples).is_ok());
    let many_steps = instant("sum_over_time(m{i=\"1\"}[9m:1ms])", &few_samples);
    assert!(matches!(many_steps, Err(QueryError::Limit(_))), "{many_steps:?}");

    let few_series = EngineOptions { series_max: 9, ..EngineOptions::default() };
    assert!(matches!(instant("m", &few_series), Err(QueryError::Limit(_))));
    assert!(matches!(instant("m{i=~\"[0-4]\"} + m{i=~\"[5-9]\"}", &few_series), Err(QueryError::Limit(_))));

    let query = Query::parse("1").unwrap();
    let range = |seconds| query.range(at(0), at(seconds), Duration::from_secs(1), &ten_series(), &few_series);
    assert!(range(10_999).is_ok());
    assert!(matches!(range(11_000), Err(QueryError::Limit(_))));

    let no_time = EngineOptions { timeout: Duration::ZERO, ..EngineOptions::default() };
    assert!(matches!(instant("m", &no_time), Err(QueryError::Timeout(_))));
}

/// A label made of itself twice over at every level would be a gigabyte after thirty.
#[test]
fn labels_cannot_grow_without_end() {
    let times =
        |count: usize, outer: &str| (0..count).fold("m".to_owned(), |inner, _| outer.replace('v', &inner));
    for outer in [r#"label_join(v, "i", "", "i", "i")"#, r#"label_replace(v, "i", "$1$1", "i", "(.*)")"#] {
        let grown = instant(&times(40, outer), &EngineOptions::default());
        assert!(matches!(grown, Err(QueryError::Limit(_))), "{outer}");
        assert!(instant(&times(5, outer), &EngineOptions::default()).is_ok(), "{outer}");
    }
}

/// Many series over many steps, of which no step has a sample: looked at series by series this takes minutes.
#[test]
fn absence_costs_no_more_than_the_samples_read() {
    let mut memory = Memory::default();
    for series in 0..20_000 {
        let labels = Labels::from_pairs([("__name__", "m"), ("i", &series.to_string())]).unwrap();
        memory.insert(&labels, 500, 1.0);
    }
    let query = Query::parse("absent_over_time(m[1ms])").unwrap();
    let started = Instant::now();
    let step = Duration::from_secs(1);
    let answer = query.range(at(0), at(10_999), step, &memory, &EngineOptions::default()).unwrap();
    let Value::Matrix(series) = answer.value else { panic!("a range query answers with a matrix") };
    assert_eq!(series[0].points.len(), 11_000);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn a_query_ends_when_nobody_waits_for_it() {
    /// Whoever asks goes while the second selector is read.
    struct Leaving(Memory, Arc<AtomicBool>, AtomicBool);
    impl SeriesSource for Leaving {
        fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<SourceSeries>, SourceError> {
            let second = self.2.swap(true, Ordering::Relaxed);
            self.1.store(second, Ordering::Relaxed);
            self.0.select(matchers, range)
        }
        fn lookback_max(&self) -> Duration {
            Duration::ZERO
        }
    }
    let options = EngineOptions::default();
    let source = Leaving(ten_series(), options.cancelled.clone(), AtomicBool::new(false));
    let run = |query: &str| Query::parse(query).unwrap().instant(at(540), &source, &options);
    assert!(run("m").is_ok());
    assert_eq!(run("m"), Err(QueryError::Cancelled));
}

#[test]
fn hostile_texts_are_refused_without_harm() {
    for text in [
        "-".repeat(60_000),
        "(".repeat(60_000),
        format!("{}1", "1+".repeat(900)),
        format!("{}1{}", "(".repeat(900), ")".repeat(900)),
        format!("{}up{}", "abs(".repeat(900), ")".repeat(900)),
        "up[1e300]".to_owned(),
        "up @ 1e300".to_owned(),
        "up offset 99999999999y".to_owned(),
        "up offset 999999999y".to_owned(),
        "up{a=~\"(x{1000}){1000}\"}".to_owned(),
        "\u{0}".to_owned(),
        String::new(),
    ] {
        let shown: String = text.chars().take(40).collect();
        assert!(matches!(Query::parse(&text), Err(QueryError::Parse(_))), "{shown}");
    }
    // As deep as allowed, evaluated on the small stack of a test thread.
    let deep = format!("{}1", "1+".repeat(120));
    assert_eq!(instant(&deep, &EngineOptions::default()), Ok(Value::Scalar(at(540), 121.0)));
    let deep = format!("{}m{}", "abs(".repeat(120), ")".repeat(120));
    assert!(instant(&deep, &EngineOptions::default()).is_ok());
}

#[test]
fn what_is_not_implemented_is_named() {
    for (text, name) in [
        ("info(up)", "info"),
        ("histogram_avg(up)", "histogram_avg"),
        ("up + fill(0) up", "fill"),
        ("integral(up[5m])", "integral"),
        ("no_such_function(up)", "no_such_function"),
    ] {
        let error = Query::parse(text).expect_err(text).to_string();
        assert!(error.contains(name), "{text}: {error}");
    }
}

#[test]
fn extreme_times_do_not_overflow() {
    for millis in [i64::MIN, i64::MAX] {
        let answer = Query::parse("up offset 1y").unwrap().instant(
            Timestamp::from_millis(millis),
            &ten_series(),
            &EngineOptions::default(),
        );
        assert!(matches!(answer, Err(QueryError::Parse(_))));
    }
    let far = Query::parse("m[900y] @ 9999999999 offset -900y").unwrap();
    assert!(far.instant(at(0), &ten_series(), &EngineOptions::default()).is_ok());
}

#[test]
fn a_source_that_fails_fails_the_query() {
    struct Broken;
    impl SeriesSource for Broken {
        fn select(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<SourceSeries>, SourceError> {
            Err(SourceError("block is missing".to_owned()))
        }
        fn lookback_max(&self) -> Duration {
            Duration::ZERO
        }
    }
    let error = Query::parse("up").unwrap().instant(at(0), &Broken, &EngineOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "reading series: block is missing");
}

#[test]
fn a_series_may_be_looked_for_longer_than_others() {
    let slow = Labels::from_pairs([("__name__", "slow")]).unwrap();
    let mut memory = Memory::default();
    memory.insert(&slow, 0, 1.0);
    let found = |memory: &Memory, seconds| {
        let answer = Query::parse("slow").unwrap().instant(at(seconds), memory, &EngineOptions::default());
        answer.unwrap().value != Value::Vector(Vec::new())
    };
    assert!(found(&memory, 299) && !found(&memory, 300));
    memory.set_lookback(&slow, Duration::from_secs(1_000));
    assert!(found(&memory, 999) && !found(&memory, 1_000));
    memory.set_lookback(&slow, Duration::from_secs(10));
    assert!(found(&memory, 9) && !found(&memory, 10));
}

#[test]
fn selectors_are_told() {
    let query =
        Query::parse("rate(a_total{x=\"y\"}[5m]) / on() group_left b offset 1m > c[1h:1m] or vector(1)");
    assert!(query.is_err(), "a range cannot be compared");
    let query = Query::parse("rate(a_total{x!~\"y+\"}[5m]) / {\"system.cpu.utilization\"}").unwrap();
    let shown: Vec<String> = query
        .selectors()
        .iter()
        .map(|matchers| matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
        .collect();
    assert_eq!(shown, ["__name__=\"a_total\",x!~\"y+\"", "__name__=\"system.cpu.utilization\""]);
    assert_eq!(parse_matchers("{\"system.cpu.utilization\", host=~\"a.*\"}").unwrap().len(), 2);
    for wrong in ["up offset 5m", "up[5m]", "sum(up)", "{}", "1", "up{"] {
        assert!(parse_matchers(wrong).is_err(), "{wrong}");
    }
}
