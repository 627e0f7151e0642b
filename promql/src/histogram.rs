//! Quantiles and fractions of classic histograms: cumulative counts in series that differ by the label `le`.

mod bucket;

use std::collections::HashMap;

use isobar_normalizer::{Labels, METRIC_NAME};

use crate::QueryError;
use crate::evaluate::Evaluation;
use crate::matrix::{Head, Matrix};
use crate::notes::Notes;
use crate::number::canonical;
use bucket::{Bucket, Buckets};

/// The label of a bucket's upper bound.
const BOUND: &str = "le";

/// A function of histograms; arguments have one number a step.
#[derive(Clone, Debug)]
pub(crate) enum HistogramFunction<Argument> {
    Quantile(Argument),
    /// Several quantiles at once, each in a series with its φ in a label.
    Quantiles {
        label: String,
        quantiles: Vec<Argument>,
    },
    /// The fraction of observations between two values.
    Fraction(Argument, Argument),
}

impl<Argument> HistogramFunction<Argument> {
    /// The same function with its arguments evaluated.
    pub fn try_map<Other>(
        &self,
        map: impl Fn(&Argument) -> Result<Other, QueryError>,
    ) -> Result<HistogramFunction<Other>, QueryError> {
        Ok(match self {
            Self::Quantile(quantile) => HistogramFunction::Quantile(map(quantile)?),
            Self::Quantiles { label, quantiles } => HistogramFunction::Quantiles {
                label: label.clone(),
                quantiles: quantiles.iter().map(map).collect::<Result<_, _>>()?,
            },
            Self::Fraction(lower, upper) => HistogramFunction::Fraction(map(lower)?, map(upper)?),
        })
    }
}

/// Evaluates a function of the histograms that `input` holds the buckets of.
pub(crate) fn evaluate(
    evaluation: &Evaluation<'_>,
    function: &HistogramFunction<Vec<f64>>,
    input: &Matrix,
    notes: &mut Notes,
) -> Result<Matrix, QueryError> {
    let mut result = Matrix::new(input.steps);
    let histograms = histograms(input, notes);
    match function {
        HistogramFunction::Quantile(quantile) => {
            warn_of(quantile, notes);
            for histogram in &histograms {
                evaluation.charge(input.steps.count)?;
                histogram.quantiles(quantile, histogram.head.clone(), input, &mut result, notes);
            }
        }
        HistogramFunction::Quantiles { label, quantiles } => {
            for quantile in quantiles {
                warn_of(quantile, notes);
                for histogram in &histograms {
                    evaluation.charge(input.steps.count)?;
                    if histogram.head.labels.get(label).is_some() {
                        return Err(QueryError::Execution(format!(
                            "label {label:?} already exists in the histogram's labels"
                        )));
                    }
                    let mut head = histogram.head.clone();
                    head.labels = head.labels.edit().set(label, canonical(quantile[0])).build();
                    histogram.quantiles(quantile, head, input, &mut result, notes);
                }
            }
        }
        HistogramFunction::Fraction(lower, upper) => {
            for histogram in &histograms {
                evaluation.charge(input.steps.count)?;
                result.push(histogram.head.clone(), |values, present| {
                    for column in 0..values.len() {
                        if let Some(buckets) = histogram.at(input, column) {
                            values[column] = buckets.fraction(lower[column], upper[column]);
                            present[column] = true;
                        }
                    }
                });
            }
        }
    }
    Ok(result)
}

fn warn_of(quantile: &[f64], notes: &mut Notes) {
    quantile
        .iter()
        .filter(|phi| crate::quantile::out_of_range(**phi))
        .for_each(|phi| notes.bad_quantile(*phi));
}

/// The rows that make up one histogram.
struct Histogram {
    head: Head,
    metric: String,
    /// Upper bounds and rows, in row order.
    bounds: Vec<(f64, usize)>,
}

impl Histogram {
    /// The buckets that have a count at a step.
    fn at(&self, input: &Matrix, column: usize) -> Option<Buckets> {
        let counts = self.bounds.iter().filter(|(_, row)| input.row(*row).1[column]);
        let buckets: Vec<Bucket> =
            counts.map(|(upper, row)| Bucket { upper: *upper, count: input.row(*row).0[column] }).collect();
        (!buckets.is_empty()).then(|| Buckets::new(buckets))
    }

    fn quantiles(
        &self,
        quantile: &[f64],
        head: Head,
        input: &Matrix,
        result: &mut Matrix,
        notes: &mut Notes,
    ) {
        let mut forced = false;
        result.push(head, |values, present| {
            for column in 0..values.len() {
                if let Some(mut buckets) = self.at(input, column) {
                    values[column] = buckets.quantile(quantile[column]);
                    present[column] = true;
                    forced |= buckets.forced_monotonic;
                }
            }
        });
        if forced {
            notes.buckets_not_monotonic(&self.metric);
        }
    }
}

/// Rows grouped by all labels but `le`; those without a number in it are left out with a warning.
fn histograms(input: &Matrix, notes: &mut Notes) -> Vec<Histogram> {
    let mut numbers: HashMap<Labels, usize> = HashMap::new();
    let mut histograms: Vec<Histogram> = Vec::new();
    for (row, head) in input.heads.iter().enumerate() {
        let metric = head.labels.get(METRIC_NAME).unwrap_or_default();
        let text = head.labels.get(BOUND).unwrap_or_default();
        let Ok(upper) = text.parse::<f64>() else {
            notes.bad_bucket(text, metric);
            continue;
        };
        let labels = head.labels.edit().remove(BOUND).build();
        let number = *numbers.entry(labels.clone()).or_insert_with(|| {
            let head = Head { labels, drop_name: true };
            histograms.push(Histogram { head, metric: metric.to_owned(), bounds: Vec::new() });
            histograms.len() - 1
        });
        histograms[number].bounds.push((upper, row));
    }
    histograms
}
