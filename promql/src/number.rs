//! Numbers as Prometheus prints them.

/// Prints the value of a sample, in a vector or matrix, as the Prometheus API does: shortest digits that read back the same, without exponent from
/// 1e-6 to below 1e21, else with one of at least two digits; `NaN`, `+Inf`, `-Inf`.
///
/// Source: prometheus `util/jsonutil.MarshalFloat`.
pub fn format_value(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size == 0.0 || (1e-6..1e21).contains(&size) {
        return format_scalar(value);
    }
    let text = format!("{value:e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// Prints a scalar as the Prometheus API does, and `count_values` in labels: as [`format_value`], but never with an
/// exponent. Source: prometheus `promql.Scalar.MarshalJSON`, Go's `FormatFloat(v, 'f', -1, 64)`.
pub fn format_scalar(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}

/// Prints a value with a fraction, `1.0`, as `le` and `quantile` labels are written. Source: OpenMetrics 1.0,
/// "Canonical Numbers".
pub(crate) fn canonical(value: f64) -> String {
    let text = format_scalar(value);
    if value.is_finite() && !text.contains('.') { format!("{text}.0") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f64, expected: &str) {
        assert_eq!(format_value(value), expected);
    }

    #[test]
    fn values_are_printed_as_the_api_prints_them() {
        check(0.0, "0");
        check(-0.0, "-0");
        check(1.0, "1");
        check(0.1 + 0.2, "0.30000000000000004");
        check(1e10, "10000000000");
        check(123_456_789_012_345_680_000.0, "123456789012345680000");
        check(1e21, "1e+21");
        check(-1.5e300, "-1.5e+300");
        check(0.000_001, "0.000001");
        check(1.25e-7, "1.25e-07");
        check(5e-324, "5e-324");
        check(f64::NAN, "NaN");
        check(f64::INFINITY, "+Inf");
        check(f64::NEG_INFINITY, "-Inf");
    }

    #[test]
    fn scalars_have_no_exponent() {
        assert_eq!(format_scalar(1e21), "1000000000000000000000");
        assert_eq!(format_scalar(1.25e-7), "0.000000125");
        assert_eq!(format_scalar(f64::NEG_INFINITY), "-Inf");
    }

    #[test]
    fn canonical_numbers_have_a_fraction() {
        assert_eq!(canonical(1.0), "1.0");
        assert_eq!(canonical(0.25), "0.25");
        assert_eq!(canonical(f64::INFINITY), "+Inf");
    }
}
