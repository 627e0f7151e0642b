//! Append-only hash-chained event journal.
//!
//! Every transition Isobar must not forget is an event here, durable before anybody hears of it. An event is never changed;
//! events that snapshots cover may be pruned, which leaves a checkpoint behind. Calls block; nothing here reads a clock.
//!
//! ```
//! use isobar_journal::{Journal, MemoryJournal, NewEvent, export, verify_export};
//! use isobar_normalizer::Timestamp;
//!
//! let journal = MemoryJournal::new();
//! let event = NewEvent { kind: "alert".into(), actor: "isobar".into(), payload: b"{}".to_vec() };
//! journal.append(Timestamp::from_millis(0), vec![event]).unwrap();
//!
//! let mut exported = Vec::new();
//! export(&journal, 0, &mut exported).unwrap();
//! let verified = verify_export(&exported[..], &[journal.head()]).unwrap();
//! assert!(verified.events == 1 && verified.truncation_detectable());
//! ```

mod checkpoint;
#[doc(hidden)]
pub mod conformance;
mod event;
mod export;
mod journal;
mod memory;
mod sqlite;
mod verify;

pub use checkpoint::{Cadence, Checkpoint, CheckpointFile, Checkpoints, contradiction, read_checkpoints};
pub use event::{
    ACTOR_BYTES_MAX, APPEND_EVENTS_MAX, ChainBreak, Event, Head, HeadError, KIND_BYTES_MAX, NewEvent,
    PAYLOAD_BYTES_MAX, TENANT,
};
pub use export::{ExportError, export, from_line, to_line};
pub use journal::{Journal, JournalError};
pub use memory::MemoryJournal;
pub use sqlite::{SqliteJournal, SqliteOptions};
pub use verify::{Fault, Verified, VerifyError, verify_export};
