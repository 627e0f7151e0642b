//! Errors as the services of AWS say them.

use http::StatusCode;

/// One error: its name in the model, its name in the older query protocol, and a message.
///
/// Services that once spoke the query protocol send that older name in `x-amzn-query-error`, and clients prefer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) shape: &'static str,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl ApiError {
    fn new(status: StatusCode, shape: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, shape, code, message: message.into() }
    }

    /// Whose fault it is, in the words of the query protocol.
    pub(crate) fn fault(&self) -> &'static str {
        if self.status.is_server_error() { "Receiver" } else { "Sender" }
    }

    // Shapes and codes of CloudWatch: botocore 1.44.5, data/cloudwatch/2010-08-01/service-2.json.

    pub(crate) fn invalid_value(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", "InvalidParameterValue", message)
    }

    pub(crate) fn invalid_combination(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "InvalidParameterCombinationException",
            "InvalidParameterCombination",
            message,
        )
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MissingRequiredParameterException", "MissingParameter", message)
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationException", "ValidationError", message)
    }

    pub(crate) fn next_token(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidNextToken", "InvalidNextToken", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", "ResourceNotFoundException", message)
    }

    pub(crate) fn internal() -> Self {
        let message = "Request processing has failed because of an unknown error, exception or failure.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceFault", "InternalServiceError", message)
    }

    // Errors of every service: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html.

    pub(crate) fn throttled() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ThrottlingException", "Throttling", "Rate exceeded")
    }

    pub(crate) fn unknown_operation(operation: &str) -> Self {
        let message = format!("Could not find operation {operation}");
        Self::new(StatusCode::BAD_REQUEST, "UnknownOperationException", "InvalidAction", message)
    }

    pub(crate) fn unreadable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "SerializationException", "MalformedInput", message)
    }

    pub(crate) fn no_credentials() -> Self {
        let message = "Request is missing Authentication Token";
        Self::new(
            StatusCode::FORBIDDEN,
            "MissingAuthenticationTokenException",
            "MissingAuthenticationToken",
            message,
        )
    }

    pub(crate) fn incomplete_signature(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "IncompleteSignatureException", "IncompleteSignature", message)
    }

    pub(crate) fn unknown_key() -> Self {
        let message = "The security token included in the request is invalid.";
        Self::new(StatusCode::FORBIDDEN, "UnrecognizedClientException", "InvalidClientTokenId", message)
    }

    pub(crate) fn expired_token() -> Self {
        let message = "The security token included in the request is expired";
        Self::new(StatusCode::FORBIDDEN, "ExpiredTokenException", "ExpiredToken", message)
    }

    pub(crate) fn bad_signature(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "InvalidSignatureException", "SignatureDoesNotMatch", message)
    }

    pub(crate) fn denied(who: &str, action: &str) -> Self {
        let message = format!(
            "User: {who} is not authorized to perform: {action} because no identity-based policy allows the {action} action"
        );
        Self::new(StatusCode::FORBIDDEN, "AccessDeniedException", "AccessDenied", message)
    }
}
