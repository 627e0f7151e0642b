//! How the native API says no: `{"code": …, "message": …}`.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::backend::ReadError;
use crate::blocking::Interrupted;
use crate::door::json_response;

/// Why a request failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// The status in words: `not_found`, `bad_request`.
    code: String,
    /// What is wrong and what would be right.
    message: String,
}

/// An error of the native API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct NativeError {
    status: StatusCode,
    message: String,
}

impl NativeError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

impl From<ReadError> for NativeError {
    fn from(error: ReadError) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<Interrupted> for NativeError {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::Queued => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests at once, send it again")
            }
            Interrupted::TimedOut => Self::new(StatusCode::SERVICE_UNAVAILABLE, "reading took too long"),
            Interrupted::Panicked => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "reading failed; the log has more")
            }
        }
    }
}

impl IntoResponse for NativeError {
    fn into_response(self) -> Response {
        let reason = self.status.canonical_reason().unwrap_or("error");
        let code = reason.to_ascii_lowercase().replace([' ', '-'], "_");
        let body = ErrorBody { code, message: self.message };
        let text = serde_json::to_string(&body).expect("two texts are always JSON");
        json_response(self.status, text)
    }
}
