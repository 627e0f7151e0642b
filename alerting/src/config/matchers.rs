//! The matchers of routes and inhibit rules: `name op value`, alone, in a list, or as `{a="b", c=~"d"}`; and the mappings
//! of `match` and `match_re`.
//!
//! Source: prometheus/alertmanager `matcher/compat` in its default mode: where the older "classic" grammar
//! (`pkg/labels`) reads a text, it says what it means; the UTF-8 grammar (`matcher/parse`) reads the others.

use std::collections::BTreeMap;

use isobar_normalizer::{ConfigError, MatchOp, Matcher};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

mod classic;
mod utf8;

/// `match`, `source_match`, `target_match`: labels and their values.
pub(super) type EqualTo = BTreeMap<LabelName, Option<String>>;

/// `match_re`, `source_match_re`, `target_match_re`: labels and the expressions that their whole values match.
pub(super) type Matching = BTreeMap<LabelName, Spanned<Option<String>>>;

/// A key of these mappings. Unlike the names in matchers, it is made of ASCII letters, digits and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LabelName(String);

impl<'de> Deserialize<'de> for LabelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.chars().all(is_inner) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() {
            return Ok(Self(name));
        }
        let hint = "letters, digits and _, or write it in a matcher";
        Err(serde::de::Error::custom(format_args!("{name:?} is no name of a label here: {hint}")))
    }
}

/// All conditions of one place, the older forms first.
pub(super) fn all_matchers(
    equal: &EqualTo,
    matching: &Matching,
    texts: &[Spanned<String>],
) -> Result<Vec<Matcher>, ConfigError> {
    let mut matchers: Vec<Matcher> = equal
        .iter()
        .map(|(name, value)| Matcher::equal(&name.0, value.as_deref().unwrap_or_default()))
        .collect();
    for (name, pattern) in matching {
        let wrong = |what: String| ConfigError::at(pattern.referenced, what);
        let Some(expression) = &pattern.value else {
            return Err(wrong(format!("{} needs a regular expression", name.0)));
        };
        // Alertmanager anchors the expression in the text, so that it shows in the route's key.
        let anchored = format!("^(?:{expression})$");
        let matcher = Matcher::new(&name.0, MatchOp::Matches, &anchored);
        matchers.push(matcher.map_err(|error| wrong(error.to_string()))?);
    }
    for text in texts {
        let parsed = parse_matchers(&text.value).map_err(|wrong| ConfigError::at(text.referenced, wrong))?;
        matchers.extend(parsed);
    }
    Ok(matchers)
}

/// Reads one or several matchers, as routes, silences and filters write them; a text of none matches everything.
///
/// # Errors
/// What the UTF-8 grammar expected at which character, in one line.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, String> {
    classic::parse(text).map_or_else(|| utf8::parse(text), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let matchers = parse_matchers(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let shown: Vec<String> =
            matchers.iter().map(|m| format!("{} {} {}", m.name(), m.op(), m.value())).collect();
        assert_eq!(shown, expected, "{text}");
    }

    fn check_refused(text: &str, hint: &str) {
        let error = parse_matchers(text).expect_err(text);
        assert!(error.contains(hint), "{text}: {error}");
    }

    #[test]
    fn one_matcher_bare_and_quoted() {
        check("severity=critical", &["severity = critical"]);
        check(" severity != \"critical\" ", &["severity != critical"]);
        check("\"my label\" =~ \"a|b\"", &["my label =~ a|b"]);
        check("team!~^db.*$", &["team !~ ^db.*$"]);
        check(r#"path="C:\\x\"y\n""#, &["path = C:\\x\"y\n"]);
        check("empty=\"\"", &["empty = "]);
        check("云=阿里云", &["云 = 阿里云"]);
    }

    #[test]
    fn several_matchers_with_and_without_braces() {
        check(r#"{a="b", c=~"d",}"#, &["a = b", "c =~ d"]);
        check(r#"a="b",c!~d"#, &["a = b", "c !~ d"]);
        check("{}", &[]);
    }

    #[test]
    fn the_classic_grammar_comes_first() {
        check(r#"host=~"10\.0\.\d+""#, &[r"host =~ 10\.0\.\d+"]);
        check(r#"path="a\tb\u4e2d""#, &[r"path = a\tb\u4e2d"]);
        check("a=b c!d", &["a = b c!d"]);
        check("a='b'", &["a = 'b'"]);
        check("a={b}", &["a = {b"]);
        check("{a=b", &["a = b"]);
        check("a=b}", &["a = b"]);
        check("a=", &["a = "]);
        check("a=,b:c=\"d,e\", ", &["a = ", "b:c = d,e"]);
        check(r#"a="b\",c""#, &[r#"a = b",c"#]);
        check("a=b\\", &["a = b\\"]);
        check("", &[]);
    }

    #[test]
    fn the_utf8_grammar_reads_the_others() {
        check(r#""my label"="\u4e2d\x41\101\t""#, &["my label = 中AA\t"]);
        check(" { 云=b } ", &["云 = b"]);
        check_refused(r#""my label"="\d""#, "an escape of Go");
        check_refused("云=a b", "',' or the end at character 5");
        check_refused("{云=b", "',' or '}'");
        check_refused("云=b}", "',' or the end");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        check_refused("severity", "one of = != =~ !~");
        check_refused("a=b,,c=d", "a label name");
        check_refused("a=\"b", "closing");
        check_refused("a=b\"c", "',' or the end at character 4");
        check_refused("a=~\"(\"", "unclosed group");
        check_refused("=b", "a label name");
    }
}
