//! Serves one provider's routes on one address, with its faults and its log.

mod connection;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::clock::Clock;
use crate::estate::{Cloud, Estate, Millis};
use crate::faults::{Call, Fault, FaultHandle, Provider, spoil};
use crate::requests::{Logged, RequestLog};

/// The largest request body; the largest real one, a full GetMetricData, has some 200 kB.
const BODY_MAX: usize = 4 * 1024 * 1024;
/// How long a stalled request is held before its connection is closed.
const STALL: Duration = Duration::from_secs(120);
/// How often an address is tried again that cannot be bound.
const REBIND: Duration = Duration::from_millis(50);

/// What all servers of one run share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) estate: Arc<Estate>,
    pub(crate) clock: Clock,
    pub(crate) faults: FaultHandle,
    pub(crate) log: Arc<RequestLog>,
    pub(crate) stop: CancellationToken,
}

/// What the routes find in the extensions of a request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// When, by the simulators' clock.
    pub(crate) now: Millis,
    /// What, and of which region.
    pub(crate) call: Call,
    /// Faults the routes apply themselves; those of the connection and the body are not their affair.
    pub(crate) faults: Vec<Fault>,
    /// How much later data is than usual, because the scenario has the provider in trouble.
    pub(crate) late_ms: Millis,
}

impl Asked {
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

/// One provider's routes and how its calls are told apart.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) provider: Provider,
    pub(crate) cloud: Cloud,
    /// Reads operation and region from the request.
    pub(crate) classify: fn(&Parts, &[u8]) -> Call,
    pub(crate) router: Router,
}

/// A server that runs until its token is cancelled.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) task: JoinHandle<()>,
}

impl Site {
    /// Binds the address and serves until [`Shared::stop`] is cancelled.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub(crate) async fn serve(self, listen: SocketAddr, shared: Shared) -> std::io::Result<Server> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(self.accept(listener, address, shared));
        Ok(Server { address, task })
    }

    /// Whether nobody can connect now: a fault, or the scenario has cut the provider off.
    fn refuses(&self, shared: &Shared) -> bool {
        let (estate, now) = (&shared.estate, shared.clock.now());
        let trouble = estate.scenario().trouble(estate.origin(), self.cloud, "", now);
        trouble.unreachable || shared.faults.refuses(self.provider)
    }

    async fn accept(self, listener: TcpListener, address: SocketAddr, shared: Shared) {
        let site = Arc::new(self);
        let mut changes = shared.faults.changes();
        // The scenario moves with the clock, which tells nobody: it is looked at four times a second.
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        let mut listener = Some(listener);
        let mut connections = connection::Connections::default();
        loop {
            if site.refuses(&shared) {
                listener = None;
                connections.reset_all();
            } else if listener.is_none() {
                match TcpListener::bind(address).await {
                    Ok(bound) => listener = Some(bound),
                    Err(_) => tokio::time::sleep(REBIND).await,
                }
            }
            let incoming = async {
                match &listener {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shared.stop.cancelled() => break,
                _ = tick.tick() => {}
                _ = changes.changed() => {}
                accepted = incoming => {
                    // A connection that cannot be accepted concerns nobody else.
                    let Ok((stream, _)) = accepted else { continue };
                    if site.refuses(&shared) {
                        connection::reset(&stream);
                    } else {
                        connections.serve(stream, Arc::clone(&site), shared.clone());
                    }
                }
            }
        }
        drop(listener);
        connections.finish().await;
    }

    /// Answers one request, or asks for the connection to be reset.
    pub(crate) async fn answer(
        &self,
        request: Request<hyper::body::Incoming>,
        shared: &Shared,
    ) -> Result<Response<Body>, connection::ResetNow> {
        let now = shared.clock.now();
        let (parts, body) = request.into_parts();
        let Ok(body) = Limited::new(body, BODY_MAX).collect().await else {
            return Ok(status_only(StatusCode::PAYLOAD_TOO_LARGE, None));
        };
        let body = body.to_bytes();
        let call = (self.classify)(&parts, &body);
        let mut faults = shared.faults.of_call(self.provider, &call);
        let trouble = shared.estate.scenario().trouble(shared.estate.origin(), self.cloud, &call.region, now);
        faults.extend(fate(&trouble, &parts, &body, now));
        let mut logged = Logged {
            at: now,
            provider: self.provider,
            call: call.clone(),
            target: format!("{} {}", parts.method, parts.uri),
            body_bytes: body.len(),
            status: 0,
            faults: faults.clone(),
        };
        if faults.contains(&Fault::Stall) {
            shared.log.push(logged);
            tokio::time::sleep(STALL).await;
            return Err(connection::ResetNow);
        }
        if faults.contains(&Fault::Reset) {
            shared.log.push(logged);
            return Err(connection::ResetNow);
        }
        let status = faults.iter().find_map(|fault| match fault {
            Fault::Status { code, retry_after_s } => Some((*code, *retry_after_s)),
            _ => None,
        });
        if let Some((code, retry_after_s)) = status {
            let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            logged.status = code.as_u16();
            shared.log.push(logged);
            return Ok(status_only(code, retry_after_s));
        }
        let asked = Asked { now, call, faults, late_ms: trouble.late_ms };
        let faults = asked.faults.clone();
        let response = self.route(parts, body, asked).await;
        logged.status = response.status().as_u16();
        shared.log.push(logged);
        Ok(spoil(response, &faults))
    }

    async fn route(&self, parts: Parts, body: Bytes, asked: Asked) -> Response<Bytes> {
        let mut request = Request::from_parts(parts, Body::from(body));
        request.extensions_mut().insert(asked);
        let answered: Result<_, Infallible> = self.router.clone().oneshot(request).await;
        let Ok(response) = answered;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Response::from_parts(head, body)
    }
}

/// What the scenario has in store for one request; the same request at the same time meets the same fate.
fn fate(trouble: &crate::Trouble, parts: &Parts, body: &[u8], now: Millis) -> Option<Fault> {
    if trouble.throttled == 0.0 && trouble.failing == 0.0 {
        return None;
    }
    let dice = crate::estate::Dice::new(now.cast_unsigned());
    let lot = dice.unit(&format!("{}{}", parts.uri, String::from_utf8_lossy(body)));
    match lot {
        lot if lot < trouble.throttled => Some(Fault::Throttled),
        lot if lot < trouble.throttled + trouble.failing => Some(Fault::Failing),
        _ => None,
    }
}

fn status_only(code: StatusCode, retry_after_s: Option<u32>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = code;
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}
