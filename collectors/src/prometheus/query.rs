//! `mode: query`: reads series out of a Prometheus server instead of scraping its targets.
//!
//! Every selector and every expression is a part of its own: one that fails holds up no other.

mod answer;
mod settings;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::Retry;
use isobar_normalizer::{Labels, METRIC_NAME, Sample, SampleRun, Timestamp, stale_marker};
use url::Url;

pub(super) use settings::{QuerySettings, RawQuerySettings};

use super::http::Http;
use super::labels::{LabelRules, Pair, SOURCE};
use super::limits::Limits;
use crate::{CollectError, Collected, Collector, Part, Window};
use answer::Answer;

/// Raw samples of at most this much time are asked for at once when there is a gap to be made up.
const SELECT_MAX: Duration = Duration::from_secs(3600);

/// Steps in one range query. Source: Prometheus refuses more than 11,000 points per series.
const STEPS_MAX: u32 = 11_000;

/// One thing asked of the server.
#[derive(Clone, Debug, PartialEq)]
enum Question {
    /// Raw samples of the series a selector matches, with their own timestamps.
    Select { selector: String },
    /// An expression evaluated at each tick; `record` names its series where the result has no name.
    Evaluate { expr: String, record: Option<String> },
}

/// A source that queries.
#[derive(Debug)]
struct Querier {
    source: Arc<str>,
    interval: Duration,
    /// The server's address, with a final slash.
    server: Url,
    http: Http,
    timeout: Duration,
    delay: Duration,
    limits: Limits,
    rules: LabelRules,
    asked: BTreeMap<Arc<str>, Asked>,
}

#[derive(Debug)]
struct Asked {
    question: Question,
    /// Series the expression had at the last tick; they need a marker when they are gone.
    live: Mutex<HashSet<Labels>>,
}

impl Question {
    fn key(&self) -> String {
        match self {
            Self::Select { selector } => format!("match {selector}"),
            Self::Evaluate { expr, record: None } => format!("query {expr}"),
            Self::Evaluate { expr, record: Some(record) } => format!("query {record} = {expr}"),
        }
    }
}

/// A request to the server's API.
#[derive(Debug, PartialEq)]
struct Call {
    path: &'static str,
    params: Vec<(&'static str, String)>,
}

/// The calls that read a window, oldest first. Selectors read `delay` further back than the window begins: a sample comes to be
/// seen only when the scrape that brought it is over.
fn calls(question: &Question, window: Window, interval: Duration, delay: Duration) -> Vec<Call> {
    let mut calls = Vec::new();
    match question {
        Question::Select { selector } => {
            let mut start = window.start.minus(delay);
            while start < window.end {
                let end = window.end.min(start.plus(SELECT_MAX));
                let range = end.since(start).as_millis();
                let query = format!("{selector}[{range}ms]");
                calls.push(Call {
                    path: "api/v1/query",
                    params: vec![("query", query), ("time", seconds(end))],
                });
                start = end;
            }
        }
        Question::Evaluate { expr, .. } => {
            let span = window.end.since(window.start).as_millis();
            let step = interval.as_millis().max(1);
            // Ticks lie at whole intervals before the window's end, which is one; its start is none.
            let mut left = u32::try_from(span.saturating_sub(1) / step + 1).unwrap_or(u32::MAX);
            while left > 0 {
                let steps = left.min(STEPS_MAX);
                let first = window.end.minus(interval.saturating_mul(left - 1));
                left -= steps;
                let last = window.end.minus(interval.saturating_mul(left));
                let query = ("query", expr.clone());
                calls.push(if steps == 1 {
                    Call { path: "api/v1/query", params: vec![query, ("time", seconds(last))] }
                } else {
                    let step = ("step", interval.as_secs_f64().to_string());
                    let (start, end) = (("start", seconds(first)), ("end", seconds(last)));
                    Call { path: "api/v1/query_range", params: vec![query, start, end, step] }
                });
            }
        }
    }
    calls
}

fn seconds(at: Timestamp) -> String {
    format!("{:.3}", at.seconds())
}

impl Querier {
    fn asked(&self, part: &Part) -> Result<&Asked, CollectError> {
        self.asked.get(&part.key).ok_or_else(|| CollectError {
            message: format!("{} is not asked by {}", part.key, self.source),
            retry: Retry::Never,
        })
    }

    async fn call(&self, call: Call, now: Timestamp) -> Result<Answer, CollectError> {
        let mut url = self.server.join(call.path).map_err(|error| CollectError {
            message: format!("{}: {error}", self.server),
            retry: Retry::Never,
        })?;
        url.query_pairs_mut().extend_pairs(call.params);
        let fetched = self.http.get_json(&url, self.timeout, self.limits.body, now).await;
        let fetched =
            fetched.map_err(|failure| CollectError { message: failure.message, retry: failure.retry })?;
        let body_max = self.limits.body;
        let reading = tokio::task::spawn_blocking(move || {
            fetched.decoded(body_max).and_then(|body| answer::read(&body))
        });
        let answer = reading.await.unwrap_or_else(|error| Err(format!("reading ended badly: {error}")));
        answer.map_err(|message| CollectError { message, retry: Retry::Backoff })
    }

    /// The labels of a series in an answer.
    fn identify(&self, metric: BTreeMap<String, String>, record: Option<&str>) -> Result<Labels, String> {
        let mut pairs: Vec<Pair<'_>> =
            metric.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        if let Some(record) = record {
            pairs.retain(|(name, _)| name != METRIC_NAME);
            pairs.push((METRIC_NAME.into(), record.into()));
        }
        if !pairs.iter().any(|(name, value)| name == METRIC_NAME && !value.is_empty()) {
            return Err("the result has series without a name: give the query a record".to_owned());
        }
        match self.rules.identify(pairs, &self.limits) {
            Ok(labels) => labels.ok_or_else(|| "dropped by a rule".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn answers(
        &self,
        asked: &Asked,
        window: Window,
    ) -> Result<(Vec<Sample>, Vec<String>), CollectError> {
        let never = |message: String| CollectError { message, retry: Retry::Never };
        let record = match &asked.question {
            Question::Evaluate { record, .. } => record.as_deref(),
            Question::Select { .. } => None,
        };
        let (mut samples, mut failures) = (Vec::new(), Vec::new());
        for call in calls(&asked.question, window, self.interval, self.delay) {
            let answer = self.call(call, window.end).await?;
            failures
                .extend(answer.warnings.into_iter().map(|warning| format!("the server warns: {warning}")));
            if answer.histograms > 0 {
                failures.push(format!(
                    "{} series are native histograms, which are not supported",
                    answer.histograms
                ));
            }
            for (metric, points) in answer.series {
                let labels = self.identify(metric, record).map_err(never)?;
                let sample = |(at, value)| Sample { labels: labels.clone(), at, value };
                samples.extend(points.into_iter().map(sample));
                if samples.len() > self.limits.samples {
                    return Err(never(format!(
                        "more samples than sample_limit, which is {}",
                        self.limits.samples
                    )));
                }
            }
        }
        failures.dedup();
        Ok((samples, failures))
    }

    /// Markers for the series an expression had before and has no more at the window's end.
    fn ended(&self, asked: &Asked, samples: &[Sample], end: Timestamp) -> Vec<Sample> {
        let now: HashSet<Labels> =
            samples.iter().filter(|sample| sample.at == end).map(|sample| sample.labels.clone()).collect();
        let mut live = asked.live.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *live);
        before.extend(samples.iter().map(|sample| sample.labels.clone()));
        let markers =
            before.into_iter().filter(|labels| !now.contains(labels)).map(|labels| marker(labels, end));
        let markers = markers.collect();
        *live = now;
        markers
    }

    fn runs(&self, question: &Question, samples: Vec<Sample>) -> Vec<SampleRun> {
        if samples.is_empty() {
            return Vec::new();
        }
        let delay = match question {
            Question::Select { .. } => self.delay,
            Question::Evaluate { .. } => Duration::ZERO,
        };
        vec![SampleRun { source: self.source.clone(), period: self.interval, delay, samples }]
    }
}

fn marker(labels: Labels, at: Timestamp) -> Sample {
    Sample { labels, at, value: stale_marker() }
}

#[async_trait]
impl Collector for Querier {
    async fn parts(&self) -> Result<Vec<Part>, CollectError> {
        Ok(self.asked.keys().map(|key| Part { key: key.clone(), interval: None }).collect())
    }

    /// A query that is not answered tells nothing about its series: none of them ends, and the next window includes this one.
    async fn collect(&self, part: &Part, window: Window) -> Result<Collected, CollectError> {
        let asked = self.asked(part)?;
        let here = |message: &str| format!("{}, {}: {message}", self.server, part.key);
        let answers = self.answers(asked, window).await;
        let (mut samples, failures) =
            answers.map_err(|error| CollectError { message: here(&error.message), ..error })?;
        let watermark = match asked.question {
            Question::Select { .. } => window.end.minus(self.delay),
            Question::Evaluate { .. } => {
                let markers = self.ended(asked, &samples, window.end);
                samples.extend(markers);
                window.end
            }
        };
        Ok(Collected {
            runs: self.runs(&asked.question, samples),
            resources: Vec::new(),
            metadata: None,
            failures: failures.iter().map(|failure| here(failure)).collect(),
            failed: false,
            watermark: Some(watermark),
        })
    }

    fn forget(&self, part: &Part, at: Timestamp) -> Vec<SampleRun> {
        let Ok(asked) = self.asked(part) else { return Vec::new() };
        let live = std::mem::take(&mut *asked.live.lock().unwrap_or_else(PoisonError::into_inner));
        self.runs(&asked.question, live.into_iter().map(|labels| marker(labels, at)).collect())
    }
}

fn rules(source: &str) -> LabelRules {
    LabelRules { own: vec![(SOURCE.to_owned(), source.to_owned())], ..LabelRules::default() }
}

#[cfg(test)]
mod tests;
