//! The router on a socket: connections are counted, slow ones closed, and all of them ended in time at shutdown.

mod connection;
mod tls;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use tls::{Tls, TlsError};

use crate::access::SecurityOptions;
use connection::Connection;

/// How connections are taken.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Certificate and key; without them, plain HTTP/1.1.
    pub tls: Option<Arc<Tls>>,
    /// Connections at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// Connections of one remote address at once, so that one client cannot take all; more are closed. Loopback and the
    /// proxies in front are not counted: many clients are behind them.
    pub connections_per_address_max: usize,
    /// TLS handshake and each request's head arrive in this time, and a client takes some of its answer in each such
    /// stretch; a connection without a request is closed after it.
    pub patience: Duration,
    /// At shutdown, requests under way may end in this time.
    pub drain: Duration,
    /// Only these networks and loopback are served; empty means everyone.
    proxies: Vec<IpNet>,
}

impl ServeOptions {
    /// The defaults, with what the configuration says about proxies.
    pub fn new(security: &SecurityOptions, tls: Option<Arc<Tls>>) -> Self {
        Self {
            tls,
            // At most 16 MiB of body each and a descriptor: inside the usual limit of 1024 open files with room for blocks.
            connections_max: 768,
            connections_per_address_max: 192,
            // Half-open connections are closed within 15 s, two of them even when the handshake took its whole share.
            patience: Duration::from_secs(7),
            drain: Duration::from_secs(10),
            proxies: security.proxies.clone(),
        }
    }
}

/// Files that changed are noticed within this time; reading two small files costs nothing.
const TLS_CHECK: Duration = Duration::from_secs(30);

/// Serves until `stopping` is cancelled, then lets requests under way end.
///
/// # Errors
/// The listener has no address. Connections that cannot be accepted are tried again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServeOptions,
    stopping: CancellationToken,
) -> io::Result<()> {
    tracing::info!(address = %listener.local_addr()?, tls = options.tls.is_some(), "listening");
    let options = Arc::new(options);
    let places = Arc::new(Semaphore::new(options.connections_max));
    let per_address = Addresses::default();
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut check_tls = interval(TLS_CHECK);
    loop {
        let place = places.clone().acquire_owned();
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            _ = check_tls.tick() => {
                reload_tls(options.tls.clone());
                continue;
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = async { (place.await, listener.accept().await) } => accepted,
        };
        let (Ok(place), Ok((stream, peer))) = accepted else {
            // Out of descriptors, most likely: the connections there are must end first.
            metrics::counter!("isobar_http_accept_failures_total").increment(1);
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Some(seat) = per_address.seat(peer.ip(), &options) else {
            metrics::counter!("isobar_http_connections_refused_total").increment(1);
            continue;
        };
        let connection =
            Connection { router: router.clone(), options: options.clone(), watcher: graceful.watcher() };
        connections.spawn(async move {
            let (_place, _seat) = (place, seat);
            connection.run(stream).await;
        });
    }
    drop(listener);
    if timeout(options.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(left = connections.len(), "connections did not end in time and are cut");
    }
    connections.shutdown().await;
    Ok(())
}

fn reload_tls(tls: Option<Arc<Tls>>) {
    let Some(tls) = tls else {
        return;
    };
    tokio::task::spawn_blocking(move || match tls.reload() {
        Ok(true) => tracing::info!("the new certificate is in use"),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "the certificate before stays in use"),
    });
}

/// How many connections each remote address has.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection's place among those of its address.
struct Seat {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// A place for one more, unless the address has its share or may not connect at all.
    fn seat(&self, address: IpAddr, options: &ServeOptions) -> Option<Seat> {
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

#[cfg(test)]
mod tests;
