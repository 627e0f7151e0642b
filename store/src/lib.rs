//! Keeps samples: a write-ahead log, a compressed head in memory, Parquet blocks, retention, and SQL over all of it.
//!
//! What is appended is in the log before any query sees it. The head holds the last hours; finished spans of time move
//! into immutable blocks, after which the log that held them is removed. A sample written again replaces the earlier
//! one, wherever that is kept.
//!
//! The crate never reads a clock (`now` is handed in), never opens a network connection, and never serves a file that
//! is not below its data directory.
//!
//! ```
//! use isobar_normalizer::{Labels, Matcher, Sample, SampleRun, TimeRange, Timestamp};
//! use isobar_store::{Store, StoreOptions};
//! use std::time::Duration;
//!
//! # let folder = tempfile::tempdir().unwrap();
//! let now = Timestamp::from_millis(1_700_000_000_000);
//! let (store, recovery) = Store::open(folder.path(), StoreOptions::default(), now).unwrap();
//! assert_eq!(recovery.samples, 0);
//! let labels = Labels::from_pairs([("__name__", "up"), ("job", "node")]).unwrap();
//! let run = SampleRun {
//!     source: "onprem".into(),
//!     period: Duration::from_secs(15),
//!     delay: Duration::ZERO,
//!     samples: vec![Sample { labels, at: now, value: 1.0 }],
//! };
//! assert_eq!(store.append(&[run], now).unwrap().stored, 1);
//! store.sync().unwrap();
//! let slices = store.select(&[Matcher::equal("job", "node")], TimeRange { start: now, end: now }).unwrap();
//! assert_eq!(slices[0].values, [1.0]);
//! ```

mod append;
mod block;
mod compact;
mod contract;
mod directory;
mod error;
mod head;
mod maintain;
mod options;
mod select;
mod sql;
mod store;
mod varint;
mod wal;

pub use append::Appended;
pub use compact::Compacted;
pub use directory::DataDirectory;
pub use error::{AppendError, FileError, MaintainError, OpenError, SelectError};
pub use maintain::Maintained;
pub use options::StoreOptions;
pub use select::{Freshness, Missing, Reading, SeriesSlice};
pub use sql::{SqlAnswer, SqlEngine, SqlError, SqlLimits, TableSource};
pub use store::{Damage, Recovery, Store, StoreStats};
