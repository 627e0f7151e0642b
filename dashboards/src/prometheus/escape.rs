//! Label names in paths: names that are no identifiers come as `U__…`. Source: prometheus/common `UnescapeName`.

use std::borrow::Cow;

/// Undoes the escaping: after `U__`, two underscores stand for one and `_HEX_` for a character. What is no valid
/// escaping is the name itself.
pub(super) fn unescape_name(name: &str) -> Cow<'_, str> {
    match name.strip_prefix("U__").and_then(unescape) {
        Some(unescaped) => Cow::Owned(unescaped),
        None => Cow::Borrowed(name),
    }
}

fn unescape(mut rest: &str) -> Option<String> {
    let mut name = String::with_capacity(rest.len());
    while let Some((plain, after)) = rest.split_once('_') {
        name.push_str(plain);
        let (code, after) = after.split_once('_')?;
        match code {
            "" => name.push('_'),
            // The largest character has six digits.
            _ if code.len() > 6 => return None,
            _ => name.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?),
        }
        rest = after;
    }
    name.push_str(rest);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read_back_and_others_left_alone() {
        for (escaped, name) in [
            ("instance", "instance"),
            ("U__http_2e_status", "http.status"),
            ("U__a__b", "a_b"),
            ("U___1f600_", "😀"),
            ("U__", ""),
            ("U__half_2e", "U__half_2e"),
            ("U__bad_zz_", "U__bad_zz_"),
            ("U__surrogate_d800_", "U__surrogate_d800_"),
            ("U__long_00000041_", "U__long_00000041_"),
        ] {
            assert_eq!(unescape_name(escaped), name, "{escaped}");
        }
    }
}
