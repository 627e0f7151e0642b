//! Why a call to Azure brought nothing, and what to do about it.

use std::error::Error;

use http::StatusCode;
use isobar_egress::{EgressError, Retry};
use serde::Deserialize;

use crate::CollectError;

/// How much of an unreadable answer is shown, in characters.
const EXCERPT_MAX: usize = 160;

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct ApiError {
    /// What kind of failure, which decides what is tried next.
    pub(super) kind: Failure,
    /// What was asked, what happened, what would help.
    pub(super) message: String,
    /// When another try makes sense.
    pub(super) retry: Retry,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Too many calls.
    Throttled,
    /// Azure failed; it may go well later, or with less asked.
    Transient,
    /// Nothing answered, or not to the end.
    Unreachable,
    /// No token, or the principal may not.
    Denied,
    /// Azure does not understand the question: asking it again is no use.
    Refused,
    /// An answer that is not what it should be.
    Unreadable,
}

impl ApiError {
    pub(super) fn new(kind: Failure, message: impl Into<String>) -> Self {
        let retry = if kind == Failure::Refused { Retry::Never } else { Retry::Backoff };
        Self { kind, message: message.into(), retry }
    }

    /// Whether the same question may fare better later or in smaller pieces.
    pub(super) fn is_passing(&self) -> bool {
        !matches!(self.kind, Failure::Denied | Failure::Refused)
    }

    /// The error with what was asked in front.
    pub(super) fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// What the network or the guard said.
    pub(super) fn unanswered(error: &EgressError) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            message = format!("{message}: {inner}");
            cause = inner.source();
        }
        let kind = match error {
            EgressError::BodyTooLarge { .. } => Failure::Unreadable,
            _ if error.retry() == Retry::Never => Failure::Refused,
            _ => Failure::Unreachable,
        };
        Self { kind, message, retry: error.retry() }
    }

    /// What an answer other than a success says.
    pub(super) fn answered(status: StatusCode, body: &[u8], retry: Option<Retry>) -> Self {
        let said = Said::read(body);
        let kind = kind_of(status, said.as_ref());
        let detail = said.as_ref().map_or_else(String::new, |said| format!(": {said}"));
        let hint = said.as_ref().map_or("", |said| hint(status, said));
        let message = format!("Azure answers {}{detail}{hint}", status.as_u16());
        let retry = retry.unwrap_or(if kind == Failure::Refused { Retry::Never } else { Retry::Backoff });
        Self { kind, message, retry }
    }

    /// What is wrong with an answer that says it is a success. Azure also puts errors into those.
    pub(super) fn unreadable(body: &[u8], error: &dyn std::fmt::Display) -> Self {
        match Said::read(body) {
            Some(said) => {
                let kind = kind_of(StatusCode::OK, Some(&said));
                Self::new(kind, format!("Azure answers 200 with an error: {said}"))
            }
            None => Self::new(Failure::Unreadable, format!("the answer cannot be read: {error}")),
        }
    }
}

impl From<ApiError> for CollectError {
    fn from(error: ApiError) -> Self {
        Self { message: error.message, retry: error.retry }
    }
}

/// Codes by which Azure says that it is busy, whatever the status. Sources: "Understand how Azure Resource Manager throttles
/// requests"; the codes of the metrics data plane come with status 529 or in a body.
const BUSY: [&str; 8] = [
    "Throttled",
    "TooManyRequests",
    "ResourceRequestsThrottled",
    "SubscriptionRequestsThrottled",
    "QueryThrottled",
    "QueryThrottledException",
    "ServerBusy",
    "RateLimiting",
];

/// Codes by which Azure says that it failed inside.
const BROKEN: [&str; 5] =
    ["InternalServerError", "InternalError", "ServiceUnavailable", "GatewayTimeout", "ServerTimeout"];

/// Whether a code means that the same question may be answered later: `Some(kind)` for what passes.
pub(super) fn passing(code: &str) -> Option<Failure> {
    let is_in = |codes: &[&str]| codes.iter().any(|known| known.eq_ignore_ascii_case(code));
    if is_in(&BUSY) {
        return Some(Failure::Throttled);
    }
    is_in(&BROKEN).then_some(Failure::Transient)
}

fn kind_of(status: StatusCode, said: Option<&Said>) -> Failure {
    if let Some(kind) = said.and_then(|said| passing(&said.code)) {
        return kind;
    }
    match status.as_u16() {
        429 => Failure::Throttled,
        // 529 is "site is overloaded", of the data plane.
        529 => Failure::Throttled,
        408 | 500..=599 => Failure::Transient,
        401 | 403 => Failure::Denied,
        _ if said
            .is_some_and(|said| said.code.starts_with("AADSTS") || said.code == "AuthorizationFailed") =>
        {
            Failure::Denied
        }
        200..=299 => Failure::Transient,
        _ => Failure::Refused,
    }
}

/// What would help, where that is known. Source of the codes: "Microsoft Entra authentication and authorization error codes".
fn hint(status: StatusCode, said: &Said) -> &'static str {
    match said.code.as_str() {
        "AADSTS7000215" => "; the client secret is wrong: give its value, not its id",
        "AADSTS7000222" => "; the client secret has expired: make a new one",
        "AADSTS700016" => "; there is no such client_id in this tenant",
        "AADSTS90002" | "AADSTS900023" => "; there is no such tenant_id",
        "AADSTS700024" | "AADSTS500133" => "; set this machine's clock",
        "AADSTS53003" => "; a conditional access policy keeps this principal out",
        _ if status == StatusCode::FORBIDDEN => {
            "; give the principal the role Monitoring Reader on the subscription"
        }
        _ => "",
    }
}

/// What an error's body says: ARM's `{"error": {code, message}}`, the token service's `{"error", "error_description"}`, the
/// data plane's `{"error": …}` or a bare `{code, message}`.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    code: String,
    message: String,
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code.is_empty(), self.message.is_empty() || self.message == self.code) {
            (false, false) => write!(f, "{}: {}", self.code, self.message),
            (false, true) => f.write_str(&self.code),
            (true, _) => f.write_str(&self.message),
        }
    }
}

#[derive(Deserialize)]
struct RawSaid {
    error: Option<RawError>,
    error_description: Option<String>,
    #[serde(alias = "errorCode", alias = "Code")]
    code: Option<String>,
    #[serde(alias = "errorMessage", alias = "Message")]
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawError {
    Word(String),
    Object {
        #[serde(default, alias = "Code")]
        code: Option<String>,
        #[serde(default, alias = "Message")]
        message: Option<String>,
    },
}

impl Said {
    fn read(body: &[u8]) -> Option<Self> {
        let raw: RawSaid = serde_json::from_slice(body).ok()?;
        let (code, message) = match (raw.error, raw.error_description) {
            (Some(RawError::Word(_)), Some(description)) if description.starts_with("AADSTS") => {
                let (code, rest) = description.split_once(':').unwrap_or((&description, ""));
                (code.to_owned(), rest.to_owned())
            }
            (Some(RawError::Word(word)), description) => (word, description.unwrap_or_default()),
            (Some(RawError::Object { code, message }), _) => {
                (code.unwrap_or_default(), message.unwrap_or_default())
            }
            (None, _) => (raw.code?, raw.message.unwrap_or_default()),
        };
        let message = excerpt(&message);
        (!code.is_empty() || !message.is_empty()).then_some(Self { code, message })
    }
}

/// The first line, cut: the token service adds trace ids and times.
fn excerpt(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(" Trace ID:").next().unwrap_or(line).trim();
    match line.char_indices().nth(EXCERPT_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, kind: Failure, message: &str) {
        let error = ApiError::answered(StatusCode::from_u16(status).unwrap(), body.as_bytes(), None);
        assert_eq!((error.kind, error.message.as_str()), (kind, message), "{body}");
    }

    #[test]
    fn errors_are_told_apart_and_say_what_would_help() {
        check(
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Trace ID: 1\r\nx"}"#,
            Failure::Denied,
            "Azure answers 401: AADSTS7000215: Invalid client secret provided.; the client secret is wrong: give its value, not its id",
        );
        check(
            400,
            r#"{"error":"unauthorized_client","error_description":"AADSTS700016: Application not found"}"#,
            Failure::Denied,
            "Azure answers 400: AADSTS700016: Application not found; there is no such client_id in this tenant",
        );
        check(
            403,
            r#"{"error":{"code":"AuthorizationFailed","message":"The client does not have authorization"}}"#,
            Failure::Denied,
            "Azure answers 403: AuthorizationFailed: The client does not have authorization; \
             give the principal the role Monitoring Reader on the subscription",
        );
        check(429, "", Failure::Throttled, "Azure answers 429");
        check(529, r#"{"errorCode":"Throttled"}"#, Failure::Throttled, "Azure answers 529: Throttled");
        check(500, "<html>", Failure::Transient, "Azure answers 500");
        check(
            400,
            r#"{"code":"BadRequest","message":"no such metric"}"#,
            Failure::Refused,
            "Azure answers 400: BadRequest: no such metric",
        );
    }

    #[test]
    fn an_error_in_a_success_is_one() {
        let error =
            ApiError::unreadable(br#"{"error":{"code":"ServerBusy","message":"later"}}"#, &"no values");
        assert_eq!(error.kind, Failure::Throttled);
        assert_eq!(error.message, "Azure answers 200 with an error: ServerBusy: later");
        let error = ApiError::unreadable(b"[1", &"EOF");
        assert_eq!(error.kind, Failure::Unreadable);
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(status in 100u16..1000, body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            ApiError::answered(StatusCode::from_u16(status).unwrap(), &body, None);
            ApiError::unreadable(&body, &"x");
        }
    }
}
