//! The one trait every source kind implements, and what it hands over.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::{Egress, Retry};
use isobar_normalizer::{
    AlarmReport, ConfigError, Measurement, MetricMetadata, Resource, SampleRun, SecretReader, Step, Timestamp,
};

use crate::{Calls, Clouds};

/// A part of a source that is collected on its own schedule: a scrape target, or a region of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// Unique inside its source and stable over discoveries: a target's URL and labels, an account and region.
    pub key: Arc<str>,
    /// How often it is collected; `None` means the source's own interval.
    pub interval: Option<Duration>,
}

/// The stretch of event time one collection covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Excluded.
    pub start: Timestamp,
    /// Included; for scrapes it is the scrape's own timestamp.
    pub end: Timestamp,
}

/// What one collection of one part brought. Partial success is data: a failure stands beside what still came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collected {
    /// Measurements.
    pub runs: Vec<SampleRun>,
    /// What a cloud measured, to be aligned.
    pub measurements: Vec<Measurement>,
    /// The provider's own alarms; `None` when they were not looked at.
    pub alarms: Option<AlarmReport>,
    /// Inventory seen on the way.
    pub resources: Vec<Resource>,
    /// Whether `resources` are all there are in the part: one that it told of before and that is not among them has left.
    pub lists_all: bool,
    /// What was called, for the cost meter; empty where calls cost nothing.
    pub calls: Vec<Calls>,
    /// Everything the part says about its metrics; `None` when it said nothing this time, so that what it said before
    /// still holds. The same `Arc` comes again while nothing changes: comparing pointers is enough.
    pub metadata: Option<Arc<[MetricMetadata]>>,
    /// What failed, one line each with the place in it (target, region, account); empty means all well.
    pub failures: Vec<String>,
    /// Whether the part failed as a whole: what runs there are only tell of it.
    pub failed: bool,
    /// Up to when this part's data is complete. A failed scrape is complete too: that nothing answered is known.
    pub watermark: Option<Timestamp>,
    /// Since when it is, where the past was read too; `None` means since this collection.
    pub complete_since: Option<Timestamp>,
}

/// Why a part could not be collected at all.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct CollectError {
    /// What was tried and what happened, with account, region or target and status.
    pub message: String,
    /// When trying again makes sense.
    pub retry: Retry,
}

/// One configured source of raw measurements.
#[async_trait]
pub trait Collector: fmt::Debug + Send + Sync {
    /// The parts as they are now; asked again every source interval, so that discovery is followed. A call may be dropped
    /// before it ends.
    ///
    /// # Errors
    /// Discovery failed; the scheduler keeps the parts it has.
    async fn parts(&self) -> Result<Vec<Part>, CollectError>;

    /// How often `parts` is asked where the source's own interval is longer.
    fn discovery_interval(&self) -> Option<Duration> {
        None
    }

    /// Whether a part is collected at once when it starts, before its first tick: where a source answers for the past, nobody
    /// waits an interval for what it knows already.
    fn answers_for_the_past(&self) -> bool {
        false
    }

    /// Collects every measurement of the part whose period ends inside the window; empty means "nothing new".
    ///
    /// # Errors
    /// Nothing of the part could be collected.
    async fn collect(&self, part: &Part, window: Window) -> Result<Collected, CollectError>;

    /// Tells that a part has left `parts()`, and returns the last samples to write (staleness markers).
    fn forget(&self, part: &Part, at: Timestamp) -> Vec<SampleRun>;
}

/// What a kind's settings need to become a collector.
#[derive(Clone, Copy)]
pub struct SourceContext<'a> {
    /// The source's configured name.
    pub name: &'a str,
    /// The source's configured interval.
    pub interval: Duration,
    /// The way out.
    pub egress: &'a Egress,
    /// Reveals secrets.
    pub secrets: &'a dyn SecretReader,
    /// Relative paths start here: the configuration file's folder.
    pub base_dir: &'a Path,
    /// What the collectors of clouds share.
    pub clouds: &'a Clouds,
}

impl fmt::Debug for SourceContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceContext").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Settings that were read and found valid as a text.
pub trait SourceSettings: fmt::Debug + Send + Sync {
    /// Builds the collector: reveals secrets, reads the files it names, opens nothing on the network.
    ///
    /// # Errors
    /// The place in the configuration and what would be right.
    fn build(&self, context: SourceContext<'_>) -> Result<Box<dyn Collector>, ConfigError>;
}

/// What the configuration word `kind: …` stands for.
pub trait CollectorKind: fmt::Debug + Sync {
    /// The word.
    fn name(&self) -> &'static str;

    /// A complete, commented sample of the `settings` table, YAML.
    fn sample(&self) -> &'static str;

    /// What asking costs, as [`crate::Prices`] reads it; `None` where nothing is billed.
    fn prices(&self) -> Option<&'static str> {
        None
    }

    /// Reads the `settings` table that stands at `at` in a YAML document (see [`isobar_normalizer::read_part`]); a
    /// missing table is an empty one.
    ///
    /// # Errors
    /// Unknown keys, wrong types, values out of range, each with its place in the document.
    fn read(&self, document: &str, at: &[Step]) -> Result<Box<dyn SourceSettings>, ConfigError>;
}
