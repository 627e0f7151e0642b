//! A receiver on loopback that answers as it is told and remembers what it was sent.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

/// One request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) raw: Bytes,
    pub(super) body: Value,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What a path does with its next request; 200 when nothing is planned.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Status(u16),
    RetryAfter(u16, &'static str),
    Text(u16, &'static str),
    Hang,
}

type Reaction = Box<dyn Fn() + Send>;

#[derive(Clone)]
pub(super) struct TestReceiver {
    pub(super) address: String,
    plans: Arc<Mutex<HashMap<String, VecDeque<Answer>>>>,
    seen: watch::Sender<Vec<Seen>>,
    /// Called with each request before it is answered.
    on_request: Arc<Mutex<Option<Reaction>>>,
}

impl TestReceiver {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Self {
            address,
            plans: Arc::default(),
            seen: watch::Sender::new(Vec::new()),
            on_request: Arc::default(),
        };
        let served = receiver.clone();
        let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let receiver = served.clone();
            async move { receiver.answer(uri, headers, body).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    /// Plans the answers of a path, in order.
    pub(super) fn plan(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.plans.lock().insert(path.to_owned(), answers.into_iter().collect());
    }

    pub(super) fn on_request(&self, act: impl Fn() + Send + 'static) {
        *self.on_request.lock() = Some(Box::new(act));
    }

    /// Requests to this path so far.
    pub(super) fn seen(&self, path: &str) -> Vec<Seen> {
        self.seen.borrow().iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// Waits until the path has seen so many requests.
    pub(super) async fn wait(&self, path: &str, count: usize) -> Vec<Seen> {
        let mut watching = self.seen.subscribe();
        let enough = |all: &Vec<Seen>| all.iter().filter(|seen| seen.path == path).count() >= count;
        let waiting = tokio::time::timeout(Duration::from_secs(20), watching.wait_for(enough)).await;
        assert!(waiting.is_ok(), "{path} saw {} requests, not {count}", self.seen(path).len());
        self.seen(path)
    }

    async fn answer(&self, uri: Uri, headers: HeaderMap, raw: Bytes) -> Response {
        let path = uri.path().to_owned();
        if let Some(act) = &*self.on_request.lock() {
            act();
        }
        let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
        self.seen.send_modify(|all| all.push(Seen { path: path.clone(), headers, raw, body }));
        let planned = self.plans.lock().get_mut(&path).and_then(VecDeque::pop_front);
        let status = |code| StatusCode::from_u16(code).unwrap();
        match planned {
            None => (StatusCode::OK, "ok").into_response(),
            Some(Answer::Status(code)) => (status(code), "as planned").into_response(),
            Some(Answer::Text(code, text)) => (status(code), text).into_response(),
            Some(Answer::RetryAfter(code, wait)) => (status(code), [("retry-after", wait)]).into_response(),
            Some(Answer::Hang) => std::future::pending().await,
        }
    }
}
