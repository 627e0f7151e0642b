//! Numbers as people write them in thresholds, converted to canonical base units: ratios 0..1, bytes, seconds.

use isobar_normalizer::parse_duration;

/// Units that measure time, in seconds.
const TIME: [(&str, f64); 10] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("min", 60.0),
    ("h", 3_600.0),
    ("d", 86_400.0),
    ("w", 604_800.0),
];

/// Units of amounts, which may be followed by `/s`. Bits become bytes, because canonical flows are in bytes.
const AMOUNT: [(&str, f64); 20] = [
    ("", 1.0),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
    ("PiB", 1_125_899_906_842_624.0),
    ("bit", 0.125),
    ("kbit", 125.0),
    ("Mbit", 125_000.0),
    ("Gbit", 125_000_000.0),
];

/// Reads `80%`, `10GiB`, `250ms`, `1k`, `1.5e6`, `-3`, `100Mbit/s`, `1h30m` into the canonical base unit.
///
/// # Errors
/// The text, and what would be right.
pub(super) fn parse_quantity(text: &str) -> Result<f64, String> {
    let wrong =
        || format!("{text:?} is not a number: write one like 80%, 10GiB, 250ms, 100Mbit/s, 1.5k or 0.8");
    let number_end = number_length(text);
    let number: f64 = text[..number_end].parse().map_err(|_| wrong())?;
    let unit = text[number_end..].trim();
    let factor = match unit {
        "%" => Some(0.01),
        _ => find(&TIME, unit).or_else(|| find(&AMOUNT, unit.strip_suffix("/s").unwrap_or(unit))),
    };
    let value = match factor {
        // Dividing by 100 gives the float nearest to the written percentage; multiplying by 0.01 does not.
        Some(0.01) => number / 100.0,
        Some(factor) => number * factor,
        None => parse_duration(text).map_err(|_| wrong())?.as_secs_f64(),
    };
    if value.is_finite() { Ok(value) } else { Err(wrong()) }
}

fn find(units: &[(&str, f64)], unit: &str) -> Option<f64> {
    units.iter().find(|(known, _)| *known == unit).map(|(_, factor)| *factor)
}

/// Bytes of the leading decimal number, with sign, fraction and exponent.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = usize::from(bytes.first().is_some_and(|byte| matches!(byte, b'-' | b'+')));
    end += digits(end);
    if bytes.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if bytes.get(end).is_some_and(|byte| matches!(byte, b'e' | b'E')) {
        let sign = usize::from(bytes.get(end + 1).is_some_and(|byte| matches!(byte, b'-' | b'+')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: f64) {
        assert_eq!(parse_quantity(text), Ok(expected), "{text}");
    }

    #[test]
    fn units_become_canonical_base_units() {
        check("80%", 0.8);
        check("99%", 0.99);
        check("0.8", 0.8);
        check("-3", -3.0);
        check("1e6", 1e6);
        check("1.5k", 1500.0);
        check("10 GiB", 10.0 * 1_073_741_824.0);
        check("10GB", 1e10);
        check("10MiB/s", 10_485_760.0);
        check("1Gbit/s", 1.25e8);
        check("250ms", 0.25);
        check("5m", 300.0);
        check("1h30m", 5400.0);
        check("30d", 2_592_000.0);
    }

    #[test]
    fn what_is_no_number_is_refused_with_what_would_be_right() {
        for wrong in ["", "%", "high", "80 percent", "1e999", "NaN", "inf", "5%/s", "250ms/s", "."] {
            let error = parse_quantity(wrong).unwrap_err();
            assert!(error.contains("10GiB"), "{wrong}: {error}");
        }
    }
}
