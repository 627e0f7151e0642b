//! Where tokens come from: the token endpoint of a tenant, and the managed identity of a machine or an app.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::error::{ApiError, json_response};
use super::grain::write_time;
use super::params::Params;
use super::tokens::{Audience, LASTS_S, Principal, Role, Tokens};
use crate::estate::{Dice, Millis};

/// The applications of one run. They open nothing but these simulators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureCredentials {
    /// The tenant all of them belong to.
    pub tenant_id: String,
    /// Reads everything the simulators answer.
    pub reader: AzureApplication,
    /// May also acknowledge and close alerts.
    pub contributor: AzureApplication,
    /// May list resources and read neither metrics nor alerts.
    pub limited: AzureApplication,
    /// What `X-IDENTITY-HEADER` must hold at the managed identity endpoint of an app.
    pub identity_header: String,
    /// What a workload presents instead of the reader's secret.
    pub federated_token: String,
}

/// An application and its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureApplication {
    /// The application's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

/// The tenant.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) credentials: AzureCredentials,
    pub(crate) tokens: Tokens,
    dice: Dice,
}

/// The kind of assertion a workload presents. Source: RFC 7523, section 2.2.
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Tenant {
    pub(crate) fn new(seed: u64) -> Self {
        let dice = Dice::new(seed);
        let application = |name: &str| AzureApplication {
            client_id: dice.uuid(&format!("azure {name}")),
            client_secret: dice.hex(40, &format!("azure {name} secret")),
        };
        let credentials = AzureCredentials {
            tenant_id: dice.uuid("azure tenant"),
            reader: application("reader"),
            contributor: application("contributor"),
            limited: application("limited"),
            identity_header: dice.uuid("azure identity header"),
            federated_token: dice.hex(60, "azure federated token"),
        };
        let tokens = Tokens::new(dice, &credentials.tenant_id);
        Self { credentials, tokens, dice }
    }

    /// Who asks, by the token that came with the request.
    pub(crate) fn principal(
        &self,
        headers: &HeaderMap,
        audience: Audience,
        now: Millis,
    ) -> Result<Principal, ApiError> {
        let header = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let client_id = self.tokens.read(header, audience, now)?;
        let role = if client_id == self.credentials.limited.client_id {
            Role::Reader
        } else if client_id == self.credentials.contributor.client_id {
            Role::MonitoringContributor
        } else {
            Role::MonitoringReader
        };
        Ok(Principal { client_id, role })
    }

    /// Answers whatever the host of the tenant is asked.
    pub(crate) fn answer(
        &self,
        method: &Method,
        path: &str,
        query: &Params,
        headers: &HeaderMap,
        body: &[u8],
        now: Millis,
    ) -> Response {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method, segments.as_slice()) {
            (&Method::POST, [tenant, "oauth2", "v2.0", "token"]) => {
                let form = Params::read(&String::from_utf8_lossy(body));
                match self.exchange(tenant, &form, now) {
                    Ok(body) => json_response(StatusCode::OK, &body),
                    Err(refused) => self.refuse(&refused, now),
                }
            }
            (&Method::GET, ["metadata", "identity", "oauth2", "token"]) => {
                self.machine_identity(query, headers, now)
            }
            (&Method::GET, ["msi", "token"]) => self.app_identity(query, headers, now),
            _ => ApiError::no_route(path).into_response(),
        }
    }

    /// Exchanges a secret for a token.
    /// Source: azure-docs, articles/active-directory/develop/v2-oauth2-client-creds-grant-flow.md; codes:
    /// articles/active-directory/develop/reference-error-codes.md.
    fn exchange(&self, tenant: &str, form: &Params, now: Millis) -> Result<Value, Refused> {
        if !tenant.eq_ignore_ascii_case(&self.credentials.tenant_id) {
            return Err(refused(
                400,
                "invalid_request",
                90002,
                format!(
                    "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
                ),
            ));
        }
        let required = |name: &str| {
            form.get(name).ok_or_else(|| {
                let message = format!("The request body must contain the following parameter: '{name}'.");
                refused(400, "invalid_request", 900_144, message)
            })
        };
        let grant = required("grant_type")?;
        if grant != "client_credentials" {
            let message = format!("The provided grant '{grant}' is not supported.");
            return Err(refused(400, "unsupported_grant_type", 70003, message));
        }
        let client_id = required("client_id")?;
        let AzureCredentials { reader, contributor, limited, federated_token, .. } = &self.credentials;
        let known = [reader, contributor, limited].into_iter().find(|it| it.client_id == client_id);
        let Some(application) = known else {
            let message =
                format!("Application with identifier '{client_id}' was not found in the directory.");
            return Err(refused(400, "unauthorized_client", 700_016, message));
        };
        if let Some(assertion) = form.get("client_assertion") {
            if required("client_assertion_type")? != ASSERTION || assertion != federated_token {
                let message = "Client assertion failed signature validation.".to_owned();
                return Err(refused(401, "invalid_client", 700_027, message));
            }
        } else if required("client_secret")? != application.client_secret {
            let message = format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client_id}'."
            );
            return Err(refused(401, "invalid_client", 7_000_215, message));
        }
        let scope = required("scope")?;
        let Some(resource) = scope.strip_suffix("/.default") else {
            let message = format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
            );
            return Err(refused(400, "invalid_scope", 1_002_012, message));
        };
        let Some(audience) = Audience::parse(resource) else {
            let message = format!("The resource principal named {resource} was not found in the tenant.");
            return Err(refused(400, "invalid_resource", 500_011, message));
        };
        Ok(json!({
            "token_type": "Bearer",
            "expires_in": LASTS_S,
            "ext_expires_in": LASTS_S,
            "access_token": self.tokens.write(client_id, audience, now),
        }))
    }

    fn refuse(&self, refused: &Refused, now: Millis) -> Response {
        let trace = self.dice.uuid(&format!("trace {now}"));
        let description = format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {trace} Timestamp: {}",
            refused.code,
            refused.message,
            write_time(now).replace('T', " ")
        );
        let body = json!({
            "error": refused.error,
            "error_description": description,
            "error_codes": [refused.code],
            "timestamp": write_time(now).replace('T', " "),
            "trace_id": trace,
            "correlation_id": trace,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", refused.code),
        });
        json_response(refused.status, &body)
    }

    /// The identity of a virtual machine: numbers come as strings.
    /// Source: azure-docs, articles/active-directory/managed-identities-azure-resources/how-to-use-vm-token.md.
    fn machine_identity(&self, query: &Params, headers: &HeaderMap, now: Millis) -> Response {
        let said = headers.get("metadata").and_then(|value| value.to_str().ok());
        if !said.is_some_and(|said| said.eq_ignore_ascii_case("true")) {
            let message = "Required metadata header not specified";
            return identity_refused("invalid_request", message);
        }
        let (resource, audience) = match self.resource(query, &["2018-02-01"]) {
            Ok(found) => found,
            Err(response) => return *response,
        };
        let now_s = now.div_euclid(1_000);
        let reader = &self.credentials.reader.client_id;
        let body = json!({
            "access_token": self.tokens.write(reader, audience, now),
            "client_id": reader,
            "expires_in": LASTS_S.to_string(),
            "expires_on": (now_s + LASTS_S).to_string(),
            "ext_expires_in": LASTS_S.to_string(),
            "not_before": now_s.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        });
        json_response(StatusCode::OK, &body)
    }

    /// The identity of an app. Source: azure-docs, articles/app-service/overview-managed-identity.md, REST endpoint reference.
    fn app_identity(&self, query: &Params, headers: &HeaderMap, now: Millis) -> Response {
        let said = headers.get("x-identity-header").and_then(|value| value.to_str().ok());
        if said != Some(&self.credentials.identity_header) {
            return json_response(
                StatusCode::UNAUTHORIZED,
                &json!({"statusCode": 401, "message": "Unauthorized"}),
            );
        }
        let (resource, audience) = match self.resource(query, &["2019-08-01"]) {
            Ok(found) => found,
            Err(response) => return *response,
        };
        let reader = &self.credentials.reader.client_id;
        let body = json!({
            "access_token": self.tokens.write(reader, audience, now),
            "client_id": reader,
            "expires_on": (now.div_euclid(1_000) + LASTS_S).to_string(),
            "resource": resource,
            "token_type": "Bearer",
        });
        json_response(StatusCode::OK, &body)
    }

    fn resource(&self, query: &Params, versions: &[&str]) -> Result<(String, Audience), Box<Response>> {
        if !query.get("api-version").is_some_and(|version| versions.contains(&version)) {
            let message = "The api-version is missing or not supported";
            return Err(Box::new(identity_refused("bad_request", message)));
        }
        if query.get("client_id").is_some_and(|id| id != self.credentials.reader.client_id) {
            return Err(Box::new(identity_refused("invalid_request", "Identity not found")));
        }
        let resource = query.get("resource").unwrap_or_default();
        match Audience::parse(resource) {
            Some(audience) => Ok((resource.to_owned(), audience)),
            None => {
                let message = format!(
                    "AADSTS500011: The resource principal named {resource} was not found in the tenant."
                );
                Err(Box::new(identity_refused("invalid_resource", &message)))
            }
        }
    }
}

fn identity_refused(error: &str, description: &str) -> Response {
    json_response(StatusCode::BAD_REQUEST, &json!({"error": error, "error_description": description}))
}

/// Why there is no token.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    error: &'static str,
    code: u32,
    message: String,
}

fn refused(status: u16, error: &'static str, code: u32, message: String) -> Refused {
    let status = StatusCode::from_u16(status).expect("a status that is written here");
    Refused { status, error, code, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_000_000_000;

    #[test]
    fn every_mistake_has_its_code() {
        let tenant = Tenant::new(1);
        let c = tenant.credentials.clone();
        let form = |changes: &[(&str, &str)]| {
            let mut form = vec![
                ("grant_type", "client_credentials"),
                ("client_id", c.reader.client_id.as_str()),
                ("client_secret", c.reader.client_secret.as_str()),
                ("scope", "https://management.azure.com/.default"),
            ];
            for (name, value) in changes {
                form.retain(|(known, _)| known != name);
                form.push((name, value));
            }
            Params::read(&url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish())
        };
        assert_eq!(tenant.exchange(&c.tenant_id, &form(&[]), NOW).unwrap()["expires_in"], 3_599);
        let federated = [
            ("client_secret", ""),
            ("client_assertion", c.federated_token.as_str()),
            ("client_assertion_type", ASSERTION),
        ];
        tenant.exchange(&c.tenant_id, &form(&federated), NOW).unwrap();
        type Changes<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Changes<'_>, u16, u32); 8] = [
            (&[("grant_type", "password")], 400, 70003),
            (&[("client_id", "")], 400, 900_144),
            (&[("client_id", "nobody")], 400, 700_016),
            (&[("client_secret", "wrong")], 401, 7_000_215),
            (&[("client_assertion", "wrong"), ("client_assertion_type", ASSERTION)], 401, 700_027),
            (&[("scope", "https://management.azure.com")], 400, 1_002_012),
            (&[("scope", "https://example.com/.default")], 400, 500_011),
            (&[("scope", "")], 400, 900_144),
        ];
        for (changes, status, code) in cases {
            let refused = tenant.exchange(&c.tenant_id, &form(changes), NOW).unwrap_err();
            assert_eq!((refused.status.as_u16(), refused.code), (status, code), "{changes:?}");
        }
        assert_eq!(tenant.exchange("common", &form(&[]), NOW).unwrap_err().code, 90002);
    }
}
