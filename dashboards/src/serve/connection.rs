//! One connection: handshake, protocol, and the times it must keep.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};
use tower::ServiceExt;

use super::ServeOptions;
use super::waiting::Waiter;

/// A request's head; the longest legitimate ones carry a long query or token. Source: our own figure.
const HEAD_MAX: usize = 64 << 10;
/// Requests on one HTTP/2 connection at once.
const STREAMS_MAX: u32 = 64;
/// A silent HTTP/2 client is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(20);

pub(super) struct Connection {
    pub(super) router: Router,
    pub(super) options: Arc<ServeOptions>,
    pub(super) watcher: Watcher,
    pub(super) waiter: Waiter,
}

impl Connection {
    pub(super) async fn run(self, stream: TcpStream) {
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let stream = WriteStall::new(stream, self.options.patience);
        let Some(tls) = self.options.tls.clone() else {
            return self.speak(stream, false).await;
        };
        let accepted = tokio::select! {
            () = self.waiter.closed() => return,
            accepted = timeout(self.options.patience, tls.accept(stream)) => accepted,
        };
        match accepted {
            Ok(Ok(stream)) => {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.speak(stream, is_http2).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    /// The protocol is what TLS agreed on: guessing it from the first bytes would wait for them without a limit.
    async fn speak<S>(self, stream: S, is_http2: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let patience = self.options.patience;
        let waiter = Arc::new(self.waiter);
        let asked = Arc::new(AtomicBool::new(false));
        let (seen, asker) = (asked.clone(), waiter.clone());
        let router = self.router;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            if !seen.swap(true, Ordering::Relaxed) {
                asker.asked();
            }
            router.clone().oneshot(request.map(axum::body::Body::new) as Request)
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(HEAD_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(patience)
            .max_concurrent_streams(STREAMS_MAX)
            .max_header_list_size(HEAD_MAX as u32);
        let builder = if is_http2 { builder.http2_only() } else { builder.http1_only() };
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let connection = self.watcher.watch(connection);
        tokio::pin!(connection);
        // Whatever the protocol waits for before its first request, it does not wait longer than this.
        let first = tokio::select! {
            () = waiter.closed() => return tracing::debug!("closed to make room"),
            first = timeout(patience, connection.as_mut()) => first,
        };
        let ended = match first {
            Ok(ended) => ended,
            Err(_) if asked.load(Ordering::Relaxed) => connection.await,
            Err(_) => return tracing::debug!("no request in time"),
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "the connection broke off");
        }
    }
}

/// A stream that fails when the other side takes nothing for a while: a client that asks for much and reads nothing
/// would hold its connection, and what is buffered for it, for ever.
struct WriteStall<S> {
    stream: S,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteStall<S> {
    fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, stalled: None }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteStall<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteStall<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, polled)
    }
}
