//! What SQLite's errors mean for the journal.

use rusqlite::{Error, ErrorCode, ffi};

use crate::journal::JournalError;

/// I/O errors on the way to the disk. On a full volume SQLite reports these where growing the WAL's index or a delayed
/// allocation fails, and plain `SQLITE_FULL` elsewhere. Source: sqlite.org/rescode.html.
const WRITE_FAILURES: [i32; 6] = [
    ffi::SQLITE_IOERR_WRITE,
    ffi::SQLITE_IOERR_FSYNC,
    ffi::SQLITE_IOERR_DIR_FSYNC,
    ffi::SQLITE_IOERR_TRUNCATE,
    ffi::SQLITE_IOERR_SHMSIZE,
    ffi::SQLITE_IOERR_SHMMAP,
];

/// Puts an error of SQLite into the journal's words.
pub(super) fn of(error: Error) -> JournalError {
    let said = error.to_string();
    match error {
        Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => JournalError::DiskFull(said),
            ErrorCode::SystemIoFailure if WRITE_FAILURES.contains(&failure.extended_code) => {
                JournalError::DiskFull(said)
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                JournalError::Damaged { seq: None, what: said }
            }
            _ => JournalError::Store(said),
        },
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => JournalError::Damaged { seq: None, what: said },
        _ => JournalError::Store(said),
    }
}
