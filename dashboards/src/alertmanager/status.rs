//! `GET /api/v2/status` and `GET /api/v2/receivers`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::AlertmanagerError;
use super::alerts::PATIENCE;
use super::filter::ReceiverFilter;
use super::views::ReceiverBody;
use crate::app::App;
use crate::blocking::blocking;
use crate::params::Params;
use crate::wire::WireTime;

/// The version of Alertmanager whose API is spoken here: clients choose what they use by it.
const SPOKEN_VERSION: &str = "0.34.0";

pub(crate) async fn status(State(app): State<App>) -> Result<Response, AlertmanagerError> {
    let backend = app.backend.clone();
    let read = move || (backend.alertmanager.configuration(), backend.alertmanager.started_at());
    let (configuration, started_at) = blocking(&app.reads, PATIENCE, read).await?;
    let body = json!({
        "cluster": {"peers": [], "status": "disabled"},
        "config": {"original": configuration},
        "uptime": WireTime(started_at),
        "versionInfo": {
            "branch": "",
            "buildDate": "",
            "buildUser": "",
            "goVersion": "",
            "revision": concat!("isobar-", env!("CARGO_PKG_VERSION")),
            "version": SPOKEN_VERSION,
        },
    });
    Ok(Json(body).into_response())
}

pub(crate) async fn receivers(State(app): State<App>, params: Params) -> Result<Response, AlertmanagerError> {
    let filter = ReceiverFilter::read(&params)?;
    let mut receivers = app.backend.alertmanager.receivers();
    receivers.retain(|receiver| filter.wants(receiver));
    Ok(Json(receivers.into_iter().map(ReceiverBody::from).collect::<Vec<_>>()).into_response())
}
