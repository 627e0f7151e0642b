//! A scrape target whose page a test writes.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

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
    address: std::net::SocketAddr,
    page: Arc<Mutex<Page>>,
}

impl Exporter {
    /// Starts one that shows this page.
    pub async fn start(text: &str) -> Self {
        let page = Arc::new(Mutex::new(Page::Text(text.to_owned())));
        let router = Router::new().route("/metrics", get(show)).with_state(page.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, page }
    }

    /// The target's address.
    pub fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    /// Shows something else from now on.
    pub fn show(&self, page: Page) {
        *self.page.lock().expect("no test panics inside") = page;
    }
}

async fn show(State(page): State<Arc<Mutex<Page>>>) -> Response {
    let page = page.lock().expect("no test panics inside").clone();
    match page {
        Page::Text(text) => ([("content-type", "text/plain; version=0.0.4")], text).into_response(),
        Page::Status(status) => StatusCode::from_u16(status).unwrap_or_default().into_response(),
    }
}
