//! When a part is collected next.

use std::time::Duration;

use isobar_normalizer::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

/// The first tick of a part after `now`.
///
/// Ticks lie one interval apart, at an offset into it that the part's key decides: parts spread evenly over the interval,
/// nothing bursts at full minutes, and a restart changes no tick. An interval under a millisecond counts as one.
pub fn next_tick(part_key: &str, interval: Duration, now: Timestamp) -> Timestamp {
    let interval = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
    let offset = i64::try_from(xxh3_64(part_key.as_bytes()) % interval.unsigned_abs())
        .expect("a remainder is smaller than its divisor, which is an i64");
    let since_tick = now.millis().wrapping_sub(offset).rem_euclid(interval);
    Timestamp::from_millis(now.millis().saturating_add(interval - since_tick))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_thousand_parts_spread_over_the_interval() {
        let interval = Duration::from_secs(60);
        let now = Timestamp::from_millis(1_700_000_000_000);
        let mut per_second = [0; 60];
        for part in 0..1000 {
            let tick = next_tick(&format!("http://10.0.0.{part}:9100/metrics"), interval, now);
            per_second[usize::try_from(tick.since(now).as_millis().saturating_sub(1) / 1000).unwrap()] += 1;
        }
        // Some 17 each, were they dealt out by hand; a burst would be hundreds.
        assert!(per_second.iter().all(|ticks| (2..=40).contains(ticks)), "{per_second:?}");
    }

    proptest! {
        #[test]
        fn ticks_are_one_interval_apart(key in ".{0,20}", interval in 1u64..10_000_000, now in -1i64 << 45..1 << 45) {
            let (duration, now) = (Duration::from_millis(interval), Timestamp::from_millis(now));
            let first = next_tick(&key, duration, now);
            prop_assert!(first > now && first <= now.plus(duration));
            prop_assert_eq!(next_tick(&key, duration, first), first.plus(duration));
            prop_assert_eq!(next_tick(&key, duration, first.minus(Duration::from_millis(1))), first);
        }

        #[test]
        fn no_time_and_no_interval_overflow(millis in any::<i64>(), interval in any::<u64>()) {
            next_tick("part", Duration::from_millis(interval), Timestamp::from_millis(millis));
            next_tick("part", Duration::ZERO, Timestamp::from_millis(millis));
        }
    }
}
