//! Silences: lists, what one would hold back, making, changing and ending them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::StatusCode;
use isobar_alerting::{KnownAlert, SilenceDraft, SilenceError};
use isobar_normalizer::{Matcher, Severity};

use super::NativeError;
use super::alerts::listed;
use super::error::ErrorBody;
use super::lists::{PATIENCE, read};
use super::page::{PageParams, PageQuery, refuse_unknown};
use super::runbooks::request;
use crate::access::Principal;
use crate::app::App;
use crate::backend::{Backend, ReadError, SilenceRefusal};
use crate::blocking::blocking;
use crate::params::{Params, Segment};
use crate::wire::{
    Hidden, List, MatcherView, NameCount, SilencePreview, SilencePreviewRequest, SilenceRequest, SilenceView,
    WireTime,
};

/// How far a preview looks back.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Names that a preview tells.
const PREVIEW_NAMES_MAX: usize = 10;

/// Lists silences: active ones, the first to end first; pending ones; then the last that ended.
#[utoipa::path(get, path = "/api/isobar/v1/silences", params(PageParams), responses((status = 200, body = List<SilenceView>, description = "A page."), (status = "default", body = ErrorBody)))]
pub(crate) async fn silences(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    let query = PageQuery::read(&params, &[])?;
    let now = (app.backend.clock)();
    let views = read(&app, move |backend| {
        let held = held(backend)?;
        let silences = backend.silences.silences()?;
        let alerts = |id: &str| held.get(id).copied().unwrap_or_default();
        Ok(silences.iter().map(|one| SilenceView::new(one, alerts(&one.id), now)).collect::<Vec<_>>())
    });
    Ok(Json(query.page(views.await?)).into_response())
}

/// How many open alerts each silence holds back.
fn held(backend: &Backend) -> Result<HashMap<String, u64>, ReadError> {
    let mut held = HashMap::new();
    for known in backend.alerts.known()?.iter().filter(|known| known.alert().state.is_open()) {
        for id in &known.suppressed.silenced_by {
            *held.entry(id.to_string()).or_default() += 1;
        }
    }
    Ok(held)
}

/// Shows one silence.
#[utoipa::path(get, path = "/api/isobar/v1/silences/{id}", params(("id" = String, Path, description = "the silence's id")), responses((status = 200, body = SilenceView, description = "The silence."), (status = "default", body = ErrorBody)))]
pub(crate) async fn silence(
    State(app): State<App>,
    Segment(id): Segment,
    params: Params,
) -> Result<Response, NativeError> {
    refuse_unknown(&params, &[])?;
    let (wanted, now) = (id.clone(), (app.backend.clock)());
    let view = read(&app, move |backend| {
        let Some(silence) = backend.silences.silence(&wanted)? else { return Ok(None) };
        let alerts = held(backend)?.get(&*silence.id).copied().unwrap_or_default();
        Ok(Some(SilenceView::new(&silence, alerts, now)))
    });
    match view.await? {
        Some(view) => Ok(Json(view).into_response()),
        None => Err(NativeError::not_found(format!("there is no silence {id:?}"))),
    }
}

/// Makes a silence, or changes the one whose id is given; where it cannot be changed in place that one ends, and the answer has
/// another id.
#[utoipa::path(post, path = "/api/isobar/v1/silences", request_body = SilenceRequest, responses((status = 200, body = SilenceView, description = "Made, and on disk."), (status = "default", body = ErrorBody)))]
pub(crate) async fn put_silence(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    let asked: SilenceRequest = request(query.as_deref(), &body)?;
    if asked.comment.trim().is_empty() {
        return Err(NativeError::bad_request("comment: say why"));
    }
    let draft = SilenceDraft {
        id: asked.id,
        matchers: matchers(&asked.matchers)?,
        starts_at: asked.starts_at.map(|WireTime(at)| at),
        ends_at: asked.ends_at.0,
        created_by: principal.name.clone(),
        comment: asked.comment,
        annotations: asked.annotations,
        recurrence: asked.recurrence,
        until_resolved: asked.until_resolved,
    };
    let backend = app.backend.clone();
    let made = blocking(&app.writes, PATIENCE, move || {
        let silence = backend.silences.put(draft, &principal.name).map_err(refused)?;
        // It begins when it is made: seen from before that, it would be pending.
        let now = (backend.clock)();
        let alerts = held(&backend)?.get(&*silence.id).copied().unwrap_or_default();
        Ok::<_, NativeError>(SilenceView::new(&silence, alerts, now))
    });
    Ok(Json(made.await??).into_response())
}

/// Ends a silence.
///
/// 409 when it is over already.
#[utoipa::path(delete, path = "/api/isobar/v1/silences/{id}", params(("id" = String, Path, description = "the silence's id")), responses((status = 200, body = SilenceView, description = "Ended, and on disk."), (status = "default", body = ErrorBody)))]
pub(crate) async fn expire_silence(
    State(app): State<App>,
    Segment(id): Segment,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
) -> Result<Response, NativeError> {
    refuse_unknown(&Params::of_query(query.as_deref().unwrap_or_default()), &[])?;
    let backend = app.backend.clone();
    let ended = blocking(&app.writes, PATIENCE, move || backend.silences.expire(&id, &principal.name));
    let silence = ended.await?.map_err(refused)?;
    Ok(Json(SilenceView::new(&silence, 0, (app.backend.clock)())).into_response())
}

/// Tells what a silence of these matchers would hide now, and would have hidden in the last 24 hours.
#[utoipa::path(post, path = "/api/isobar/v1/silences/preview", request_body = SilencePreviewRequest, responses((status = 200, body = SilencePreview, description = "The effect."), (status = "default", body = ErrorBody)))]
pub(crate) async fn preview_silence(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    let asked: SilencePreviewRequest = request(query.as_deref(), &body)?;
    let matchers = matchers(&asked.matchers)?;
    let now = (app.backend.clock)();
    let preview = read(&app, move |backend| {
        let mut found = listed(backend, now, DAY)?;
        found.retain(|known| {
            let value = |matcher: &Matcher| known.labels.get(matcher.name()).unwrap_or_default();
            matchers.iter().all(|matcher| matcher.matches(value(matcher)))
        });
        let open = found.iter().filter(|known| known.alert().state.is_open());
        let recent = found.iter().filter(|known| now.since(known.alert().starts_at) <= DAY);
        Ok(SilencePreview { now: hidden(open), past: hidden(recent) })
    });
    Ok(Json(preview.await?).into_response())
}

fn hidden<'a>(alerts: impl Iterator<Item = &'a KnownAlert>) -> Hidden {
    let mut hidden = Hidden::default();
    let mut names: BTreeMap<&str, u64> = BTreeMap::new();
    for known in alerts {
        hidden.total += 1;
        hidden.critical += u64::from(known.alert().severity == Severity::Critical);
        *names.entry(known.alert().name()).or_default() += 1;
    }
    let mut names: Vec<(&str, u64)> = names.into_iter().collect();
    names.sort_by_key(|(_, count)| Reverse(*count));
    let names = names.into_iter().take(PREVIEW_NAMES_MAX);
    hidden.names = names.map(|(name, count)| NameCount { name: name.to_owned(), count }).collect();
    hidden
}

fn matchers(views: &[MatcherView]) -> Result<Vec<Matcher>, NativeError> {
    let read = views.iter().enumerate().map(|(place, view)| {
        view.matcher().map_err(|wrong| NativeError::bad_request(format!("matchers[{place}]: {wrong}")))
    });
    read.collect()
}

fn refused(refusal: SilenceRefusal) -> NativeError {
    let status = match &refusal {
        SilenceRefusal::Refused(SilenceError::NotFound(_)) => StatusCode::NOT_FOUND,
        SilenceRefusal::Refused(SilenceError::Expired(_)) => StatusCode::CONFLICT,
        SilenceRefusal::Refused(_) => StatusCode::BAD_REQUEST,
        SilenceRefusal::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    NativeError::new(status, refusal.to_string())
}
