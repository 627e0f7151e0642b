//! Append-only hash-chained event journal.
