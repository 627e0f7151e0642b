//! A query and how it is run.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use isobar_normalizer::{Matcher, Timestamp};

use crate::answer::{Answer, RangeSeries, Value};
use crate::evaluate::Evaluation;
use crate::matrix::{Matrix, Steps};
use crate::plan::{self, Node, Plan};
use crate::{QueryError, SeriesSource};

/// How far a query may go.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// How far back an instant selector looks for a sample, in series that carry no lookback of their own.
    pub lookback: Duration,
    /// Most samples read and values computed, summed over the whole query. What a query holds at one time is a part of
    /// that, at 16 bytes a sample: this bounds its memory and its work.
    pub samples_max: usize,
    /// Most series read, summed over the selectors.
    pub series_max: usize,
    /// Most steps of a range query.
    pub steps_max: usize,
    /// Longest evaluation; checked before each series and every few windows, so a source that blocks is not interrupted.
    pub timeout: Duration,
    /// Ends the evaluation when set, as the timeout does: for when nobody waits for the answer any more.
    pub cancelled: Arc<AtomicBool>,
}

impl Default for EngineOptions {
    /// The defaults of Prometheus for lookback (5 m), steps (11,000) and timeout (2 m); 200,000 series; and 50 M samples,
    /// the figure of `--query.max-samples`, which there counts only what is held at one time: a query made of many
    /// large parts may be refused here and not there.
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(300),
            samples_max: 50_000_000,
            series_max: 200_000,
            steps_max: 11_000,
            timeout: Duration::from_secs(120),
            cancelled: Arc::default(),
        }
    }
}

/// Times of a query, in milliseconds: 25,000 years around the epoch, far from overflow.
const TIME_MS_MAX: i64 = 25_000 * 31_536_000_000;

/// A parsed query; evaluating it does not change it.
#[derive(Clone, Debug)]
pub struct Query {
    plan: Plan,
}

impl Query {
    /// Parses a PromQL expression.
    ///
    /// # Errors
    /// [`QueryError::Parse`]: not PromQL, wrongly typed, too large, or something this engine does not implement.
    pub fn parse(expression: &str) -> Result<Self, QueryError> {
        Ok(Self { plan: plan::plan(expression)? })
    }

    /// The matchers of every selector in it, in the order of the text.
    pub fn selectors(&self) -> &[Vec<Matcher>] {
        &self.plan.selectors
    }

    /// Evaluates at one instant.
    ///
    /// # Errors
    /// Any variant but `Parse`, see [`QueryError`].
    pub fn instant(
        &self,
        at: Timestamp,
        source: &dyn SeriesSource,
        options: &EngineOptions,
    ) -> Result<Answer, QueryError> {
        let at_ms = in_bounds(at)?;
        let steps = Steps::single(at_ms);
        let evaluation = Evaluation::new(source, options, at_ms, at_ms, 0, Instant::now());
        let value = match &self.plan.root {
            Node::Scalar(scalar) => Value::Scalar(at, evaluation.scalar(scalar, steps)?[0]),
            Node::Text(text) => Value::String(at, text.clone()),
            Node::Vector(vector) => Value::vector(evaluation.vector(vector, steps)?)?,
            Node::Range(range) => raw(evaluation.ranges(range, steps)?)?,
        };
        Ok(evaluation.answer(value))
    }

    /// Evaluates at `start`, `start + step`, … up to and including `end`.
    ///
    /// # Errors
    /// Any variant, see [`QueryError`]: `Parse` for an expression that is a range or a string, a step of zero, or an
    /// end before the start; `Limit` for more than `steps_max` steps.
    pub fn range(
        &self,
        start: Timestamp,
        end: Timestamp,
        step: Duration,
        source: &dyn SeriesSource,
        options: &EngineOptions,
    ) -> Result<Answer, QueryError> {
        let (start_ms, end_ms) = (in_bounds(start)?, in_bounds(end)?);
        let interval = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).min(TIME_MS_MAX);
        if interval == 0 {
            return Err(QueryError::Parse("zero query resolution step widths are not accepted".to_owned()));
        }
        if end_ms < start_ms {
            return Err(QueryError::Parse("end timestamp must not be before start time".to_owned()));
        }
        let count = usize::try_from((end_ms - start_ms) / interval + 1).unwrap_or(usize::MAX);
        if count > options.steps_max {
            return Err(QueryError::Limit(format!(
                "{count} steps in the range, at most {} are allowed: use a larger step",
                options.steps_max
            )));
        }
        let steps = Steps { start: start_ms, interval, count };
        let evaluation = Evaluation::new(source, options, start_ms, end_ms, interval, Instant::now());
        let matrix = match &self.plan.root {
            Node::Scalar(scalar) => Matrix::of_scalar(steps, evaluation.scalar(scalar, steps)?),
            Node::Vector(vector) => evaluation.vector(vector, steps)?,
            Node::Text(_) => return Err(no_range("string")),
            Node::Range(_) => return Err(no_range("range vector")),
        };
        Ok(evaluation.answer(Value::matrix(matrix)?))
    }
}

/// Parses a series selector, as in the `match[]` parameters of the Prometheus API.
///
/// # Errors
/// [`QueryError::Parse`]: not a selector, or one with `offset` or `@`.
pub fn parse_matchers(selector: &str) -> Result<Vec<Matcher>, QueryError> {
    plan::selector_matchers(selector)
}

fn in_bounds(at: Timestamp) -> Result<i64, QueryError> {
    let millis = at.millis();
    if (-TIME_MS_MAX..=TIME_MS_MAX).contains(&millis) {
        Ok(millis)
    } else {
        Err(QueryError::Parse(format!("time {at} is out of range")))
    }
}

fn no_range(kind: &str) -> QueryError {
    QueryError::Parse(format!(
        "invalid expression type \"{kind}\" for range query, must be Scalar or instant Vector"
    ))
}

/// The samples themselves, which an instant query of a range vector answers with.
fn raw(ranges: crate::leaf::Ranges) -> Result<Value, QueryError> {
    let window = ranges.windows.at(0);
    let mut series: Vec<RangeSeries> = Vec::with_capacity(ranges.series.len());
    for one in ranges.series {
        let inside = one.inside(window);
        let points: Vec<_> = one.timestamps[inside.clone()]
            .iter()
            .map(|at| Timestamp::from_millis(*at))
            .zip(one.values[inside].iter().copied())
            .collect();
        if !points.is_empty() {
            series.push(RangeSeries { labels: one.head.finish(), points });
        }
    }
    let distinct: std::collections::HashSet<_> = series.iter().map(|one| one.labels.clone()).collect();
    if distinct.len() < series.len() {
        return Err(QueryError::same_labels());
    }
    Ok(Value::sorted(series))
}
