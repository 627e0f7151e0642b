//! `# HELP`, `# TYPE`, `# UNIT` and `# EOF` lines.

use super::series::bare_name_end;
use super::{Format, LineError};

/// A line about a metric rather than of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// The whole line, its newline cut.
    pub line: &'a [u8],
    /// The metric family's name, without quotes and with its escapes as they stand.
    pub name: &'a str,
    /// What the line says about it.
    pub kind: MetadataKind,
    /// The type's word, the unit, or the help text with its escapes as they stand.
    pub text: &'a str,
}

/// What a metadata line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataKind {
    /// `# HELP`
    Help,
    /// `# TYPE`
    Type,
    /// `# UNIT`, OpenMetrics only.
    Unit,
}

/// A line that begins with `#`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hash<'a> {
    /// Something about a metric.
    Metadata(Metadata<'a>),
    /// Free text.
    Comment,
    /// The end of an OpenMetrics page.
    Eof,
}

const TEXT_TYPES: [&str; 5] = ["counter", "gauge", "histogram", "summary", "untyped"];
const OPENMETRICS_TYPES: [&str; 8] =
    ["counter", "gauge", "histogram", "gaugehistogram", "stateset", "info", "summary", "unknown"];

/// Reads a whole line that begins with `#`, its newline cut.
pub(super) fn read_hash(line: &[u8], format: Format) -> Result<Hash<'_>, LineError> {
    match format {
        Format::Text => text_line(line),
        Format::OpenMetrics => openmetrics_line(line),
    }
}

fn text_line(line: &[u8]) -> Result<Hash<'_>, LineError> {
    let (word, rest) = first_word(line[1..].trim_ascii_start());
    let spaced = line.get(1).is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    let kind = match word {
        b"HELP" if spaced => MetadataKind::Help,
        b"TYPE" if spaced => MetadataKind::Type,
        _ => return Ok(Hash::Comment),
    };
    let (name, rest) = family_name(rest.trim_ascii_start())?;
    // One blank ends the name; what follows belongs to a help text, further blanks included, as Prometheus has it.
    let text = utf8(rest.get(1..).unwrap_or_default())?;
    let text = if kind == MetadataKind::Type { text.trim_ascii() } else { text };
    if kind == MetadataKind::Type && !TEXT_TYPES.contains(&text) {
        return Err(LineError::malformed("counter, gauge, histogram, summary or untyped", text.as_bytes()));
    }
    Ok(Hash::Metadata(Metadata { line, name, kind, text }))
}

fn openmetrics_line(line: &[u8]) -> Result<Hash<'_>, LineError> {
    let wrong = || LineError::malformed("# HELP, # TYPE, # UNIT or # EOF", line);
    if line == b"# EOF" {
        return Ok(Hash::Eof);
    }
    let (kind, rest) = match line.get(..7).ok_or_else(wrong)? {
        b"# HELP " => (MetadataKind::Help, &line[7..]),
        b"# TYPE " => (MetadataKind::Type, &line[7..]),
        b"# UNIT " => (MetadataKind::Unit, &line[7..]),
        _ => return Err(wrong()),
    };
    let (name, rest) = family_name(rest)?;
    let text = match rest {
        [] if kind == MetadataKind::Help => "",
        _ => utf8(rest.strip_prefix(b" ").ok_or_else(|| LineError::malformed("a space", rest))?)?,
    };
    match kind {
        MetadataKind::Type if !OPENMETRICS_TYPES.contains(&text) => {
            Err(LineError::malformed("a type of OpenMetrics, such as counter or gauge", text.as_bytes()))
        }
        MetadataKind::Unit if !text.is_empty() && !names_unit(name, text) => {
            Err(LineError::malformed("a unit that ends the metric's name", text.as_bytes()))
        }
        _ => Ok(Hash::Metadata(Metadata { line, name, kind, text })),
    }
}

fn names_unit(name: &str, unit: &str) -> bool {
    name.strip_suffix(unit).is_some_and(|stem| !stem.is_empty())
}

fn first_word(line: &[u8]) -> (&[u8], &[u8]) {
    line.split_at(line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len()))
}

/// A bare name, or a quoted one.
fn family_name(rest: &[u8]) -> Result<(&str, &[u8]), LineError> {
    let wrong = || LineError::malformed("a metric name", rest);
    if rest.first() == Some(&b'"') {
        let mut escaped = false;
        let end = rest.iter().skip(1).position(|byte| {
            let closes = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            closes
        });
        let end = end.filter(|length| *length > 0).ok_or_else(wrong)? + 1;
        return Ok((utf8(&rest[1..end])?, &rest[end + 1..]));
    }
    let end = bare_name_end(rest);
    if end == 0 || rest[0].is_ascii_digit() || rest.get(end).is_some_and(|byte| !matches!(byte, b' ' | b'\t'))
    {
        return Err(wrong());
    }
    Ok((utf8(&rest[..end])?, &rest[end..]))
}

fn utf8(bytes: &[u8]) -> Result<&str, LineError> {
    std::str::from_utf8(bytes).map_err(|_| LineError::malformed("UTF-8 text", bytes))
}
