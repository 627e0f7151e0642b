//! The router on a socket: connections are counted, slow ones closed, and all of them ended in time at shutdown.

mod address;
mod connection;
mod tls;
mod waiting;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use tls::{Tls, TlsError};

use crate::access::SecurityOptions;
use address::Addresses;
use connection::Connection;
use waiting::Waiting;

/// How connections are taken.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Certificate and key; without them, plain HTTP/1.1.
    pub tls: Option<Arc<Tls>>,
    /// Connections at once. A further one takes the place of the one that has been waiting longest without a request;
    /// where there is none, it waits itself.
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
    let waiting = Waiting::default();
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut check_tls = interval(TLS_CHECK);
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => break,
            _ = check_tls.tick() => {
                reload_tls(options.tls.clone());
                continue;
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of descriptors, most likely: some connection must end first.
            metrics::counter!("isobar_http_accept_failures_total").increment(1);
            waiting.close_oldest();
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let Some(seat) = per_address.seat(peer.ip(), &options) else {
            metrics::counter!("isobar_http_connections_refused_total").increment(1);
            continue;
        };
        if places.available_permits() == 0 {
            waiting.close_oldest();
        }
        let place = tokio::select! {
            () = stopping.cancelled() => break,
            place = places.clone().acquire_owned() => place,
        };
        let connection = Connection {
            router: router.clone(),
            options: options.clone(),
            watcher: graceful.watcher(),
            waiter: waiting.enter(),
        };
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

#[cfg(test)]
mod tests;
