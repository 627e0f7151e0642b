//! `{"status":"error","errorType":…,"error":…}` and the HTTP statuses that go with the types.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::backend::ReadError;
use crate::blocking::Interrupted;
use crate::door::json_response;

/// Prometheus' error types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorType {
    BadData,
    Execution,
    Timeout,
    Internal,
    Unavailable,
    NotFound,
}

/// An error as the doors answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrometheusError {
    kind: ErrorType,
    status: StatusCode,
    message: String,
}

impl PrometheusError {
    pub(crate) fn new(kind: ErrorType, message: impl Into<String>) -> Self {
        let status = match kind {
            ErrorType::BadData => StatusCode::BAD_REQUEST,
            ErrorType::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorType::Timeout | ErrorType::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorType::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            ErrorType::NotFound => StatusCode::NOT_FOUND,
        };
        Self { kind, status, message: message.into() }
    }

    pub(crate) fn bad_data(message: impl Into<String>) -> Self {
        Self::new(ErrorType::BadData, message)
    }

    /// `invalid parameter "name": what is wrong`
    pub(crate) fn parameter(name: &str, wrong: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter \"{name}\": {wrong}"))
    }

    /// A status of ours with the type that comes closest.
    pub(crate) fn of_status(status: StatusCode, message: String) -> Self {
        let kind = match status {
            StatusCode::NOT_FOUND => ErrorType::NotFound,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => ErrorType::Unavailable,
            StatusCode::REQUEST_TIMEOUT => ErrorType::Timeout,
            status if status.is_server_error() => ErrorType::Internal,
            _ => ErrorType::BadData,
        };
        Self { kind, status, message }
    }
}

impl From<ReadError> for PrometheusError {
    fn from(error: ReadError) -> Self {
        Self::new(ErrorType::Internal, error.to_string())
    }
}

impl From<Interrupted> for PrometheusError {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Queued => Self::new(ErrorType::Timeout, "query timed out in query queue"),
            Interrupted::TimedOut => {
                Self::new(ErrorType::Timeout, "query timed out in expression evaluation")
            }
            Interrupted::Panicked => {
                Self::new(ErrorType::Internal, "the evaluation failed; the log has more")
            }
        }
    }
}

impl IntoResponse for PrometheusError {
    fn into_response(self) -> Response {
        let kind = match self.kind {
            ErrorType::BadData => "bad_data",
            ErrorType::Execution => "execution",
            ErrorType::Timeout => "timeout",
            ErrorType::Internal => "internal",
            ErrorType::Unavailable => "unavailable",
            ErrorType::NotFound => "not_found",
        };
        let body = json!({ "status": "error", "errorType": kind, "error": self.message });
        json_response(self.status, body.to_string())
    }
}
