//! Credentials of the container this runs in: tasks of ECS, pods of EKS.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_cloudwatch::config::Credentials;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use isobar_egress::{Client, ClientOptions, Egress, Request, Trust};
use url::{Host, Url};

use super::session;

/// Where a relative address begins. Source: Amazon ECS Developer Guide, "Task IAM role".
const TASK: &str = "http://169.254.170.2";
const TIMEOUT: Duration = Duration::from_secs(5);
const RESPONSE_MAX: usize = 64 << 10;

/// The credentials endpoint of a container.
#[derive(Clone, Debug)]
pub(in super::super) struct Container {
    client: Client,
    address: Url,
    token: Option<HeaderValue>,
    /// Read again at every request; it goes before `token`.
    token_file: Option<PathBuf>,
}

/// The address the environment names, if it names one.
pub(super) fn address(relative: Option<&str>, full: Option<&str>) -> Result<Option<Url>, String> {
    let text = match (relative, full) {
        (Some(path), _) if path.starts_with('/') => format!("{TASK}{path}"),
        (Some(path), _) => {
            return Err(format!("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with /: {path:?}"));
        }
        (None, Some(full)) => full.to_owned(),
        (None, None) => return Ok(None),
    };
    let url = Url::parse(&text).map_err(|error| format!("the container's credentials address: {error}"))?;
    trust(&url).map(|_| Some(url))
}

/// Metadata addresses are reached as what they are; anything else must be this machine, or prove who it is by TLS.
fn trust(url: &Url) -> Result<Trust, String> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    let is_loopback = address.is_some_and(|address| address.is_loopback())
        || matches!(url.host(), Some(Host::Domain("localhost")));
    match url.scheme() {
        "https" => Ok(Trust::Operator),
        "http" if is_loopback => Ok(Trust::Operator),
        // The guard knows which of them there are.
        "http" if address.is_some() => Ok(Trust::CredentialProvider),
        _ => Err("AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or name this machine".to_owned()),
    }
}

impl Container {
    pub(super) fn new(
        egress: &Egress,
        address: Url,
        token: Option<String>,
        token_file: Option<PathBuf>,
    ) -> Result<Self, String> {
        let client =
            egress.client(ClientOptions::new(trust(&address)?)).map_err(|error| error.to_string())?;
        let token = token.as_deref().map(header).transpose()?;
        Ok(Self { client, address, token, token_file })
    }

    pub(super) async fn ask(&self) -> Result<Credentials, String> {
        let token = match &self.token_file {
            Some(file) => {
                let text = tokio::fs::read_to_string(file).await;
                Some(header(&text.map_err(|error| format!("{}: {error}", file.display()))?)?)
            }
            None => self.token.clone(),
        };
        let request = Request {
            method: Method::GET,
            url: self.address.clone(),
            headers: token.into_iter().map(|token| (AUTHORIZATION, token)).collect::<HeaderMap>(),
            body: Bytes::new(),
            timeout: TIMEOUT,
            response_max: RESPONSE_MAX,
        };
        let answer = self.client.send(request).await;
        let answer = answer.map_err(|error| format!("container credentials: {}", error.chain()))?;
        if answer.status != StatusCode::OK {
            return Err(format!("container credentials: answered {}", answer.status));
        }
        session(&answer.body, "container credentials")
    }
}

fn header(token: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(token.trim_end())
        .map_err(|_| "the container's authorization token is no header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(full: &str, expected: Option<Trust>) {
        let found = address(None, Some(full)).ok().flatten();
        assert_eq!(found.map(|url| trust(&url).unwrap()), expected, "{full}");
    }

    #[test]
    fn only_this_machine_is_asked_without_tls() {
        check("http://169.254.170.23/v1/credentials", Some(Trust::CredentialProvider));
        check("http://127.0.0.1:9999/creds", Some(Trust::Operator));
        check("http://localhost:9999/creds", Some(Trust::Operator));
        check("https://creds.example/x", Some(Trust::Operator));
        check("http://creds.example/x", None);
        check("ftp://127.0.0.1/x", None);
        let task = address(Some("/v2/credentials/x"), None).unwrap().unwrap();
        assert_eq!(
            (task.as_str(), trust(&task)),
            ("http://169.254.170.2/v2/credentials/x", Ok(Trust::CredentialProvider))
        );
        assert!(address(Some("@evil.example/"), None).is_err());
    }

    #[tokio::test]
    async fn other_addresses_are_refused_by_the_guard() {
        let egress = Egress::new(isobar_egress::EgressOptions::default()).unwrap();
        for other in ["http://10.0.0.1/x", "http://169.254.169.253/x", "http://8.8.8.8/x"] {
            let container = Container::new(&egress, other.parse().unwrap(), None, None).unwrap();
            let error = container.ask().await.unwrap_err();
            assert!(error.contains("refused to connect"), "{other}: {error}");
        }
    }
}
