//! The write-ahead log: what is appended is in these files before anyone sees it, and is read back from them at start.
//!
//! Each shard has its own numbered segments. A segment stands on its own: it defines every series it speaks of, twice,
//! on both sides of the first samples that need the definition, so that losing any one record loses only what that
//! record holds.

mod codec;
mod commit;
mod frame;
mod replay;
mod writer;

pub use commit::{GroupCommit, SyncThread};
pub use replay::{Coverage, Found, Replay, replay};
pub use writer::{Accepted, ShardWriter};

/// Longest label set a series may have, packed: a definition has to fit a record with room to spare.
pub const LABELS_MAX: usize = 8 * 1024;

/// Longest source name, for the same reason.
pub const SOURCE_MAX: usize = 256;

#[cfg(test)]
mod tests;
