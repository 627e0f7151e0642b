//! Errors as Resource Manager, Azure Monitor and Resource Graph write them.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// An answer that says what is wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: Vec<Value>,
    pub(crate) retry_after_s: Option<u64>,
    /// Without the `error` around it: so Microsoft.Insights answers bad requests.
    bare: bool,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            details: Vec::new(),
            retry_after_s: None,
            bare: false,
        }
    }

    /// A bad request to Microsoft.Insights under Resource Manager.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self { bare: true, ..Self::new(400, "BadRequest", message) }
    }

    /// The same with the `error` around it, as the metrics host writes it.
    pub(crate) fn wrapped(self) -> Self {
        Self { bare: false, ..self }
    }

    pub(crate) fn with(mut self, details: Vec<Value>) -> Self {
        self.details = details;
        self
    }

    pub(crate) fn after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    pub(crate) fn no_route(path: &str) -> Self {
        Self::new(404, "InvalidResourceType", format!("The resource type could not be found for '{path}'."))
    }

    pub(crate) fn no_resource(id: &str) -> Self {
        Self::new(404, "ResourceNotFound", format!("The Resource '{id}' was not found."))
    }

    pub(crate) fn forbidden(principal: &str, action: &str, scope: &str) -> Self {
        Self::new(
            403,
            "AuthorizationFailed",
            format!(
                "The client '{principal}' with object id '{principal}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."
            ),
        )
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            500,
            "InternalServerError",
            "Encountered internal server error. Diagnostic information: timestamp and activity id are not kept.",
        )
    }

    /// The body alone, for an answer that says 200 and means this.
    pub(crate) fn body(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if !self.details.is_empty() {
            error["details"] = self.details.clone().into();
        }
        if self.bare { error } else { json!({"error": error}) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json_response(status, &self.body());
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == 401 {
            let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// An answer in JSON.
pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Bytes::from(body.to_string()).into());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
