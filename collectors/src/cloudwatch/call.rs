//! One call of AWS: counted, tried again within a budget, and its failure said in words an operator can act on.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_cloudwatch::config::http::HttpResponse;
use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::time::TimeSource;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use isobar_egress::{EgressError, Retry, retry_after};
use tokio::time::sleep;

use super::clock::Clock;
use crate::Calls;

/// An operation and what IAM calls the right to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) permission: &'static str,
}

pub(super) const ASSUME_ROLE: Operation = Operation { name: "AssumeRole", permission: "sts:AssumeRole" };
pub(super) const GET_CALLER_IDENTITY: Operation =
    Operation { name: "GetCallerIdentity", permission: "sts:GetCallerIdentity" };
pub(super) const LIST_METRICS: Operation =
    Operation { name: "ListMetrics", permission: "cloudwatch:ListMetrics" };
pub(super) const GET_METRIC_DATA: Operation =
    Operation { name: "GetMetricData", permission: "cloudwatch:GetMetricData" };
pub(super) const DESCRIBE_ALARMS: Operation =
    Operation { name: "DescribeAlarms", permission: "cloudwatch:DescribeAlarms" };
pub(super) const DESCRIBE_ALARM_HISTORY: Operation =
    Operation { name: "DescribeAlarmHistory", permission: "cloudwatch:DescribeAlarmHistory" };
pub(super) const DESCRIBE_ALARM_CONTRIBUTORS: Operation =
    Operation { name: "DescribeAlarmContributors", permission: "cloudwatch:DescribeAlarmContributors" };
pub(super) const LIST_TAGS: Operation =
    Operation { name: "ListTagsForResource", permission: "cloudwatch:ListTagsForResource" };
pub(super) const GET_RESOURCES: Operation =
    Operation { name: "GetResources", permission: "tag:GetResources" };
pub(super) const DESCRIBE_INSTANCES: Operation =
    Operation { name: "DescribeInstances", permission: "ec2:DescribeInstances" };

/// Retries cost ten, calls that went well give one: one call in ten may be tried again.
const RETRY_COST: u32 = 10;
/// What is saved up at most: three retries at once.
const SAVED_MAX: u32 = 30;
/// The pause before a call is tried again; after a throttled one, a second's worth of quota has come back.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_THROTTLED: Duration = Duration::from_secs(1);
/// A longer `Retry-After` is waited for by the scheduler.
const RETRY_AFTER_WAITED: Duration = Duration::from_secs(5);

/// How much of a provider's message is shown, in characters.
const MESSAGE_MAX: usize = 400;

/// Counts calls of one source and tries them again.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    counted: Arc<Mutex<BTreeMap<&'static str, (u64, u64)>>>,
    saved: Arc<AtomicU32>,
    pub(super) clock: Clock,
}

/// Why a call brought nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The operation, what happened and what to do about it.
    pub(super) message: String,
    pub(super) retry: Retry,
    /// The provider asks for fewer calls.
    pub(super) is_throttled: bool,
}

impl Failure {
    /// An answer that came and makes no sense.
    pub(super) fn broken(operation: &Operation, what: impl fmt::Display) -> Self {
        let message = format!("{}: {what}", operation.name);
        Self { message, retry: Retry::Backoff, is_throttled: false }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What an SDK error holds, without its type.
#[derive(Debug, Default)]
struct Told {
    code: Option<String>,
    message: Option<String>,
    status: Option<u16>,
    retry_after: Option<Duration>,
    /// The error and its causes, outermost first.
    chain: Vec<String>,
    egress: Option<EgressError>,
}

impl Caller {
    pub(super) fn new(clock: Clock) -> Self {
        Self { counted: Arc::default(), saved: Arc::new(AtomicU32::new(RETRY_COST)), clock }
    }

    /// Calls; what fails in passing is tried once more. `billed` are the units of one answered call.
    pub(super) async fn call<T, E, F>(
        &self,
        operation: &Operation,
        billed: u64,
        mut send: impl FnMut() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let mut is_second = false;
        loop {
            let answered = send().await;
            self.count(operation.name, if answered.is_ok() { billed } else { 0 });
            let failure = match answered {
                Ok(answer) => {
                    let save = |saved: u32| Some((saved + 1).min(SAVED_MAX));
                    // The closure never refuses.
                    let _ = self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, save);
                    return Ok(answer);
                }
                Err(error) => {
                    let told = self.told(&error);
                    // What ran out of time would take as long again.
                    let is_slow = matches!(told.egress, Some(EgressError::Timeout { .. }));
                    (judge(operation, &told), is_slow)
                }
            };
            let (failure, is_slow) = failure;
            let pause = match failure.retry {
                Retry::Backoff if failure.is_throttled => Some(PAUSE_THROTTLED),
                Retry::Backoff if !is_slow => Some(PAUSE),
                Retry::After(wait) if wait <= RETRY_AFTER_WAITED => Some(wait),
                _ => None,
            };
            match pause.filter(|_| !is_second && self.may_retry()) {
                Some(pause) => sleep(pause).await,
                None => return Err(failure),
            }
            is_second = true;
        }
    }

    /// Hands over what was called since the last time.
    pub(super) fn drain(&self) -> Vec<Calls> {
        let counted = std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        counted.into_iter().map(|(operation, (calls, billed))| Calls { operation, calls, billed }).collect()
    }

    fn count(&self, operation: &'static str, billed: u64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (calls, units) = counted.entry(operation).or_default();
        *calls += 1;
        *units += billed;
    }

    /// Whether another try is within the budget; it is paid for then.
    fn may_retry(&self) -> bool {
        let pay = |saved: u32| saved.checked_sub(RETRY_COST);
        self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay).is_ok()
    }

    fn told<E>(&self, error: &SdkError<E, HttpResponse>) -> Told
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let response = error.raw_response();
        let mut headers = HeaderMap::new();
        let header = response.and_then(|response| response.headers().get(RETRY_AFTER.as_str()));
        headers.extend(header.and_then(|value| value.parse().ok()).map(|value| (RETRY_AFTER, value)));
        let mut told = Told {
            code: error.code().map(str::to_owned),
            message: error.message().map(str::to_owned),
            status: response.map(|response| response.status().as_u16()),
            retry_after: retry_after(&headers, self.clock.now()),
            ..Told::default()
        };
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(current) = cause {
            if let Some(ours) = current.downcast_ref::<EgressError>() {
                told.egress.get_or_insert_with(|| ours.clone());
            }
            // Credentials are fetched inside the call that needs them, and their failure has said all.
            if let Some(inner) = current.downcast_ref::<CredentialsFailed>() {
                told.chain = vec![inner.0.clone()];
                return told;
            }
            told.chain.push(current.to_string());
            cause = current.source();
        }
        told
    }
}

/// Why there are no credentials, on its way through the SDK.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct CredentialsFailed(pub(super) String);

/// Says what a failure means and when another try makes sense. Codes: aws-runtime's list of throttling errors, and
/// "Common Error Types" of the CloudWatch API Reference; EC2 has words of its own ("Error codes for the Amazon EC2 API").
fn judge(operation: &Operation, told: &Told) -> Failure {
    let Operation { name, permission } = operation;
    let code = told.code.as_deref().unwrap_or_default();
    let said = told.message.as_deref().unwrap_or_default();
    let said = if said.is_empty() { code.to_owned() } else { shorten(&format!("{code}: {said}")) };
    let passing = told.retry_after.map_or(Retry::Backoff, Retry::After);
    let failure = |what: String, retry, is_throttled| Failure {
        message: format!("{name}: {what}"),
        retry,
        is_throttled,
    };
    if is_throttling(code) || told.status == Some(429) {
        let said = if said.is_empty() { "429".to_owned() } else { said };
        return failure(format!("throttled ({said})"), passing, true);
    }
    if is_skew(code, told.message.as_deref().unwrap_or_default()) {
        let what = format!("the clock of this machine is off, so that AWS refuses its signatures ({said})");
        return failure(what, Retry::Never, false);
    }
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            return failure(format!("access denied, {permission} is missing ({said})"), Retry::Never, false);
        }
        "InvalidClientTokenId"
        | "AuthFailure"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException" => {
            return failure(format!("the credentials are not valid ({said})"), Retry::Never, false);
        }
        "ExpiredToken" | "ExpiredTokenException" => {
            return failure(format!("the credentials have expired ({said})"), Retry::Backoff, false);
        }
        _ => {}
    }
    match (told.status, &told.egress) {
        (_, Some(error)) => failure(shorten(&error.chain()), error.retry(), false),
        (Some(status @ (401 | 403)), _) => {
            let said = if said.is_empty() { String::new() } else { format!(" ({said})") };
            let what = format!("refused with {status}: check the credentials and {permission}{said}");
            failure(what, Retry::Never, false)
        }
        (Some(status @ 500..=599), _) => {
            let said = if said.is_empty() { String::new() } else { format!(" ({said})") };
            failure(format!("answered {status}{said}"), passing, false)
        }
        (Some(status @ 200..=299), _) => {
            let what = format!("answered {status} with what cannot be read: {}", told.chain.join(": "));
            failure(shorten(&what), Retry::Backoff, false)
        }
        (Some(status), _) if !code.is_empty() => {
            failure(format!("answered {status} ({said})"), Retry::Never, false)
        }
        (Some(status), _) => failure(format!("answered {status}"), Retry::Never, false),
        (None, _) => failure(shorten(&told.chain.join(": ")), Retry::Backoff, false),
    }
}

fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "ProvisionedThroughputExceededException"
            | "TransactionInProgressException"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
            | "LimitExceededException"
            | "RequestThrottled"
            | "SlowDown"
            | "PriorRequestNotComplete"
            | "EC2ThrottledException"
    )
}

/// Signature errors that only a wrong clock makes.
fn is_skew(code: &str, message: &str) -> bool {
    matches!(code, "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture")
        || message.contains("Signature expired")
        || message.contains("Signature not yet current")
}

/// What a stranger said, in one line and not without end.
fn shorten(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(MESSAGE_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(told: Told, expected: &str, retry: Retry, is_throttled: bool) {
        let failure = judge(&GET_METRIC_DATA, &told);
        assert_eq!(failure, Failure { message: expected.to_owned(), retry, is_throttled });
    }

    fn coded(status: u16, code: &str, message: &str) -> Told {
        Told {
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
            status: Some(status),
            ..Told::default()
        }
    }

    #[test]
    fn failures_say_what_is_missing() {
        check(
            coded(403, "AccessDenied", "User: arn:x is not authorized"),
            "GetMetricData: access denied, cloudwatch:GetMetricData is missing \
             (AccessDenied: User: arn:x is not authorized)",
            Retry::Never,
            false,
        );
        check(
            coded(403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
            "GetMetricData: access denied, cloudwatch:GetMetricData is missing \
             (UnauthorizedOperation: You are not authorized to perform this operation.)",
            Retry::Never,
            false,
        );
        check(
            coded(401, "AuthFailure", "no such key"),
            "GetMetricData: the credentials are not valid (AuthFailure: no such key)",
            Retry::Never,
            false,
        );
        check(
            coded(403, "SignatureDoesNotMatch", "Signature expired: 2026 is now earlier than 2027"),
            "GetMetricData: the clock of this machine is off, so that AWS refuses its signatures \
             (SignatureDoesNotMatch: Signature expired: 2026 is now earlier than 2027)",
            Retry::Never,
            false,
        );
        check(
            coded(403, "InvalidClientTokenId", "no such key"),
            "GetMetricData: the credentials are not valid (InvalidClientTokenId: no such key)",
            Retry::Never,
            false,
        );
    }

    #[test]
    fn throttling_is_told_from_failing() {
        let throttled = "GetMetricData: throttled (Throttling: Rate exceeded)";
        check(coded(400, "Throttling", "Rate exceeded"), throttled, Retry::Backoff, true);
        let wait = Duration::from_secs(7);
        let told = Told { status: Some(429), retry_after: Some(wait), ..Told::default() };
        check(told, "GetMetricData: throttled (429)", Retry::After(wait), true);
        let throttled = "GetMetricData: throttled (RequestLimitExceeded: Request limit exceeded.)";
        let told = coded(503, "RequestLimitExceeded", "Request limit exceeded.");
        check(told, throttled, Retry::Backoff, true);
        let told = Told { status: Some(503), ..Told::default() };
        check(told, "GetMetricData: answered 503", Retry::Backoff, false);
        let told = Told { status: Some(403), ..Told::default() };
        check(
            told,
            "GetMetricData: refused with 403: check the credentials and cloudwatch:GetMetricData",
            Retry::Never,
            false,
        );
    }

    #[test]
    fn one_call_in_ten_may_be_tried_again() {
        let caller = Caller::new(Clock::default());
        assert!(caller.may_retry(), "the first one");
        let retries = (0..1000).filter(|_| {
            let _ = caller
                .saved
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| Some((saved + 1).min(SAVED_MAX)));
            caller.may_retry()
        });
        assert_eq!(retries.count(), 100);
    }
}
