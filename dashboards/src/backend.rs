//! What the API serves, as traits that the binary implements over store, alerting and journal.
//!
//! Every trait here is synchronous unless it says otherwise and is called from a thread that may block.

mod alertmanager;
mod incidents;
mod people;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method};
use isobar_journal::Journal;
use isobar_normalizer::{Labels, Matcher, TimeRange, Timestamp};
use isobar_promql::SeriesSource;
use isobar_runbooks::{Decision, Position};
use tokio::sync::watch;

use crate::wire::{
    CoverageView, DeliveryView, LeverView, OverviewView, ProposalView, ReplayRequest, ReplayView,
    ResourceView, SourceDetail, SourceView, WhyStep,
};

pub use alertmanager::{Alertmanager, StandingAlert, StandingGroup};
pub use incidents::{IncidentChange, Incidents};
pub use people::{Alerts, SilenceRefusal, Silences};

/// Everything the API is handed. Clones share it.
#[derive(Clone)]
pub struct Backend {
    /// What PromQL reads.
    pub series: Arc<dyn SeriesSource>,
    /// Label names, label values, series and metadata for the Prometheus doors.
    pub catalogue: Arc<dyn SeriesCatalogue>,
    /// Runs SQL.
    pub sql: Arc<dyn SqlRunner>,
    /// Takes what is pushed.
    pub intake: Arc<dyn Intake>,
    /// Sources and resources.
    pub estate: Arc<dyn Estate>,
    /// Alerts, and what people do about them.
    pub alerts: Arc<dyn Alerts>,
    /// Incidents.
    pub incidents: Arc<dyn Incidents>,
    /// Deliveries, and why.
    pub centre: Arc<dyn AlertCentre>,
    /// Open alerts and groups for the doors of Alertmanager.
    pub alertmanager: Arc<dyn Alertmanager>,
    /// Silences.
    pub silences: Arc<dyn Silences>,
    /// Proposals and the lever.
    pub runbooks: Arc<dyn Runbooks>,
    /// Replays the past.
    pub replays: Arc<dyn Replays>,
    /// The journal, read for export and live events.
    pub journal: Arc<dyn Journal>,
    /// Sequence number of the newest journalled event, sent after the event is durable. It wakes live streams.
    pub journal_head: watch::Receiver<u64>,
    /// Health, reload and own metrics.
    pub operations: Arc<dyn Operations>,
    /// Tells the time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").finish_non_exhaustive()
    }
}

/// Why something could not be read: one line for the operator. The API answers 500 with it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);

/// Names and values of labels, and whole label sets, of the series that exist.
///
/// `selectors` are alternatives: a series counts when all matchers of any one of them accept it; an empty list accepts
/// every series. A series counts in a range when it has a sample in it. Answers are sorted and free of duplicates.
pub trait SeriesCatalogue: Send + Sync {
    /// Names of labels.
    ///
    /// # Errors
    /// The store cannot be read.
    fn label_names(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<String>, ReadError>;

    /// Values of one label.
    ///
    /// # Errors
    /// The store cannot be read.
    fn label_values(
        &self,
        name: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<Vec<String>, ReadError>;

    /// Label sets.
    ///
    /// # Errors
    /// The store cannot be read.
    fn series(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<Labels>, ReadError>;

    /// What is known about metrics, by name; a name has several entries where sources disagree.
    ///
    /// # Errors
    /// The store cannot be read.
    fn metadata(&self) -> Result<BTreeMap<String, Vec<MetricMetadata>>, ReadError>;
}

/// What a source says about a metric.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MetricMetadata {
    /// `counter`, `gauge`, `histogram`, `gaugehistogram`, `summary`, `info`, `stateset` or `unknown`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The help text; empty when there is none.
    pub help: String,
    /// The unit; empty when it is not known.
    pub unit: String,
}

/// Runs SQL statements over the tables of the store.
#[async_trait]
pub trait SqlRunner: Send + Sync {
    /// Runs one statement and returns its rows. Dropping the future cancels the statement.
    ///
    /// # Errors
    /// See [`SqlError`].
    async fn rows(&self, statement: &str) -> Result<SqlRows, SqlError>;

    /// Runs one statement and returns its rows as an Arrow IPC stream.
    ///
    /// # Errors
    /// See [`SqlError`].
    async fn arrow(&self, statement: &str) -> Result<SqlStream, SqlError>;
}

/// The answer to a statement as an Arrow IPC stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SqlStream {
    /// The stream.
    pub bytes: Bytes,
    /// Whether rows over the limit were cut off.
    pub truncated: bool,
}

/// The answer to a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SqlRows {
    /// Columns in order: name, and Arrow's word for the type.
    pub columns: Vec<(String, String)>,
    /// Rows, each with one value per column.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Whether rows over the limit were cut off.
    pub truncated: bool,
}

/// Why a statement has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SqlError {
    /// The statement is wrong or not allowed; the text says what would be right.
    #[error("{0}")]
    Refused(String),
    /// The statement took more memory or rows than it may.
    #[error("{0}")]
    TooLarge(String),
    /// The statement took longer than it may.
    #[error("{0}")]
    TimedOut(String),
    /// The store failed.
    #[error("{0}")]
    Failed(String),
}

/// Takes what is pushed: decodes, stores durably, and only then answers.
pub trait Intake: Send + Sync {
    /// Takes one Prometheus remote-write request: the body as it came, and the headers that describe it.
    fn remote_write(&self, headers: &HeaderMap, body: Bytes) -> IntakeAnswer;

    /// Takes the alerts of one `POST /api/v2/alerts`: the body as it came.
    fn post_alerts(&self, body: &[u8], sender: &Sender) -> PostAnswer;

    /// Takes one request to a hook, which judges itself who may send.
    fn hook(&self, call: HookCall) -> HookReply;
}

/// Who posts alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The name of the credential.
    pub name: String,
    /// Whether there was one.
    pub is_known: bool,
}

/// What became of posted alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostAnswer {
    /// All of them are on disk: 200.
    Taken,
    /// Those that are not named here are on disk, and sending the others again would not help: 400.
    Refused(String),
    /// The body is no list of alerts, nothing is taken: 400.
    Malformed(String),
    /// Nothing could be written down; worth sending again: 500.
    Failed(String),
}

/// One request to `/hooks/{kind}/{name}`.
#[derive(Clone, Debug)]
pub struct HookCall {
    /// `POST` or `OPTIONS`.
    pub method: Method,
    /// The first part of the path.
    pub kind: String,
    /// The second.
    pub name: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// The query of its URL, without the question mark.
    pub query: String,
    /// Its body, as it came.
    pub body: Bytes,
}

/// What became of a request to a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookReply {
    /// What it says is on disk: 200.
    Taken,
    /// Its sender may send: 200, with these headers.
    Allowed(Vec<(&'static str, String)>),
    /// Sending it again would not help; what is not named here is on disk: 400.
    Refused(String),
    /// No such hook is configured: 404.
    NotFound,
    /// It does not come from who it should come from: 401.
    Denied,
    /// Its method or its content type is not spoken there: 415.
    Unsupported(String),
    /// Nothing could be written down; worth sending again: 500.
    Failed(String),
}

/// What became of a pushed request. Messages carry the counts of what was stored and what was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntakeAnswer {
    /// Everything is stored durably: 204.
    Stored,
    /// Nothing or not everything could be stored and sending it again would not help: 400.
    Invalid(String),
    /// It would unpack to more than is taken: 413.
    TooLarge(String),
    /// An encoding or protobuf message that is not spoken here: 415.
    Unsupported(String),
    /// More arrives than can be stored now; worth sending again: 429 with `Retry-After`.
    Overloaded(String),
    /// The disk is full; worth sending again: 507.
    DiskFull(String),
    /// The store failed; worth sending again: 500.
    Failed(String),
}

/// Sources and the resources they watch.
pub trait Estate: Send + Sync {
    /// Every configured source.
    ///
    /// # Errors
    /// The state cannot be read.
    fn sources(&self) -> Result<Vec<SourceView>, ReadError>;

    /// Every known resource.
    ///
    /// # Errors
    /// The state cannot be read.
    fn resources(&self) -> Result<Vec<ResourceView>, ReadError>;

    /// One source with its parts; `None` when there is none of that name.
    ///
    /// # Errors
    /// The state cannot be read.
    fn source(&self, name: &str) -> Result<Option<SourceDetail>, ReadError>;

    /// What clouds deliver, mapped or not.
    ///
    /// # Errors
    /// The state cannot be read.
    fn coverage(&self) -> Result<Vec<CoverageView>, ReadError>;

    /// The estate at a glance.
    ///
    /// # Errors
    /// The state cannot be read.
    fn overview(&self) -> Result<OverviewView, ReadError>;
}

/// What was told of alerts, and the reasons.
pub trait AlertCentre: Send + Sync {
    /// Every delivery that is not forgotten yet.
    ///
    /// # Errors
    /// The state cannot be read.
    fn deliveries(&self) -> Result<Vec<DeliveryView>, ReadError>;

    /// Each step that decided whether the alert paged, in the order taken; `None` when there is no such alert.
    ///
    /// # Errors
    /// The state cannot be read.
    fn why(&self, fingerprint: u64) -> Result<Option<Vec<WhyStep>>, ReadError>;

    /// Queues a dead delivery again, under its idempotency key. `actor` is journalled.
    ///
    /// # Errors
    /// See [`ResendError`].
    fn resend(&self, delivery: &str, actor: &str) -> Result<DeliveryView, ResendError>;
}

/// Why a delivery was not queued again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ResendError {
    /// No delivery has this id.
    #[error("no delivery has this id")]
    NotFound,
    /// The delivery is not dead, so that sending it again would page twice.
    #[error("{0}")]
    NotDead(String),
    /// The change could not be journalled.
    #[error("{0}")]
    Failed(String),
}

/// Proposals, what people decide about them, and the lever.
pub trait Runbooks: Send + Sync {
    /// Every proposal that is not forgotten yet.
    ///
    /// # Errors
    /// The state cannot be read.
    fn proposals(&self) -> Result<Vec<ProposalView>, ReadError>;

    /// The proposal with this id.
    ///
    /// # Errors
    /// The state cannot be read.
    fn proposal(&self, id: &str) -> Result<Option<ProposalView>, ReadError>;

    /// Decides about what the hash stands for, and returns once that is journalled; so is an attempt that changes nothing.
    ///
    /// # Errors
    /// See [`ActError`].
    fn decide(
        &self,
        id: &str,
        decision: Decision,
        hash: &str,
        comment: &str,
        actor: &str,
    ) -> Result<ProposalView, ActError>;

    /// Where the lever stands.
    ///
    /// # Errors
    /// The state cannot be read.
    fn lever(&self) -> Result<LeverView, ReadError>;

    /// Moves the lever, and returns once that is journalled.
    ///
    /// # Errors
    /// See [`ActError`].
    fn set_lever(&self, position: Position, reason: &str, actor: &str) -> Result<LeverView, ActError>;

    /// Journals that a request which would act was turned away at the door.
    fn turned_away(&self, actor: &str, action: &str, reason: &str);
}

/// Why nothing was done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ActError {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// What is asked cannot be right as it is.
    #[error("{0}")]
    Invalid(String),
    /// As things stand it is not done.
    #[error("{0}")]
    Conflict(String),
    /// The change could not be journalled; asking again is safe.
    #[error("{0}")]
    Failed(String),
}

/// Runs stretches of the past again.
#[async_trait]
pub trait Replays: Send + Sync {
    /// Replays a stretch. Dropping the future ends it.
    ///
    /// # Errors
    /// See [`ReplayRefused`].
    async fn replay(&self, request: ReplayRequest) -> Result<ReplayView, ReplayRefused>;
}

/// Why there is no replay.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReplayRefused {
    /// The stretch or a configuration is not right; the text says what would be.
    #[error("{0}")]
    Invalid(String),
    /// As many run as may.
    #[error("another stretch is being replayed: ask again when it is done")]
    Busy,
    /// The journal or the store cannot be read.
    #[error("{0}")]
    Failed(String),
}

/// Health, reload, and the process's own metrics.
pub trait Operations: Send + Sync {
    /// The stages of the pipeline and whether each moves. Must answer without waiting for any of them.
    fn stages(&self) -> Vec<StageHealth>;

    /// Reads the configuration again; a bad file changes nothing.
    ///
    /// # Errors
    /// What is wrong with the file, one complaint a line.
    fn reload(&self, actor: &str) -> Result<(), String>;

    /// Own metrics in Prometheus' text format 0.0.4.
    fn metrics(&self) -> String;
}

/// One stage of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageHealth {
    /// Its name: `store`, `rules`, `outbox`, `disk_reserve`.
    pub name: String,
    /// Whether it moves.
    pub ok: bool,
    /// What is wrong, or what it last did; one line.
    pub detail: String,
    /// Since when it is so.
    pub since: Timestamp,
}
