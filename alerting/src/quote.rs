//! Texts as Go's standard library quotes them: group keys, templates and patterns are written by its rules.

/// A string literal, as `strconv.Quote` writes it.
pub(crate) fn quoted(text: &str) -> String {
    let escaped: String = text.chars().map(|c| escaped(c, '"')).collect();
    format!("\"{escaped}\"")
}

/// A character literal, as `strconv.QuoteRune` writes it.
pub(crate) fn quoted_character(c: char) -> String {
    format!("'{}'", escaped(c, '\''))
}

fn escaped(c: char, quote: char) -> String {
    match c {
        '\\' => "\\\\".to_owned(),
        c if c == quote => format!("\\{c}"),
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        c if c.is_ascii_control() => format!("\\x{:02x}", u32::from(c)),
        c if c.is_control() || (c.is_whitespace() && c != ' ') => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    }
}

/// A pattern that matches this text alone, as `regexp.QuoteMeta` writes it: a hyphen stays what it is.
pub(crate) fn quote_meta(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_gos() {
        for (text, expected) in [
            ("plain", r#""plain""#),
            ("a\"b\\c'", r#""a\"b\\c'""#),
            ("tab\tline\n\r\u{8}\u{b}\u{c}", r#""tab\tline\n\r\b\v\f""#),
            ("bell\u{7}esc\u{1b}del\u{7f}", r#""bell\aesc\x1bdel\x7f""#),
            ("中文 é", r#""中文 é""#),
            ("nbsp\u{a0}next\u{85}sep\u{2028}", r#""nbsp\u00a0next\u0085sep\u2028""#),
        ] {
            assert_eq!(quoted(text), expected);
        }
        assert_eq!((quoted_character('\'').as_str(), quoted_character('"').as_str()), (r"'\''", r#"'"'"#));
    }

    #[test]
    fn patterns_are_gos() {
        let special = r"\.+*?()|[]{}^$";
        let expected: String = special.chars().flat_map(|c| ['\\', c]).collect();
        assert_eq!(quote_meta(special), expected);
        let plain = "team-db & co/#~ 云:<x>";
        assert_eq!(quote_meta(plain), plain);
    }
}
