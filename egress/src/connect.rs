//! Makes connections: checks, dials the checked addresses, goes through a proxy where one is set, and shakes hands.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tower_service::Service;
use url::Url;

use crate::error::{EgressError, Phase, Refusal};
use crate::guard::Guard;
use crate::policy::{Target, TargetHost, Trust, undotted};
use crate::proxy::Proxy;
use crate::stream::Stream;
use crate::tls::Tls;

/// How many addresses of one name are tried: as many as large services publish, and a bound on what a hostile answer costs.
const ADDRESSES_TRIED_MAX: usize = 8;
/// How long an address may keep the next one waiting: the Connection Attempt Delay of RFC 8305 section 5.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// The HTTP layer asks it for each new connection. It sees only scheme, host and port, and checks them again itself, so
/// that no path of the HTTP layer leads around the guard.
#[derive(Clone, Debug)]
pub(crate) struct Connector(Arc<Way>);

#[derive(Debug)]
struct Way {
    guard: Arc<Guard>,
    trust: Trust,
    tls: Tls,
    proxy: Option<Proxy>,
}

impl Connector {
    pub(crate) fn new(guard: Arc<Guard>, trust: Trust, tls: Tls, proxy: Option<Proxy>) -> Self {
        Self(Arc::new(Way { guard, trust, tls, proxy }))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = EgressError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, EgressError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let way = Arc::clone(&self.0);
        Box::pin(async move { way.connect(&uri).await })
    }
}

impl Way {
    async fn connect(&self, uri: &Uri) -> Result<Stream, EgressError> {
        let refused = || EgressError::refused(uri.to_string(), Refusal::Host);
        let url = Url::parse(&uri.to_string()).map_err(|_| refused())?;
        let target = self.guard.options.target(&url, self.trust, &["http", "https"])?;
        let deadline = Deadline::of(self.guard.options.connect_timeout, target.to_string());

        let tcp = match &self.proxy {
            None => deadline.dial(&deadline.addresses(&self.guard, &target, self.trust).await?).await?,
            Some(proxy) => self.through(proxy, &target, &deadline).await?,
        };
        // Requests are written whole; waiting to fill a packet only adds delay.
        tcp.set_nodelay(true).map_err(|error| deadline.connect_failed(error))?;
        if !target.tls {
            return Ok(Stream::from(tcp));
        }
        let name = match &self.tls.server_name {
            Some(name) => name.clone(),
            None => server_name(&target)?,
        };
        let handshake = TlsConnector::from(Arc::clone(&self.tls.config)).connect(name, tcp);
        let encrypted = deadline.hold(Phase::Tls, handshake).await?;
        encrypted
            .map(Stream::from)
            .map_err(|error| EgressError::Tls { target: target.to_string(), source: Arc::new(error) })
    }

    /// Opens a tunnel. A guarded target is resolved and checked here and asked for by its address, so that the proxy
    /// cannot resolve it to something else; an operator's is asked for by name, which may exist only behind the proxy.
    async fn through(
        &self,
        proxy: &Proxy,
        target: &Target,
        deadline: &Deadline,
    ) -> Result<TcpStream, EgressError> {
        let destinations: Vec<String> = match self.trust {
            Trust::Operator => vec![target.to_string()],
            Trust::Guarded | Trust::CredentialProvider => {
                let addresses = deadline.addresses(&self.guard, target, self.trust).await?;
                addresses.iter().take(ADDRESSES_TRIED_MAX).map(SocketAddr::to_string).collect()
            }
        };
        // The proxy stands in the operator's file whatever the target's trust.
        let proxy_addresses = deadline.addresses(&self.guard, &proxy.target, Trust::Operator).await?;
        let mut last = None;
        for destination in &destinations {
            let tcp = deadline.dial(&proxy_addresses).await?;
            match deadline.hold(Phase::Proxy, proxy.open(tcp, destination)).await? {
                Ok(tunnel) => return Ok(tunnel),
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("a target has at least one destination"))
    }
}

/// The name a certificate must be for.
fn server_name(target: &Target) -> Result<ServerName<'static>, EgressError> {
    match &target.host {
        TargetHost::Address(address) => Ok(ServerName::from(*address)),
        TargetHost::Name(name) => ServerName::try_from(undotted(name).to_owned())
            .map_err(|error| EgressError::Tls { target: target.to_string(), source: Arc::new(error) }),
    }
}

/// The one time limit over all steps of making a connection.
struct Deadline {
    at: Instant,
    limit: Duration,
    target: String,
}

impl Deadline {
    fn of(limit: Duration, target: String) -> Self {
        Self { at: Instant::now() + limit, limit, target }
    }

    async fn hold<T>(&self, phase: Phase, step: impl Future<Output = T>) -> Result<T, EgressError> {
        timeout_at(self.at, step).await.map_err(|_| self.passed(phase))
    }

    async fn addresses(
        &self,
        guard: &Guard,
        target: &Target,
        trust: Trust,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        self.hold(Phase::Resolve, guard.addresses(target, trust)).await?
    }

    /// Connects to the first address that answers. The next one is tried as soon as one fails, or beside those that
    /// have not answered after [`NEXT_ADDRESS_AFTER`], so that one whose packets vanish delays nobody for long.
    async fn dial(&self, addresses: &[SocketAddr]) -> Result<TcpStream, EgressError> {
        let mut rest = addresses.iter().take(ADDRESSES_TRIED_MAX);
        let mut attempts = JoinSet::new();
        let mut last = self.passed(Phase::Connect);
        loop {
            if let Some(address) = rest.next() {
                attempts.spawn(TcpStream::connect(*address));
            }
            let more = rest.len() > 0;
            let step = if more { self.at.min(Instant::now() + NEXT_ADDRESS_AFTER) } else { self.at };
            match timeout_at(step, attempts.join_next()).await {
                Ok(Some(Ok(Ok(tcp)))) => return Ok(tcp),
                Ok(Some(Ok(Err(error)))) => last = self.connect_failed(error),
                Ok(Some(Err(error))) => last = self.connect_failed(error.into()),
                Ok(None) => return Err(last),
                Err(_) if step == self.at => return Err(self.passed(Phase::Connect)),
                Err(_) => {}
            }
        }
    }

    fn connect_failed(&self, error: std::io::Error) -> EgressError {
        EgressError::Connect { target: self.target.clone(), source: Arc::new(error) }
    }

    fn passed(&self, phase: Phase) -> EgressError {
        EgressError::Timeout { target: self.target.clone(), phase, limit: self.limit }
    }
}
