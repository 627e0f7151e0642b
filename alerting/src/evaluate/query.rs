//! What the evaluator wants to know; the binary answers from the store, the query engine and the resource table.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isobar_normalizer::{Labels, Matcher, Timestamp};

/// Answers the evaluator's questions about series, sources and resources.
#[async_trait]
pub trait RuleQuery: Send + Sync {
    /// The instant vector of a PromQL expression at a point of event time: labels without the metric's name, and the
    /// value. Descriptive labels are joined before matching, and a selector that names no vantage takes one vantage
    /// per resource.
    ///
    /// # Errors
    /// The expression does not evaluate, or the store cannot be read; the evaluator asks again on its next tick.
    async fn instant(&self, expression: &str, at: Timestamp) -> Result<Vec<(Labels, f64)>, RuleQueryError>;

    /// Every configured source that has series the matchers accept, silent and failing ones included. Asked on every
    /// tick for every policy: the answer comes from memory.
    fn sources(&self, matchers: &[Matcher]) -> Vec<SourceWatermark>;

    /// Over which stretch what this source says of the resource is complete: that of the part (a region, a target) that sees
    /// it; of several, from the earliest begin to the newest end. It ends at the earliest time there is while none of them
    /// has been read since the start. `None` where the source has no part that is known to see it; then what is known of
    /// the source as a whole counts. Asked for every group on every evaluation: the answer comes from memory.
    fn stretch(&self, source: &str, resource_id: &str) -> Option<Stretch>;

    /// What is known of a resource. Asked for every group on every evaluation: the answer comes from memory.
    fn resource(&self, resource_id: &str) -> ResourceLookup;
}

/// The query could not be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RuleQueryError(pub String);

/// How far a source's data reaches, in event time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceWatermark {
    /// The configured name, the `source` label of its series.
    pub source: Arc<str>,
    /// Data up to here is complete: the last attempted scrape, failed or not; the end of the last window read from a
    /// cloud, less its delay; the newest sample of what is pushed. Of a source in parts (targets, regions) it is less than
    /// one period beyond the slowest part that is in step, so that a sample due at an instant is there when the instant is
    /// looked at. What comes later than that is not looked at again.
    pub watermark: Timestamp,
    /// Where the slowest of the parts is that were left behind because they fail; `None` when all are in step. What only
    /// such parts see stands still, see [`RuleQuery::stretch`].
    pub behind: Option<Timestamp>,
    /// Where the stretch that ends at the watermark begins: we were looking all the time since. After a start it is the
    /// first scrape, or the begin of what was read back from a cloud. Silence before it is ours, not the source's.
    pub complete_since: Timestamp,
    /// How many of its parts brought a past along with their first data. When there are more, what they see is looked at from
    /// where `for` may have begun, as at a start.
    pub pasts: usize,
    /// Time between two samples of a series; zero when it is not known.
    pub period: Duration,
    /// How long after a period the provider publishes it.
    pub delay: Duration,
}

/// A stretch of event time in which we were looking all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Silence before this is ours.
    pub since: Timestamp,
    /// Data up to here is complete.
    pub until: Timestamp,
}

/// What the resource table says about an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceLookup {
    /// It is there; its descriptive labels (`cloud_region`, `resource_name`, `tag_*` …).
    Known(Labels),
    /// It left the inventory at this time.
    Gone(Timestamp),
    /// It was never in the inventory: pushed series may name what no inventory lists.
    Unknown,
}
