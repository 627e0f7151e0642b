//! What a target's last page said about its metrics, found again without reading it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_normalizer::{MetricMetadata, MetricType};

use super::Format;
use super::metadata::{Hash, Metadata, MetadataKind, read_hash};
use super::series::unescape;

/// How many bytes of lines are kept: some ten thousand metrics with a help text each. A page that says more about its
/// metrics than most measure is at fault.
const LINES_MAX: usize = 1 << 20;

/// The metadata lines of a target's last page and what they say. A page with the same lines is answered by comparing bytes
/// alone; lines beyond the first mebibyte are left out and counted.
#[derive(Debug)]
pub struct MetadataCache {
    format: Format,
    /// One after the other, each with its newline.
    lines: Vec<u8>,
    /// How far the present page's lines are `lines`.
    at: usize,
    /// Whether `lines` are others than `read` was made of.
    changed: bool,
    read: Arc<[MetricMetadata]>,
    refused: u64,
}

impl Default for MetadataCache {
    fn default() -> Self {
        let (lines, read) = (Vec::new(), Arc::default());
        Self { format: Format::Text, lines, at: 0, changed: false, read, refused: 0 }
    }
}

impl MetadataCache {
    /// A new page begins. What a page left behind that was not read to its end is compared with the next one like any other.
    pub fn begin(&mut self, format: Format) {
        if self.format != format {
            self.format = format;
            self.lines.clear();
            self.changed = true;
        }
        (self.at, self.refused) = (0, 0);
    }

    /// Takes the page's next metadata line, its newline cut.
    pub fn take(&mut self, line: &[u8]) {
        let end = self.at + line.len() + 1;
        if end > LINES_MAX {
            self.refused += 1;
            return;
        }
        let known = self.lines[self.at..].strip_prefix(line).is_some_and(|rest| rest.first() == Some(&b'\n'));
        if !known {
            self.lines.truncate(self.at);
            self.lines.extend_from_slice(line);
            self.lines.push(b'\n');
            self.changed = true;
        }
        self.at = end;
    }

    /// The page is at its end; returns what it says, one entry a metric, by name. Nothing is read or allocated when its
    /// lines are those of the page before: then it is the same `Arc`.
    pub fn end(&mut self) -> Arc<[MetricMetadata]> {
        if self.at < self.lines.len() {
            self.lines.truncate(self.at);
            self.changed = true;
        }
        if std::mem::take(&mut self.changed) {
            self.read = read(&self.lines, self.format);
        }
        self.read.clone()
    }

    /// How many lines of the page were left out.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

/// Where a page says something twice, the last word holds, as in Prometheus.
fn read(lines: &[u8], format: Format) -> Arc<[MetricMetadata]> {
    let mut read: BTreeMap<&str, MetricMetadata> = BTreeMap::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        // Every line was read before it was kept.
        let Ok(Hash::Metadata(Metadata { name, kind, text, .. })) = read_hash(line, format) else { continue };
        let entry = read.entry(name).or_insert_with(|| MetricMetadata {
            name: name.to_owned(),
            kind: MetricType::Unknown,
            help: String::new(),
            unit: String::new(),
        });
        match kind {
            MetadataKind::Help => entry.help = help(text, format),
            // The text format's one word that OpenMetrics has not is `untyped`.
            MetadataKind::Type => entry.kind = text.parse().unwrap_or(MetricType::Unknown),
            MetadataKind::Unit => text.clone_into(&mut entry.unit),
        }
    }
    read.into_values().collect()
}

/// A help text without its escapes; the text format has none for the quote.
fn help(text: &str, format: Format) -> String {
    let escaped: &[char] = match format {
        Format::Text => &['\\', 'n'],
        Format::OpenMetrics => &['\\', '"', 'n'],
    };
    unescape(Cow::Borrowed(text), escaped).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::{LineError, SampleLine, Sink, parse};
    use super::*;

    struct Lines<'c>(&'c mut MetadataCache);

    impl Sink for Lines<'_> {
        fn sample(&mut self, _: SampleLine<'_>) -> Result<(), LineError> {
            Ok(())
        }
        fn metadata(&mut self, metadata: Metadata<'_>) {
            self.0.take(metadata.line);
        }
    }

    fn page(cache: &mut MetadataCache, format: Format, page: &str) -> Arc<[MetricMetadata]> {
        cache.begin(format);
        parse(page.as_bytes(), format, &mut Lines(cache)).expect(page);
        cache.end()
    }

    fn check(format: Format, text: &str, expected: &[(&str, &str, &str, &str)]) {
        let found = page(&mut MetadataCache::default(), format, text);
        let shown: Vec<_> = found
            .iter()
            .map(|one| (one.name.as_str(), one.kind.as_str(), one.help.as_str(), one.unit.as_str()))
            .collect();
        assert_eq!(shown, expected, "{text:?}");
    }

    #[test]
    fn lines_become_one_entry_a_metric() {
        check(
            Format::Text,
            "# HELP b Two\\nlines, a \\\\ and \\\"quotes\\\".\n# TYPE b counter\nb 1\n# TYPE a untyped\na 1\n# c\n",
            &[("a", "unknown", "", ""), ("b", "counter", "Two\nlines, a \\ and \\\"quotes\\\".", "")],
        );
        check(
            Format::Text,
            "# HELP a one\n# HELP a  two \n# HELP b\n",
            &[("a", "unknown", " two ", ""), ("b", "unknown", "", "")],
        );
        check(
            Format::OpenMetrics,
            "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n# HELP a_seconds \\\"It\\\"\n# TYPE b stateset\n# EOF\n",
            &[("a_seconds", "gauge", "\"It\"", "seconds"), ("b", "stateset", "", "")],
        );
        check(Format::Text, "# TYPE \"dotted.name\" gauge\n", &[("dotted.name", "gauge", "", "")]);
    }

    #[test]
    fn the_same_lines_are_not_read_again() {
        let mut cache = MetadataCache::default();
        let first = page(&mut cache, Format::Text, "# TYPE a gauge\na 1\n# HELP b B\n");
        let same = page(&mut cache, Format::Text, "# a comment\n# TYPE a gauge\na 2\n# HELP b B\nb 1\n");
        assert!(Arc::ptr_eq(&first, &same));
        for (other, left) in [("# TYPE a gauge\n", 1), ("# TYPE a counter\n# HELP b B\n", 2), ("", 0)] {
            let before = page(&mut cache, Format::Text, "# TYPE a gauge\n# HELP b B\n");
            assert_eq!(before, first);
            let after = page(&mut cache, Format::Text, other);
            assert!(!Arc::ptr_eq(&before, &after), "{other:?}");
            assert_eq!(after.len(), left, "{other:?}");
        }
        // The same bytes mean something else in the other format.
        let text = page(&mut cache, Format::Text, "# HELP a \\\"\n");
        let openmetrics = page(&mut cache, Format::OpenMetrics, "# HELP a \\\"\n# EOF\n");
        assert_eq!((text[0].help.as_str(), openmetrics[0].help.as_str()), ("\\\"", "\""));
    }

    #[test]
    fn a_page_that_breaks_off_hides_no_change() {
        let mut cache = MetadataCache::default();
        let first = page(&mut cache, Format::Text, "# TYPE a gauge\n# TYPE b gauge\n");
        cache.begin(Format::Text);
        assert!(parse(b"# TYPE a counter\nbroken\n", Format::Text, &mut Lines(&mut cache)).is_err());
        let next = page(&mut cache, Format::Text, "# TYPE a counter\n");
        assert_eq!((first.len(), next.len(), next[0].kind), (2, 1, MetricType::Counter));
    }

    #[test]
    fn what_is_too_much_is_left_out_and_counted() {
        let mut cache = MetadataCache::default();
        let long = format!("# HELP long {}\n", "x".repeat(LINES_MAX));
        let text = format!("# HELP a A\n{long}# HELP b B\n");
        let first = page(&mut cache, Format::Text, &text);
        assert_eq!((first.len(), cache.refused()), (2, 1));
        assert!(Arc::ptr_eq(&first, &page(&mut cache, Format::Text, &text)), "a steady page stays steady");
        assert_eq!(cache.refused(), 1);
    }
}
