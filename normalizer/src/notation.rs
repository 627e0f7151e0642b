//! Series, matchers and values as people write them in mapping files and cases:
//! `node_cpu_seconds_total{cpu="0", mode="idle"} 100 108@10s stale@20s`.

use std::time::Duration;

use crate::{Labels, METRIC_NAME, MatchOp, Matcher, Timestamp, parse_duration, stale_marker};

/// Why a text is not in this notation; one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotationError(pub(crate) String);

/// One series and its values, by the time since the beginning.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Labels; the name may be missing.
    pub(crate) labels: Labels,
    /// Times since the epoch and values, in the order written.
    pub(crate) values: Vec<(Timestamp, f64)>,
}

/// Reads `name{label="value", …} value value@time _ stale`. A value without time stands `step` after the one before it,
/// the first at 0; `_` lets one step pass; `stale` is the staleness marker.
pub(crate) fn read_line(text: &str, step: Duration) -> Result<Line, NotationError> {
    let text = text.trim();
    let name_end = text.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(text.len());
    let (name, rest) = text.split_at(name_end);
    let bare_value =
        !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == ':') || read_value(name).is_ok();
    let (name, rest) = if bare_value && name_end > 0 { ("", text) } else { (name, rest) };
    let (matchers, rest) = match rest.trim_start().strip_prefix('{') {
        Some(inner) => read_matchers_until(inner, Some('}'))?,
        None => (Vec::new(), rest),
    };
    if let Some(wrong) = matchers.iter().find(|matcher| matcher.op() != MatchOp::Equal) {
        return Err(NotationError(format!("{wrong} does not name a series: write label=\"value\"")));
    }
    let pairs = matchers.iter().map(|matcher| (matcher.name(), matcher.value()));
    let labels = Labels::from_pairs(pairs.chain([(METRIC_NAME, name)]))
        .map_err(|error| NotationError(error.to_string()))?;
    let mut values = Vec::new();
    let mut next = Timestamp::default();
    for word in rest.split_whitespace() {
        let (value, at) = match word.split_once('@') {
            None => (word, next),
            Some((value, time)) => {
                let time = parse_duration(time).map_err(|error| NotationError(error.to_string()))?;
                (value, Timestamp::default().plus(time))
            }
        };
        next = at.plus(step);
        if value != "_" {
            values.push((at, read_value(value)?));
        }
    }
    Ok(Line { labels, values })
}

fn read_value(word: &str) -> Result<f64, NotationError> {
    if word == "stale" {
        return Ok(stale_marker());
    }
    word.parse().map_err(|_| NotationError(format!("{word:?} is not a value: write a number, stale or _")))
}

/// Reads `label="value", label!~"expression"`.
pub(crate) fn read_matchers(text: &str) -> Result<Vec<Matcher>, NotationError> {
    read_matchers_until(text, None).map(|(matchers, _)| matchers)
}

/// Reads matchers up to `end`, or to the end of the text; returns what follows.
fn read_matchers_until(text: &str, end: Option<char>) -> Result<(Vec<Matcher>, &str), NotationError> {
    let mut matchers = Vec::new();
    let mut rest = text.trim_start();
    loop {
        match (rest.chars().next(), end) {
            (None, None) => return Ok((matchers, rest)),
            (None, Some(end)) => return Err(NotationError(format!("{text:?} lacks its closing {end}"))),
            (Some(c), Some(end)) if c == end => return Ok((matchers, &rest[end.len_utf8()..])),
            _ => {}
        }
        let (matcher, after) = read_matcher(rest)?;
        matchers.push(matcher);
        rest = after.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
}

fn read_matcher(text: &str) -> Result<(Matcher, &str), NotationError> {
    const OPERATORS: [(&str, MatchOp); 4] = [
        ("=~", MatchOp::Matches),
        ("!~", MatchOp::NotMatches),
        ("!=", MatchOp::NotEqual),
        ("=", MatchOp::Equal),
    ];
    let wrong =
        || NotationError(format!("{text:?} is not a matcher: write label=\"value\" with =, !=, =~ or !~"));
    let name_end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').ok_or_else(wrong)?;
    let (name, rest) = text.split_at(name_end);
    let rest = rest.trim_start();
    let (sign, op) = OPERATORS.into_iter().find(|(sign, _)| rest.starts_with(sign)).ok_or_else(wrong)?;
    let quoted = rest[sign.len()..].trim_start().strip_prefix('"').ok_or_else(wrong)?;
    if name.is_empty() {
        return Err(wrong());
    }
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                let matcher =
                    Matcher::new(name, op, &value).map_err(|error| NotationError(error.to_string()))?;
                return Ok((matcher, &quoted[at + 1..]));
            }
            '\\' => match letters.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((_, 'n')) => value.push('\n'),
                _ => return Err(NotationError(format!("{text:?}: only \\\\, \\\" and \\n are escapes"))),
            },
            other => value.push(other),
        }
    }
    Err(wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STEP: Duration = Duration::from_secs(10);

    fn check(text: &str, labels: &str, values: &[(i64, f64)]) {
        let line = read_line(text, STEP).unwrap();
        assert_eq!(line.labels.to_string(), labels, "{text}");
        let read: Vec<(i64, u64)> = line.values.iter().map(|(at, v)| (at.millis(), v.to_bits())).collect();
        let expected: Vec<(i64, u64)> = values.iter().map(|(at, v)| (*at, v.to_bits())).collect();
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn series_and_values() {
        check("up 1 0", "up", &[(0, 1.0), (10_000, 0.0)]);
        check("a.b{c=\"d\\\"}\", } 1@5s _ 2", "a.b{c=\"d\\\"}\"}", &[(5_000, 1.0), (25_000, 2.0)]);
        check("{c=\"d\"} stale", "{c=\"d\"}", &[(0, stale_marker())]);
        check("0.5@1m", "{}", &[(60_000, 0.5)]);
        check("node_x NaN", "node_x", &[(0, f64::NAN)]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, part) in [
            ("up{a=\"b\"", "closing }"),
            ("up{a!=\"b\"} 1", "does not name a series"),
            ("up{a=b} 1", "is not a matcher"),
            ("up x", "is not a value"),
            ("up 1@x", "is not a duration"),
            ("up{a=\"\\d\"} 1", "escapes"),
            ("up{a=\"1\",a=\"2\"} 1", "given twice"),
        ] {
            let error = read_line(text, STEP).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(read_matchers("a=~\"(\"").is_err());
    }

    proptest! {
        #[test]
        fn labels_read_back_as_shown(pairs in proptest::collection::btree_map("[a-z]{1,6}", "[ -~]{1,8}", 0..5)) {
            let labels = Labels::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain([(METRIC_NAME, "m")])).unwrap();
            prop_assert_eq!(read_line(&labels.to_string(), STEP).unwrap().labels, labels);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = read_line(&text, STEP);
            let _ = read_matchers(&text);
        }
    }
}
