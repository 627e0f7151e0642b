//! What the journal knows: the latest snapshot, and every event since.

use std::sync::Arc;

use isobar_journal::{Event, Journal};

use super::CentreError;
use super::state::{Kept, Known};

/// Name of our snapshot in the journal.
pub(super) const SNAPSHOT: &str = "alerting";

/// Events read at a time: a few megabytes.
const PAGE: usize = 1_000;

/// Folds the journal. Reading is not for async threads.
pub(super) async fn known(journal: Arc<dyn Journal>) -> Result<Known, CentreError> {
    let folding = tokio::task::spawn_blocking(move || fold(&*journal));
    folding.await.map_err(|error| CentreError::Journal(error.to_string()))?
}

fn fold(journal: &dyn Journal) -> Result<Known, CentreError> {
    let unreadable = |error: isobar_journal::JournalError| CentreError::Journal(error.to_string());
    let (mut known, mut after) = match journal.load_snapshot(SNAPSHOT).map_err(unreadable)? {
        None => (Known::default(), 0),
        Some((seq, bytes)) => {
            let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| CentreError::Record {
                seq,
                kind: SNAPSHOT.to_owned(),
                reason: error.to_string(),
            })?;
            (Known::from(kept), seq)
        }
    };
    loop {
        let events = journal.read(after, PAGE).map_err(unreadable)?;
        let Some(last) = events.last() else { return Ok(known) };
        after = last.seq;
        for Event { seq, kind, payload, .. } in events {
            known.apply_record(&kind, &payload).map_err(|error| CentreError::Record {
                seq,
                kind,
                reason: error.to_string(),
            })?;
        }
    }
}
