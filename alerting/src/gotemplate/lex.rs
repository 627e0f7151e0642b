//! Text and actions, cut into tokens.

use std::fmt;

use super::TemplateError;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Counts from 1.
    pub(super) line: usize,
    /// Whether white space stands before it: `.a.b` is one operand, `.a .b` are two.
    pub(super) spaced: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// Outside actions, white space trimmed where markers ask for it.
    Text(String),
    Open,
    Close,
    /// `name`, keywords too.
    Word(String),
    /// `.name`
    Field(String),
    /// `$name` with the `$`.
    Variable(String),
    Dot,
    Number(String),
    /// The value of a character constant.
    Char(char),
    Str(String),
    Pipe,
    OpenParen,
    CloseParen,
    Comma,
    Declare,
    Assign,
    End,
}

/// As a complaint shows it.
impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("text"),
            Self::Open => f.write_str("{{"),
            Self::Close => f.write_str("}}"),
            Self::Word(text) | Self::Variable(text) | Self::Number(text) => f.write_str(text),
            Self::Field(name) => write!(f, ".{name}"),
            Self::Dot => f.write_str("."),
            Self::Char(c) => write!(f, "{c:?}"),
            Self::Str(text) => write!(f, "{text:?}"),
            Self::Pipe => f.write_str("|"),
            Self::OpenParen => f.write_str("("),
            Self::CloseParen => f.write_str(")"),
            Self::Comma => f.write_str(","),
            Self::Declare => f.write_str(":="),
            Self::Assign => f.write_str("="),
            Self::End => f.write_str("the end of the template"),
        }
    }
}

/// The tokens of a template; the last one is [`TokenKind::End`].
pub(super) fn tokens(file: &str, source: &str) -> Result<Vec<Token>, TemplateError> {
    let mut lexer = Lexer { file, rest: source, line: 1, tokens: Vec::new() };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    file: &'a str,
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

/// What Go trims.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Result<(), TemplateError> {
        let mut trims_left = false;
        loop {
            let (text, found) = match self.rest.find("{{") {
                Some(at) => (&self.rest[..at], true),
                None => (self.rest, false),
            };
            let after = &self.rest[text.len()..];
            let inside = after.strip_prefix("{{").unwrap_or("");
            let trims_right = inside.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space));
            let mut shown = text;
            if trims_left {
                shown = shown.trim_start_matches(is_space);
            }
            if trims_right {
                shown = shown.trim_end_matches(is_space);
            }
            if !shown.is_empty() {
                self.push(TokenKind::Text(shown.to_owned()), false);
            }
            self.skip(text.len());
            if !found {
                self.push(TokenKind::End, false);
                return Ok(());
            }
            let opened = self.line;
            self.skip(if trims_right { 3 } else { 2 });
            trims_left = match self.comment(opened)? {
                Some(trims) => trims,
                None => self.action(opened)?,
            };
        }
    }

    /// Skips `/* … */}}`; whether white space after it is trimmed. `None` when no comment stands here.
    fn comment(&mut self, opened: usize) -> Result<Option<bool>, TemplateError> {
        let Some(inside) = self.rest.trim_start_matches(is_space).strip_prefix("/*") else {
            return Ok(None);
        };
        let begun = self.rest.len() - inside.len();
        let Some(end) = inside.find("*/") else {
            return Err(self.error(opened, "a comment that does not end: write */ before }}"));
        };
        self.skip(begun + end + 2);
        match self.close() {
            Some(trims) => Ok(Some(trims)),
            None => Err(self.error(self.line, "a comment is an action of its own: write }} right after */")),
        }
    }

    /// Skips `}}` or ` -}}`; whether it trims.
    fn close(&mut self) -> Option<bool> {
        let trimmed = self.rest.trim_start_matches(is_space);
        let spaces = self.rest.len() - trimmed.len();
        if spaces > 0 && trimmed.starts_with("-}}") {
            self.skip(spaces + 3);
            return Some(true);
        }
        if trimmed.starts_with("}}") {
            self.skip(spaces + 2);
            return Some(false);
        }
        None
    }

    /// The tokens up to `}}`; whether white space after it is trimmed.
    fn action(&mut self, opened: usize) -> Result<bool, TemplateError> {
        self.tokens.push(Token { kind: TokenKind::Open, line: opened, spaced: false });
        loop {
            let line = self.line;
            if let Some(trims) = self.close() {
                self.tokens.push(Token { kind: TokenKind::Close, line, spaced: false });
                return Ok(trims);
            }
            let trimmed = self.rest.trim_start_matches(is_space);
            let spaced = trimmed.len() < self.rest.len();
            self.skip(self.rest.len() - trimmed.len());
            let Some(first) = self.rest.chars().next() else {
                return Err(self.error(opened, "an action that does not end: write }}"));
            };
            // A raw string belongs to the line it begins on.
            let line = self.line;
            let kind = self.token(first)?;
            self.tokens.push(Token { kind, line, spaced });
        }
    }

    fn token(&mut self, first: char) -> Result<TokenKind, TemplateError> {
        let second = self.rest[first.len_utf8()..].chars().next().unwrap_or(' ');
        let kind = match first {
            '|' => TokenKind::Pipe,
            '(' => TokenKind::OpenParen,
            ')' => TokenKind::CloseParen,
            ',' => TokenKind::Comma,
            '=' => TokenKind::Assign,
            ':' if second == '=' => {
                self.skip(2);
                return Ok(TokenKind::Declare);
            }
            '"' => return self.quoted(),
            '`' => return self.raw(),
            '\'' => return self.character(),
            '$' => {
                let name = self.word(1);
                return Ok(TokenKind::Variable(format!("${name}")));
            }
            '.' if second.is_ascii_digit() => return self.number(),
            '.' if is_word(second) => return Ok(TokenKind::Field(self.word(1))),
            '.' => TokenKind::Dot,
            '0'..='9' | '+' | '-' => return self.number(),
            c if is_word(c) => return Ok(TokenKind::Word(self.word(0))),
            c => return Err(self.error(self.line, &format!("unexpected {c:?} in an action"))),
        };
        self.skip(1);
        Ok(kind)
    }

    /// The word that begins after so many bytes.
    fn word(&mut self, before: usize) -> String {
        let text = &self.rest[before..];
        let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
        let word = text[..end].to_owned();
        self.skip(before + end);
        word
    }

    fn number(&mut self) -> Result<TokenKind, TemplateError> {
        let mut end = 1;
        for (at, c) in self.rest.char_indices().skip(1) {
            let is_signed_exponent = matches!(c, '+' | '-')
                && matches!(self.rest.as_bytes()[at - 1], b'e' | b'E' | b'p' | b'P')
                && self.rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'));
            if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || is_signed_exponent) {
                break;
            }
            end = at + c.len_utf8();
        }
        let number = self.rest[..end].to_owned();
        if !number.contains(|c: char| c.is_ascii_digit()) {
            return Err(self.error(self.line, &format!("unexpected {number:?}: no number")));
        }
        self.skip(end);
        Ok(TokenKind::Number(number))
    }

    fn raw(&mut self) -> Result<TokenKind, TemplateError> {
        let Some(end) = self.rest[1..].find('`') else {
            return Err(self.error(self.line, "a raw string that does not end: write `"));
        };
        // As in Go, a carriage return is no part of it.
        let text = self.rest[1..=end].replace('\r', "");
        self.skip(end + 2);
        Ok(TokenKind::Str(text))
    }

    fn quoted(&mut self) -> Result<TokenKind, TemplateError> {
        let line = self.line;
        let mut text = Vec::new();
        let mut at = 1;
        loop {
            let unended = "a string that does not end on its line: write \", or `…` around several lines";
            match self.rest[at..].chars().next() {
                None | Some('\n') => return Err(self.error(line, unended)),
                Some('"') => break,
                Some('\\') => {
                    let used = unescape(&self.rest[at..], '"', &mut text);
                    at += used.ok_or_else(|| self.error(line, "an unknown escape in a string"))?;
                }
                Some(c) => {
                    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    at += c.len_utf8();
                }
            }
        }
        self.skip(at + 1);
        let text = String::from_utf8(text);
        text.map(TokenKind::Str).map_err(|_| self.error(line, "the escapes of a string make no UTF-8"))
    }

    fn character(&mut self) -> Result<TokenKind, TemplateError> {
        let wrong = "a character constant is one character between ' and '";
        let inside = &self.rest[1..];
        let mut bytes = Vec::new();
        let used = match inside.chars().next() {
            Some('\\') => unescape(inside, '\'', &mut bytes),
            Some(c) if c != '\'' && c != '\n' => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                Some(c.len_utf8())
            }
            _ => None,
        };
        let used = used.filter(|used| inside[*used..].starts_with('\''));
        let character = String::from_utf8(bytes).ok().and_then(|text| text.chars().next());
        let (Some(used), Some(character)) = (used, character) else {
            return Err(self.error(self.line, wrong));
        };
        self.skip(used + 2);
        Ok(TokenKind::Char(character))
    }

    fn push(&mut self, kind: TokenKind, spaced: bool) {
        self.tokens.push(Token { kind, line: self.line, spaced });
    }

    fn skip(&mut self, bytes: usize) {
        self.line += self.rest[..bytes].matches('\n').count();
        self.rest = &self.rest[bytes..];
    }

    fn error(&self, line: usize, what: &str) -> TemplateError {
        TemplateError::new(self.file, line, what)
    }
}

/// Reads Go's escape that stands at the beginning; how many bytes it takes.
fn unescape(text: &str, quote: char, into: &mut Vec<u8>) -> Option<usize> {
    let mut chars = text.chars().skip(1);
    let digits = |from: usize, count: usize, radix: u32| {
        let digits = text.get(from..from + count)?;
        let valid = digits.chars().all(|c| c.is_digit(radix));
        if valid { u32::from_str_radix(digits, radix).ok() } else { None }
    };
    let plain = |byte: u8, into: &mut Vec<u8>| {
        into.push(byte);
        Some(2)
    };
    let unicode = |value: u32, used: usize, into: &mut Vec<u8>| {
        into.extend_from_slice(char::from_u32(value)?.encode_utf8(&mut [0; 4]).as_bytes());
        Some(used)
    };
    match chars.next()? {
        'a' => plain(7, into),
        'b' => plain(8, into),
        'f' => plain(12, into),
        'n' => plain(b'\n', into),
        'r' => plain(b'\r', into),
        't' => plain(b'\t', into),
        'v' => plain(11, into),
        '\\' => plain(b'\\', into),
        c if c == quote => plain(c as u8, into),
        'x' => {
            into.push(u8::try_from(digits(2, 2, 16)?).ok()?);
            Some(4)
        }
        'u' => unicode(digits(2, 4, 16)?, 6, into),
        'U' => unicode(digits(2, 8, 16)?, 10, into),
        '0'..='7' => {
            into.push(u8::try_from(digits(1, 3, 8)?).ok()?);
            Some(4)
        }
        _ => None,
    }
}
