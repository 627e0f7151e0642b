//! Incidents: alerts that belong together, and what happened to them.

use isobar_alerting::{
    Cause, Cell, Evidence, EvidenceClass, IncidentRecord, IncidentState, ListedIncident, Membership,
    TimelineEntry, Verdict,
};
use isobar_normalizer::Severity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{WireTime, schema};

/// Members that one incident shows; all are counted.
const MEMBERS_MAX: usize = 500;

/// Alerts that belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IncidentView {
    /// Its id.
    pub id: String,
    /// In a line what it is about.
    pub title: String,
    /// Where it stands.
    #[schema(value_type = schema::IncidentState)]
    pub state: IncidentState,
    /// The worst of its open alerts; when all are over, as it was last.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// What all its alerts are in, or what is out; null when they are in several places.
    #[schema(required)]
    pub cell: Option<IncidentCell>,
    /// Why it is one incident.
    pub reason: String,
    /// How many alerts are in it.
    pub alert_count: u64,
    /// How many of them are open.
    pub open_count: u64,
    /// When the first of them began; of an outage, its onset.
    pub starts_at: WireTime,
    /// When the last of them ended; null while it is not resolved.
    #[schema(required)]
    pub ends_at: Option<WireTime>,
    /// When it was last changed.
    pub updated_at: WireTime,
    /// Who has it; null when nobody does.
    #[schema(required)]
    pub acknowledged_by: Option<String>,
    /// The incident that its alerts went to; null where they are here.
    #[schema(required)]
    pub merged_into: Option<String>,
    /// The outage it stands for; null where alerts merely belong together.
    #[schema(required)]
    pub outage: Option<OutageView>,
}

/// One incident with its alerts, and what happened to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IncidentDetail {
    /// Its id.
    pub id: String,
    /// In a line what it is about.
    pub title: String,
    /// Where it stands.
    #[schema(value_type = schema::IncidentState)]
    pub state: IncidentState,
    /// The worst of its open alerts; when all are over, as it was last.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// What all its alerts are in, or what is out; null when they are in several places.
    #[schema(required)]
    pub cell: Option<IncidentCell>,
    /// Why it is one incident.
    pub reason: String,
    /// How many alerts are in it.
    pub alert_count: u64,
    /// How many of them are open.
    pub open_count: u64,
    /// When the first of them began; of an outage, its onset.
    pub starts_at: WireTime,
    /// When the last of them ended; null while it is not resolved.
    #[schema(required)]
    pub ends_at: Option<WireTime>,
    /// When it was last changed.
    pub updated_at: WireTime,
    /// Who has it; null when nobody does.
    #[schema(required)]
    pub acknowledged_by: Option<String>,
    /// The incident that its alerts went to; null where they are here.
    #[schema(required)]
    pub merged_into: Option<String>,
    /// The outage it stands for; null where alerts merely belong together.
    #[schema(required)]
    pub outage: Option<OutageView>,
    /// Its alerts, the open ones first, and of these the worst; at most 500.
    pub members: Vec<MemberView>,
    /// What happened, oldest first; the latest 500 entries.
    pub timeline: Vec<TimelineView>,
}

/// A part of a provider that fails as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncidentCell {
    /// The provider.
    pub provider: String,
    /// The region.
    pub region: String,
    /// The one zone; null where it is the region.
    #[schema(required)]
    pub zone: Option<String>,
    /// The one kind of service, as the label `resource_type` has it; null where it is no such.
    #[schema(required)]
    pub service: Option<String>,
}

/// What is found to be out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutageView {
    /// What is to blame: `provider`, or `uplink`, our own way out.
    #[schema(pattern = "^(provider|uplink)$")]
    pub cause: String,
    /// How sure it is: `suspected`, or `confirmed` by the provider.
    #[schema(pattern = "^(suspected|confirmed)$")]
    pub level: String,
    /// When it began.
    pub onset: WireTime,
    /// When it was found.
    pub found_at: WireTime,
    /// When it was over; null while it goes on.
    #[schema(required)]
    pub ended_at: Option<WireTime>,
    /// What speaks for it.
    pub evidence: Vec<OutageEvidence>,
    /// What speaks against it, or could not be looked at.
    pub against: Vec<String>,
}

/// One thing that speaks for an outage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutageEvidence {
    /// `breadth`, `collectors`, `controls` or `notice`; two of one class count once.
    #[schema(pattern = "^(breadth|collectors|controls|notice)$")]
    pub class: String,
    /// In words and numbers.
    pub detail: String,
    /// Since when.
    pub at: WireTime,
}

/// One alert's part in an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MemberView {
    /// The alert's id.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub id: String,
    /// The `alertname` label.
    pub name: String,
    /// How bad it is.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// The resource it is about; null when it is about none.
    #[schema(required)]
    pub resource: Option<String>,
    /// When it joined.
    pub joined_at: WireTime,
    /// When the alert ended; null while it is open.
    #[schema(required)]
    pub left_at: Option<WireTime>,
    /// Why it is in this incident.
    pub reason: String,
    /// Whether a person put it here.
    pub by_person: bool,
}

/// Something that happened to an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineView {
    /// When.
    pub at: WireTime,
    /// `alert`, `notice`, `incident`, `person` or `delivery`.
    #[schema(pattern = "^(alert|notice|incident|person|delivery)$")]
    pub kind: String,
    /// In one word: `firing`, `resolved`, `severity`; `notice`; `opened`, `joined`, `merge`, `split`, `suspected`, `confirmed`, `ended`; an act;
    /// `sent`, `failed`, `dead`. More words may come.
    pub what: String,
    /// The alert's name, the provider, the incident's title, the receiver.
    pub subject: String,
    /// Who did it; null where nobody did.
    #[schema(required)]
    pub actor: Option<String>,
    /// In words; may be empty.
    pub detail: String,
    /// The alert's id; null where it is about none.
    #[schema(required, pattern = "^[0-9a-f]{16}$")]
    pub alert: Option<String>,
    /// The delivery's id; null where it is about none.
    #[schema(required)]
    pub delivery: Option<String>,
}

/// Alerts that are to be an incident of their own.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitRequest {
    /// Their ids: some of the incident's alerts, not all.
    pub alerts: Vec<String>,
}

/// The incident that is to be one with another.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeRequest {
    /// Its id; it is over afterwards.
    pub from: String,
}

/// What is said to an acknowledgement: that it is meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcknowledgeRequest {}

impl From<&ListedIncident> for IncidentView {
    fn from(listed: &ListedIncident) -> Self {
        let incident = &listed.incident;
        Self {
            id: incident.id.to_string(),
            title: incident.title.clone(),
            state: incident.state,
            severity: incident.severity,
            cell: incident.cell.as_ref().map(IncidentCell::from),
            reason: incident.reason.clone(),
            alert_count: listed.alerts as u64,
            open_count: listed.open as u64,
            starts_at: incident.starts_at.into(),
            ends_at: incident.ends_at.map(WireTime),
            updated_at: incident.updated_at.into(),
            acknowledged_by: incident.acknowledged_by.clone(),
            merged_into: incident.merged_into.as_ref().map(ToString::to_string),
            outage: incident.outage.as_ref().map(OutageView::from),
        }
    }
}

impl IncidentView {
    /// Open ones first, the worst, among these outages, then the first to begin; then those that are over, the last to end first.
    pub(crate) fn place(&self) -> String {
        let is_over = self.state == IncidentState::Resolved;
        let millis = |at: WireTime| at.0.millis().max(0);
        let (rank, outage, when) = if is_over {
            (9, 0, i64::MAX - millis(self.ends_at.unwrap_or(self.updated_at)))
        } else {
            let worse = Severity::ALL.iter().filter(|severity| **severity > self.severity).count();
            let is_outage = self.outage.as_ref().is_some_and(|outage| outage.ended_at.is_none());
            (worse, u8::from(!is_outage), millis(self.starts_at))
        };
        format!("{rank}-{outage}-{when:019}-{}", self.id)
    }
}

impl IncidentDetail {
    /// An incident, all its members, and what happened to it.
    pub fn new(record: &IncidentRecord, timeline: &[TimelineEntry]) -> Self {
        let view = IncidentView::from(&ListedIncident::from(record));
        let mut members: Vec<(u64, &Membership)> = record.present().collect();
        members.sort_by_key(|(id, member)| {
            (!member.is_open(), std::cmp::Reverse(member.severity), member.features.starts_at, *id)
        });
        Self {
            id: view.id,
            title: view.title,
            state: view.state,
            severity: view.severity,
            cell: view.cell,
            reason: view.reason,
            alert_count: view.alert_count,
            open_count: view.open_count,
            starts_at: view.starts_at,
            ends_at: view.ends_at,
            updated_at: view.updated_at,
            acknowledged_by: view.acknowledged_by,
            merged_into: view.merged_into,
            outage: view.outage,
            members: members.into_iter().take(MEMBERS_MAX).map(MemberView::from).collect(),
            timeline: timeline.iter().map(TimelineView::from).collect(),
        }
    }
}

impl From<&Cell> for IncidentCell {
    fn from(cell: &Cell) -> Self {
        Self {
            provider: cell.provider.to_string(),
            region: cell.region.to_string(),
            zone: cell.zone.as_deref().map(str::to_owned),
            service: cell.service.as_deref().map(str::to_owned),
        }
    }
}

impl From<&Verdict> for OutageView {
    fn from(outage: &Verdict) -> Self {
        let cause = match outage.cause {
            Cause::Provider => "provider",
            Cause::OwnUplink => "uplink",
        };
        Self {
            cause: cause.to_owned(),
            level: outage.level.as_str().to_owned(),
            onset: outage.onset.into(),
            found_at: outage.found_at.into(),
            ended_at: outage.ended_at.map(WireTime),
            evidence: outage.evidence.iter().map(OutageEvidence::from).collect(),
            against: outage.against.clone(),
        }
    }
}

impl From<&Evidence> for OutageEvidence {
    fn from(evidence: &Evidence) -> Self {
        let class = match evidence.class {
            EvidenceClass::Breadth => "breadth",
            EvidenceClass::Collectors => "collectors",
            EvidenceClass::Controls => "controls",
            EvidenceClass::Notice => "notice",
        };
        Self { class: class.to_owned(), detail: evidence.detail.clone(), at: evidence.since.into() }
    }
}

impl From<(u64, &Membership)> for MemberView {
    fn from((id, member): (u64, &Membership)) -> Self {
        Self {
            id: format!("{id:016x}"),
            name: member.features.name.to_string(),
            severity: member.severity,
            resource: member.features.resource.as_deref().map(str::to_owned),
            joined_at: member.joined_at.into(),
            left_at: member.left_at.map(WireTime),
            reason: member.reason.clone(),
            by_person: member.by_person,
        }
    }
}

impl From<&TimelineEntry> for TimelineView {
    fn from(entry: &TimelineEntry) -> Self {
        Self {
            at: entry.at.into(),
            kind: entry.kind.as_str().to_owned(),
            what: entry.what.clone(),
            subject: entry.subject.clone(),
            actor: entry.actor.clone(),
            detail: entry.detail.clone(),
            alert: entry.alert.map(|id| format!("{id:016x}")),
            delivery: entry.delivery.as_deref().map(str::to_owned),
        }
    }
}
