//! One comparison of a value with a threshold.

use std::fmt;

use super::quantity::parse_quantity;

/// How a value is compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    /// The operator as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

/// Where the values that meet a condition lie. Levels of one policy share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
    Point,
    AllButPoint,
}

/// A comparison and its threshold in canonical base units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// The operator.
    pub comparison: Comparison,
    /// Finite; ratio, bytes or seconds where the metric is one.
    pub threshold: f64,
}

impl Condition {
    /// Reads `> 80%`, `<= 10GiB`, `== 0`.
    ///
    /// # Errors
    /// One line that says what would be right.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        const OPERATORS: [(&str, Comparison); 6] = [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            (">", Comparison::Above),
            ("<", Comparison::Below),
        ];
        let text = text.trim();
        for (operator, comparison) in OPERATORS {
            if let Some(quantity) = text.strip_prefix(operator) {
                return Ok(Self { comparison, threshold: parse_quantity(quantity.trim())? });
            }
        }
        Err(format!("{text:?} has no operator: write one of > >= < <= == != and a number, like \"> 80%\""))
    }

    /// Whether the value meets the condition; NaN meets none.
    pub fn holds(self, value: f64) -> bool {
        match self.comparison {
            Comparison::Above => value > self.threshold,
            Comparison::AtLeast => value >= self.threshold,
            Comparison::Below => value < self.threshold,
            Comparison::AtMost => value <= self.threshold,
            Comparison::Equal => value == self.threshold,
            Comparison::NotEqual => !value.is_nan() && value != self.threshold,
        }
    }

    pub(crate) fn direction(self) -> Direction {
        match self.comparison {
            Comparison::Above | Comparison::AtLeast => Direction::Up,
            Comparison::Below | Comparison::AtMost => Direction::Down,
            Comparison::Equal => Direction::Point,
            Comparison::NotEqual => Direction::AllButPoint,
        }
    }

    /// Whether this one, of the same direction, fits a worse level than `milder`: it holds for fewer values, or, for
    /// `==`, for another one.
    pub(super) fn is_worse_than(self, milder: Self) -> bool {
        let stricter_edge = matches!(self.comparison, Comparison::Above | Comparison::Below)
            && matches!(milder.comparison, Comparison::AtLeast | Comparison::AtMost);
        let at_edge = self.threshold == milder.threshold && stricter_edge;
        match self.direction() {
            Direction::Up => self.threshold > milder.threshold || at_edge,
            Direction::Down => self.threshold < milder.threshold || at_edge,
            Direction::Point => self.threshold != milder.threshold,
            Direction::AllButPoint => false,
        }
    }

    /// Whether some value meets both conditions.
    pub(super) fn overlaps(self, other: Self) -> bool {
        match (self.comparison, other.comparison) {
            (Comparison::NotEqual, Comparison::Equal) | (Comparison::Equal, Comparison::NotEqual) => {
                self.threshold != other.threshold
            }
            (Comparison::NotEqual, _) | (_, Comparison::NotEqual) => true,
            _ => {
                let ((low_a, high_a), (low_b, high_b)) = (self.bounds(), other.bounds());
                let (low, high) = (low_a.max(low_b), high_a.min(high_b));
                low < high || (low == high && self.holds(low) && other.holds(low))
            }
        }
    }

    /// The ends of the stretch of values that meet it; `!=` has no such stretch and never asks.
    fn bounds(self) -> (f64, f64) {
        match self.direction() {
            Direction::Up => (self.threshold, f64::INFINITY),
            Direction::Down => (f64::NEG_INFINITY, self.threshold),
            Direction::Point | Direction::AllButPoint => (self.threshold, self.threshold),
        }
    }
}

/// `> 0.8`, in base units.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.comparison.as_str(), self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(text: &str) -> Condition {
        Condition::parse(text).unwrap()
    }

    #[test]
    fn operators_compare_as_they_read() {
        let check = |text: &str, value: f64, expected: bool| {
            assert_eq!(condition(text).holds(value), expected, "{value} {text}");
        };
        check("> 80%", 0.8, false);
        check(">=80%", 0.8, true);
        check("< 1k", 999.0, true);
        check("<= 1k", 1000.0, true);
        check("== 0", 0.0, true);
        check("!= 0", 1.0, true);
        for text in ["> 0", ">= 0", "< 0", "<= 0", "== 0", "!= 0"] {
            check(text, f64::NAN, false);
        }
        assert!(Condition::parse("80%").unwrap_err().contains("has no operator"));
    }

    #[test]
    fn overlap_is_about_values_that_meet_both() {
        let check = |a: &str, b: &str, expected: bool| {
            assert_eq!(condition(a).overlaps(condition(b)), expected, "{a} and {b}");
            assert_eq!(condition(b).overlaps(condition(a)), expected, "{b} and {a}");
        };
        check("> 80", "< 70", false);
        check("> 80", "<= 80", false);
        check(">= 80", "<= 80", true);
        check("> 80", "< 90", true);
        check("> 80", "> 90", true);
        check("== 0", "> 0", false);
        check("== 0", ">= 0", true);
        check("== 0", "!= 0", false);
        check("!= 0", "== 1", true);
        check("!= 0", "< 5", true);
    }
}
