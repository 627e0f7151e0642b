//! What is called, for the cost meter, and how much may be called again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::Calls;

/// Calls of one collection by operation.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<BTreeMap<&'static str, u64>>);

impl Meter {
    /// Counts one request, sent whatever became of it.
    pub(super) fn count(&self, operation: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(operation).or_default() += 1;
    }

    /// What was counted, and nothing any more.
    pub(super) fn drain(&self) -> Vec<Calls> {
        let counted = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let calls = |(operation, calls)| Calls { operation, calls, billed: calls };
        counted.into_iter().map(calls).collect()
    }
}

/// How many requests may be sent on top of those that are needed: to try again, to ask in smaller pieces, to ask another way.
/// A provider that fails gets a tenth more work, not a multiple.
#[derive(Debug)]
pub(super) struct Budget(Mutex<f64>);

/// What every request earns.
const EARNED: f64 = 0.1;
/// The most that can be saved up, and what there is at the start: one batch taken apart down to its resources needs half of
/// it.
const SAVED_MAX: f64 = 20.0;

impl Default for Budget {
    fn default() -> Self {
        Self(Mutex::new(SAVED_MAX))
    }
}

impl Budget {
    /// A request was sent.
    pub(super) fn earn(&self) {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *saved = (*saved + EARNED).min(SAVED_MAX);
    }

    /// Whether so many more may be sent; takes them if so.
    pub(super) fn spend(&self, requests: u32) -> bool {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = *saved >= f64::from(requests);
        if is_there {
            *saved -= f64::from(requests);
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_counts_once() {
        let meter = Meter::default();
        meter.count("Token");
        meter.count("Token");
        assert_eq!(meter.drain(), [Calls { operation: "Token", calls: 2, billed: 2 }]);
        assert_eq!(meter.drain(), []);
    }

    #[test]
    fn in_the_long_run_a_tenth_is_sent_again() {
        let budget = Budget::default();
        let mut again = 0;
        for _ in 0..10_000 {
            budget.earn();
            again += u32::from(budget.spend(1));
        }
        assert!((1_000..=1_020).contains(&again), "{again}");
    }
}
