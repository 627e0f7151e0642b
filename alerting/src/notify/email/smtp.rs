//! The relay that takes our mail: STARTTLS, TLS from the first byte, or plain, as configured.

use std::time::Duration;

use isobar_egress::{Egress, EgressError, Retry, Trust, excerpt};
use isobar_normalizer::{ConfigError, Revealed};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Identity, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use serde_saphyr::Spanned;
use url::Url;

use crate::config::SecretSource;
use crate::config::http::TlsConfig;
use crate::config::value::{literal, read_file};
use crate::delivery::Receipt;
use crate::notify::{ATTEMPT_TIMEOUT, NotifyError, Tools};

/// One command of the protocol may take this long; the whole mail has [`ATTEMPT_TIMEOUT`].
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// How a connection becomes private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Privacy {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS, or no mail.
    Required,
    /// STARTTLS where the relay offers it.
    Offered,
}

/// The relay as configured.
#[derive(Clone, Debug)]
pub(super) struct RelaySettings {
    host: String,
    port: u16,
    hello: String,
    credentials: Option<(String, SecretSource)>,
    privacy: Privacy,
    tls: TlsConfig,
    location: serde_saphyr::Location,
}

impl RelaySettings {
    /// Checks what the configuration says. Port 465 is implicit TLS unless `implicit_tls` says otherwise.
    pub(super) fn check(
        smarthost: &Spanned<String>,
        hello: Option<&Spanned<String>>,
        credentials: Option<(String, SecretSource)>,
        require_tls: bool,
        implicit_tls: Option<bool>,
        tls: TlsConfig,
    ) -> Result<Self, ConfigError> {
        let location = smarthost.referenced;
        let wrong = || {
            ConfigError::at(
                location,
                format!("smarthost {:?}: write host:port, like smtp.example.org:587", smarthost.value),
            )
        };
        let (host, port) = smarthost.value.rsplit_once(':').ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(wrong());
        }
        let privacy = match implicit_tls.unwrap_or(port == 465) {
            true => Privacy::Implicit,
            false if require_tls => Privacy::Required,
            false => Privacy::Offered,
        };
        let is_local = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if credentials.is_some() && privacy == Privacy::Offered && !is_local {
            return Err(ConfigError::at(
                location,
                "a password is not sent in the clear: set require_tls: true, or remove auth_username",
            ));
        }
        let hello = hello.map_or_else(|| Ok("localhost".to_owned()), literal)?;
        if !hello.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::at(location, format!("hello {hello:?} is no host name")));
        }
        Ok(Self { host, port, hello, credentials, privacy, tls, location })
    }

    /// Reads the password and the certificates.
    pub(super) fn build(&self, tools: &Tools<'_>) -> Result<Relay, ConfigError> {
        let scheme = if self.privacy == Privacy::Implicit { "smtps" } else { "smtp" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let url = Url::parse(&format!("{scheme}://{host}:{}", self.port))
            .map_err(|error| ConfigError::at(self.location, format!("smarthost: {error}")))?;
        let credentials = match &self.credentials {
            None => None,
            Some((username, password)) => Some((username.clone(), password.reveal(tools.secrets)?)),
        };
        let parameters = self.parameters(tools)?;
        let tls = match self.privacy {
            Privacy::Implicit => Tls::Wrapper(parameters),
            Privacy::Required => Tls::Required(parameters),
            Privacy::Offered => Tls::Opportunistic(parameters),
        };
        Ok(Relay { egress: tools.egress.clone(), url, hello: self.hello.clone(), credentials, tls })
    }

    fn parameters(&self, tools: &Tools<'_>) -> Result<TlsParameters, ConfigError> {
        let here = |error: lettre::transport::smtp::Error| ConfigError::at(self.location, error.to_string());
        let domain = self.tls.server_name.clone().unwrap_or_else(|| self.host.clone());
        let mut builder =
            TlsParameters::builder(domain).dangerous_accept_invalid_certs(self.tls.insecure_skip_verify);
        if let Some(ca) = &self.tls.ca_file {
            let pem = read_file(tools.secrets, &ca.value, ca.referenced)?;
            builder = builder.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(here)?);
        }
        if let Some((cert, key)) = &self.tls.identity {
            let cert = read_file(tools.secrets, &cert.value, cert.referenced)?;
            let key = read_file(tools.secrets, &key.value, key.referenced)?;
            builder =
                builder.identify_with(Identity::from_pem(cert.as_bytes(), key.as_bytes()).map_err(here)?);
        }
        builder.build().map_err(here)
    }
}

/// The relay, ready to take mail.
#[derive(Clone, Debug)]
pub(super) struct Relay {
    egress: Egress,
    url: Url,
    hello: String,
    credentials: Option<(String, Revealed)>,
    tls: Tls,
}

impl Relay {
    /// Its address, `smtp` or `smtps`.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Hands one mail over. Connects to the addresses that were checked, one after the other, and to no other.
    pub(super) async fn send(&self, mail: lettre::Message) -> Result<Receipt, NotifyError> {
        let seconds = ATTEMPT_TIMEOUT.as_secs();
        let too_long = |_| NotifyError::Unreachable {
            reason: format!("the relay took longer than {seconds} seconds"),
            retry: Retry::Backoff,
        };
        tokio::time::timeout(ATTEMPT_TIMEOUT, self.hand_over(mail)).await.map_err(too_long)?
    }

    async fn hand_over(&self, mail: lettre::Message) -> Result<Receipt, NotifyError> {
        let addresses =
            self.egress.check(&self.url, Trust::Operator).await.map_err(|error| unreachable(&error))?;
        let mut last = NotifyError::Unreachable { reason: "no address".to_owned(), retry: Retry::Backoff };
        for address in addresses {
            let mut relay = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.ip().to_string())
                .port(address.port())
                .hello_name(ClientId::Domain(self.hello.clone()))
                .timeout(Some(COMMAND_TIMEOUT))
                .tls(self.tls.clone());
            if let Some((username, password)) = &self.credentials {
                relay = relay
                    .credentials(Credentials::new(username.clone(), password.expose().to_owned()))
                    .authentication(vec![Mechanism::Plain, Mechanism::Login]);
            }
            let relay: AsyncSmtpTransport<Tokio1Executor> = relay.build();
            match relay.send(mail.clone()).await {
                Ok(taken) => {
                    let body = taken.message().collect::<Vec<_>>().join(" ");
                    let (status, body) = (taken.code().into(), excerpt(body.as_bytes()));
                    return Ok(Receipt { status, body, provider_id: None });
                }
                // What was said to a relay may have been taken.
                Err(error) if was_reached(&error) => return Err(refused(&error)),
                Err(error) => last = refused(&error),
            }
        }
        Err(last)
    }
}

/// Whether a connection was made. lettre keeps the kind of its errors to itself and tells this one apart in words only; were
/// they to change, the next address would be left to the next try.
fn was_reached(error: &lettre::transport::smtp::Error) -> bool {
    !error.to_string().starts_with("Connection error")
}

/// RFC 5321, 4.2.1: 4yz may pass, 5yz stays.
fn refused(error: &lettre::transport::smtp::Error) -> NotifyError {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    match error.status() {
        Some(code) => {
            let retry = if error.is_permanent() { Retry::Never } else { Retry::Backoff };
            NotifyError::Answer { status: code.into(), body: excerpt(reason.as_bytes()), retry }
        }
        None => NotifyError::Unreachable { reason, retry: Retry::Backoff },
    }
}

fn unreachable(error: &EgressError) -> NotifyError {
    NotifyError::Unreachable { reason: error.to_string(), retry: error.retry() }
}

#[cfg(test)]
mod tests;
