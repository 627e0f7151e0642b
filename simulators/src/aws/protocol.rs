//! Which protocol a request speaks, and how an answer or an error is said in it.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::codec::{cbor, json};
use super::error::ApiError;
use super::value::Value;

/// The path of Smithy RPC v2: `/service/{service}/operation/{operation}`.
const RPC_PREFIX: &str = "/service/";

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Smithy RPC v2 with CBOR.
    Cbor,
    /// AWS JSON; the minor version, 0 or 1.
    Json(u8),
    /// The query protocol: a form asks, XML answers.
    Query,
}

/// A request as its protocol says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) protocol: Protocol,
    /// The service's name on the wire, for example `GraniteServiceVersion20100801`; empty in the query protocol.
    pub(crate) service: String,
    pub(crate) operation: String,
}

/// Reads protocol, service and operation; none when it is no request of AWS.
pub(crate) fn name(parts: &Parts, body: &[u8]) -> Option<Named> {
    if let Some(rest) = parts.uri.path().strip_prefix(RPC_PREFIX) {
        let (service, operation) = rest.split_once("/operation/")?;
        let speaks = parts.headers.get("smithy-protocol")? == "rpc-v2-cbor";
        let named = Named { protocol: Protocol::Cbor, service: service.into(), operation: operation.into() };
        return speaks.then_some(named);
    }
    if let Some(target) = parts.headers.get("x-amz-target") {
        let (service, operation) = target.to_str().ok()?.split_once('.')?;
        let kind = parts.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let minor = if kind.starts_with("application/x-amz-json-1.1") { 1 } else { 0 };
        return Some(Named {
            protocol: Protocol::Json(minor),
            service: service.into(),
            operation: operation.into(),
        });
    }
    let action = form(parts, body).into_iter().find(|(key, _)| key == "Action")?.1;
    Some(Named { protocol: Protocol::Query, service: String::new(), operation: action })
}

/// The parameters of the query protocol, from the query and the body.
pub(crate) fn form(parts: &Parts, body: &[u8]) -> Vec<(String, String)> {
    let in_query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    in_query
        .chain(url::form_urlencoded::parse(body))
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

impl Protocol {
    pub(crate) fn decode(self, body: &[u8]) -> Result<Value, ApiError> {
        let decoded = match self {
            Self::Cbor => cbor::decode(body),
            Self::Json(_) | Self::Query => json::decode(body),
        };
        decoded.map_err(|error| ApiError::unreadable(error.to_string()))
    }

    /// Says an answer.
    pub(crate) fn answer(self, value: &Value) -> Response<Bytes> {
        let body = match self {
            Self::Cbor => cbor::encode(value),
            Self::Json(_) | Self::Query => json::encode(value),
        };
        self.respond(StatusCode::OK, body)
    }

    /// Says an error; `old_names` for services that once spoke the query protocol.
    pub(crate) fn error(self, error: &ApiError, namespace: &str, old_names: bool) -> Response<Bytes> {
        let body = Value::map([
            ("__type", format!("{namespace}#{}", error.shape).into()),
            ("message", error.message.as_str().into()),
        ]);
        let body = match self {
            Self::Cbor => cbor::encode(&body),
            Self::Json(_) => json::encode(&body),
            Self::Query => xml_error(error).into_bytes(),
        };
        let mut response = self.respond(error.status, body);
        if old_names && self != Self::Query {
            let value = format!("{};{}", error.code, error.fault());
            let value = HeaderValue::from_str(&value).expect("codes are plain words");
            response.headers_mut().insert(HeaderName::from_static("x-amzn-query-error"), value);
        }
        response
    }

    fn respond(self, status: StatusCode, body: Vec<u8>) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let kind = match self {
            Self::Cbor => "application/cbor",
            Self::Json(0) => "application/x-amz-json-1.0",
            Self::Json(_) => "application/x-amz-json-1.1",
            Self::Query => "text/xml",
        };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if self == Self::Cbor {
            let name = HeaderName::from_static("smithy-protocol");
            response.headers_mut().insert(name, HeaderValue::from_static("rpc-v2-cbor"));
        }
        response
    }

    /// Says an answer of the query protocol that is XML already.
    pub(crate) fn xml(body: String) -> Response<Bytes> {
        Self::xml_under(StatusCode::OK, body)
    }

    /// Says XML under a status.
    pub(crate) fn xml_under(status: StatusCode, body: String) -> Response<Bytes> {
        Self::Query.respond(status, body.into_bytes())
    }
}

fn xml_error(error: &ApiError) -> String {
    format!(
        "<ErrorResponse><Error><Type>{}</Type><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>",
        error.fault(),
        error.code,
        escape(&error.message)
    )
}

/// Escapes text for XML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
