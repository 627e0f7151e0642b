//! SQL over the store and over whatever tables the binary adds: one reading statement at a time, inside limits.
//!
//! | table | columns |
//! | --- | --- |
//! | `metrics` | `ts`, `name`, `value`, `period_ms`, `source`, `cloud_provider`, `cloud_account_id`, `cloud_region`, `resource_type`, `resource_id`, `labels` |
//! | `samples` | `series_id`, `ts`, `value`, `period_ms` |
//! | `series` | `series_id`, `name`, `labels`, `source`, `period_ms`, `first_ts`, `last_ts` |
//!
//! `ts` is a timestamp in milliseconds, UTC, the end of the sample's period. `labels` is a map of text to text, so that
//! `labels['job']` is the label's value or null. Columns a series has nothing for are null. `metrics` leaves staleness
//! markers out; `samples` has them, as NaN.

mod engine;
mod guard;
mod pushdown;
mod rows;
mod table;

use std::fmt::Debug;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

pub use engine::SqlEngine;

/// A table that does not live in the store.
pub trait TableSource: Debug + Send + Sync {
    /// Its name in statements, lower case.
    fn name(&self) -> &str;

    /// Its columns; asked for every statement, so it must be cheap.
    fn schema(&self) -> SchemaRef;

    /// All its rows as they are now, in batches of the schema. Called on a thread that may block.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn batches(&self) -> Result<Vec<RecordBatch>, SqlError>;
}

/// How much a statement may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlLimits {
    /// Bytes of memory for one statement. Nothing is ever spilled to disk.
    pub memory: usize,
    /// How long a statement may run, waiting for its turn included.
    pub timeout: Duration,
    /// Most rows of an answer; the rest is cut off, and the answer says so.
    pub rows_max: usize,
    /// How many statements run at the same time.
    pub concurrency: usize,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self { memory: 256 << 20, timeout: Duration::from_secs(10), rows_max: 100_000, concurrency: 4 }
    }
}

/// What a statement answered.
#[derive(Clone, Debug)]
pub struct SqlAnswer {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Whether rows past `rows_max` were cut off.
    pub truncated: bool,
}

/// Why a statement was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// It is not one reading statement.
    #[error("statement refused: {0}; write one SELECT, EXPLAIN SELECT or SHOW TABLES")]
    Refused(String),
    /// It does not parse, or names what is not there.
    #[error("statement not understood: {0}")]
    Invalid(String),
    /// It needs more memory than a statement may take.
    #[error("statement needs more than {limit} bytes of memory: narrow its time range or its series")]
    Memory {
        /// The limit.
        limit: usize,
    },
    /// It took too long.
    #[error("statement took longer than {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// A table could not be read, or a value could not be computed.
    #[error("statement failed: {0}")]
    Failed(String),
}
