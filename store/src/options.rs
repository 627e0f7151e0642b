//! What can be set about a store, and how far its limits reach.

use std::time::Duration;

/// Settings of one store. The defaults suit one machine with tens of thousands of series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// How long samples are kept; a block goes once all of it is older.
    pub retention: Duration,
    /// Length of the spans blocks are cut in; spans are aligned to the epoch.
    pub block_span: Duration,
    /// How far behind the newest sample of the store a sample may be and still be stored.
    pub out_of_order: Duration,
    /// How far ahead of `now` a sample may be and still be stored.
    pub future_max: Duration,
    /// How often what was written is forced to disk when nobody asks for it.
    pub fsync_interval: Duration,
    /// Most series the head holds; samples of further ones are refused and counted.
    pub series_max: usize,
    /// Most series one source may have in the head, so that one flood leaves room for the others.
    pub series_per_source_max: usize,
    /// A series without samples in the head is forgotten this long after its last one.
    pub idle_after: Duration,
    /// Size at which a WAL segment is closed and the next begun.
    pub segment_bytes: u64,
    /// Most samples one `select` returns: 16 bytes each.
    pub select_samples_max: usize,
    /// Most bytes of blocks' series tables kept in memory between queries.
    pub index_cache_bytes: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(30 * 86_400),
            block_span: Duration::from_secs(2 * 3_600),
            out_of_order: Duration::from_secs(24 * 3_600),
            future_max: Duration::from_secs(600),
            fsync_interval: Duration::from_millis(200),
            series_max: 2_000_000,
            series_per_source_max: 1_000_000,
            idle_after: Duration::from_secs(6 * 3_600),
            segment_bytes: 64 << 20,
            select_samples_max: 50_000_000,
            index_cache_bytes: 128 << 20,
        }
    }
}

/// A span in whole milliseconds, at least one: `block_span` as the arithmetic of spans needs it.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).max(1)
}

/// The longest span blocks are merged into: a tenth of retention, so that what is past it goes in steps as small, and
/// damage of one block costs no more.
pub(crate) fn longest_span_ms(options: &StoreOptions) -> i64 {
    millis(options.block_span).max(millis(options.retention) / 10)
}
