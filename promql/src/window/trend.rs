//! Where the values of a window are heading.

use super::View;
use crate::sum::Sum;

/// A straight line through samples.
pub(super) struct Line {
    /// Per second.
    pub slope: f64,
    /// The value at the time given.
    pub intercept: f64,
}

/// The line of least squares, its intercept at `origin` (milliseconds); from two samples on.
pub(super) fn line(view: &View<'_>, origin: i64) -> Option<Line> {
    if view.values.len() < 2 {
        return None;
    }
    let first = view.values[0];
    // Rounding would give a constant series a slope.
    if view.values.iter().all(|value| *value == first) {
        let undefined = first.is_infinite();
        let (slope, intercept) = if undefined { (f64::NAN, f64::NAN) } else { (0.0, first) };
        return Some(Line { slope, intercept });
    }
    let count = view.values.len() as f64;
    let (mut x_sum, mut y_sum, mut xy_sum, mut xx_sum) =
        (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    for (at, y) in view.timestamps.iter().zip(view.values) {
        let x = (at - origin) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    let (x_sum, y_sum) = (x_sum.value(), y_sum.value());
    let covariance = xy_sum.value() - x_sum * y_sum / count;
    let variance = xx_sum.value() - x_sum * x_sum / count;
    let slope = covariance / variance;
    Some(Line { slope, intercept: y_sum / count - slope * x_sum / count })
}

/// Holt's linear method with the smoothing and trend factors of the arguments; from two samples on.
pub(super) fn smoothed(view: &View<'_>) -> Option<f64> {
    let [smoothing, trending] = view.arguments;
    let [first, second, ..] = view.values else { return None };
    let (mut level, mut trend) = (*first, second - first);
    for (index, value) in view.values.iter().enumerate().skip(1) {
        let next = smoothing * value + (1.0 - smoothing) * (level + trend);
        // The first trend is that of the first two values; each later one is seen with the next value.
        if index + 1 < view.values.len() {
            trend = trending * (next - level) + (1.0 - trending) * trend;
        }
        level = next;
    }
    Some(level)
}
