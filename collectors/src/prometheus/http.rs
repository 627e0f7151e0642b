//! How a target is spoken to: credentials and TLS as configured, and the client made of them.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use isobar_egress::{Client, ClientOptions, Egress, TlsOptions, Trust};
use isobar_normalizer::{ConfigError, Revealed, Secret, SecretReader};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use url::Url;

/// `basic_auth`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawBasicAuth {
    username: Spanned<String>,
    password: Option<Secret>,
    password_file: Option<Spanned<PathBuf>>,
}

/// `authorization`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAuthorization {
    #[serde(rename = "type")]
    scheme: Option<Spanned<String>>,
    credentials: Option<Secret>,
    credentials_file: Option<Spanned<PathBuf>>,
}

/// `tls_config`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTls {
    ca_file: Option<Spanned<PathBuf>>,
    cert_file: Option<Spanned<PathBuf>>,
    key_file: Option<Spanned<PathBuf>>,
    server_name: Option<String>,
    #[serde(default)]
    insecure_skip_verify: bool,
}

/// Reads a URL of the settings: of `what` it is, written as in `example`.
pub(crate) fn http_url(text: &Spanned<String>, what: &str, example: &str) -> Result<Url, ConfigError> {
    let wrong = |message: String| ConfigError::at(text.referenced, message);
    let url = Url::parse(&text.value)
        .map_err(|error| wrong(format!("{:?} is not a URL: {error}; write {example}", text.value)))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong(format!("{what} begins with http:// or https://")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("credentials do not stand in a URL: use basic_auth".to_owned()));
    }
    if url.fragment().is_some() {
        return Err(wrong(format!("{what} has no fragment: leave out what follows #")));
    }
    Ok(url)
}

/// Credentials and TLS, checked as far as the text goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpSettings {
    scheme: Option<Scheme>,
    secret: Option<SecretSource>,
    tls: Option<Spanned<RawTls>>,
}

#[derive(Clone, Debug)]
enum Scheme {
    Basic { username: String },
    Named(String),
}

#[derive(Clone, Debug)]
enum SecretSource {
    Inline(Secret),
    /// Read again at every request, because whoever writes it may rotate it.
    File(PathBuf),
}

/// Where a secret may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// Our own file: only as a reference.
    Isobar,
    /// `prometheus.yml`: as text too.
    Prometheus,
}

/// A client with one set of credentials.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    pub(crate) client: Client,
    credential: Option<Credential>,
}

#[derive(Clone, Debug)]
struct Credential {
    scheme: Scheme,
    secret: Held,
}

#[derive(Clone, Debug)]
enum Held {
    Text(Revealed),
    File(PathBuf),
}

impl HttpSettings {
    /// Checks that there is one way to authenticate.
    pub(crate) fn new(
        basic: Option<Spanned<RawBasicAuth>>,
        authorization: Option<Spanned<RawAuthorization>>,
        tls: Option<Spanned<RawTls>>,
    ) -> Result<Self, ConfigError> {
        let (scheme, secret) = match (basic, authorization) {
            (Some(_), Some(second)) => {
                let message = "basic_auth and authorization exclude each other: keep one of them";
                return Err(ConfigError::at(second.referenced, message));
            }
            (None, None) => (None, None),
            (Some(Spanned { value: basic, referenced, .. }), None) => {
                let username = basic.username.value;
                if username.contains(':') {
                    return Err(ConfigError::at(
                        basic.username.referenced,
                        "a user name cannot hold a colon",
                    ));
                }
                let secret =
                    SecretSource::choose("password", basic.password, basic.password_file, referenced)?;
                (Some(Scheme::Basic { username }), secret)
            }
            (None, Some(Spanned { value: authorization, referenced, .. })) => {
                let name = match authorization.scheme {
                    Some(scheme) if scheme.value.trim().eq_ignore_ascii_case("basic") => {
                        return Err(ConfigError::at(scheme.referenced, "use basic_auth for the type Basic"));
                    }
                    Some(scheme) => scheme.value.trim().to_owned(),
                    None => "Bearer".to_owned(),
                };
                let (inline, file) = (authorization.credentials, authorization.credentials_file);
                let secret = SecretSource::choose("credentials", inline, file, referenced)?;
                if secret.is_none() {
                    return Err(ConfigError::at(
                        referenced,
                        "authorization needs credentials or credentials_file",
                    ));
                }
                (Some(Scheme::Named(name)), secret)
            }
        };
        Ok(Self { scheme, secret, tls })
    }

    /// `bearer_token` and `bearer_token_file`, Prometheus' older words for `authorization`.
    pub(crate) fn with_bearer(
        mut self,
        token: Option<Spanned<Secret>>,
        file: Option<Spanned<PathBuf>>,
    ) -> Result<Self, ConfigError> {
        let Some(at) =
            token.as_ref().map(|token| token.referenced).or(file.as_ref().map(|file| file.referenced))
        else {
            return Ok(self);
        };
        if self.scheme.is_some() {
            let message = "bearer_token excludes basic_auth and authorization: keep one of them";
            return Err(ConfigError::at(at, message));
        }
        self.scheme = Some(Scheme::Named("Bearer".to_owned()));
        self.secret = SecretSource::choose("bearer_token", token.map(|token| token.value), file, at)?;
        Ok(self)
    }

    /// Reveals secrets, reads certificates, builds the client. Relative paths start at `base_dir`.
    pub(crate) fn build(
        &self,
        egress: &Egress,
        secrets: &dyn SecretReader,
        base_dir: &Path,
        grammar: Grammar,
    ) -> Result<Http, ConfigError> {
        let mut options = ClientOptions::new(Trust::Operator);
        let at = self.tls.as_ref().map_or(Location::UNKNOWN, |tls| tls.referenced);
        options.tls = self.tls.as_ref().map(|tls| tls.value.read(base_dir)).transpose()?;
        let client = egress.client(options).map_err(|error| ConfigError::at(at, error.to_string()))?;
        let secret = match &self.secret {
            None => Held::Text(Revealed::new("")),
            Some(SecretSource::File(path)) => Held::File(base_dir.join(path)),
            Some(SecretSource::Inline(secret)) => Held::Text(match grammar {
                Grammar::Isobar => secret.reveal_reference(secrets)?,
                Grammar::Prometheus => secret.reveal(secrets)?,
            }),
        };
        let credential = self.scheme.clone().map(|scheme| Credential { scheme, secret });
        Ok(Http { client, credential })
    }
}

impl SecretSource {
    fn choose(
        key: &str,
        inline: Option<Secret>,
        file: Option<Spanned<PathBuf>>,
        at: Location,
    ) -> Result<Option<Self>, ConfigError> {
        match (inline, file) {
            (Some(_), Some(_)) => {
                Err(ConfigError::at(at, format!("{key} and {key}_file exclude each other: keep one of them")))
            }
            (Some(secret), None) => Ok(Some(Self::Inline(secret))),
            (None, Some(file)) => Ok(Some(Self::File(file.value))),
            (None, None) => Ok(None),
        }
    }
}

impl RawTls {
    fn read(&self, base_dir: &Path) -> Result<TlsOptions, ConfigError> {
        let pem = |file: &Option<Spanned<PathBuf>>| match file {
            None => Ok(None),
            Some(file) => {
                let path = base_dir.join(&file.value);
                std::fs::read(&path).map(Some).map_err(|error| {
                    ConfigError::at(file.referenced, format!("cannot read {}: {error}", path.display()))
                })
            }
        };
        Ok(TlsOptions {
            ca_pem: pem(&self.ca_file)?,
            cert_pem: pem(&self.cert_file)?,
            key_pem: pem(&self.key_file)?,
            server_name: self.server_name.clone(),
            insecure_skip_verify: self.insecure_skip_verify,
        })
    }
}

impl Http {
    /// The `Authorization` header, with what its file holds now.
    ///
    /// # Errors
    /// The file cannot be read, or holds what no header may hold.
    pub(crate) async fn authorization(&self) -> io::Result<Option<HeaderValue>> {
        let Some(Credential { scheme, secret }) = &self.credential else { return Ok(None) };
        let text = match secret {
            Held::Text(text) => text.clone(),
            Held::File(path) => {
                let text = tokio::fs::read_to_string(path).await;
                let text = text
                    .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
                Revealed::new(text.trim())
            }
        };
        let header = match scheme {
            Scheme::Basic { username } => {
                format!("Basic {}", STANDARD.encode(format!("{username}:{}", text.expose())))
            }
            Scheme::Named(name) => format!("{name} {}", text.expose()),
        };
        let mut value = HeaderValue::from_str(&header)
            .map_err(|_| io::Error::other("the credentials hold a character that no header may hold"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}
