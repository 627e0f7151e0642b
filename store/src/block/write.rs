//! Writes a block.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use isobar_normalizer::Labels;
use parquet::errors::ParquetError;

use super::checksum::{self, Checksums};
use super::columns::{SampleRows, SeriesRows};
use super::{Block, FORMAT, META, Meta, SAMPLES, SERIES, day_of, folder_name};
use crate::contract::Contract;
use crate::directory::{self, TENANT};
use crate::error::{FileError, is_full};
use crate::head::{FrozenSeries, read_chunks};

/// Why a block was not written. Nothing of it is left.
#[derive(Debug)]
pub enum WriteError {
    /// There is no room.
    Full,
    /// A file could not be written.
    File(FileError),
    /// The encoder refused.
    Encode(String),
}

impl From<FileError> for WriteError {
    fn from(error: FileError) -> Self {
        if is_full(&error.source) { Self::Full } else { Self::File(error) }
    }
}

impl From<ParquetError> for WriteError {
    fn from(error: ParquetError) -> Self {
        if let ParquetError::External(inner) = &error
            && let Some(inner) = inner.downcast_ref::<io::Error>()
            && is_full(inner)
        {
            return Self::Full;
        }
        Self::Encode(error.to_string())
    }
}

impl From<arrow::error::ArrowError> for WriteError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Encode(error.to_string())
    }
}

/// What is decided about a block before it is written.
#[derive(Debug)]
pub struct NewBlock {
    /// See [`Meta::seq`].
    pub seq: u64,
    /// See [`Meta::start_ms`].
    pub start_ms: i64,
    /// See [`Meta::end_ms`].
    pub end_ms: i64,
    /// See [`Meta::through`].
    pub through: Vec<u64>,
    /// See [`Meta::replaces`].
    pub replaces: Vec<u64>,
}

/// Writes the samples inside the span and publishes the block; `None` when there are none. Where a series comes twice,
/// the later one wins.
pub fn write<'a>(
    blocks: &Path,
    new: NewBlock,
    series: impl Iterator<Item = &'a FrozenSeries>,
) -> Result<Option<Block>, WriteError> {
    let mut sorted: Vec<&FrozenSeries> = series.collect();
    sorted.sort_by_cached_key(|series| order(&series.labels));
    let mut draft = Draft::begin(blocks, new.seq)?;
    for same in sorted.chunk_by(|a, b| a.labels == b.labels) {
        let (times, values) = inside(same, new.start_ms, new.end_ms - 1);
        let mut periods = same[0].periods.clone();
        same[1..].iter().for_each(|newer| periods.extend(&newer.periods));
        let newest = same[same.len() - 1];
        let rows = times.into_iter().zip(values).map(|(at, value)| (at, periods.at(at), value));
        draft.push(&newest.labels, &newest.contract, rows)?;
    }
    draft.publish(new)
}

/// By which the series of a block are sorted: name, then labels.
pub fn order(labels: &Labels) -> (String, Vec<u8>) {
    (labels.name().unwrap_or_default().to_owned(), labels.packed().to_vec())
}

/// A block being written, in a folder that is removed unless it is published.
#[derive(Debug)]
pub struct Draft {
    blocks: PathBuf,
    staged: PathBuf,
    samples: SampleRows,
    series: SeriesRows,
    first_ms: i64,
    last_ms: i64,
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.staged)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.staged.display(), %error, "an unfinished block could not be removed");
        }
    }
}

impl Draft {
    /// Begins a block of this sequence below `blocks/tmp/`.
    pub fn begin(blocks: &Path, seq: u64) -> Result<Self, WriteError> {
        let staged = blocks.join("tmp").join(seq.to_string());
        directory::make(&staged)?;
        let samples = SampleRows::create(&staged.join(SAMPLES))?;
        let series = SeriesRows::new();
        Ok(Self { blocks: blocks.to_owned(), staged, samples, series, first_ms: i64::MAX, last_ms: i64::MIN })
    }

    /// Adds a series with `(time, period, value)` in ascending time. Series come in their [`order`], each once; one
    /// without samples is left out.
    pub fn push(
        &mut self,
        labels: &Labels,
        contract: &Contract,
        samples: impl Iterator<Item = (i64, u32, f64)>,
    ) -> Result<(), WriteError> {
        let first_row = self.samples.rows();
        let (mut first, mut last) = (None, None);
        for (at, period_ms, value) in samples {
            self.samples.push(self.series.count(), at, period_ms, value)?;
            first = first.or(Some(at));
            last = Some(at);
        }
        let (Some(first), Some(last)) = (first, last) else { return Ok(()) };
        self.first_ms = self.first_ms.min(first);
        self.last_ms = self.last_ms.max(last);
        self.series.push(labels, contract, (first, last), first_row..self.samples.rows())
    }

    /// Forces everything to disk and moves the folder to its place; `None` when there are no samples.
    pub fn publish(mut self, new: NewBlock) -> Result<Option<Block>, WriteError> {
        let (series, samples) = (self.series.count(), self.samples.rows());
        if series == 0 {
            return Ok(None);
        }
        let sample_file = self.samples.finish()?;
        let series_file = self.series.finish(&self.staged.join(SERIES))?;
        let meta = Meta {
            format: FORMAT,
            seq: new.seq,
            start_ms: new.start_ms,
            end_ms: new.end_ms,
            first_ms: self.first_ms,
            last_ms: self.last_ms,
            through: new.through,
            replaces: new.replaces,
            series: series.into(),
            samples,
            bytes: sample_file.bytes + series_file.bytes,
        };
        let text = serde_json::to_vec_pretty(&meta).map_err(|error| WriteError::Encode(error.to_string()))?;
        let mut checksums = Checksums::default();
        checksums.add(SAMPLES, sample_file.checksums);
        checksums.add(SERIES, series_file.checksums);
        checksums.add(META, checksum::of_bytes(&text));
        let (name, sums) = checksums.file();
        directory::write_durably(&self.staged.join(name), &sums)?;
        directory::write_durably(&self.staged.join(META), &text)?;

        let tenant = self.blocks.join(TENANT);
        let day = tenant.join(day_of(meta.start_ms));
        directory::make(&day)?;
        let folder = day.join(folder_name(meta.seq));
        fs::rename(&self.staged, &folder).map_err(FileError::at("renaming", &self.staged))?;
        for parent in [&day, &tenant, &self.blocks] {
            directory::sync(parent)?;
        }
        Ok(Some(Block::new(meta, folder, checksums)))
    }
}

/// The samples of one series, frozen in one or more parts, inside `[start, end]`.
fn inside(parts: &[&FrozenSeries], start: i64, end: i64) -> (Vec<i64>, Vec<f64>) {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    if let [only] = parts {
        read_chunks(&only.chunks, start, end, &mut times, &mut values);
        return (times, values);
    }
    let mut last_writes = std::collections::BTreeMap::new();
    for part in parts {
        read_chunks(&part.chunks, start, end, &mut times, &mut values);
        last_writes.extend(times.drain(..).zip(values.drain(..)));
    }
    last_writes.into_iter().unzip()
}
