//! Connections that can be reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Shared, Site};

/// Connections open at once; more are reset.
const CONNECTIONS_MAX: usize = 1_024;
/// How long open requests may take when the server stops.
const GRACE: Duration = Duration::from_secs(2);

/// The connection is to be reset without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset on purpose")]
pub(crate) struct ResetNow;

/// Makes the kernel send RST when the stream is closed.
pub(super) fn reset(stream: &TcpStream) {
    // A stream that is gone already needs no reset.
    let _ = stream.set_zero_linger();
}

/// A stream that closes with RST when it is told to.
struct Stream {
    inner: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            reset(&self.inner);
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// The open connections of one server.
#[derive(Default)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    reset: CancellationToken,
}

impl Connections {
    pub(super) fn serve(&mut self, stream: TcpStream, site: Arc<Site>, shared: Shared) {
        while self.tasks.try_join_next().is_some() {}
        if self.tasks.len() >= CONNECTIONS_MAX {
            reset(&stream);
            return;
        }
        self.tasks.spawn(serve(stream, site, shared, self.reset.clone()));
    }

    /// Resets every connection that is open.
    pub(super) fn reset_all(&mut self) {
        self.reset.cancel();
        self.reset = CancellationToken::new();
    }

    /// Lets open requests end, for a little while.
    pub(super) async fn finish(mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // What is still open then is a stall or a drip: dropping the set ends it.
        let _ = tokio::time::timeout(GRACE, all).await;
    }
}

async fn serve(stream: TcpStream, site: Arc<Site>, shared: Shared, reset_all: CancellationToken) {
    let resets = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(Stream { inner: stream, reset: Arc::clone(&resets) });
    let stop = shared.stop.clone();
    let service = service_fn(|request| {
        let (site, shared, resets) = (Arc::clone(&site), shared.clone(), Arc::clone(&resets));
        async move {
            let answered = site.answer(request, &shared).await;
            if answered.is_err() {
                resets.store(true, Ordering::Relaxed);
            }
            answered
        }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(io, service);
    tokio::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            // How a connection ends is the client's affair.
            _ = &mut connection => return,
            () = reset_all.cancelled() => {
                resets.store(true, Ordering::Relaxed);
                return;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
