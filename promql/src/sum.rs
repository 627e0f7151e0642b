//! Sums and means that keep the small addends beside the large ones.

/// A running sum with the error of each addition carried along. Source: Kahan's summation as improved by Neumaier
/// (1974), which Prometheus uses too, so that results agree to the last digit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    total: f64,
    error: f64,
}

impl Sum {
    pub fn add(&mut self, value: f64) {
        let total = self.total + value;
        if total.is_infinite() {
            self.error = 0.0;
        } else if self.total.abs() >= value.abs() {
            self.error += (self.total - total) + value;
        } else {
            self.error += (value - total) + self.total;
        }
        self.total = total;
    }

    /// The sum so far; an infinite one is not corrected, for that would make it NaN.
    pub fn value(self) -> f64 {
        if self.total.is_infinite() { self.total } else { self.total + self.error }
    }
}

/// A running mean: sum over count, and from the addition that would overflow on the mean itself moved by each value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    count: f64,
    sum: Sum,
    moving: bool,
}

impl Mean {
    pub fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.moving {
            let mut next = self.sum;
            next.add(value);
            let overflows = next.total.is_infinite() && self.sum.total.is_finite() && value.is_finite();
            if !overflows {
                self.sum = next;
                return;
            }
            self.moving = true;
            self.sum.total /= self.count - 1.0;
            self.sum.error /= self.count - 1.0;
        }
        let weight = (self.count - 1.0) / self.count;
        self.sum.total *= weight;
        self.sum.error *= weight;
        self.sum.add(value / self.count);
    }

    /// The mean so far; NaN of nothing.
    pub fn value(self) -> f64 {
        if self.moving {
            return self.sum.total + self.sum.error;
        }
        self.sum.total / self.count + self.sum.error / self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = Sum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.value()
    }

    fn mean(values: &[f64]) -> f64 {
        let mut mean = Mean::default();
        values.iter().for_each(|value| mean.add(*value));
        mean.value()
    }

    #[test]
    fn small_addends_survive_large_ones() {
        assert_eq!(sum(&[1.0, 1e100, 1.0, -1e100]), 2.0);
        assert_eq!(mean(&[1.0, 1e100, 1.0, -1e100]), 0.5);
    }

    #[test]
    fn infinities_are_not_spoiled() {
        assert_eq!(sum(&[1.0, f64::INFINITY, 2.0]), f64::INFINITY);
        assert_eq!(mean(&[f64::INFINITY, 0.0, f64::INFINITY]), f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert!(mean(&[]).is_nan());
    }

    #[test]
    fn means_of_huge_values_do_not_overflow() {
        assert_eq!(mean(&[1e308; 4]), 1e308);
        assert_eq!(sum(&[1e308; 4]), f64::INFINITY);
    }
}
