//! Samples, and the runs of samples that sources deliver.

use std::sync::Arc;
use std::time::Duration;

use crate::{Labels, Timestamp};

/// The bits of the NaN that marks a series as ended. Source: prometheus `model/value.StaleNaN`.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The value that marks a series as ended at its timestamp.
pub fn stale_marker() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// Whether the value is the staleness marker and no other NaN.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// One measurement: a series, the END of the period it was measured over (an instant for scraped values), a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The series.
    pub labels: Labels,
    /// End of the period, UTC.
    pub at: Timestamp,
    /// The value in the series' own unit; NaN and the infinities are legal.
    pub value: f64,
}

/// Samples that one source delivered together and that share one freshness contract.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRun {
    /// Name of the configured source (or remote-write sender).
    pub source: Arc<str>,
    /// Length of the period each sample covers, or the scrape interval; zero when it is not known (remote write).
    pub period: Duration,
    /// How long after the end of a period the provider publishes it; zero for what is read directly.
    pub delay: Duration,
    /// The samples, in the order they came.
    pub samples: Vec<Sample>,
}
