//! What the journal knows: the latest snapshot, and every event since.

use std::io::{self, Read};
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
            let kept = unpacked(&bytes).map_err(|error| CentreError::Record {
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

/// A snapshot as the journal keeps it: JSON in Snappy's frames. It takes a fifth of the space, and others wait so much less
/// while it is written.
pub(super) fn packed(kept: &Kept) -> Vec<u8> {
    let mut frames = snap::write::FrameEncoder::new(Vec::new());
    serde_json::to_writer(&mut frames, kept)
        .expect("records are maps with text keys, which JSON can hold, and memory takes all that is written");
    frames.into_inner().expect("memory takes all that is written")
}

/// Undoes [`packed`]. Earlier versions kept plain JSON.
pub(super) fn unpacked(bytes: &[u8]) -> io::Result<Kept> {
    if bytes.starts_with(b"{") {
        return Ok(serde_json::from_slice(bytes)?);
    }
    let mut json = Vec::new();
    snap::read::FrameDecoder::new(bytes).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Severity;

    use super::*;
    use crate::AlertState;
    use crate::fixture::{START, transition};

    #[test]
    fn snapshots_are_read_back_and_those_of_earlier_versions_too() {
        let said = transition("alertname=A", AlertState::Firing, Severity::Error, START);
        let mut known = Known::default();
        known.apply_record(crate::event::KIND_ALERT, &serde_json::to_vec(&said).unwrap()).unwrap();
        let kept = known.kept();
        let plain = serde_json::to_vec(&kept).unwrap();
        for bytes in [packed(&kept), plain.clone()] {
            let again = unpacked(&bytes).unwrap();
            assert_eq!(serde_json::to_vec(&again).unwrap(), plain);
        }
        for wrong in [&b""[..], b"{", b"\xff\x06\x00\x00sNaPpY\x00\x01"] {
            assert!(unpacked(wrong).is_err(), "{wrong:?}");
        }
    }
}
