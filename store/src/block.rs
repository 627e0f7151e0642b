//! Blocks: the samples of one span of time in Parquet files that never change.
//!
//! A block is a folder `blocks/<tenant>/<yyyy-mm-dd>/<sequence>/` with
//! - `samples.parquet`: `series_id` (UInt32, counted inside the block), `ts` (milliseconds, UTC), `period_ms` (UInt32),
//!   `value` (Float64); sorted by series, then time;
//! - `series.parquet`: `series_id`, `name`, `labels` (map of all labels), `source`, `period_ms`, `delay_ms`, `first_ts`,
//!   `last_ts`, `first_row`, `rows`; sorted by name, then labels;
//! - `meta.json`: what [`Meta`] says; written last.
//!
//! It is written under `blocks/tmp/`, forced to disk, and renamed into place: a block is there whole or not at all.

mod read;
mod write;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::directory::{self, TENANT};
use crate::error::FileError;

pub use write::{NewBlock, WriteError, write};

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
    expired: AtomicBool,
}

impl Block {
    /// Its files go with the last one who still reads it.
    pub fn expire(&self) {
        self.expired.store(true, Ordering::Relaxed);
    }

    /// How errors name it: tenant, day and sequence.
    fn name(&self) -> String {
        let parts: Vec<_> = self.folder.iter().rev().take(3).map(|part| part.to_string_lossy()).collect();
        parts.into_iter().rev().collect::<Vec<_>>().join("/")
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.expired.load(Ordering::Relaxed)
            && let Err(error) = fs::remove_dir_all(&self.folder)
        {
            tracing::warn!(block = %self.folder.display(), %error, "an expired block could not be removed");
        }
    }
}

/// What lies below `blocks/`.
#[derive(Debug, Default)]
pub struct Found {
    /// Readable blocks, by sequence.
    pub blocks: Vec<Block>,
    /// How many folders are none.
    pub damaged: usize,
    /// The highest sequence any folder has, readable or not.
    pub last_seq: u64,
}

/// Finds all blocks. Removes what was being written when the process ended.
pub fn open_all(blocks: &Path, shards: usize) -> Result<Found, FileError> {
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
                Ok(meta) => found.blocks.push(Block { meta, folder, expired: AtomicBool::new(false) }),
                Err(reason) => {
                    tracing::error!(block = %folder.display(), reason, "a block is not readable");
                    metrics::counter!("isobar_store_damaged_blocks_total").increment(1);
                    found.damaged += 1;
                }
            }
        }
    }
    found.blocks.sort_by_key(|block| block.meta.seq);
    Ok(found)
}

fn open(folder: &Path, shards: usize) -> Result<Meta, String> {
    let text = fs::read(folder.join(META)).map_err(|error| format!("{META}: {error}"))?;
    let meta: Meta = serde_json::from_slice(&text).map_err(|error| format!("{META}: {error}"))?;
    if meta.format != FORMAT || meta.through.len() != shards {
        return Err(format!("{META}: format {} with {} shards is unknown", meta.format, meta.through.len()));
    }
    for file in [SAMPLES, SERIES] {
        fs::metadata(folder.join(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(meta)
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
