//! What a failed collection says of the provider, read from what it says in words.

use isobar_alerting::Trouble;

/// Words of collectors' messages and what they mean, the first that occurs first. What has none of them, a setting that is
/// wrong or a disk that is full here, says nothing of the provider.
const WORDS: [(&str, Option<Trouble>); 27] = [
    ("storing: ", None),
    ("throttled", Some(Trouble::Throttled)),
    ("answers 429", Some(Trouble::Throttled)),
    ("answered 429", Some(Trouble::Throttled)),
    ("access denied", Some(Trouble::Denied)),
    ("AuthorizationFailed", Some(Trouble::Denied)),
    ("the credentials", Some(Trouble::Denied)),
    ("no credentials", Some(Trouble::Denied)),
    ("the clock of this machine", Some(Trouble::Denied)),
    ("answers 401", Some(Trouble::Denied)),
    ("answers 403", Some(Trouble::Denied)),
    ("refused with 401", Some(Trouble::Denied)),
    ("refused with 403", Some(Trouble::Denied)),
    ("refused to connect", None),
    ("answers 5", Some(Trouble::Errors)),
    ("answered 5", Some(Trouble::Errors)),
    ("failed inside", Some(Trouble::Errors)),
    ("InternalServiceError", Some(Trouble::Errors)),
    ("ServerBusy", Some(Trouble::Errors)),
    ("cannot be read", Some(Trouble::Errors)),
    ("cannot connect", Some(Trouble::Unreachable)),
    ("cannot resolve", Some(Trouble::Unreachable)),
    ("did not open a tunnel", Some(Trouble::Unreachable)),
    ("TLS handshake with", Some(Trouble::Unreachable)),
    ("took longer than", Some(Trouble::Unreachable)),
    ("no answer within", Some(Trouble::Unreachable)),
    (" broke", Some(Trouble::Unreachable)),
];

/// How a collection went wrong; `None` when that tells nothing of the provider.
pub(super) fn trouble(message: &str) -> Option<Trouble> {
    WORDS.iter().find(|(word, _)| message.contains(word)).and_then(|(_, trouble)| *trouble)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_collectors_are_understood() {
        let cases = [
            ("1/us-east-1: GetMetricData: throttled (Throttling: Rate exceeded)", Some(Trouble::Throttled)),
            ("1/us-east-1: GetMetricData: answered 503 (ServiceUnavailable)", Some(Trouble::Errors)),
            ("1/us-east-1: 3 of 500 queries: failed inside CloudWatch", Some(Trouble::Errors)),
            ("westeurope: Azure answers 500: InternalServerError", Some(Trouble::Errors)),
            ("westeurope: Azure answers 429: TooManyRequests", Some(Trouble::Throttled)),
            (
                "ListMetrics: access denied, cloudwatch:ListMetrics is missing (AccessDenied)",
                Some(Trouble::Denied),
            ),
            ("GetMetricData: the credentials have expired (ExpiredToken)", Some(Trouble::Denied)),
            ("Azure answers 403: AuthorizationFailed", Some(Trouble::Denied)),
            (
                "cannot connect to monitoring.us-east-1.amazonaws.com:443: timed out",
                Some(Trouble::Unreachable),
            ),
            ("1/us-east-1: no answer within 240 s", Some(Trouble::Unreachable)),
            ("refused to connect to 169.254.169.254: metadata address", None),
            ("storing: answered 500", None),
            ("2 samples were refused: out of order", None),
        ];
        for (message, expected) in cases {
            assert_eq!(trouble(message), expected, "{message}");
        }
    }
}
