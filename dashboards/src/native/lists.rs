//! Sources, resources, deliveries, and why.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::NativeError;
use super::error::ErrorBody;
use super::page::{Listed, PageParams, PageQuery, refuse_unknown};
use crate::access::Principal;
use crate::app::App;
use crate::backend::{Backend, ReadError, ResendError};
use crate::blocking::blocking;
use crate::params::{Params, Segment};
use crate::wire::{DeliveryView, List, ResourceView, SourceView, WhyStep};

/// State is read from memory or one small table.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Lists configured sources by name.
#[utoipa::path(get, path = "/api/isobar/v1/sources", params(PageParams), responses((status = 200, body = List<SourceView>, description = "A page."), (status = "default", body = ErrorBody)))]
pub(crate) async fn sources(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    list(&app, &params, |backend| backend.estate.sources()).await
}

/// Lists known resources by id.
#[utoipa::path(get, path = "/api/isobar/v1/resources", params(PageParams), responses((status = 200, body = List<ResourceView>, description = "A page."), (status = "default", body = ErrorBody)))]
pub(crate) async fn resources(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    list(&app, &params, |backend| backend.estate.resources()).await
}

/// Lists deliveries, oldest first.
#[utoipa::path(get, path = "/api/isobar/v1/deliveries", params(PageParams), responses((status = 200, body = List<DeliveryView>, description = "A page."), (status = "default", body = ErrorBody)))]
pub(crate) async fn deliveries(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    list(&app, &params, |backend| backend.centre.deliveries()).await
}

/// Tells step by step why an alert paged, or did not.
#[utoipa::path(get, path = "/api/isobar/v1/why", params(("alert" = String, Query, description = "the alert's id", pattern = "^[0-9a-fA-F]{16}$"), PageParams), responses((status = 200, body = List<WhyStep>, description = "A page."), (status = "default", body = ErrorBody)))]
pub(crate) async fn why(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    let query = PageQuery::read(&params, &["alert"])?;
    let id = params.get("alert").ok_or_else(|| NativeError::bad_request("say which: ?alert=ID"))?;
    let fingerprint = parse_fingerprint(id)?;
    let steps = read(&app, move |backend| backend.centre.why(fingerprint)).await?;
    let steps = steps.ok_or_else(|| NativeError::not_found(format!("there is no alert {id:?}")))?;
    let page = query.page(steps.into_iter().enumerate().collect());
    let items: Vec<WhyStep> = page.items.into_iter().map(|(_, step)| step).collect();
    Ok(Json(List { items, total: page.total, next: page.next }).into_response())
}

/// What is said to a resend: that it is meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendRequest {}

/// Queues a dead delivery again, under the same idempotency key.
///
/// 409 when it is not dead.
#[utoipa::path(post, path = "/api/isobar/v1/deliveries/{id}/resend", params(("id" = String, Path, description = "the delivery's id")), request_body = ResendRequest, responses((status = 202, body = DeliveryView, description = "Queued."), (status = "default", body = ErrorBody)))]
pub(crate) async fn resend(
    State(app): State<App>,
    Segment(id): Segment,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    refuse_unknown(&Params::of_query(query.as_deref().unwrap_or_default()), &[])?;
    if !body.is_empty() {
        let ResendRequest {} = serde_json::from_slice(&body)
            .map_err(|error| NativeError::bad_request(format!("the body is {{}}: {error}")))?;
    }
    let centre = app.backend.centre.clone();
    let queued = blocking(&app.writes, PATIENCE, move || centre.resend(&id, &principal.name)).await?;
    let delivery = queued.map_err(|error| {
        let status = match error {
            ResendError::NotFound => StatusCode::NOT_FOUND,
            ResendError::NotDead(_) => StatusCode::CONFLICT,
            ResendError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        NativeError::new(status, error.to_string())
    })?;
    Ok((StatusCode::ACCEPTED, Json(delivery)).into_response())
}

pub(super) fn parse_fingerprint(id: &str) -> Result<u64, NativeError> {
    let is_fingerprint = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fingerprint = u64::from_str_radix(id, 16).ok().filter(|_| is_fingerprint);
    fingerprint
        .ok_or_else(|| NativeError::bad_request(format!("{id:?} is not an alert id: 16 hexadecimal digits")))
}

pub(super) async fn read<T: Send + 'static>(
    app: &App,
    read: impl FnOnce(&Backend) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, NativeError> {
    let backend = app.backend.clone();
    Ok(blocking(&app.reads, PATIENCE, move || read(&backend)).await??)
}

pub(super) async fn list<T>(
    app: &App,
    params: &Params,
    items: impl FnOnce(&Backend) -> Result<Vec<T>, ReadError> + Send + 'static,
) -> Result<Response, NativeError>
where
    T: Listed + serde::Serialize + Send + 'static,
{
    let query = PageQuery::read(params, &[])?;
    // Sorting a hundred thousand resources takes more than a millisecond: it stays on the thread that may block.
    let page = read(app, move |backend| Ok(query.page(items(backend)?))).await?;
    Ok(Json(page).into_response())
}
