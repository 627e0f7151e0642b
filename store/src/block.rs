//! Blocks: the samples of one span of time in Parquet files that never change.
//!
//! A block is a folder `blocks/<tenant>/<yyyy-mm-dd>/<sequence>/` with
//! - `samples.parquet`: `series_id` (UInt32, counted inside the block), `ts` (milliseconds, UTC), `period_ms` (UInt32),
//!   `value` (Float64); sorted by series, then time;
//! - `series.parquet`: `series_id`, `name`, `labels` (map of all labels), `source`, `period_ms`, `delay_ms`, `first_ts`,
//!   `last_ts`, `first_row`, `rows`; sorted by name, then labels;
//! - `meta.json`: what [`Meta`] says;
//! - `checksums.json`: what [`Checksums`] says of the three.
//!
//! It is written under `blocks/tmp/`, forced to disk, and renamed into place: a block is there whole or not at all. It
//! leaves the same way.
//!
//! A block that turns out to be damaged stays where it is, with a file `damaged` in it that says why; what can be read
//! of it is.

mod checksum;
mod columns;
mod damage;
mod file;
mod index;
mod merge;
mod read;
mod write;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use isobar_normalizer::Timestamp;

use crate::directory::{self, TENANT};
use crate::error::FileError;

use checksum::Checksums;
pub use damage::{Unopened, remove};
pub use index::IndexCache;
pub use merge::{Merged, merge};
pub use write::{Draft, NewBlock, WriteError, write};

/// The version of the layout above.
const FORMAT: u32 = 1;

const META: &str = "meta.json";
const SAMPLES: &str = "samples.parquet";
const SERIES: &str = "series.parquet";

/// What `meta.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// The version of the layout.
    pub format: u32,
    /// Counts blocks in the order they were written; in an overlap the higher one wins.
    pub seq: u64,
    /// Start of its span, included.
    pub start_ms: i64,
    /// End of its span, excluded.
    pub end_ms: i64,
    /// Time of its first sample.
    pub first_ms: i64,
    /// Time of its last sample.
    pub last_ms: i64,
    /// For each shard the last log segment whose samples of this span are in this block or an earlier one.
    pub through: Vec<u64>,
    /// Blocks whose samples are all in this one: where they are still there, they are to go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<u64>,
    /// How many series it holds.
    pub series: u64,
    /// How many samples.
    pub samples: u64,
    /// Bytes of its Parquet files.
    pub bytes: u64,
}

/// One block on disk.
#[derive(Debug)]
pub struct Block {
    /// What it holds.
    pub meta: Meta,
    folder: PathBuf,
    checksums: Checksums,
    is_leaving: AtomicBool,
    is_damaged: AtomicBool,
}

impl Block {
    fn new(meta: Meta, folder: PathBuf, checksums: Checksums) -> Self {
        let (is_leaving, is_damaged) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { meta, folder, checksums, is_leaving, is_damaged }
    }

    /// Its files go with the last one who still reads it.
    pub fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }

    /// How people are told of it: tenant, day and sequence.
    pub fn name(&self) -> String {
        damage::name_of(&self.folder)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.is_leaving.load(Ordering::Relaxed)
            && let Err(error) = remove(&self.folder)
        {
            tracing::warn!(block = %self.folder.display(), %error, "a block could not be removed");
        }
    }
}

/// Puts blocks into the order they are read in: that of their time, but one that overlaps another comes after it when its
/// sequence is higher. Later ones win, and what they say about a series is newer.
pub fn arrange(blocks: &mut [Arc<Block>]) {
    arrange_by(blocks, |block| (block.meta.seq, block.meta.start_ms, block.meta.end_ms));
}

fn arrange_by<T>(blocks: &mut [T], extent: impl Fn(&T) -> (u64, i64, i64)) {
    blocks.sort_by_key(|block| extent(block).0);
    for index in 1..blocks.len() {
        for place in (1..=index).rev() {
            let ((_, start, _), (_, _, end)) = (extent(&blocks[place - 1]), extent(&blocks[place]));
            if end > start {
                break;
            }
            blocks.swap(place - 1, place);
        }
    }
}

/// What lies below `blocks/`.
#[derive(Debug, Default)]
pub struct Found {
    /// Readable blocks, by sequence.
    pub blocks: Vec<Block>,
    /// Folders that are none.
    pub unopened: Vec<Unopened>,
    /// The highest sequence any folder has, readable or not.
    pub last_seq: u64,
}

/// Finds all blocks, none longer than `span_max_ms`. Removes what was being written, or was leaving, when the process
/// ended.
pub fn open_all(blocks: &Path, shards: usize, span_max_ms: i64) -> Result<Found, FileError> {
    let unfinished = blocks.join("tmp");
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(FileError::at("removing", &unfinished)(error));
        }
        _ => {}
    }
    let tenant = blocks.join(TENANT);
    directory::make(&tenant)?;
    let mut found = Found::default();
    for day in folders_in(&tenant)? {
        let folders = folders_in(&day)?;
        if folders.is_empty() {
            // All its blocks expired. A folder that holds something else stays.
            let _ = fs::remove_dir(&day);
        }
        for folder in folders {
            let seq = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            found.last_seq = found.last_seq.max(seq.unwrap_or(0));
            match open(&folder, shards) {
                Ok((meta, checksums)) => {
                    let block = Block::new(meta, folder, checksums);
                    block.take_up_damage();
                    found.blocks.push(block);
                }
                Err(reason) => {
                    tracing::error!(block = %folder.display(), reason, "a block cannot be opened");
                    found.unopened.push(Unopened::new(folder, span_max_ms, reason));
                }
            }
        }
    }
    found.blocks.sort_by_key(|block| block.meta.seq);
    let replaced: HashSet<u64> =
        found.blocks.iter().flat_map(|block| block.meta.replaces.iter().copied()).collect();
    for block in found.blocks.extract_if(.., |block| replaced.contains(&block.meta.seq)) {
        block.leave();
    }
    Ok(found)
}

fn open(folder: &Path, shards: usize) -> Result<(Meta, Checksums), String> {
    let text = fs::read(folder.join(META)).map_err(|error| format!("{META}: {error}"))?;
    let checksums = Checksums::read(folder)?;
    checksums.check(META, &text)?;
    let meta: Meta = serde_json::from_slice(&text).map_err(|error| format!("{META}: {error}"))?;
    if meta.format != FORMAT || meta.through.len() != shards {
        return Err(format!("{META}: format {} with {} shards is unknown", meta.format, meta.through.len()));
    }
    let times = [meta.start_ms, meta.first_ms, meta.last_ms, meta.end_ms.saturating_sub(1)];
    if !times.is_sorted() {
        return Err(format!("{META}: times are not in order"));
    }
    let place = Path::new(&day_of(meta.start_ms)).join(folder_name(meta.seq));
    if !folder.ends_with(&place) {
        return Err(format!("{META}: it belongs into {}", place.display()));
    }
    for file in [SAMPLES, SERIES] {
        fs::metadata(folder.join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok((meta, checksums))
}

/// The folder of blocks that start on the same day, UTC.
fn day_of(start_ms: i64) -> String {
    let started = Timestamp::from_millis(start_ms).to_string();
    started.get(..10).unwrap_or(&started).to_owned()
}

fn folder_name(seq: u64) -> String {
    format!("{seq:010}")
}

fn folders_in(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = fs::read_dir(folder).map_err(FileError::at("listing", folder))?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry.map_err(FileError::at("listing", folder))?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_in_the_order_of_their_time_and_what_overlaps_in_that_of_its_writing() {
        for (mut given, expected) in [
            (vec![(5, 0, 6), (3, 6, 8), (4, 8, 10)], [5, 3, 4]),
            (vec![(1, 0, 2), (2, 2, 4), (3, 0, 2)], [1, 3, 2]),
            (vec![(1, 4, 6), (7, 0, 6), (9, 0, 2)], [1, 7, 9]),
            (vec![(1, 0, 2), (2, 2, 4), (10, 0, 3)], [1, 2, 10]),
        ] {
            arrange_by(&mut given, |block| *block);
            assert_eq!(given.iter().map(|block| block.0).collect::<Vec<_>>(), expected, "{given:?}");
        }
    }
}
