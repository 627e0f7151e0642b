use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::json;

use crate::IntakeAnswer;
use crate::fake::{Fake, get, post, send};

fn router() -> Router {
    Fake::new().router("{}")
}

/// Status, and the answer as JSON.
async fn check(path: &str, status: u16, expected: serde_json::Value) {
    let answer = get(&router(), path).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (status, expected), "{path}");
    assert_eq!(answer.headers["content-type"], "application/json", "{path}");
}

fn error(kind: &str, message: &str) -> serde_json::Value {
    json!({"status": "error", "errorType": kind, "error": message})
}

fn success(data: serde_json::Value) -> serde_json::Value {
    json!({"status": "success", "data": data})
}

#[tokio::test]
async fn instant_queries() {
    let a = json!({"metric": {"__name__": "up", "code": "200", "job": "a"}, "value": [1_700_000_000, "10"]});
    check(
        "/api/v1/query?query=up%7Bjob=%22a%22%7D",
        200,
        success(json!({"resultType": "vector", "result": [a]})),
    )
    .await;
    let scalar = json!({"resultType": "scalar", "result": [1_700_000_000, "42"]});
    check("/api/v1/query?query=2*21", 200, success(scalar)).await;
    let text = json!({"resultType": "string", "result": [12.5, "x"]});
    check("/api/v1/query?query=%22x%22&time=12.5", 200, success(text)).await;
    let nothing = json!({"resultType": "vector", "result": []});
    check("/api/v1/query?query=up&time=2020-01-01T00:00:00Z", 200, success(nothing)).await;
    let points = json!([[1_699_999_940, "9"], [1_700_000_000, "10"]]);
    let raw = json!([{"metric": {"__name__": "up", "code": "200", "job": "a"}, "values": points}]);
    let expected = success(json!({"resultType": "matrix", "result": raw}));
    check("/api/v1/query?query=up%7Bjob=%22a%22%7D%5B2m%5D", 200, expected).await;
}

#[tokio::test]
async fn range_queries() {
    let path = "/api/v1/query_range?query=sum(up)&start=1699999940&end=1700000000&step=1m";
    let points = json!([[1_699_999_940, "13.5"], [1_700_000_000, "15"]]);
    check(path, 200, success(json!({"resultType": "matrix", "result": [{"metric": {}, "values": points}]})))
        .await;
    // 11,000 steps are 11,001 points, and allowed; one more is not.
    let path = "/api/v1/query_range?query=vector(1)&start=0&end=11000&step=1";
    let answer = get(&router(), path).await;
    assert_eq!(answer.json()["data"]["result"][0]["values"].as_array().unwrap().len(), 11_001);
    let words = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
    check("/api/v1/query_range?query=vector(1)&start=0&end=11001&step=1", 400, error("bad_data", words))
        .await;
}

#[tokio::test]
async fn forms_are_read_like_addresses() {
    let form = "application/x-www-form-urlencoded";
    let answer = post(&router(), "/api/v1/query?query=1", form, "query=vector%28time%28%29%29&time=7").await;
    assert_eq!(answer.json()["data"]["result"], json!([{"metric": {}, "value": [7, "7"]}]));
    let answer = post(&router(), "/api/v1/series", form, "match[]=up%7Bjob=%22b%22%7D&match[]=nothing").await;
    assert_eq!(answer.json()["data"], json!([{"__name__": "up", "code": "200", "job": "b"}]));
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let wrong = |name: &str, what: &str| error("bad_data", &format!("invalid parameter \"{name}\": {what}"));
    let time = "Invalid time value for 'time': cannot parse \"x\" to a valid timestamp";
    check("/api/v1/query?query=up&time=x", 400, wrong("time", time)).await;
    let time = "cannot parse \"x\" to a valid timestamp";
    check("/api/v1/query_range?query=up&start=x", 400, wrong("start", time)).await;
    let time = "cannot parse \"\" to a valid timestamp";
    check("/api/v1/query_range?query=up&start=1&step=1", 400, wrong("end", time)).await;
    let order = "end timestamp must not be before start time";
    check("/api/v1/query_range?query=up&start=2&end=1&step=1", 400, wrong("end", order)).await;
    let step = "zero or negative query resolution step widths are not accepted. Try a positive integer";
    check("/api/v1/query_range?query=up&start=1&end=2&step=0", 400, wrong("step", step)).await;
    check("/api/v1/query_range?query=up&start=1&end=2&step=-5", 400, wrong("step", step)).await;
    let step = "cannot parse \"x\" to a valid duration";
    check("/api/v1/query_range?query=up&start=1&end=2&step=x", 400, wrong("step", step)).await;
    let limit = "limit must be non-negative";
    check("/api/v1/query?query=up&limit=-1", 400, wrong("limit", limit)).await;
    check("/api/v1/series", 400, error("bad_data", "no match[] parameter provided")).await;
    let all = "parse error: vector selector must contain at least one non-empty matcher";
    check("/api/v1/labels?match[]=%7Bjob=~%22.*%22%7D", 400, wrong("match[]", all)).await;
    let answer = get(&router(), "/api/v1/query?query=sum(").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let message = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(message.starts_with("invalid parameter \"query\": "), "{message}");
    assert_eq!(get(&router(), "/api/v1/query").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn selectors_are_a_bounded_number() {
    let path = |count: usize| format!("/api/v1/series?{}", vec!["match[]=up"; count].join("&"));
    assert_eq!(get(&router(), &path(256)).await.status, StatusCode::OK);
    check(&path(257), 400, error("bad_data", "invalid parameter \"match[]\": more than 256 selectors")).await;
}

/// The ends of time are times that clients send; no query at or around them breaks the engine.
#[tokio::test]
async fn the_ends_of_time_are_times() {
    let (first, last) = ("-292273086-05-16T16:47:06Z", "292277025-08-18T07:12:54.999999999Z");
    for query in [
        "up",
        "up[5m]",
        "up%20offset%201h",
        "up%20offset%20-1h",
        "up%20@%20end()",
        "time()",
        "max_over_time(up[1h:1m])",
        "timestamp(up)",
        "rate(up[5m])",
    ] {
        for at in [first, last, "9.2e15", "-9.2e15"] {
            let answer = get(&router(), &format!("/api/v1/query?query={query}&time={at}")).await;
            assert!(!answer.status.is_server_error(), "{query} at {at}: {}", answer.body);
            let path = format!("/api/v1/query_range?query={query}&start={at}&end={at}&step=1e15");
            let answer = get(&router(), &path).await;
            assert!(!answer.status.is_server_error(), "{query} around {at}: {}", answer.body);
        }
        let path = format!("/api/v1/query_range?query={query}&start={first}&end={last}&step=9e15");
        let answer = get(&router(), &path).await;
        assert!(!answer.status.is_server_error(), "{query} over all of time: {}", answer.body);
    }
}

#[tokio::test]
async fn failures_while_evaluating_are_no_fault_of_the_text() {
    let words = "reading series: block 7 cannot be read";
    check("/api/v1/query?query=broken", 422, error("execution", words)).await;
    let late = "query timed out in query queue";
    let answer = get(&router(), "/api/v1/query?query=up&timeout=0").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{late}");
    assert_eq!(answer.json()["errorType"], "timeout");
}

#[tokio::test]
async fn limits_cut_and_say_so() {
    let answer = get(&router(), "/api/v1/query?query=up&limit=1").await;
    assert_eq!(answer.json()["data"]["result"].as_array().unwrap().len(), 1);
    assert_eq!(answer.json()["warnings"], json!(["results truncated due to limit"]));
    let answer = get(&router(), "/api/v1/query?query=up&limit=2").await;
    assert_eq!(answer.json().get("warnings"), None);
    let answer = get(&router(), "/api/v1/label/job/values?limit=1").await;
    assert_eq!(
        answer.json(),
        json!({"status": "success", "data": ["a"], "warnings": ["results truncated due to limit"]})
    );
}

#[tokio::test]
async fn labels_values_series_and_metadata() {
    check("/api/v1/labels", 200, success(json!(["__name__", "code", "job"]))).await;
    check("/api/v1/labels?match[]=nothing", 200, success(json!([]))).await;
    check("/api/v1/labels?end=1000000000", 200, success(json!([]))).await;
    check("/api/v1/label/job/values", 200, success(json!(["a", "b"]))).await;
    check("/api/v1/label/job/values?match[]=up%7Bjob!=%22a%22%7D", 200, success(json!(["b"]))).await;
    check("/api/v1/label/U__co_64_e/values", 200, success(json!(["200"]))).await;
    check("/api/v1/label/U__/values", 400, error("bad_data", "invalid label name: \"U__\"")).await;
    check("/api/v1/metadata?metric=nothing", 200, success(json!({}))).await;
    check("/api/v1/metadata?limit=0", 200, success(json!({}))).await;
    check("/api/v1/metadata?limit=x", 400, error("bad_data", "limit must be a number")).await;
    let one_each = get(&router(), "/api/v1/metadata?limit=-1&limit_per_metric=1").await.json();
    let every_one = get(&router(), "/api/v1/metadata?limit_per_metric=0").await.json();
    assert_eq!(one_each["data"]["up"].as_array().unwrap().len(), 1);
    assert!(every_one["data"]["up"].as_array().unwrap().len() > 1);
    let up = json!({"up": [{"type": "gauge", "help": "Whether it is up.", "unit": ""}]});
    check("/api/v1/metadata?limit=1&limit_per_metric=1", 200, success(up)).await;
    let answer = get(&router(), "/api/v1/status/buildinfo").await;
    assert!(answer.json()["data"]["version"].as_str().unwrap().starts_with("3."));
}

#[tokio::test]
async fn remote_write_hands_over_the_bytes_and_answers_by_the_outcome() {
    let fake = Fake::new();
    let router = fake.router("{}");
    let write = || {
        let request = Request::post("/api/v1/write").header("content-encoding", "snappy");
        request.body(Body::from("\u{0}bytes")).unwrap()
    };
    let answer = send(&router, write()).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::NO_CONTENT, ""));
    let (headers, body) = fake.written.lock().pop().unwrap();
    assert_eq!((headers["content-encoding"].as_bytes(), &body[..]), (&b"snappy"[..], &b"\0bytes"[..]));
    for (outcome, status) in [
        (IntakeAnswer::Invalid("2 of 3 series stored".to_owned()), 400),
        (IntakeAnswer::TooLarge("too large".to_owned()), 413),
        (IntakeAnswer::Unsupported("only snappy".to_owned()), 415),
        (IntakeAnswer::Overloaded("queue full".to_owned()), 429),
        (IntakeAnswer::DiskFull("disk full".to_owned()), 507),
        (IntakeAnswer::Failed("failed".to_owned()), 500),
    ] {
        *fake.intake.lock() = outcome.clone();
        let answer = send(&router, write()).await;
        assert_eq!(answer.status.as_u16(), status, "{outcome:?}");
        assert!(!answer.body.trim().is_empty(), "{outcome:?}");
        assert_eq!(answer.headers.contains_key("retry-after"), status == 429, "{outcome:?}");
    }
}
