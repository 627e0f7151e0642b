//! What stands in the journal, and the bytes its hash is taken over.

use std::fmt;

use isobar_normalizer::Timestamp;
use sha2::{Digest, Sha256};

/// The tenant of every event until there are several.
pub const TENANT: &str = "default";
/// Longest `kind`: a word of ours.
pub const KIND_BYTES_MAX: usize = 64;
/// Longest `actor`: a user's or a part's name with its kind in front.
pub const ACTOR_BYTES_MAX: usize = 256;
/// Largest payload. An alert is at most 64 KiB; a record that holds a group of them must be cut by its writer.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// Most events in one append: a storm of 10,000 alerts with several records each.
pub const APPEND_EVENTS_MAX: usize = 100_000;

/// An event to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// What sort of record the payload is; the reader of that kind knows its shape. At most [`KIND_BYTES_MAX`] bytes.
    pub kind: String,
    /// Who caused it: `isobar`, `user:…`, `token:…`. At most [`ACTOR_BYTES_MAX`] bytes.
    pub actor: String,
    /// The record, kept byte for byte. At most [`PAYLOAD_BYTES_MAX`] bytes.
    pub payload: Vec<u8>,
}

/// An event that is in the journal.
#[derive(Clone, PartialEq, Eq)]
pub struct Event {
    /// Place in the journal: 1, 2, 3 … without gaps.
    pub seq: u64,
    /// When it was appended, by the writer's clock. Order is `seq`'s; a clock may go backwards.
    pub at: Timestamp,
    /// Whose it is.
    pub tenant: String,
    /// What sort of record the payload is.
    pub kind: String,
    /// Who caused it.
    pub actor: String,
    /// The record, byte for byte as it was appended.
    pub payload: Vec<u8>,
    /// `hash` of the event before; zeros for the first.
    pub prev: [u8; 32],
    /// SHA-256 as [`Event::computed_hash`] takes it.
    pub hash: [u8; 32],
}

impl Event {
    /// The hash this event must have:
    /// `SHA-256(prev ‖ seq ‖ at ‖ len tenant ‖ tenant ‖ len kind ‖ kind ‖ len actor ‖ actor ‖ len payload ‖ payload)`,
    /// where `prev` is 32 bytes, `seq` and each length (in bytes) an unsigned and `at` (milliseconds since 1970) a signed
    /// 64-bit integer, big-endian, and texts are UTF-8. The lengths make it impossible to move bytes between fields.
    pub fn computed_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.prev);
        hash.update(self.seq.to_be_bytes());
        hash.update(self.at.millis().to_be_bytes());
        for field in [self.tenant.as_bytes(), self.kind.as_bytes(), self.actor.as_bytes(), &self.payload] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        hash.finalize().into()
    }

    /// Where the journal stands once this event is in it.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("seq", &self.seq)
            .field("at", &self.at)
            .field("tenant", &self.tenant)
            .field("kind", &self.kind)
            .field("actor", &self.actor)
            .field("payload", &self.payload.escape_ascii().to_string())
            .field("prev", &hex::encode(self.prev))
            .field("hash", &hex::encode(self.hash))
            .finish()
    }
}

/// How far a journal reaches: its last event and that event's hash. Kept elsewhere it is the proof that nothing up to `seq`
/// was changed or cut since.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Head {
    /// Sequence number of the last event; 0 when there is none.
    pub seq: u64,
    /// Hash of the last event; zeros when there is none.
    pub hash: [u8; 32],
}

impl Head {
    /// The event that comes next.
    pub(crate) fn seal(self, at: Timestamp, event: NewEvent) -> Event {
        let NewEvent { kind, actor, payload } = event;
        let tenant = TENANT.to_owned();
        let mut sealed =
            Event { seq: self.seq + 1, at, tenant, kind, actor, payload, prev: self.hash, hash: [0; 32] };
        sealed.hash = sealed.computed_hash();
        sealed
    }

    /// Takes the next event after this head.
    ///
    /// # Errors
    /// How the event does not follow.
    pub fn follow(self, event: &Event) -> Result<Self, ChainBreak> {
        // After the last number there is none; an event may come from a stranger's export.
        if self.seq.checked_add(1) != Some(event.seq) {
            return Err(ChainBreak::Sequence { expected: self.seq.saturating_add(1), found: event.seq });
        }
        if event.prev != self.hash {
            return Err(ChainBreak::Previous);
        }
        if event.computed_hash() != event.hash {
            return Err(ChainBreak::Content);
        }
        Ok(event.head())
    }
}

/// `seq:hash`, the hash in hexadecimal.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex::encode(self.hash))
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({self})")
    }
}

/// Reads what [`Head`]'s `Display` writes.
impl std::str::FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let wrong = || HeadError(text.to_owned());
        let (seq, hash) = text.split_once(':').ok_or_else(wrong)?;
        let mut head = Self { seq: seq.parse().map_err(|_| wrong())?, hash: [0; 32] };
        hex::decode_to_slice(hash, &mut head.hash).map_err(|_| wrong())?;
        Ok(head)
    }
}

/// Why a text is no [`Head`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no checkpoint: write seq:hash, the hash as 64 hexadecimal digits")]
pub struct HeadError(pub String);

/// How an event does not follow the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainBreak {
    /// Events were removed, added or put in another order.
    #[error("event {expected} was expected, {found} stands there")]
    Sequence {
        /// The sequence number due.
        expected: u64,
        /// The one found.
        found: u64,
    },
    /// The event before was changed or exchanged.
    #[error("it does not follow the event before it: prev is not that event's hash")]
    Previous,
    /// The event itself was changed.
    #[error("its content does not have its hash")]
    Content,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event() -> Event {
        let new =
            NewEvent { kind: "alert".to_owned(), actor: "isobar".to_owned(), payload: b"{\"a\":1}".to_vec() };
        Head::default().seal(Timestamp::from_millis(1_700_000_000_000), new)
    }

    #[test]
    fn the_bytes_under_the_hash_are_fixed() {
        let mut bytes = vec![0; 32];
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 7]);
        bytes.extend(b"default");
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 5]);
        bytes.extend(b"alert");
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 6]);
        bytes.extend(b"isobar");
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 7]);
        bytes.extend(b"{\"a\":1}");
        let expected: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!(event().hash, expected);
    }

    #[test]
    fn moving_a_byte_between_fields_changes_the_hash() {
        let moved = Event { kind: "aler".to_owned(), actor: "tisobar".to_owned(), ..event() };
        assert_ne!(moved.computed_hash(), event().hash);
        let tenant = Event { tenant: "other".to_owned(), ..event() };
        assert_eq!(Head::default().follow(&tenant), Err(ChainBreak::Content));
    }

    #[test]
    fn nothing_follows_the_last_number() {
        let last = Head { seq: u64::MAX, hash: event().prev };
        let broken = ChainBreak::Sequence { expected: u64::MAX, found: 1 };
        assert_eq!(last.follow(&event()), Err(broken));
    }

    proptest! {
        #[test]
        fn heads_are_read_back(seq in any::<u64>(), hash in any::<[u8; 32]>()) {
            let head = Head { seq, hash };
            prop_assert_eq!(head.to_string().parse(), Ok(head));
        }
    }

    #[test]
    fn what_is_no_head() {
        for text in ["", "7", "7:", ":00", "x:00", "7:0g", "-1:00"] {
            assert_eq!(text.parse::<Head>(), Err(HeadError(text.to_owned())), "{text}");
        }
    }
}
