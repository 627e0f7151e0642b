//! Where the first credentials of a source come from, and the roles assumed with them.
//!
//! Nothing here reads the environment: what it holds is revealed when the source is built.

mod container;
mod instance;
mod profile;
mod role;

use std::fmt;
use std::path::{Path, PathBuf};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, future};
use aws_sdk_cloudwatch::config::{Credentials, ProvideCredentials};
use isobar_egress::Egress;
use isobar_normalizer::{ConfigError, Secret, SecretReader, SecretReference, Timestamp};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

pub(super) use role::{AssumedRole, WebIdentity};

use super::call::CredentialsFailed;
use super::clock::system_time;
use container::Container;
use instance::Instance;
use profile::Profile;

/// `credentials`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCredentials {
    source: Spanned<Source>,
    access_key_id: Option<Spanned<String>>,
    secret_access_key: Option<Spanned<Secret>>,
    session_token: Option<Spanned<Secret>>,
    profile: Option<Spanned<String>>,
    file: Option<Spanned<PathBuf>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    Auto,
    Static,
    Environment,
    Profile,
    WebIdentity,
    Container,
    Instance,
}

/// Where credentials come from, checked as far as the text goes.
#[derive(Clone, Debug)]
pub(super) struct CredentialSettings {
    source: Source,
    keys: Option<(String, Secret, Option<Secret>)>,
    profile: Option<String>,
    file: Option<PathBuf>,
    /// Where the source is named.
    at: Location,
}

impl CredentialSettings {
    /// Checks that a source has what it needs and nothing that would have no effect.
    pub(super) fn new(raw: Option<Spanned<RawCredentials>>) -> Result<Self, ConfigError> {
        let Some(Spanned { value: raw, referenced, .. }) = raw else {
            let at = Location::UNKNOWN;
            return Ok(Self { source: Source::Auto, keys: None, profile: None, file: None, at });
        };
        let source = raw.source.value;
        let unused = |at: Option<Location>, of: &str| {
            at.map_or(Ok(()), |at| {
                Err(ConfigError::at(at, format!("it has no effect: it belongs to source: {of}")))
            })
        };
        if source != Source::Static {
            unused(raw.access_key_id.as_ref().map(|it| it.referenced), "static")?;
            unused(raw.secret_access_key.as_ref().map(|it| it.referenced), "static")?;
            unused(raw.session_token.as_ref().map(|it| it.referenced), "static")?;
        }
        if source != Source::Profile {
            unused(raw.profile.as_ref().map(|it| it.referenced), "profile")?;
            unused(raw.file.as_ref().map(|it| it.referenced), "profile")?;
        }
        let keys = match (source, raw.access_key_id, raw.secret_access_key) {
            (Source::Static, Some(id), Some(secret)) => {
                Some((id.value, secret.value, raw.session_token.map(|token| token.value)))
            }
            (Source::Static, _, _) => {
                let message = "source: static needs access_key_id and secret_access_key";
                return Err(ConfigError::at(referenced, message));
            }
            _ => None,
        };
        Ok(Self {
            source,
            keys,
            profile: raw.profile.map(|it| it.value),
            file: raw.file.map(|it| it.value),
            at: raw.source.referenced,
        })
    }

    /// Reveals what there is; asks nobody yet.
    pub(super) fn build(
        &self,
        secrets: &dyn SecretReader,
        base_dir: &Path,
        egress: &Egress,
    ) -> Result<Base, ConfigError> {
        let environment = Environment(secrets);
        let missing =
            |what: &str| ConfigError::at(self.at, format!("{what} is not set: set it before starting"));
        let unusable = |error: String| ConfigError::at(self.at, error);
        match self.source {
            Source::Static => {
                let (id, secret, token) = self.keys.as_ref().expect("checked when the settings were read");
                let secret = secret.reveal_reference(secrets)?;
                let token = token.as_ref().map(|token| token.reveal_reference(secrets)).transpose()?;
                let token = token.map(|token| token.expose().to_owned());
                Ok(Base::Static(Credentials::new(id, secret.expose(), token, None, "static")))
            }
            Source::Environment => {
                let found = environment.keys().ok_or_else(|| {
                    missing("AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY in the environment")
                })?;
                Ok(Base::Static(found))
            }
            Source::Profile => {
                let file = self.file.as_ref().map(|file| base_dir.join(file));
                let file = file.or_else(|| environment.profile_file());
                let file = file.ok_or_else(|| missing("file, and HOME in the environment,"))?;
                let name = self.profile.clone().or_else(|| environment.get("AWS_PROFILE"));
                Ok(Base::Profile(Profile { file, name: name.unwrap_or_else(|| "default".to_owned()) }))
            }
            Source::WebIdentity => {
                let found = environment.web_identity();
                let found = found.ok_or_else(|| missing("AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN"))?;
                Ok(Base::WebIdentity(found))
            }
            Source::Container => {
                let found = environment.container(egress).map_err(unusable)?;
                let found = found.ok_or_else(|| {
                    missing("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI")
                })?;
                Ok(Base::Container(found))
            }
            Source::Instance => Ok(Base::Instance(Instance::new(egress).map_err(unusable)?)),
            Source::Auto => environment.any(egress).map_err(unusable),
        }
    }
}

/// What the SDKs of AWS agreed to read from the environment.
struct Environment<'a>(&'a dyn SecretReader);

impl Environment<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let found = self.0.read(&SecretReference::Env(name.to_owned())).ok();
        found.filter(|value| !value.is_empty())
    }

    fn keys(&self) -> Option<Credentials> {
        let (id, secret) = (self.get("AWS_ACCESS_KEY_ID")?, self.get("AWS_SECRET_ACCESS_KEY")?);
        Some(Credentials::new(id, secret, self.get("AWS_SESSION_TOKEN"), None, "environment"))
    }

    fn profile_file(&self) -> Option<PathBuf> {
        let given = self.get("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
        given.or_else(|| Some(PathBuf::from(self.get("HOME")?).join(".aws/credentials")))
    }

    fn web_identity(&self) -> Option<WebIdentity> {
        Some(WebIdentity {
            token_file: self.get("AWS_WEB_IDENTITY_TOKEN_FILE")?.into(),
            role_arn: self.get("AWS_ROLE_ARN")?,
            session: self.get("AWS_ROLE_SESSION_NAME"),
        })
    }

    fn container(&self, egress: &Egress) -> Result<Option<Container>, String> {
        let relative = self.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let full = self.get("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let token = self.get("AWS_CONTAINER_AUTHORIZATION_TOKEN");
        let token_file = self.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(PathBuf::from);
        let Some(address) = container::address(relative.as_deref(), full.as_deref())? else {
            return Ok(None);
        };
        Container::new(egress, address, token, token_file).map(Some)
    }

    fn any(&self, egress: &Egress) -> Result<Base, String> {
        if let Some(keys) = self.keys() {
            return Ok(Base::Static(keys));
        }
        if let Some(found) = self.web_identity() {
            return Ok(Base::WebIdentity(found));
        }
        if let Some(found) = self.container(egress)? {
            return Ok(Base::Container(found));
        }
        match self.profile_file().filter(|file| file.is_file()) {
            Some(file) => {
                let name = self.get("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
                Ok(Base::Profile(Profile { file, name }))
            }
            None => Ok(Base::Instance(Instance::new(egress)?)),
        }
    }
}

/// The first credentials of a source.
#[derive(Debug)]
pub(super) enum Base {
    Static(Credentials),
    Profile(Profile),
    Container(Container),
    Instance(Instance),
    /// Taken to STS for a session, by whoever has a client for it.
    WebIdentity(WebIdentity),
}

/// Everything but web identities.
#[derive(Debug)]
pub(super) enum Provider {
    Static(Credentials),
    Profile(Profile),
    Container(Container),
    Instance(Instance),
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            match self {
                Self::Static(keys) => Ok(keys.clone()),
                Self::Profile(profile) => profile.read().await.map_err(failed),
                Self::Container(container) => container.ask().await.map_err(failed),
                Self::Instance(instance) => instance.ask().await.map_err(failed),
            }
        })
    }
}

fn failed(message: String) -> CredentialsError {
    CredentialsError::provider_error(CredentialsFailed(message))
}

/// Temporary credentials, as container and instance metadata write them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Session {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Option<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("expiration", &self.expiration).finish_non_exhaustive()
    }
}

/// Reads temporary credentials; what is wrong is said without them.
fn session(body: &[u8], from: &'static str) -> Result<Credentials, String> {
    let session: Session = serde_json::from_slice(body)
        .map_err(|_| format!("{from} answered something else than credentials"))?;
    let expires = match &session.expiration {
        None => None,
        Some(text) => {
            let at = Timestamp::parse_rfc3339(text);
            let at = at.ok_or_else(|| format!("{from} answered an expiration that is no time: {text:?}"))?;
            Some(system_time(at))
        }
    };
    let Session { access_key_id, secret_access_key, token, .. } = session;
    Ok(Credentials::new(access_key_id, secret_access_key, token, expires, from))
}

/// What providers answer.
type Provided = provider::Result;

#[cfg(test)]
mod tests;
