//! One call to Azure: its turn, its token, its answer judged. The only loop that tries again.

use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use isobar_egress::{Client, Request, Response, Retry};
use isobar_normalizer::Timestamp;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use super::calls::{Budget, Meter};
use super::cloud::{Audience, Endpoints};
use super::error::{ApiError, Failure};
use super::limits::{Limit, Limits};
use super::tokens::Tokens;

/// The largest answer taken, before and after decompression. The planner asks for some 5 MB at most.
const BODY_MAX: usize = 32 << 20;
/// An answer above this is read off the async threads.
const BLOCKING_FROM: usize = 32 << 10;
/// The longest `Retry-After` that is waited for inside a call.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// The pause before an attempt is repeated where Azure names none.
const PAUSE: Duration = Duration::from_millis(500);
/// From here on a clock is named as wrong. Tokens are refused from five minutes on, and windows miss the newest data before.
const SKEW_MAX: Duration = Duration::from_secs(90);

/// The collection a call belongs to.
#[derive(Debug)]
pub(super) struct Round<'a> {
    pub(super) meter: &'a Meter,
    /// The time, and when it was that; `None` where nobody said it.
    pub(super) clock: Option<(Timestamp, Instant)>,
    /// How far this machine's clock is ahead of Azure's, in milliseconds.
    skew_ms: Mutex<Option<i64>>,
}

impl<'a> Round<'a> {
    pub(super) fn new(meter: &'a Meter, now: Option<Timestamp>) -> Self {
        Self { meter, clock: now.map(|now| (now, Instant::now())), skew_ms: Mutex::default() }
    }

    fn now(&self) -> Option<Timestamp> {
        self.clock.map(|(now, since)| now.plus(since.elapsed()))
    }

    pub(super) fn compare(&self, headers: &HeaderMap) {
        let theirs = headers
            .get(DATE)
            .and_then(|date| date.to_str().ok())
            .and_then(|date| httpdate::parse_http_date(date).ok());
        let theirs = theirs.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
        let theirs = theirs.and_then(|since| i64::try_from(since.as_millis()).ok());
        if let (Some(ours), Some(theirs)) = (self.now(), theirs) {
            *self.skew_ms.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(ours.millis().saturating_sub(theirs));
        }
    }

    /// What is wrong with this machine's clock, if anything is.
    pub(super) fn skew(&self) -> Option<String> {
        let skew_ms = (*self.skew_ms.lock().unwrap_or_else(PoisonError::into_inner))?;
        let (seconds, word) =
            (skew_ms.unsigned_abs() / 1000, if skew_ms > 0 { "ahead of" } else { "behind" });
        (seconds >= SKEW_MAX.as_secs())
            .then(|| format!("this machine's clock is {seconds} s {word} Azure's: set it"))
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// As the price list names it.
    pub(super) operation: &'static str,
    /// What it is about, for messages.
    pub(super) about: String,
    pub(super) audience: Audience,
    pub(super) limit: Limit,
    pub(super) url: Url,
    /// A JSON document to post; `None` gets.
    pub(super) body: Option<String>,
}

/// The way to Azure with one identity.
#[derive(Debug)]
pub(super) struct Rest {
    client: Client,
    pub(super) endpoints: Endpoints,
    tokens: Tokens,
    /// Each request, from connecting to the last byte.
    timeout: Duration,
    limits: Limits,
    pub(super) budget: Budget,
}

impl Rest {
    pub(super) fn new(client: Client, endpoints: Endpoints, tokens: Tokens, timeout: Duration) -> Self {
        Self { client, endpoints, tokens, timeout, limits: Limits::default(), budget: Budget::default() }
    }

    /// Makes the call and reads its answer.
    ///
    /// # Errors
    /// Everything that kept a whole, readable answer from coming; what was asked stands in front.
    pub(super) async fn call<T: DeserializeOwned + Send + 'static>(
        &self,
        call: &Call,
        round: &Round<'_>,
    ) -> Result<T, ApiError> {
        let answer = self.answer(call, round).await;
        let read = match answer {
            Ok(response) => read(response).await,
            Err(error) => Err(error),
        };
        read.map_err(|mut error| {
            if error.kind == Failure::Denied
                && let Some(skew) = round.skew()
            {
                error.message = format!("{}; {skew}", error.message);
            }
            error.about(&call.about)
        })
    }

    async fn answer(&self, call: &Call, round: &Round<'_>) -> Result<Response, ApiError> {
        let mut is_first = true;
        loop {
            let token = self.tokens.get(call.audience, &self.limits, round).await?;
            let (error, is_unauthorized) = match self.send(call, token.expose(), round).await {
                Ok(response) if response.status.is_success() => return Ok(response),
                Ok(response) => {
                    (self.judge(call, &response, round), response.status == StatusCode::UNAUTHORIZED)
                }
                Err(error) => (error, false),
            };
            let pause = match (error.kind, error.retry) {
                // A token may be withdrawn before it expires.
                _ if is_unauthorized => {
                    self.tokens.reject(call.audience, &token).await;
                    Duration::ZERO
                }
                (Failure::Throttled | Failure::Transient, Retry::After(wait)) if wait <= WAIT_MAX => wait,
                (Failure::Unreachable, _) => PAUSE,
                // A batch is asked again in halves.
                (Failure::Transient, Retry::Backoff) if !matches!(call.limit, Limit::Metrics(_)) => PAUSE,
                // Asking for less is for the caller to decide.
                _ => return Err(error),
            };
            if !is_first || !self.budget.spend(1) {
                return Err(error);
            }
            is_first = false;
            tokio::time::sleep(pause).await;
        }
    }

    async fn send(&self, call: &Call, token: &str, round: &Round<'_>) -> Result<Response, ApiError> {
        self.limits.turn(&call.limit).await.map_err(|wait| {
            let message = format!("Azure asked to wait {} s more", wait.as_secs().max(1));
            ApiError { retry: Retry::After(wait), ..ApiError::new(Failure::Throttled, message) }
        })?;
        let mut headers = HeaderMap::new();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            ApiError::new(Failure::Denied, "the token holds a character that no header may hold")
        })?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let (method, body) = match &call.body {
            Some(body) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                (Method::POST, Bytes::from(body.clone()))
            }
            None => (Method::GET, Bytes::new()),
        };
        let request = Request {
            method,
            url: call.url.clone(),
            headers,
            body,
            timeout: self.timeout,
            response_max: BODY_MAX,
        };
        self.budget.earn();
        round.meter.count(call.operation);
        let response = self.client.send(request).await.map_err(|error| ApiError::unanswered(&error))?;
        round.compare(&response.headers);
        self.limits.heed(&call.limit, &response.headers);
        Ok(response)
    }

    fn judge(&self, call: &Call, response: &Response, round: &Round<'_>) -> ApiError {
        let wait = wait_of(response, round);
        let body = decoded(response).unwrap_or_default();
        let error = ApiError::answered(response.status, &body, wait.map(Retry::After));
        if let Some(wait) = wait
            && error.is_passing()
        {
            self.limits.block(&call.limit, wait);
        }
        error
    }
}

/// How long an answer asks to wait.
pub(super) fn wait_of(response: &Response, round: &Round<'_>) -> Option<Duration> {
    let is_asking = response.status == StatusCode::TOO_MANY_REQUESTS || response.status.is_server_error();
    let now = round.now().and_then(|now| u64::try_from(now.millis()).ok()).unwrap_or_default();
    is_asking.then(|| response.retry_after(SystemTime::UNIX_EPOCH + Duration::from_millis(now))).flatten()
}

async fn read<T: DeserializeOwned + Send + 'static>(response: Response) -> Result<T, ApiError> {
    let is_large = response.body.len() > BLOCKING_FROM;
    let parse = move || {
        let body = decoded(&response).map_err(|error| ApiError::new(Failure::Unreadable, error))?;
        serde_json::from_slice(&body).map_err(|error| ApiError::unreadable(&body, &error))
    };
    if is_large {
        let reading = tokio::task::spawn_blocking(parse).await;
        return reading.unwrap_or_else(|error| {
            Err(ApiError::new(Failure::Unreadable, format!("reading the answer ended badly: {error}")))
        });
    }
    parse()
}

/// The body, decompressed under the cap.
pub(super) fn decoded(response: &Response) -> Result<Bytes, String> {
    let encoding = response.headers.get(CONTENT_ENCODING).map_or(&b""[..], HeaderValue::as_bytes);
    match encoding.to_ascii_lowercase().as_slice() {
        b"" | b"identity" => Ok(response.body.clone()),
        b"gzip" | b"x-gzip" => {
            let mut plain = Vec::new();
            // One byte more than the cap tells a body of exactly the cap from a larger one.
            let cap = BODY_MAX as u64 + 1;
            let read = MultiGzDecoder::new(&*response.body).take(cap).read_to_end(&mut plain);
            read.map_err(|error| {
                format!("the answer's gzip is damaged after {} bytes: {error}", plain.len())
            })?;
            if plain.len() > BODY_MAX {
                return Err(format!("the answer decompresses to more than {BODY_MAX} bytes"));
            }
            Ok(plain.into())
        }
        other => Err(format!(
            "the answer is encoded as {}, only gzip was asked for",
            String::from_utf8_lossy(other)
        )),
    }
}
