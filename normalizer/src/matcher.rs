//! Label matchers: `=`, `!=`, `=~`, `!~`, regular expressions anchored at both ends.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    NotMatches,
}

/// One condition on one label; an absent label counts as the empty string.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: Box<str>,
    op: MatchOp,
    value: Box<str>,
    regex: Option<Regex>,
}

/// Why a matcher cannot be built.
#[derive(Clone, Debug, thiserror::Error)]
#[error("matcher {name}{op}{value:?}: {reason}")]
pub struct MatcherError {
    /// The label's name.
    pub name: String,
    /// The operator as written.
    pub op: MatchOp,
    /// The regular expression.
    pub value: String,
    /// What the expression parser says, one line.
    pub reason: String,
}

/// A compiled expression may take this much memory: hostile patterns like `(a{1000}){1000}` are refused.
const REGEX_SIZE_MAX: usize = 1 << 20;

impl Matcher {
    /// Builds a matcher; the expression of `=~` and `!~` must match the whole value.
    ///
    /// # Errors
    /// An expression that does not parse or compiles to more than 1 MiB.
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, MatcherError> {
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Matches | MatchOp::NotMatches => {
                let build = |pattern: &str| RegexBuilder::new(pattern).size_limit(REGEX_SIZE_MAX).build();
                // `a)|(b` would close the anchored group and is no expression by itself.
                let alone = if value.contains(')') { build(value).map(drop) } else { Ok(()) };
                let built = alone.and_then(|()| build(&format!("^(?s:{value})$")));
                Some(built.map_err(|error| MatcherError {
                    name: name.to_owned(),
                    op,
                    value: value.to_owned(),
                    reason: error.to_string().lines().last().unwrap_or_default().trim().to_owned(),
                })?)
            }
        };
        Ok(Self { name: name.into(), op, value: value.into(), regex })
    }

    /// `name="value"`.
    pub fn equal(name: &str, value: &str) -> Self {
        Self { name: name.into(), op: MatchOp::Equal, value: value.into(), regex: None }
    }

    /// The label's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The operator.
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// The text compared with, or the expression as written.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether a label of this value passes; the empty string stands for an absent label.
    pub fn matches(&self, value: &str) -> bool {
        match (&self.regex, self.op) {
            (Some(regex), MatchOp::NotMatches) => !regex.is_match(value),
            (Some(regex), _) => regex.is_match(value),
            (None, MatchOp::NotEqual) => *self.value != *value,
            (None, _) => *self.value == *value,
        }
    }
}

impl MatchOp {
    /// The operator that compares with an expression or with a text, and wants the value to fit or not to. Alertmanager's API
    /// writes it so.
    pub fn of(is_regex: bool, is_equal: bool) -> Self {
        match (is_regex, is_equal) {
            (false, true) => Self::Equal,
            (false, false) => Self::NotEqual,
            (true, true) => Self::Matches,
            (true, false) => Self::NotMatches,
        }
    }

    /// Whether it compares with an expression.
    pub fn is_regex(self) -> bool {
        matches!(self, Self::Matches | Self::NotMatches)
    }

    /// Whether a value passes that fits.
    pub fn is_equal(self) -> bool {
        matches!(self, Self::Equal | Self::Matches)
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.op, &self.value) == (&other.name, other.op, &other.value)
    }
}

impl Eq for Matcher {}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::NotMatches => "!~",
        })
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(op: MatchOp, pattern: &str, value: &str, expected: bool) {
        let matcher = Matcher::new("l", op, pattern).unwrap();
        assert_eq!(matcher.matches(value), expected, "{matcher} on {value:?}");
    }

    #[test]
    fn an_operator_is_what_its_two_answers_say() {
        for (op, is_regex, is_equal) in [
            (MatchOp::Equal, false, true),
            (MatchOp::NotEqual, false, false),
            (MatchOp::Matches, true, true),
            (MatchOp::NotMatches, true, false),
        ] {
            assert_eq!((op.is_regex(), op.is_equal()), (is_regex, is_equal), "{op}");
            assert_eq!(MatchOp::of(is_regex, is_equal), op);
        }
    }

    #[test]
    fn expressions_match_the_whole_value() {
        check(MatchOp::Matches, "a|b", "b", true);
        check(MatchOp::Matches, "a|b", "ab", false);
        check(MatchOp::Matches, ".*", "", true);
        check(MatchOp::Matches, ".+", "line\nbreak", true);
        check(MatchOp::NotMatches, "a.*", "b", true);
        check(MatchOp::NotEqual, "a", "", true);
    }

    #[test]
    fn an_expression_does_not_leave_its_anchors() {
        for pattern in ["a)|(b", "a)|(?:b", ")(", "(?s:a))|((?s:b"] {
            let error = Matcher::new("l", MatchOp::Matches, pattern).unwrap_err();
            assert!(error.reason.contains("unopened group"), "{pattern}: {error}");
        }
        check(MatchOp::Matches, "(a)|(b)", "ab", false);
        check(MatchOp::Matches, r"a\)|\(b", "(b", true);
    }

    #[test]
    fn hostile_expressions_are_refused() {
        assert!(Matcher::new("l", MatchOp::Matches, "(a{1000}){1000}").is_err());
        let error = Matcher::new("l", MatchOp::Matches, "(").unwrap_err().to_string();
        assert!(error.contains("unclosed group"), "{error}");
    }
}
