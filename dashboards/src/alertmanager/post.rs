//! `POST /api/v2/alerts`: the bytes go to the intake, its answer becomes what Alertmanager would answer.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;

use super::AlertmanagerError;
use super::error::REQUIRED;
use crate::access::Principal;
use crate::app::App;
use crate::backend::{PostAnswer, Sender};
use crate::blocking::blocking;

/// Writing down takes milliseconds; Prometheus gives up after 10 s. Source: its `alertmanagers.timeout`.
const PATIENCE: Duration = Duration::from_secs(8);

pub(crate) async fn post(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    body: Bytes,
) -> Result<Response, AlertmanagerError> {
    if body.is_empty() {
        return Err(AlertmanagerError::unprocessable(REQUIRED, "alerts in body is required"));
    }
    let intake = app.backend.intake.clone();
    let sender = Sender { is_known: principal.is_known, name: principal.name };
    match blocking(&app.writes, PATIENCE, move || intake.post_alerts(&body, &sender)).await? {
        PostAnswer::Taken => Ok(StatusCode::OK.into_response()),
        PostAnswer::Refused(complaints) => Err(AlertmanagerError::bad_request(complaints)),
        PostAnswer::Malformed(wrong) => Err(AlertmanagerError::of_status(StatusCode::BAD_REQUEST, wrong)),
        PostAnswer::Failed(why) => Err(AlertmanagerError::Said(StatusCode::INTERNAL_SERVER_ERROR, why)),
    }
}
