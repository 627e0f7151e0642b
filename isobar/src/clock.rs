//! The wall clock and randomness. The rest of the workspace is handed both.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use isobar_normalizer::Timestamp;

/// Now.
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Uniform in `[0, 1)`. Spreads retries: good enough for that, and for nothing that must not be guessed.
pub fn jitter() -> f64 {
    // The standard library seeds every hasher from the operating system; 53 bits fill a double's mantissa.
    let bits = RandomState::new().hash_one(now().millis()) >> 11;
    bits as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_in_its_range_and_differs() {
        let drawn: Vec<f64> = (0..100).map(|_| jitter()).collect();
        assert!(drawn.iter().all(|value| (0.0..1.0).contains(value)));
        assert!(drawn.windows(2).any(|two| two[0] != two[1]));
    }
}
