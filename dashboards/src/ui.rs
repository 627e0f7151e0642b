//! The web page, as `build.rs` embedded it: the same files for everyone, nothing of the estate in them.
//!
//! What is shown comes over the API afterwards, with the reader's own credential. So the page needs none, and a server
//! with tokens can ask for one.

use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, StatusCode};

use crate::document;
use crate::door::{Door, Refusal};

/// One file of the page.
struct File {
    /// Its path below the root.
    name: &'static str,
    plain: &'static [u8],
    /// The same, compressed by gzip.
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/ui_files.rs"));

/// The address of each view is the same document: what it shows is decided in the browser.
pub(crate) async fn page(headers: HeaderMap) -> Response {
    match find(FILES, "index.html") {
        // It names the assets of one build: it is asked for anew each time.
        Some(file) => file.answer(&headers, "no-cache"),
        None => Html(document::not_built(MISSING)).into_response(),
    }
}

/// `GET /assets/{file}`: their names hold the hash of their content, so that they never change.
pub(crate) async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Response {
    match find(FILES, &format!("assets/{file}")) {
        Some(file) => file.answer(&headers, "public, max-age=31536000, immutable"),
        None => Door::Page.refuse(Refusal::new(StatusCode::NOT_FOUND, format!("there is no file {file:?}"))),
    }
}

fn find<'a>(files: &'a [File], name: &str) -> Option<&'a File> {
    files.iter().find(|file| file.name == name)
}

impl File {
    fn answer(&self, headers: &HeaderMap, caching: &'static str) -> Response {
        let common =
            [(CONTENT_TYPE, content_type(self.name)), (CACHE_CONTROL, caching), (VARY, "accept-encoding")];
        match self.gzip.filter(|_| takes_gzip(headers)) {
            Some(gzip) => (common, [(CONTENT_ENCODING, "gzip")], gzip).into_response(),
            None => (common, self.plain).into_response(),
        }
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// Whether the client names gzip and does not refuse it. Source: RFC 9110, section 12.5.3.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted =
        headers.get(ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let refused = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: File = File { name: "assets/a.js", plain: b"plain", gzip: Some(b"small") };

    fn headers(accepted: &str) -> HeaderMap {
        [(ACCEPT_ENCODING, accepted.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn who_takes_gzip_gets_it() {
        let cases = [
            ("gzip, deflate, br", true),
            ("GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ];
        for (accepted, expected) in cases {
            assert_eq!(takes_gzip(&headers(accepted)), expected, "{accepted}");
        }
        let answer = SCRIPT.answer(&headers("gzip"), "no-cache");
        assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
        let answer = SCRIPT.answer(&HeaderMap::new(), "no-cache");
        assert!(!answer.headers().contains_key(CONTENT_ENCODING));
        assert_eq!(answer.headers()[VARY], "accept-encoding");
    }

    /// With `ISOBAR_UI=skip` and no page built before there are no files, and the page says so instead.
    #[test]
    fn a_page_is_whole_or_says_what_is_missing() {
        let Some(index) = find(FILES, "index.html") else {
            assert!(FILES.is_empty() && !MISSING.is_empty());
            return;
        };
        let html = std::str::from_utf8(index.plain).unwrap();
        let assets: Vec<&str> = html.split('"').filter_map(|text| text.strip_prefix("/assets/")).collect();
        assert!(assets.len() >= 2, "{html}");
        for asset in assets {
            let file = find(FILES, &format!("assets/{asset}"));
            assert!(file.is_some_and(|file| file.gzip.is_some()), "{asset} is not embedded");
        }
        assert!(!html.contains("<style") && !html.contains("style=") && !html.contains("onload"), "{html}");
        assert!(
            html.matches("<script").count()
                == html.matches("<script type=\"module\" crossorigin src=").count()
        );
    }
}
