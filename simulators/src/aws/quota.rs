//! How often a caller may ask: token buckets by operation and region.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::estate::Millis;

/// A bucket that holds one second's worth.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Millis,
}

/// The buckets of one account; there is one for every name asked about, and names come from the operations known.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    buckets: Mutex<HashMap<(String, String), Bucket>>,
}

impl Quotas {
    /// Takes `amount` from the bucket of a name in a region that fills at `per_second`; false when there is not enough.
    pub(crate) fn take(&self, name: &str, region: &str, per_second: f64, amount: f64, now: Millis) -> bool {
        let mut buckets = self.buckets.lock();
        let full = Bucket { left: per_second, at: now };
        let bucket = buckets.entry((name.to_owned(), region.to_owned())).or_insert(full);
        // A clock that went back fills nothing.
        let passed_s = (now - bucket.at).max(0) as f64 / 1_000.0;
        bucket.left = (bucket.left + passed_s * per_second).min(per_second);
        bucket.at = now;
        let enough = bucket.left >= amount;
        if enough {
            bucket.left -= amount;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_its_rate_and_fills_again() {
        let quotas = Quotas::default();
        let asked = |now| quotas.take("DescribeAlarms", "us-east-1", 9.0, 1.0, now);
        assert_eq!((0..12).filter(|_| asked(1_000)).count(), 9);
        assert_eq!((0..12).filter(|_| asked(1_500)).count(), 4, "half a second fills half");
        assert!(quotas.take("DescribeAlarms", "eu-west-1", 9.0, 1.0, 1_500), "regions do not share");
        assert!(
            !quotas.take("points", "us-east-1", 180_000.0, 180_001.0, 1_500),
            "more than a second's worth"
        );
    }
}
