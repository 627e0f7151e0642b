//! What may be connected to: schemes, ports, names and addresses. Decides only; nothing here resolves or connects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::IpNet;
use url::{Host, Url};

use crate::address::{AddressClass, Classified, classify};
use crate::error::{EgressError, Refusal};

/// Who chose a target, and so how far it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// Named in the operator's own file: private and loopback targets and any port are fine. Metadata is refused all the same.
    Operator,
    /// Set anywhere else (API, UI, a link in a response): public targets and the networks of
    /// [`EgressOptions::allow_private`], on the allowed ports.
    Guarded,
    /// A credential provider's own question to the machine's metadata service: plain HTTP, port 80 and one of five
    /// addresses, written as an address. Nothing else is let through, and no proxy. Whoever holds such a client asks for
    /// nothing that a user, an answer or a redirect named.
    CredentialProvider,
}

/// How the way out is guarded.
#[derive(Clone, Debug)]
pub struct EgressOptions {
    /// Networks that guarded targets may be in although they are not public. Metadata addresses stay refused.
    pub allow_private: Vec<IpNet>,
    /// Ports of guarded `http` and `https` targets.
    pub http_ports: Vec<RangeInclusive<u16>>,
    /// Ports of guarded `smtp` and `smtps` targets.
    pub smtp_ports: Vec<RangeInclusive<u16>>,
    /// The `User-Agent` of requests that bring none.
    pub user_agent: String,
    /// For resolving, connecting and both handshakes together.
    pub connect_timeout: Duration,
}

/// Ports below 1024 other than the protocol's own belong to other services (SSH, mail, SMB …) that a request made by a
/// stranger could be made to speak to; those from 1024 on are where web applications listen.
impl Default for EgressOptions {
    fn default() -> Self {
        Self {
            allow_private: Vec::new(),
            http_ports: vec![80..=80, 443..=443, 1024..=u16::MAX],
            smtp_ports: vec![25..=25, 465..=465, 587..=587, 1024..=u16::MAX],
            user_agent: concat!("isobar/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
        }
    }
}

/// Names under which clouds answer for instance metadata, refused before they are resolved: behind a proxy they never
/// are. Sources: Google Compute Engine and AWS EC2 instance metadata documentation.
const METADATA_NAMES: [&str; 3] = ["metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"];

/// Where credential providers ask for credentials: the only metadata addresses anybody may connect to, and only under
/// [`Trust::CredentialProvider`]. All five are served over plain HTTP on port 80. Sources: Amazon EC2 User Guide "Access
/// instance metadata" (IMDS, IPv4 and IPv6), Amazon ECS Developer Guide "Task IAM role", Amazon EKS User Guide "EKS Pod
/// Identity" (IPv4 and IPv6), and Azure "Instance Metadata Service", which has the first address too.
const CREDENTIAL_PROVIDERS: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254)),
];

/// What of a URL the connection depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Encrypted from the first byte.
    pub(crate) tls: bool,
    pub(crate) host: TargetHost,
    pub(crate) port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TargetHost {
    Address(IpAddr),
    /// Lower case, punycode; a final dot, which keeps the resolver from adding search domains, stays.
    Name(String),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            TargetHost::Address(address) => write!(f, "{}", SocketAddr::new(*address, self.port)),
            TargetHost::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

impl EgressOptions {
    /// Reads the target out of a URL and checks all that can be checked without resolving. `schemes` are those the
    /// caller can speak.
    pub(crate) fn target(&self, url: &Url, trust: Trust, schemes: &[&str]) -> Result<Target, EgressError> {
        let refused = |refusal| Err(EgressError::refused(shown(url), refusal));
        if !schemes.contains(&url.scheme()) {
            return refused(Refusal::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused(Refusal::Userinfo);
        }
        // The parser treats the host of a scheme it does not know as opaque text, so numbers are read here again.
        let host = match url.host() {
            Some(Host::Ipv4(address)) => TargetHost::Address(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => TargetHost::Address(IpAddr::V6(address)),
            Some(Host::Domain(name)) => match Host::parse(name) {
                Ok(Host::Ipv4(address)) => TargetHost::Address(IpAddr::V4(address)),
                Ok(Host::Domain(name)) => TargetHost::Name(name),
                Ok(Host::Ipv6(_)) | Err(_) => return refused(Refusal::Host),
            },
            None => return refused(Refusal::Host),
        };
        let Some(port) =
            url.port_or_known_default().or_else(|| smtp_port(url.scheme())).filter(|port| *port != 0)
        else {
            return refused(Refusal::Host);
        };
        let target = Target { tls: matches!(url.scheme(), "https" | "smtps"), host, port };
        let ports = if url.scheme().starts_with("smtp") { &self.smtp_ports } else { &self.http_ports };
        if trust == Trust::Guarded && !ports.iter().any(|range| range.contains(&port)) {
            return refused(Refusal::Port(port));
        }
        if trust == Trust::CredentialProvider
            && (target.tls || port != 80 || matches!(target.host, TargetHost::Name(_)))
        {
            return refused(Refusal::CredentialProvider);
        }
        match &target.host {
            // No name has an empty part, but a proxy may make something of one: of an address with two dots behind it.
            TargetHost::Name(name) if undotted(name).split('.').any(str::is_empty) => refused(Refusal::Host),
            TargetHost::Name(name) if METADATA_NAMES.contains(&undotted(name)) => {
                refused(Refusal::MetadataName(name.clone()))
            }
            TargetHost::Address(address) => {
                self.judge(*address, trust).map_err(|refusal| EgressError::refused(shown(url), refusal))?;
                Ok(target)
            }
            TargetHost::Name(_) => Ok(target),
        }
    }

    /// Whether an address may be connected to.
    pub(crate) fn judge(&self, address: IpAddr, trust: Trust) -> Result<(), Refusal> {
        let Classified { class, source } = classify(address);
        let canonical = address.to_canonical();
        let listed =
            || self.allow_private.iter().any(|net| net.contains(&address) || net.contains(&canonical));
        let allowed = match (class, trust) {
            // Compared as written: a wrapped form of one of them is not one of them.
            (_, Trust::CredentialProvider) if CREDENTIAL_PROVIDERS.contains(&address) => true,
            (_, Trust::CredentialProvider) => return Err(Refusal::CredentialProvider),
            (AddressClass::Metadata, _) => false,
            (_, Trust::Operator) | (AddressClass::Public, Trust::Guarded) => true,
            (_, Trust::Guarded) => listed(),
        };
        if allowed { Ok(()) } else { Err(Refusal::Address { address, class, source }) }
    }
}

/// A name without its final dot, as certificates and lists have it.
pub(crate) fn undotted(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Submission (RFC 6409) for `smtp`, implicit TLS (RFC 8314) for `smtps`.
fn smtp_port(scheme: &str) -> Option<u16> {
    match scheme {
        "smtp" => Some(587),
        "smtps" => Some(465),
        _ => None,
    }
}

/// Scheme, host and port: what may stand in a message. Paths and queries of webhooks are often their secret.
pub(crate) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

#[cfg(test)]
mod tests;
