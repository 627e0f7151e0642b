//! A scrape target whose page a test writes.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::certificates::{Issued, TlsListener};

/// What the target answers.
#[derive(Clone, Debug)]
pub enum Page {
    /// This exposition text.
    Text(String),
    /// This status and nothing else.
    Status(u16),
}

/// A running target.
#[derive(Clone)]
pub struct Exporter {
    url: String,
    page: Arc<Mutex<Page>>,
}

/// What a request is answered from.
#[derive(Clone)]
struct Shown {
    page: Arc<Mutex<Page>>,
    /// The `authorization` header a request must have.
    authorization: Option<String>,
}

impl Exporter {
    /// Starts one that shows this page.
    pub async fn start(text: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        Self::serve(text, "http", listener, None)
    }

    /// Starts one behind TLS that shows this page to this user, and 401 to everybody else.
    pub async fn start_guarded(text: &str, issued: &Issued, username: &str, password: &str) -> Self {
        let authorization = format!("Basic {}", STANDARD.encode(format!("{username}:{password}")));
        Self::serve(text, "https", TlsListener::bind(issued).await, Some(authorization))
    }

    fn serve<L>(text: &str, scheme: &str, listener: L, authorization: Option<String>) -> Self
    where
        L: Listener<Addr = std::net::SocketAddr>,
    {
        let page = Arc::new(Mutex::new(Page::Text(text.to_owned())));
        let url =
            format!("{scheme}://{}/metrics", listener.local_addr().expect("a bound socket has an address"));
        let shown = Shown { page: page.clone(), authorization };
        let router = Router::new().route("/metrics", get(show)).with_state(shown);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, page }
    }

    /// The target's address.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Its host and port alone, as target lists name it.
    pub fn address(&self) -> String {
        let (_, rest) = self.url.split_once("://").expect("it begins with a scheme");
        rest.trim_end_matches("/metrics").to_owned()
    }

    /// Shows something else from now on.
    pub fn show(&self, page: Page) {
        *self.page.lock().expect("no test panics inside") = page;
    }
}

async fn show(State(shown): State<Shown>, headers: HeaderMap) -> Response {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    if shown.authorization.is_some() && shown.authorization.as_deref() != given {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let page = shown.page.lock().expect("no test panics inside").clone();
    match page {
        Page::Text(text) => ([("content-type", "text/plain; version=0.0.4")], text).into_response(),
        Page::Status(status) => StatusCode::from_u16(status).unwrap_or_default().into_response(),
    }
}
