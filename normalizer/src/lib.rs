//! The vocabulary every other crate speaks, and the mapping of what sources measure onto canonical metrics.
//!
//! Nothing here does I/O, reads a clock or is async: what a function needs, `now` included, is handed to it.
//!
//! ```
//! use isobar_normalizer::{Labels, Sample, Timestamp};
//!
//! let labels = Labels::from_pairs([("__name__", "node_load1"), ("instance", "db-1:9100")]).unwrap();
//! let sample = Sample { labels, at: Timestamp::from_millis(1_700_000_000_000), value: 0.25 };
//! assert_eq!(sample.labels.name(), Some("node_load1"));
//! ```

mod alert;
mod canonicaliser;
mod config;
mod document;
mod entries;
mod label;
mod mapping;
mod mapping_file;
mod matcher;
mod metadata;
mod native;
mod native_alarm;
mod notation;
mod registry;
#[cfg(test)]
mod research;
mod resource;
mod sample;
mod time;
mod unit;

pub use alert::{AlertClass, FailureDomain, Severity, UnknownWord};
pub use canonicaliser::{Canonical, Canonicaliser, Stats};
pub use config::{ConfigError, Revealed, Secret, SecretReader, SecretReference};
pub use document::{Step, read_part};
pub use entries::Entries;
pub use label::{LabelError, Labels, LabelsBuilder, METRIC_NAME, SeriesId};
pub use mapping::{Mapping, Mappings};
pub use mapping_file::MappingFile;
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use metadata::{MetricMetadata, MetricType};
pub use native::{Aligned, Measurement, NativeMapping, NativeMappings, NativeName, Wanted};
pub use native_alarm::{AlarmReport, NativeAlarm, NativeState};
pub use registry::{Aggregation, CanonicalMetric, MetricKind, OtelRelation, Registry, ValueRange, Vantage};
pub use resource::{Provider, Resource, ResourceId, ResourceIdError};
pub use sample::{STALE_NAN_BITS, Sample, SampleRun, is_stale, stale_marker};
pub use time::{DurationError, TimeRange, Timestamp, format_duration, parse_duration};
pub use unit::{Conversion, Unit, UnitMismatch};
