//! Why an operation of the store failed.

use std::io;
use std::path::{Path, PathBuf};

/// An input or output operation that failed, with the file it was about.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}", path.display())]
pub struct FileError {
    /// What was tried: `reading`, `writing`, …
    pub doing: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: remembers what was tried on which path.
    pub(crate) fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { doing, path: path.to_owned(), source }
    }
}

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("data directory {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// It was written by a version this one does not know.
    #[error("data directory {} has format {found:?}, this version reads {expected:?}", path.display())]
    Version {
        /// The data directory.
        path: PathBuf,
        /// What its VERSION file says.
        found: String,
        /// What it would have to say.
        expected: &'static str,
    },
    /// A file could not be read or written.
    #[error("opening the store failed")]
    File(#[from] FileError),
}

/// Why samples were not stored, or not forced to disk.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// There is no room, or the store was told not to write. Queries go on; try again later.
    #[error("the disk is full")]
    DiskFull,
    /// A WAL file could not be written or forced to disk.
    #[error("the write-ahead log failed")]
    File(#[from] FileError),
}

/// Why series could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// The answer would be larger than allowed.
    #[error("the selection holds more than {0} samples: narrow the matchers or the time range")]
    TooManySamples(usize),
    /// The system did not let a block be read; another time it may.
    #[error("reading block {block} failed: {reason}")]
    Block {
        /// The block's folder below `blocks/`.
        block: String,
        /// What the reader said.
        reason: String,
    },
}

/// Why maintenance stopped early; the next call takes up where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum MaintainError {
    /// There is no room for a block; the samples stay in memory and in the WAL.
    #[error("no room to write a block")]
    DiskFull,
    /// A file could not be written or removed.
    #[error("maintaining the store failed")]
    File(#[from] FileError),
    /// A block could not be encoded.
    #[error("encoding a block failed: {0}")]
    Encode(String),
}

/// Whether the system says that there is no room left, on the volume or in a quota.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
