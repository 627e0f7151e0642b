//! The SDK's way to HTTP: through the guarded client, so that there is one TLS, one pool and one guard.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_cloudwatch::config::RuntimeComponents;
use aws_sdk_cloudwatch::config::http::{HttpRequest, HttpResponse};
use aws_sdk_cloudwatch::error::ConnectorError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, StatusCode};
use isobar_egress::{Client, EgressError, Request, Response};

/// The largest answer taken. A page of GetMetricData has at most 100,800 points, some 20 bytes each in CBOR.
const RESPONSE_MAX: usize = 16 << 20;

/// A [`Client`] as the SDK wants it.
#[derive(Clone, Debug)]
pub(super) struct GuardedHttp(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    timeout: Duration,
}

impl GuardedHttp {
    /// Every request may take `timeout` as a whole.
    pub(super) fn new(client: Client, timeout: Duration) -> Self {
        Self(Arc::new(Inner { client, timeout }))
    }
}

impl HttpClient for GuardedHttp {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for GuardedHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let request = outgoing(request, this.timeout)?;
            incoming(this.client.send(request).await.map_err(failed)?)
        })
    }
}

fn outgoing(request: HttpRequest, timeout: Duration) -> Result<Request, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    let url = head.uri.to_string().parse();
    let url = url.map_err(|error: url::ParseError| ConnectorError::user(error.into()))?;
    let body = body.bytes().ok_or_else(|| ConnectorError::user("a request is no stream".into()))?;
    let mut headers: HeaderMap = head.headers;
    // The client writes them itself, from the URL and the body.
    headers.remove(HOST);
    headers.remove(CONTENT_LENGTH);
    let body = Bytes::copy_from_slice(body);
    Ok(Request { method: head.method, url, headers, body, timeout, response_max: RESPONSE_MAX })
}

fn incoming(response: Response) -> Result<HttpResponse, ConnectorError> {
    // The SDK would take an error under a good status for an answer that holds nothing, and nothing is a fact: no alarms.
    let is_hidden = response.status.is_success() && is_error(&response.body);
    let status = if is_hidden { StatusCode::INTERNAL_SERVER_ERROR } else { response.status };
    let mut answer = http::Response::new(response.body.into());
    *answer.status_mut() = status;
    *answer.headers_mut() = response.headers;
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

/// Whether a body in CBOR or JSON begins as errors do: with the error's type.
fn is_error(body: &[u8]) -> bool {
    let in_map = match body {
        // A map of up to 23 members, or of any number.
        [0xa1..=0xb7 | 0xbf, rest @ ..] => rest,
        _ => return body.trim_ascii_start().starts_with(b"{\"__type\""),
    };
    // A text of six bytes.
    in_map.starts_with(b"\x66__type")
}

fn failed(error: EgressError) -> ConnectorError {
    match &error {
        EgressError::Timeout { .. } => ConnectorError::timeout(error.into()),
        EgressError::Refused { .. } | EgressError::Request { .. } | EgressError::Options(_) => {
            ConnectorError::user(error.into())
        }
        EgressError::BodyTooLarge { .. } => ConnectorError::other(error.into(), None),
        _ => ConnectorError::io(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_from_answers() {
        assert!(is_error(b"\xa2\x66__type\x63abc\x67message\x60"));
        assert!(is_error(b"\xbf\x66__type\x63abc\xff"));
        assert!(is_error(b"{\"__type\": \"x\"}"));
        assert!(!is_error(b"\xbf\x67Metrics\x80\xff"));
        assert!(!is_error(b"\xa0"));
        assert!(!is_error(b""));
    }
}
