//! Connections that have not asked anything yet, oldest first: they make room when room is short, so that those who hold
//! connections open keep out nobody who asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// The connections without a request.
#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    next: u64,
    closers: BTreeMap<u64, CancellationToken>,
}

/// One connection among them, until it asks or ends.
pub(super) struct Waiter {
    waiting: Waiting,
    number: u64,
    close: CancellationToken,
}

impl Waiting {
    /// A new connection.
    pub(super) fn enter(&self) -> Waiter {
        let close = CancellationToken::new();
        let mut queue = self.0.lock();
        let number = queue.next;
        queue.next += 1;
        queue.closers.insert(number, close.clone());
        drop(queue);
        Waiter { waiting: self.clone(), number, close }
    }

    /// Closes the connection that has waited longest, if any waits.
    pub(super) fn close_oldest(&self) {
        let oldest = self.0.lock().closers.pop_first();
        if let Some((_, close)) = oldest {
            metrics::counter!("isobar_http_connections_shed_total").increment(1);
            close.cancel();
        }
    }
}

impl Waiter {
    /// It has asked: it is not closed for others any more.
    pub(super) fn asked(&self) {
        self.waiting.0.lock().closers.remove(&self.number);
    }

    /// Ends when the connection should make room.
    pub(super) async fn closed(&self) {
        self.close.cancelled().await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.asked();
    }
}
