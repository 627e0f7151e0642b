//! Where alerts go: the tree of routes, what it would do, and the receivers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use isobar_alerting::{AlertingConfig, Calendar, KnownAlert, Route, RouteVerdict, SilenceState};
use isobar_normalizer::{Labels, Timestamp};

use super::NativeError;
use super::alerts::listed;
use super::error::ErrorBody;
use super::lists::read;
use super::page::{PageParams, PageQuery, refuse_unknown};
use super::runbooks::{refused, request};
use crate::access::Principal;
use crate::app::App;
use crate::backend::{Backend, ReadError};
use crate::blocking::blocking;
use crate::params::{Params, Segment};
use crate::wire::{
    ChangedAnswer, List, ReceiverChange, ReceiverView, RouteChange, RoutePreview, RoutePreviewRequest,
    RouteStep, RouteView, RoutingView, TestAnswer, TestRequest, ToldView, WhoAnswer, group_by,
};

/// How far a preview looks back unless told otherwise, and at most: what was resolved earlier is not remembered.
const HOURS: u64 = 24;
/// A way that does not answer is given up after a minute, twice where a test is opened and closed again.
const TEST_PATIENCE: Duration = Duration::from_secs(125);
/// Alerts of a preview that are shown.
const MOVED_MAX: usize = 200;

/// Where each route of a tree stands.
struct Places(HashMap<*const Route, String>);

impl Places {
    fn of(root: &Route) -> Self {
        let mut places = HashMap::new();
        note(root, "route".to_owned(), &mut places);
        Self(places)
    }

    fn place(&self, route: &Route) -> String {
        self.0.get(&std::ptr::from_ref(route)).cloned().unwrap_or_default()
    }
}

fn note(route: &Route, place: String, places: &mut HashMap<*const Route, String>) {
    for (index, child) in route.children.iter().enumerate() {
        note(child, format!("{place}.routes[{index}]"), places);
    }
    places.insert(route, place);
}

/// Shows the routes in force.
#[utoipa::path(get, path = "/api/isobar/v1/routes", responses((status = 200, body = RoutingView, description = "The routes."), (status = "default", body = ErrorBody)))]
pub(crate) async fn routes(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    refuse_unknown(&params, &[])?;
    let now = (app.backend.clock)();
    let routing = read(&app, move |backend| {
        let config = backend.alerts.config();
        let places = Places::of(&config.route);
        let mut ending: HashMap<String, u64> = HashMap::new();
        for known in listed(backend, now, Duration::ZERO)?.iter().filter(|one| one.alert().state.is_open()) {
            for route in config.route.matching(&known.labels) {
                *ending.entry(places.place(route)).or_default() += 1;
            }
        }
        let alerts = |place: &str| ending.get(place).copied().unwrap_or_default();
        let route = RouteView::new(&config.route, "route".to_owned(), &alerts);
        Ok(RoutingView { route, config: backend.alertmanager.whole_configuration() })
    });
    Ok(Json(routing.await?).into_response())
}

/// Tells who would get an alert with these labels, or what another configuration would send elsewhere.
#[utoipa::path(post, path = "/api/isobar/v1/routes/preview", request_body = RoutePreviewRequest, responses((status = 200, body = RoutePreview, description = "What the routes would do."), (status = "default", body = ErrorBody)))]
pub(crate) async fn preview_routes(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    let asked: RoutePreviewRequest = request(query.as_deref(), &body)?;
    let now = (app.backend.clock)();
    let preview = match (asked.labels, asked.config) {
        (Some(labels), None) => {
            if asked.hours.is_some() {
                return Err(NativeError::bad_request("hours is for config"));
            }
            let labels = Labels::from_pairs(labels)
                .map_err(|error| NativeError::bad_request(format!("labels: {error}")))?;
            RoutePreview::Who(read(&app, move |backend| who(backend, &labels, now)).await?)
        }
        (None, Some(text)) => {
            // No asker chooses files of the server's.
            let current = app.backend.alerts.config();
            let other = AlertingConfig::parse_with(&text, &|pattern| current.template_files(pattern))
                .map_err(|error| NativeError::bad_request(format!("config: {error}")))?;
            let hours = asked.hours.unwrap_or(HOURS);
            if !(1..=HOURS).contains(&hours) {
                return Err(NativeError::bad_request(format!("hours is a number from 1 to {HOURS}")));
            }
            let changed = read(&app, move |backend| {
                let known = listed(backend, now, Duration::from_secs(hours * 3600))?;
                Ok(changed(&current, &other, &known))
            });
            RoutePreview::Changed(changed.await?)
        }
        _ => return Err(NativeError::bad_request("write either labels or config")),
    };
    Ok(Json(preview).into_response())
}

fn who(backend: &Backend, labels: &Labels, now: Timestamp) -> Result<WhoAnswer, ReadError> {
    let config = backend.alerts.config();
    let places = Places::of(&config.route);
    let step = |(route, verdict): (&Route, RouteVerdict<'_>)| {
        let (is_match, detail) = match verdict {
            RouteVerdict::Chosen => (true, "its receiver is told".to_owned()),
            RouteVerdict::Passed => (true, "a route under it takes the alert".to_owned()),
            RouteVerdict::Refused(one) => {
                (false, format!("{}{}{:?} does not hold", one.name(), one.op(), one.value()))
            }
        };
        RouteStep { place: places.place(route), receiver: route.receiver.to_string(), is_match, detail }
    };
    let told = |route: &Route| ToldView {
        receiver: route.receiver.to_string(),
        place: places.place(route),
        group_by: group_by(route),
        muted_by: names(Calendar::of(route).muting(&config.intervals, now)),
    };
    let silences = backend.silences.silences()?;
    let holding = silences.iter().filter(|one| one.state(now) == SilenceState::Active && one.matches(labels));
    Ok(WhoAnswer {
        path: config.route.explain(labels).into_iter().map(step).collect(),
        receivers: config.route.matching(labels).into_iter().map(told).collect(),
        silenced_by: holding.map(|one| one.id.to_string()).collect(),
        inhibited_by: backend.alerts.inhibitors(labels)?.into_iter().map(|id| format!("{id:016x}")).collect(),
    })
}

fn names(names: Vec<&Arc<str>>) -> Vec<String> {
    names.into_iter().map(|name| name.to_string()).collect()
}

/// What goes elsewhere under the other configuration.
fn changed(current: &AlertingConfig, other: &AlertingConfig, known: &[KnownAlert]) -> ChangedAnswer {
    let mut moved = Vec::new();
    let mut changed = 0;
    let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for one in known {
        let (before, after) = (receivers_of(&current.route, one), receivers_of(&other.route, one));
        before.iter().for_each(|name| counts.entry(name.clone()).or_default().0 += 1);
        after.iter().for_each(|name| counts.entry(name.clone()).or_default().1 += 1);
        if before == after {
            continue;
        }
        changed += 1;
        if moved.len() < MOVED_MAX {
            moved.push(RouteChange {
                id: format!("{:016x}", one.fingerprint),
                name: one.alert().name().to_owned(),
                severity: one.alert().severity,
                labels: one.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                before,
                after,
            });
        }
    }
    let receivers =
        counts.into_iter().map(|(receiver, (before, after))| ReceiverChange { receiver, before, after });
    ChangedAnswer { alerts: known.len() as u64, changed, receivers: receivers.collect(), moved }
}

fn receivers_of(route: &Route, known: &KnownAlert) -> Vec<String> {
    let mut receivers: Vec<String> =
        route.matching(&known.labels).into_iter().map(|route| route.receiver.to_string()).collect();
    receivers.sort();
    receivers.dedup();
    receivers
}

/// Lists receivers in the order of the configuration, and how they do.
#[utoipa::path(get, path = "/api/isobar/v1/receivers", params(PageParams), responses((status = 200, body = List<ReceiverView>, description = "A page."), (status = "default", body = ErrorBody)))]
pub(crate) async fn receivers(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    let query = PageQuery::read(&params, &[])?;
    let receivers = read(&app, |backend| backend.alerts.receivers()).await?;
    let page = query.page(receivers.into_iter().enumerate().collect());
    let items: Vec<ReceiverView> = page.items.into_iter().map(|(_, receiver)| receiver).collect();
    Ok(Json(List { items, total: page.total, next: page.next }).into_response())
}

/// Sends a test message, marked as one, by every way of a receiver.
///
/// 409 less than ten seconds after the last one.
#[utoipa::path(post, path = "/api/isobar/v1/receivers/{name}/test", params(("name" = String, Path, description = "the receiver's name")), request_body = TestRequest, responses((status = 200, body = TestAnswer, description = "How it went."), (status = "default", body = ErrorBody)))]
pub(crate) async fn test_receiver(
    State(app): State<App>,
    Segment(name): Segment,
    Extension(principal): Extension<Principal>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Result<Response, NativeError> {
    let TestRequest {} = request(query.as_deref(), &body)?;
    let alerts = app.backend.alerts.clone();
    let stages = blocking(&app.writes, TEST_PATIENCE, move || alerts.test_fire(&name, &principal.name));
    Ok(Json(TestAnswer::new(&stages.await?.map_err(refused)?)).into_response())
}
