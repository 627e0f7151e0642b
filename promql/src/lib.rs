//! PromQL: parse, plan, evaluate over columns it is handed.

mod source;

pub use source::{SeriesSource, SourceError, SourceSeries};
