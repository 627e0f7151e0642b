//! Names to addresses, by the system's resolver configuration and hosts file.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use parking_lot::Mutex;

use crate::error::{Cause, EgressError};

/// Addresses of a name, or why there are none.
pub(crate) type Resolving<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, Cause>> + Send + 'a>>;

/// Turns names into addresses. A trait so that tests can let a name change its address.
pub(crate) trait Resolve: fmt::Debug + Send + Sync {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

/// The files a resolver is made from.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];
/// How often they are looked at; the C library and Go do it as often.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a name is held to be missing, whatever its zone says. Zones say up to a day, and a receiver whose name was gone
/// for a minute must not go without pages for longer.
const MISSING_MAX: Duration = Duration::from_secs(30);

/// The resolver that the system's `resolv.conf` and `hosts` describe, with a cache that obeys the answers' times to live. When
/// the files change (another network, a new lease, a VPN) it is made anew.
pub(crate) struct SystemResolver(Mutex<Made>);

struct Made {
    resolver: TokioResolver,
    from: [Option<SystemTime>; 2],
    looked: Instant,
}

impl SystemResolver {
    /// Reads the system's configuration. A machine without one still resolves what its hosts file and `localhost` say.
    pub(crate) fn new() -> Result<Arc<Self>, EgressError> {
        let from = changed_at();
        let resolver = make().map_err(|error| EgressError::Options(format!("resolver: {error}")))?;
        Ok(Arc::new(Self(Mutex::new(Made { resolver, from, looked: Instant::now() }))))
    }

    /// The resolver for the files as they are. Files that cannot be used leave the one there is.
    fn current(&self) -> TokioResolver {
        let mut made = self.0.lock();
        if made.looked.elapsed() >= LOOK_EVERY {
            made.looked = Instant::now();
            let from = changed_at();
            if from != made.from {
                made.from = from;
                match make() {
                    Ok(resolver) => made.resolver = resolver,
                    Err(error) => tracing::warn!(%error, "the changed resolver configuration cannot be used"),
                }
            }
        }
        made.resolver.clone()
    }
}

fn make() -> Result<TokioResolver, NetError> {
    let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|error| {
        tracing::warn!(%error, "no DNS servers: only the hosts file and addresses work");
        TokioResolver::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
    });
    builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    builder.options_mut().negative_max_ttl = Some(MISSING_MAX);
    builder.build()
}

/// When each file was last changed; nothing for one that is not there.
fn changed_at() -> [Option<SystemTime>; 2] {
    FILES.map(|file| std::fs::metadata(file).and_then(|found| found.modified()).ok())
}

impl fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemResolver")
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        let resolver = self.current();
        Box::pin(async move {
            let found = resolver.lookup_ip(name).await.map_err(|error| Arc::new(error) as Cause)?;
            Ok(found.iter().collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::net::NoRecords;
    use hickory_resolver::proto::op::{Query, ResponseCode};
    use hickory_resolver::proto::rr::{Name, RecordType};
    use hickory_resolver::{ResponseCache, TtlConfig};

    #[test]
    fn a_name_that_was_missing_is_soon_asked_for_again() {
        let cache = ResponseCache::new(1, TtlConfig::from_opts(make().unwrap().options()));
        let query = Query::query(Name::from_ascii("hook.example.").unwrap(), RecordType::A);
        let mut missing = NoRecords::new(query.clone(), ResponseCode::NXDomain);
        missing.negative_ttl = Some(86_400);
        let now = Instant::now();
        cache.insert(query.clone(), Err(missing.into()), now);
        let is_remembered = |seconds| cache.get(&query, now + Duration::from_secs(seconds)).is_some();
        assert!(is_remembered(29) && !is_remembered(31));
    }

    #[tokio::test]
    async fn the_machine_itself_is_known_without_any_server() {
        let found = SystemResolver::new().unwrap().resolve("localhost").await.unwrap();
        assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback), "{found:?}");
    }
}
