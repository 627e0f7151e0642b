//! The receiver of failovers: believes what is signed, and does the same thing once.

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::received::{Failover, Received};
use super::signature::Secret;
use crate::faults::Fault;
use crate::server::Asked;

/// Seconds a throttled caller is told to wait.
const WAIT: &str = "5";

#[derive(Debug)]
pub(super) struct Receiver {
    secret: Secret,
}

impl Receiver {
    pub(super) fn new(secret: Secret) -> Self {
        Self { secret }
    }

    /// Takes a request: 202 when it is done now, 200 when it was done before, 401 when nobody vouches for it.
    pub(super) fn take(&self, parts: &Parts, body: &[u8], asked: &Asked, received: &Received) -> Response {
        let say = |status: StatusCode, body: Value| {
            (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
        };
        let id = match self.secret.verify(&parts.headers, body, asked.now) {
            Ok(id) => id,
            Err(doubt) => return say(StatusCode::UNAUTHORIZED, json!({"error": doubt.to_string()})),
        };
        if asked.has(Fault::Throttled) {
            return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, WAIT)]).into_response();
        }
        if asked.has(Fault::Failing) {
            return say(
                StatusCode::INTERNAL_SERVER_ERROR,
                json!({"error": "the failover could not be started"}),
            );
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return say(StatusCode::BAD_REQUEST, json!({"error": "the body is not JSON"}));
        };
        let failover = Failover { at: asked.now, id: id.to_owned(), attempts: 1, body };
        let is_new = received.failover(failover);
        let status = if is_new { StatusCode::ACCEPTED } else { StatusCode::OK };
        say(status, json!({"id": id, "accepted": true, "repeated": !is_new}))
    }
}
