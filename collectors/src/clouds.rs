//! What the collectors of clouds share: what metrics mean, which of them somebody waits for, and what calls cost.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use isobar_normalizer::NativeMappings;

/// Handed to every collector when it is built.
#[derive(Clone, Debug, Default)]
pub struct Clouds {
    /// What to ask for, and what it means.
    pub mappings: Arc<NativeMappings>,
    /// The canonical metrics that policies read: they are collected every period, the others less often where a request
    /// costs money.
    pub in_use: InUse,
}

/// Canonical metrics that policies read. Shared: it changes when policies are reloaded.
#[derive(Clone, Debug, Default)]
pub struct InUse(Arc<RwLock<BTreeSet<String>>>);

impl InUse {
    /// Says which they are now.
    pub fn set(&self, metrics: BTreeSet<String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = metrics;
    }

    /// Whether a policy reads the metric.
    pub fn contains(&self, metric: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(metric)
    }
}

/// How often one operation was called in a collection, and what the provider bills for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// The operation as the kind's price table names it.
    pub operation: &'static str,
    /// Requests sent, failed and repeated ones included.
    pub calls: u64,
    /// Units billed: requests, or what else the provider counts (metrics requested).
    pub billed: u64,
}
