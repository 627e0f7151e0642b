//! One folder per source kind: from an API to raw measurements, native alarms and inventory.

mod collector;

pub use collector::{
    CollectError, Collected, Collector, CollectorKind, Part, SourceContext, SourceSettings, Window,
};
