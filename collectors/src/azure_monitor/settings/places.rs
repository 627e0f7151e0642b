//! Where Azure is: endpoints and the proxy.

use isobar_normalizer::ConfigError;
use serde::Deserialize;
use serde_saphyr::Spanned;
use url::Url;

use super::super::cloud::{Cloud, Endpoints, REGION, is_loopback};

/// What differs from the cloud's own.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEndpoints {
    authority: Option<Spanned<String>>,
    arm: Option<Spanned<String>>,
    metrics: Option<Spanned<String>>,
    metrics_audience: Option<Spanned<String>>,
}

/// The endpoints that follow.
pub(super) fn endpoints(
    cloud: Cloud,
    raw: &RawEndpoints,
    allow_http: bool,
) -> Result<Endpoints, ConfigError> {
    let mut endpoints = cloud.endpoints();
    let url = |text: &Spanned<String>| endpoint(text, &text.value, allow_http);
    if let Some(text) = &raw.authority {
        endpoints.authority = url(text)?;
    }
    if let Some(text) = &raw.arm {
        endpoints.arm = url(text)?;
    }
    if let Some(text) = &raw.metrics {
        // Any region does to see whether it is a URL, and one that stays on this machine whatever the region.
        let a = endpoint(text, &text.value.replace(REGION, "eastus"), allow_http)?;
        endpoints.metrics = if text.value.contains(REGION) { text.value.clone() } else { a.to_string() };
    }
    if let Some(text) = &raw.metrics_audience {
        if !Url::parse(&text.value).is_ok_and(|url| url.scheme() == "https") {
            let message = format!("{:?} is no audience: write https://metrics.monitor.azure.com", text.value);
            return Err(ConfigError::at(text.referenced, message));
        }
        endpoints.metrics_audience = text.value.trim_end_matches('/').to_owned();
    }
    Ok(endpoints)
}

fn endpoint(place: &Spanned<String>, text: &str, allow_http: bool) -> Result<Url, ConfigError> {
    let wrong = |message: String| ConfigError::at(place.referenced, message);
    let url = Url::parse(text).map_err(|error| {
        wrong(format!("{text:?} is not a URL: {error}; write https://management.azure.com"))
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        // Not quoted: what stands in it is a secret.
        return Err(wrong("credentials do not stand in a URL".to_owned()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("an endpoint has no query and no fragment".to_owned()));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if !allow_http => {
            Err(wrong("tokens go over https only; on this machine allow_http: true permits http".to_owned()))
        }
        "http" if !is_loopback(&url) => Err(wrong(format!(
            "allow_http is for this machine only: {} is another; write https",
            url.host_str().unwrap_or_default()
        ))),
        "http" => Ok(url),
        _ => Err(wrong("an endpoint begins with https://".to_owned())),
    }
}

/// Reads a proxy's address.
pub(super) fn proxy(text: &Spanned<String>) -> Result<Spanned<Url>, ConfigError> {
    let wrong = |message: &str| ConfigError::at(text.referenced, message);
    let url = Url::parse(&text.value).map_err(|_| wrong("a proxy is written http://host:port"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("credentials do not stand in a URL"));
    }
    if url.scheme() != "http" || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("a proxy is written http://host:port"));
    }
    Ok(Spanned { value: url, referenced: text.referenced, defined: text.defined })
}
