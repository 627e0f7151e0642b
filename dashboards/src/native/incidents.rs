//! Incidents: lists, one of them with its alerts and its timeline, and what people do to them.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use utoipa::IntoParams;

use super::NativeError;
use super::error::ErrorBody;
use super::lists::{PATIENCE, parse_fingerprint, read};
use super::page::{PageQuery, refuse_unknown};
use super::runbooks::{refused, request};
use crate::access::Principal;
use crate::app::App;
use crate::backend::IncidentChange;
use crate::blocking::blocking;
use crate::params::{Params, Segment};
use crate::wire::{AcknowledgeRequest, IncidentDetail, IncidentView, List, MergeRequest, SplitRequest};

/// The parameters of a list of incidents, as they are described.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "`PageQuery` is what they are read into")]
pub(super) struct IncidentParams {
    /// `open` (all but resolved), `resolved` or `all` (the default).
    state: Option<String>,
    /// Words with blanks between them: what contains each of them, in capitals or not, is listed.
    q: Option<String>,
    /// Items on the page at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Lists incidents: open ones first, the worst of them first; then those of the last week, the last to end first.
#[utoipa::path(get, path = "/api/isobar/v1/incidents", params(IncidentParams), responses((status = 200, body = List<IncidentView>, description = "A page."), (status = "default", body = ErrorBody)))]
pub(crate) async fn incidents(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    let query = PageQuery::read(&params, &["state"])?;
    let is_open = match params.get("state") {
        None | Some("all") => None,
        Some("open") => Some(true),
        Some("resolved") => Some(false),
        Some(_) => return Err(NativeError::bad_request("state: one of open, resolved, all")),
    };
    let page = read(&app, move |backend| {
        let mut listed = backend.incidents.incidents()?;
        listed.retain(|one| is_open.is_none_or(|is_open| one.incident.is_resolved() != is_open));
        Ok(query.page(listed.iter().map(IncidentView::from).collect()))
    });
    Ok(Json(page.await?).into_response())
}

/// Shows one incident with its alerts, and what happened to it.
#[utoipa::path(get, path = "/api/isobar/v1/incidents/{id}", params(("id" = String, Path, description = "the incident's id")), responses((status = 200, body = IncidentDetail, description = "The incident."), (status = "default", body = ErrorBody)))]
pub(crate) async fn incident(
    State(app): State<App>,
    Segment(id): Segment,
    params: Params,
) -> Result<Response, NativeError> {
    refuse_unknown(&params, &[])?;
    let wanted = id.clone();
    let detail = read(&app, move |backend| {
        let Some(record) = backend.incidents.incident(&wanted)? else { return Ok(None) };
        Ok(Some(IncidentDetail::new(&record, &backend.incidents.timeline(&wanted)?)))
    });
    match detail.await? {
        Some(detail) => Ok(Json(detail).into_response()),
        None => Err(NativeError::not_found(format!("there is no incident {id:?}"))),
    }
}

/// Takes an incident, and its open alerts that nobody has.
///
/// 409 when it is resolved.
#[utoipa::path(post, path = "/api/isobar/v1/incidents/{id}/acknowledge", params(("id" = String, Path, description = "the incident's id")), request_body = AcknowledgeRequest, responses((status = 200, body = IncidentView, description = "Taken, and on disk."), (status = "default", body = ErrorBody)))]
pub(crate) async fn acknowledge_incident(
    State(app): State<App>,
    Segment(id): Segment,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    let AcknowledgeRequest {} = request(query.as_deref(), &body)?;
    change(&app, id, IncidentChange::Acknowledge, principal).await
}

/// Hands an incident back, and those of its alerts that whoever had it has.
///
/// 409 when it is resolved.
#[utoipa::path(post, path = "/api/isobar/v1/incidents/{id}/unacknowledge", params(("id" = String, Path, description = "the incident's id")), request_body = AcknowledgeRequest, responses((status = 200, body = IncidentView, description = "Handed back, and on disk."), (status = "default", body = ErrorBody)))]
pub(crate) async fn unacknowledge_incident(
    State(app): State<App>,
    Segment(id): Segment,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    let AcknowledgeRequest {} = request(query.as_deref(), &body)?;
    change(&app, id, IncidentChange::Unacknowledge, principal).await
}

/// Makes some alerts of an incident one of their own, which is the answer. Correlation does not join them again.
///
/// 409 when it is resolved, or an alert is not in it any more.
#[utoipa::path(post, path = "/api/isobar/v1/incidents/{id}/split", params(("id" = String, Path, description = "the incident's id")), request_body = SplitRequest, responses((status = 200, body = IncidentView, description = "Split, and on disk."), (status = "default", body = ErrorBody)))]
pub(crate) async fn split_incident(
    State(app): State<App>,
    Segment(id): Segment,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    let SplitRequest { alerts } = request(query.as_deref(), &body)?;
    let alerts = alerts.iter().map(|id| parse_fingerprint(id)).collect::<Result<_, _>>()?;
    change(&app, id, IncidentChange::Split(alerts), principal).await
}

/// Takes all alerts of another incident into this one, which is the answer. Correlation does not take them apart again.
///
/// 409 when one of them is resolved, or the other one stands for an outage.
#[utoipa::path(post, path = "/api/isobar/v1/incidents/{id}/merge", params(("id" = String, Path, description = "the incident's id")), request_body = MergeRequest, responses((status = 200, body = IncidentView, description = "Merged, and on disk."), (status = "default", body = ErrorBody)))]
pub(crate) async fn merge_incident(
    State(app): State<App>,
    Segment(id): Segment,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    let MergeRequest { from } = request(query.as_deref(), &body)?;
    change(&app, id, IncidentChange::Merge { from }, principal).await
}

async fn change(
    app: &App,
    id: String,
    change: IncidentChange,
    principal: Principal,
) -> Result<Response, NativeError> {
    let incidents = app.backend.incidents.clone();
    let changed =
        blocking(&app.writes, PATIENCE, move || incidents.change(&id, change, &principal.name)).await?;
    Ok(Json(IncidentView::from(&changed.map_err(refused)?)).into_response())
}

#[cfg(test)]
mod tests;
