//! Names to addresses, by the system's resolver configuration and hosts file.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;

use crate::error::{Cause, EgressError};

/// Addresses of a name, or why there are none.
pub(crate) type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, Cause>> + Send + 'a>>;

/// Turns names into addresses. A trait so that tests can let a name change its address.
pub(crate) trait Resolve: fmt::Debug + Send + Sync {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

/// The resolver that the system's `resolv.conf` and `hosts` describe, read once, with a cache that obeys the answers'
/// times to live.
pub(crate) struct SystemResolver(TokioResolver);

impl SystemResolver {
    /// Reads the system's configuration. A machine without one still resolves what its hosts file and `localhost` say.
    pub(crate) fn new() -> Result<Arc<Self>, EgressError> {
        let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|error| {
            tracing::warn!(%error, "no DNS servers: only the hosts file and addresses work");
            TokioResolver::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
        });
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        let resolver = builder.build().map_err(|error| EgressError::Options(format!("resolver: {error}")))?;
        Ok(Arc::new(Self(resolver)))
    }
}

impl fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemResolver")
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let found = self.0.lookup_ip(name).await.map_err(|error| Arc::new(error) as Cause)?;
            Ok(found.iter().collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_machine_itself_is_known_without_any_server() {
        let found = SystemResolver::new().unwrap().resolve("localhost").await.unwrap();
        assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback), "{found:?}");
    }
}
