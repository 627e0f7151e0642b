//! An HTTP receiver that writes down what it gets and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::eventually;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// A header's text, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With this status and body.
    Status(u16, &'static str),
    /// 429 with this Retry-After, in seconds.
    TooMany(u64),
    /// Not at all, for this long.
    Hang(Duration),
}

#[derive(Default)]
struct Script {
    received: Vec<Received>,
    next: VecDeque<Answer>,
    always: Option<Answer>,
}

/// A running receiver.
#[derive(Clone)]
pub struct Receiver {
    url: String,
    script: Arc<Mutex<Script>>,
}

impl Receiver {
    /// Starts one that answers everything with `always`.
    pub async fn start(always: Answer) -> Self {
        let script = Arc::new(Mutex::new(Script { always: Some(always), ..Script::default() }));
        let router = Router::new().fallback(receive).with_state(script.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, script }
    }

    /// An address on it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Answers the coming requests with these, then as always.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().expect("no test panics inside").next.extend(answers);
    }

    /// Answers everything with this from now on.
    pub fn answer_always(&self, answer: Answer) {
        self.script.lock().expect("no test panics inside").always = Some(answer);
    }

    /// What has come so far.
    pub fn received(&self) -> Vec<Received> {
        self.script.lock().expect("no test panics inside").received.clone()
    }

    /// Waits until at least `count` requests have come.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} requests at {}", self.url), || async {
            let received = self.received();
            (received.len() >= count).then_some(received)
        })
        .await
    }
}

async fn receive(State(script): State<Arc<Mutex<Script>>>, headers: HeaderMap, body: Bytes) -> Response {
    let answer = {
        let mut script = script.lock().expect("no test panics inside");
        script.received.push(Received { headers, body });
        script.next.pop_front().or_else(|| script.always.clone())
    };
    match answer.unwrap_or(Answer::Status(200, "")) {
        Answer::Status(status, body) => {
            (StatusCode::from_u16(status).unwrap_or_default(), body).into_response()
        }
        Answer::TooMany(seconds) => {
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())]).into_response()
        }
        Answer::Hang(time) => {
            tokio::time::sleep(time).await;
            StatusCode::OK.into_response()
        }
    }
}
