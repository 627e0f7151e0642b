//! A journal that forgets everything when it is dropped.

use std::collections::BTreeMap;

use isobar_normalizer::Timestamp;
use parking_lot::Mutex;

use crate::event::{Event, Head, NewEvent};
use crate::journal::{Journal, JournalError, validate};

/// A journal in memory, for tests and for replaying recorded history where nothing must outlive the process.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    head: Head,
    floor: Head,
    snapshots: BTreeMap<String, (u64, Vec<u8>)>,
    refusal: Option<JournalError>,
}

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every append and snapshot fail this way until it is called with `None`: a full disk, for those who must cope with one.
    pub fn refuse(&self, refusal: Option<JournalError>) {
        self.0.lock().refusal = refusal;
    }
}

impl Journal for MemoryJournal {
    fn append(&self, at: Timestamp, events: Vec<NewEvent>) -> Result<Vec<Event>, JournalError> {
        validate(at, &events)?;
        let mut state = self.0.lock();
        if let Some(refusal) = &state.refusal {
            return Err(refusal.clone());
        }
        let mut appended = Vec::with_capacity(events.len());
        for event in events {
            let sealed = state.head.seal(at, event);
            state.head = sealed.head();
            appended.push(sealed);
        }
        state.events.extend_from_slice(&appended);
        Ok(appended)
    }

    fn read(&self, after_seq: u64, limit: usize) -> Result<Vec<Event>, JournalError> {
        let state = self.0.lock();
        let start = state.events.partition_point(|event| event.seq <= after_seq);
        Ok(state.events[start..].iter().take(limit).cloned().collect())
    }

    fn head(&self) -> Head {
        self.0.lock().head
    }

    fn save_snapshot(&self, name: &str, upto_seq: u64, bytes: &[u8]) -> Result<(), JournalError> {
        let mut state = self.0.lock();
        if let Some(refusal) = &state.refusal {
            return Err(refusal.clone());
        }
        if upto_seq > state.head.seq {
            return Err(no_such_event(upto_seq, state.head));
        }
        state.snapshots.insert(name.to_owned(), (upto_seq, bytes.to_vec()));
        Ok(())
    }

    fn load_snapshot(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, JournalError> {
        Ok(self.0.lock().snapshots.get(name).cloned())
    }

    fn checkpoints(&self) -> Result<Vec<Head>, JournalError> {
        let floor = self.0.lock().floor;
        Ok(if floor == Head::default() { Vec::new() } else { vec![floor] })
    }

    fn prune(&self, before_seq: u64) -> Result<Head, JournalError> {
        let mut state = self.0.lock();
        let covered = state.snapshots.values().map(|(upto_seq, _)| *upto_seq).min().unwrap_or(0);
        let last = covered.min(before_seq.saturating_sub(1));
        let gone = state.events.partition_point(|event| event.seq <= last);
        if gone > 0 {
            state.floor = state.events[gone - 1].head();
            state.events.drain(..gone);
        }
        Ok(state.floor)
    }
}

/// The refusal of a snapshot of the future.
pub(crate) fn no_such_event(upto_seq: u64, head: Head) -> JournalError {
    JournalError::Invalid(format!("a snapshot up to event {upto_seq}, the journal ends at {}", head.seq))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn keeps_the_contract() {
        crate::conformance::check_all(|| {
            let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
            Box::new(move || Arc::clone(&journal))
        });
    }

    #[test]
    fn refuses_when_told_to() {
        let journal = MemoryJournal::new();
        let append = || {
            let event = NewEvent { kind: "k".to_owned(), actor: "a".to_owned(), payload: Vec::new() };
            journal.append(Timestamp::default(), vec![event])
        };
        let full = JournalError::DiskFull("told so".to_owned());
        journal.refuse(Some(full.clone()));
        assert_eq!(append(), Err(full.clone()));
        assert_eq!(journal.save_snapshot("s", 0, b""), Err(full));
        assert_eq!(journal.head().seq, 0);
        journal.refuse(None);
        assert_eq!(append().unwrap()[0].seq, 1);
    }
}
