//! How Alertmanager says no: a JSON text where its own code speaks, `{"code", "message"}` where its framework does.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

use crate::backend::ReadError;
use crate::blocking::Interrupted;
use crate::door::json_response;

/// Codes of its framework's validation. Source: go-openapi/errors.
pub(super) const INVALID_TYPE: u16 = 601;
pub(super) const REQUIRED: u16 = 602;
pub(super) const TOO_FEW_ITEMS: u16 = 612;

/// An error as the doors answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AlertmanagerError {
    /// Its own words.
    Said(StatusCode, String),
    /// Its framework's: the request is not one.
    Framework(StatusCode, u16, String),
    /// A status alone.
    Bare(StatusCode),
}

impl AlertmanagerError {
    /// A refusal from in front of the handlers.
    pub(crate) fn of_status(status: StatusCode, message: String) -> Self {
        Self::Framework(status, status.as_u16(), message)
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::Said(StatusCode::BAD_REQUEST, message.into())
    }

    /// The request cannot be read, or lacks something.
    pub(super) fn unprocessable(code: u16, message: impl Into<String>) -> Self {
        Self::Framework(StatusCode::UNPROCESSABLE_ENTITY, code, message.into())
    }
}

impl From<ReadError> for AlertmanagerError {
    fn from(error: ReadError) -> Self {
        Self::Said(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<Interrupted> for AlertmanagerError {
    fn from(interrupted: Interrupted) -> Self {
        let (status, message) = match interrupted {
            Interrupted::Queued => {
                (StatusCode::SERVICE_UNAVAILABLE, "too many requests at once, send it again")
            }
            Interrupted::TimedOut => (StatusCode::SERVICE_UNAVAILABLE, "the answer took too long"),
            Interrupted::Panicked => {
                (StatusCode::INTERNAL_SERVER_ERROR, "the request failed; the log has more")
            }
        };
        Self::Said(status, message.to_owned())
    }
}

impl IntoResponse for AlertmanagerError {
    fn into_response(self) -> Response {
        match self {
            Self::Said(status, message) => json_response(status, json!(message).to_string()),
            Self::Framework(status, code, message) => {
                json_response(status, json!({ "code": code, "message": message }).to_string())
            }
            Self::Bare(status) => status.into_response(),
        }
    }
}
