//! Text that stays text in HTML, JavaScript and URLs, byte for byte as Go escapes it.

use std::fmt::Write as _;

/// As the function `html` writes it.
pub(super) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            '\0' => escaped.push(char::REPLACEMENT_CHARACTER),
            c => escaped.push(c),
        }
    }
    escaped
}

/// As the function `js` writes it.
pub(super) fn js(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '<' | '>' | '&' | '=' => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{:04X}", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(escaped, "\\u{:04X}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A part of a query: a space becomes `+`.
pub(super) fn query(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => escaped.push('+'),
            byte if is_unreserved(byte) => escaped.push(char::from(byte)),
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

/// The reverse.
pub(super) fn query_unescaped(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_at(rest.len().min(2));
                let byte = hex::decode(digits).ok().and_then(|bytes| bytes.first().copied());
                bytes.push(byte.ok_or_else(|| {
                    format!("invalid URL escape {:?}", format!("%{}", String::from_utf8_lossy(digits)))
                })?);
                rest = after;
            }
            byte => bytes.push(*byte),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A part of a URL after `?` or `#`, where HTML is written: all but letters, digits and `-._~` as `%20`.
pub(super) fn url_part(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        push_byte(byte, is_unreserved(byte), &mut escaped);
    }
    escaped
}

/// A URL: what is no character of URLs is escaped, what is escaped already stays.
pub(super) fn url(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let is_escape = *byte == b'%'
            && bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
        let is_reserved = b"!#$&*+,/:;=?@[]".contains(byte);
        push_byte(*byte, is_unreserved(*byte) || is_reserved || is_escape, &mut escaped);
    }
    escaped
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)
}

/// Escapes inside HTML have small digits.
fn push_byte(byte: u8, is_plain: bool, to: &mut String) {
    if is_plain {
        to.push(char::from(byte));
    } else {
        let _ = write!(to, "%{byte:02x}");
    }
}
