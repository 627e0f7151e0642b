//! Signing in as the vendor's crate does: workload identity, managed identity, the Azure CLI. Its requests leave by our way.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::TokenCredential;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, Body, ClientOptions, HttpClient, Request, RetryOptions, StatusCode, Transport,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use isobar_egress::Client;
use isobar_normalizer::Revealed;

use super::error::{ApiError, Failure};

/// Where a virtual machine asks for its identity. Source: "How to use managed identities for Azure resources on an Azure VM
/// to acquire an access token".
const METADATA: &str = "169.254.169.254";
const TIMEOUT: Duration = Duration::from_secs(10);
const BODY_MAX: usize = 1 << 20;
/// How long signing in may take in all: the vendor's crate asks the metadata service several times.
const SIGN_IN: Duration = Duration::from_secs(30);
/// As long as a token counts as good: the crate keeps tokens by its own clock and hands out none that expires within five
/// minutes, so it is asked again twice in this time.
const ASKED_AGAIN: Duration = Duration::from_secs(600);

/// How to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// A Kubernetes service account; what is `None` stands in the environment that AKS sets.
    Workload { tenant_id: Option<String>, client_id: Option<String>, token_file: Option<PathBuf> },
    /// The machine's own identity, or one assigned to it.
    Managed { client_id: Option<String> },
    /// Whoever is signed in with `az login`.
    Cli { tenant_id: Option<String> },
}

/// A credential of the vendor's crate, made when it is first needed: making one reads files and the environment.
pub(super) struct Vendor {
    how: How,
    authority: String,
    transport: Arc<OurWay>,
    credential: OnceLock<Arc<dyn TokenCredential>>,
}

impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vendor").field("how", &self.how).finish_non_exhaustive()
    }
}

impl Vendor {
    /// `metadata` reaches metadata services and nothing else.
    pub(super) fn new(how: How, authority: &url::Url, operator: Client, metadata: Client) -> Self {
        let authority = authority.as_str().trim_end_matches('/').to_owned();
        Self {
            how,
            authority,
            transport: Arc::new(OurWay { operator, metadata }),
            credential: OnceLock::new(),
        }
    }

    /// A token and how long it is good for.
    pub(super) async fn token(&self, audience: &str) -> Result<(Revealed, Duration), ApiError> {
        let credential = match self.credential.get() {
            Some(credential) => credential.clone(),
            None => {
                let made = self.make().map_err(|error| failed(&error))?;
                self.credential.get_or_init(|| made).clone()
            }
        };
        let scope = format!("{}/.default", audience.trim_end_matches('/'));
        let scopes = [scope.as_str()];
        let token = tokio::time::timeout(SIGN_IN, credential.get_token(&scopes, None)).await;
        let token = token
            .map_err(|_| {
                let message = format!("no token within {} s", SIGN_IN.as_secs());
                ApiError::new(Failure::Unreachable, message)
            })?
            .map_err(|error| failed(&error))?;
        Ok((Revealed::new(token.token.secret()), ASKED_AGAIN))
    }

    fn make(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let mut custom = CustomConfiguration::default();
        custom.authority_host.clone_from(&self.authority);
        let options = ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(Transport::new(self.transport.clone())),
            cloud: Some(Arc::new(CloudConfiguration::Custom(custom))),
            ..ClientOptions::default()
        };
        Ok(match self.how.clone() {
            How::Workload { tenant_id, client_id, token_file } => {
                let credential_options = ClientAssertionCredentialOptions { client_options: options };
                WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                    credential_options,
                    client_id,
                    tenant_id,
                    token_file_path: token_file,
                }))?
            }
            How::Managed { client_id } => {
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: client_id.map(UserAssignedId::ClientId),
                    client_options: options,
                }))?
            }
            How::Cli { tenant_id } => {
                let options = AzureCliCredentialOptions { tenant_id, ..AzureCliCredentialOptions::default() };
                AzureCliCredential::new(Some(options))?
            }
        })
    }
}

fn failed(error: &Error) -> ApiError {
    let kind = match error.kind() {
        ErrorKind::Io => Failure::Unreachable,
        _ if error.http_status().is_some_and(|status| status.is_server_error()) => Failure::Transient,
        _ => Failure::Denied,
    };
    let message = error.to_string();
    ApiError::new(kind, message.lines().next().unwrap_or("no token"))
}

/// Carries the crate's requests. Whatever is not the metadata service goes the operator's way.
#[derive(Debug)]
struct OurWay {
    operator: Client,
    metadata: Client,
}

#[async_trait]
impl HttpClient for OurWay {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let wrong = |what: String| Error::with_message(ErrorKind::DataConversion, what);
        let mut headers = HeaderMap::new();
        for (name, value) in request.headers().iter() {
            let name = HeaderName::try_from(name.as_str()).map_err(|error| wrong(error.to_string()))?;
            let value = HeaderValue::try_from(value.as_str()).map_err(|error| wrong(error.to_string()))?;
            headers.insert(name, value);
        }
        let Body::Bytes(body) = request.body() else {
            return Err(wrong("a sign-in has no streamed body".to_owned()));
        };
        let method = Method::try_from(request.method().as_ref()).map_err(|error| wrong(error.to_string()))?;
        let client = match request.url().host_str() {
            Some(METADATA) => &self.metadata,
            _ => &self.operator,
        };
        let sent = client.send(isobar_egress::Request {
            method,
            url: request.url().clone(),
            headers,
            body: body.clone(),
            timeout: TIMEOUT,
            response_max: BODY_MAX,
        });
        let response = sent.await.map_err(|error| {
            let message = ApiError::unanswered(&error).message;
            Error::with_error(ErrorKind::Io, error, message)
        })?;
        let mut headers = Headers::new();
        for (name, value) in &response.headers {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(AsyncRawResponse::from_bytes(StatusCode::from(response.status.as_u16()), headers, response.body))
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::Request as Asked;
    use isobar_egress::{ClientOptions, Egress, EgressOptions, Trust};

    use super::*;

    fn ways() -> (Client, Client) {
        let egress = Egress::new(EgressOptions::default()).unwrap();
        let client = |trust| egress.client(ClientOptions::new(trust)).unwrap();
        (client(Trust::Operator), client(Trust::CredentialProvider))
    }

    #[tokio::test]
    async fn requests_of_the_crate_leave_by_our_way() {
        let echo = |request: Asked| async move {
            let said =
                format!("{} {} {:?}", request.method(), request.uri(), request.headers().get("metadata"));
            let body = axum::body::to_bytes(request.into_body(), 100).await.unwrap();
            (
                http::StatusCode::IM_A_TEAPOT,
                [("x-answer", "42")],
                format!("{said} {}", String::from_utf8_lossy(&body)),
            )
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, Router::new().fallback(echo)).await });
        let (operator, metadata) = ways();
        let way = OurWay { operator, metadata };
        let url = format!("http://{address}/token?a=b").parse().unwrap();
        let mut request = Request::new(url, azure_core::http::Method::Post);
        request.insert_header("metadata", "true");
        request.set_body("x=y");
        let response = way.execute_request(&request).await.unwrap();
        assert_eq!(u16::from(response.status()), 418);
        let answer =
            response.headers().get_optional_string(&azure_core::http::headers::HeaderName::from("x-answer"));
        assert_eq!(answer.as_deref(), Some("42"));
        let body = response.try_into_raw_response().await.unwrap();
        assert_eq!(String::from_utf8_lossy(body.body()), "POST /token?a=b Some(\"true\") x=y");
        server.abort();
    }

    #[tokio::test]
    async fn the_crate_sends_no_assertion_without_tls() {
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, "assertion").unwrap();
        let (operator, metadata) = ways();
        let how = |token_file| How::Workload {
            tenant_id: Some("t".to_owned()),
            client_id: Some("c".to_owned()),
            token_file: Some(token_file),
        };
        let authority = "http://127.0.0.1:1/".parse().unwrap();
        let vendor = Vendor::new(how(token_file), &authority, operator.clone(), metadata.clone());
        let error = vendor.token("https://management.azure.com").await.unwrap_err();
        assert!(error.message.to_lowercase().contains("https"), "{error}");
        let vendor = Vendor::new(how(folder.path().join("none")), &authority, operator, metadata);
        let error = vendor.token("https://management.azure.com").await.unwrap_err();
        assert!(error.message.contains("none"), "{error}");
    }
}
