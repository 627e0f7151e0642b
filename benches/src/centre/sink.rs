//! The webhook that both servers tell.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::routing::post;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::Deserialize;

/// A webhook and what came to it. Clones share it.
#[derive(Clone, Debug)]
pub struct Sink {
    /// Where it listens.
    pub url: String,
    told: Arc<Mutex<Told>>,
}

/// What came.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// When each alert came first, by its label `instance`.
    pub alerts: HashMap<String, Instant>,
    /// Requests that tell of such alerts.
    pub notifications: usize,
    /// Their different ids; a server without ids has none.
    pub ids: HashSet<String>,
    /// When the first came.
    pub first: Option<Instant>,
    /// Bytes of the largest.
    pub largest: usize,
}

#[derive(Deserialize)]
struct Notification {
    alerts: Vec<Notified>,
}

#[derive(Deserialize)]
struct Notified {
    labels: Labels,
}

#[derive(Deserialize)]
struct Labels {
    instance: Option<String>,
}

impl Sink {
    /// Listens until the program ends.
    pub async fn listen() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let sink = Self { url: format!("http://{}/", listener.local_addr()?), told: Arc::default() };
        let router = Router::new().route("/", post(take)).layer(DefaultBodyLimit::disable());
        let router = router.with_state(sink.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(sink)
    }

    /// What came so far.
    pub fn told(&self) -> Told {
        self.told.lock().clone()
    }

    /// Waits until so many different alerts have come.
    pub async fn wait_for(&self, alerts: usize, patience: Duration) -> Result<()> {
        let started = Instant::now();
        loop {
            let came = self.told.lock().alerts.len();
            if came >= alerts {
                return Ok(());
            }
            if started.elapsed() > patience {
                bail!("{came} of {alerts} alerts were told within {patience:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What tells of no alert of ours is none of our business: Isobar pages troubles of its own too.
async fn take(State(sink): State<Sink>, headers: HeaderMap, body: Bytes) {
    let at = Instant::now();
    let Ok(notification) = serde_json::from_slice::<Notification>(&body) else { return };
    let instances: Vec<String> =
        notification.alerts.into_iter().filter_map(|alert| alert.labels.instance).collect();
    if instances.is_empty() {
        return;
    }
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
    let mut told = sink.told.lock();
    told.notifications += 1;
    told.ids.extend(id.map(str::to_owned));
    told.first.get_or_insert(at);
    told.largest = told.largest.max(body.len());
    for instance in instances {
        told.alerts.entry(instance).or_insert(at);
    }
}
