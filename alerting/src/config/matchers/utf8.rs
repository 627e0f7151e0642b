//! The UTF-8 grammar: names and values are bare, without white space and reserved characters, or double-quoted as in Go.

use isobar_normalizer::{MatchOp, Matcher};

/// Characters that only a quoted name or value may hold.
const RESERVED: &[char] = &['{', '}', '!', '=', '~', ',', '\\', '"', '\'', '`'];

/// Reads any number of matchers, with both braces or with none, and perhaps a comma behind the last.
///
/// # Errors
/// What was expected at which character, in one line.
pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, String> {
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
                '\\' => value.push(self.escaped()?),
                '\n' => return Err(self.expected("'\\n' instead of a line break")),
                other => value.push(other),
            }
        }
    }

    /// What stands after a backslash: one of Go's escapes, of which those for single bytes reach as far as ASCII.
    fn escaped(&mut self) -> Result<char, String> {
        let rest = self.rest();
        let coded = |from: usize, digits: usize, radix: u32| {
            let code = rest.get(from..from + digits).and_then(|code| u32::from_str_radix(code, radix).ok());
            code.and_then(char::from_u32).map(|decoded| (decoded, from + digits))
        };
        let is_ascii = |coded: &(char, usize)| coded.0.is_ascii();
        let known = match rest.chars().next() {
            Some(c @ ('\\' | '"')) => Some((c, 1)),
            Some('a') => Some(('\u{7}', 1)),
            Some('b') => Some(('\u{8}', 1)),
            Some('f') => Some(('\u{c}', 1)),
            Some('n') => Some(('\n', 1)),
            Some('r') => Some(('\r', 1)),
            Some('t') => Some(('\t', 1)),
            Some('v') => Some(('\u{b}', 1)),
            Some('0'..='7') => coded(0, 3, 8).filter(is_ascii),
            Some('x') => coded(1, 2, 16).filter(is_ascii),
            Some('u') => coded(1, 4, 16),
            Some('U') => coded(1, 8, 16),
            _ => None,
        };
        let (decoded, length) =
            known.ok_or_else(|| self.expected("an escape of Go ('\\\\' for a backslash)"))?;
        self.at += length;
        Ok(decoded)
    }
}
