//! Alerts: lists with filters, order and facets; one of them; and what people do about them.

mod fields;
mod filter;
mod query;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use http::StatusCode;
use isobar_alerting::{Act, AlertState, KnownAlert, RESOLVED_RETENTION};
use isobar_normalizer::Timestamp;
use utoipa::IntoParams;

use self::query::AlertQuery;
use super::NativeError;
use super::error::ErrorBody;
use super::lists::{PATIENCE, parse_fingerprint, read};
use super::page::refuse_unknown;
use super::runbooks::{refused, request};
use crate::access::Principal;
use crate::app::App;
use crate::backend::{Backend, ReadError};
use crate::blocking::blocking;
use crate::params::{Params, Segment};
use crate::wire::{ActAnswer, ActRequest, ActWord, AlertList, AlertView};

/// Alerts of one act: more is a mistake in the query.
const ACT_MAX: usize = 10_000;

/// The parameters of a list of alerts, as they are described.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "`AlertQuery` is what they are read into")]
pub(super) struct AlertParams {
    /// `key op value` and free words, by blanks: `@severity=critical @region!=us-east-1 @age>15m checkout`. docs/web.md describes it.
    q: Option<String>,
    /// `open` (all but resolved) or `all` (the default).
    state: Option<String>,
    /// `id` (the default), `severity`, `name`, `where`, `since` or `value`; with - before it the other way round.
    sort: Option<String>,
    /// Fields and labels whose values are counted, with commas between them: `@severity,team`.
    facets: Option<String>,
    /// Items on the page at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Lists alerts.
#[utoipa::path(get, path = "/api/isobar/v1/alerts", params(AlertParams), responses((status = 200, body = AlertList, description = "A page."), (status = "default", body = ErrorBody)))]
pub(crate) async fn alerts(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    let query = AlertQuery::read(&params)?;
    let now = (app.backend.clock)();
    let page = read(&app, move |backend| {
        let known = listed(backend, now, RESOLVED_RETENTION)?;
        let found = query.select(&known, now);
        let mut items: Vec<AlertView> = Vec::with_capacity(found.page.len());
        for id in &found.page {
            // What was forgotten since it was found is not shown.
            items.extend(backend.alerts.view(*id)?);
        }
        Ok(AlertList { items, total: found.total, next: found.next, facets: found.facets })
    });
    Ok(Json(page.await?).into_response())
}

/// What is known of alerts, without those that were resolved longer ago than this.
pub(super) fn listed(
    backend: &Backend,
    now: Timestamp,
    resolved_for: Duration,
) -> Result<Vec<KnownAlert>, ReadError> {
    let mut known = backend.alerts.known()?;
    known.retain(|one| {
        one.alert().state != AlertState::Resolved || now.since(one.latest.decided_at) <= resolved_for
    });
    Ok(known)
}

/// Shows one alert.
#[utoipa::path(get, path = "/api/isobar/v1/alerts/{id}", params(("id" = String, Path, description = "the alert's id: its fingerprint", pattern = "^[0-9a-fA-F]{16}$")), responses((status = 200, body = AlertView, description = "The alert."), (status = "default", body = ErrorBody)))]
pub(crate) async fn alert(
    State(app): State<App>,
    Segment(id): Segment,
    params: Params,
) -> Result<Response, NativeError> {
    refuse_unknown(&params, &[])?;
    let fingerprint = parse_fingerprint(&id)?;
    match read(&app, move |backend| backend.alerts.view(fingerprint)).await? {
        Some(alert) => Ok(Json(alert).into_response()),
        None => Err(NativeError::not_found(format!("there is no alert {id:?}"))),
    }
}

/// Does something about open alerts: takes them, gives them to somebody, comments on them, puts them off.
///
/// 409 when a filter lets more alerts through than were expected.
#[utoipa::path(post, path = "/api/isobar/v1/alerts/acts", request_body = ActRequest, responses((status = 200, body = ActAnswer, description = "Done, and on disk."), (status = "default", body = ErrorBody)))]
pub(crate) async fn act(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    let asked: ActRequest = request(query.as_deref(), &body)?;
    let act = act_of(&asked)?;
    let wanted = match (&asked.ids, &asked.q) {
        (Some(ids), None) => {
            Wanted::Named(ids.iter().map(|id| parse_fingerprint(id)).collect::<Result<_, _>>()?)
        }
        (None, Some(filter)) => Wanted::Passing(Box::new(AlertQuery::of_filter(filter)?)),
        _ => return Err(NativeError::bad_request("say which alerts: either ids or q")),
    };
    let (backend, now) = (app.backend.clone(), (app.backend.clock)());
    let done = blocking(&app.writes, PATIENCE, move || {
        let targets = wanted.targets(&backend, now)?;
        let count = targets.len() as u64;
        if asked.expected.is_some_and(|expected| count > expected) {
            let message = format!("{count} alerts by now: look again before you act on them");
            return Err(NativeError::new(StatusCode::CONFLICT, message));
        }
        if targets.len() > ACT_MAX {
            return Err(NativeError::bad_request(format!("{count} alerts at once: at most {ACT_MAX}")));
        }
        if targets.is_empty() {
            return Ok(ActAnswer { affected: 0, ids: Vec::new() });
        }
        let outcome =
            backend.alerts.act(targets.clone(), act, &asked.note, &principal.name).map_err(refused)?;
        let done = targets.into_iter().filter(|id| !outcome.not_open.contains(id));
        let ids: Vec<String> = done.map(|id| format!("{id:016x}")).collect();
        Ok(ActAnswer { affected: outcome.changed as u64, ids })
    });
    Ok(Json(done.await??).into_response())
}

/// The alerts an act is about.
enum Wanted {
    Named(BTreeSet<u64>),
    Passing(Box<AlertQuery>),
}

impl Wanted {
    fn targets(self, backend: &Backend, now: Timestamp) -> Result<Vec<u64>, ReadError> {
        match self {
            Self::Named(ids) => Ok(ids.into_iter().collect()),
            Self::Passing(query) => {
                let open = listed(backend, now, Duration::ZERO)?;
                let passing = open.iter().filter(|one| one.alert().state.is_open() && query.wants(one, now));
                Ok(passing.map(|one| one.fingerprint).collect())
            }
        }
    }
}

/// The act, when it says all that it needs and nothing that would have no effect.
fn act_of(asked: &ActRequest) -> Result<Act, NativeError> {
    let word = asked.act;
    if asked.to.is_some() && word != ActWord::Assign {
        return Err(NativeError::bad_request("to is for assign"));
    }
    if asked.until.is_some() && word != ActWord::Snooze {
        return Err(NativeError::bad_request("until is for snooze"));
    }
    let missing = |what: &str| NativeError::bad_request(format!("{what} is missing"));
    Ok(match word {
        ActWord::Acknowledge => Act::Acknowledge,
        ActWord::Unacknowledge => Act::Unacknowledge,
        ActWord::Assign => Act::Assign { to: asked.to.clone().ok_or_else(|| missing("to: to whom"))? },
        ActWord::Comment => Act::Comment,
        ActWord::Snooze => Act::Snooze { until: asked.until.ok_or_else(|| missing("until: until when"))?.0 },
        ActWord::Unsnooze => Act::Unsnooze,
    })
}
