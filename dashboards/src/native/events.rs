//! `GET /api/isobar/v1/events`: the journal as it grows, as server-sent events.
//!
//! A stream reads the journal itself and is only woken by new events, so that a slow or returning client misses none:
//! what happened meanwhile and what happens now come the same way.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use http::{HeaderMap, StatusCode};
use isobar_journal::{Event, to_line};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::NativeError;
use super::error::ErrorBody;
use super::journal::read;
use super::page::refuse_unknown;
use crate::app::App;
use crate::params::Params;

/// Events read at once.
const BATCH: usize = 64;
/// Proxies close connections that are silent for about a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// After this a client whose stream ended comes back.
const RETRY: Duration = Duration::from_secs(3);

/// Streams journalled events as they happen; with `Last-Event-ID`, or `after`, everything since that one first.
///
/// `id` is the sequence number, `event` the kind, `data` one `EventView`.
#[utoipa::path(get, path = "/api/isobar/v1/events", params(("Last-Event-ID" = inline(Option<String>), Header, description = "sequence number of the last event received", nullable = false, pattern = "^[0-9]+$"), ("after" = inline(Option<String>), Query, description = "the same, for a first connection", pattern = "^[0-9]+$")), responses((status = 200, body = String, content_type = "text/event-stream", description = "Server-sent events."), (status = "default", body = ErrorBody)))]
pub(crate) async fn events(
    State(app): State<App>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, NativeError> {
    refuse_unknown(&params, &["after"])?;
    let place = app.streams.clone().try_acquire_owned().map_err(|_| {
        NativeError::new(StatusCode::SERVICE_UNAVAILABLE, "too many live streams at once, try again later")
    })?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(params.get("after"));
    let head = app.backend.journal_head.clone();
    let newest = app.backend.journal.head().seq.max(*head.borrow());
    let after = match last.map(str::parse) {
        None => newest,
        // An id of another journal, from before a restore: what is new here is told.
        Some(Ok(seq)) => newest.min(seq),
        Some(Err(_)) => return Err(NativeError::bad_request("Last-Event-ID is a sequence number")),
    };
    let follower = Follower { app, head, after, ready: VecDeque::new(), _place: place };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    // Proxies that gather answers before they pass them on would hold events back.
    Ok(([("x-accel-buffering", "no")], Sse::new(follow(follower)).keep_alive(keep_alive)).into_response())
}

/// A client and how far it has read.
struct Follower {
    app: App,
    head: watch::Receiver<u64>,
    after: u64,
    ready: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

fn follow(follower: Follower) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        let line = to_line(&event);
        let told = sse::Event::default().id(event.seq.to_string()).event(event.kind).data(line).retry(RETRY);
        Some((Ok(told), follower))
    })
}

impl Follower {
    /// The next event, when there is one; `None` ends the stream, and the client comes back with its last id.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.app.stopping.is_cancelled() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                self.after = event.seq;
                return Some(event);
            }
            // Marked as seen before reading: an event that comes while reading wakes the wait below.
            self.head.mark_unchanged();
            match read(&self.app, self.after, BATCH).await {
                Ok(events) => self.ready.extend(events),
                Err(error) => {
                    tracing::warn!(?error, "a live stream ends: the journal cannot be read");
                    return None;
                }
            }
            if self.ready.is_empty() {
                tokio::select! {
                    changed = self.head.changed() => changed.ok()?,
                    () = self.app.stopping.cancelled() => return None,
                }
            }
        }
    }
}
