//! Walks a plan: one run of one query, with its limits.

use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::answer::{Answer, Value};
use crate::leaf::{Take, millis};
use crate::math::{Elementwise, larger, smaller};
use crate::matrix::{Head, Matrix, Steps};
use crate::notes::Notes;
use crate::plan::{ScalarNode, VectorNode};
use crate::{EngineOptions, QueryError, SeriesSource, aggregate, histogram, matching, rank, set, window};

/// One run of one query.
pub(crate) struct Evaluation<'a> {
    pub source: &'a dyn SeriesSource,
    /// First and last time of the query, its step (0 for an instant), milliseconds.
    pub start: i64,
    pub end: i64,
    interval: i64,
    pub lookback_ms: i64,
    options: &'a EngineOptions,
    began: Instant,
    samples: Cell<usize>,
    series: Cell<usize>,
    notes: RefCell<Notes>,
}

impl<'a> Evaluation<'a> {
    pub fn new(
        source: &'a dyn SeriesSource,
        options: &'a EngineOptions,
        start: i64,
        end: i64,
        interval: i64,
        began: Instant,
    ) -> Self {
        Self {
            source,
            start,
            end,
            interval,
            lookback_ms: millis(options.lookback),
            options,
            began,
            samples: Cell::new(0),
            series: Cell::new(0),
            notes: RefCell::default(),
        }
    }

    pub fn answer(self, value: Value) -> Answer {
        let Notes { warnings, infos } = self.notes.into_inner();
        Answer { value, warnings, infos }
    }

    /// Remarks that the source lacks something.
    pub fn note_missing(&self, text: String) {
        self.notes.borrow_mut().missing(text);
    }

    /// Counts samples read or values about to be computed.
    pub fn charge(&self, samples: usize) -> Result<(), QueryError> {
        self.samples.set(self.samples.get().saturating_add(samples));
        if self.samples.get() > self.options.samples_max {
            return Err(QueryError::Limit(format!(
                "query reads and computes more than {} samples: narrow the selectors, the range, or raise the step",
                self.options.samples_max
            )));
        }
        self.check_time()
    }

    pub fn charge_series(&self, series: usize) -> Result<(), QueryError> {
        self.series.set(self.series.get().saturating_add(series));
        if self.series.get() > self.options.series_max {
            return Err(QueryError::Limit(format!(
                "query selects more than {} series: narrow the selectors",
                self.options.series_max
            )));
        }
        Ok(())
    }

    /// Whether anybody still waits for the answer, and for how long.
    pub fn check_time(&self) -> Result<(), QueryError> {
        if self.options.cancelled.load(Ordering::Relaxed) {
            return Err(QueryError::Cancelled);
        }
        if self.began.elapsed() > self.options.timeout {
            return Err(QueryError::Timeout(self.options.timeout));
        }
        Ok(())
    }

    /// One number a step.
    pub fn scalar(&self, node: &ScalarNode, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let same = |value: f64| vec![value; steps.count];
        let seconds = |millis: i64| millis as f64 / 1000.0;
        self.charge(steps.count)?;
        Ok(match node {
            ScalarNode::Number(value) => same(*value),
            ScalarNode::Time => steps.iter().map(seconds).collect(),
            ScalarNode::QueryStart => same(seconds(self.start)),
            ScalarNode::QueryEnd => same(seconds(self.end)),
            ScalarNode::QueryStep => same(seconds(self.interval)),
            ScalarNode::QueryRange => same(seconds(self.end - self.start)),
            ScalarNode::OfVector(vector) => only_values(&self.vector(vector, steps)?),
            ScalarNode::Negated(inner) => {
                self.scalar(inner, steps)?.into_iter().map(|value| -value).collect()
            }
            ScalarNode::Smaller(a, b) => self.pairwise(a, b, steps, smaller)?,
            ScalarNode::Larger(a, b) => self.pairwise(a, b, steps, larger)?,
            ScalarNode::Binary { operator, left, right } => {
                self.pairwise(left, right, steps, |left, right| operator.of_scalars(left, right))?
            }
        })
    }

    fn pairwise(
        &self,
        left: &ScalarNode,
        right: &ScalarNode,
        steps: Steps,
        function: impl Fn(f64, f64) -> f64,
    ) -> Result<Vec<f64>, QueryError> {
        let (left, right) = (self.scalar(left, steps)?, self.scalar(right, steps)?);
        Ok(left.into_iter().zip(right).map(|(left, right)| function(left, right)).collect())
    }

    fn scalars(&self, nodes: &[ScalarNode], steps: Steps) -> Result<Vec<Vec<f64>>, QueryError> {
        nodes.iter().map(|node| self.scalar(node, steps)).collect()
    }

    /// A value a step for each series.
    pub fn vector(&self, node: &VectorNode, steps: Steps) -> Result<Matrix, QueryError> {
        let matrix = match node {
            VectorNode::Select(selector) => self.select(selector, steps, Take::Value)?,
            VectorNode::SelectTimes(selector) => {
                let mut matrix = self.select(selector, steps, Take::Time)?;
                matrix.drop_names();
                matrix
            }
            VectorNode::OfScalar(scalar) => Matrix::of_scalar(steps, self.scalar(scalar, steps)?),
            VectorNode::Negated(vector) => self.mapped(vector, steps, |_, value| -value)?,
            VectorNode::StepTimes(vector) => {
                self.mapped(vector, steps, |column, _| steps.at(column) as f64 / 1000.0)?
            }
            VectorNode::Date(part, vector) => self.mapped(vector, steps, |_, value| part.of(value))?,
            VectorNode::Elementwise(function, vector) => {
                let mut matrix = self.vector(vector, steps)?;
                self.elementwise(function, steps)?.apply(&mut matrix);
                matrix
            }
            VectorNode::OverRange { function, range, arguments } => {
                let arguments = self.scalars(arguments, steps)?;
                let ranges = self.ranges(range, steps)?;
                window::over_ranges(self, *function, ranges, &arguments, steps, &mut self.notes.borrow_mut())?
            }
            VectorNode::Absent(labels, vector) => {
                let found = self.vector(vector, steps)?.any_present();
                absent(labels.clone(), steps, |column| found[column])
            }
            VectorNode::AbsentOverTime(labels, range) => {
                let ranges = self.ranges(range, steps)?;
                let found = ranges.any_present();
                absent(labels.clone(), steps, |column| found[ranges.windows.index(column)])
            }
            VectorNode::Sorted(order, vector) => {
                if self.interval > 0 {
                    self.notes.borrow_mut().sort_without_effect();
                }
                order.apply(&self.vector(vector, steps)?)
            }
            VectorNode::Relabelled(relabel, vector) => relabel.apply(self, self.vector(vector, steps)?)?,
            VectorNode::Histogram(function, vector) => {
                let function = function.try_map(|argument| self.scalar(argument, steps))?;
                let buckets = self.vector(vector, steps)?;
                histogram::evaluate(self, &function, &buckets, &mut self.notes.borrow_mut())?
            }
            VectorNode::Aggregated { aggregation, grouping, vector } => {
                let input = self.vector(vector, steps)?;
                aggregate::aggregate(self, *aggregation, grouping, &input)?
            }
            VectorNode::Quantile { quantile, grouping, vector } => {
                let quantile = self.scalar(quantile, steps)?;
                let input = self.vector(vector, steps)?;
                aggregate::quantile(self, &quantile, grouping, &input, &mut self.notes.borrow_mut())?
            }
            VectorNode::CountValues { label, grouping, vector } => {
                aggregate::count_values(self, label, grouping, &self.vector(vector, steps)?)?
            }
            VectorNode::Ranked { rank, limit, grouping, vector } => {
                let limit = self.scalar(limit, steps)?;
                let input = self.vector(vector, steps)?;
                rank::ranked(self, *rank, &limit, grouping, input, &mut self.notes.borrow_mut())?
            }
            VectorNode::WithScalar { operator, vector, scalar, scalar_is_left } => {
                let scalar = self.scalar(scalar, steps)?;
                let mut matrix = self.vector(vector, steps)?;
                matrix.change(|column, value| {
                    let (left, right) =
                        if *scalar_is_left { (scalar[column], value) } else { (value, scalar[column]) };
                    operator.apply(left, right, value)
                });
                if operator.drops_name() {
                    matrix.drop_names();
                }
                matrix
            }
            VectorNode::Matched { operator, matching, left, right } => {
                let (left, right) = (self.vector(left, steps)?, self.vector(right, steps)?);
                matching::matched(self, *operator, matching, &left, &right)?
            }
            VectorNode::Set { operator, grouping, left, right } => {
                let (left, right) = (self.vector(left, steps)?, self.vector(right, steps)?);
                set::combined(*operator, grouping, left, &right)?
            }
        };
        Ok(matrix)
    }

    /// The vector with every value replaced and the names marked as to be dropped.
    fn mapped(
        &self,
        vector: &VectorNode,
        steps: Steps,
        function: impl Fn(usize, f64) -> f64,
    ) -> Result<Matrix, QueryError> {
        let mut matrix = self.vector(vector, steps)?;
        matrix.change(|column, value| Some(function(column, value)));
        matrix.drop_names();
        Ok(matrix)
    }

    fn elementwise(
        &self,
        function: &Elementwise<ScalarNode>,
        steps: Steps,
    ) -> Result<Elementwise<Vec<f64>>, QueryError> {
        Ok(match function {
            Elementwise::Plain(function) => Elementwise::Plain(*function),
            Elementwise::Round(nearest) => Elementwise::Round(self.scalar(nearest, steps)?),
            Elementwise::ClampMin(lowest) => Elementwise::ClampMin(self.scalar(lowest, steps)?),
            Elementwise::ClampMax(highest) => Elementwise::ClampMax(self.scalar(highest, steps)?),
            Elementwise::Clamp(lowest, highest) => {
                Elementwise::Clamp(self.scalar(lowest, steps)?, self.scalar(highest, steps)?)
            }
        })
    }
}

/// The value where exactly one series has one, else NaN.
fn only_values(matrix: &Matrix) -> Vec<f64> {
    let mut only = vec![f64::NAN; matrix.steps.count];
    let mut seen = vec![0_usize; matrix.steps.count];
    for (_, values, present) in matrix.rows() {
        for column in (0..present.len()).filter(|column| present[*column]) {
            seen[column] += 1;
            only[column] = if seen[column] == 1 { values[column] } else { f64::NAN };
        }
    }
    only
}

fn absent(labels: isobar_normalizer::Labels, steps: Steps, found: impl Fn(usize) -> bool) -> Matrix {
    let mut matrix = Matrix::new(steps);
    matrix.push(Head::of(labels), |values, present| {
        for column in 0..steps.count {
            (values[column], present[column]) = (1.0, !found(column));
        }
    });
    matrix
}
