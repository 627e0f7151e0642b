//! A source in detail, what is mapped, and the estate at a glance.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CostView, SourceState, WireTime, schema};
use isobar_normalizer::Severity;

/// A source and its parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceDetail {
    /// Its configured name.
    pub name: String,
    /// Its kind, `prometheus`.
    pub kind: String,
    /// Whether it delivers.
    pub state: SourceState,
    /// What is wrong; null while it is up.
    #[schema(required)]
    pub reason: Option<String>,
    /// When a collection last brought everything; null when none has yet.
    #[schema(required)]
    pub last_success: Option<WireTime>,
    /// Samples the latest cycle brought.
    pub samples_last_cycle: u64,
    /// How far its watermark is behind now, in seconds; null before the first sample.
    #[schema(required)]
    pub lag_seconds: Option<f64>,
    /// What its API bills for the collection; null where nothing is billed.
    #[schema(required)]
    pub cost: Option<CostView>,
    /// Targets, regions, or what else is collected on its own.
    pub parts: Vec<PartView>,
    /// What of its metrics is mapped; null where metrics are taken as they come.
    #[schema(required)]
    pub coverage: Option<CoverageCounts>,
    /// How the last hour went, in blocks of two minutes, the oldest first.
    pub freshness: Vec<Freshness>,
    /// What was called this month.
    pub calls: Vec<CallView>,
}

/// A part of a source that is collected on its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PartView {
    /// A target's address and labels, an account and region.
    pub key: String,
    /// Whether it delivers.
    pub state: SourceState,
    /// What is wrong; null while it is up.
    #[schema(required)]
    pub reason: Option<String>,
    /// When a collection last brought everything; null when none has yet.
    #[schema(required)]
    pub last_success: Option<WireTime>,
    /// Up to when its data is complete; null for a part that tells no such time.
    #[schema(required)]
    pub watermark: Option<WireTime>,
    /// How far that is behind now, in seconds.
    #[schema(required)]
    pub lag_seconds: Option<f64>,
    /// Samples its latest collection brought.
    pub samples_last_cycle: u64,
    /// When it is collected next, unless it was told to wait.
    pub next_at: WireTime,
}

/// How many statistics of metrics are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CoverageCounts {
    /// Those that feed a canonical metric.
    pub mapped: u64,
    /// Those that are kept raw.
    pub unmapped: u64,
}

/// How a stretch of time went for a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Every collection brought everything.
    Full,
    /// Some did not.
    Partial,
    /// None brought anything.
    None,
    /// Nothing was to be collected, or nobody was looking.
    Unknown,
}

/// One operation of a provider's API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallView {
    /// Its name.
    pub what: String,
    /// Requests this month.
    pub calls: u64,
    /// Units billed this month.
    pub billed: u64,
    /// What is counted; null where it costs nothing.
    #[schema(required)]
    pub unit: Option<String>,
    /// The price of one unit; null where it costs nothing.
    #[schema(required)]
    pub unit_price: Option<f64>,
}

/// One statistic of one metric a cloud delivers, and a canonical metric it feeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CoverageView {
    /// Who measures.
    #[schema(value_type = schema::Provider)]
    pub provider: String,
    /// The provider's namespace.
    pub namespace: String,
    /// The provider's metric.
    pub metric: String,
    /// The provider's statistic.
    pub statistic: String,
    /// The canonical metric; null when it is kept raw.
    #[schema(required)]
    pub canonical: Option<String>,
    /// The unit of the canonical metric.
    #[schema(required)]
    pub unit: Option<String>,
    /// Of how many resources it came.
    pub resources: u64,
    /// From which sources.
    pub sources: Vec<String>,
}

/// The estate at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OverviewView {
    /// What the first sentence says, as parts to be put into any language.
    pub sentence: Sentence,
    /// Provider by region, as each source sees it.
    pub matrix: Vec<Cell>,
    /// Open alerts by severity.
    pub counts: SeverityCounts,
    /// Sources by state.
    pub sources: SourceCounts,
    /// Deliveries by state.
    pub deliveries: DeliveryCounts,
    /// What collecting costs, all sources together; null where nothing is billed or in several currencies.
    #[schema(required)]
    pub cost: Option<CostView>,
}

/// The parts of the first sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sentence {
    /// What it is about.
    pub state: EstateState,
    /// Where it is worst; null when nothing is open, or it is nowhere in particular.
    #[schema(required)]
    pub provider: Option<String>,
    /// The region there; null when it is several.
    #[schema(required)]
    pub region: Option<String>,
    /// How many alerts are open there.
    pub alerts: u64,
    /// Of how many resources.
    pub resources: u64,
    /// Since when the oldest of them is.
    #[schema(required)]
    pub since: Option<WireTime>,
}

/// How the estate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EstateState {
    /// Nothing that anybody must look at is open.
    Quiet,
    /// Something is.
    Degraded,
    /// Something critical is.
    Down,
    /// No source delivers: nobody knows.
    Blind,
    /// Nothing was collected yet.
    Starting,
}

/// One region of one provider as one source sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cell {
    /// The source's name.
    pub source: String,
    /// The provider.
    #[schema(value_type = schema::Provider)]
    pub provider: String,
    /// The region; empty where there is none.
    pub region: String,
    /// The worst that is open there; null when nothing is.
    #[schema(required, value_type = Option<schema::Severity>)]
    pub severity: Option<Severity>,
    /// How many alerts are open there.
    pub alerts: u64,
    /// Whether what is shown can be relied on.
    pub state: CellState,
    /// How far the region's data is behind now, in seconds.
    #[schema(required)]
    pub lag_seconds: Option<f64>,
    /// Why it cannot be relied on.
    #[schema(required)]
    pub reason: Option<String>,
}

/// Whether what is known of a region is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CellState {
    /// It is.
    Ok,
    /// Nothing comes from there.
    Nodata,
    /// What is known is old.
    Stale,
    /// Nothing was heard yet.
    Unknown,
}

/// Open alerts by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeverityCounts {
    /// Users are hurt now.
    pub critical: u64,
    /// Something does not work.
    pub error: u64,
    /// Will become a problem.
    pub warning: u64,
    /// Worth knowing.
    pub info: u64,
}

/// Sources by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceCounts {
    /// Those that deliver.
    pub up: u64,
    /// Those that deliver in part.
    pub degraded: u64,
    /// Those that do not.
    pub down: u64,
}

/// Deliveries by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryCounts {
    /// Waiting to be sent for the first time.
    pub queued: u64,
    /// Waiting for another try.
    pub failed: u64,
    /// Given up.
    pub dead: u64,
    /// Accepted by their receivers in the last hour.
    pub sent_last_hour: u64,
    /// When a receiver last accepted one.
    #[schema(required)]
    pub last_sent_at: Option<WireTime>,
}
