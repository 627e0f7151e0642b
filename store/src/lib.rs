//! Arrow head, write-ahead log, Parquet blocks, retention and SQL.
