//! What is checked on the text of a query before the parser sees it: sizes that would exhaust the stack, durations the
//! parser cannot hold (it panics on some and reads others as zero), and byte escapes it reads as characters.

use crate::QueryError;

/// Longest query; the longest rule in common collections has under 4 KiB.
const LENGTH_MAX: usize = 64 << 10;
/// Most operators and open parentheses; each may be one level of the syntax tree, which is built and dropped
/// recursively by the parser.
const LEVELS_MAX: usize = 1_000;
/// Longest number in a duration without units, and digits before a unit; both hold centuries of milliseconds.
const SECONDS_DIGITS_MAX: usize = 12;
const UNIT_DIGITS_MAX: usize = 9;

/// A piece of query text.
#[derive(Debug, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Symbol(char),
    /// The text between quotes, escapes as written, and whether escapes mean anything in it.
    Text {
        inside: &'a str,
        raw: bool,
    },
}

/// Checks the text of a query.
///
/// # Errors
/// It is too long, too deep, or has a duration or an escape that cannot be represented.
pub(crate) fn check(text: &str) -> Result<(), QueryError> {
    if text.len() > LENGTH_MAX {
        return Err(QueryError::Parse(format!(
            "query of {} bytes, at most {LENGTH_MAX} are allowed",
            text.len()
        )));
    }
    let (mut brackets, mut braces, mut levels) = (0_i32, 0_i32, 0_usize);
    let mut after_offset = false;
    for (position, token) in tokens(text) {
        match token {
            Token::Symbol('[') => brackets += 1,
            Token::Symbol(']') => brackets -= 1,
            Token::Symbol('{') => braces += 1,
            Token::Symbol('}') => braces -= 1,
            Token::Symbol('(' | '+' | '-' | '*' | '/' | '%' | '^' | '=' | '!' | '<' | '>') if braces == 0 => {
                levels += 1;
            }
            Token::Symbol(_) => {}
            Token::Word(word) => {
                check_digits(word, position)?;
                if brackets > 0 || after_offset {
                    word.split(':').try_for_each(|part| check_duration(part, position))?;
                }
                let lower = word.to_ascii_lowercase();
                levels +=
                    usize::from(matches!(lower.as_str(), "and" | "or" | "unless" | "atan2") && braces == 0);
                after_offset = lower == "offset";
                continue;
            }
            Token::Text { inside, raw: false } => check_escapes(inside, position)?,
            Token::Text { .. } => {}
        }
        after_offset &= matches!(token, Token::Symbol('+' | '-'));
    }
    if levels > LEVELS_MAX {
        return Err(QueryError::Parse(format!(
            "{levels} operators and parentheses, at most {LEVELS_MAX} are allowed"
        )));
    }
    Ok(())
}

/// A duration is units or plain seconds; exponents, `NaN` and `Inf` are numbers but no durations.
fn check_duration(part: &str, position: usize) -> Result<(), QueryError> {
    let plain = part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let units = part.bytes().all(|byte| byte.is_ascii_digit() || b"ywdhms".contains(&byte))
        && part.starts_with(|first: char| first.is_ascii_digit());
    let representable = if plain { part.len() <= SECONDS_DIGITS_MAX } else { units };
    if representable {
        return Ok(());
    }
    Err(QueryError::Parse(format!("1:{}: {part:?} is not a duration like 5m or 1h30m", position + 1)))
}

fn check_digits(word: &str, position: usize) -> Result<(), QueryError> {
    let mut digits = 0;
    for byte in word.bytes().take_while(|_| word.starts_with(|first: char| first.is_ascii_digit())) {
        if byte.is_ascii_digit() {
            digits += 1;
        } else if digits > UNIT_DIGITS_MAX && b"ywdhms".contains(&byte) {
            return Err(QueryError::Parse(format!("1:{}: duration {word:?} is out of range", position + 1)));
        } else {
            digits = 0;
        }
    }
    Ok(())
}

/// `\xff` and `\377` stand for bytes, which the parser turns into characters.
fn check_escapes(inside: &str, position: usize) -> Result<(), QueryError> {
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        let escape = &rest.as_bytes()[at + 1..];
        let byte = match escape {
            [b'x', high, ..] => high.is_ascii_hexdigit() && *high >= b'8',
            [b'2' | b'3', ..] => true,
            _ => false,
        };
        if byte {
            return Err(QueryError::Parse(format!(
                "1:{}: byte escape in {inside:?}: write the character itself",
                position + 1
            )));
        }
        // Past the backslash and the character it escapes.
        let escaped = rest[at + 1..].chars().next().map_or(0, char::len_utf8);
        rest = &rest[at + 1 + escaped..];
    }
    Ok(())
}

/// The tokens with their byte positions; comments and blanks are left out, an unclosed text reaches to the end.
fn tokens(text: &str) -> impl Iterator<Item = (usize, Token<'_>)> {
    let mut position = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = &text[position..];
            let start = position;
            let first = rest.chars().next()?;
            if first.is_whitespace() {
                position += first.len_utf8();
            } else if first == '#' {
                position += rest.find('\n').unwrap_or(rest.len());
            } else if matches!(first, '"' | '\'' | '`') {
                let length = text_length(&rest[1..], first);
                position = (start + length + 2).min(text.len());
                return Some((start, Token::Text { inside: &rest[1..=length], raw: first == '`' }));
            } else if is_word(first) {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                position += length;
                return Some((start, Token::Word(&rest[..length])));
            } else {
                position += first.len_utf8();
                return Some((start, Token::Symbol(first)));
            }
        }
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | ':')
}

/// Bytes before the closing quote.
fn text_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        if c == quote && !escaped {
            return at;
        }
        escaped = c == '\\' && !escaped && quote != '`';
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(text: &str, reason: &str) {
        let error = check(text).expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }

    #[test]
    fn what_the_parser_cannot_hold_is_refused() {
        check_refused("up[1e30]", "not a duration");
        check_refused("up[NaN]", "not a duration");
        check_refused("up[5m:inf]", "not a duration");
        check_refused("up offset 1e300", "not a duration");
        check_refused("up offset -Inf", "not a duration");
        check_refused("up[99999999999w]", "out of range");
        check_refused("up offset 9999999999999", "not a duration");
        check_refused(r#"label_replace(up, "\xff", "", "", "")"#, "byte escape");
        check_refused(r#"up{a="\377"}"#, "byte escape");
        check_refused(&"-".repeat(5_000), "operators");
        check_refused(&"(".repeat(5_000), "operators");
        check_refused(&" ".repeat(LENGTH_MAX + 1), "bytes");
    }

    #[test]
    fn what_it_can_is_let_through() {
        for text in [
            "rate(http_requests_total{job=~\"a|b\"}[5m]) offset -1h30m",
            "max_over_time(rate(x[5m])[1h:30s] @ 1e9) > 1e30",
            "foo[300] # up[NaN]",
            r#""[NaN]" + `\xff`"#,
            r#"x{a="\\xff", b='\'[inf]'}"#,
            "sum by (offset) (x)",
            "\"unclosed",
            "\"",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        let matchers = (0..2_000).map(|i| format!("l{i}=\"\"")).collect::<Vec<_>>().join(",");
        assert_eq!(check(&format!("up{{{matchers}}}")), Ok(()));
    }
}
