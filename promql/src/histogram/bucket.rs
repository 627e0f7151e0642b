//! The cumulative buckets of one histogram at one step. Source of the rules: prometheus `promql/quantile.go`.

/// Counts of neighbouring buckets this close, relatively, are rounding errors of one number.
const SMALL_DIFFERENCE: f64 = 1e-12;

/// A cumulative bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub upper: f64,
    pub count: f64,
}

/// Buckets in order of their bounds, each bound once.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    buckets: Vec<Bucket>,
    /// Whether a count was lower than the one before it by more than rounding.
    pub forced_monotonic: bool,
}

impl Buckets {
    pub fn new(mut buckets: Vec<Bucket>) -> Self {
        buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
        let mut joined: Vec<Bucket> = Vec::with_capacity(buckets.len());
        for bucket in buckets {
            match joined.last_mut() {
                Some(last) if last.upper == bucket.upper => last.count += bucket.count,
                _ => joined.push(bucket),
            }
        }
        Self { buckets: joined, forced_monotonic: false }
    }

    /// All observations, when there is a bucket that holds them.
    fn total(&self) -> Option<f64> {
        self.buckets.last().filter(|last| last.upper == f64::INFINITY).map(|last| last.count)
    }

    /// The φ-quantile, by linear interpolation inside the bucket it falls into.
    pub fn quantile(&mut self, phi: f64) -> f64 {
        if phi.is_nan() {
            return f64::NAN;
        }
        if !(0.0..=1.0).contains(&phi) {
            return if phi < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
        }
        if self.total().is_none() {
            return f64::NAN;
        }
        self.force_monotonic();
        let Some(total) = self.total().filter(|total| *total != 0.0 && self.buckets.len() > 1) else {
            return f64::NAN;
        };
        let last = self.buckets.len() - 1;
        let rank = phi * total;
        let index = self.buckets[..last].iter().position(|bucket| bucket.count >= rank).unwrap_or(last);
        if index == last {
            return self.buckets[last - 1].upper;
        }
        let Bucket { upper, count } = self.buckets[index];
        if index == 0 {
            return if upper <= 0.0 { upper } else { upper * (rank / count) };
        }
        let before = self.buckets[index - 1];
        before.upper + (upper - before.upper) * ((rank - before.count) / (count - before.count))
    }

    /// The share of observations in `(lower, upper]`, by linear interpolation inside the buckets they fall into.
    pub fn fraction(mut self, lower: f64, upper: f64) -> f64 {
        if self.total().is_none() {
            return f64::NAN;
        }
        self.force_monotonic();
        let total = self.total().unwrap_or_default();
        if total == 0.0 || lower.is_nan() || upper.is_nan() {
            return f64::NAN;
        }
        if lower >= upper {
            return 0.0;
        }
        (self.below(upper, total) - self.below(lower, total)) / total
    }

    /// How many observations are below a value. Nothing is known inside a bucket of infinite width: all of the lowest
    /// one counts as below, nothing of the highest one.
    fn below(&self, value: f64, total: f64) -> f64 {
        let first = self.buckets[0].upper;
        let mut start = if first > 0.0 { 0.0 } else { f64::NEG_INFINITY };
        let mut count = 0.0;
        for bucket in &self.buckets {
            if start >= value {
                return count;
            }
            if value < bucket.upper {
                return if start == f64::NEG_INFINITY {
                    bucket.count
                } else if bucket.upper == f64::INFINITY {
                    count
                } else {
                    count + (bucket.count - count) * (value - start) / (bucket.upper - start)
                };
            }
            (start, count) = (bucket.upper, bucket.count);
        }
        total
    }

    fn force_monotonic(&mut self) {
        let mut before = self.buckets[0].count;
        for bucket in &mut self.buckets[1..] {
            if bucket.count == before {
                continue;
            }
            if nearly_equal(before, bucket.count) {
                bucket.count = before;
            } else if bucket.count < before {
                bucket.count = before;
                self.forced_monotonic = true;
            } else {
                before = bucket.count;
            }
        }
    }
}

fn nearly_equal(a: f64, b: f64) -> bool {
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < SMALL_DIFFERENCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < SMALL_DIFFERENCE
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn buckets(bounds: &[(f64, f64)]) -> Buckets {
        Buckets::new(bounds.iter().map(|(upper, count)| Bucket { upper: *upper, count: *count }).collect())
    }

    fn check_quantile(bounds: &[(f64, f64)], phi: f64, expected: f64) {
        let found = buckets(bounds).quantile(phi);
        assert!(found == expected || (found.is_nan() && expected.is_nan()), "{phi} of {bounds:?}: {found}");
    }

    #[test]
    fn quantiles_interpolate_inside_the_bucket() {
        let bounds = [(2.0, 1.0), (4.0, 2.0), (INF, 2.0)];
        check_quantile(&bounds, 0.25, 1.0);
        check_quantile(&bounds, 0.75, 3.0);
        check_quantile(&[(2.0, 1.0), (INF, 2.0)], 0.9, 2.0);
        check_quantile(&[(-1.0, 1.0), (INF, 1.0)], 0.5, -1.0);
        check_quantile(&[(1.0, 1.0)], 0.5, f64::NAN);
        check_quantile(&[(INF, 3.0)], 0.5, f64::NAN);
        check_quantile(&[(1.0, 0.0), (INF, 0.0)], 0.5, f64::NAN);
        check_quantile(&bounds, 1.5, INF);
    }

    #[test]
    fn falling_counts_are_lifted_and_told() {
        let mut falling = buckets(&[(1.0, 5.0), (2.0, 3.0), (INF, 10.0)]);
        assert_eq!(falling.quantile(0.5), 1.0);
        assert!(falling.forced_monotonic);
        let mut rounding = buckets(&[(1.0, 5.0), (2.0, 5.0 - 1e-13), (INF, 10.0)]);
        assert_eq!(rounding.quantile(0.5), 1.0);
        assert!(!rounding.forced_monotonic);
    }

    #[test]
    fn fractions_know_nothing_inside_infinite_buckets() {
        let bounds = [(-3.0, 10.0), (-2.0, 12.0), (-1.0, 15.0), (INF, 100.0)];
        assert_eq!(buckets(&bounds).fraction(-4.0, -2.0), 0.02);
        assert_eq!(buckets(&bounds).fraction(-INF, -1.5), 0.135);
        assert_eq!(buckets(&bounds).fraction(0.0, 1.0), 0.0);
        assert_eq!(buckets(&bounds).fraction(0.0, INF), 0.85);
        assert_eq!(buckets(&bounds).fraction(2.0, 1.0), 0.0);
    }
}
