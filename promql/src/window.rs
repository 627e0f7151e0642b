//! Functions of the samples in a window before each step: `rate`, `avg_over_time` and their relatives.
//!
//! Windows slide, so both ends only move forward over a series' samples. Extremes, counts, first and last cost
//! O(samples + steps) in all. Sums go over each window anew: taking values out of a running sum would lose the small
//! ones and never recover from an infinity.

mod counter;
mod extreme;
mod spread;
mod trend;

use std::ops::Range;

use isobar_normalizer::METRIC_NAME;

use crate::QueryError;
use crate::evaluate::Evaluation;
use crate::leaf::{Ranges, Samples, Window, Windows};
use crate::matrix::{Matrix, Steps};
use crate::notes::Notes;
use crate::sum::{Mean, Sum};
use crate::window::extreme::Extreme;

/// So many windows pass before the clock is looked at: reading it costs as much as a short window.
const WINDOWS_UNCHECKED: usize = 32;

/// A function of a range vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RangeFunction {
    Rate,
    Increase,
    Delta,
    Irate,
    Idelta,
    Changes,
    Resets,
    Deriv,
    PredictLinear,
    Smoothing,
    Sum,
    Avg,
    Count,
    Present,
    First,
    Last,
    TimeOfFirst,
    TimeOfLast,
    Stddev,
    Stdvar,
    Quantile,
    MedianDeviation,
    Extreme(Extreme),
}

/// What a kernel sees: the samples of one window, of which there is at least one.
pub(crate) struct View<'a> {
    /// Milliseconds.
    timestamps: &'a [i64],
    values: &'a [f64],
    /// Where, inside the slices, a value and the one before it are such as [`RangeFunction::marks`] says.
    marks: &'a [usize],
    /// Index of the first sample in its series, which `marks` count from.
    first: usize,
    window: Window,
    /// The time of the step, which `@` and `offset` do not change.
    time: i64,
    /// The scalar arguments at this step.
    arguments: [f64; 2],
}

impl View<'_> {
    fn ends(&self) -> ((i64, f64), (i64, f64)) {
        let last = self.values.len() - 1;
        ((self.timestamps[0], self.values[0]), (self.timestamps[last], self.values[last]))
    }

    /// The values before the marked ones.
    fn before_marks(&self) -> impl Iterator<Item = f64> {
        self.marks.iter().map(|mark| self.values[mark - self.first - 1])
    }
}

impl RangeFunction {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "rate" => Self::Rate,
            "increase" => Self::Increase,
            "delta" => Self::Delta,
            "irate" => Self::Irate,
            "idelta" => Self::Idelta,
            "changes" => Self::Changes,
            "resets" => Self::Resets,
            "deriv" => Self::Deriv,
            "predict_linear" => Self::PredictLinear,
            "double_exponential_smoothing" => Self::Smoothing,
            "sum_over_time" => Self::Sum,
            "avg_over_time" => Self::Avg,
            "count_over_time" => Self::Count,
            "present_over_time" => Self::Present,
            "first_over_time" => Self::First,
            "last_over_time" => Self::Last,
            "ts_of_first_over_time" => Self::TimeOfFirst,
            "ts_of_last_over_time" => Self::TimeOfLast,
            "stddev_over_time" => Self::Stddev,
            "stdvar_over_time" => Self::Stdvar,
            "quantile_over_time" => Self::Quantile,
            "mad_over_time" => Self::MedianDeviation,
            "min_over_time" => Self::Extreme(Extreme::Min),
            "max_over_time" => Self::Extreme(Extreme::Max),
            "ts_of_min_over_time" => Self::Extreme(Extreme::TimeOfMin),
            "ts_of_max_over_time" => Self::Extreme(Extreme::TimeOfMax),
            _ => return None,
        })
    }

    /// First and last sample are still samples of the metric.
    fn keeps_name(self) -> bool {
        matches!(self, Self::First | Self::Last)
    }

    /// Whether two neighbouring values are of interest to the function.
    fn marks(self, before: f64, value: f64) -> bool {
        match self {
            Self::Rate | Self::Increase | Self::Resets => value < before,
            Self::Changes => value != before && !(value.is_nan() && before.is_nan()),
            _ => false,
        }
    }

    /// The value of one window, where there is one.
    fn of(self, view: &View<'_>) -> Option<f64> {
        let (first, last) = view.ends();
        let seconds = |millis: i64| millis as f64 / 1000.0;
        match self {
            Self::Rate => {
                counter::extrapolated(view, true).map(|increase| increase / seconds(view.window.length()))
            }
            Self::Increase => counter::extrapolated(view, true),
            Self::Delta => counter::extrapolated(view, false),
            Self::Irate => counter::instant_rate(view),
            Self::Idelta => counter::instant_delta(view),
            Self::Changes | Self::Resets => Some(view.marks.len() as f64),
            Self::Deriv => trend::line(view, first.0).map(|line| line.slope),
            Self::PredictLinear => {
                trend::line(view, view.time).map(|line| line.slope * view.arguments[0] + line.intercept)
            }
            Self::Smoothing => trend::smoothed(view),
            Self::Sum => {
                let mut sum = Sum::default();
                view.values.iter().for_each(|value| sum.add(*value));
                Some(sum.value())
            }
            Self::Avg => {
                let mut mean = Mean::default();
                view.values.iter().for_each(|value| mean.add(*value));
                Some(mean.value())
            }
            Self::Count => Some(view.values.len() as f64),
            Self::Present => Some(1.0),
            Self::First => Some(first.1),
            Self::Last => Some(last.1),
            Self::TimeOfFirst => Some(seconds(first.0)),
            Self::TimeOfLast => Some(seconds(last.0)),
            Self::Stddev => Some(spread::variance(view.values).sqrt()),
            Self::Stdvar => Some(spread::variance(view.values)),
            Self::Quantile => Some(crate::quantile::quantile(view.arguments[0], &mut view.values.to_vec())),
            Self::MedianDeviation => Some(spread::median_deviation(view.values)),
            Self::Extreme(_) => None,
        }
    }

    /// Computes one series. `go_on` is asked now and then, because windows may be long and many.
    fn fill(
        self,
        go_on: impl Fn() -> Result<(), QueryError>,
        samples: &Samples,
        windows: Windows,
        steps: Steps,
        arguments: &[Vec<f64>],
        out: (&mut [f64], &mut [bool]),
    ) -> Result<(), QueryError> {
        let (values, present) = out;
        if let Self::Extreme(extreme) = self {
            extreme.fill(samples, slices(samples, windows, steps), values, present);
            return Ok(());
        }
        let marks: Vec<usize> = (1..samples.values.len())
            .filter(|index| self.marks(samples.values[index - 1], samples.values[*index]))
            .collect();
        let argument =
            |index: usize, column: usize| arguments.get(index).map_or(f64::NAN, |steps| steps[column]);
        let (mut marks_from, mut marks_to) = (0, 0);
        for (column, window, inside) in slices(samples, windows, steps) {
            if inside.is_empty() {
                continue;
            }
            if column.is_multiple_of(WINDOWS_UNCHECKED) {
                go_on()?;
            }
            marks_from += marks[marks_from..].iter().take_while(|mark| **mark <= inside.start).count();
            marks_to = marks_to.max(marks_from);
            marks_to += marks[marks_to..].iter().take_while(|mark| **mark < inside.end).count();
            let view = View {
                timestamps: &samples.timestamps[inside.clone()],
                values: &samples.values[inside.clone()],
                marks: &marks[marks_from..marks_to],
                first: inside.start,
                window,
                time: steps.at(column),
                arguments: [argument(0, column), argument(1, column)],
            };
            if let Some(value) = self.of(&view) {
                (values[column], present[column]) = (value, true);
            }
        }
        Ok(())
    }

    /// Arguments that make no sense, and metrics the function is not meant for.
    fn check(self, ranges: &Ranges, arguments: &[Vec<f64>], notes: &mut Notes) -> Result<(), QueryError> {
        match self {
            Self::Quantile => {
                arguments[0].iter().filter(|phi| crate::quantile::out_of_range(**phi)).for_each(|phi| {
                    notes.bad_quantile(*phi);
                });
            }
            Self::Smoothing => {
                let factors = [("smoothing", "sf", &arguments[0]), ("trend", "tf", &arguments[1])];
                for (name, sign, values) in factors {
                    if let Some(wrong) = values.iter().find(|value| !(**value > 0.0 && **value < 1.0)) {
                        return Err(QueryError::Execution(format!(
                            "invalid {name} factor. Expected: 0 < {sign} < 1, got: {wrong:.6}"
                        )));
                    }
                }
            }
            Self::Rate | Self::Increase => {
                for series in ranges.series.iter().filter(|series| !series.head.drop_name) {
                    let name = series.head.labels.get(METRIC_NAME).unwrap_or_default();
                    let counts = ["_total", "_sum", "_count", "_bucket"];
                    if !name.is_empty() && !counts.iter().any(|suffix| name.ends_with(suffix)) {
                        notes.maybe_not_a_counter(name);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Computes a range function for all series. Where `@` fixes the window and no argument changes, one step is
/// computed and repeated.
pub(crate) fn over_ranges(
    evaluation: &Evaluation<'_>,
    function: RangeFunction,
    ranges: Ranges,
    arguments: &[Vec<f64>],
    steps: Steps,
    notes: &mut Notes,
) -> Result<Matrix, QueryError> {
    if !ranges.series.is_empty() {
        function.check(&ranges, arguments, notes)?;
    }
    let once = ranges.windows.fixed() && arguments.is_empty();
    let computed = if once { Steps::single(steps.start) } else { steps };
    let mut matrix = Matrix::new(computed);
    for series in &ranges.series {
        evaluation.charge(computed.count)?;
        let head = if function.keeps_name() { series.head.clone() } else { series.head.renamed() };
        let mut finished = Ok(());
        matrix.push(head, |values, present| {
            let go_on = || evaluation.check_time();
            finished = function.fill(go_on, series, ranges.windows, computed, arguments, (values, present));
        });
        finished?;
    }
    evaluation.repeated(matrix, steps)
}

/// Column, window and the samples inside, for each step.
fn slices(
    samples: &Samples,
    windows: Windows,
    steps: Steps,
) -> impl Iterator<Item = (usize, Window, Range<usize>)> {
    let (mut start, mut end) = (0, 0);
    (0..steps.count).map(move |column| {
        let window = windows.at(column);
        start += samples.timestamps[start..].iter().take_while(|at| **at <= window.after).count();
        end = end.max(start);
        end += samples.timestamps[end..].iter().take_while(|at| **at <= window.end).count();
        (column, window, start..end)
    })
}

#[cfg(test)]
mod tests;
