//! What a query answers.

use isobar_normalizer::{Labels, Timestamp};

use crate::QueryError;
use crate::matrix::Matrix;

/// The result of a query and what should be known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The result.
    pub value: Value,
    /// What probably makes the result wrong, as the Prometheus API words it, without the position in the query.
    pub warnings: Vec<String>,
    /// What may be unintended, worded likewise.
    pub infos: Vec<String>,
}

/// A result of one of the four PromQL types. A range query answers with `Matrix` always.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One number.
    Scalar(Timestamp, f64),
    /// One text.
    String(Timestamp, String),
    /// One value per series, label sets unique; in the order `sort` and `topk` give, else unspecified but stable.
    Vector(Vec<InstantSample>),
    /// Points per series, label sets unique and sorted, points ascending in time, no series without points.
    Matrix(Vec<RangeSeries>),
}

/// The value of one series at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct InstantSample {
    /// The series.
    pub labels: Labels,
    /// The instant of the query, not that of the sample read.
    pub at: Timestamp,
    /// The value.
    pub value: f64,
}

/// The values of one series over time.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeSeries {
    /// The series.
    pub labels: Labels,
    /// Instants and values, ascending.
    pub points: Vec<(Timestamp, f64)>,
}

impl Value {
    /// The first column, in row order.
    pub(crate) fn vector(matrix: Matrix) -> Result<Self, QueryError> {
        let matrix = finished(matrix)?;
        let at = Timestamp::from_millis(matrix.steps.start);
        let samples = matrix
            .rows()
            .map(|(head, values, _)| InstantSample { labels: head.labels.clone(), at, value: values[0] })
            .collect();
        Ok(Self::Vector(samples))
    }

    /// All columns, rows sorted by labels.
    pub(crate) fn matrix(matrix: Matrix) -> Result<Self, QueryError> {
        let matrix = finished(matrix)?;
        let series = matrix.rows().map(|(head, values, present)| RangeSeries {
            labels: head.labels.clone(),
            points: (0..present.len())
                .filter(|column| present[*column])
                .map(|column| (Timestamp::from_millis(matrix.steps.at(column)), values[column]))
                .collect(),
        });
        Ok(Self::sorted(series.collect()))
    }

    pub(crate) fn sorted(mut series: Vec<RangeSeries>) -> Self {
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Self::Matrix(series)
    }
}

/// Drops the names that operations marked, and joins rows that thereby became the same series.
fn finished(mut matrix: Matrix) -> Result<Matrix, QueryError> {
    for head in matrix.heads.iter_mut().filter(|head| head.drop_name) {
        head.labels = head.clone().finish();
        head.drop_name = false;
    }
    matrix.merged()
}
