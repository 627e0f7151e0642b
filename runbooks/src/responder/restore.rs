//! What the journal knows: the latest snapshot, and every event since.

use isobar_journal::{Event, Journal, JournalError};

use super::RunbookError;
use crate::book::Book;
use crate::event::{KIND_LEVER, KIND_PROPOSAL, Record};

/// Name of our snapshot in the journal.
pub(super) const SNAPSHOT: &str = "runbooks";

/// Events read at a time: a few megabytes.
const PAGE: usize = 1_000;

/// Folds the journal, and says up to which event the snapshot reaches.
pub(super) fn book(journal: &dyn Journal) -> Result<(Book, u64), RunbookError> {
    let unreadable = |error: JournalError| RunbookError::Journal(error.to_string());
    let wrong = |seq: u64, kind: &str, error: serde_json::Error| RunbookError::Record {
        seq,
        kind: kind.to_owned(),
        reason: error.to_string(),
    };
    let (mut book, saved) = match journal.load_snapshot(SNAPSHOT).map_err(unreadable)? {
        None => (Book::default(), 0),
        Some((seq, bytes)) => {
            (serde_json::from_slice(&bytes).map_err(|error| wrong(seq, SNAPSHOT, error))?, seq)
        }
    };
    let mut after = saved;
    loop {
        let events = journal.read(after, PAGE).map_err(unreadable)?;
        let Some(last) = events.last() else { return Ok((book, saved)) };
        after = last.seq;
        for Event { seq, kind, payload, .. } in &events {
            let record = match kind.as_str() {
                KIND_PROPOSAL => serde_json::from_slice(payload).map(Record::Proposal),
                KIND_LEVER => serde_json::from_slice(payload).map(Record::Lever),
                _ => continue,
            };
            book.apply(record.map_err(|error| wrong(*seq, kind, error))?);
        }
    }
}
