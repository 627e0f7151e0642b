//! How often a caller may ask: token buckets by operation and region.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::estate::Millis;

/// How much a bucket holds and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub(crate) holds: f64,
    pub(crate) per_second: f64,
}

/// A bucket and what is left in it.
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
    /// Takes `amount` from a bucket that holds one second's worth; false when there is not enough.
    pub(crate) fn take(&self, name: &str, region: &str, per_second: f64, amount: f64, now: Millis) -> bool {
        self.take_at(name, region, Rate { holds: per_second, per_second }, amount, now)
    }

    /// Takes `amount` from the bucket of a name in a region; false when there is not enough.
    pub(crate) fn take_at(&self, name: &str, region: &str, rate: Rate, amount: f64, now: Millis) -> bool {
        let Rate { holds, per_second } = rate;
        let mut buckets = self.buckets.lock();
        let full = Bucket { left: holds, at: now };
        let bucket = buckets.entry((name.to_owned(), region.to_owned())).or_insert(full);
        // A clock that went back fills nothing.
        let passed_s = (now - bucket.at).max(0) as f64 / 1_000.0;
        bucket.left = (bucket.left + passed_s * per_second).min(holds);
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
        let rate = Rate { holds: 100.0, per_second: 20.0 };
        let asked = |now| quotas.take_at("DescribeInstances", "us-east-1", rate, 1.0, now);
        assert_eq!((0..200).filter(|_| asked(1_000)).count(), 100, "a burst, and then what it fills with");
        assert_eq!((0..200).filter(|_| asked(2_000)).count(), 20);
    }
}
