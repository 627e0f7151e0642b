//! One request, one response.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};
use url::{Position, Url};

use crate::connect::Connector;
use crate::error::{EgressError, Phase};
use crate::guard::{Guard, count_refusal};
use crate::policy::{Trust, shown};
use crate::proxy::Proxy;
use crate::retry::{Retry, retry_after};
use crate::tls::{Tls, TlsOptions};

/// An idle connection is kept this long: past the usual scrape interval. A connection in use stays with its address
/// until it breaks; a changed DNS answer counts for the next one.
const POOL_IDLE: Duration = Duration::from_secs(90);
/// Idle connections kept for each host: as many calls as a cloud's client has under way at once over HTTP/1.1. More exist
/// while they are used.
const POOL_IDLE_PER_HOST: usize = 32;
/// An HTTP/2 connection on which nothing has come for this long is asked whether it lives. All calls to a host share one,
/// so that one a firewall has forgotten would fail every call until TCP gives up after some fifteen minutes.
const PING_AFTER: Duration = Duration::from_secs(10);
/// How long the answer to that may take.
const PING_ANSWER: Duration = Duration::from_secs(5);
/// The longest a request may take, whatever its caller asks for.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);
/// Room made for a body before its first byte is there, whatever length it declares.
const BODY_ROOM_FIRST: usize = 1 << 20;

/// How one client differs from another.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Who chose its targets.
    pub trust: Trust,
    /// TLS other than the default.
    pub tls: Option<TlsOptions>,
    /// `http://[user:password@]host:port`, from the operator's file. Everything goes through a `CONNECT` tunnel. With
    /// [`Trust::Guarded`] the proxy is asked for the checked address, with [`Trust::Operator`] for the name.
    pub proxy: Option<Url>,
}

impl ClientOptions {
    /// The default TLS and no proxy.
    pub fn new(trust: Trust) -> Self {
        Self { trust, tls: None, proxy: None }
    }
}

/// A request. Redirects are not followed, bodies not decompressed, no cookie is kept; the environment's proxies are ignored.
#[derive(Clone)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// `http` or `https`, without credentials.
    pub url: Url,
    /// Headers to send; `Host` and `Content-Length` are set for you, `User-Agent` when missing.
    pub headers: HeaderMap,
    /// Empty for none.
    pub body: Bytes,
    /// From the call to the last byte of the response, connecting included; at most a day.
    pub timeout: Duration,
    /// Largest response body taken, in bytes as they come over the wire.
    pub response_max: usize,
}

/// Shows neither path nor headers nor body: any of them may be a secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &shown(&self.url))
            .field("body_bytes", &self.body.len())
            .field("timeout", &self.timeout)
            .field("response_max", &self.response_max)
            .finish_non_exhaustive()
    }
}

/// What came back, of any status: a 500 and a redirect are responses, not errors.
#[derive(Clone)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body as it came; `Content-Encoding` is the caller's.
    pub body: Bytes,
    /// From the call to the last byte.
    pub elapsed: Duration,
}

/// Shows neither headers nor body: a token service answers with tokens.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}

impl Response {
    /// How long the other side asks to wait, at most [`crate::RETRY_AFTER_MAX`].
    pub fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        retry_after(&self.headers, now)
    }

    /// What a status that is no success says about another try: 408, 425 ("too early"), 429 and 5xx may pass, anything else
    /// stays what it is, 3xx included, because redirects are not followed.
    pub fn retry(&self, now: SystemTime) -> Retry {
        let is_passing = self.status.is_server_error() || matches!(self.status.as_u16(), 408 | 425 | 429);
        match self.retry_after(now) {
            _ if !is_passing => Retry::Never,
            Some(wait) => Retry::After(wait),
            None => Retry::Backoff,
        }
    }
}

/// Sends requests under one trust and one TLS identity; keeps connections for reuse. Cheap to clone, clones share them.
#[derive(Clone)]
pub struct Client {
    guard: Arc<Guard>,
    trust: Trust,
    http: legacy::Client<Connector, Full<Bytes>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("trust", &self.trust).finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn new(guard: Arc<Guard>, trust: Trust, tls: Tls, proxy: Option<Proxy>) -> Self {
        let connector = Connector::new(Arc::clone(&guard), trust, tls, proxy);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_IDLE_PER_HOST)
            .http2_keep_alive_interval(PING_AFTER)
            .http2_keep_alive_timeout(PING_ANSWER)
            .http2_keep_alive_while_idle(true)
            .build(connector);
        Self { guard, trust, http }
    }

    /// Sends a request and reads the whole response.
    ///
    /// # Errors
    /// Everything that kept a whole response from arriving; see [`EgressError`].
    pub async fn send(&self, request: Request) -> Result<Response, EgressError> {
        let result = self.exchange(request).await;
        let outcome = match &result {
            Ok(response) => ["1xx", "2xx", "3xx", "4xx", "5xx"]
                .get(usize::from(response.status.as_u16() / 100).wrapping_sub(1))
                .unwrap_or(&"other"),
            Err(error) => error.as_str(),
        };
        metrics::counter!("isobar_egress_requests_total", "outcome" => outcome).increment(1);
        if let Err(EgressError::Refused { refusal, target }) = &result {
            count_refusal(refusal);
            tracing::warn!(target, %refusal, "connection refused by the guard");
        }
        result
    }

    async fn exchange(&self, request: Request) -> Result<Response, EgressError> {
        let started = Instant::now();
        let limit = request.timeout.min(TIMEOUT_MAX);
        let deadline = started + limit;
        let target = self.guard.options.target(&request.url, self.trust, &["http", "https"])?.to_string();
        let late = |phase| EgressError::Timeout { target: target.clone(), phase, limit };

        let prepared = prepare(&request, &self.guard.options.user_agent)
            .map_err(|what| EgressError::Request { target: target.clone(), what })?;
        let answer = timeout_at(deadline, self.http.request(prepared)).await;
        let response = answer.map_err(|_| late(Phase::Head))?.map_err(|error| broken(error, &target))?;

        let (head, body) = response.into_parts();
        let body = timeout_at(deadline, read(body, request.response_max, &target)).await;
        let body = body.map_err(|_| late(Phase::Body))??;
        Ok(Response { status: head.status, headers: head.headers, body, elapsed: started.elapsed() })
    }
}

fn prepare(request: &Request, user_agent: &str) -> Result<http::Request<Full<Bytes>>, String> {
    let without_fragment = &request.url[..Position::AfterQuery];
    let uri: Uri = without_fragment.parse().map_err(|error| format!("URL: {error}"))?;
    let mut prepared = http::Request::new(Full::new(request.body.clone()));
    *prepared.method_mut() = request.method.clone();
    *prepared.uri_mut() = uri;
    *prepared.headers_mut() = request.headers.clone();
    if !request.headers.contains_key(USER_AGENT) {
        let value = HeaderValue::from_str(user_agent).map_err(|error| format!("user agent: {error}"))?;
        prepared.headers_mut().insert(USER_AGENT, value);
    }
    Ok(prepared)
}

/// Reads a body up to the limit; a declared length over it is refused before the first byte.
async fn read(mut body: Incoming, limit: usize, target: &str) -> Result<Bytes, EgressError> {
    let too_large = || EgressError::BodyTooLarge { target: target.to_owned(), limit };
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > limit {
        return Err(too_large());
    }
    let mut whole = BytesMut::with_capacity(declared.min(BODY_ROOM_FIRST));
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| EgressError::Protocol { target: target.to_owned(), source: Arc::new(error) })?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > limit - whole.len() {
            return Err(too_large());
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// The connector's own error comes back wrapped in the HTTP layer's.
fn broken(error: legacy::Error, target: &str) -> EgressError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(ours) = current.downcast_ref::<EgressError>() {
            return ours.clone();
        }
        cause = current.source();
    }
    EgressError::Protocol { target: target.to_owned(), source: Arc::new(error) }
}
