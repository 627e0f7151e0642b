//! What every store of the journal does.

use std::fmt;

use isobar_normalizer::Timestamp;

use crate::event::{
    ACTOR_BYTES_MAX, APPEND_EVENTS_MAX, ChainBreak, Event, Head, KIND_BYTES_MAX, NewEvent, PAYLOAD_BYTES_MAX,
};

/// An append-only, hash-chained sequence of events, with snapshots of what was folded from them.
///
/// Every call blocks, on the disk or on other callers: call from threads that may. Any number of threads may call at once.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Appends events in order, all or none, and returns once they survive a power loss. Concurrent calls share a commit.
    /// No event at all is no commit.
    ///
    /// # Errors
    /// [`JournalError::Invalid`] for what no journal takes. After any other error the events are not in the journal as this
    /// process sees it, and the same call may be made again.
    fn append(&self, at: Timestamp, events: Vec<NewEvent>) -> Result<Vec<Event>, JournalError>;

    /// At most `limit` events with a sequence number above `after_seq`, ascending; empty means there are none yet. Where
    /// events were pruned it starts with the oldest kept.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when an event does not have its hash or does not follow the one before, be that on an
    /// earlier page or pruned.
    fn read(&self, after_seq: u64, limit: usize) -> Result<Vec<Event>, JournalError>;

    /// The last event that is durable.
    fn head(&self) -> Head;

    /// Keeps `bytes` as the state folded from all events up to and including `upto_seq`, in place of an earlier snapshot
    /// of this name.
    ///
    /// # Errors
    /// [`JournalError::Invalid`] when there is no such event yet.
    fn save_snapshot(&self, name: &str, upto_seq: u64, bytes: &[u8]) -> Result<(), JournalError>;

    /// The latest snapshot of a name with the `upto_seq` it was saved for; nothing when there is none.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when it is not what was saved.
    fn load_snapshot(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, JournalError>;

    /// Known heads of the past, ascending: where verification may start, and what to keep elsewhere. The events up to the
    /// last pruned one are gone and its head is among them.
    ///
    /// # Errors
    /// When they cannot be read.
    fn checkpoints(&self) -> Result<Vec<Head>, JournalError>;

    /// Removes events with a sequence number below `before_seq`, but none that a snapshot does not cover: without any
    /// snapshot nothing is removed. Returns the checkpoint from which verification starts now; the default one when
    /// nothing was ever removed.
    ///
    /// # Errors
    /// When they cannot be removed. What was removed until then stays removed, and its checkpoint is kept.
    fn prune(&self, before_seq: u64) -> Result<Head, JournalError>;
}

/// Why the journal did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The volume is full or takes no more writes. The journal works again, without restart, once it does.
    #[error("no space for the journal: {0}")]
    DiskFull(String),
    /// Events, snapshots or the file itself are not what was written.
    #[error("journal is damaged{}: {what}", at_event(*.seq))]
    Damaged {
        /// The first event concerned, where it is known.
        seq: Option<u64>,
        /// What is wrong.
        what: String,
    },
    /// The caller asked for what no journal does.
    #[error("not for the journal: {0}")]
    Invalid(String),
    /// The journal was shut down.
    #[error("journal is closed")]
    Closed,
    /// Anything else the store says.
    #[error("journal: {0}")]
    Store(String),
}

fn at_event(seq: Option<u64>) -> String {
    seq.map(|seq| format!(" at event {seq}")).unwrap_or_default()
}

impl JournalError {
    pub(crate) fn broken(seq: u64, how: ChainBreak) -> Self {
        Self::Damaged { seq: Some(seq), what: how.to_string() }
    }
}

/// 9999-12-31T23:59:59.999Z: the last time RFC 3339 can write, and so an export.
const AT_MAX: Timestamp = Timestamp::from_millis(253_402_300_799_999);

/// Checks what every store refuses, before anything is written.
pub(crate) fn validate(at: Timestamp, events: &[NewEvent]) -> Result<(), JournalError> {
    let wrong = |what: String| Err(JournalError::Invalid(what));
    if !(Timestamp::default()..=AT_MAX).contains(&at) {
        return wrong(format!("the time {at} is outside 1970 to 9999"));
    }
    if events.len() > APPEND_EVENTS_MAX {
        return wrong(format!("{} events at once, at most {APPEND_EVENTS_MAX}", events.len()));
    }
    for NewEvent { kind, actor, payload } in events {
        if kind.is_empty() || kind.len() > KIND_BYTES_MAX {
            return wrong(format!("a kind of {} bytes, 1 to {KIND_BYTES_MAX}", kind.len()));
        }
        if actor.is_empty() || actor.len() > ACTOR_BYTES_MAX {
            return wrong(format!("an actor of {} bytes, 1 to {ACTOR_BYTES_MAX}", actor.len()));
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return wrong(format!("{kind} payload of {} bytes, at most {PAYLOAD_BYTES_MAX}", payload.len()));
        }
    }
    Ok(())
}

/// Checks that events read from a store have their hashes and follow each other, the first one `before`.
pub(crate) fn verify_run(before: Head, events: &[Event]) -> Result<(), JournalError> {
    let mut head = before;
    for event in events {
        head = head.follow(event).map_err(|how| JournalError::broken(event.seq, how))?;
    }
    Ok(())
}
