//! Errors as EC2 says them: codes of its own, in a frame of its own.
//!
//! Source: docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html, "Common client error codes" and "Server error codes".

use bytes::Bytes;
use http::{Response, StatusCode};

use super::super::error::ApiError;
use super::super::protocol::{Protocol, escape};

pub(super) const REQUEST_ID: &str = "00000000-0000-4000-a000-000000000000";

/// Says an error that the other services say in other words.
pub(in super::super) fn refusal(error: &ApiError) -> Response<Bytes> {
    let (status, code, message) = in_its_words(error);
    // An error under a good status stays under it.
    let status = if error.status.is_success() { error.status } else { status };
    Protocol::xml_under(
        status,
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{}</Message></Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>",
            escape(&message)
        ),
    )
}

fn in_its_words(error: &ApiError) -> (StatusCode, &'static str, String) {
    let said = |text: &str| text.to_owned();
    let is_untimely =
        error.message.starts_with("Signature expired") || error.message.contains("not yet current");
    match error.code {
        "AccessDenied" => {
            let message = format!("You are not authorized to perform this operation. {}", error.message);
            (StatusCode::FORBIDDEN, "UnauthorizedOperation", message)
        }
        "Throttling" => {
            (StatusCode::SERVICE_UNAVAILABLE, "RequestLimitExceeded", said("Request limit exceeded."))
        }
        "ExpiredToken" => (StatusCode::BAD_REQUEST, "RequestExpired", said("Request has expired.")),
        "SignatureDoesNotMatch" if is_untimely => {
            (StatusCode::BAD_REQUEST, "RequestExpired", said("Request has expired."))
        }
        "InvalidClientTokenId" | "SignatureDoesNotMatch" => {
            let message = said("AWS was not able to validate the provided access credentials");
            (StatusCode::UNAUTHORIZED, "AuthFailure", message)
        }
        "InternalServiceError" => {
            (StatusCode::INTERNAL_SERVER_ERROR, "InternalError", said("An internal error has occurred"))
        }
        other => (error.status, other, error.message.clone()),
    }
}
