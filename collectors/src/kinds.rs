//! The table of source kinds.

use crate::{CollectorKind, azure_monitor, cloudwatch, prometheus};

/// Every kind of source there is. Documentation, `isobar kinds` and the tests of samples walk it.
pub static KINDS: &[&dyn CollectorKind] = &[&azure_monitor::KIND, &cloudwatch::KIND, &prometheus::KIND];

#[cfg(test)]
mod tests;
