//! Reads one shard's segments back at start, and mends what is damaged.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isobar_normalizer::Labels;

use crate::contract::Contract;
use crate::directory;
use crate::error::FileError;

use super::codec::{self, SectionHead, Sink, Wanted};
use super::frame::{Piece, Scan};
use super::writer::SegmentInfo;

/// Takes what is read back.
pub trait Replay {
    /// The series of these labels, by a number of the taker's choice.
    fn series(&mut self, labels: Labels) -> u32;
    /// A sample of that series.
    fn sample(&mut self, series: u32, contract: &Contract, at: i64, value: f64);
}

/// What was found in a shard's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Samples handed over.
    pub samples: u64,
    /// Segments left, with the spans of the samples handed over.
    pub segments: BTreeMap<u64, SegmentInfo>,
    /// Records that could not be read.
    pub damaged_records: u64,
    /// Bytes kept aside for them.
    pub damaged_bytes: u64,
    /// Bytes of records whose end was never written.
    pub torn_bytes: u64,
}

/// Up to which segment each stretch of time is in blocks, for one shard.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Where stretches begin, ascending; before the first nothing is covered.
    bounds: Vec<i64>,
    through: Vec<u64>,
}

impl Coverage {
    /// From `(start, end, last segment)` of each block; everything before `horizon` counts as covered for good.
    pub fn new(blocks: &[(i64, i64, u64)], horizon: i64) -> Self {
        let mut bounds: Vec<i64> = blocks.iter().flat_map(|(start, end, _)| [*start, *end]).collect();
        bounds.extend([i64::MIN, horizon]);
        bounds.sort_unstable();
        bounds.dedup();
        let inside = |at: i64| blocks.iter().filter(move |(start, end, _)| *start <= at && at < *end);
        let through =
            bounds
                .iter()
                .map(|at| {
                    if *at < horizon { u64::MAX } else { inside(*at).map(|block| block.2).max().unwrap_or(0) }
                })
                .collect();
        Self { bounds, through }
    }

    /// The stretch around `at`, half-open, and the last segment whose samples in it are in blocks.
    fn around(&self, at: i64) -> (Range<i64>, u64) {
        let after = self.bounds.partition_point(|bound| *bound <= at);
        let end = self.bounds.get(after).copied().unwrap_or(i64::MAX);
        (self.bounds[after - 1]..end, self.through[after - 1])
    }
}

/// Reads every segment in the shard's folder in order. Samples that `coverage` says are in blocks are passed by.
///
/// Bytes of damaged records are copied into `damaged` and then blanked, so that the next start finds a clean segment;
/// a torn tail is cut off. Neither is an error.
pub fn replay(
    folder: &Path,
    damaged: &Path,
    span_ms: i64,
    coverage: &Coverage,
    taker: &mut impl Replay,
) -> Result<Found, FileError> {
    let mut found = Found::default();
    let mut sources = HashMap::new();
    for (number, path) in segments_in(folder)? {
        let bytes = fs::read(&path).map_err(FileError::at("reading", &path))?;
        let mut sink = SegmentSink {
            number,
            span_ms,
            coverage,
            stretch: (0..0, 0),
            span: (0..0, 0),
            info: SegmentInfo::default(),
            series: Vec::new(),
            packed: Vec::new(),
            contract: None,
            sources: &mut sources,
            samples: 0,
            unknown: 0,
            taker,
        };
        let mut bad = Vec::new();
        let mut torn = None;
        let pieces: Vec<Piece<'_>> = Scan::new(&bytes, number).collect();
        for piece in &pieces {
            if let Piece::Record(payload) = piece {
                // What does not decode is reported below, once.
                codec::read(payload, Wanted::Definitions, &mut sink);
            }
        }
        for piece in pieces {
            match piece {
                Piece::Record(payload) => {
                    if codec::read(payload, Wanted::Samples, &mut sink).is_none() {
                        tracing::warn!(segment = %path.display(), "a record of unknown form was passed by");
                        found.damaged_records += 1;
                    }
                }
                Piece::Damaged(range, records) => {
                    found.damaged_records += records;
                    found.damaged_bytes += range.len() as u64;
                    bad.push(range);
                }
                Piece::Torn(range) => torn = Some(range),
            }
        }
        if sink.unknown > 0 {
            tracing::warn!(segment = %path.display(), samples = sink.unknown, "samples of undefined series were lost");
        }
        found.samples += sink.samples;
        let mut info = sink.info;
        info.bytes = torn.as_ref().map_or(bytes.len(), |range| range.start) as u64;
        found.segments.insert(number, info);
        found.torn_bytes += torn.as_ref().map_or(0, |range| range.len() as u64);
        if let Err(error) = mend(&path, damaged, &bytes, &bad, torn.as_ref()) {
            tracing::warn!(segment = %path.display(), %error, "a damaged segment stays as it is");
        }
    }
    Ok(found)
}

/// The segments of a folder by number; other files are left alone.
fn segments_in(folder: &Path) -> Result<BTreeMap<u64, PathBuf>, FileError> {
    let entries = fs::read_dir(folder).map_err(FileError::at("listing", folder))?;
    let mut segments = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(FileError::at("listing", folder))?.path();
        let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        if let Some(number) = number {
            segments.insert(number, path);
        }
    }
    Ok(segments)
}

fn mend(
    path: &Path,
    damaged: &Path,
    bytes: &[u8],
    bad: &[Range<usize>],
    torn: Option<&Range<usize>>,
) -> Result<(), FileError> {
    if bad.is_empty() && torn.is_none() {
        return Ok(());
    }
    let shard = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    let segment = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    for range in bad {
        let kept = damaged.join(format!("{shard}-{segment}-{}", range.start));
        directory::write_durably(&kept, &bytes[range.clone()])?;
    }
    let file = OpenOptions::new().write(true).open(path).map_err(FileError::at("opening", path))?;
    rewrite(&file, bad, torn).map_err(FileError::at("mending", path))
}

fn rewrite(file: &File, bad: &[Range<usize>], torn: Option<&Range<usize>>) -> std::io::Result<()> {
    for range in bad {
        file.write_all_at(&vec![0; range.len()], range.start as u64)?;
    }
    if let Some(range) = torn {
        file.set_len(range.start as u64)?;
    }
    file.sync_all()
}

/// Takes one segment's records.
struct SegmentSink<'a, T> {
    number: u64,
    span_ms: i64,
    coverage: &'a Coverage,
    /// The stretch of the last sample and up to which segment it is covered.
    stretch: (Range<i64>, u64),
    /// The span of the last sample.
    span: (Range<i64>, i64),
    info: SegmentInfo,
    /// The taker's numbers by reference, made when a series' first sample is handed over.
    series: Vec<Option<u32>>,
    packed: Vec<Option<Box<[u8]>>>,
    contract: Option<Contract>,
    sources: &'a mut HashMap<Box<str>, Arc<str>>,
    samples: u64,
    unknown: u64,
    taker: &'a mut T,
}

/// References are counted up from zero, and a segment of the largest size holds fewer definitions than this.
const REFERENCES_MAX: u32 = 1 << 28;

impl<T: Replay> SegmentSink<'_, T> {
    fn series_of(&mut self, reference: u32) -> Option<u32> {
        let index = reference as usize;
        if let Some(Some(series)) = self.series.get(index) {
            return Some(*series);
        }
        let labels = Labels::from_packed(self.packed.get(index)?.as_deref()?)?;
        let series = self.taker.series(labels);
        if self.series.len() < self.packed.len() {
            self.series.resize(self.packed.len(), None);
        }
        self.series[index] = Some(series);
        Some(series)
    }
}

impl<T: Replay> Sink for SegmentSink<'_, T> {
    fn definition(&mut self, reference: u32, packed: &[u8]) {
        if reference >= REFERENCES_MAX {
            return;
        }
        let index = reference as usize;
        if index >= self.packed.len() {
            self.packed.resize(index + 1, None);
        }
        self.packed[index].get_or_insert_with(|| packed.into());
    }

    fn section(&mut self, head: SectionHead<'_>) {
        let source = match self.sources.get(head.source) {
            Some(source) => source.clone(),
            None => {
                let source: Arc<str> = head.source.into();
                self.sources.insert(head.source.into(), source.clone());
                source
            }
        };
        self.contract = Some(Contract { source, period_ms: head.period_ms, delay_ms: head.delay_ms });
    }

    #[inline]
    fn sample(&mut self, reference: u32, at: i64, value: f64) {
        if !self.stretch.0.contains(&at) {
            self.stretch = self.coverage.around(at);
        }
        if self.number <= self.stretch.1 {
            return;
        }
        if !self.span.0.contains(&at) {
            let span = at.div_euclid(self.span_ms);
            let start = span.saturating_mul(self.span_ms);
            self.span = (start..start.saturating_add(self.span_ms), span);
            self.info.spans.insert(span);
        }
        let Some(series) = self.series_of(reference) else {
            self.unknown += 1;
            return;
        };
        let Some(contract) = &self.contract else { return };
        self.taker.sample(series, contract, at, value);
        self.samples += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_covered_up_to_its_newest_block() {
        let coverage = Coverage::new(&[(0, 100, 3), (100, 200, 5), (0, 100, 7)], -50);
        for (at, expected) in [(-60, u64::MAX), (-50, 0), (0, 7), (99, 7), (100, 5), (199, 5), (200, 0)] {
            let (stretch, through) = coverage.around(at);
            assert_eq!(through, expected, "at {at}");
            assert!(stretch.contains(&at), "at {at} in {stretch:?}");
        }
    }
}
