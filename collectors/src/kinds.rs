//! The table of source kinds.

use crate::{CollectorKind, azure_monitor, prometheus};

/// Every kind of source there is. Documentation, `isobar kinds` and the tests of samples walk it.
pub static KINDS: &[&dyn CollectorKind] = &[&azure_monitor::KIND, &prometheus::KIND];

#[cfg(test)]
mod tests;
