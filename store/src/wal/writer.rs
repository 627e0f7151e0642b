//! Writes one shard's samples into its segments.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::contract::Contract;
use crate::directory;
use crate::error::{AppendError, FileError, is_full};

use super::codec::{SampleEncoder, put_definitions};
use super::commit::GroupCommit;
use super::frame::FrameBuffer;

/// A sample that passed every check and is to be logged, then applied.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// Index into the contracts handed over with it.
    pub contract: u32,
    /// Its series' slot in the head.
    pub slot: u32,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// The value.
    pub value: f64,
}

/// What a segment on disk still holds that no block does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its size.
    pub bytes: u64,
    /// Indices of the spans that its samples outside blocks fall into.
    pub spans: BTreeSet<i64>,
}

/// The log of one shard: closed segments, and the one being written.
#[derive(Debug)]
pub struct ShardWriter {
    folder: PathBuf,
    segment_bytes: u64,
    span_ms: i64,
    segments: BTreeMap<u64, SegmentInfo>,
    next_segment: u64,
    open: Option<OpenSegment>,
    /// For each slot of the head, where its series was last defined.
    defined: Vec<Defined>,
    frames: FrameBuffer,
    commit: Arc<GroupCommit>,
}

#[derive(Debug)]
struct OpenSegment {
    number: u64,
    file: Arc<File>,
    length: u64,
    next_reference: u32,
}

/// Segments count from 1, so that the default stands for "in none".
#[derive(Clone, Copy, Debug, Default)]
struct Defined {
    segment: u64,
    reference: u32,
}

impl ShardWriter {
    /// Goes on after the segments found at start; the first write begins a new one.
    pub fn new(
        folder: PathBuf,
        segment_bytes: u64,
        span_ms: i64,
        segments: BTreeMap<u64, SegmentInfo>,
        covered: u64,
        commit: Arc<GroupCommit>,
    ) -> Self {
        let last = segments.last_key_value().map_or(0, |(number, _)| *number);
        Self {
            folder,
            segment_bytes,
            span_ms,
            segments,
            // Never a number that a block says it covers, even when all segments are gone.
            next_segment: last.max(covered) + 1,
            open: None,
            defined: Vec::new(),
            frames: FrameBuffer::default(),
            commit,
        }
    }

    /// Writes the samples to the operating system: after this they survive the death of the process.
    ///
    /// `labels` gives the packed labels of a slot. Nothing of the batch counts as written when this fails.
    pub fn append<'a>(
        &mut self,
        contracts: &[Contract],
        accepted: &[Accepted],
        labels: impl Fn(u32) -> &'a [u8],
    ) -> Result<(), AppendError> {
        if accepted.is_empty() {
            return Ok(());
        }
        if self.open.as_ref().is_some_and(|open| open.length >= self.segment_bytes) {
            self.open = None;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin_segment()?,
        };
        self.frames.restart(open.number, open.length);
        let fresh = self.define(&mut open, accepted);
        let definitions = || fresh.iter().map(|(slot, reference)| (*reference, labels(*slot)));
        put_definitions(&mut self.frames, definitions());
        let mut encoder = SampleEncoder::new(&mut self.frames);
        let mut previous = accepted[0].contract;
        for sample in accepted {
            if sample.contract != previous {
                encoder.end_section();
                previous = sample.contract;
            }
            let reference = self.defined[sample.slot as usize].reference;
            encoder.put(&contracts[sample.contract as usize], reference, sample.at, sample.value);
        }
        encoder.finish();
        put_definitions(&mut self.frames, definitions());

        let written = open.file.write_all_at(&self.frames.bytes, open.length);
        if let Err(error) = written {
            // What got through is cut off again. If even that fails the segment is left as it is, for the reader to
            // find a torn record in, and the next write begins another.
            if open.file.set_len(open.length).is_ok() {
                for (slot, _) in &fresh {
                    self.defined[*slot as usize] = Defined::default();
                }
                self.open = Some(open);
            }
            return Err(write_error(error, &self.folder));
        }
        let bytes = self.frames.bytes.len() as u64;
        open.length += bytes;
        self.commit.wrote(&open.file, bytes);
        self.note_spans(open.number, open.length, accepted);
        self.open = Some(open);
        Ok(())
    }

    /// Gives every slot without one a reference in the open segment, and lists those.
    fn define(&mut self, open: &mut OpenSegment, accepted: &[Accepted]) -> Vec<(u32, u32)> {
        let mut fresh = Vec::new();
        for sample in accepted {
            let slot = sample.slot as usize;
            if slot >= self.defined.len() {
                self.defined.resize(slot + 1, Defined::default());
            }
            if self.defined[slot].segment != open.number {
                self.defined[slot] = Defined { segment: open.number, reference: open.next_reference };
                fresh.push((sample.slot, open.next_reference));
                open.next_reference += 1;
            }
        }
        fresh
    }

    fn note_spans(&mut self, number: u64, length: u64, accepted: &[Accepted]) {
        let info = self.segments.entry(number).or_default();
        info.bytes = length;
        let mut last = None;
        for sample in accepted {
            let span = sample.at.div_euclid(self.span_ms);
            if last != Some(span) {
                info.spans.insert(span);
                last = Some(span);
            }
        }
    }

    fn begin_segment(&mut self) -> Result<OpenSegment, AppendError> {
        let number = self.next_segment;
        let path = segment_path(&self.folder, number);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(|error| write_error(error, &path))?;
        directory::sync(&self.folder)?;
        self.next_segment += 1;
        self.segments.insert(number, SegmentInfo::default());
        Ok(OpenSegment { number, file: Arc::new(file), length: 0, next_reference: 0 })
    }

    /// Closes the open segment and returns the number of the last one: everything written so far is in it or before.
    pub fn roll(&mut self) -> u64 {
        self.open = None;
        self.next_segment - 1
    }

    /// The series in this slot is no more; the next one there is defined anew.
    pub fn forget_slot(&mut self, slot: u32) {
        if let Some(defined) = self.defined.get_mut(slot as usize) {
            *defined = Defined::default();
        }
    }

    /// Tells that samples before `boundary` in segments up to `through` are in blocks (or past retention), and removes
    /// segments that hold nothing else. Returns how many went.
    pub fn covered(&mut self, through: u64, boundary: i64) -> Result<usize, FileError> {
        let open = self.open.as_ref().map(|open| open.number);
        let mut removed = Vec::new();
        for (number, info) in self.segments.range_mut(..=through) {
            info.spans.retain(|span| span.saturating_add(1).saturating_mul(self.span_ms) > boundary);
            if info.spans.is_empty() && Some(*number) != open {
                removed.push(*number);
            }
        }
        for number in &removed {
            let path = segment_path(&self.folder, *number);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(FileError::at("removing", &path)(error));
                }
                _ => self.segments.remove(number),
            };
        }
        Ok(removed.len())
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.segments.values().map(|info| info.bytes).sum()
    }

    /// The number of the oldest segment there is.
    pub fn first_segment(&self) -> Option<u64> {
        self.segments.first_key_value().map(|(number, _)| *number)
    }

    /// How many segments there are.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }
}

fn write_error(error: std::io::Error, path: &Path) -> AppendError {
    if is_full(&error) { AppendError::DiskFull } else { FileError::at("writing", path)(error).into() }
}

/// Where a segment lies: its number, in decimal.
pub fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:010}"))
}
