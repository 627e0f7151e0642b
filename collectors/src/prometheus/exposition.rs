//! The exposition parser: text 0.0.4 and OpenMetrics 1.0, over the page's own bytes.
//!
//! A page is read line by line without copying. Of a sample line the parser finds where the series text (name and labels)
//! ends and reads value and timestamp; the series text itself is handed over as it stands, because a steady target sends
//! the same texts every time and whoever keeps them ([`SeriesCache`]) need not read them again.

mod cache;
mod line;
mod metadata;
mod metadata_cache;
mod series;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use isobar_normalizer::Labels;

pub use cache::SeriesCache;
pub use metadata::{Metadata, MetadataKind};
pub use metadata_cache::MetadataCache;
pub use series::SeriesText;

use line::Reader;

/// The language a page is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4, and 1.0.0 which adds quoted names. Timestamps are whole milliseconds.
    /// Source: prometheus/docs, "Exposition formats".
    Text,
    /// OpenMetrics 1.0: `# EOF` ends it, single spaces, timestamps in seconds, exemplars (which are checked and left out).
    /// Source: the OpenMetrics specification 1.0.
    OpenMetrics,
}

impl Format {
    /// The format a `Content-Type` names; anything but OpenMetrics counts as text, as every exporter but the newest sends
    /// it. `None` for protobuf, which is not text at all.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            return Some(Self::OpenMetrics);
        }
        (!media_type.eq_ignore_ascii_case("application/vnd.google.protobuf")).then_some(Self::Text)
    }
}

/// One sample line.
#[derive(Clone, Copy, Debug)]
pub struct SampleLine<'a> {
    /// Name and labels, unread.
    pub series: SeriesText<'a>,
    /// The value; NaN and the infinities are legal.
    pub value: f64,
    /// The timestamp in milliseconds, where the line has one.
    pub at_ms: Option<i64>,
}

/// Takes what [`parse`] finds, in the page's order.
pub trait Sink {
    /// The series text that may well come next, or nothing. The parser compares before it searches for the text's end;
    /// it must be a text that [`SeriesText::read`] has found well-formed in the same format.
    fn likely(&self) -> &[u8] {
        b""
    }

    /// Takes a sample. It is for the sink to read a series text it does not know, and so to find it malformed.
    ///
    /// # Errors
    /// The page cannot be taken; parsing ends.
    fn sample(&mut self, line: SampleLine<'_>) -> Result<(), LineError>;

    /// Takes a `# HELP`, `# TYPE` or `# UNIT` line.
    fn metadata(&mut self, _metadata: Metadata<'_>) {}
}

/// What is wrong with one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The line is not in the format.
    #[error("expected {expected}, found {found}")]
    Malformed {
        /// What would have been right.
        expected: &'static str,
        /// What stands there, quoted and cut.
        found: String,
    },
    /// The line is well-formed and the sink does not take it; its words.
    #[error("{0}")]
    Refused(String),
}

/// Why a page could not be read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {error}")]
pub struct ExpositionError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub error: LineError,
}

/// How much of the text at fault is shown, in bytes.
const FOUND_MAX: usize = 32;

impl LineError {
    /// `expected` does not stand at the beginning of `rest`.
    pub(crate) fn malformed(expected: &'static str, rest: &[u8]) -> Self {
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let found = match line {
            [] if rest.is_empty() => "the end of the page".to_owned(),
            [] => "the end of the line".to_owned(),
            _ => format!("{:?}", String::from_utf8_lossy(&line[..line.len().min(FOUND_MAX)])),
        };
        Self::Malformed { expected, found }
    }
}

/// Reads a page into a sink. Nothing of a page that ends in an error should be kept.
///
/// # Errors
/// The first line that is malformed or that the sink refuses, and OpenMetrics without its `# EOF`.
pub fn parse<S: Sink>(page: &[u8], format: Format, sink: &mut S) -> Result<(), ExpositionError> {
    let mut reader = Reader::new(page, format);
    reader.read(sink).map_err(|error| ExpositionError { line: reader.line_number(), error })
}

/// One sample of a page that was read as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct PageSample {
    /// Name and labels.
    pub labels: Labels,
    /// The value.
    pub value: f64,
    /// The timestamp in milliseconds, where the page has one.
    pub at_ms: Option<i64>,
}

/// Reads a page, labels and all. With a cache kept from the target's page before, labels are only read where they are new.
///
/// # Errors
/// As [`parse`], and label sets that name a label twice.
pub fn read(
    page: &[u8],
    format: Format,
    cache: &mut SeriesCache<Labels>,
) -> Result<Vec<PageSample>, ExpositionError> {
    struct Page<'c> {
        cache: &'c mut SeriesCache<Labels>,
        format: Format,
        samples: Vec<PageSample>,
    }
    impl Sink for Page<'_> {
        fn likely(&self) -> &[u8] {
            self.cache.likely()
        }

        fn sample(&mut self, SampleLine { series, value, at_ms }: SampleLine<'_>) -> Result<(), LineError> {
            let labels = match self.cache.get(series.as_bytes()) {
                Some(labels) => labels.clone(),
                None => {
                    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
                    series.read(self.format, &mut pairs)?;
                    let labels =
                        Labels::from_pairs(pairs).map_err(|error| LineError::Refused(error.to_string()))?;
                    self.cache.insert(series.as_bytes(), labels.clone());
                    labels
                }
            };
            self.samples.push(PageSample { labels, value, at_ms });
            Ok(())
        }
    }
    cache.rewind();
    let mut sink = Page { samples: Vec::with_capacity(cache.len()), cache, format };
    parse(page, format, &mut sink)?;
    Ok(sink.samples)
}
