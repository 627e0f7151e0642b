//! What stands in front of every handler: host, origin, scope, content type, body, time.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::LengthLimitError;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use crate::access::{Denial, Principal, Scope, cross_origin, host_of};
use crate::app::App;
use crate::blocking::blocking;
use crate::door::{Door, Refusal, door_of_path};
use crate::routes::Route;

/// A body arrives in this time or not at all; a sender of single bytes does not hold its place for longer.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// A handler starts its answer in this time: the longest query, and a little to say that it was too long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(130);

/// So much of the path of a request that was turned away is journalled, in characters.
const ATTEMPT_PATH_MAX: usize = 200;
/// The journal is told of it in this time, or not at all.
const ATTEMPT_PATIENCE: Duration = Duration::from_secs(5);

/// Admission to one route; without a route, to a path that is not there.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) app: App,
    pub(crate) route: Option<&'static Route>,
}

/// A request that would act: who sends it, and what it is.
struct Attempt {
    actor: String,
    action: String,
}

/// Lets a request through to its handler, or answers in its stead in the door's own shape.
pub(crate) async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let door = gate.route.map_or_else(|| door_of_path(request.uri().path()), |route| route.door);
    let attempt = gate.attempt(&request);
    let checked = gate.check(request).await;
    let reason = checked.as_ref().err().map(|refusal| refusal.message.clone());
    if let (Some(attempt), Some(reason)) = (attempt, reason) {
        gate.turned_away(attempt, reason).await;
    }
    let response = match checked {
        Ok((request, _room)) => match timeout(ANSWER_TIMEOUT, next.run(request)).await {
            Ok(response) => response,
            Err(_) => door.refuse(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the answer took too long")),
        },
        Err(refusal) => door.refuse(refusal),
    };
    let path = gate.route.map_or("other", |route| route.path);
    let status = response.status().as_u16().to_string();
    metrics::counter!("isobar_http_requests_total", "route" => path, "status" => status).increment(1);
    metrics::histogram!("isobar_http_request_seconds", "route" => path)
        .record(started.elapsed().as_secs_f64());
    response
}

/// Answers for paths that are not there.
pub(crate) async fn not_found(request: Request) -> Response {
    let path = request.uri().path();
    door_of_path(path).refuse(Refusal::new(StatusCode::NOT_FOUND, format!("there is nothing at {path}")))
}

impl Gate {
    /// The request with its body read and its principal known, and the room its body takes; or why not. Cheap checks
    /// come first, and nothing of the body is read before the client is known to be allowed.
    async fn check(&self, request: Request) -> Result<(Request, Option<OwnedSemaphorePermit>), Refusal> {
        let (mut parts, body) = request.into_parts();
        let security = &self.app.security;
        let host = host_of(&parts).filter(|host| security.hosts.allows(host)).ok_or_else(|| {
            let message = "this server does not answer to that host name: list it in security.hosts";
            Refusal::new(StatusCode::MISDIRECTED_REQUEST, message)
        })?;
        let external = security.external_url.as_ref();
        if let Some(why) = cross_origin(&parts.method, &parts.headers, &host, external) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, why));
        }
        let Some(route) = self.route else {
            return Ok((Request::from_parts(parts, Body::empty()), None));
        };
        if let Some(principal) = self.authorize(route, &parts.method, &parts.headers)? {
            parts.extensions.insert(principal);
        }
        let changes = !parts.method.is_safe() && route.methods.list().contains(&parts.method);
        let is_sent = changes && parts.method != Method::DELETE;
        if matches!(route.door, Door::Native | Door::Alertmanager) && is_sent && !is_json(&parts.headers) {
            let message = "send Content-Type: application/json";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let size = body_size(route.body_max, &parts.headers)?;
        let room = self.room_for(size)?;
        let body = read_body(size, body).await?;
        Ok((Request::from_parts(parts, body), Some(room)))
    }

    /// Sets memory aside for a body before any of it is read.
    fn room_for(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.app.body_room.clone().try_acquire_many_owned(bytes).map_err(|_| {
            metrics::counter!("isobar_http_bodies_refused_total").increment(1);
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many large requests at once, send it again")
        })
    }

    /// Who asks for what, when the request would act: that it was turned away is journalled.
    fn attempt(&self, request: &Request) -> Option<Attempt> {
        let route = self.route.filter(|route| {
            route.methods.list().contains(request.method())
                && !request.method().is_safe()
                && route.scope(request.method()) == Some(Scope::Act)
        })?;
        let actor = self.app.security.access.name(request.headers(), route.door.takes_basic());
        let path: String = request.uri().path().chars().take(ATTEMPT_PATH_MAX).collect();
        Some(Attempt { actor: actor.to_owned(), action: format!("{} {path}", request.method()) })
    }

    async fn turned_away(&self, attempt: Attempt, reason: String) {
        let runbooks = self.app.backend.runbooks.clone();
        let Attempt { actor, action } = attempt;
        let noting = move || runbooks.turned_away(&actor, &action, &reason);
        if blocking(&self.app.reads, ATTEMPT_PATIENCE, noting).await.is_err() {
            tracing::warn!("a request that would act was turned away, and the journal could not be told");
        }
    }

    fn authorize(
        &self,
        route: &Route,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Option<Principal>, Refusal> {
        let Some(scope) = route.scope(method) else {
            return Ok(None);
        };
        let allowed = self.app.security.access.authorize(headers, scope, route.door.takes_basic());
        allowed.map(Some).map_err(|denial| {
            let status = match denial {
                Denial::Anonymous | Denial::Unknown => StatusCode::UNAUTHORIZED,
                Denial::MissingScope(_) => StatusCode::FORBIDDEN,
            };
            Refusal::new(status, denial.to_string())
        })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// How large the body is, or may be where its length is not announced. A body over the limit is not read at all.
fn body_size(limit: usize, headers: &HeaderMap) -> Result<usize, Refusal> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    match announced {
        Some(announced) if announced > limit => Err(too_large(limit)),
        Some(announced) => Ok(announced),
        None => Ok(limit),
    }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes"))
}

async fn read_body(limit: usize, body: Body) -> Result<Body, Refusal> {
    match timeout(BODY_TIMEOUT, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(Body::from(bytes)),
        Ok(Err(error)) if is_over_limit(&error) => Err(too_large(limit)),
        Ok(Err(_)) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive")),
    }
}

fn is_over_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<LengthLimitError>())
}
