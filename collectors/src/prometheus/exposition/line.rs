//! Walks a page: which kind of line comes next, and the numbers of sample lines.

use memchr::memchr;

use super::metadata::{Hash, read_hash};
use super::series::{SeriesText, exemplar_labels, series_end};
use super::{Format, LineError, SampleLine, Sink};

/// A place in a page.
pub(super) struct Reader<'a> {
    page: &'a [u8],
    at: usize,
    format: Format,
}

impl<'a> Reader<'a> {
    pub(super) fn new(page: &'a [u8], format: Format) -> Self {
        Self { page, at: 0, format }
    }

    /// The line of the present place. Counted only when something is wrong.
    pub(super) fn line_number(&self) -> usize {
        1 + memchr::memchr_iter(b'\n', &self.page[..self.at]).count()
    }

    pub(super) fn read<S: Sink>(&mut self, sink: &mut S) -> Result<(), LineError> {
        while let Some(first) = self.rest().first() {
            match (first, self.format) {
                (b'#', _) => {
                    let line = self.line();
                    match read_hash(line, self.format)? {
                        Hash::Metadata(metadata) => sink.metadata(metadata),
                        Hash::Comment => {}
                        Hash::Eof => return self.end_of_page(line),
                    }
                    self.at = (self.at + line.len() + 1).min(self.page.len());
                }
                (b'\n' | b' ' | b'\t', Format::Text) => self.at += 1,
                _ => self.at = self.sample(sink)?,
            }
        }
        match self.format {
            Format::Text => Ok(()),
            Format::OpenMetrics => Err(LineError::malformed("# EOF", b"")),
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.page[self.at..]
    }

    fn line(&self) -> &'a [u8] {
        let rest = self.rest();
        &rest[..memchr(b'\n', rest).unwrap_or(rest.len())]
    }

    fn end_of_page(&mut self, eof: &[u8]) -> Result<(), LineError> {
        self.at = (self.at + eof.len() + 1).min(self.page.len());
        match self.rest() {
            [] => Ok(()),
            after => Err(LineError::malformed("nothing after # EOF", after)),
        }
    }

    /// Reads the sample line at the present place, which stays there for the sake of error messages; returns where the next
    /// line begins.
    fn sample<S: Sink>(&self, sink: &mut S) -> Result<usize, LineError> {
        let rest = self.rest();
        let series_len = match likely_len(rest, sink.likely()) {
            Some(len) => len,
            None => series_end(rest, self.format)?,
        };
        let (series, rest) = rest.split_at(series_len);
        let rest = self.value_start(rest)?;
        let (value, rest) = number(rest, "a number as the value")?;
        let (at_ms, rest) = match self.format {
            Format::Text => text_tail(rest)?,
            Format::OpenMetrics => openmetrics_tail(rest)?,
        };
        sink.sample(SampleLine { series: SeriesText::new(series), value, at_ms })?;
        Ok(self.page.len() - rest.len())
    }

    /// Blanks between series and value are free in the text format: after a closing brace there may be none.
    fn value_start(&self, rest: &'a [u8]) -> Result<&'a [u8], LineError> {
        match (self.format, rest.first()) {
            (Format::Text, Some(first)) if *first != b'\n' => Ok(&rest[blanks(rest)..]),
            (Format::OpenMetrics, Some(b' ')) => Ok(&rest[1..]),
            _ => Err(LineError::malformed("a space and a value", rest)),
        }
    }
}

/// The length of the series text at the beginning of `rest` if it is the likely one. A text that ends in a brace ends there
/// wherever it stands; a bare name ends only where a value follows.
fn likely_len(rest: &[u8], likely: &[u8]) -> Option<usize> {
    let last = likely.last()?;
    let after = rest.strip_prefix(likely)?;
    let ends = match after {
        _ if *last == b'}' => true,
        [b' ', next, ..] => !matches!(next, b' ' | b'\t' | b'{'),
        _ => false,
    };
    ends.then_some(likely.len())
}

fn number<'a>(rest: &'a [u8], expected: &'static str) -> Result<(f64, &'a [u8]), LineError> {
    let (value, len) =
        fast_float2::parse_partial::<f64, _>(rest).map_err(|_| LineError::malformed(expected, rest))?;
    match rest.get(len) {
        None | Some(b' ' | b'\t' | b'\n') => Ok((value, &rest[len..])),
        Some(_) => Err(LineError::malformed(expected, rest)),
    }
}

/// Timestamp in milliseconds and the newline, either of which may be missing.
fn text_tail(rest: &[u8]) -> Result<(Option<i64>, &[u8]), LineError> {
    if let [b'\n', after @ ..] = rest {
        return Ok((None, after));
    }
    let rest = &rest[blanks(rest)..];
    let (at_ms, rest) = match rest.first() {
        None | Some(b'\n') => (None, rest),
        Some(_) => {
            let (at_ms, rest) = whole_number(rest)?;
            (Some(at_ms), &rest[blanks(rest)..])
        }
    };
    match rest {
        [] => Ok((at_ms, rest)),
        [b'\n', after @ ..] => Ok((at_ms, after)),
        _ => Err(LineError::malformed("the end of the line", rest)),
    }
}

/// Timestamp in seconds, exemplar, and the newline, which must be there: `# EOF` has to follow.
fn openmetrics_tail(rest: &[u8]) -> Result<(Option<i64>, &[u8]), LineError> {
    let (mut at_ms, mut rest) = (None, rest);
    if !matches!(rest, [] | [b'\n', ..] | [b' ', b'#', ..]) {
        (at_ms, rest) = seconds(rest)?;
    }
    if let Some(exemplar) = rest.strip_prefix(b" # ") {
        let after = exemplar_labels(exemplar)?;
        let after =
            after.strip_prefix(b" ").ok_or_else(|| LineError::malformed("a space and a value", after))?;
        (_, rest) = number(after, "a number as the exemplar's value")?;
        if rest.first() == Some(&b' ') {
            (_, rest) = seconds(rest)?;
        }
    }
    let end = rest.strip_prefix(b"\n").ok_or_else(|| LineError::malformed("the end of the line", rest))?;
    Ok((at_ms, end))
}

/// A space and a timestamp in seconds, as milliseconds.
fn seconds(rest: &[u8]) -> Result<(Option<i64>, &[u8]), LineError> {
    const EXPECTED: &str = "a timestamp in seconds";
    let digits = rest.strip_prefix(b" ").ok_or_else(|| LineError::malformed(EXPECTED, rest))?;
    let (seconds, after) = number(digits, EXPECTED)?;
    let millis = (seconds * 1000.0).round();
    // Both bounds are exactly representable; 2^63 itself is not an i64.
    if !(-(2f64.powi(63))..2f64.powi(63)).contains(&millis) {
        return Err(LineError::malformed(EXPECTED, digits));
    }
    Ok((Some(millis as i64), after))
}

fn whole_number(rest: &[u8]) -> Result<(i64, &[u8]), LineError> {
    let wrong = || LineError::malformed("a timestamp in whole milliseconds", rest);
    let sign = usize::from(rest.first() == Some(&b'-'));
    let digits = rest[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, after) = rest.split_at(sign + digits);
    let number = std::str::from_utf8(number).map_err(|_| wrong())?.parse().map_err(|_| wrong())?;
    match after.first() {
        None | Some(b' ' | b'\t' | b'\n') => Ok((number, after)),
        Some(_) => Err(wrong()),
    }
}

fn blanks(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}
