//! What receives pages: PagerDuty, webhooks, the receiver of failovers, and mail.

mod failover;
mod pagerduty;
mod received;
mod signature;
mod smtp;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};

use crate::clock::Clock;
use crate::estate::{Cloud, Dice};
use crate::faults::{Call, Fault, Provider};
use crate::server::{Asked, Site};

use signature::Secret;

pub use pagerduty::{Incident, IncidentState};
pub use received::{Failover, Mail, Page, Received, Webhook};
pub(crate) use smtp::Smtp;

/// Everything that receives.
#[derive(Debug)]
pub(crate) struct Sinks {
    pub(crate) received: Arc<Received>,
    pagerduty: pagerduty::PagerDuty,
    failover: failover::Receiver,
    /// What failovers are signed with, as its owner configures it.
    pub(crate) failover_secret: String,
}

impl Sinks {
    pub(crate) fn new(seed: u64) -> Self {
        let bytes =
            hex::decode(Dice::new(seed).hex(64, "failover secret")).expect("dice give hexadecimal digits");
        let failover_secret = format!("whsec_{}", BASE64.encode(bytes));
        let secret = Secret::parse(&failover_secret).expect("a secret that was just made");
        Self {
            received: Arc::default(),
            pagerduty: pagerduty::PagerDuty::default(),
            failover: failover::Receiver::new(secret),
            failover_secret,
        }
    }

    /// The incidents at PagerDuty, in the order they were opened.
    pub(crate) fn incidents(&self) -> Vec<Incident> {
        self.pagerduty.incidents()
    }
}

/// The site of those that are told over HTTP.
pub(crate) fn site(sinks: &Arc<Sinks>) -> Site {
    let router = Router::new().fallback(answer).with_state(Arc::clone(sinks));
    Site { provider: Provider::Sinks, cloud: Cloud::Onprem, classify, router }
}

/// The server of those that are told by mail.
pub(crate) fn smtp(sinks: &Arc<Sinks>, clock: Clock) -> Smtp {
    Smtp::new(Arc::clone(&sinks.received), clock)
}

fn classify(parts: &Parts, _: &[u8]) -> Call {
    let first = parts.uri.path().trim_matches('/').split('/').next().unwrap_or_default();
    let operation = match first {
        "v2" => "PagerDuty",
        "webhook" => "Webhook",
        "failover" => "Failover",
        _ => "Unknown",
    };
    Call { operation: operation.to_owned(), region: String::new() }
}

async fn answer(State(sinks): State<Arc<Sinks>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let asked = parts.extensions.get::<Asked>().cloned().expect("the server adds what is asked");
    // The server has bounded the body already.
    let body: Bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let segments: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    if parts.method != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    match segments.as_slice() {
        ["v2", "enqueue"] => sinks.pagerduty.enqueue(&body, &asked, &sinks.received),
        ["webhook"] | ["webhook", _] => {
            let name = segments.get(1).copied().unwrap_or_default();
            webhook(&sinks, name, &parts, &body, &asked)
        }
        ["failover"] | ["failover", _] => sinks.failover.take(&parts, &body, &asked, &sinks.received),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Takes any body and answers 200.
fn webhook(sinks: &Sinks, name: &str, parts: &Parts, body: &[u8], asked: &Asked) -> Response {
    if asked.has(Fault::Throttled) {
        return (StatusCode::TOO_MANY_REQUESTS, [(http::header::RETRY_AFTER, "5")]).into_response();
    }
    if asked.has(Fault::Failing) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    sinks.received.webhook(Webhook {
        at: asked.now,
        name: name.to_owned(),
        headers: parts.headers.iter().map(header).collect(),
        body: String::from_utf8_lossy(body).into_owned(),
    });
    // Chat robots say no with 200: so does this under the fault.
    let says = if asked.has(Fault::ErrorIn200) {
        r#"{"errcode":310000,"errmsg":"refused"}"#
    } else {
        r#"{"errcode":0,"code":0,"ok":true}"#
    };
    ([(http::header::CONTENT_TYPE, "application/json")], says).into_response()
}

#[cfg(test)]
mod tests;
