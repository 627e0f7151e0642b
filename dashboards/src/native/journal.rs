//! `GET /api/isobar/v1/journal`: pages of events, or all of them as one stream of lines.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use isobar_journal::{Event, Journal, JournalError, to_line};
use utoipa::{IntoParams, ToSchema};

use super::NativeError;
use super::error::ErrorBody;
use super::page::PageQuery;
use crate::app::App;
use crate::blocking::blocking;
use crate::door::json_response;
use crate::params::Params;
use crate::wire::{EventView, List};

/// Events a stream, or a search, reads at once.
const BATCH: usize = 256;
/// Events one page of a search looks at: reading them takes a fraction of a second.
const SEARCH_MAX: usize = 50_000;
/// One batch is one indexed read.
const PATIENCE: Duration = Duration::from_secs(30);

/// The parameters, as they are described.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "`PageQuery` is what they are read into")]
pub(crate) struct JournalParams {
    /// Words with blanks between them: events whose kind, actor and payload contain each of them are listed.
    q: Option<String>,
    /// Events on the page at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// A sequence number, as `next` of the page before; 0, and nothing, are before the first event.
    #[param(pattern = "^[0-9]+$")]
    after: Option<String>,
    /// `ndjson` is every event after `after`, one a line, as `isobar audit verify` reads them; it takes no `q` and no
    /// `limit`.
    #[param(inline)]
    format: Option<JournalFormat>,
}

/// How events are written.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only described")]
enum JournalFormat {
    Json,
    Ndjson,
}

/// Lists journalled events, oldest first.
///
/// `total` counts those after `after`; with `q`, those among the next 50,000 events, so that a page may be short, or empty,
/// and have a `next`.
#[utoipa::path(get, path = "/api/isobar/v1/journal", params(JournalParams), responses((status = 200, description = "A page, or all events.", content((List<EventView> = "application/json"), (String = "application/x-ndjson"))), (status = "default", body = ErrorBody)))]
pub(crate) async fn journal(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    let query = PageQuery::read(&params, &["format"])?;
    let after = query.after.as_deref().unwrap_or("0").parse();
    let after = after.map_err(|_| NativeError::bad_request("after is a sequence number"))?;
    let narrowed = params.get("limit").is_some() || query.is_search();
    match params.get("format") {
        None | Some("json") => page(&app, query, after).await,
        Some("ndjson") if narrowed => {
            Err(NativeError::bad_request("ndjson is unlimited: leave limit and q out"))
        }
        Some("ndjson") => {
            let lines = Body::from_stream(lines(app, after));
            Ok(([(CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
        }
        Some(other) => {
            Err(NativeError::bad_request(format!("unknown format {other:?}: one of json, ndjson")))
        }
    }
}

/// A list whose cursor is the sequence number.
async fn page(app: &App, query: PageQuery, after: u64) -> Result<Response, NativeError> {
    let journal = app.backend.journal.clone();
    let body = blocking(&app.reads, PATIENCE, move || {
        let page = if query.is_search() {
            search(&*journal, &query, after)
        } else {
            next(&*journal, &query, after)
        }?;
        let items = page.items.iter().map(to_line).collect::<Vec<_>>().join(",");
        let next = page.next.map_or("null".to_owned(), |seq| format!("\"{seq}\""));
        Ok(format!(r#"{{"items":[{items}],"total":{},"next":{next}}}"#, page.total))
    });
    let body = body.await?.map_err(failed)?;
    Ok(json_response(StatusCode::OK, body))
}

/// Events of one page.
#[derive(Debug, Default)]
struct Page {
    items: Vec<Event>,
    total: u64,
    next: Option<u64>,
}

/// The next events, whatever they are.
fn next(journal: &dyn Journal, query: &PageQuery, after: u64) -> Result<Page, JournalError> {
    let items = journal.read(after, query.limit)?;
    let last = items.last().map_or(after, |event| event.seq);
    let head = journal.head().seq.max(last);
    // No number is left out but those of pruned events, so that the numbers tell how many there are.
    let total = items.first().map_or(0, |first| head - first.seq + 1);
    Ok(Page { items, total, next: (last < head).then_some(last) })
}

/// The next events that match, among so many as are looked at.
fn search(journal: &dyn Journal, query: &PageQuery, after: u64) -> Result<Page, JournalError> {
    let mut page = Page::default();
    let (mut seen, mut looked_at) = (after, 0);
    loop {
        let events = journal.read(seen, BATCH)?;
        let Some(last) = events.last() else { break };
        seen = last.seq;
        looked_at += events.len();
        for event in events.into_iter().filter(|event| query.finds(|| texts(event))) {
            page.total += 1;
            if page.items.len() < query.limit {
                page.items.push(event);
            }
        }
        if looked_at >= SEARCH_MAX {
            page.next = Some(seen);
            break;
        }
    }
    // What matches beyond the page is found again from its last item on.
    if page.total > page.items.len() as u64 {
        page.next = page.items.last().map(|event| event.seq);
    }
    Ok(page)
}

fn texts(event: &Event) -> Vec<&str> {
    vec![&event.kind, &event.actor, std::str::from_utf8(&event.payload).unwrap_or_default()]
}

/// Every event to the end, a batch at a time as fast as the client takes them. A failed read breaks the stream off, so
/// that the client does not take what it got for everything.
fn lines(app: App, after: u64) -> impl Stream<Item = Result<String, NativeError>> {
    stream::try_unfold(after, move |after| {
        let app = app.clone();
        async move {
            let events = read(&app, after, BATCH).await?;
            let Some(last) = events.last().map(|event| event.seq) else {
                return Ok(None);
            };
            let text: String = events.iter().map(|event| to_line(event) + "\n").collect();
            Ok(Some((text, last)))
        }
    })
}

/// One batch of events.
pub(super) async fn read(app: &App, after: u64, limit: usize) -> Result<Vec<Event>, NativeError> {
    let journal = app.backend.journal.clone();
    blocking(&app.reads, PATIENCE, move || journal.read(after, limit)).await?.map_err(failed)
}

fn failed(error: JournalError) -> NativeError {
    NativeError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}
