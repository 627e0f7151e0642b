//! Single values: durations, URLs, literal texts, secrets that stand in the file or in a file of their own.

use std::path::PathBuf;
use std::time::Duration;

use isobar_normalizer::{ConfigError, Revealed, Secret, SecretReader, SecretReference, parse_duration};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};
use url::Url;

/// A secret given as `key` or as `key_file`. Prints as `***` or as the path.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SecretSource {
    /// `key: text`, or a reference.
    Inline(Secret),
    /// `key_file: path`.
    File { path: PathBuf, location: Location },
}

impl SecretSource {
    /// The one of the two that is given.
    pub(crate) fn choose(
        key: &str,
        inline: Option<Secret>,
        file: Option<Spanned<PathBuf>>,
    ) -> Result<Option<Self>, ConfigError> {
        match (inline, file) {
            (Some(_), Some(file)) => Err(ConfigError::at(
                file.referenced,
                format!("{key} and {key}_file exclude each other: give one"),
            )),
            (Some(secret), None) => Ok(Some(Self::Inline(secret))),
            (None, Some(Spanned { value: path, referenced: location, .. })) => {
                Ok(Some(Self::File { path, location }))
            }
            (None, None) => Ok(None),
        }
    }

    /// The secret's text, surrounding white space of a file cut, as Alertmanager does.
    pub(crate) fn reveal(&self, secrets: &dyn SecretReader) -> Result<Revealed, ConfigError> {
        match self {
            Self::Inline(secret) => secret.reveal(secrets),
            Self::File { path, location } => {
                read_file(secrets, path, *location).map(|text| Revealed::new(text.trim()))
            }
        }
    }
}

/// A key that is written without a value is as good as absent, as in Alertmanager.
pub(crate) fn nullable<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a file the configuration names; only the binary touches the disk.
pub(crate) fn read_file(
    secrets: &dyn SecretReader,
    path: &std::path::Path,
    location: Location,
) -> Result<String, ConfigError> {
    let reference = SecretReference::File(path.to_owned());
    secrets.read(&reference).map_err(|missing| ConfigError::at(location, missing))
}

/// A duration that is given, or the one that holds otherwise.
pub(crate) fn duration_or(
    text: Option<&Spanned<String>>,
    otherwise: Duration,
) -> Result<Duration, ConfigError> {
    match text {
        None => Ok(otherwise),
        Some(text) => {
            parse_duration(&text.value).map_err(|error| ConfigError::at(text.referenced, error.to_string()))
        }
    }
}

/// The same, refusing zero.
pub(crate) fn positive_duration_or(
    key: &str,
    text: Option<&Spanned<String>>,
    otherwise: Duration,
) -> Result<Duration, ConfigError> {
    text.map_or(Ok(otherwise), |text| parse_positive(key, text))
}

/// A duration that is not zero.
pub(crate) fn parse_positive(key: &str, text: &Spanned<String>) -> Result<Duration, ConfigError> {
    let duration = duration_or(Some(text), Duration::ZERO)?;
    if duration.is_zero() {
        let wrong = format!("{key} cannot be zero: write a duration like 5m");
        return Err(ConfigError::at(text.referenced, wrong));
    }
    Ok(duration)
}

/// An absolute http or https URL without user information.
pub(crate) fn http_url(text: &Spanned<String>) -> Result<Url, ConfigError> {
    parse_http_url(&text.value).map_err(|wrong| ConfigError::at(text.referenced, wrong))
}

/// The same for a text that is not in the file, such as the content of `url_file`. The text may be a secret and is not
/// repeated in the complaint.
pub(crate) fn parse_http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("not a URL: {error}; write https://host/path"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(format!(
            "a URL of scheme {:?} is not supported: write http:// or https://",
            url.scheme()
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials do not stand in a URL: use http_config.basic_auth".to_owned());
    }
    Ok(url)
}

/// A text without template actions, for what is no template in Alertmanager either.
pub(crate) fn literal(text: &Spanned<String>) -> Result<String, ConfigError> {
    if text.value.contains("{{") {
        return Err(ConfigError::at(
            text.referenced,
            "this key is no template: write literal text, or remove it",
        ));
    }
    Ok(text.value.clone())
}
