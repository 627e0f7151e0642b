//! `POST /api/isobar/v1/replay`: what a stretch of the past would have told under another configuration.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;

use super::NativeError;
use super::error::ErrorBody;
use super::page::refuse_unknown;
use crate::app::App;
use crate::backend::ReplayRefused;
use crate::params::Params;
use crate::wire::{ReplayRequest, ReplayView};

/// Replays a stretch of the journal under another configuration, other policies, or what runs; nothing is sent.
///
/// The configuration is taken up at `from` as a reload would; what differs from what was told then is shown receiver by
/// receiver. The same request gives the same answer. A stretch is at most 31 days; 503 while another one is replayed.
#[utoipa::path(post, path = "/api/isobar/v1/replay", request_body = ReplayRequest, responses((status = 200, body = ReplayView, description = "What differs."), (status = "default", body = ErrorBody)))]
pub(crate) async fn replay(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    refuse_unknown(&Params::of_query(query.as_deref().unwrap_or_default()), &[])?;
    let request: ReplayRequest = serde_json::from_slice(&body)
        .map_err(|error| NativeError::bad_request(format!("the body: {error}")))?;
    let replayed = app.backend.replays.replay(request).await;
    replayed.map(|view| Json(view).into_response()).map_err(|error| {
        let status = match error {
            ReplayRefused::Invalid(_) => StatusCode::BAD_REQUEST,
            ReplayRefused::Busy => StatusCode::SERVICE_UNAVAILABLE,
            ReplayRefused::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        NativeError::new(status, error.to_string())
    })
}
