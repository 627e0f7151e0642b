//! The `server:` and `security:` sections of the configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use isobar_normalizer::Secret;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_saphyr::{Location, Spanned};
use url::Url;

use crate::access::{Scope, Scopes};

/// The commented sample of the `server:` section.
pub const SERVER_SAMPLE: &str = include_str!("config/server.sample.yaml");
/// The commented sample of the `security:` section.
pub const SECURITY_SAMPLE: &str = include_str!("config/security.sample.yaml");

/// Where the API listens.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    pub(crate) listen: Spanned<SocketAddr>,
    #[serde(deserialize_with = "external_url")]
    pub(crate) external_url: Option<Url>,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) behind_proxy: Vec<IpNet>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9797);
        let listen = Spanned { value: loopback, referenced: Location::UNKNOWN, defined: Location::UNKNOWN };
        Self { listen, external_url: None, tls: None, behind_proxy: Vec::new() }
    }
}

impl ServerConfig {
    /// The address to listen on.
    pub fn listen(&self) -> SocketAddr {
        self.listen.value
    }

    /// Listens elsewhere than the file says.
    pub fn listen_on(&mut self, listen: SocketAddr) {
        let nowhere = Location::UNKNOWN;
        self.listen = Spanned { value: listen, referenced: nowhere, defined: nowhere };
    }

    /// The address users and receivers are given in links; that of the listener unless configured.
    pub fn external_url(&self) -> Url {
        let own = || {
            let scheme = if self.tls.is_some() { "https" } else { "http" };
            format!("{scheme}://{}", self.listen.value).parse().expect("a socket address makes a valid URL")
        };
        self.external_url.clone().unwrap_or_else(own)
    }

    /// The certificate and key, where TLS is on; relative paths start at the configuration file's folder.
    pub fn tls(&self, base_dir: &Path) -> Option<TlsFiles> {
        self.tls.as_ref().map(|files| TlsFiles {
            cert_file: base_dir.join(&files.cert_file),
            key_file: base_dir.join(&files.key_file),
        })
    }
}

/// A certificate chain and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub cert_file: PathBuf,
    /// The private key.
    pub key_file: PathBuf,
}

/// Who may use the API, and what outgoing requests may reach.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecurityConfig {
    /// Private and loopback networks that receivers and webhooks may be in.
    pub allow_private_targets: Vec<IpNet>,
    pub(crate) tokens: Vec<TokenConfig>,
    pub(crate) basic: Vec<BasicConfig>,
    #[serde(deserialize_with = "hosts")]
    pub(crate) hosts: Vec<String>,
}

/// A static token, known by its hash.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenConfig {
    pub(crate) name: Spanned<String>,
    pub(crate) sha256: TokenHash,
    pub(crate) scopes: SomeScopes,
}

/// A basic-auth user for the Prometheus doors and the web page.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BasicConfig {
    pub(crate) username: Spanned<String>,
    pub(crate) password: Secret,
    pub(crate) scopes: SomeScopes,
}

/// 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenHash(pub(crate) [u8; 32]);

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        // The text is not repeated: someone may have put the token itself here.
        hex::decode_to_slice(&text, &mut hash).map_err(|_| {
            D::Error::custom(
                "sha256 is the SHA-256 of the token: 64 hexadecimal digits, as sha256sum prints them",
            )
        })?;
        Ok(Self(hash))
    }
}

/// At least one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SomeScopes(pub(crate) Scopes);

impl<'de> Deserialize<'de> for SomeScopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scopes = Vec::<Scope>::deserialize(deserializer)?;
        if scopes.is_empty() {
            return Err(D::Error::custom("no scope at all allows nothing: list some of read, write, act"));
        }
        Ok(Self(scopes.into_iter().collect()))
    }
}

fn external_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let url = Url::deserialize(deserializer)?;
    let is_origin = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || !is_origin || !is_anonymous {
        return Err(D::Error::custom("external_url is http:// or https://, a host, and perhaps a port"));
    }
    Ok(Some(url))
}

fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let hosts = Vec::<String>::deserialize(deserializer)?;
    let named = hosts.iter().map(|host| {
        host_name(host).ok_or_else(|| {
            D::Error::custom(format!(
                "{host:?} is not a host: write a name or an address, no port, no wildcard"
            ))
        })
    });
    named.collect()
}

/// The host as browsers write it: in lower case, other letters than ASCII's as punycode.
fn host_name(host: &str) -> Option<String> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    match url::Host::parse(host).ok()? {
        url::Host::Domain(name) => (!name.contains('*')).then_some(name),
        url::Host::Ipv4(address) => Some(address.to_string()),
        url::Host::Ipv6(address) => Some(address.to_string()),
    }
}

#[cfg(test)]
mod tests;
