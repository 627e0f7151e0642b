//! Leaves of a plan: what is read from the source, or from a subquery as if it were a source.

use std::ops::Range;

use isobar_normalizer::{Matcher, TimeRange, Timestamp, is_stale};

use crate::evaluate::Evaluation;
use crate::matrix::{Head, Matrix, Steps};
use crate::plan::{Anchor, At, Node, RangeNode, Selector};
use crate::{QueryError, SourceSeries};

/// The step of a subquery that names none: the default of Prometheus' `global.evaluation_interval`.
const SUBQUERY_STEP_MS: i64 = 60_000;

/// What an instant selector takes of the sample it finds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Take {
    Value,
    /// In seconds.
    Time,
}

/// Series with the windows a range function sees of them.
#[derive(Debug)]
pub(crate) struct Ranges {
    pub series: Vec<Samples>,
    pub windows: Windows,
}

impl Ranges {
    /// Whether any series has a sample in the window, window by window. A sample is in the windows of neighbouring
    /// steps: their first and the one past their last are counted, so that each sample is looked at once.
    pub fn any_present(&self) -> Vec<bool> {
        let Windows { ends, length_ms } = self.windows;
        let mut begun = vec![0_i64; ends.count + 1];
        for at in self.series.iter().flat_map(|series| &series.timestamps) {
            begun[ends.first_from(*at)] += 1;
            begun[ends.first_from(at + length_ms)] -= 1;
        }
        let mut inside = 0;
        let count = |begun: &i64| {
            inside += begun;
            inside > 0
        };
        begun[..ends.count].iter().map(count).collect()
    }
}

/// The samples of one series, without staleness markers.
#[derive(Debug)]
pub(crate) struct Samples {
    pub head: Head,
    pub timestamps: Vec<i64>,
    pub values: Vec<f64>,
}

/// One window a step; or one for all steps, where `@` fixes the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    ends: Steps,
    length_ms: i64,
}

/// A stretch of time, its start excluded and its end included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    pub after: i64,
    pub end: i64,
}

impl Windows {
    /// A window of that length before each step.
    #[cfg(test)]
    pub fn sliding(ends: Steps, length_ms: i64) -> Self {
        Self { ends, length_ms }
    }

    /// Whether all steps see the same window.
    pub fn fixed(self) -> bool {
        self.ends.count == 1
    }

    pub fn at(self, step: usize) -> Window {
        let end = self.ends.at(self.index(step));
        Window { after: end - self.length_ms, end }
    }

    /// Which window a step sees.
    pub fn index(self, step: usize) -> usize {
        if self.fixed() { 0 } else { step }
    }
}

impl Window {
    /// Milliseconds.
    pub fn length(self) -> i64 {
        self.end - self.after
    }
}

impl Samples {
    /// The samples inside a window.
    pub fn inside(&self, window: Window) -> Range<usize> {
        let start = self.timestamps.partition_point(|at| *at <= window.after);
        let end = self.timestamps.partition_point(|at| *at <= window.end);
        start..end
    }
}

impl Evaluation<'_> {
    /// The times an anchored leaf looks at: one for each step, or a single one when `@` fixes it.
    fn anchored(&self, anchor: Anchor, steps: Steps) -> Steps {
        let fixed = match anchor.at {
            None => return steps.earlier(anchor.offset_ms),
            Some(At::QueryStart) => self.start,
            Some(At::QueryEnd) => self.end,
            Some(At::Time(at)) => at,
        };
        Steps::single(fixed - anchor.offset_ms)
    }

    /// The latest sample of each series no older than its lookback, at each step.
    pub fn select(&self, selector: &Selector, steps: Steps, take: Take) -> Result<Matrix, QueryError> {
        let times = self.anchored(selector.anchor, steps);
        let longest = self.lookback_ms.max(millis(self.source.lookback_max()));
        let mut matrix = Matrix::new(times);
        for series in self.read(&selector.matchers, times.start - longest, times.last())? {
            self.charge(times.count)?;
            let lookback = series.lookback.map_or(self.lookback_ms, millis);
            matrix.push(Head::of(series.labels.clone()), |values, present| {
                let mut seen = 0;
                for (column, time) in times.iter().enumerate() {
                    seen += series.timestamps[seen..].iter().take_while(|at| **at <= time).count();
                    let Some(latest) = seen.checked_sub(1) else { continue };
                    let at = series.timestamps[latest];
                    let value = series.values[latest];
                    if at > time - lookback && !is_stale(value) {
                        present[column] = true;
                        values[column] = match take {
                            Take::Value => value,
                            Take::Time => at as f64 / 1000.0,
                        };
                    }
                }
            });
        }
        self.repeated(matrix, steps)
    }

    /// A one-step matrix over all steps, charged for.
    pub fn repeated(&self, matrix: Matrix, steps: Steps) -> Result<Matrix, QueryError> {
        if matrix.steps.count != steps.count {
            self.charge(matrix.heads.len() * steps.count)?;
        }
        Ok(matrix.repeated(steps))
    }

    /// The samples of a range node and its windows.
    pub fn ranges(&self, node: &RangeNode, steps: Steps) -> Result<Ranges, QueryError> {
        match node {
            RangeNode::Select { selector, range_ms } => {
                let ends = self.anchored(selector.anchor, steps);
                let read = self.read(&selector.matchers, ends.start - range_ms, ends.last())?;
                let series = read.into_iter().map(without_markers).collect();
                Ok(Ranges { series, windows: Windows { ends, length_ms: *range_ms } })
            }
            RangeNode::Subquery { inner, anchor, range_ms, step_ms } => {
                let ends = self.anchored(*anchor, steps);
                let windows = Windows { ends, length_ms: *range_ms };
                let interval = step_ms.unwrap_or(SUBQUERY_STEP_MS);
                let Some(inner_steps) = aligned(windows.at(0).after, ends.last(), interval) else {
                    return Ok(Ranges { series: Vec::new(), windows });
                };
                self.charge(inner_steps.count)?;
                let matrix = match &**inner {
                    Node::Vector(vector) => self.vector(vector, inner_steps)?,
                    Node::Scalar(scalar) => Matrix::of_scalar(inner_steps, self.scalar(scalar, inner_steps)?),
                    Node::Text(_) | Node::Range(_) => {
                        return Err(QueryError::Parse("expected an instant vector in a subquery".to_owned()));
                    }
                };
                Ok(Ranges { series: samples_of(&matrix), windows })
            }
        }
    }

    /// Reads series with `after < time <= end`, in an order of their labels (that of the bytes, which is the cheapest), so
    /// that no result depends on the source's order.
    fn read(&self, matchers: &[Matcher], after: i64, end: i64) -> Result<Vec<SourceSeries>, QueryError> {
        self.check_time()?;
        let range = TimeRange { start: Timestamp::from_millis(after + 1), end: Timestamp::from_millis(end) };
        let (mut series, missing) = self.source.select_noting(matchers, range)?;
        missing.into_iter().for_each(|text| self.note_missing(text));
        self.charge_series(series.len())?;
        self.charge(series.iter().map(|one| one.values.len()).sum())?;
        series.sort_unstable_by(|a, b| a.labels.packed().cmp(b.labels.packed()));
        Ok(series)
    }
}

/// The multiples of `interval` in `(after, end]`.
fn aligned(after: i64, end: i64, interval: i64) -> Option<Steps> {
    let start = (after.div_euclid(interval) + 1) * interval;
    let count = usize::try_from((end - start).div_euclid(interval) + 1).ok()?;
    (count > 0).then_some(Steps { start, interval, count })
}

fn without_markers(mut series: SourceSeries) -> Samples {
    if series.values.iter().any(|value| is_stale(*value)) {
        let mut kept = series.values.iter().map(|value| !is_stale(*value));
        series.timestamps.retain(|_| kept.next().unwrap_or(false));
        series.values.retain(|value| !is_stale(*value));
    }
    Samples { head: Head::of(series.labels), timestamps: series.timestamps, values: series.values }
}

fn samples_of(matrix: &Matrix) -> Vec<Samples> {
    let columns = |present: &[bool]| (0..present.len()).filter(|column| present[*column]).collect::<Vec<_>>();
    matrix
        .rows()
        .map(|(head, values, present)| {
            let columns = columns(present);
            Samples {
                head: head.clone(),
                timestamps: columns.iter().map(|column| matrix.steps.at(*column)).collect(),
                values: columns.iter().map(|column| values[*column]).collect(),
            }
        })
        .collect()
}

pub(crate) fn millis(duration: std::time::Duration) -> i64 {
    // A lookback of a thousand years reads everything there is.
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(1_000 * 31_536_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subquery_steps_are_multiples_inside_the_left_open_range() {
        let steps = |after, end| aligned(after, end, 10).map(|steps| steps.iter().collect::<Vec<_>>());
        assert_eq!(steps(0, 30), Some(vec![10, 20, 30]));
        assert_eq!(steps(-15, 9), Some(vec![-10, 0]));
        assert_eq!(steps(1, 9), None);
    }

    fn samples(timestamps: &[i64]) -> Samples {
        let head = Head::of(isobar_normalizer::Labels::empty());
        Samples { head, timestamps: timestamps.to_vec(), values: vec![0.0; timestamps.len()] }
    }

    #[test]
    fn windows_with_samples_are_found_whatever_their_distance() {
        for (interval, length) in [(10, 10), (10, 25), (25, 10), (7, 3)] {
            let windows = Windows::sliding(Steps { start: -20, interval, count: 12 }, length);
            let ranges = Ranges { series: vec![samples(&[-30, 0, 31]), samples(&[31, 35, 500])], windows };
            let inside =
                |step: usize| ranges.series.iter().any(|one| !one.inside(windows.at(step)).is_empty());
            let expected: Vec<bool> = (0..12).map(inside).collect();
            assert_eq!(ranges.any_present(), expected, "every {interval}, {length} long");
        }
    }

    #[test]
    fn windows_exclude_their_start() {
        let samples = samples(&[0, 10, 20, 30]);
        assert_eq!(samples.inside(Window { after: 0, end: 20 }), 1..3);
        assert_eq!(samples.inside(Window { after: 30, end: 40 }), 4..4);
    }
}
