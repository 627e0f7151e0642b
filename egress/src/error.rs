//! What can go wrong on the way out, and whether trying again makes sense.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::address::AddressClass;
use crate::retry::Retry;

/// A cause kept for its message.
pub(crate) type Cause = Arc<dyn Error + Send + Sync>;

/// Why a request brought no response. Targets are shown as scheme, host and port only: a webhook's path may be its secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EgressError {
    /// The guard said no; nothing was connected to.
    #[error("refused to connect to {target}: {refusal}")]
    Refused {
        /// What was asked for.
        target: String,
        /// The rule that forbids it.
        refusal: Refusal,
    },
    /// The name has no address, or nobody could say.
    #[error("cannot resolve {name}")]
    Resolve {
        /// The host name.
        name: String,
        /// What the resolver said.
        source: Cause,
    },
    /// No address of the target, or of the proxy, took the connection.
    #[error("cannot connect to {target}")]
    Connect {
        /// Host and port.
        target: String,
        /// What the last address tried answered.
        source: Cause,
    },
    /// The proxy did not open the way.
    #[error("proxy {proxy} did not open a tunnel to {target}: {answer}")]
    Proxy {
        /// Host and port of the proxy.
        proxy: String,
        /// Where to.
        target: String,
        /// The proxy's status line, or what was wrong with it.
        answer: String,
    },
    /// The TLS handshake failed: a certificate that is not trusted, expired, or for another name; no common version.
    #[error("TLS handshake with {target} failed")]
    Tls {
        /// Host and port.
        target: String,
        /// What TLS said.
        source: Cause,
    },
    /// Time ran out.
    #[error("{target} took longer than {} ms: {phase}", limit.as_millis())]
    Timeout {
        /// Host and port.
        target: String,
        /// What was being waited for.
        phase: Phase,
        /// How long was allowed.
        limit: Duration,
    },
    /// The response's body is larger than the caller takes. What was read is dropped.
    #[error("response of {target} is larger than {limit} bytes")]
    BodyTooLarge {
        /// Host and port.
        target: String,
        /// How much was allowed.
        limit: usize,
    },
    /// The connection broke, or what came back was not HTTP.
    #[error("exchange with {target} broke")]
    Protocol {
        /// Host and port.
        target: String,
        /// What the HTTP layer said.
        source: Cause,
    },
    /// The request cannot be sent at all.
    #[error("request to {target} is not valid: {what}")]
    Request {
        /// Host and port.
        target: String,
        /// Which part.
        what: String,
    },
    /// A client cannot be built from these options.
    #[error("client options are not valid: {0}")]
    Options(String),
}

/// The rule that forbids a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not one of the schemes the caller speaks.
    Scheme(String),
    /// Credentials in the URL end in logs and bills; they have settings of their own.
    Userinfo,
    /// No host, or none that can be read.
    Host,
    /// Not an allowed port of a guarded target.
    Port(u16),
    /// A name clouds reserve for instance metadata.
    MetadataName(String),
    /// A credential provider asked for something other than the metadata services it is there for.
    CredentialProvider,
    /// The host is, or resolves to, an address that may not be connected to.
    Address {
        /// The address.
        address: IpAddr,
        /// What it is for.
        class: AddressClass,
        /// The document that says so.
        source: &'static str,
    },
}

impl Refusal {
    /// The word used as metric label.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Scheme(_) => "scheme",
            Self::Userinfo => "userinfo",
            Self::Host => "host",
            Self::Port(_) => "port",
            Self::MetadataName(_) => "metadata",
            Self::CredentialProvider => "credential_provider",
            Self::Address { class, .. } => class.as_str(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(scheme) => write!(f, "scheme {scheme} is not allowed here"),
            Self::Userinfo => {
                f.write_str("credentials do not stand in the URL, they have settings of their own")
            }
            Self::Host => f.write_str("the URL names no host and port that can be read"),
            Self::Port(port) => {
                write!(f, "port {port} is not on the list for targets set outside the operator's file")
            }
            Self::MetadataName(name) => write!(f, "{name} is instance metadata"),
            Self::CredentialProvider => f.write_str(
                "a credential provider connects to http://169.254.169.254, http://169.254.170.2, \
                 http://169.254.170.23, http://[fd00:ec2::23] and http://[fd00:ec2::254] only",
            ),
            Self::Address { address, class: AddressClass::Metadata, source } => {
                write!(f, "{address} is instance metadata ({source})")
            }
            Self::Address { address, class, source } => write!(
                f,
                "{address} is not public but {class} ({source}); \
                 security.allow_private_targets may list its network"
            ),
        }
    }
}

/// What was being waited for when time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The resolver's answer.
    Resolve,
    /// The TCP connection.
    Connect,
    /// The proxy's answer.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The response's head; a connection that was being made meanwhile included.
    Head,
    /// The response's body.
    Body,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolving its name",
            Self::Connect => "connecting",
            Self::Proxy => "waiting for the proxy",
            Self::Tls => "in the TLS handshake",
            Self::Head => "waiting for the response",
            Self::Body => "reading the response",
        })
    }
}

impl EgressError {
    pub(crate) fn refused(target: String, refusal: Refusal) -> Self {
        Self::Refused { target, refusal }
    }

    /// The message with every cause behind it, on one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    }

    /// Whether the same request may fare better later. What the network or the other side caused may; what the request
    /// or the guard caused may not.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Refused { .. } | Self::BodyTooLarge { .. } | Self::Request { .. } | Self::Options(_) => {
                Retry::Never
            }
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Proxy { .. }
            | Self::Tls { .. }
            | Self::Timeout { .. }
            | Self::Protocol { .. } => Retry::Backoff,
        }
    }

    /// The word used as metric label: `refused`, `resolve`, `connect`, `proxy`, `tls`, `timeout`, `body_too_large`,
    /// `protocol`, `request`, `options`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Resolve { .. } => "resolve",
            Self::Connect { .. } => "connect",
            Self::Proxy { .. } => "proxy",
            Self::Tls { .. } => "tls",
            Self::Timeout { .. } => "timeout",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::Protocol { .. } => "protocol",
            Self::Request { .. } => "request",
            Self::Options(_) => "options",
        }
    }
}
