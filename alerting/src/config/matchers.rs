//! The matcher grammar of routes: `name op value`, alone, in a list, or as `{a="b", c=~"d"}`.
//!
//! Source: prometheus/alertmanager `matcher/parse` (UTF-8 grammar, 0.27 and later). The older "classic" grammar also took
//! bare values with spaces and braces inside; those are refused here with the hint to quote them.

use isobar_normalizer::{MatchOp, Matcher};

/// Characters that only a quoted name or value may hold.
const RESERVED: &[char] = &['{', '}', '!', '=', '~', ',', '\\', '"', '\'', '`'];

/// Reads one or several matchers.
///
/// # Errors
/// What was expected at which character, in one line.
pub(super) fn parse_matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    let braced = reader.take('{');
    let mut matchers = Vec::new();
    loop {
        reader.skip_space();
        if reader.rest().is_empty() || reader.rest().starts_with('}') {
            break;
        }
        matchers.push(reader.matcher()?);
        reader.skip_space();
        if !reader.take(',') {
            break;
        }
    }
    reader.skip_space();
    if braced && !reader.take('}') {
        return Err(reader.expected("',' or '}'"));
    }
    reader.skip_space();
    if !reader.rest().is_empty() {
        return Err(reader.expected(if braced { "the end" } else { "',' or the end" }));
    }
    if matchers.is_empty() && !braced {
        return Err("an empty matcher: write name=\"value\"".to_owned());
    }
    Ok(matchers)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn expected(&self, what: &str) -> String {
        let place = self.text[..self.at].chars().count() + 1;
        match self.rest().chars().next() {
            Some(found) => {
                format!("matcher {:?}: expected {what} at character {place}, found {found:?}", self.text)
            }
            None => format!("matcher {:?}: expected {what} at its end", self.text),
        }
    }

    fn matcher(&mut self) -> Result<Matcher, String> {
        let name = self.word("a label name")?;
        if name.is_empty() {
            return Err(self.expected("a label name that is not empty"));
        }
        self.skip_space();
        let op = self.operator()?;
        self.skip_space();
        let value = self.word("a value (\"\" for the empty one)")?;
        Matcher::new(&name, op, &value).map_err(|error| error.to_string())
    }

    fn operator(&mut self) -> Result<MatchOp, String> {
        let known = [
            ("=~", MatchOp::Matches),
            ("!~", MatchOp::NotMatches),
            ("!=", MatchOp::NotEqual),
            ("=", MatchOp::Equal),
        ];
        for (sign, op) in known {
            if self.rest().starts_with(sign) {
                self.at += sign.len();
                return Ok(op);
            }
        }
        Err(self.expected("one of = != =~ !~"))
    }

    fn word(&mut self, what: &str) -> Result<String, String> {
        if self.take('"') {
            return self.quoted();
        }
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || RESERVED.contains(&c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.expected(what));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    /// The rest of a double-quoted text.
    fn quoted(&mut self) -> Result<String, String> {
        let mut value = String::new();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(self.expected("a closing '\"'"));
            };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(value),
                '\\' => value.push(self.escaped()),
                '\n' => return Err(self.expected("'\\n' instead of a line break")),
                other => value.push(other),
            }
        }
    }

    /// What stands after a backslash: Go's escapes. Any other leaves the backslash as text, so that `"\d+"` and
    /// `"10\.0"` mean what their writers meant; Alertmanager gets there by falling back to its classic parser.
    fn escaped(&mut self) -> char {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else { return '\\' };
        let hexadecimal = |digits: usize| {
            let code = rest.get(1..=digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            code.and_then(char::from_u32).map(|decoded| (decoded, 1 + digits))
        };
        let known = match c {
            '\\' | '"' => Some((c, 1)),
            'n' => Some(('\n', 1)),
            't' => Some(('\t', 1)),
            'r' => Some(('\r', 1)),
            'x' => hexadecimal(2),
            'u' => hexadecimal(4),
            'U' => hexadecimal(8),
            _ => None,
        };
        let (decoded, length) = known.unwrap_or(('\\', 0));
        self.at += length;
        decoded
    }
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
        check(r#"name="\u4e2d\x41""#, &["name = 中A"]);
        check(r#"host=~"10\.0\.\d+""#, &[r"host =~ 10\.0\.\d+"]);
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
    fn what_is_wrong_is_said_with_its_place() {
        check_refused("", "empty matcher");
        check_refused("severity", "one of = != =~ !~");
        check_refused("severity=", "a value");
        check_refused("{a=b", "',' or '}'");
        check_refused("a=b}", "',' or the end");
        check_refused("a=b c", "',' or the end at character 5");
        check_refused("a=\"b", "closing");
        check_refused("a=~\"(\"", "unclosed group");
        check_refused("=b", "a label name");
        check_refused("a='b'", "a value");
    }
}
