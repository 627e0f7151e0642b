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
use crate::{CollectorKind, SourceContext};

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const INTERVAL: Duration = Duration::from_secs(15);

fn window(seconds: u64) -> Window {
    Window { start: T0.minus(Duration::from_secs(seconds)), end: T0 }
}

#[track_caller]
fn check(question: &Question, seconds: u64, expected: &[&str]) {
    let calls = calls(question, window(seconds), INTERVAL, Duration::from_secs(10));
    let shown: Vec<String> = calls
        .iter()
        .map(|call| {
            let params: Vec<String> =
                call.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {}", call.path, params.join("&"))
        })
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn a_window_is_read_in_as_few_calls_as_the_server_takes() {
    let select = Question::Select { selector: "{job=\"a\"}".to_owned() };
    check(&select, 15, &["api/v1/query query={job=\"a\"}[25000ms]&time=1700000000.000"]);
    check(
        &select,
        3600,
        &[
            "api/v1/query query={job=\"a\"}[3600000ms]&time=1699999990.000",
            "api/v1/query query={job=\"a\"}[10000ms]&time=1700000000.000",
        ],
    );
    let evaluate = Question::Evaluate { expr: "up".to_owned(), record: None };
    check(&evaluate, 15, &["api/v1/query query=up&time=1700000000.000"]);
    check(&evaluate, 16, &["api/v1/query_range query=up&start=1699999985.000&end=1700000000.000&step=15"]);
    check(&evaluate, 45, &["api/v1/query_range query=up&start=1699999970.000&end=1700000000.000&step=15"]);
    check(
        &evaluate,
        15 * 11_001,
        &[
            "api/v1/query_range query=up&start=1699835000.000&end=1699999985.000&step=15",
            "api/v1/query query=up&time=1700000000.000",
        ],
    );
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
    let context = SourceContext { name: "prom", interval: INTERVAL, egress: &egress, secrets, base_dir };
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
    refused("{targets: ['ftp://a']}", "1:22: a target begins with http:// or https://");
    refused("{targets: ['http://u:p@a/metrics']}", "use basic_auth");
    refused("{job: a}", "give targets, file_sd or scrape");
}
