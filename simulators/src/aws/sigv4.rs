//! Verifies Signature Version 4, written from the vendor's description and sharing nothing with any client.
//!
//! Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.

use chrono::{DateTime, NaiveDateTime};
use hmac::{Hmac, Mac};
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::credentials::{Keys, Principal};
use super::error::ApiError;
use crate::estate::Millis;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// How far the clocks may be apart.
const SKEW: Millis = 5 * 60_000;
/// Everything but the unreserved characters of RFC 3986 is encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the `Authorization` header says, before it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim<'a> {
    pub(crate) key_id: &'a str,
    date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// Reads the header; none when there is no such header.
pub(crate) fn claim(parts: &Parts) -> Option<Result<Claim<'_>, ApiError>> {
    let header = parts.headers.get("authorization")?.to_str().unwrap_or_default();
    Some(parse(header).ok_or_else(|| {
        ApiError::incomplete_signature(format!(
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters of {ALGORITHM}."
        ))
    }))
}

fn parse(header: &str) -> Option<Claim<'_>> {
    let rest = header.strip_prefix(ALGORITHM)?.trim_start();
    let part =
        |name: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let mut scope = part("Credential")?.split('/');
    let (key_id, date, region, service) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
    (scope.next()? == "aws4_request").then_some(())?;
    Some(Claim {
        key_id,
        date,
        region,
        service,
        signed_headers: part("SignedHeaders")?.split(';').collect(),
        signature: part("Signature")?,
    })
}

/// Checks time and signature, and returns who signed.
pub(crate) fn verify(
    claim: &Claim<'_>,
    parts: &Parts,
    body: &[u8],
    keys: &Keys,
    now: Millis,
) -> Result<Principal, ApiError> {
    let token = parts.headers.get("x-amz-security-token").and_then(|value| value.to_str().ok());
    let principal = keys.find(claim.key_id, token, now)?;
    let date = parts.headers.get("x-amz-date").and_then(|value| value.to_str().ok()).unwrap_or_default();
    check_time(date, now)?;
    if !date.starts_with(claim.date) {
        let message = format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}'",
            claim.date,
            &date[..8]
        );
        return Err(ApiError::bad_signature(message));
    }
    if !claim.signed_headers.contains(&"host") {
        return Err(ApiError::bad_signature("'Host' must be a 'SignedHeader' in the AWS Authorization."));
    }
    let expected = signature(claim, &principal.secret, date, &canonical(claim, parts, body));
    if expected != claim.signature {
        return Err(ApiError::bad_signature(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ));
    }
    Ok(principal)
}

fn check_time(date: &str, now: Millis) -> Result<(), ApiError> {
    let Ok(signed) = NaiveDateTime::parse_from_str(date, DATE_FORMAT) else {
        return Err(ApiError::incomplete_signature(format!(
            "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
        )));
    };
    let signed = signed.and_utc().timestamp_millis();
    let text = |t: Millis| {
        DateTime::from_timestamp_millis(t).map_or_else(String::new, |t| t.format(DATE_FORMAT).to_string())
    };
    if signed < now - SKEW {
        return Err(ApiError::bad_signature(format!(
            "Signature expired: {date} is now earlier than {} ({} - 5 min.)",
            text(now - SKEW),
            text(now)
        )));
    }
    if signed > now + SKEW {
        return Err(ApiError::bad_signature(format!(
            "Signature not yet current: {date} is still later than {} ({} + 5 min.)",
            text(now + SKEW),
            text(now)
        )));
    }
    Ok(())
}

/// The request in the one form both sides sign.
fn canonical(claim: &Claim<'_>, parts: &Parts, body: &[u8]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    // Every service but S3 encodes the path once more.
    let path = parts.uri.path().split('/').map(encode).collect::<Vec<_>>().join("/");
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut query: Vec<(String, String)> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode(&decoded(name)), encode(&decoded(value))))
        .collect();
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: String = claim
        .signed_headers
        .iter()
        .map(|name| {
            let values: Vec<String> = parts
                .headers
                .get_all(*name)
                .iter()
                .map(|value| {
                    let value = String::from_utf8_lossy(value.as_bytes());
                    value.split_whitespace().collect::<Vec<_>>().join(" ")
                })
                .collect();
            format!("{name}:{}\n", values.join(","))
        })
        .collect();
    format!(
        "{}\n{path}\n{}\n{headers}\n{}\n{}",
        parts.method,
        query.join("&"),
        claim.signed_headers.join(";"),
        hex::encode(Sha256::digest(body))
    )
}

fn signature(claim: &Claim<'_>, secret: &str, date: &str, canonical: &str) -> String {
    let Claim { date: day, region, service, .. } = claim;
    let to_sign = format!(
        "{ALGORITHM}\n{date}\n{day}/{region}/{service}/aws4_request\n{}",
        hex::encode(Sha256::digest(canonical))
    );
    let mut key = format!("AWS4{secret}").into_bytes();
    for step in [day, region, service, "aws4_request"] {
        key = hmac(&key, step.as_bytes());
    }
    hex::encode(hmac(&key, to_sign.as_bytes()))
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// The example of the vendor's page: IAM ListUsers, 2015-08-30.
    #[test]
    fn the_vendors_example_has_the_vendors_signature() {
        let request = Request::get("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08")
            .header("host", "iam.amazonaws.com")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("x-amz-date", "20150830T123600Z")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let claim = parse(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=x",
        )
        .unwrap();
        let canonical = canonical(&claim, &parts, b"");
        let signature =
            signature(&claim, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830T123600Z", &canonical);
        assert_eq!(signature, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    }

    #[test]
    fn clocks_may_be_five_minutes_apart() {
        let now = 1_440_938_160_000; // 2015-08-30T12:36:00Z
        assert!(check_time("20150830T123100Z", now).is_ok());
        assert!(check_time("20150830T124100Z", now).is_ok());
        let late = check_time("20150830T123059Z", now).unwrap_err();
        assert_eq!(
            late.message,
            "Signature expired: 20150830T123059Z is now earlier than 20150830T123100Z (20150830T123600Z - 5 min.)"
        );
        assert!(
            check_time("20150830T124101Z", now).unwrap_err().message.starts_with("Signature not yet current")
        );
        assert_eq!(check_time("yesterday", now).unwrap_err().code, "IncompleteSignature");
    }

    #[test]
    fn an_authorization_that_is_not_complete_is_no_claim() {
        for header in
            ["", "Basic eDp5", "AWS4-HMAC-SHA256 Credential=A/20150830/r/s/aws4_request, Signature=x"]
        {
            assert_eq!(parse(header), None, "{header}");
        }
    }
}
