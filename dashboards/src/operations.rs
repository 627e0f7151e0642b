//! Probes, reload and own metrics: plain text.

use std::fmt::Write;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::access::Principal;
use crate::app::App;
use crate::blocking::{Interrupted, blocking};
use crate::door::{Door, Refusal};

/// Prometheus' text format. Source: its exposition formats page.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A reload waits for the one before it, and for the sources to store what they have.
const RELOAD_PATIENCE: Duration = Duration::from_secs(120);
/// Scrapers give up after ten seconds. Source: Prometheus' `scrape_timeout`.
const METRICS_PATIENCE: Duration = Duration::from_secs(10);

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
    let reloaded = blocking(&app.reloads, RELOAD_PATIENCE, move || operations.reload(&principal.name)).await;
    match reloaded {
        Ok(Ok(())) => StatusCode::OK.into_response(),
        Ok(Err(wrong)) => {
            let message =
                format!("the configuration was not taken, the one before is still in force:\n{wrong}");
            Door::Plain.refuse(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
        }
        Err(Interrupted::TimedOut) => interrupted(
            Interrupted::TimedOut,
            "reading the configuration takes long and goes on; the log tells how it ends",
        ),
        Err(other) => interrupted(other, "reading the configuration failed; the log has more"),
    }
}

pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let operations = app.backend.operations.clone();
    match blocking(&app.scrapes, METRICS_PATIENCE, move || operations.metrics()).await {
        Ok(text) => ([(CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(other) => interrupted(other, "writing the metrics failed; the log has more"),
    }
}

fn interrupted(how: Interrupted, failed: &str) -> Response {
    let refusal = match how {
        Interrupted::Queued => {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too many of these at once, send it again")
        }
        Interrupted::TimedOut => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, failed),
        Interrupted::Panicked => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, failed),
    };
    Door::Plain.refuse(refusal)
}

#[cfg(test)]
mod tests;
