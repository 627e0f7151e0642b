//! `/hooks/{kind}/{name}`: the bytes go to the intake, which knows who may send there and what it means.

use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::app::App;
use crate::backend::{HookCall, HookReply};
use crate::blocking::{Interrupted, blocking};
use crate::door::{Door, Refusal};

/// Azure, Alertmanager and AWS wait ten seconds and more, Alibaba Cloud five. Source: reference pages of each, read 2026-11.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn hook(
    State(app): State<App>,
    Path((kind, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let intake = app.backend.intake.clone();
    let call = HookCall { method, kind, name, headers, query: query.unwrap_or_default(), body };
    let (status, message) = match blocking(&app.writes, PATIENCE, move || intake.hook(call)).await {
        Ok(HookReply::Taken) => return StatusCode::OK.into_response(),
        Ok(HookReply::Allowed(headers)) => return allowed(headers),
        Ok(HookReply::Refused(message)) => (StatusCode::BAD_REQUEST, message),
        Ok(HookReply::NotFound) => (StatusCode::NOT_FOUND, "there is no such hook".to_owned()),
        Ok(HookReply::Denied) => (StatusCode::UNAUTHORIZED, "not known here".to_owned()),
        Ok(HookReply::Unsupported(message)) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, message),
        Ok(HookReply::Failed(message)) => (StatusCode::INTERNAL_SERVER_ERROR, message),
        Err(Interrupted::Queued) => {
            (StatusCode::TOO_MANY_REQUESTS, "more arrives than can be stored".to_owned())
        }
        Err(Interrupted::TimedOut) => (StatusCode::SERVICE_UNAVAILABLE, "storing took too long".to_owned()),
        Err(Interrupted::Panicked) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "storing failed; the log has more".to_owned())
        }
    };
    Door::Plain.refuse(Refusal::new(status, message))
}

fn allowed(headers: Vec<(&'static str, String)>) -> Response {
    let mut response = StatusCode::OK.into_response();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests;
