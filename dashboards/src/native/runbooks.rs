//! Proposals, what people decide about them, and the lever.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::StatusCode;
use isobar_runbooks::Decision;
use serde::de::DeserializeOwned;

use super::NativeError;
use super::error::ErrorBody;
use super::lists::{PATIENCE, list, read};
use super::page::{PageParams, refuse_unknown};
use crate::access::Principal;
use crate::app::App;
use crate::backend::ActError;
use crate::blocking::blocking;
use crate::params::{Params, Segment};
use crate::wire::{DecisionRequest, LeverRequest, LeverView, List, ProposalView};

/// Lists proposals, newest first.
#[utoipa::path(get, path = "/api/isobar/v1/runbooks", params(PageParams), responses((status = 200, body = List<ProposalView>, description = "A page."), (status = "default", body = ErrorBody)))]
pub(crate) async fn runbooks(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    list(&app, &params, |backend| backend.runbooks.proposals()).await
}

/// Shows one proposal.
#[utoipa::path(get, path = "/api/isobar/v1/runbooks/{id}", params(("id" = String, Path, description = "the proposal's id")), responses((status = 200, body = ProposalView, description = "The proposal."), (status = "default", body = ErrorBody)))]
pub(crate) async fn runbook(
    State(app): State<App>,
    Segment(id): Segment,
    params: Params,
) -> Result<Response, NativeError> {
    refuse_unknown(&params, &[])?;
    let wanted = id.clone();
    match read(&app, move |backend| backend.runbooks.proposal(&wanted)).await? {
        Some(proposal) => Ok(Json(proposal).into_response()),
        None => Err(NativeError::not_found(format!("there is no proposal {id:?}"))),
    }
}

/// Approves a proposal: the call is made, signed, under the proposal's id.
///
/// 409, with the reason, when it is decided, expired, or shows something else by now, when its evidence is not being read, and
/// while the lever is off. Then nothing happens, and the journal says who tried.
#[utoipa::path(post, path = "/api/isobar/v1/runbooks/{id}/approve", params(("id" = String, Path, description = "the proposal's id")), request_body = DecisionRequest, responses((status = 200, body = ProposalView, description = "Approved, and on disk."), (status = "default", body = ErrorBody)))]
pub(crate) async fn approve(
    State(app): State<App>,
    Segment(id): Segment,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    decide(&app, id, Decision::Approve, principal, query.as_deref(), &body).await
}

/// Denies a proposal.
///
/// 409 as for an approval.
#[utoipa::path(post, path = "/api/isobar/v1/runbooks/{id}/deny", params(("id" = String, Path, description = "the proposal's id")), request_body = DecisionRequest, responses((status = 200, body = ProposalView, description = "Denied, and on disk."), (status = "default", body = ErrorBody)))]
pub(crate) async fn deny(
    State(app): State<App>,
    Segment(id): Segment,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    decide(&app, id, Decision::Deny, principal, query.as_deref(), &body).await
}

async fn decide(
    app: &App,
    id: String,
    decision: Decision,
    principal: Principal,
    query: Option<&str>,
    body: &[u8],
) -> Result<Response, NativeError> {
    let DecisionRequest { hash, comment } = request(query, body)?;
    let runbooks = app.backend.runbooks.clone();
    let decided = blocking(&app.writes, PATIENCE, move || {
        runbooks.decide(&id, decision, &hash, &comment, &principal.name)
    });
    Ok(Json(decided.await?.map_err(refused)?).into_response())
}

/// Shows where the lever stands.
#[utoipa::path(get, path = "/api/isobar/v1/lever", responses((status = 200, body = LeverView, description = "The lever."), (status = "default", body = ErrorBody)))]
pub(crate) async fn lever(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    refuse_unknown(&params, &[])?;
    Ok(Json(read(&app, |backend| backend.runbooks.lever()).await?).into_response())
}

/// Moves the lever. Once this is answered, nothing begins against it; a call that is under way is not called back.
#[utoipa::path(put, path = "/api/isobar/v1/lever", request_body = LeverRequest, responses((status = 200, body = LeverView, description = "Moved, and on disk."), (status = "default", body = ErrorBody)))]
pub(crate) async fn set_lever(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    let LeverRequest { position, reason } = request(query.as_deref(), &body)?;
    let runbooks = app.backend.runbooks.clone();
    let moved =
        blocking(&app.writes, PATIENCE, move || runbooks.set_lever(position, &reason, &principal.name));
    Ok(Json(moved.await?.map_err(refused)?).into_response())
}

pub(super) fn request<T: DeserializeOwned>(query: Option<&str>, body: &[u8]) -> Result<T, NativeError> {
    refuse_unknown(&Params::of_query(query.unwrap_or_default()), &[])?;
    serde_json::from_slice(body).map_err(|error| NativeError::bad_request(format!("the body: {error}")))
}

pub(super) fn refused(error: ActError) -> NativeError {
    let status = match error {
        ActError::NotFound(_) => StatusCode::NOT_FOUND,
        ActError::Invalid(_) => StatusCode::BAD_REQUEST,
        ActError::Conflict(_) => StatusCode::CONFLICT,
        ActError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    NativeError::new(status, error.to_string())
}
