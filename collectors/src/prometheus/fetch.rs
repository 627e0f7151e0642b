//! One GET: sent, judged by its status, decompressed under a cap.

use std::error::Error;
use std::io::Read;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use isobar_egress::{EgressError, Request, Response, Retry};
use isobar_normalizer::Timestamp;
use url::Url;

use super::http::Http;

/// Tells a target how long it has, as Prometheus does; exporters that probe something else need it.
const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// What is asked for. OpenMetrics first: it alone says where a page ends.
const ACCEPTED: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";

/// How much of an answer that is no success is shown, in bytes: the query API's complaints fit.
const EXCERPT_MAX: u64 = 200;

/// Why a GET brought nothing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FetchFailure {
    /// What happened and what to look at.
    pub(crate) message: String,
    /// When another try makes sense.
    pub(crate) retry: Retry,
}

/// A successful answer, its body as it came.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    headers: HeaderMap,
    body: Bytes,
    /// From the call to the last byte.
    pub(crate) elapsed: Duration,
}

impl Http {
    /// Gets a page of metrics. Not more than `body_max` bytes are read; `now` makes sense of a `Retry-After` date.
    pub(crate) async fn get_page(
        &self,
        url: &Url,
        timeout: Duration,
        body_max: usize,
        now: Timestamp,
    ) -> Result<Fetched, FetchFailure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        let seconds = HeaderValue::from_str(&timeout.as_secs_f64().to_string());
        headers.insert(SCRAPE_TIMEOUT, seconds.expect("a number has only digits, a point and a sign"));
        self.get(url, headers, timeout, body_max, now).await
    }

    /// Gets an answer of a JSON API.
    pub(crate) async fn get_json(
        &self,
        url: &Url,
        timeout: Duration,
        body_max: usize,
        now: Timestamp,
    ) -> Result<Fetched, FetchFailure> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        self.get(url, headers, timeout, body_max, now).await
    }

    async fn get(
        &self,
        url: &Url,
        mut headers: HeaderMap,
        timeout: Duration,
        body_max: usize,
        now: Timestamp,
    ) -> Result<Fetched, FetchFailure> {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let authorization = self.authorization().await.map_err(|error| FetchFailure {
            message: format!("cannot read the credentials: {error}"),
            retry: Retry::Backoff,
        })?;
        headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
        let request = Request {
            method: Method::GET,
            url: url.clone(),
            headers,
            body: Bytes::new(),
            timeout,
            response_max: body_max,
        };
        let response = self.client.send(request).await.map_err(|error| unanswered(&error))?;
        if response.status == StatusCode::OK {
            let Response { headers, body, elapsed, .. } = response;
            return Ok(Fetched { headers, body, elapsed });
        }
        Err(refused(&response, now))
    }
}

impl Fetched {
    /// The `Content-Type`, empty when there is none.
    pub(crate) fn content_type(&self) -> &str {
        self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body, decompressed. Blocks for as long as that takes; at most `body_max` bytes come out.
    pub(crate) fn decoded(self, body_max: usize) -> Result<Bytes, String> {
        let encoding = self.headers.get(CONTENT_ENCODING).map_or(&b"identity"[..], HeaderValue::as_bytes);
        match encoding.to_ascii_lowercase().as_slice() {
            b"identity" | b"" => Ok(self.body),
            b"gzip" | b"x-gzip" => gunzip(&self.body, body_max),
            other => Err(format!(
                "the answer is encoded as {}, only gzip was asked for",
                String::from_utf8_lossy(other)
            )),
        }
    }
}

fn gunzip(body: &[u8], body_max: usize) -> Result<Bytes, String> {
    let mut plain = Vec::new();
    // One byte more than the cap tells a page of exactly the cap from a larger one.
    let cap = u64::try_from(body_max).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(body).take(cap).read_to_end(&mut plain);
    read.map_err(|error| format!("the answer's gzip is damaged after {} bytes: {error}", plain.len()))?;
    if plain.len() > body_max {
        return Err(format!("the answer decompresses to more than {body_max} bytes (body_size_limit)"));
    }
    Ok(plain.into())
}

/// The error and its causes in one line.
fn unanswered(error: &EgressError) -> FetchFailure {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    FetchFailure { message, retry: error.retry() }
}

/// What an answer other than 200 says, and what to look at.
fn refused(response: &Response, now: Timestamp) -> FetchFailure {
    let status = response.status;
    let hint = match status.as_u16() {
        300..=399 => "; redirects are not followed, write the address it leads to",
        401 => "; it wants other credentials: check basic_auth or authorization",
        403 => "; the credentials may not read this",
        404 => "; check the path",
        _ => "",
    };
    let text = excerpt(&response.headers, &response.body);
    let said = if text.is_empty() { String::new() } else { format!(" ({text})") };
    let passing = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    let retry = match response.retry_after(SystemTime::UNIX_EPOCH + Duration::from_millis(millis)) {
        _ if !passing => Retry::Never,
        Some(wait) => Retry::After(wait),
        None => Retry::Backoff,
    };
    let wait = match retry {
        Retry::After(wait) => format!("; it asks to wait {} s", wait.as_secs()),
        Retry::Backoff | Retry::Never => String::new(),
    };
    FetchFailure { message: format!("answered {status}{hint}{wait}{said}"), retry }
}

/// The beginning of an answer in one line. Errors are compressed too when gzip was offered; a damaged rest is not missed.
fn excerpt(headers: &HeaderMap, body: &[u8]) -> String {
    let gzip = headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding.as_bytes().ends_with(b"gzip"));
    let mut start = Vec::new();
    let _ = if gzip {
        MultiGzDecoder::new(body).take(EXCERPT_MAX).read_to_end(&mut start)
    } else {
        body.take(EXCERPT_MAX).read_to_end(&mut start)
    };
    let text = String::from_utf8_lossy(&start);
    let words: Vec<&str> =
        text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bomb_stops_at_the_cap() {
        let bomb = gzip(&vec![b' '; 4 << 20]);
        assert!(bomb.len() < 8 << 10, "{}", bomb.len());
        let error = gunzip(&bomb, 1 << 20).unwrap_err();
        assert_eq!(error, "the answer decompresses to more than 1048576 bytes (body_size_limit)");
        assert_eq!(gunzip(&bomb, 4 << 20).unwrap().len(), 4 << 20);
    }

    #[test]
    fn an_answers_beginning_is_shown_in_one_line() {
        let compressed = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        let page = gzip(b"{\"error\":\n \"parse\x1b error\"}");
        assert_eq!(excerpt(&compressed, &page), "{\"error\": \"parse error\"}");
        assert_eq!(excerpt(&compressed, b"not gzip"), "");
        assert_eq!(excerpt(&HeaderMap::new(), &[b'x'; 1000]).len(), 200);
    }

    #[test]
    fn a_truncated_answer_is_no_answer() {
        let page = gzip(b"up 1\nup 2\n");
        assert!(gunzip(&page[..page.len() - 9], 100).unwrap_err().contains("damaged"));
    }
}
