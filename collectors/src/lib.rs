//! One folder per source kind: from an API to raw measurements, native alarms and inventory.
//!
//! A collector never stores, evaluates or schedules: it is asked for a window of event time and hands over what came, failures
//! beside it. It reads no clock. What senders push is decoded here too, without I/O.
//!
//! ```
//! use isobar_collectors::exposition::{Format, SeriesCache, read};
//!
//! let page = b"# TYPE node_load1 gauge\nnode_load1{instance=\"db-1\"} 0.25\n";
//! let samples = read(page, Format::Text, &mut SeriesCache::default()).unwrap();
//! assert_eq!(samples[0].labels.to_string(), r#"node_load1{instance="db-1"}"#);
//! assert_eq!(samples[0].value, 0.25);
//! ```

mod azure_monitor;
mod clouds;
mod cloudwatch;
mod collector;
mod kinds;
mod prices;
mod prometheus;
pub mod push;
mod schedule;

pub use clouds::{Calls, Clouds, InUse};
pub use collector::{
    CollectError, Collected, Collector, CollectorKind, Part, SourceContext, SourceSettings, Window,
};
pub use kinds::KINDS;
pub use prices::{Price, Prices};
pub use prometheus::{exposition, remote_write, target_page};
pub use schedule::next_tick;
