//! Credentials of the EC2 instance this runs on.

use std::time::Duration;

use aws_sdk_cloudwatch::config::Credentials;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use isobar_egress::{Client, ClientOptions, Egress, Request, Response, Trust};
use url::Url;

use super::session;

/// Source: Amazon EC2 User Guide, "Use the Instance Metadata Service".
const ADDRESS: &str = "http://169.254.169.254/latest/";
const TOKEN_SECONDS: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
/// A token is used at once; the shortest that survives a slow round.
const TOKEN_TTL: HeaderValue = HeaderValue::from_static("60");
/// The service is in the machine itself.
const TIMEOUT: Duration = Duration::from_secs(2);
const RESPONSE_MAX: usize = 64 << 10;

/// The instance metadata service, version 2: the one that asks for a token first.
#[derive(Clone, Debug)]
pub(in super::super) struct Instance {
    client: Client,
    address: Url,
}

impl Instance {
    pub(super) fn new(egress: &Egress) -> Result<Self, String> {
        let client = egress.client(ClientOptions::new(Trust::CredentialProvider));
        let client = client.map_err(|error| error.to_string())?;
        Ok(Self::at(client, ADDRESS.parse().expect("a constant")))
    }

    pub(super) fn at(client: Client, address: Url) -> Self {
        Self { client, address }
    }

    pub(super) async fn ask(&self) -> Result<Credentials, String> {
        let token = self.send(Method::PUT, "api/token", TOKEN_SECONDS, TOKEN_TTL).await?;
        let mut token = HeaderValue::from_bytes(&token.body)
            .map_err(|_| "instance metadata answered a token that is no header".to_owned())?;
        token.set_sensitive(true);
        let roles = "meta-data/iam/security-credentials/";
        let named = self.send(Method::GET, roles, TOKEN, token.clone()).await?;
        let role = String::from_utf8_lossy(&named.body).lines().next().unwrap_or_default().trim().to_owned();
        // Part of a path: nothing that would lead elsewhere.
        if role.is_empty() || role.contains(['/', '?', '#', '%']) || role.contains("..") {
            return Err("this instance has no role: give it an instance profile".to_owned());
        }
        let keys = self.send(Method::GET, &format!("{roles}{role}"), TOKEN, token).await?;
        session(&keys.body, "instance metadata")
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        name: HeaderName,
        value: HeaderValue,
    ) -> Result<Response, String> {
        let url = self.address.join(path).map_err(|error| format!("instance metadata: {error}"))?;
        let request = Request {
            method,
            url,
            headers: HeaderMap::from_iter([(name, value)]),
            body: Bytes::new(),
            timeout: TIMEOUT,
            response_max: RESPONSE_MAX,
        };
        let answer = self.client.send(request).await;
        let answer = answer.map_err(|error| format!("instance metadata: {}", error.chain()))?;
        match answer.status {
            StatusCode::OK => Ok(answer),
            StatusCode::NOT_FOUND => Err("this instance has no role: give it an instance profile".to_owned()),
            status => Err(format!("instance metadata answered {status} for {path}")),
        }
    }
}
