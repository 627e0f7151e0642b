use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::routing::get;
use isobar_egress::{Egress, EgressOptions};
use isobar_normalizer::{SecretReader, SecretReference, Step, is_stale};
use tokio::net::TcpListener;

use super::super::KIND;
use super::*;
use crate::{Clouds, CollectorKind, SourceContext};

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const INTERVAL: Duration = Duration::from_secs(15);

fn window(seconds: u64) -> Window {
    Window { start: T0.minus(Duration::from_secs(seconds)), end: T0 }
}

#[track_caller]
fn check(question: &Question, seconds: u64, expected: &str) {
    let call = call(question, window(seconds), INTERVAL, Duration::from_secs(10));
    let params: Vec<String> = call.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(format!("{} {}", call.path, params.join("&")), expected);
}

fn select() -> Question {
    Question::Select { selector: "{job=\"a\"}".to_owned() }
}

fn evaluate() -> Question {
    Question::Evaluate { expr: "up".to_owned(), record: None }
}

#[test]
fn a_window_is_read_in_one_call() {
    check(&select(), 15, "api/v1/query query={job=\"a\"}[25000ms]&time=1700000000.000");
    check(&evaluate(), 15, "api/v1/query query=up&time=1700000000.000");
    check(&evaluate(), 16, "api/v1/query_range query=up&start=1699999985.000&end=1700000000.000&step=15");
    check(&evaluate(), 45, "api/v1/query_range query=up&start=1699999970.000&end=1700000000.000&step=15");
}

/// Reads all of a window; the seconds before its end at which each call begins and ends, in the order of the calls.
fn read_through(question: &Question, seconds: u64, interval: Duration) -> Vec<(u64, u64)> {
    let window = window(seconds);
    let before_end = |at: Timestamp| window.end.since(at).as_secs();
    let newest = newest(question, window, interval);
    let mut calls = vec![(before_end(newest.start), before_end(newest.end))];
    let mut left = owed(None, window, newest.start, interval);
    while let Some(gap) = left {
        let piece = piece(question, gap, interval);
        calls.push((before_end(piece.start), before_end(piece.end)));
        left = Some(Window { end: piece.start, ..gap }).filter(|left| left.start < left.end);
    }
    calls
}

#[test]
fn the_present_is_read_first_and_a_gap_in_pieces() {
    assert_eq!(read_through(&select(), 15, INTERVAL), [(15, 0)]);
    assert_eq!(read_through(&select(), 40, INTERVAL), [(15, 0), (40, 15)]);
    assert_eq!(read_through(&select(), 1500, INTERVAL), [(15, 0), (615, 15), (1215, 615), (1500, 1215)]);
    // Ticks are seven seconds apart in every piece and from piece to piece.
    let seven = Duration::from_secs(7);
    assert_eq!(read_through(&evaluate(), 700, seven), [(7, 0), (602, 7), (700, 602)]);
    let hour = Duration::from_secs(3600);
    assert_eq!(read_through(&evaluate(), 7200, hour), [(3600, 0), (7200, 3600)]);
    assert_eq!(read_through(&select(), 1800, hour), [(600, 0), (1200, 600), (1800, 1200)]);
    // After an outage of three days.
    let long = read_through(&select(), 3 * 86_400, INTERVAL);
    assert_eq!((long.len(), long.last()), (13, Some(&(7200, 6615))));
}

#[test]
fn what_is_owed_stays_so_until_it_is_too_old() {
    let gap = |start: u64, end: u64| {
        Some(Window { start: T0.minus(Duration::from_secs(start)), end: T0.minus(Duration::from_secs(end)) })
    };
    let newest = T0.minus(INTERVAL);
    assert_eq!(owed(None, window(15), newest, INTERVAL), None);
    assert_eq!(owed(gap(600, 300), window(15), newest, INTERVAL), gap(600, 300));
    assert_eq!(owed(gap(600, 300), window(60), newest, INTERVAL), gap(600, 15));
    assert_eq!(owed(gap(9000, 7100), window(15), newest, INTERVAL), gap(7200, 7100));
    assert_eq!(owed(gap(9000, 8000), window(15), newest, INTERVAL), None);
    // A clock that was set back reads nothing twice.
    let back = Window { start: T0.plus(INTERVAL), end: T0 };
    assert_eq!(owed(None, back, T0.plus(INTERVAL), INTERVAL), None);
}

struct NoSecrets;

impl SecretReader for NoSecrets {
    fn read(&self, reference: &SecretReference) -> Result<String, String> {
        Err(format!("{reference:?} is not set"))
    }
}

fn read(settings: &str) -> Result<Box<dyn crate::SourceSettings>, String> {
    let document = format!("settings: {settings}\n");
    KIND.read(&document, &[Step::Key("settings")]).map_err(|error| error.to_string())
}

fn collector(settings: &str) -> Box<dyn Collector> {
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let (secrets, base_dir) = (&NoSecrets, Path::new("/nonexistent"));
    let context = SourceContext {
        name: "prom",
        interval: INTERVAL,
        egress: &egress,
        secrets,
        base_dir,
        clouds: &Clouds::default(),
    };
    read(settings).unwrap().build(context).unwrap()
}

/// A server that knows three queries; the expression loses a series after its first answer.
async fn server() -> String {
    let asked = std::sync::Arc::new(AtomicU32::new(0));
    let answer = move |Query(params): Query<HashMap<String, String>>| {
        let at: f64 = params["time"].parse().unwrap();
        let body = match params["query"].as_str() {
            "up[25000ms]" => {
                let own = at - 3.25;
                format!(
                    r#"{{"resultType":"matrix","result":[{{"metric":{{"__name__":"up","source":"x"}},"values":[[{own},"1"]]}}]}}"#
                )
            }
            "sum by (job) (up)" => {
                let second = format!(r#",{{"metric":{{"job":"b"}},"value":[{at},"0"]}}"#);
                let second = if asked.fetch_add(1, Ordering::Relaxed) == 0 { second } else { String::new() };
                format!(
                    r#"{{"resultType":"vector","result":[{{"metric":{{"job":"a"}},"value":[{at},"1"]}}{second}]}}"#
                )
            }
            _ => {
                return (
                    StatusCode::BAD_REQUEST,
                    r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#.to_owned(),
                );
            }
        };
        (StatusCode::OK, format!(r#"{{"status":"success","data":{body}}}"#))
    };
    let router = Router::new().route("/prom/api/v1/query", get(async move |params| answer(params)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}/prom")
}

#[tokio::test]
async fn each_query_is_a_part_that_fails_alone() {
    let url = server().await;
    let settings = format!(
        "{{mode: query, url: \"{url}\", match: [up], queries: [{{expr: sum by (job) (up), record: 'job:up:sum'}}, {{expr: 'up('}}]}}"
    );
    let querier = collector(&settings);
    let parts = querier.parts().await.unwrap();
    let part = |key: &str| parts.iter().find(|part| &*part.key == key).unwrap();

    let raw = querier.collect(part("match up"), window(15)).await.unwrap();
    assert_eq!(raw.runs[0].samples[0].labels.to_string(), r#"up{exported_source="x", source="prom"}"#);
    assert_eq!(raw.runs[0].samples[0].at, T0.minus(Duration::from_millis(3250)));
    assert_eq!(
        (raw.runs[0].delay, raw.watermark),
        (Duration::from_secs(10), Some(T0.minus(Duration::from_secs(10))))
    );

    let sum = part("query job:up:sum = sum by (job) (up)");
    let first = querier.collect(sum, window(15)).await.unwrap();
    let labels: Vec<String> = first.runs[0].samples.iter().map(|sample| sample.labels.to_string()).collect();
    assert_eq!(labels, [r#"job:up:sum{job="a", source="prom"}"#, r#"job:up:sum{job="b", source="prom"}"#]);
    let later = Window { start: T0, end: T0.plus(INTERVAL) };
    let second = querier.collect(sum, later).await.unwrap();
    let stale: Vec<bool> = second.runs[0].samples.iter().map(|sample| is_stale(sample.value)).collect();
    assert_eq!((stale, second.watermark), (vec![false, true], Some(later.end)));
    assert_eq!(querier.forget(sum, later.end)[0].samples.len(), 1);

    let error = querier.collect(part("query up("), window(15)).await.unwrap_err();
    assert!(
        error.message.contains("query up(: answered 400 Bad Request")
            && error.message.contains("parse error"),
        "{error}"
    );
    assert_eq!(error.retry, Retry::Never);
}

/// A server that has a sample at the end of whatever is selected, and answers with this status what reaches further back
/// than 25 seconds.
async fn far_back(status: std::sync::Arc<AtomicU32>) -> String {
    let answer = move |Query(params): Query<HashMap<String, String>>| {
        let at = &params["time"];
        let far = params["query"] != "up[25000ms]";
        let status = if far { status.load(Ordering::Relaxed) } else { 200 };
        let status = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
        (
            status,
            format!(
                r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{"__name__":"up"}},"values":[[{at},"1"]]}}]}}}}"#
            ),
        )
    };
    let router = Router::new().route("/api/v1/query", get(async move |params| answer(params)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}

#[tokio::test]
async fn a_gap_that_cannot_be_made_up_holds_up_nothing() {
    let status = std::sync::Arc::new(AtomicU32::new(503));
    let url = far_back(status.clone()).await;
    let querier = collector(&format!("{{mode: query, url: \"{url}\", match: [up]}}"));
    let part = querier.parts().await.unwrap().remove(0);
    let ends = |collected: &Collected| -> Vec<u64> {
        let samples = collected.runs.iter().flat_map(|run| &run.samples);
        samples.map(|sample| T0.plus(INTERVAL * 2).since(sample.at).as_secs()).collect()
    };
    // Half an hour was not read. The present comes all the same; the gap is tried again.
    let first = querier.collect(&part, window(1800)).await.unwrap();
    assert_eq!(ends(&first), [30]);
    assert!(
        first.failures[0].contains("what came since 2023-11-14T21:43:20.000Z is still to be made up"),
        "{:?}",
        first.failures
    );
    status.store(200, Ordering::Relaxed);
    let second = querier.collect(&part, Window { start: T0, end: T0.plus(INTERVAL) }).await.unwrap();
    assert_eq!((ends(&second), &second.failures), (vec![15, 45, 645, 1245], &vec![]));
    let third = querier
        .collect(&part, Window { start: T0.plus(INTERVAL), end: T0.plus(INTERVAL * 2) })
        .await
        .unwrap();
    assert_eq!(ends(&third), [0]);

    // What the server will never answer is left out and told, once.
    status.store(422, Ordering::Relaxed);
    let querier = collector(&format!("{{mode: query, url: \"{url}\", match: [up]}}"));
    let refused = querier.collect(&part, window(700)).await.unwrap();
    assert_eq!((ends(&refused), refused.failures.len()), (vec![30], 2));
    assert!(
        refused.failures.iter().all(|failure| failure.contains("is left out: answered 422")),
        "{:?}",
        refused.failures
    );
    let next = querier.collect(&part, Window { start: T0, end: T0.plus(INTERVAL) }).await.unwrap();
    assert_eq!((ends(&next), &next.failures), (vec![15], &vec![]));
}

#[tokio::test]
async fn series_that_a_record_makes_the_same_are_refused() {
    let answer = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"__name__":"a"},"value":[1,"1"]},{"metric":{"__name__":"b"},"value":[1,"2"]}]}}"#;
    let router = Router::new().route("/api/v1/query", get(async move || answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let querier = collector(&format!(
        "{{mode: query, url: \"{url}\", queries: [{{expr: '{{__name__=~\"a|b\"}}', record: c}}]}}"
    ));
    let part = querier.parts().await.unwrap().remove(0);
    let error = querier.collect(&part, window(15)).await.unwrap_err();
    assert!(error.message.contains("several series of the result would be c{source=\"prom\"}"), "{error}");
}

#[tokio::test]
async fn a_result_without_a_name_needs_one() {
    let querier = collector(&format!(
        "{{mode: query, url: \"{}\", queries: [{{expr: sum by (job) (up)}}]}}",
        server().await
    ));
    let part = querier.parts().await.unwrap().remove(0);
    let error = querier.collect(&part, window(15)).await.unwrap_err();
    assert!(error.message.ends_with("give the query a record"), "{error}");
}

#[test]
fn settings_say_what_is_missing() {
    let refused = |settings: &str, message: &str| {
        let error = read(settings).unwrap_err();
        assert!(error.contains(message), "{settings}: {error}");
    };
    refused("{mode: query, url: 'http://a:1'}", "1:30: the source asks nothing");
    refused("{mode: query, match: [up]}", "missing field `url`");
    refused("{mode: query, url: 'ftp://a', match: [up]}", "1:30: the server's address begins with http");
    refused("{mode: query, url: 'http://u:p@a', match: [up]}", "use basic_auth");
    refused("{mode: query, url: 'http://a', match: [up, up]}", "1:54: the same query is given twice");
    refused("{mode: query, url: 'http://a', match: [' ']}", "1:50: an empty query");
    refused("{mode: query, url: 'http://a', targets: [up]}", "1:42: unknown field `targets`");
    refused("{mode: pull}", "1:18: unknown mode \"pull\": one of scrape, query");
    refused("{scrape: prometheus.yml, targets: [up]}", "1:36: unknown field `targets`");
    refused("{mode: query, url: 'http://a?x=1', match: [up]}", "has no query");
    refused("{targets: ['http://a/metrics#x']}", "a target has no fragment");
    refused("{targets: ['ftp://a']}", "1:22: a target begins with http:// or https://");
    refused("{targets: ['http://u:p@a/metrics']}", "use basic_auth");
    refused("{job: a}", "give targets, file_sd or scrape");
}
