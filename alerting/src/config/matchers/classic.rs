//! The classic grammar: a Prometheus label name, an operator, and a value that may hold nearly anything, bare or quoted.
//!
//! In a value `\"`, `\\` and `\n` are escapes, any other backslash is itself. Braces at either end are optional each by
//! itself, a comma behind the last matcher is.

use isobar_normalizer::{MatchOp, Matcher};

/// Reads any number of matchers; `None` where the text is not of this grammar.
pub(super) fn parse(text: &str) -> Option<Vec<Matcher>> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let mut parts = split(text);
    if parts.last().is_some_and(|last| last.trim().is_empty()) {
        parts.pop();
    }
    parts.into_iter().map(matcher).collect()
}

/// Cuts at the commas outside double quotes.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            ',' if !is_quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            ',' => {}
            '"' if is_escaped => is_escaped = false,
            '"' => is_quoted = !is_quoted,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    parts.push(&text[start..]);
    parts
}

fn matcher(text: &str) -> Option<Matcher> {
    let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c');
    let text = text.trim_matches(is_space);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let (name, rest) = text.split_at(text.find(|c| !is_name(c))?);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let rest = rest.trim_start_matches(is_space);
    let (op, value) = [
        ("=~", MatchOp::Matches),
        ("=", MatchOp::Equal),
        ("!=", MatchOp::NotEqual),
        ("!~", MatchOp::NotMatches),
    ]
    .into_iter()
    .find_map(|(sign, op)| rest.strip_prefix(sign).map(|value| (op, value)))?;
    Matcher::new(name, op, &unescaped(value.trim_start_matches(is_space))?).ok()
}

/// What a value stands for; `None` where a double quote is in its middle, or opens it and does not close it.
fn unescaped(written: &str) -> Option<String> {
    let bare = written.strip_prefix('"');
    let mut awaits_quote = bare.is_some();
    let mut rest = bare.unwrap_or(written).chars();
    let mut value = String::with_capacity(written.len());
    while let Some(c) = rest.next() {
        match c {
            '"' if awaits_quote && rest.as_str().is_empty() => awaits_quote = false,
            '"' => return None,
            '\\' => match rest.next() {
                Some('n') => value.push('\n'),
                Some(c @ ('"' | '\\')) => value.push(c),
                Some(other) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            c => value.push(c),
        }
    }
    (!awaits_quote).then_some(value)
}
