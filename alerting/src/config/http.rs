//! `http_config` and `tls_config`: how a receiver is authenticated to and trusted.

use std::path::PathBuf;

use isobar_normalizer::{ConfigError, Secret};
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::keys::{Checked, Grammar};
use super::value::SecretSource;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawHttp {
    basic_auth: Option<RawBasic>,
    authorization: Option<Spanned<RawAuthorization>>,
    bearer_token: Option<Secret>,
    bearer_token_file: Option<Spanned<PathBuf>>,
    tls_config: Option<Checked<RawTls>>,
    /// Absent or not, redirects are never followed; in Alertmanager, that they are is what is written out for "absent".
    #[serde(rename = "follow_redirects")]
    _follow_redirects: Option<bool>,
    enable_http2: Option<Spanned<bool>>,
}

impl Grammar for RawHttp {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[
        ("oauth2", "use basic_auth or authorization"),
        ("proxy_url", "receivers are called directly"),
        ("proxy_from_environment", "receivers are called directly"),
        ("proxy_connect_header", "receivers are called directly"),
        ("no_proxy", "receivers are called directly"),
        ("http_headers", "use authorization for credentials"),
    ];
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBasic {
    username: String,
    password: Option<Secret>,
    password_file: Option<Spanned<PathBuf>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAuthorization {
    #[serde(rename = "type")]
    scheme: Option<Spanned<String>>,
    credentials: Option<Secret>,
    credentials_file: Option<Spanned<PathBuf>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawTls {
    ca_file: Option<Spanned<PathBuf>>,
    cert_file: Option<Spanned<PathBuf>>,
    key_file: Option<Spanned<PathBuf>>,
    server_name: Option<String>,
    insecure_skip_verify: bool,
    min_version: Option<Spanned<String>>,
}

impl Grammar for RawTls {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[
        ("ca", "use ca_file"),
        ("cert", "use cert_file"),
        ("key", "use key_file"),
        ("ca_ref", "use ca_file"),
        ("cert_ref", "use cert_file"),
        ("key_ref", "use key_file"),
        ("max_version", "remove it, the highest both sides know is used"),
    ];
}

/// How one receiver is called over HTTP.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HttpConfig {
    pub(crate) auth: Option<HttpAuth>,
    pub(crate) tls: TlsConfig,
}

/// What goes into the `Authorization` header.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum HttpAuth {
    Basic { username: String, password: Option<SecretSource> },
    Scheme { scheme: String, credentials: SecretSource },
}

/// Which certificates are trusted and shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TlsConfig {
    pub(crate) ca_file: Option<Spanned<PathBuf>>,
    /// Certificate chain and its key, PEM.
    pub(crate) identity: Option<(Spanned<PathBuf>, Spanned<PathBuf>)>,
    /// The name the certificate must have, where it is not that of the address.
    pub(crate) server_name: Option<String>,
    pub(crate) insecure_skip_verify: bool,
}

impl TryFrom<Spanned<Checked<RawHttp>>> for HttpConfig {
    type Error = ConfigError;

    fn try_from(raw: Spanned<Checked<RawHttp>>) -> Result<Self, ConfigError> {
        let (Checked(raw), location) = (raw.value, raw.referenced);
        if let Some(http2) = raw.enable_http2.filter(|http2| !http2.value) {
            return Err(ConfigError::at(
                http2.referenced,
                "enable_http2: false is not supported yet; remove it, the server's offer decides",
            ));
        }
        let mut ways = Vec::new();
        if let Some(basic) = raw.basic_auth {
            let password = SecretSource::choose("password", basic.password, basic.password_file)?;
            ways.push(HttpAuth::Basic { username: basic.username, password });
        }
        if let Some(given) = raw.authorization {
            ways.push(authorization(given)?);
        }
        if let Some(credentials) =
            SecretSource::choose("bearer_token", raw.bearer_token, raw.bearer_token_file)?
        {
            ways.push(HttpAuth::Scheme { scheme: "Bearer".to_owned(), credentials });
        }
        if ways.len() > 1 {
            return Err(ConfigError::at(
                location,
                "basic_auth, authorization and bearer_token exclude each other: give one",
            ));
        }
        let tls = raw.tls_config.map(|tls| TlsConfig::try_from(tls.0)).transpose()?;
        Ok(Self { auth: ways.pop(), tls: tls.unwrap_or_default() })
    }
}

fn authorization(raw: Spanned<RawAuthorization>) -> Result<HttpAuth, ConfigError> {
    let (raw, location) = (raw.value, raw.referenced);
    let scheme = raw.scheme.map_or_else(|| "Bearer".to_owned(), |scheme| scheme.value.trim().to_owned());
    if scheme.eq_ignore_ascii_case("basic") {
        return Err(ConfigError::at(location, "authorization.type cannot be Basic: use basic_auth"));
    }
    let credentials = SecretSource::choose("credentials", raw.credentials, raw.credentials_file)?
        .ok_or_else(|| ConfigError::at(location, "authorization needs credentials or credentials_file"))?;
    Ok(HttpAuth::Scheme { scheme, credentials })
}

impl TryFrom<RawTls> for TlsConfig {
    type Error = ConfigError;

    fn try_from(raw: RawTls) -> Result<Self, ConfigError> {
        match raw.min_version.as_ref().map(|version| (version.value.as_str(), version.referenced)) {
            None | Some(("TLS10" | "TLS11" | "TLS12", _)) => {}
            Some((version, location)) => {
                return Err(ConfigError::at(
                    location,
                    format!(
                        "min_version {version} is not supported yet; remove it, 1.2 is the lowest offered"
                    ),
                ));
            }
        }
        let identity = match (raw.cert_file, raw.key_file) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(alone), None) | (None, Some(alone)) => {
                return Err(ConfigError::at(
                    alone.referenced,
                    "cert_file and key_file belong together: give both",
                ));
            }
        };
        Ok(Self {
            ca_file: raw.ca_file,
            identity,
            server_name: raw.server_name,
            insecure_skip_verify: raw.insecure_skip_verify,
        })
    }
}
