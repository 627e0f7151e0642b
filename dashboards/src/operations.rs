//! Probes, reload and own metrics: plain text.

use std::fmt::Write;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::access::Principal;
use crate::app::App;
use crate::door::{Door, Refusal};

/// Prometheus' text format. Source: its exposition formats page.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The process answers; restarting it would not help more than that.
pub(crate) async fn healthy() -> &'static str {
    "Isobar is healthy.\n"
}

/// Every stage of the pipeline moves, or the ones that do not and since when.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let mut stuck = String::new();
    for stage in app.backend.operations.stages().iter().filter(|stage| !stage.ok) {
        let _ = writeln!(stuck, "{}: {} (since {})", stage.name, stage.detail, stage.since);
    }
    if stuck.is_empty() {
        return "Isobar is ready.\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, stuck).into_response()
}

pub(crate) async fn reload(State(app): State<App>, Extension(principal): Extension<Principal>) -> Response {
    let operations = app.backend.operations.clone();
    let reloaded = tokio::task::spawn_blocking(move || operations.reload(&principal.name)).await;
    match reloaded {
        Ok(Ok(())) => StatusCode::OK.into_response(),
        Ok(Err(wrong)) => {
            let message =
                format!("the configuration was not taken, the one before is still in force:\n{wrong}");
            Door::Plain.refuse(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
        }
        Err(_) => {
            let message = "reading the configuration failed; the log has more";
            Door::Plain.refuse(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
        }
    }
}

pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let operations = app.backend.operations.clone();
    match tokio::task::spawn_blocking(move || operations.metrics()).await {
        Ok(text) => ([(CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(_) => {
            let message = "writing the metrics failed; the log has more";
            Door::Plain.refuse(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
        }
    }
}

#[cfg(test)]
mod tests;
