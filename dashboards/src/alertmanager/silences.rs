//! `/api/v2/silences` and `/api/v2/silence/{id}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::StatusCode;
use isobar_alerting::{Silence, SilenceDraft, SilenceError, SilenceState};
use isobar_normalizer::{MatchOp, Matcher, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::AlertmanagerError;
use super::alerts::PATIENCE;
use super::error::{INVALID_TYPE, REQUIRED, TOO_FEW_ITEMS};
use super::filter::{flag, is_about, matchers};
use super::views::SilenceBody;
use crate::access::Principal;
use crate::app::App;
use crate::backend::{SilenceRefusal, Silences};
use crate::blocking::blocking;
use crate::params::{Params, Segment};
use crate::wire::WireTime;

/// Silences: active ones, the first to end first; pending ones, the first to begin first; expired ones, the last ended first.
pub(crate) async fn silences(State(app): State<App>, params: Params) -> Result<Response, AlertmanagerError> {
    let filter = matchers(&params, "filter")?;
    let wanted = |state| match state {
        SilenceState::Active => flag(&params, "active"),
        SilenceState::Pending => flag(&params, "pending"),
        SilenceState::Expired => flag(&params, "expired"),
    };
    let backend = app.backend.clone();
    let mut found = blocking(&app.reads, PATIENCE, move || backend.silences.silences()).await??;
    let now = (app.backend.clock)();
    found.retain(|silence| wanted(silence.state(now)) && is_about(&filter, &silence.matchers));
    found.sort_by(|a, b| order(a, now).cmp(&order(b, now)));
    let bodies: Vec<SilenceBody> = found.iter().map(|silence| SilenceBody::new(silence, now)).collect();
    Ok(Json(bodies).into_response())
}

fn order(silence: &Silence, now: Timestamp) -> (u8, i64, &str) {
    let (rank, when) = match silence.state(now) {
        SilenceState::Active => (0, silence.ends_at.millis()),
        SilenceState::Pending => (1, silence.starts_at.millis()),
        SilenceState::Expired => (2, -silence.ends_at.millis()),
    };
    (rank, when, &silence.id)
}

pub(crate) async fn silence(
    State(app): State<App>,
    Segment(id): Segment,
) -> Result<Response, AlertmanagerError> {
    let id = uuid(id)?;
    let backend = app.backend.clone();
    match blocking(&app.reads, PATIENCE, move || backend.silences.silence(&id)).await?? {
        Some(silence) => Ok(Json(SilenceBody::new(&silence, (app.backend.clock)())).into_response()),
        None => Err(AlertmanagerError::Bare(StatusCode::NOT_FOUND)),
    }
}

pub(crate) async fn expire_silence(
    State(app): State<App>,
    Segment(id): Segment,
    Extension(principal): Extension<Principal>,
) -> Result<Response, AlertmanagerError> {
    let id = uuid(id)?;
    let backend = app.backend.clone();
    let expired = blocking(&app.writes, PATIENCE, move || backend.silences.expire(&id, &principal.name));
    match expired.await? {
        // Over is over, however often it is asked for.
        Ok(_) | Err(SilenceRefusal::Refused(SilenceError::Expired(_))) => Ok(StatusCode::OK.into_response()),
        Err(SilenceRefusal::Refused(SilenceError::NotFound(_))) => {
            Err(AlertmanagerError::Bare(StatusCode::NOT_FOUND))
        }
        Err(error) => Err(AlertmanagerError::Said(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

/// A silence as it is posted; what must be there is checked by name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    id: Option<String>,
    comment: Option<String>,
    created_by: Option<String>,
    ends_at: Option<WireTime>,
    matchers: Option<Vec<PostedMatcher>>,
    starts_at: Option<WireTime>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostedMatcher {
    name: Option<String>,
    value: Option<String>,
    is_regex: Option<bool>,
    #[serde(default = "yes")]
    is_equal: Option<bool>,
}

fn yes() -> Option<bool> {
    Some(true)
}

pub(crate) async fn put_silence(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    body: Bytes,
) -> Result<Response, AlertmanagerError> {
    if body.is_empty() {
        return Err(AlertmanagerError::unprocessable(REQUIRED, "silence in body is required"));
    }
    let posted: Posted = serde_json::from_slice(&body).map_err(|error| {
        let message = format!("parsing silence body from \"\" failed, because {error}");
        AlertmanagerError::of_status(StatusCode::BAD_REQUEST, message)
    })?;
    let draft = posted.draft()?;
    let backend = app.backend.clone();
    match blocking(&app.writes, PATIENCE, move || put(&*backend.silences, draft, &principal.name)).await? {
        Ok(silence) => Ok(Json(json!({ "silenceID": &*silence.id })).into_response()),
        Err(SilenceRefusal::Refused(error @ SilenceError::NotFound(_))) => {
            Err(AlertmanagerError::Said(StatusCode::NOT_FOUND, error.to_string()))
        }
        Err(SilenceRefusal::Refused(
            error @ (SilenceError::EndsBeforeStart | SilenceError::EndsInThePast),
        )) => Err(AlertmanagerError::bad_request(format!("Failed to create silence: {error}"))),
        Err(SilenceRefusal::Refused(error)) => {
            Err(AlertmanagerError::bad_request(format!("silence invalid: {error}")))
        }
        Err(SilenceRefusal::Failed(why)) => {
            Err(AlertmanagerError::Said(StatusCode::INTERNAL_SERVER_ERROR, why))
        }
    }
}

/// Makes a silence, or changes one. What cannot be said at this door stays as it is: when it recurs, and whether it ends with
/// the alerts.
fn put(silences: &dyn Silences, draft: SilenceDraft, actor: &str) -> Result<Arc<Silence>, SilenceRefusal> {
    let known = draft.id.as_deref().map(|id| silences.silence(id)).transpose();
    let draft = match known.map_err(|error| SilenceRefusal::Failed(error.to_string()))?.flatten() {
        Some(known) => SilenceDraft {
            recurrence: known.recurrence.clone(),
            until_resolved: known.until_resolved,
            ..draft
        },
        None => draft,
    };
    silences.put(draft, actor)
}

impl Posted {
    fn draft(self) -> Result<SilenceDraft, AlertmanagerError> {
        let comment = required("comment", self.comment)?;
        let created_by = required("createdBy", self.created_by)?;
        let WireTime(ends_at) = required("endsAt", self.ends_at)?;
        let matchers = required("matchers", self.matchers)?;
        let WireTime(starts_at) = required("startsAt", self.starts_at)?;
        if matchers.is_empty() {
            let message = "matchers in body should have at least 1 items";
            return Err(AlertmanagerError::unprocessable(TOO_FEW_ITEMS, message));
        }
        let matchers = matchers.into_iter().enumerate().map(|(place, one)| one.matcher(place));
        let matchers = matchers.collect::<Result<_, _>>()?;
        Ok(SilenceDraft {
            id: self.id.filter(|id| !id.is_empty()),
            matchers,
            starts_at: Some(starts_at),
            ends_at,
            created_by,
            comment,
            annotations: self.annotations.unwrap_or_default(),
            ..SilenceDraft::default()
        })
    }
}

impl PostedMatcher {
    fn matcher(self, place: usize) -> Result<Matcher, AlertmanagerError> {
        let of = |field: &str| format!("matchers.{place}.{field}");
        let is_regex = required(&of("isRegex"), self.is_regex)?;
        let name = required(&of("name"), self.name)?;
        let value = required(&of("value"), self.value)?;
        let op = MatchOp::of(is_regex, self.is_equal.unwrap_or(true));
        let wrong = |what: String| {
            AlertmanagerError::bad_request(format!("silence invalid: invalid label matcher {place}: {what}"))
        };
        if name.is_empty() {
            return Err(wrong("invalid label name \"\"".to_owned()));
        }
        Matcher::new(&name, op, &value)
            .map_err(|error| wrong(format!("invalid regular expression {value:?}: {}", error.reason)))
    }
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, AlertmanagerError> {
    value.ok_or_else(|| AlertmanagerError::unprocessable(REQUIRED, format!("{field} in body is required")))
}

/// The id of a silence; anything else is not looked up.
fn uuid(id: String) -> Result<String, AlertmanagerError> {
    let is_uuid = id.len() == 36
        && id.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        });
    if is_uuid {
        return Ok(id.to_ascii_lowercase());
    }
    let message = format!("silenceID in path must be of type uuid: {id:?}");
    Err(AlertmanagerError::unprocessable(INVALID_TYPE, message))
}
