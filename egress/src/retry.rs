//! When trying again makes sense.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// What an error at an extension point says about another try. Only one loop per call retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before this long from now: the other side said so.
    After(Duration),
    /// With growing, jittered pauses.
    Backoff,
    /// Never: the same call would fail the same way.
    Never,
}

/// The longest wait taken from a `Retry-After`: a wrong clock over there must not silence a receiver for a year.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// How long the other side asks to wait, from a `Retry-After` header: whole seconds or an HTTP date (RFC 9110 10.2.3), at
/// most [`RETRY_AFTER_MAX`]. A date in the past is no wait; a header that is neither is as good as none.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected_seconds: Option<u64>) {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, header.parse().unwrap())]);
        assert_eq!(retry_after(&headers, now), expected_seconds.map(Duration::from_secs), "{header}");
    }

    #[test]
    fn both_forms_are_read_and_held() {
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("Wed, 21 Oct 2026 07:28:30 GMT", Some(30));
        check("Wednesday, 21-Oct-26 07:29:00 GMT", Some(60));
        check("Wed, 21 Oct 2026 07:00:00 GMT", Some(0));
        check("Wed, 21 Oct 2099 07:00:00 GMT", Some(86_400));
        check("99999999999999999999999999", Some(86_400));
        check("-1", None);
        check("soon", None);
        check("", None);
        assert_eq!(retry_after(&HeaderMap::new(), SystemTime::UNIX_EPOCH), None);
    }
}
