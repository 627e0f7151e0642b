//! The shapes of the native API, as they go over the wire. Scripts rely on them.

use std::collections::BTreeMap;

use isobar_alerting::{Alert, AlertState, KnownAlert};
use isobar_normalizer::{AlertClass, FailureDomain, Resource, Severity, Timestamp};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

mod estate;
mod handling;
mod incidents;
mod native;
mod replay;
mod routing;
mod runbooks;
mod schema;

pub use estate::{
    CallView, Cell, CellState, CoverageCounts, CoverageView, DeliveryCounts, EstateState, Freshness,
    OverviewView, PartView, Sentence, SeverityCounts, SourceCounts, SourceDetail,
};
pub use handling::{
    ActAnswer, ActRequest, ActWord, AlertList, CommentView, FacetCount, Hidden, MatcherView, NameCount,
    SilencePreview, SilencePreviewRequest, SilenceRequest, SilenceView,
};
pub(crate) use incidents::AcknowledgeRequest;
pub use incidents::{
    IncidentCell, IncidentDetail, IncidentView, MemberView, MergeRequest, OutageEvidence, OutageView,
    SplitRequest, TimelineView,
};
pub use native::{NativeView, ThresholdView};
pub use replay::{
    ReplayAlert, ReplayChange, ReplayMessage, ReplayReceiver, ReplayRequest, ReplaySilence, ReplayView,
};
pub use routing::{
    ChangedAnswer, ReceiverChange, ReceiverChannel, ReceiverView, RouteChange, RoutePreview,
    RoutePreviewRequest, RouteStep, RouteView, RoutingView, TestAnswer, TestResult, TestStep, ToldView,
    WhoAnswer,
};
pub(crate) use routing::{TestRequest, group_by};
pub(crate) use runbooks::{DecisionRequest, LeverRequest};
pub use runbooks::{EvidenceView, LeverView, ProposalView, ProposedAlert, ReceiptView, TargetView};

/// A point in time, written as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WireTime(pub Timestamp);

impl From<Timestamp> for WireTime {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for WireTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WireTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let at = Timestamp::parse_rfc3339(&text);
        at.map(Self).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not an RFC 3339 time")))
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// How many items match `q`, on all pages together.
    pub total: u64,
    /// Give it as `after` to get the next page; null on the last one.
    #[schema(required)]
    pub next: Option<String>,
}

/// Whether a source delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Everything it was asked came.
    Up,
    /// Something came, something did not.
    Degraded,
    /// Nothing came.
    Down,
    /// Switched off in the configuration.
    Disabled,
}

impl SourceState {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Disabled => "disabled",
        }
    }
}

/// A configured source and how it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceView {
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
}

/// What the collection itself costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CostView {
    /// API calls this month.
    pub calls: u64,
    /// Units the provider bills this month, in its own measure.
    pub billed_units: u64,
    /// Projected bill of the month.
    pub projected_month: f64,
    /// ISO 4217 code of the projected bill.
    pub currency: String,
}

/// A resource as last seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ResourceView {
    /// `provider:account:region:type:native-id`.
    pub id: String,
    /// Who runs it.
    #[schema(value_type = schema::Provider)]
    pub provider: String,
    /// Account, subscription or project; may be empty.
    pub account: String,
    /// Region; may be empty.
    pub region: String,
    /// Availability zone; empty when unknown.
    pub zone: String,
    /// Type, `compute.instance`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The provider's own id.
    pub native_id: String,
    /// Name as people know it; empty when unknown.
    pub name: String,
    /// Tags as the source has them.
    pub tags: BTreeMap<String, String>,
    /// The service it belongs to; empty when unknown.
    pub service: String,
    /// When a source last saw it.
    pub last_seen: WireTime,
}

impl From<&Resource> for ResourceView {
    fn from(resource: &Resource) -> Self {
        let (provider, account, region, kind, native_id) = resource.id.parts();
        Self {
            id: resource.id.to_string(),
            provider: provider.as_str().to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            zone: resource.zone.clone(),
            kind: kind.to_owned(),
            native_id: native_id.to_owned(),
            name: resource.name.clone(),
            tags: resource.tags.clone(),
            service: resource.service.clone(),
            last_seen: resource.last_seen.into(),
        }
    }
}

/// An alert: its state, and apart from it how it is handled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertView {
    /// The fingerprint, as the path `alerts/{id}` takes it.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub id: String,
    /// Alertmanager's fingerprint of the identity labels: 16 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub fingerprint: String,
    /// The `alertname` label.
    pub name: String,
    /// `pending`, `firing`, `no_data` or `resolved`.
    #[schema(value_type = schema::AlertState)]
    pub state: AlertState,
    /// `critical`, `error`, `warning` or `info`.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// What kind of trouble.
    #[schema(value_type = schema::AlertClass)]
    pub class: AlertClass,
    /// How wide it reaches.
    #[schema(value_type = schema::FailureDomain)]
    pub failure_domain: FailureDomain,
    /// Who reported it.
    pub sources: Vec<String>,
    /// False when any evidence came over an unverified door.
    pub verified: bool,
    /// The resource it is about; null when it is about none or several.
    #[schema(required)]
    pub resource: Option<String>,
    /// Every label routing sees.
    pub labels: BTreeMap<String, String>,
    /// Rendered annotations.
    pub annotations: BTreeMap<String, String>,
    /// The value that decided the latest transition; null when there is none or it is not finite.
    #[schema(required)]
    pub value: Option<f64>,
    /// When it began, in event time.
    pub starts_at: WireTime,
    /// When it ended; null while it is open.
    #[schema(required)]
    pub ends_at: Option<WireTime>,
    /// Who acknowledged it, here or at the provider; null when nobody has.
    #[schema(required)]
    pub acknowledged_by: Option<String>,
    /// Whether it begins and ends again and again.
    pub flapping: bool,
    /// Who is to look after it; null when nobody is.
    #[schema(required)]
    pub assigned_to: Option<String>,
    /// Until when somebody has put it off; null when nobody has.
    #[schema(required)]
    pub snoozed_until: Option<WireTime>,
    /// What people said of it, oldest first.
    pub comments: Vec<CommentView>,
    /// Ids of the silences that hold it.
    pub silenced_by: Vec<String>,
    /// Fingerprints of the alerts that inhibit it.
    pub inhibited_by: Vec<String>,
    /// Names of the time intervals because of which nobody is told of it now.
    pub muted_by: Vec<String>,
    /// The incident it belongs to; null when it is in none.
    #[schema(required)]
    pub incident: Option<String>,
    /// The metric it is about: its canonical name, or the raw one's; null when it is about none.
    #[schema(required)]
    pub metric: Option<String>,
    /// What its value is compared with at its severity; null where no policy compares.
    #[schema(required)]
    pub threshold: Option<ThresholdView>,
    /// PromQL for the value that is compared; null when there is none.
    #[schema(required)]
    pub expression: Option<String>,
    /// The provider's own alarms that it is, or that are folded into it.
    pub native: Vec<NativeView>,
    /// Where its sender shows it; null where it was not sent, or the sender does not say.
    #[schema(required)]
    pub generator_url: Option<String>,
    /// Ids of what was proposed because of it, oldest first.
    pub proposals: Vec<String>,
}

/// An alert that nobody handles here yet; who knows better sets the handling afterwards. Who has it at the provider is said.
impl From<&Alert> for AlertView {
    fn from(alert: &Alert) -> Self {
        let id = format!("{:016x}", alert.fingerprint());
        let labels = alert.labels();
        Self {
            fingerprint: id.clone(),
            id,
            name: alert.name().to_owned(),
            state: alert.state,
            severity: alert.severity,
            class: alert.class,
            failure_domain: alert.failure_domain,
            sources: alert.sources.iter().cloned().collect(),
            verified: alert.verified,
            resource: alert.resource().map(str::to_owned),
            labels: labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            annotations: alert.annotations.clone(),
            value: alert.value.filter(|value| value.is_finite()),
            starts_at: alert.starts_at.into(),
            ends_at: alert.ends_at.map(WireTime),
            acknowledged_by: alert.acknowledged_by().map(str::to_owned),
            flapping: false,
            assigned_to: None,
            snoozed_until: None,
            comments: Vec::new(),
            silenced_by: Vec::new(),
            inhibited_by: Vec::new(),
            muted_by: Vec::new(),
            incident: None,
            metric: alert.watched.metric.clone(),
            threshold: alert.watched.threshold.as_ref().map(ThresholdView::from),
            expression: alert.watched.expression.clone(),
            native: alert.native.iter().map(NativeView::from).collect(),
            generator_url: alert
                .pushed
                .as_ref()
                .map(|pushed| pushed.generator_url.clone())
                .filter(|url| !url.is_empty()),
            proposals: Vec::new(),
        }
    }
}

/// An alert with all that people and the configuration do about it.
impl From<&KnownAlert> for AlertView {
    fn from(known: &KnownAlert) -> Self {
        let mut view = Self::from(known.alert());
        if let Some(by) = known.acknowledged_by() {
            view.acknowledged_by = Some(by.to_owned());
        }
        if let Some(handling) = &known.handling {
            view.assigned_to = Some(handling.assigned_to.clone()).filter(|name| !name.is_empty());
            view.comments = handling.comments.iter().map(CommentView::from).collect();
        }
        view.flapping = known.is_flapping;
        view.incident = known.incident.as_ref().map(ToString::to_string);
        let suppressed = &known.suppressed;
        view.snoozed_until = suppressed.snoozed_until.map(WireTime);
        view.silenced_by = suppressed.silenced_by.iter().map(|id| id.to_string()).collect();
        view.inhibited_by = suppressed.inhibited_by.iter().map(|id| format!("{id:016x}")).collect();
        view.muted_by = suppressed.muted_by.iter().map(|name| name.to_string()).collect();
        view
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waits to be sent for the first time.
    Queued,
    /// The receiver accepted it.
    Sent,
    /// The last try failed; it is tried again.
    Failed,
    /// Given up; `resend` queues it again.
    Dead,
}

impl DeliveryState {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

/// What a delivery tells of its alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryTransition {
    /// At least one of them fires.
    Firing,
    /// Somebody has taken all that fire.
    Acknowledged,
    /// All of them are over.
    Resolved,
}

impl DeliveryTransition {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

/// One message to one receiver's channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// Its id.
    pub id: String,
    /// The incident it is about; null when it is about alerts of none.
    #[schema(required)]
    pub incident: Option<String>,
    /// The receiver's name.
    pub receiver: String,
    /// The channel, `pagerduty`, `email`, `webhook`.
    pub channel: String,
    /// What it tells.
    pub transition: DeliveryTransition,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// The key every try carries, so that the receiver takes only one.
    pub idempotency_key: String,
    /// What the latest failed try ran into; null when none failed.
    #[schema(required)]
    pub last_error: Option<String>,
    /// When it was first queued; the list is in this order.
    pub queued_at: WireTime,
    /// When the receiver accepted it; null until then.
    #[schema(required)]
    pub sent_at: Option<WireTime>,
    /// When it is tried next, at the earliest; null where it is not.
    #[schema(required)]
    pub next_attempt: Option<WireTime>,
    /// Ids of the alerts it tells of, as far as that is remembered.
    pub alerts: Vec<String>,
}

/// One step on the way from a value to a page, or to none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhyStep {
    /// `evaluate`, `fold`, `route`, `group`, `notify`, `deliver`; more words may come.
    pub stage: String,
    /// What the stage decided, in one word: the alert's state, or a folded one's own; `chosen`, `passed`, `refused`; `waiting`; `told`; the
    /// delivery's state.
    pub verdict: String,
    /// What decided: the policy, the route, the group, the receiver; empty when the stage has none.
    pub rule: String,
    /// When it was decided, or for what waits until when; null where a decision has no time of its own, as those of
    /// routes, which are told as the configuration has them now.
    #[schema(required)]
    pub at: Option<WireTime>,
    /// In words an operator reads.
    pub detail: String,
}

/// One event of the journal. The API passes events on as the journal writes them, so that an export can be verified.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// Its place in the journal; no number is left out but those of pruned events.
    pub seq: u64,
    /// When it was written.
    pub at: WireTime,
    /// Whose it is.
    pub tenant: String,
    /// What kind of event.
    pub kind: String,
    /// Who caused it.
    pub actor: String,
    /// The whole record after the change, JSON in its exact bytes; absent where the bytes are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub payload: Option<String>,
    /// In place of `payload`: hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub payload_hex: Option<String>,
    /// Hash of the event before, hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub prev: String,
    /// SHA-256 over `prev` and this event, hexadecimal.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
}
