//! The doors: groups of routes that speak to one kind of client, and how each of them says no.

use axum::response::{Html, IntoResponse, Response};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::alertmanager::AlertmanagerError;
use crate::document;
use crate::native::NativeError;
use crate::prometheus::PrometheusError;

/// What kind of client a route speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Clients of Prometheus' API.
    Prometheus,
    /// Clients of Alertmanager's API.
    Alertmanager,
    /// Clients of the native API.
    Native,
    /// Probes, scrapers, and senders of hooks: plain text.
    Plain,
    /// People in front of a browser.
    Page,
}

/// Why a request does not reach its handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

impl Door {
    /// Whether basic authentication counts here beside bearer tokens. The native API is for programs of ours: a
    /// credential that browsers send by themselves has no use there.
    pub(crate) fn takes_basic(self) -> bool {
        self != Self::Native
    }

    /// The refusal in the shape this door's clients read.
    pub(crate) fn refuse(self, refusal: Refusal) -> Response {
        let Refusal { status, message } = refusal;
        let mut response = match self {
            Self::Prometheus => PrometheusError::of_status(status, message).into_response(),
            Self::Alertmanager => AlertmanagerError::of_status(status, message).into_response(),
            Self::Native => NativeError::new(status, message).into_response(),
            Self::Plain => (status, format!("{message}\n")).into_response(),
            Self::Page => (status, Html(document::refusal(status, &message))).into_response(),
        };
        if status == StatusCode::UNAUTHORIZED {
            let challenge = if self.takes_basic() {
                r#"Basic realm="isobar", charset="UTF-8""#
            } else {
                r#"Bearer realm="isobar""#
            };
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// A JSON body with its status.
pub(crate) fn json_response(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// The door whose clients an unknown path most likely comes from.
pub(crate) fn door_of_path(path: &str) -> Door {
    match path {
        _ if path.starts_with("/api/v1/") => Door::Prometheus,
        _ if path.starts_with("/api/v2/") => Door::Alertmanager,
        _ if path.starts_with("/api/") => Door::Native,
        _ if path.starts_with("/-/") || path.starts_with("/hooks/") => Door::Plain,
        _ => Door::Page,
    }
}
