//! Quantiles of plain values.

/// The φ-quantile by linear interpolation between the two nearest ranks; NaN counts as the smallest value. `-Inf`
/// and `+Inf` for φ below 0 and above 1, NaN for a NaN φ and for no values. Sorts the values.
pub(crate) fn quantile(phi: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let rank = phi * (values.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// Whether φ lies outside 0..1, which deserves a warning.
pub(crate) fn out_of_range(phi: f64) -> bool {
    !(0.0..=1.0).contains(&phi)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(phi: f64, values: &[f64], expected: f64) {
        let found = quantile(phi, &mut values.to_vec());
        assert!(found == expected || (found.is_nan() && expected.is_nan()), "{phi} of {values:?}: {found}");
    }

    #[test]
    fn quantiles_interpolate() {
        check(0.5, &[3.0, 1.0, 2.0], 2.0);
        check(0.75, &[0.0, 1.0, 4.0], 2.5);
        check(1.0, &[5.0], 5.0);
        check(0.5, &[], f64::NAN);
        check(-0.1, &[1.0], f64::NEG_INFINITY);
        check(1.1, &[1.0], f64::INFINITY);
        check(f64::NAN, &[1.0], f64::NAN);
    }

    #[test]
    fn nan_is_the_smallest() {
        check(0.0, &[1.0, f64::NAN], f64::NAN);
        check(1.0, &[1.0, f64::NAN], 1.0);
    }
}
