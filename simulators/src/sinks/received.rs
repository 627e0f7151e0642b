//! What came, for whoever checks or shows it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

use crate::estate::Millis;

/// Items of each kind that are kept; the oldest go first and are counted.
const KEPT: usize = 10_000;

/// A webhook's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// When it came.
    pub at: Millis,
    /// What follows `/webhook/` in its path; empty where nothing does.
    pub name: String,
    /// Its headers, in the order they came.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// An event PagerDuty accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// When it came.
    pub at: Millis,
    /// `trigger`, `acknowledge` or `resolve`.
    pub action: String,
    /// The integration's key.
    pub routing_key: String,
    /// The key incidents are found by; PagerDuty makes one where none is given.
    pub dedup_key: String,
    /// The whole event.
    pub event: Value,
}

/// A failover that was asked for, signed and in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Failover {
    /// When it came first.
    pub at: Millis,
    /// The `webhook-id`: the same for every attempt.
    pub id: String,
    /// How often it came.
    pub attempts: u32,
    /// Its body.
    pub body: Value,
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// When it came.
    pub at: Millis,
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Whether it came over TLS.
    pub tls: bool,
    /// Headers, an empty line, and the body, as they were sent.
    pub data: String,
}

type OnWebhook = Arc<dyn Fn(&Webhook) + Send + Sync>;

#[derive(Debug)]
struct Kept<T>(Mutex<(VecDeque<T>, u64)>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new((VecDeque::new(), 0)))
    }
}

impl<T: Clone> Kept<T> {
    fn push(&self, item: T) {
        let mut kept = self.0.lock();
        if kept.0.len() == KEPT {
            kept.0.pop_front();
            kept.1 += 1;
        }
        kept.0.push_back(item);
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().0.iter().cloned().collect()
    }

    fn dropped(&self) -> u64 {
        self.0.lock().1
    }
}

/// Everything that came.
pub struct Received {
    webhooks: Kept<Webhook>,
    pages: Kept<Page>,
    failovers: Kept<Failover>,
    mails: Kept<Mail>,
    on_webhook: Mutex<Option<OnWebhook>>,
    changed: watch::Sender<u64>,
}

impl Default for Received {
    fn default() -> Self {
        Self {
            webhooks: Kept::default(),
            pages: Kept::default(),
            failovers: Kept::default(),
            mails: Kept::default(),
            on_webhook: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("items", &*self.changed.borrow()).finish_non_exhaustive()
    }
}

impl Received {
    /// Returns the webhooks, oldest first.
    pub fn webhooks(&self) -> Vec<Webhook> {
        self.webhooks.all()
    }

    /// Returns the events PagerDuty accepted, oldest first.
    pub fn pages(&self) -> Vec<Page> {
        self.pages.all()
    }

    /// Returns the failovers asked for, oldest first; each once, however often it came.
    pub fn failovers(&self) -> Vec<Failover> {
        self.failovers.all()
    }

    /// Returns the mails, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.all()
    }

    /// Returns how many items are no longer kept because too many came.
    pub fn dropped(&self) -> u64 {
        self.webhooks.dropped() + self.pages.dropped() + self.failovers.dropped() + self.mails.dropped()
    }

    /// Has a function called with every webhook that comes from now on; it replaces the one before.
    pub fn on_webhook(&self, call: impl Fn(&Webhook) + Send + Sync + 'static) {
        *self.on_webhook.lock() = Some(Arc::new(call));
    }

    /// Returns when the condition holds, looking again whenever something comes.
    pub async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let mut changes = self.changed.subscribe();
        while !condition(self) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    pub(super) fn webhook(&self, webhook: Webhook) {
        let call = self.on_webhook.lock().clone();
        if let Some(call) = call {
            call(&webhook);
        }
        self.webhooks.push(webhook);
        self.tell();
    }

    pub(super) fn page(&self, page: Page) {
        self.pages.push(page);
        self.tell();
    }

    pub(super) fn mail(&self, mail: Mail) {
        self.mails.push(mail);
        self.tell();
    }

    /// Notes a failover; false when it is known already and was counted again.
    pub(super) fn failover(&self, failover: Failover) -> bool {
        let mut kept = self.failovers.0.lock();
        let known = kept.0.iter_mut().find(|it| it.id == failover.id);
        let is_new = known.is_none();
        if let Some(known) = known {
            known.attempts += 1;
        }
        drop(kept);
        if is_new {
            self.failovers.push(failover);
        }
        self.tell();
        is_new
    }
}
