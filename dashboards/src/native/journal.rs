//! `GET /api/isobar/v1/journal`: pages of events, or all of them as one stream of lines.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use isobar_journal::{Event, to_line};

use super::NativeError;
use super::error::ErrorBody;
use super::page::refuse_unknown;
use crate::app::App;
use crate::blocking::blocking;
use crate::door::json_response;
use crate::params::Params;
use crate::wire::{EventView, List};

/// Events a stream reads at once.
const BATCH: usize = 256;
/// Events on a page unless asked otherwise.
const LIMIT_DEFAULT: usize = 100;
/// Events on a page at most.
const LIMIT_MAX: usize = 1000;
/// One batch is one indexed read.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lists journalled events after a sequence number, oldest first; `ndjson` streams every one of them.
#[utoipa::path(get, path = "/api/isobar/v1/journal", params(("after" = Option<u64>, Query, description = "sequence number; 0 is before the first"), ("limit" = Option<usize>, Query), ("format" = Option<String>, Query, description = "ndjson: all events, one a line")), responses((status = 200, content((List<EventView> = "application/json"), (String = "application/x-ndjson"))), (status = "default", body = ErrorBody)))]
pub(crate) async fn journal(State(app): State<App>, params: Params) -> Result<Response, NativeError> {
    refuse_unknown(&params, &["after", "limit", "format"])?;
    let after = params.get("after").unwrap_or("0").parse();
    let after = after.map_err(|_| NativeError::bad_request("after is a sequence number"))?;
    let limit = match params.get("limit").map(str::parse) {
        None => None,
        Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => Some(limit),
        Some(_) => return Err(NativeError::bad_request(format!("limit is a number from 1 to {LIMIT_MAX}"))),
    };
    match (params.get("format"), limit) {
        (None | Some("json"), limit) => page(&app, after, limit.unwrap_or(LIMIT_DEFAULT)).await,
        (Some("ndjson"), None) => {
            let lines = Body::from_stream(lines(app, after));
            Ok(([(CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
        }
        (Some("ndjson"), Some(_)) => Err(NativeError::bad_request("ndjson is unlimited: leave limit out")),
        (Some(other), _) => {
            Err(NativeError::bad_request(format!("unknown format {other:?}: one of json, ndjson")))
        }
    }
}

/// A list whose cursor is the sequence number.
async fn page(app: &App, after: u64, limit: usize) -> Result<Response, NativeError> {
    let events = read(app, after, limit).await?;
    let last = events.last().map_or(after, |event| event.seq);
    let head = (*app.backend.journal_head.borrow()).max(last);
    let next = if last < head { format!("\"{last}\"") } else { "null".to_owned() };
    // No number is left out but those of pruned events, so that the numbers tell how many there are.
    let total = events.first().map_or(0, |first| head - first.seq + 1);
    let items = events.iter().map(to_line).collect::<Vec<_>>().join(",");
    let body = format!(r#"{{"items":[{items}],"total":{total},"next":{next}}}"#);
    Ok(json_response(StatusCode::OK, body))
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
    let events = blocking(&app.reads, PATIENCE, move || journal.read(after, limit)).await?;
    events.map_err(|error| NativeError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
