//! Cases (`cases/*.case`) and the laws: splitting, order and restarts change nothing.

mod cases;
mod laws;

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use super::*;
use crate::{Labels, is_stale};

/// What a store holds after upserting: the last value written for each series and timestamp.
type Stored = BTreeMap<Labels, BTreeMap<Timestamp, u64>>;

fn store(stored: &mut Stored, canonical: &Canonical) {
    for sample in canonical.runs.iter().flat_map(|run| &run.samples) {
        assert!(sample.value.is_finite() || is_stale(sample.value), "{sample:?}");
        stored.entry(sample.labels.clone()).or_default().insert(sample.at, sample.value.to_bits());
    }
}

fn run_of(samples: Vec<Sample>) -> SampleRun {
    SampleRun { source: "dc1".into(), period: Duration::from_secs(10), delay: Duration::ZERO, samples }
}

fn canonicaliser() -> Canonicaliser {
    static MAPPINGS: LazyLock<Arc<Mappings>> = LazyLock::new(|| Arc::new(Mappings::builtin()));
    Canonicaliser::new(MAPPINGS.clone())
}
