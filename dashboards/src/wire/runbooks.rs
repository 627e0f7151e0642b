//! Proposals and the lever.

use std::collections::BTreeMap;

use isobar_normalizer::Severity;
use isobar_runbooks::{Evidence, Lever, Position, Proposal, ProposalState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{WireTime, schema};

/// What an alert asks to be done, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProposalView {
    /// Its id; `webhook-id` of every try of the call.
    pub id: String,
    /// The runbook's name.
    pub runbook: String,
    /// What the runbook does, in the operator's words; may be empty.
    pub description: String,
    /// Where it stands. `approved` waits to be sent, `sending` was tried and may have arrived.
    #[schema(value_type = schema::ProposalState)]
    pub state: ProposalState,
    /// SHA-256 over the canonical JSON (RFC 8785) of `{alert, description, evidence, runbook, target}` as they stand here. A
    /// decision names it, and counts only while it is this one.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
    /// What it is about.
    pub alert: ProposedAlert,
    /// What speaks for it.
    pub evidence: Vec<EvidenceView>,
    /// What is called.
    pub target: TargetView,
    /// Why it stands where it stands; null while it waits for a decision.
    #[schema(required)]
    pub reason: Option<String>,
    /// When it was made.
    pub created_at: WireTime,
    /// Until when it can be decided.
    pub expires_at: WireTime,
    /// Who decided; null when nobody has.
    #[schema(required)]
    pub decided_by: Option<String>,
    /// When; null when nobody has.
    #[schema(required)]
    pub decided_at: Option<WireTime>,
    /// What was said to the decision; null when nothing was.
    #[schema(required)]
    pub comment: Option<String>,
    /// The idempotency key of the call, which is the id; null before the first try.
    #[schema(required)]
    pub delivery: Option<String>,
    /// Tries begun.
    pub attempts: u32,
    /// When it is tried next; null unless it is being sent.
    #[schema(required)]
    pub next_attempt_at: Option<WireTime>,
    /// What the latest failed try ran into; null when none failed, or one succeeded since.
    #[schema(required)]
    pub last_error: Option<String>,
    /// The proof that the other side took it; null until then.
    #[schema(required)]
    pub receipt: Option<ReceiptView>,
}

/// The alert a proposal is about, as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProposedAlert {
    /// The alert's id.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub id: String,
    /// The `alertname` label.
    pub name: String,
    /// How bad it is.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// The resource it is about; null when it is about none or several.
    #[schema(required)]
    pub resource: Option<String>,
    /// Every label routing sees.
    pub labels: BTreeMap<String, String>,
    /// The value that decided its latest transition; null when there is none.
    #[schema(required)]
    pub value: Option<f64>,
    /// When it began, in event time.
    pub starts_at: WireTime,
}

/// One observation that speaks for an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceView {
    /// Who observed: `policy`, `native_alarm`; more words may come.
    pub kind: String,
    /// What was observed.
    pub detail: String,
    /// Event time of the observation.
    pub at: WireTime,
    /// Whether it came over a door that knows its senders.
    pub verified: bool,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TargetView {
    /// The URL.
    pub url: String,
    /// The HTTP method.
    pub method: String,
}

/// The other side's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptView {
    /// HTTP status.
    pub status: u16,
    /// The beginning of the answer.
    pub body: String,
    /// When it came.
    pub at: WireTime,
}

/// Where the switch over everything that acts stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LeverView {
    /// `off`: nothing is proposed, approved or sent.
    #[schema(value_type = schema::LeverPosition)]
    pub position: Position,
    /// Who moved it last; null before anybody has.
    #[schema(required)]
    pub set_by: Option<String>,
    /// When; null before anybody has.
    #[schema(required)]
    pub set_at: Option<WireTime>,
    /// Why; null before anybody has.
    #[schema(required)]
    pub reason: Option<String>,
}

/// A decision about a proposal.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionRequest {
    /// The hash of the proposal as it was looked at.
    pub(crate) hash: String,
    /// What is to be said to it; kept in the journal.
    #[serde(default)]
    pub(crate) comment: String,
}

/// The lever moved.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeverRequest {
    /// `off`, or `propose`.
    #[schema(value_type = schema::LeverPosition)]
    pub(crate) position: Position,
    /// Why; not empty.
    pub(crate) reason: String,
}

impl ProposalView {
    /// The proposal as it stands under the lever: what was approved and is not sent says what holds it.
    pub fn new(proposal: &Proposal, lever: &Lever) -> Self {
        let (shown, sending) = (&proposal.shown, proposal.sending.as_ref());
        let is_unsent = matches!(proposal.state, ProposalState::Approved | ProposalState::Sending);
        let held = lever.holds().filter(|_| is_unsent).map(|why| format!("held, {why}"));
        let reason = held.or_else(|| some(&proposal.reason));
        Self {
            id: proposal.id.clone(),
            runbook: shown.runbook.clone(),
            description: shown.description.clone(),
            state: proposal.state,
            hash: proposal.hash.clone(),
            alert: ProposedAlert {
                id: shown.alert.id.clone(),
                name: shown.alert.name.clone(),
                severity: shown.alert.severity,
                resource: shown.alert.resource.clone(),
                labels: shown.alert.labels.clone(),
                value: shown.alert.value,
                starts_at: shown.alert.starts_at.into(),
            },
            evidence: shown.evidence.iter().map(EvidenceView::from).collect(),
            target: TargetView { url: shown.target.url.clone(), method: shown.target.method.clone() },
            reason,
            created_at: proposal.created_at.into(),
            expires_at: proposal.expires_at.into(),
            decided_by: proposal.decided.as_ref().map(|decided| decided.by.clone()),
            decided_at: proposal.decided.as_ref().map(|decided| decided.at.into()),
            comment: proposal.decided.as_ref().and_then(|decided| some(&decided.comment)),
            delivery: sending.map(|_| proposal.id.clone()),
            attempts: sending.map_or(0, |sending| sending.attempts),
            next_attempt_at: sending
                .filter(|_| proposal.state == ProposalState::Sending)
                .map(|sending| sending.next_attempt_at.into()),
            last_error: sending.and_then(|sending| sending.last_error.clone()),
            receipt: sending.and_then(|sending| sending.receipt.as_ref()).map(|receipt| ReceiptView {
                status: receipt.status,
                body: receipt.body.clone(),
                at: receipt.at.into(),
            }),
        }
    }
}

impl From<&Evidence> for EvidenceView {
    fn from(evidence: &Evidence) -> Self {
        Self {
            kind: evidence.kind.clone(),
            detail: evidence.detail.clone(),
            at: evidence.at.into(),
            verified: evidence.verified,
        }
    }
}

impl From<&Lever> for LeverView {
    fn from(lever: &Lever) -> Self {
        Self {
            position: lever.position,
            set_by: some(&lever.set_by),
            set_at: lever.set_at.map(WireTime),
            reason: some(&lever.reason),
        }
    }
}

/// The text, where there is one.
fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}
