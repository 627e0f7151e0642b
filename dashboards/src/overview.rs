//! The web page: one plain overview, written here, without a script.
//!
//! Every text that comes from outside passes [`escape`] on its way into the page; nothing is written into an address, a
//! style or a script.

mod escape;
mod render;

use std::time::Duration;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::app::App;
use crate::backend::ReadError;
use crate::blocking::blocking;
use crate::door::{Door, Refusal};
use render::Overview;

pub(crate) use render::refusal;

const STYLE: &str = include_str!("assets/isobar.css");
const PATIENCE: Duration = Duration::from_secs(30);

/// `GET /`
pub(crate) async fn page(State(app): State<App>) -> Response {
    let backend = app.backend.clone();
    let rendered = blocking(&app.reads, PATIENCE, move || {
        let overview = Overview {
            now: (backend.clock)(),
            alerts: backend.alerts.alerts()?,
            deliveries: backend.alerts.deliveries()?,
            sources: backend.estate.sources()?,
            stages: backend.operations.stages(),
        };
        Ok::<_, ReadError>(render::page(overview))
    });
    let wrong = match rendered.await {
        Ok(Ok(html)) => return Html(html).into_response(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the state could not be read in time".to_owned(),
    };
    Door::Page.refuse(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, wrong))
}

/// `GET /assets/isobar.css`: the same for everyone, fresh for an hour.
pub(crate) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=3600")], STYLE)
        .into_response()
}
