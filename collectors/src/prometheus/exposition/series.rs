//! Series texts: `name{label="value"}`, `{"quoted.name", "quoted.label"="value"}`.

use std::borrow::Cow;

use isobar_normalizer::METRIC_NAME;
use memchr::memchr3;

use super::{Format, LineError};

/// Name and labels of a sample as they stand in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesText<'a>(&'a [u8]);

/// A label's name and value; the metric's name comes as [`METRIC_NAME`].
pub type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Which bytes may stand in a bare metric name. Label names are the same without the colon.
const NAME_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_' || byte as u8 == b':';
        byte += 1;
    }
    table
};

impl<'a> SeriesText<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// The text itself.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Appends the metric's name and the labels in the order they stand; nothing is sorted or looked for twice.
    ///
    /// # Errors
    /// The text is not a series in the format.
    pub fn read(self, format: Format, pairs: &mut Vec<Pair<'a>>) -> Result<(), LineError> {
        let name_end = bare_name_end(self.0);
        let (name, rest) = self.0.split_at(name_end);
        let named = !name.is_empty();
        if named {
            if name[0].is_ascii_digit() {
                return Err(LineError::malformed("a metric name", self.0));
            }
            pairs.push((Cow::Borrowed(METRIC_NAME), text(name, "a metric name")?));
        }
        let rest = skip_blanks(rest, format);
        if rest.is_empty() && named {
            return Ok(());
        }
        let inner = rest.strip_prefix(b"{").ok_or_else(|| LineError::malformed("a metric name", rest))?;
        let mut names = usize::from(named);
        let rest = labels(inner, format, &mut |item| match item {
            Item::Name(name) => {
                names += 1;
                pairs.push((Cow::Borrowed(METRIC_NAME), name));
            }
            Item::Label(name, value) => pairs.push((name, value)),
        })?;
        if !rest.is_empty() {
            return Err(LineError::malformed("a space after the labels", rest));
        }
        if names == 1 { Ok(()) } else { Err(LineError::malformed("one metric name", self.0)) }
    }
}

/// What stands between the braces.
enum Item<'a> {
    /// A quoted metric name.
    Name(Cow<'a, str>),
    /// A label.
    Label(Cow<'a, str>, Cow<'a, str>),
}

/// Reads `label="value", …}`, the opening brace being gone; returns what follows the closing one.
fn labels<'a>(
    mut rest: &'a [u8],
    format: Format,
    take: &mut dyn FnMut(Item<'a>),
) -> Result<&'a [u8], LineError> {
    loop {
        rest = skip_blanks(rest, format);
        if let Some(after) = rest.strip_prefix(b"}") {
            return Ok(after);
        }
        let quoted = rest.first() == Some(&b'"');
        let (name, after) = if quoted { quoted_text(rest)? } else { label_name(rest)? };
        rest = skip_blanks(after, format);
        match rest.first() {
            Some(b'=') => {
                let (value, after) = quoted_text(skip_blanks(&rest[1..], format))?;
                if quoted && name.is_empty() {
                    return Err(LineError::malformed("a label name between the quotes", rest));
                }
                take(Item::Label(name, value));
                rest = skip_blanks(after, format);
            }
            Some(b',' | b'}') if quoted && !name.is_empty() => take(Item::Name(name)),
            _ => return Err(LineError::malformed("= after the label name", rest)),
        }
        match rest.first() {
            Some(b',') => rest = &rest[1..],
            Some(b'}') => {}
            _ => return Err(LineError::malformed(", or } after the label value", rest)),
        }
    }
}

/// Checks an exemplar's `{label="value", …}` and returns what follows it.
pub(super) fn exemplar_labels(rest: &[u8]) -> Result<&[u8], LineError> {
    let wrong = || LineError::malformed("the labels of an exemplar", rest);
    let mut named = false;
    let inner = rest.strip_prefix(b"{").ok_or_else(wrong)?;
    let after = labels(inner, Format::OpenMetrics, &mut |item| named |= matches!(item, Item::Name(_)))?;
    if named { Err(wrong()) } else { Ok(after) }
}

/// Where the series text at the beginning of `rest` ends. Only a well-formed text has its end told right; any other is found
/// out when it is read.
pub(super) fn series_end(rest: &[u8], format: Format) -> Result<usize, LineError> {
    let name_end = bare_name_end(rest);
    let brace = rest.len() - skip_blanks(&rest[name_end..], format).len();
    if rest.get(brace) != Some(&b'{') {
        return if name_end > 0 { Ok(name_end) } else { Err(LineError::malformed("a metric name", rest)) };
    }
    let mut at = brace + 1;
    loop {
        let unclosed = || LineError::malformed("a closing } on the same line", &rest[brace..]);
        at += memchr3(b'"', b'}', b'\n', &rest[at..]).ok_or_else(unclosed)?;
        match rest[at] {
            b'}' => return Ok(at + 1),
            b'"' => at += quoted_len(&rest[at..])?,
            _ => return Err(unclosed()),
        }
    }
}

/// The length of the quoted text at the beginning of `rest`, quotes included.
fn quoted_len(rest: &[u8]) -> Result<usize, LineError> {
    let unclosed = || LineError::malformed("a closing \" on the same line", rest);
    let mut at = 1;
    loop {
        at += memchr3(b'"', b'\\', b'\n', rest.get(at..).unwrap_or_default()).ok_or_else(unclosed)?;
        match rest[at] {
            b'"' => return Ok(at + 1),
            b'\\' if rest.get(at + 1).is_some_and(|escaped| *escaped != b'\n') => at += 2,
            _ => return Err(unclosed()),
        }
    }
}

fn quoted_text(rest: &[u8]) -> Result<(Cow<'_, str>, &[u8]), LineError> {
    if rest.first() != Some(&b'"') {
        return Err(LineError::malformed("a \" before the label value", rest));
    }
    let (quoted, after) = rest.split_at(quoted_len(rest)?);
    let inner = text(&quoted[1..quoted.len() - 1], "UTF-8 text between the quotes")?;
    Ok((unescape(inner, &['\\', '"', 'n']), after))
}

fn label_name(rest: &[u8]) -> Result<(Cow<'_, str>, &[u8]), LineError> {
    let end = rest.iter().position(|byte| !NAME_BYTE[usize::from(*byte)] || *byte == b':');
    let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
    if name.is_empty() || name[0].is_ascii_digit() {
        return Err(LineError::malformed("a label name", rest));
    }
    Ok((text(name, "a label name")?, after))
}

fn text<'a>(bytes: &'a [u8], expected: &'static str) -> Result<Cow<'a, str>, LineError> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| LineError::malformed(expected, bytes))
}

/// Resolves a backslash before one of the letters, `n` being a newline; any other stands for itself, as Prometheus has it.
pub(super) fn unescape<'a>(text: Cow<'a, str>, escaped: &[char]) -> Cow<'a, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, letters.as_str().chars().next()) {
            ('\\', Some(next)) if escaped.contains(&next) => {
                plain.push(if next == 'n' { '\n' } else { next });
                letters.next();
            }
            _ => plain.push(letter),
        }
    }
    Cow::Owned(plain)
}

pub(super) fn bare_name_end(rest: &[u8]) -> usize {
    rest.iter().position(|byte| !NAME_BYTE[usize::from(*byte)]).unwrap_or(rest.len())
}

/// Blanks are free between the tokens of the text format; OpenMetrics has none there.
fn skip_blanks(rest: &[u8], format: Format) -> &[u8] {
    match format {
        Format::OpenMetrics => rest,
        Format::Text => &rest[rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()..],
    }
}
