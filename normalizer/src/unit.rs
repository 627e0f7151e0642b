//! Units: the part of UCUM that metrics use, what two units have in common, and the factor between them.
//!
//! Source of the spellings: The Unified Code for Units of Measure, `By`, `bit`, `Ki`, `{annotation}`.

use std::fmt;
use std::str::FromStr;

use crate::UnknownWord;

/// A unit of measurement: `1`, `%`, `By`, `KiBy`, `bit`, `ms`, `{packet}`, `Hz`, or a quotient of such like `By/s`.
///
/// Two units fit when they measure the same thing; [`Unit::conversion_to`] then gives the factor. UCUM gives counted
/// things (`{packet}`) no dimension; here they have one that is looked at only to keep a count from passing for a ratio.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Unit {
    text: Box<str>,
    /// One of this unit is `factor` of the base unit made of bytes, seconds and things.
    factor: Fraction,
    dimension: Dimension,
}

/// A positive factor, kept as a quotient so that `250 ms` is exactly `0.25 s`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Fraction {
    over: f64,
    under: f64,
}

/// Exponents of what is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Dimension {
    seconds: i8,
    bytes: i8,
    things: i8,
}

/// What turns a number in one unit into the number in another: `value × over / under`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion(Fraction);

/// Two units that do not measure the same thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{from} does not measure what {to} does")]
pub struct UnitMismatch {
    /// The unit at hand.
    pub from: String,
    /// The unit that was needed.
    pub to: String,
}

const ONE: Fraction = Fraction { over: 1.0, under: 1.0 };

/// A quotient may have this many parts; real units have two.
const PARTS_MAX: usize = 4;

/// Prefixes of amounts of data and of frequencies.
const LARGE: [(&str, f64); 11] = [
    ("", 1.0),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
];

/// Units of time that are fractions of a second.
const SMALL: [(&str, f64); 3] = [("ms", 1e3), ("us", 1e6), ("ns", 1e9)];

/// Units of time that are several seconds.
const LONG: [(&str, f64); 4] = [("s", 1.0), ("min", 60.0), ("h", 3_600.0), ("d", 86_400.0)];

impl Unit {
    /// The unit of ratios, `1`.
    pub fn one() -> Self {
        Self { text: "1".into(), factor: ONE, dimension: Dimension::default() }
    }

    /// The unit of counted things, `{thing}`.
    pub fn thing() -> Self {
        let dimension = Dimension { things: 1, ..Dimension::default() };
        Self { text: "{thing}".into(), factor: ONE, dimension }
    }

    /// The unit of time all others are counted in, `s`.
    pub(crate) fn second() -> Self {
        let dimension = Dimension { seconds: 1, ..Dimension::default() };
        Self { text: "s".into(), factor: ONE, dimension }
    }

    /// The unit of the same quantity that is made of bytes, seconds and things alone, and what turns numbers into it: `By`
    /// for `KiBy`, `1` for `%`.
    pub(crate) fn base(&self) -> (Self, Conversion) {
        let Dimension { seconds, bytes, things } = self.dimension;
        let parts = [("By", bytes), ("{thing}", things), ("s", seconds)];
        let multiplied = |sign: i8| {
            let words = parts.iter().flat_map(|(word, power)| {
                std::iter::repeat_n(*word, usize::try_from(power * sign).unwrap_or(0))
            });
            words.collect::<Vec<_>>()
        };
        let (over, under) = (multiplied(1), multiplied(-1));
        let over = if over.is_empty() { "1".to_owned() } else { over.join(".") };
        let text =
            std::iter::once(over).chain(under.into_iter().map(str::to_owned)).collect::<Vec<_>>().join("/");
        let text = if self.factor == ONE { self.text.clone() } else { text.into() };
        (Self { text, factor: ONE, dimension: self.dimension }, Conversion(self.factor))
    }

    /// The unit as written, or as algebra has made it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// This unit per second.
    pub fn per_second(&self) -> Self {
        self.over(&Self::second())
    }

    /// The unit of this divided by `other`.
    pub fn over(&self, other: &Self) -> Self {
        let factor = Fraction {
            over: self.factor.over * other.factor.under,
            under: self.factor.under * other.factor.over,
        };
        Self::derived(factor, self.dimension.combine(other.dimension, -1), &self.text, &other.text, '/')
    }

    /// The unit of this multiplied by `other`.
    pub fn times(&self, other: &Self) -> Self {
        let factor = Fraction {
            over: self.factor.over * other.factor.over,
            under: self.factor.under * other.factor.under,
        };
        Self::derived(factor, self.dimension.combine(other.dimension, 1), &self.text, &other.text, '.')
    }

    fn derived(factor: Fraction, dimension: Dimension, left: &str, right: &str, sign: char) -> Self {
        let text = match (left, right) {
            (left, "1") => left.to_owned(),
            ("1", right) if sign == '.' => right.to_owned(),
            _ if dimension == Dimension::default() && factor.over == factor.under => "1".to_owned(),
            (left, right) if right.contains(['/', '.']) => format!("{left}{sign}({right})"),
            (left, right) => format!("{left}{sign}{right}"),
        };
        Self { text: text.into(), factor, dimension }
    }

    /// Whether numbers in this unit are ratios: no dimension, and no counted things.
    pub fn is_ratio(&self) -> bool {
        self.dimension == Dimension::default()
    }

    /// What a whole is in this unit of ratios: 1 in `1`, 100 in `%`.
    pub(crate) fn whole(&self) -> f64 {
        self.factor.under / self.factor.over
    }

    /// What turns numbers in this unit into numbers in `to`.
    ///
    /// # Errors
    /// The units measure different things, or a count would pass for a ratio.
    pub fn conversion_to(&self, to: &Self) -> Result<Conversion, UnitMismatch> {
        let (have, want) = (self.dimension, to.dimension);
        let count_for_ratio = have.things > 0 && want.things <= 0;
        if (have.seconds, have.bytes) != (want.seconds, want.bytes) || count_for_ratio {
            return Err(UnitMismatch { from: self.to_string(), to: to.to_string() });
        }
        Ok(Conversion(Fraction {
            over: self.factor.over * to.factor.under,
            under: self.factor.under * to.factor.over,
        }))
    }

    /// The suffix Prometheus' translation of OpenTelemetry names gives a gauge of this unit: `ratio`, `bytes`,
    /// `bytes_per_second`, `seconds`; annotations leave none. Source: OpenTelemetry, "Prometheus and OpenMetrics
    /// compatibility", metric metadata.
    pub(crate) fn suffix(&self) -> String {
        let word = |part: &str| match part {
            "By" => "bytes",
            "bit" => "bits",
            "s" => "seconds",
            "Hz" => "hertz",
            "%" => "percent",
            _ => "",
        };
        match self.text.split_once('/') {
            None if &*self.text == "1" => "ratio".to_owned(),
            None => word(&self.text).to_owned(),
            Some((counted, "s")) => format!("{} per second", word(counted)).trim().replace(' ', "_"),
            Some((counted, _)) => word(counted).to_owned(),
        }
    }
}

impl Conversion {
    /// Converts one value.
    pub fn apply(self, value: f64) -> f64 {
        value * self.0.over / self.0.under
    }

    /// Multiplier and divisor.
    pub(crate) fn parts(self) -> (f64, f64) {
        (self.0.over, self.0.under)
    }
}

impl Dimension {
    fn combine(self, other: Self, sign: i8) -> Self {
        Self {
            seconds: self.seconds.saturating_add(sign.saturating_mul(other.seconds)),
            bytes: self.bytes.saturating_add(sign.saturating_mul(other.bytes)),
            things: self.things.saturating_add(sign.saturating_mul(other.things)),
        }
    }
}

impl FromStr for Unit {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let known = ["1", "%", "By", "KiBy", "bit", "s", "ms", "Hz", "{thing}", "By/s"];
        let unknown = || UnknownWord::new("unit", text, known);
        let mut parts = text.splitn(PARTS_MAX, '/').map(|part| atom(part).ok_or_else(unknown));
        let (mut factor, mut dimension) = parts.next().ok_or_else(unknown)??;
        for part in parts {
            let (under, divided) = part?;
            factor = Fraction { over: factor.over * under.under, under: factor.under * under.over };
            dimension = dimension.combine(divided, -1);
        }
        Ok(Self { text: text.into(), factor, dimension })
    }
}

/// One part of a quotient.
fn atom(text: &str) -> Option<(Fraction, Dimension)> {
    let none = Dimension::default();
    let second = Dimension { seconds: 1, ..none };
    let large = |prefix: &str| LARGE.iter().find(|(known, _)| *known == prefix).map(|(_, factor)| *factor);
    if let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        let word = !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        return word.then_some((ONE, Dimension { things: 1, ..none }));
    }
    match text {
        "1" => return Some((ONE, none)),
        "%" => return Some((Fraction { over: 1.0, under: 100.0 }, none)),
        _ => {}
    }
    if let Some((_, parts)) = SMALL.iter().find(|(known, _)| *known == text) {
        return Some((Fraction { over: 1.0, under: *parts }, second));
    }
    if let Some((_, seconds)) = LONG.iter().find(|(known, _)| *known == text) {
        return Some((Fraction { over: *seconds, under: 1.0 }, second));
    }
    if let Some(over) = text.strip_suffix("By").and_then(large) {
        return Some((Fraction { over, under: 1.0 }, Dimension { bytes: 1, ..none }));
    }
    if let Some(over) = text.strip_suffix("bit").and_then(large) {
        return Some((Fraction { over, under: 8.0 }, Dimension { bytes: 1, ..none }));
    }
    let over = text.strip_suffix("Hz").and_then(large)?;
    Some((Fraction { over, under: 1.0 }, Dimension { seconds: -1, ..none }))
}

impl TryFrom<String> for Unit {
    type Error = UnknownWord;

    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

/// Two units are equal when they are the same unit, however written: `Hz` is `1/s`.
impl PartialEq for Unit {
    fn eq(&self, other: &Self) -> bool {
        self.dimension == other.dimension
            && self.factor.over * other.factor.under == other.factor.over * self.factor.under
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(text: &str) -> Unit {
        text.parse().unwrap()
    }

    fn check(value: f64, from: &str, to: &str, expected: Option<f64>) {
        let converted = unit(from).conversion_to(&unit(to)).ok().map(|conversion| conversion.apply(value));
        assert_eq!(converted, expected, "{value} {from} in {to}");
    }

    #[test]
    fn what_fits_converts_exactly() {
        check(250.0, "ms", "s", Some(0.25));
        check(300.0, "us", "s", Some(0.0003));
        check(80.0, "%", "1", Some(0.8));
        check(1e9, "bit/s", "By/s", Some(1.25e8));
        check(2.0, "KiBy/s", "By/s", Some(2048.0));
        check(120.0, "{query}/min", "{query}/s", Some(2.0));
        check(5.0, "Hz", "{request}/s", Some(5.0));
        check(3.0, "1", "{thread}", Some(3.0));
        check(3.0, "s/{operation}", "s", Some(3.0));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        check(1.0, "By", "By/s", None);
        check(1.0, "s", "1", None);
        check(1.0, "{packet}", "1", None);
        check(1.0, "{packet}/s", "Hz", None);
        for text in ["", "/s", "By/", "kB", "MB", "bps", "{}", "{a b}", "m", "kms", "1/1/1/1/1", "Ki"] {
            assert!(text.parse::<Unit>().is_err(), "{text}");
        }
    }

    #[test]
    fn algebra_of_the_steps() {
        assert_eq!(unit("s").per_second(), Unit::one());
        assert_eq!(unit("s").per_second().to_string(), "1");
        assert_eq!(unit("By").per_second().to_string(), "By/s");
        assert_eq!(unit("ms").per_second().whole(), 1000.0);
        let latency = unit("s").per_second().over(&unit("{operation}").per_second());
        assert_eq!(latency.to_string(), "1/({operation}/s)");
        assert!(latency.conversion_to(&unit("s")).is_ok());
        assert_eq!(unit("{sector}").times(&unit("By/{sector}")), unit("By"));
    }

    const BYTES: &[&str] = &["By", "kBy", "KiBy", "MiBy", "GBy", "TiBy", "bit", "kbit", "Mbit", "Gibit"];
    const TIMES: &[&str] = &["ns", "us", "ms", "s", "min", "h", "d"];
    const RATES: &[&str] = &["Hz", "kHz", "1/s", "1/min", "%/s"];

    fn alike() -> impl Strategy<Value = (&'static str, &'static str)> {
        prop_oneof![Just(BYTES), Just(TIMES), Just(RATES)]
            .prop_flat_map(|list| (proptest::sample::select(list), proptest::sample::select(list)))
    }

    proptest! {
        #[test]
        fn converting_there_and_back_changes_nothing((from, to) in alike(), value in -1e12f64..1e12) {
            let there = unit(from).conversion_to(&unit(to)).unwrap().apply(value);
            let back = unit(to).conversion_to(&unit(from)).unwrap().apply(there);
            prop_assert!((back - value).abs() <= value.abs() * 1e-12, "{} {} -> {} -> {}", value, from, there, back);
        }

        #[test]
        fn a_product_is_undone_by_its_quotient((from, to) in alike()) {
            prop_assert_eq!(unit(from).times(&unit(to)).over(&unit(to)), unit(from));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a-zA-Z1%/{}]{0,12}") {
            if let Ok(unit) = text.parse::<Unit>() {
                prop_assert_eq!(unit.to_string(), text);
            }
        }
    }
}
