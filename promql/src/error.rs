//! Why a query has no answer.

use std::time::Duration;

use crate::SourceError;

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// The text is not a query this engine evaluates; HTTP 400, `bad_data`.
    #[error("parse error: {0}")]
    Parse(String),
    /// The query has no defined result on these data, or its data cannot be read; HTTP 422, `execution`.
    #[error("{0}")]
    Execution(String),
    /// The query would use more than the options allow; HTTP 422, `execution`.
    #[error("{0}")]
    Limit(String),
    /// The query ran longer than the options allow; HTTP 503, `timeout`.
    #[error("query timed out after {} ms", .0.as_millis())]
    Timeout(Duration),
    /// Whoever asked has gone; nobody reads this.
    #[error("query was cancelled")]
    Cancelled,
}

impl QueryError {
    /// Two series would have the same labels at the same step. The words are Prometheus'.
    pub(crate) fn same_labels() -> Self {
        Self::Execution("vector cannot contain metrics with the same labelset".to_owned())
    }
}

impl From<SourceError> for QueryError {
    fn from(error: SourceError) -> Self {
        Self::Execution(error.to_string())
    }
}
