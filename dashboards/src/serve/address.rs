//! How many connections each remote address has.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::ServeOptions;

/// How many connections each remote address has.
#[derive(Clone, Default)]
pub(super) struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection's place among those of its address.
pub(super) struct Seat {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// A place for one more, unless the address has its share or may not connect at all.
    pub(super) fn seat(&self, address: IpAddr, options: &ServeOptions) -> Option<Seat> {
        let address = address.to_canonical();
        let is_proxy = options.proxies.iter().any(|proxy| proxy.contains(&address));
        if !options.proxies.is_empty() && !is_proxy && !address.is_loopback() {
            return None;
        }
        let mut counts = self.0.lock();
        let count = counts.entry(address).or_default();
        if *count >= options.connections_per_address_max && !is_proxy && !address.is_loopback() {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Seat { addresses: self.clone(), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
