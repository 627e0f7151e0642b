//! Remote write 1.0: from a pushed body to series, without I/O.
//!
//! Source: "Prometheus Remote-Write 1.0 specification" and `prompb/remote.proto`, `prompb/types.proto`.

mod message;
mod weigh;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use isobar_normalizer::{Labels, MetricMetadata, Sample, SampleRun, Timestamp};
use prost::Message;

use super::labels::{Pair, SOURCE, join};
use super::limits;
use message::{LabelPair, TimeSeries, WriteRequest};

/// How much of one request is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes after decompression. A sender's usual batch of 2,000 samples is under 1 MB.
    pub decoded: usize,
    /// Series, labels, samples and everything else counted together: a few bytes each on the wire, up to a hundred in memory.
    pub elements: usize,
    /// Limits of each series' labels; the rest of it does not apply.
    pub series: limits::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { decoded: 32 << 20, elements: 1_000_000, series: limits::Limits::default() }
    }
}

/// Why nothing of a request could be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteWriteError {
    /// Another media type or another version of the protocol.
    #[error("content type {0:?} is not supported: send application/x-protobuf, remote write 1.0")]
    ContentType(String),
    /// Not snappy.
    #[error("content encoding {0:?} is not supported: send snappy")]
    ContentEncoding(String),
    /// The compressed block is damaged.
    #[error("body is not a snappy block: {0}")]
    Snappy(String),
    /// The block declares, or the message holds, more than is taken. Nothing was allocated for it.
    #[error("body holds {declared} {what}, at most {limit} are taken")]
    TooLarge {
        /// How many there are.
        declared: usize,
        /// How many are taken.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
    /// What was decompressed is not a write request.
    #[error("body is not a write request: {0}")]
    Message(String),
}

impl RemoteWriteError {
    /// The HTTP status to answer with. None of them makes the sender try again.
    pub fn status(&self) -> u16 {
        match self {
            Self::ContentType(_) | Self::ContentEncoding(_) => 415,
            Self::TooLarge { .. } => 413,
            Self::Snappy(_) | Self::Message(_) => 400,
        }
    }
}

/// A decoded request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoteWrite {
    /// Valid series with their samples in the order they came.
    pub series: Vec<(Labels, Vec<(Timestamp, f64)>)>,
    /// What was said about metrics.
    pub metadata: Vec<MetricMetadata>,
    /// What was left out, by reason.
    pub invalid: BTreeMap<&'static str, Invalid>,
}

/// What was left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub example: String,
}

impl RemoteWrite {
    /// What was left out, in one line; `None` when everything was taken.
    pub fn complaint(&self) -> Option<String> {
        let lines: Vec<String> = self
            .invalid
            .iter()
            .map(|(reason, invalid)| format!("{} {reason} (first: {})", invalid.count, invalid.example))
            .collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }

    /// The samples as runs of a source. A series' own label `source` becomes `exported_source`, as a scraped one does.
    pub fn into_runs(self, source: &Arc<str>) -> Vec<SampleRun> {
        let own = [(SOURCE.to_owned(), source.to_string())];
        let mut samples = Vec::with_capacity(self.series.iter().map(|(_, points)| points.len()).sum());
        for (labels, points) in &self.series {
            let mut pairs: Vec<Pair<'_>> =
                labels.iter().map(|(name, value)| (name.into(), value.into())).collect();
            join(&mut pairs, &own, false);
            let labels =
                Labels::from_pairs(pairs).expect("a label set stays one when a missing name is added");
            samples.extend(points.iter().map(|(at, value)| Sample {
                labels: labels.clone(),
                at: *at,
                value: *value,
            }));
        }
        if samples.is_empty() {
            return Vec::new();
        }
        vec![SampleRun { source: source.clone(), period: Duration::ZERO, delay: Duration::ZERO, samples }]
    }

    fn leave_out(&mut self, reason: &'static str, count: u64, example: impl FnOnce() -> String) {
        let invalid = self.invalid.entry(reason).or_insert_with(|| Invalid { count: 0, example: example() });
        invalid.count += count;
    }
}

/// Decodes a request. Series that are not valid are counted and left out; the others are taken.
///
/// # Errors
/// Nothing of the request can be taken: see [`RemoteWriteError`].
pub fn decode(headers: &HeaderMap, body: &[u8], limits: &Limits) -> Result<RemoteWrite, RemoteWriteError> {
    check_headers(headers)?;
    let plain = decompress(body, limits.decoded)?;
    let elements = weigh::elements(&plain).map_err(|error| RemoteWriteError::Message(error.to_string()))?;
    if elements > limits.elements {
        let (declared, limit) = (elements, limits.elements);
        return Err(RemoteWriteError::TooLarge { declared, limit, what: "series, labels and samples" });
    }
    let request =
        WriteRequest::decode(plain).map_err(|error| RemoteWriteError::Message(error.to_string()))?;
    let mut write = RemoteWrite::default();
    for series in request.timeseries {
        take(&mut write, &series, &limits.series);
    }
    write.metadata = request.metadata.into_iter().map(MetricMetadata::from).collect();
    Ok(write)
}

fn take(write: &mut RemoteWrite, series: &TimeSeries, limits: &limits::Limits) {
    let labels = match labels(&series.labels, limits) {
        Ok(labels) => labels,
        Err((reason, example)) => return write.leave_out(reason, 1, || example),
    };
    let count = |list: usize| u64::try_from(list).unwrap_or(u64::MAX);
    if !series.histograms.is_empty() {
        let reason = "native histogram samples, which are not supported";
        write.leave_out(reason, count(series.histograms.len()), || limits::shown(&labels));
    }
    if !series.exemplars.is_empty() {
        // Exemplars are no samples: a sender loses nothing it was promised, and is not told to stop.
        metrics::counter!("isobar_remote_write_exemplars_skipped_total")
            .increment(count(series.exemplars.len()));
    }
    if !series.samples.is_empty() {
        let points = series.samples.iter();
        let points = points.map(|sample| (Timestamp::from_millis(sample.timestamp), sample.value)).collect();
        write.series.push((labels, points));
    }
}

fn labels(pairs: &[LabelPair], limits: &limits::Limits) -> Result<Labels, (&'static str, String)> {
    let lossy = || {
        let shown = |bytes: &Bytes| String::from_utf8_lossy(&bytes[..bytes.len().min(32)]).into_owned();
        let shown: Vec<String> = pairs
            .iter()
            .take(4)
            .map(|pair| format!("{}={:?}", shown(&pair.name), shown(&pair.value)))
            .collect();
        format!("{{{}}}", shown.join(", "))
    };
    let mut texts: Vec<(&str, &str)> = Vec::with_capacity(pairs.len());
    for pair in pairs {
        match (std::str::from_utf8(&pair.name), std::str::from_utf8(&pair.value)) {
            (Ok(""), Ok(_)) => return Err(("series with an empty label name", lossy())),
            (Ok(name), Ok(value)) => texts.push((name, value)),
            _ => return Err(("series with labels that are not UTF-8", lossy())),
        }
    }
    let labels = Labels::from_pairs(texts).map_err(|_| ("series with a label given twice", lossy()))?;
    if labels.name().is_none() {
        return Err(("series without a metric name", lossy()));
    }
    limits.check(&labels).map_err(|wrong| ("series beyond a label limit", wrong))?;
    Ok(labels)
}

fn check_headers(headers: &HeaderMap) -> Result<(), RemoteWriteError> {
    let text = |name| {
        headers
            .get(name)
            .map_or(String::new(), |value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let content_type = text(CONTENT_TYPE);
    let mut parts = content_type.split(';').map(str::trim);
    let protobuf =
        parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/x-protobuf"));
    let first_version = parts.all(|part| match part.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("proto") => {
            value.trim().trim_matches('"') == "prometheus.WriteRequest"
        }
        _ => true,
    });
    if !protobuf || !first_version {
        return Err(RemoteWriteError::ContentType(content_type));
    }
    let encoding = text(CONTENT_ENCODING);
    if encoding.trim().eq_ignore_ascii_case("snappy") {
        Ok(())
    } else {
        Err(RemoteWriteError::ContentEncoding(encoding))
    }
}

/// Decompresses a block whose declared length is within the limit; snappy never writes more than was declared.
fn decompress(body: &[u8], limit: usize) -> Result<Bytes, RemoteWriteError> {
    let damaged = |error: snap::Error| RemoteWriteError::Snappy(error.to_string());
    let declared = snap::raw::decompress_len(body).map_err(damaged)?;
    if declared > limit {
        return Err(RemoteWriteError::TooLarge { declared, limit, what: "bytes" });
    }
    snap::raw::Decoder::new().decompress_vec(body).map(Bytes::from).map_err(damaged)
}

#[cfg(test)]
mod tests;
