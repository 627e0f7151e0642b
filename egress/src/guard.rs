//! From a target to the addresses that may be connected to.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::error::{EgressError, Refusal};
use crate::policy::{EgressOptions, Target, TargetHost, Trust};
use crate::resolve::Resolve;

/// The policy and the resolver it is applied to: the only way to an address.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) options: EgressOptions,
    pub(crate) resolver: Arc<dyn Resolve>,
}

impl Guard {
    /// Resolves a target and checks EVERY address it has: one bad address refuses the whole name, because which of them
    /// is connected to would be the resolver's choice, that is the attacker's.
    pub(crate) async fn addresses(
        &self,
        target: &Target,
        trust: Trust,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        let found = match &target.host {
            TargetHost::Address(address) => vec![*address],
            TargetHost::Name(name) => {
                let resolved = self.resolver.resolve(name).await;
                resolved.map_err(|source| EgressError::Resolve { name: name.clone(), source })?
            }
        };
        if found.is_empty() {
            let name = target.to_string();
            return Err(EgressError::Resolve { name, source: Arc::new(NoAddress) });
        }
        for address in &found {
            self.options
                .judge(*address, trust)
                .map_err(|refusal| EgressError::refused(target.to_string(), refusal))?;
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address, target.port)).collect())
    }
}

/// Counts a refusal; called once for each request or check that ends in one.
pub(crate) fn count_refusal(refusal: &Refusal) {
    metrics::counter!("isobar_egress_refused_total", "rule" => refusal.as_str()).increment(1);
}

/// The resolver answered with nothing.
#[derive(Debug, thiserror::Error)]
#[error("the answer holds no address")]
struct NoAddress;
