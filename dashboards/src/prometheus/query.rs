//! `query` and `query_range`.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use isobar_normalizer::{Labels, Timestamp};
use isobar_promql::{Answer, EngineOptions, Query, QueryError, Value, format_value};
use tokio::sync::Semaphore;

use super::PrometheusError;
use super::error::ErrorType;
use super::success::{TRUNCATED, success};
use super::time::{duration, limit, required_time, step, time};
use crate::app::App;
use crate::blocking::{Interrupted, blocking};
use crate::params::Params;

/// The longest a query may take, waiting for its turn included; `timeout` can only shorten it.
/// Source: Prometheus' `--query.timeout`.
const TIMEOUT_MAX: Duration = Duration::from_secs(120);

/// Steps of a range query at most: a point a pixel on any screen. Source: Prometheus' `query_range`.
const STEPS_MAX: i64 = 11_000;
/// Both ends of the longest range are points of it.
const POINTS_MAX: usize = STEPS_MAX as usize + 1;

/// `GET` or `POST /api/v1/query`.
pub(crate) async fn query(State(app): State<App>, params: Params) -> Result<Response, PrometheusError> {
    let limit = limit(&params, "limit")?;
    let at = time(&params, "time")?.unwrap_or_else(|| (app.backend.clock)());
    evaluate(&app, &params, limit, move |query, app, options| {
        query.instant(at, app.backend.series.as_ref(), options)
    })
    .await
}

/// `GET` or `POST /api/v1/query_range`.
pub(crate) async fn query_range(State(app): State<App>, params: Params) -> Result<Response, PrometheusError> {
    let limit = limit(&params, "limit")?;
    let start = required_time(&params, "start")?;
    let end = required_time(&params, "end")?;
    if end < start {
        let wrong = "end timestamp must not be before start time";
        return Err(PrometheusError::parameter("end", wrong));
    }
    let step = step(&params)?;
    let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
    if end.millis().saturating_sub(start.millis()) / step_ms > STEPS_MAX {
        return Err(PrometheusError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution \
             (?step=XX)",
        ));
    }
    evaluate(&app, &params, limit, move |query, app, options| {
        query.range(start, end, step, app.backend.series.as_ref(), options)
    })
    .await
}

/// Parses here, evaluates where it may block, and writes the answer there too: both take as long as the data is large.
async fn evaluate(
    app: &App,
    params: &Params,
    limit: Option<usize>,
    run: impl FnOnce(&Query, &App, &EngineOptions) -> Result<Answer, QueryError> + Send + 'static,
) -> Result<Response, PrometheusError> {
    let timeout = duration(params, "timeout")?.map_or(TIMEOUT_MAX, |timeout| timeout.min(TIMEOUT_MAX));
    let mut options = EngineOptions { timeout, steps_max: POINTS_MAX, ..EngineOptions::default() };
    if let Some(lookback) = duration(params, "lookback_delta")?.filter(|lookback| !lookback.is_zero()) {
        options.lookback = lookback;
    }
    let text = params.get("query").unwrap_or_default();
    let query = Query::parse(text).map_err(|error| PrometheusError::parameter("query", error))?;
    let shared = app.clone();
    let body = while_asked(&app.queries, options, move |options| {
        let mut answer = run(&query, &shared, options)?;
        if let Some(limit) = limit {
            cut(&mut answer, limit);
        }
        Ok(success(&data(&answer.value), &answer.warnings, &answer.infos))
    });
    body.await?.map_err(|error: QueryError| match error {
        QueryError::Parse(wrong) => PrometheusError::parameter("query", wrong),
        QueryError::Execution(message) | QueryError::Limit(message) => {
            PrometheusError::new(ErrorType::Execution, message)
        }
        QueryError::Timeout(_) | QueryError::Cancelled => {
            PrometheusError::new(ErrorType::Timeout, "query timed out in expression evaluation")
        }
    })
}

/// Evaluates where it may block, until the answer is there or nobody waits for it any more: a client that has gone, as
/// a dashboard's that is reloaded, must not keep the place of one that waits.
async fn while_asked<T: Send + 'static>(
    places: &Arc<Semaphore>,
    options: EngineOptions,
    work: impl FnOnce(&EngineOptions) -> T + Send + 'static,
) -> Result<T, Interrupted> {
    let _asked = Asked(options.cancelled.clone());
    blocking(places, options.timeout, move || work(&options)).await
}

/// Cancels the evaluation when the request is dropped.
struct Asked(Arc<AtomicBool>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Cuts the series of an answer to the limit, and says so in it.
fn cut(answer: &mut Answer, limit: usize) {
    let count = match &mut answer.value {
        Value::Vector(samples) => {
            let count = samples.len();
            samples.truncate(limit);
            count
        }
        Value::Matrix(series) => {
            let count = series.len();
            series.truncate(limit);
            count
        }
        Value::Scalar(..) | Value::String(..) => 0,
    };
    if count > limit {
        answer.warnings.push(TRUNCATED.to_owned());
    }
}

/// `{"resultType":…,"result":…}`
fn data(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Scalar(at, value) => {
            out.push_str(r#"{"resultType":"scalar","result":"#);
            // Scalars alone are printed without exponent, however large. Source: Prometheus' `promql.Scalar`.
            let digits = if value.is_finite() { value.to_string() } else { format_value(*value) };
            push_point(&mut out, *at, &digits);
        }
        Value::String(at, text) => {
            out.push_str(r#"{"resultType":"string","result":["#);
            push_seconds(&mut out, *at);
            let _ = write!(out, ",{}]", json_text(text));
        }
        Value::Vector(samples) => {
            out.push_str(r#"{"resultType":"vector","result":["#);
            for (index, sample) in samples.iter().enumerate() {
                push_metric(&mut out, index, &sample.labels);
                out.push_str(r#","value":"#);
                push_point(&mut out, sample.at, &format_value(sample.value));
                out.push('}');
            }
            out.push(']');
        }
        Value::Matrix(series) => {
            out.push_str(r#"{"resultType":"matrix","result":["#);
            for (index, one) in series.iter().enumerate() {
                push_metric(&mut out, index, &one.labels);
                out.push_str(r#","values":["#);
                for (place, (at, value)) in one.points.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { "," });
                    push_point(&mut out, *at, &format_value(*value));
                }
                out.push_str("]}");
            }
            out.push(']');
        }
    }
    out.push('}');
    out
}

fn push_metric(out: &mut String, index: usize, labels: &Labels) {
    out.push_str(if index == 0 { r#"{"metric":{"# } else { r#",{"metric":{"# });
    for (place, (name, value)) in labels.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{}:{}", json_text(name), json_text(value));
    }
    out.push('}');
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn push_point(out: &mut String, at: Timestamp, value: &str) {
    out.push('[');
    push_seconds(out, at);
    let _ = write!(out, ",\"{value}\"]");
}

/// Seconds; three digits of fraction where there is one. Source: Prometheus' `jsonutil.MarshalTimestamp`.
fn push_seconds(out: &mut String, at: Timestamp) {
    let millis = at.millis();
    let sign = if millis < 0 { "-" } else { "" };
    let (seconds, fraction) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    let _ = write!(out, "{sign}{seconds}");
    if fraction != 0 {
        let _ = write!(out, ".{fraction:03}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobar_promql::{InstantSample, RangeSeries};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn check(value: Value, expected: &str) {
        assert_eq!(data(&value), expected);
    }

    #[tokio::test]
    async fn a_client_that_has_gone_frees_the_place_of_its_query() {
        let places = Arc::new(Semaphore::new(1));
        let (started, start) = tokio::sync::oneshot::channel();
        let asking = tokio::spawn({
            let places = places.clone();
            async move {
                let endless = move |options: &EngineOptions| {
                    started.send(()).unwrap();
                    while !options.cancelled.load(Ordering::Relaxed) {
                        std::thread::yield_now();
                    }
                };
                while_asked(&places, EngineOptions::default(), endless).await
            }
        });
        start.await.unwrap();
        asking.abort();
        let next = while_asked(&places, EngineOptions::default(), |_| 1).await;
        assert_eq!(next, Ok(1));
    }

    #[test]
    fn every_type_in_prometheus_own_letters() {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "a\"b\\\n</script>")]).unwrap();
        check(
            Value::Scalar(at(1), 1e21),
            r#"{"resultType":"scalar","result":[0.001,"1000000000000000000000"]}"#,
        );
        check(Value::Scalar(at(1_000), 0.5), r#"{"resultType":"scalar","result":[1,"0.5"]}"#);
        check(Value::String(at(1_050), "\"".to_owned()), r#"{"resultType":"string","result":[1.050,"\""]}"#);
        check(
            Value::Vector(vec![InstantSample { labels: labels.clone(), at: at(-1_700), value: f64::NAN }]),
            r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\"b\\\n</script>"},"value":[-1.700,"NaN"]}]}"#,
        );
        let points = vec![(at(0), f64::INFINITY), (at(15_000), 1e21)];
        check(
            Value::Matrix(vec![RangeSeries { labels: Labels::empty(), points }]),
            r#"{"resultType":"matrix","result":[{"metric":{},"values":[[0,"+Inf"],[15,"1e+21"]]}]}"#,
        );
        check(Value::Vector(Vec::new()), r#"{"resultType":"vector","result":[]}"#);
    }
}
