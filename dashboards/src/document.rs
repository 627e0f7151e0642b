//! The few pages that are written here: the one that says no, and the one in place of a web page that was not built.
//!
//! Every text that comes from outside passes [`escape`] on its way into them; nothing is written into an address, a style
//! or a script.

mod escape;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use escape::escape;

const STYLE: &str = include_str!("assets/isobar.css");

/// `GET /assets/isobar.css`: the same for everyone, fresh for an hour.
pub(crate) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=3600")], STYLE)
        .into_response()
}

/// The page that says no.
pub(crate) fn refusal(status: StatusCode, message: &str) -> String {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = format!(
        "<h1>{} {}</h1><p>{}</p><p><a href=\"/\">Overview</a></p>",
        status.as_u16(),
        escape(title),
        escape(message)
    );
    document(title, &body)
}

/// The page that says what to install; `missing` is why there is none.
pub(crate) fn not_built(missing: &str) -> String {
    let body = format!(
        "<h1>This Isobar was built without its web page</h1><p>{}.</p>\
         <p>Install Node.js 20.19 or newer with npm, and build again without <code>ISOBAR_UI=skip</code>: the build makes \
         the page by itself. Everything else works: <code>isobar alerts</code>, <code>isobar why</code>, \
         <code>isobar query</code>, <code>isobar sql</code>, and the API at \
         <a href=\"/api/isobar/openapi.json\">/api/isobar/openapi.json</a>.</p>",
        escape(missing)
    );
    document("No web page", &body)
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{} · Isobar</title><link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" \
         href=\"/assets/isobar.css\"></head><body><header><a href=\"/\">Isobar</a></header>\
         <main>{body}</main></body></html>",
        escape(title)
    )
}

#[cfg(test)]
mod tests;
