//! `POST /api/v1/write`: the bytes go to the intake, its answer becomes a status senders act on.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::app::App;
use crate::backend::IntakeAnswer;
use crate::blocking::{Interrupted, blocking};

/// Storing takes milliseconds. A sender gives up after 30 s by default and sends again, so that nothing is gained by
/// answering later. Source: Prometheus' `remote_timeout`.
const PATIENCE: Duration = Duration::from_secs(25);

/// Seconds after which an overloaded sender should try again.
const RETRY_SECONDS: &str = "1";

pub(crate) async fn write(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let intake = app.backend.intake.clone();
    let answer = blocking(&app.writes, PATIENCE, move || intake.remote_write(&headers, body)).await;
    let (status, message) = match answer {
        Ok(IntakeAnswer::Stored) => return StatusCode::NO_CONTENT.into_response(),
        Ok(IntakeAnswer::Invalid(message)) => (StatusCode::BAD_REQUEST, message),
        Ok(IntakeAnswer::TooLarge(message)) => (StatusCode::PAYLOAD_TOO_LARGE, message),
        Ok(IntakeAnswer::Unsupported(message)) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, message),
        Ok(IntakeAnswer::Overloaded(message)) => (StatusCode::TOO_MANY_REQUESTS, message),
        Ok(IntakeAnswer::DiskFull(message)) => (StatusCode::INSUFFICIENT_STORAGE, message),
        Ok(IntakeAnswer::Failed(message)) => (StatusCode::INTERNAL_SERVER_ERROR, message),
        Err(Interrupted::Queued) => {
            (StatusCode::TOO_MANY_REQUESTS, "more arrives than can be stored".to_owned())
        }
        Err(Interrupted::TimedOut) => (StatusCode::SERVICE_UNAVAILABLE, "storing took too long".to_owned()),
        Err(Interrupted::Panicked) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "storing failed; the log has more".to_owned())
        }
    };
    let mut response = (status, format!("{message}\n")).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    }
    response
}
