//! What was asked of the simulators, for those who check how a client behaves.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::estate::Millis;
use crate::faults::{Call, Fault, Provider};

/// Requests kept; older ones are dropped and counted.
const KEPT: usize = 20_000;

/// One request and how it was answered.
#[derive(Debug, Clone)]
pub struct Logged {
    /// When it came, by the simulators' clock.
    pub at: Millis,
    /// Who was asked.
    pub provider: Provider,
    /// What was asked, and of which region.
    pub call: Call,
    /// The method and the path with its query.
    pub target: String,
    /// Bytes of its body.
    pub body_bytes: usize,
    /// The HTTP status of the answer; 0 when there was none.
    pub status: u16,
    /// What went wrong on purpose.
    pub faults: Vec<Fault>,
}

/// The last requests in order.
#[derive(Debug, Default)]
pub struct RequestLog {
    kept: Mutex<(VecDeque<Logged>, u64)>,
}

impl RequestLog {
    pub(crate) fn push(&self, logged: Logged) {
        let mut kept = self.kept.lock();
        if kept.0.len() == KEPT {
            kept.0.pop_front();
            kept.1 += 1;
        }
        kept.0.push_back(logged);
    }

    /// Returns the requests kept, oldest first.
    pub fn all(&self) -> Vec<Logged> {
        self.kept.lock().0.iter().cloned().collect()
    }

    /// Returns how many requests of an operation are kept.
    pub fn count(&self, provider: Provider, operation: &str) -> usize {
        let kept = self.kept.lock();
        kept.0.iter().filter(|it| it.provider == provider && it.call.operation == operation).count()
    }

    /// Returns how many requests were dropped because there were more than are kept.
    pub fn dropped(&self) -> u64 {
        self.kept.lock().1
    }
}
