//! `mode: query`: reads series out of a Prometheus server instead of scraping its targets.
//!
//! Every selector and every expression is a part of its own: one that fails holds up no other.

mod answer;
mod settings;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::Retry;
use isobar_normalizer::{Labels, METRIC_NAME, Sample, SampleRun, Timestamp, stale_marker};
use tokio::time::Instant;
use url::Url;

pub(super) use settings::{QuerySettings, RawQuerySettings};

use super::http::Http;
use super::labels::{LabelRules, Pair, SOURCE};
use super::limits::{Limits, shown};
use crate::{CollectError, Collected, Collector, Part, Window};
use answer::Answer;

/// The longest stretch one call asks for when a gap is made up. Short, so that a call stays far from the server's limits
/// and ours: at 15 seconds 12,000 series are within the default `sample_limit`.
const PIECE: Duration = Duration::from_secs(600);

/// How far back a gap is made up. A longer outage is not made up as a whole: the present comes first.
const GAP_MAX: Duration = Duration::from_secs(2 * 3600);

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
    /// What was not read when its time came and is still to be made up.
    owed: Mutex<Option<Window>>,
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

impl Asked {
    /// What is still to be made up.
    fn gap(&self) -> Option<Window> {
        *held(&self.owed)
    }
}

/// A request to the server's API.
#[derive(Debug, PartialEq)]
struct Call {
    path: &'static str,
    params: Vec<(&'static str, String)>,
}

/// The call that reads a window. Selectors read `delay` further back than the window begins: a sample comes to be seen only
/// when the scrape that brought it is over.
fn call(question: &Question, window: Window, interval: Duration, delay: Duration) -> Call {
    match question {
        Question::Select { selector } => {
            let range = window.end.since(window.start.minus(delay)).as_millis();
            let query = format!("{selector}[{range}ms]");
            Call { path: "api/v1/query", params: vec![("query", query), ("time", seconds(window.end))] }
        }
        Question::Evaluate { expr, .. } => {
            // Ticks lie at whole intervals before the window's end, which is one; its start is none.
            let before =
                window.end.since(window.start).as_millis().saturating_sub(1) / interval.as_millis().max(1);
            let first = window.end.minus(interval.saturating_mul(u32::try_from(before).unwrap_or(u32::MAX)));
            let query = ("query", expr.clone());
            if before == 0 {
                return Call { path: "api/v1/query", params: vec![query, ("time", seconds(window.end))] };
            }
            let step = ("step", interval.as_secs_f64().to_string());
            let (start, end) = (("start", seconds(first)), ("end", seconds(window.end)));
            Call { path: "api/v1/query_range", params: vec![query, start, end, step] }
        }
    }
}

/// The end of a window that one call reads when it is the newest there is: a tick, or as much as a piece.
fn newest(question: &Question, window: Window, interval: Duration) -> Window {
    let length = match question {
        Question::Select { .. } => interval.min(PIECE),
        Question::Evaluate { .. } => interval,
    };
    Window { start: window.start.max(window.end.minus(length)), ..window }
}

/// The end of a gap that one call reads. Expressions are cut between two ticks.
fn piece(question: &Question, gap: Window, interval: Duration) -> Window {
    let ticks = PIECE.as_millis() / interval.as_millis().max(1);
    let length = match question {
        Question::Select { .. } => PIECE,
        Question::Evaluate { .. } => interval.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX).max(1)),
    };
    Window { start: gap.start.max(gap.end.minus(length)), ..gap }
}

/// What is owed once `before` was and the window was read from `read_from` on. Some of it may have been read meanwhile;
/// reading that again changes nothing.
fn owed(before: Option<Window>, window: Window, read_from: Timestamp, interval: Duration) -> Option<Window> {
    let gap = Window { start: window.start, end: read_from };
    let gap = Some(gap).filter(|gap| gap.start < gap.end);
    let all = match (before, gap) {
        (Some(before), Some(gap)) => {
            Some(Window { start: before.start.min(gap.start), end: before.end.max(gap.end) })
        }
        (before, gap) => before.or(gap),
    };
    let oldest = window.end.minus(GAP_MAX.max(interval.saturating_mul(2)));
    all.map(|all| Window { start: all.start.max(oldest), ..all }).filter(|all| all.start < all.end)
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

    /// Reads one window with one call: samples, and what the server wants known.
    async fn answer(
        &self,
        question: &Question,
        window: Window,
    ) -> Result<(Vec<Sample>, Vec<String>), CollectError> {
        let never = |message: String| CollectError { message, retry: Retry::Never };
        let record = match question {
            Question::Evaluate { record, .. } => record.as_deref(),
            Question::Select { .. } => None,
        };
        let answer = self.call(call(question, window, self.interval, self.delay), window.end).await?;
        let warnings = answer.warnings.into_iter().map(|warning| format!("the server warns: {warning}"));
        let mut failures: Vec<String> = warnings.collect();
        if answer.histograms > 0 {
            let count = answer.histograms;
            failures.push(format!("{count} series are native histograms, which are not supported"));
        }
        let mut samples = Vec::new();
        let mut seen = HashSet::with_capacity(answer.series.len());
        for (metric, points) in answer.series {
            let labels = self.identify(metric, record).map_err(never)?;
            let sample = |(at, value)| Sample { labels: labels.clone(), at, value };
            samples.extend(points.into_iter().map(sample));
            if samples.len() > self.limits.samples {
                let limit = self.limits.samples;
                return Err(never(format!("more samples than sample_limit, which is {limit}")));
            }
            if let Some(twice) = seen.replace(labels) {
                let twice = shown(&twice);
                return Err(never(format!(
                    "several series of the result would be {twice}: keep them apart by a label"
                )));
            }
        }
        Ok((samples, failures))
    }

    /// Makes up what is owed, the newest first, for as long as one answer may take. What the server does not give now
    /// stays owed; what it would never give is left out, and so told.
    async fn make_up(&self, asked: &Asked, samples: &mut Vec<Sample>, failures: &mut Vec<String>) {
        let started = Instant::now();
        while let Some(gap) = asked.gap() {
            if started.elapsed() >= self.timeout || samples.len() >= self.limits.samples {
                failures.push(format!("what came since {} is still being made up", gap.start));
                return;
            }
            let piece = piece(&asked.question, gap, self.interval);
            match self.answer(&asked.question, piece).await {
                Ok((made_up, told)) => {
                    samples.extend(made_up);
                    failures.extend(told);
                }
                Err(error) if error.retry == Retry::Never => {
                    let Window { start, end } = piece;
                    failures.push(format!("what came from {start} to {end} is left out: {}", error.message));
                }
                Err(error) => {
                    let since = gap.start;
                    failures
                        .push(format!("what came since {since} is still to be made up: {}", error.message));
                    return;
                }
            }
            let left = Window { end: piece.start, ..gap };
            *held(&asked.owed) = Some(left).filter(|left| left.start < left.end);
        }
    }

    /// Markers for the series an expression had before and has no more at the window's end.
    fn ended(&self, asked: &Asked, samples: &[Sample], end: Timestamp) -> Vec<Sample> {
        let now: HashSet<Labels> =
            samples.iter().filter(|sample| sample.at == end).map(|sample| sample.labels.clone()).collect();
        let mut live = held(&asked.live);
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

/// What is held is changed in one step: a thread that panicked leaves it whole.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// Of a longer window the present is read first, and what lies before it as far as time allows.
    async fn collect(&self, part: &Part, window: Window) -> Result<Collected, CollectError> {
        let asked = self.asked(part)?;
        let here = |message: &str| format!("{}, {}: {message}", self.server, part.key);
        let newest = newest(&asked.question, window, self.interval);
        let answer = self.answer(&asked.question, newest).await;
        let (mut samples, mut failures) =
            answer.map_err(|error| CollectError { message: here(&error.message), ..error })?;
        {
            let mut before = held(&asked.owed);
            *before = owed(before.take(), window, newest.start, self.interval);
        }
        self.make_up(asked, &mut samples, &mut failures).await;
        failures.sort();
        failures.dedup();
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
            ..Collected::default()
        })
    }

    fn forget(&self, part: &Part, at: Timestamp) -> Vec<SampleRun> {
        let Ok(asked) = self.asked(part) else { return Vec::new() };
        let live = std::mem::take(&mut *held(&asked.live));
        self.runs(&asked.question, live.into_iter().map(|labels| marker(labels, at)).collect())
    }
}

fn rules(source: &str) -> LabelRules {
    LabelRules { own: vec![(SOURCE.to_owned(), source.to_owned())], ..LabelRules::default() }
}

#[cfg(test)]
mod tests;
