//! A source in detail, what is mapped, and the estate at a glance.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::NativeError;
use super::error::ErrorBody;
use super::lists::{list, read};
use super::page::{PageParams, refuse_unknown};
use crate::app::App;
use crate::params::{Params, Segment};
use crate::wire::{CoverageView, List, OverviewView, SourceDetail};

/// Shows one source with its parts.
#[utoipa::path(get, path = "/api/isobar/v1/sources/{name}", params(("name" = String, Path, description = "the source's configured name")), responses((status = 200, body = SourceDetail, description = "The source."), (status = "default", body = ErrorBody)))]
pub(crate) async fn source(
    State(app): State<App>,
    Segment(name): Segment,
    params: Params,
) -> Result<Response, NativeError> {
    refuse_unknown(&params, &[])?;
    let wanted = name.clone();
    match read(&app, move |backend| backend.estate.source(&wanted)).await? {
        Some(source) => Ok(Json(source).into_response()),
        None => Err(NativeError::not_found(format!("there is no source {name:?}"))),
    }
}

/// Lists what clouds deliver, mapped or kept raw.
#[utoipa::path(get, path = "/api/isobar/v1/coverage", params(PageParams), responses((status = 200, body = List<CoverageView>, description = "A page."), (status = "default", body = ErrorBody)))]
pub(crate) async fn coverage(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    list(&app, &params, |backend| backend.estate.coverage()).await
}

/// Shows the estate at a glance.
#[utoipa::path(get, path = "/api/isobar/v1/overview", responses((status = 200, body = OverviewView, description = "The estate."), (status = "default", body = ErrorBody)))]
pub(crate) async fn overview(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    refuse_unknown(&params, &[])?;
    Ok(Json(read(&app, |backend| backend.estate.overview()).await?).into_response())
}
