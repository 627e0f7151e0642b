//! The router: the table of routes, admission in front of each, the same headers on every answer.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::access::{SecurityOptions, secure};
use crate::admit::{Gate, admit, not_found};
use crate::backend::Backend;
use crate::routes::ROUTES;

/// Queries that run at once. Source: Prometheus' `--query.max-concurrency`.
const QUERIES_MAX: usize = 20;
/// Reads of lists and of the journal at once.
const READS_MAX: usize = 16;
/// Remote-write requests that are decoded and stored at once.
const WRITES_MAX: usize = 16;
/// Request bodies held in memory at once, in bytes.
const BODY_ROOM: usize = 256 << 20;
/// Reloads that wait for each other; each holds a thread until it is done.
const RELOADS_MAX: usize = 2;
/// Pages of own metrics at once, apart from the reads: they are wanted most when those queue.
const SCRAPES_MAX: usize = 4;
/// Live event streams at once; each reads the journal for itself.
const STREAMS_MAX: usize = 128;

/// The HTTP API and what it serves.
#[derive(Debug)]
pub struct Api {
    pub(crate) backend: Backend,
    pub(crate) security: SecurityOptions,
    /// Ends what would go on for ever: live event streams.
    pub(crate) stopping: CancellationToken,
    pub(crate) queries: Arc<Semaphore>,
    pub(crate) reads: Arc<Semaphore>,
    pub(crate) writes: Arc<Semaphore>,
    pub(crate) reloads: Arc<Semaphore>,
    pub(crate) scrapes: Arc<Semaphore>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) body_room: Arc<Semaphore>,
}

/// What handlers share.
pub(crate) type App = Arc<Api>;

impl Api {
    /// The API over a backend. When `stopping` is cancelled, endless answers end.
    pub fn new(backend: Backend, security: SecurityOptions, stopping: CancellationToken) -> Self {
        Self {
            backend,
            security,
            stopping,
            queries: Arc::new(Semaphore::new(QUERIES_MAX)),
            reads: Arc::new(Semaphore::new(READS_MAX)),
            writes: Arc::new(Semaphore::new(WRITES_MAX)),
            reloads: Arc::new(Semaphore::new(RELOADS_MAX)),
            scrapes: Arc::new(Semaphore::new(SCRAPES_MAX)),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            body_room: Arc::new(Semaphore::new(BODY_ROOM)),
        }
    }

    /// The router of every route.
    pub fn router(self) -> Router {
        let app: App = Arc::new(self);
        let mut router = Router::new();
        for route in ROUTES {
            let gate = Gate { app: app.clone(), route: Some(route) };
            router = router.route(route.path, route.handler().layer(from_fn_with_state(gate, admit)));
        }
        let nowhere = Gate { app: app.clone(), route: None };
        let unknown = axum::routing::any(not_found).layer(from_fn_with_state(nowhere, admit));
        // Admission holds each body to its route's own limit.
        let router = router.layer(DefaultBodyLimit::disable());
        router.fallback_service(unknown.with_state(app.clone())).layer(map_response(secure)).with_state(app)
    }
}
