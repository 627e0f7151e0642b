//! What the HTTP channels share: one POST of JSON through the guarded client, and what the status says.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use isobar_egress::{
    Client, ClientOptions, Egress, EgressError, Request, Response, TlsOptions, Trust, excerpt,
};
use isobar_normalizer::{ConfigError, SecretReader, Timestamp};
use url::Url;

use super::{ATTEMPT_TIMEOUT, NotifyError};
use crate::config::HttpConfig;
use crate::config::http::{HttpAuth, TlsConfig};
use crate::config::value::read_file;

/// The longest answer we read, in bytes; of a longer one not even the status is known. Receivers answer in a line, yet some
/// send a page of their web site along, and have taken the delivery all the same.
const RESPONSE_MAX: usize = 4 << 20;

/// A client with the credentials of one receiver.
#[derive(Clone, Debug)]
pub(super) struct Poster {
    client: Client,
    authorization: Option<HeaderValue>,
    timeout: Duration,
}

impl Poster {
    /// Prepares the client of a receiver. Its targets are guarded: receivers on private addresses are listed in
    /// `security.allow_private_targets`.
    pub(super) fn build(
        config: &HttpConfig,
        timeout: Option<Duration>,
        egress: &Egress,
        secrets: &dyn SecretReader,
    ) -> Result<Self, ConfigError> {
        let mut options = ClientOptions::new(Trust::Guarded);
        options.tls = Some(tls_options(&config.tls, secrets)?);
        let client = egress.client(options).map_err(|error| ConfigError::whole(error.to_string()))?;
        let authorization = config.auth.as_ref().map(|auth| authorization(auth, secrets)).transpose()?;
        Ok(Self { client, authorization, timeout: timeout.unwrap_or(ATTEMPT_TIMEOUT).min(ATTEMPT_TIMEOUT) })
    }

    /// Posts JSON. An answer of any status is an answer.
    pub(super) async fn post(
        &self,
        url: &Url,
        body: Vec<u8>,
        headers: &[(&'static str, String)],
    ) -> Result<Response, NotifyError> {
        let mut all = HeaderMap::new();
        all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let value = HeaderValue::from_str(value)
                .map_err(|_| NotifyError::Unwritable(format!("{name} is no header value")))?;
            all.insert(HeaderName::from_static(name), value);
        }
        if let Some(authorization) = &self.authorization {
            all.insert(AUTHORIZATION, authorization.clone());
        }
        let request = Request {
            method: Method::POST,
            url: url.clone(),
            headers: all,
            body: Bytes::from(body),
            timeout: self.timeout,
            response_max: RESPONSE_MAX,
        };
        self.client.send(request).await.map_err(|error| unreachable(&error))
    }
}

/// An answer that is not success, as an error.
pub(super) fn refused(response: &Response, now: Timestamp) -> NotifyError {
    let system_now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.millis()).unwrap_or(0));
    NotifyError::Answer {
        status: response.status.as_u16(),
        body: excerpt(&response.body),
        retry: response.retry(system_now),
    }
}

fn unreachable(error: &EgressError) -> NotifyError {
    NotifyError::Unreachable { reason: error.chain(), retry: error.retry() }
}

fn authorization(auth: &HttpAuth, secrets: &dyn SecretReader) -> Result<HeaderValue, ConfigError> {
    use base64::Engine;
    let text = match auth {
        HttpAuth::Basic { username, password } => {
            let password = password.as_ref().map(|password| password.reveal(secrets)).transpose()?;
            let pair = format!("{username}:{}", password.as_ref().map_or("", |password| password.expose()));
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        }
        HttpAuth::Scheme { scheme, credentials } => {
            format!("{scheme} {}", credentials.reveal(secrets)?.expose())
        }
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| ConfigError::whole("credentials hold characters that no HTTP header may hold"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn tls_options(config: &TlsConfig, secrets: &dyn SecretReader) -> Result<TlsOptions, ConfigError> {
    let read = |file: &serde_saphyr::Spanned<std::path::PathBuf>| {
        read_file(secrets, &file.value, file.referenced).map(String::into_bytes)
    };
    let (cert_pem, key_pem) = match &config.identity {
        Some((cert, key)) => (Some(read(cert)?), Some(read(key)?)),
        None => (None, None),
    };
    Ok(TlsOptions {
        ca_pem: config.ca_file.as_ref().map(read).transpose()?,
        cert_pem,
        key_pem,
        server_name: config.server_name.clone(),
        insecure_skip_verify: config.insecure_skip_verify,
    })
}
