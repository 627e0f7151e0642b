//! The journal in one SQLite file.

mod failure;
mod file;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use isobar_normalizer::Timestamp;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::event::{Event, Head, NewEvent};
use crate::journal::{Journal, JournalError, validate, verify_run};
use crate::memory::no_such_event;
use writer::{Command, Writer};

/// Callers that wait for the writer at once; further ones wait for a place.
const WAITING_MAX: usize = 1024;
/// Largest snapshot: well under SQLite's limit of 10⁹ bytes for a value (sqlite.org/limits.html).
const SNAPSHOT_BYTES_MAX: usize = 512 << 20;

/// How the file is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// A checkpoint is written every so many events. Opening verifies at most twice as many.
    pub checkpoint_events: u64,
}

/// Four thousand events are verified in some ten milliseconds.
impl Default for SqliteOptions {
    fn default() -> Self {
        Self { checkpoint_events: 4096 }
    }
}

/// The journal in one SQLite file, in WAL mode with `synchronous=FULL`: a commit is one fsync, and what one commit takes
/// is whatever was waiting when the one before was done.
///
/// One process at a time; the owner of the data directory sees to that.
pub struct SqliteJournal {
    path: PathBuf,
    head: Arc<Mutex<Head>>,
    reader: Mutex<Connection>,
    /// Taken when dropped, which ends the writer.
    commands: Option<SyncSender<Command>>,
    writer: Option<JoinHandle<()>>,
}

impl SqliteJournal {
    /// Opens or creates the file, readable by its owner only, and verifies the chain from the last checkpoint but the one
    /// at the very end.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when the end of the chain does not hold, is missing, or the file is no journal.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, JournalError> {
        let connection = file::open(path)?;
        let verified = file::verify_tail(&connection)?;
        let reader = file::open_reader(path)?;
        let head = Arc::new(Mutex::new(verified));
        let (commands, received) = sync_channel(WAITING_MAX);
        let writer = Writer::new(connection, Arc::clone(&head), options.checkpoint_events.max(1));
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(&received))
            .map_err(|error| JournalError::Store(format!("cannot start the writer: {error}")))?;
        tracing::info!(path = %path.display(), seq = verified.seq, "journal open");
        Ok(Self {
            path: path.to_owned(),
            head,
            reader: Mutex::new(reader),
            commands: Some(commands),
            writer: Some(writer),
        })
    }

    /// Hands a command to the writer and waits for its answer.
    fn ask<T>(
        &self,
        command: impl FnOnce(SyncSender<Result<T, JournalError>>) -> Command,
    ) -> Result<T, JournalError> {
        let (reply, answer) = sync_channel(1);
        let commands = self.commands.as_ref().ok_or(JournalError::Closed)?;
        commands.send(command(reply)).map_err(|_| JournalError::Closed)?;
        answer.recv().map_err(|_| JournalError::Closed)?
    }
}

impl Journal for SqliteJournal {
    fn append(&self, at: Timestamp, events: Vec<NewEvent>) -> Result<Vec<Event>, JournalError> {
        validate(at, &events)?;
        if events.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(|reply| Command::Append { at, events, reply })
    }

    fn read(&self, after_seq: u64, limit: usize) -> Result<Vec<Event>, JournalError> {
        let mut reader = self.reader.lock();
        // One view of the file for both questions: pruning may go on meanwhile.
        let view = reader.transaction().map_err(failure::of)?;
        let events = file::read(&view, after_seq, limit).map_err(failure::of)?;
        if let Some(first) = events.first() {
            verify_run(file::before(&view, first.seq).map_err(failure::of)?, &events)?;
        }
        Ok(events)
    }

    fn head(&self) -> Head {
        *self.head.lock()
    }

    fn save_snapshot(&self, name: &str, upto_seq: u64, bytes: &[u8]) -> Result<(), JournalError> {
        let head = self.head();
        if upto_seq > head.seq {
            return Err(no_such_event(upto_seq, head));
        }
        if bytes.len() > SNAPSHOT_BYTES_MAX {
            let size = bytes.len();
            return Err(JournalError::Invalid(format!(
                "a snapshot of {size} bytes, at most {SNAPSHOT_BYTES_MAX}"
            )));
        }
        self.ask(|reply| Command::Snapshot { name: name.to_owned(), upto_seq, bytes: bytes.to_vec(), reply })
    }

    fn load_snapshot(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, JournalError> {
        let row = |row: &rusqlite::Row<'_>| {
            Ok((file::unsigned(row, 0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, [u8; 32]>(2)?))
        };
        let found = self
            .reader
            .lock()
            .prepare_cached("SELECT seq, bytes, hash FROM snapshots WHERE name = ?1")
            .and_then(|mut statement| statement.query_row(params![name], row).optional())
            .map_err(failure::of)?;
        let Some((upto_seq, bytes, hash)) = found else { return Ok(None) };
        if hash != <[u8; 32]>::from(Sha256::digest(&bytes)) {
            let what = format!("snapshot {name} does not have its hash");
            return Err(JournalError::Damaged { seq: None, what });
        }
        Ok(Some((upto_seq, bytes)))
    }

    fn checkpoints(&self) -> Result<Vec<Head>, JournalError> {
        let reader = self.reader.lock();
        let mut statement =
            reader.prepare_cached("SELECT seq, hash FROM checkpoints ORDER BY seq").map_err(failure::of)?;
        let rows = statement.query_map([], file::head).map_err(failure::of)?;
        rows.collect::<Result<_, _>>().map_err(failure::of)
    }

    fn prune(&self, before_seq: u64) -> Result<Head, JournalError> {
        loop {
            let pruned = self.ask(|reply| Command::Prune { before_seq, reply })?;
            if pruned.done {
                return Ok(pruned.floor);
            }
        }
    }
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJournal").field("path", &self.path).field("head", &self.head()).finish()
    }
}

/// Everything accepted is committed before this returns.
impl Drop for SqliteJournal {
    fn drop(&mut self) {
        self.commands = None;
        if self.writer.take().is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the journal's writer ended with a panic");
        }
    }
}
