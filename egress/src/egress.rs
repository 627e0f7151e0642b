//! The way out: one policy, one resolver, one trust store; hands out clients.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::RootCertStore;
use url::Url;

use crate::client::{Client, ClientOptions};
use crate::error::EgressError;
use crate::guard::{Guard, count_refusal};
use crate::policy::{EgressOptions, Trust};
use crate::proxy::Proxy;
use crate::resolve::{Resolve, SystemResolver};
use crate::tls;

/// Everything that leaves this process by HTTP leaves by a client of this. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Egress {
    guard: Arc<Guard>,
    roots: Arc<RootCertStore>,
}

impl Egress {
    /// Reads the system's resolver configuration and trust store, which takes some milliseconds of file access.
    ///
    /// # Errors
    /// A resolver configuration that cannot be used. A missing one is only a warning: addresses and the hosts file work.
    pub fn new(options: EgressOptions) -> Result<Self, EgressError> {
        Ok(Self::with_resolver(options, SystemResolver::new()?))
    }

    pub(crate) fn with_resolver(options: EgressOptions, resolver: Arc<dyn Resolve>) -> Self {
        Self { guard: Arc::new(Guard { options, resolver }), roots: Arc::new(tls::system_roots()) }
    }

    /// Builds a client. Clients do not share connections; keep one for each use and clone it.
    ///
    /// # Errors
    /// Certificates or keys that cannot be read, half a client certificate, a proxy that is not `http://host:port`, a proxy
    /// for [`Trust::CredentialProvider`]: metadata is asked by the machine itself.
    pub fn client(&self, options: ClientOptions) -> Result<Client, EgressError> {
        if options.trust == Trust::CredentialProvider && options.proxy.is_some() {
            return Err(EgressError::Options("a credential provider goes through no proxy".to_owned()));
        }
        let tls = tls::build(&options.tls.unwrap_or_default(), &self.roots)?;
        let proxy = options.proxy.map(|url| Proxy::parse(&url, &self.guard.options)).transpose()?;
        Ok(Client::new(Arc::clone(&self.guard), options.trust, tls, proxy))
    }

    /// Checks a target without connecting: scheme (`http`, `https`, `smtp`, `smtps`), port, and every address it resolves
    /// to. Who connects must connect to one of the addresses returned, not to the name.
    ///
    /// # Errors
    /// [`EgressError::Refused`], [`EgressError::Resolve`], and [`EgressError::Timeout`] after
    /// [`EgressOptions::connect_timeout`].
    pub async fn check(&self, url: &Url, trust: Trust) -> Result<Vec<SocketAddr>, EgressError> {
        let checked = self.check_uncounted(url, trust).await;
        if let Err(EgressError::Refused { refusal, .. }) = &checked {
            count_refusal(refusal);
        }
        checked
    }

    async fn check_uncounted(&self, url: &Url, trust: Trust) -> Result<Vec<SocketAddr>, EgressError> {
        let target = self.guard.options.target(url, trust, &["http", "https", "smtp", "smtps"])?;
        let limit = self.guard.options.connect_timeout;
        let resolving = self.guard.addresses(&target, trust);
        tokio::time::timeout(limit, resolving).await.unwrap_or_else(|_| {
            let phase = crate::error::Phase::Resolve;
            Err(EgressError::Timeout { target: target.to_string(), phase, limit })
        })
    }
}
