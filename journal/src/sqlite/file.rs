//! The file: how it is made, opened, read and verified.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use isobar_normalizer::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use crate::event::{Event, Head};
use crate::journal::JournalError;
use crate::sqlite::failure;

/// Marks the file as ours, `isoj`. Source: sqlite.org/pragma.html#pragma_application_id.
const APPLICATION_ID: i32 = 0x6973_6f6a;
/// The tables below. A file of a later version is left alone.
const VERSION: i32 = 1;

const TABLES: &str = "
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    payload BLOB NOT NULL,
    prev BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE TABLE checkpoints (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
CREATE TABLE snapshots (
    name TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;";

/// The WAL is cut back to this after a checkpoint of SQLite's, so that one storm does not keep the space for ever.
const WAL_BYTES_KEPT: u32 = 16 << 20;
/// Only a backup tool or a curious operator ever holds the lock.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the file for writing; makes it where there is none.
pub(super) fn open(path: &Path) -> Result<Connection, JournalError> {
    make_private(path).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull => JournalError::DiskFull(error.to_string()),
        _ => JournalError::Store(format!("{}: {error}", path.display())),
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failure::of)?;
    prepare(&mut connection).map_err(failure::of)?;
    let (id, version): (i32, i32) =
        (pragma(&connection, "application_id")?, pragma(&connection, "user_version")?);
    if id != APPLICATION_ID {
        let what = "the file is a database, but no journal of this program".to_owned();
        return Err(JournalError::Damaged { seq: None, what });
    }
    if version != VERSION {
        return Err(JournalError::Store(format!(
            "the file has version {version}, this program knows {VERSION}"
        )));
    }
    Ok(connection)
}

/// Opens a second connection that only reads, so that reading does not wait for an fsync.
pub(super) fn open_reader(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failure::of)?;
    connection.busy_timeout(BUSY).map_err(failure::of)?;
    Ok(connection)
}

/// Makes the file, if there is none, readable and writable by its owner only; SQLite gives its companions the same mode.
/// The folder is synced, for a file without its name is lost with the power.
fn make_private(path: &Path) -> io::Result<()> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
    }
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> Result<i32, JournalError> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(failure::of)
}

/// Events after `after_seq`, ascending, at most `limit`.
pub(super) fn read(connection: &Connection, after_seq: u64, limit: usize) -> rusqlite::Result<Vec<Event>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, at, tenant, kind, actor, payload, prev, hash FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let after = i64::try_from(after_seq).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after, i64::try_from(limit).unwrap_or(i64::MAX)], event)?;
    rows.collect()
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        seq: unsigned(row, 0)?,
        at: Timestamp::from_millis(row.get(1)?),
        tenant: row.get(2)?,
        kind: row.get(3)?,
        actor: row.get(4)?,
        payload: row.get(5)?,
        prev: row.get(6)?,
        hash: row.get(7)?,
    })
}

/// A row of `seq, hash`.
pub(super) fn head(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head { seq: unsigned(row, 0)?, hash: row.get(1)? })
}

/// SQLite's integers are signed; sequence numbers never are.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let signed: i64 = row.get(column)?;
    u64::try_from(signed).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, signed))
}

/// The last event, or the last checkpoint where every event was pruned. Where both are there the checkpoint is taken, so
/// that [`verify_tail`] compares them.
pub(super) fn last(connection: &Connection) -> rusqlite::Result<Head> {
    let newest = connection
        .query_row(
            "SELECT seq, hash FROM (
                 SELECT * FROM (SELECT seq, hash, 0 AS kept FROM events ORDER BY seq DESC LIMIT 1)
                 UNION ALL
                 SELECT * FROM (SELECT seq, hash, 1 AS kept FROM checkpoints ORDER BY seq DESC LIMIT 1)
             ) ORDER BY seq DESC, kept DESC LIMIT 1",
            [],
            head,
        )
        .optional()?;
    Ok(newest.unwrap_or_default())
}

/// Events verified per read while opening.
const VERIFY_EVENTS: usize = 1024;

/// Follows the chain from the last checkpoint before its end; returns where it ends.
pub(super) fn verify_tail(connection: &Connection) -> Result<Head, JournalError> {
    let end = last(connection).map_err(failure::of)?;
    let start = connection
        .query_row(
            "SELECT seq, hash FROM checkpoints WHERE seq < ?1 ORDER BY seq DESC LIMIT 1",
            params![end.seq as i64],
            head,
        )
        .optional()
        .map_err(failure::of)?
        .unwrap_or_default();
    let mut reached = start;
    loop {
        let events = read(connection, reached.seq, VERIFY_EVENTS).map_err(failure::of)?;
        if events.is_empty() {
            break;
        }
        for event in &events {
            reached = reached.follow(event).map_err(|how| JournalError::broken(event.seq, how))?;
        }
    }
    let snapshot: Option<u64> = connection
        .query_row("SELECT seq FROM snapshots ORDER BY seq DESC LIMIT 1", [], |row| unsigned(row, 0))
        .optional()
        .map_err(failure::of)?;
    // Pruning takes what every snapshot covers, so that where it took everything a snapshot reaches to the end.
    let all_pruned = first(connection).map_err(failure::of)?.is_none() && snapshot >= Some(end.seq);
    if reached != end && !all_pruned {
        let what = format!("checkpoint {end} is not the chain's: it ends at {reached}");
        return Err(JournalError::Damaged { seq: Some(end.seq), what });
    }
    match snapshot {
        Some(seq) if seq > end.seq => {
            let what = format!(
                "a snapshot was taken at {seq}, but the events end at {}: some were cut off",
                end.seq
            );
            Err(JournalError::Damaged { seq: Some(end.seq), what })
        }
        _ => Ok(end),
    }
}

/// What the event with this number must follow: the event before it; where that was pruned, the checkpoint left in its
/// place; and nothing else where neither is there.
pub(super) fn before(connection: &Connection, seq: u64) -> rusqlite::Result<Head> {
    let head_from = |query: &str, number: u64| {
        connection.prepare_cached(query)?.query_row(params![number as i64], head).optional()
    };
    let event = head_from("SELECT seq, hash FROM events WHERE seq < ?1 ORDER BY seq DESC LIMIT 1", seq)?;
    if let Some(event) = event {
        return Ok(event);
    }
    let floor = head_from("SELECT seq, hash FROM checkpoints WHERE seq = ?1", seq.saturating_sub(1))?;
    Ok(floor.unwrap_or_default())
}

/// The oldest event kept.
pub(super) fn first(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    connection.query_row("SELECT seq FROM events ORDER BY seq LIMIT 1", [], |row| unsigned(row, 0)).optional()
}
