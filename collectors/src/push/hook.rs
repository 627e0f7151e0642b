//! The one trait every kind of hook implements.

use std::fmt;

use http::{HeaderMap, Method};
use isobar_normalizer::{ConfigError, Step, Timestamp};

use super::{PushLimits, Pushed};

/// One request to a hook, its sender known as far as the hook asks for it.
#[derive(Clone, Copy, Debug)]
pub struct HookRequest<'a> {
    /// `POST`, or `OPTIONS` where a sender asks first.
    pub method: &'a Method,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, as it came.
    pub body: &'a [u8],
    /// When it came.
    pub now: Timestamp,
    /// What one alert may hold.
    pub limits: &'a PushLimits,
}

/// What a request means.
#[derive(Clone, Debug, PartialEq)]
pub enum HookAnswer {
    /// Alerts.
    Alerts(Pushed),
    /// The sender asks whether it may send: yes, to be answered with these headers.
    Allowed(Vec<(&'static str, String)>),
}

/// Why nothing of a request can be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// It is not what this kind's senders send; one line that says what was expected.
    #[error("{0}")]
    Malformed(String),
    /// Its method, or its content type, is not spoken here.
    #[error("{0}")]
    Unsupported(String),
}

/// A configured reader of one system's webhooks.
pub trait Hook: fmt::Debug + Send + Sync {
    /// Reads one request.
    ///
    /// # Errors
    /// See [`HookError`].
    fn read(&self, request: HookRequest<'_>) -> Result<HookAnswer, HookError>;
}

/// What the configuration word `kind: …` of a hook stands for.
pub trait HookKind: fmt::Debug + Sync {
    /// The word, which is also a part of the hook's path.
    fn name(&self) -> &'static str;

    /// A complete, commented sample of the `settings` table, YAML.
    fn sample(&self) -> &'static str;

    /// Reads the `settings` table that stands at `at` in a YAML document; a missing table is an empty one.
    ///
    /// # Errors
    /// Unknown keys, wrong types, values out of range, each with its place in the document.
    fn build(&self, document: &str, at: &[Step]) -> Result<Box<dyn Hook>, ConfigError>;
}

/// Refuses everything but POST.
pub(super) fn posted_only(request: &HookRequest<'_>) -> Result<(), HookError> {
    if *request.method == Method::POST {
        return Ok(());
    }
    Err(HookError::Unsupported("send it with POST".to_owned()))
}

/// Reads the body as JSON of a known shape.
pub(super) fn json<'a, T: serde::Deserialize<'a>>(body: &'a [u8], expected: &str) -> Result<T, HookError> {
    serde_json::from_slice(body)
        .map_err(|error| HookError::Malformed(format!("{error}; expected {expected}")))
}
