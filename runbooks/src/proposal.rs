//! A proposal: one call for one alert, what was shown of it, and what became of it.

use std::collections::BTreeMap;

use isobar_normalizer::{Severity, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::canonical;
use crate::situation::Evidence;

/// Where a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// Waits for a person.
    Proposed,
    /// A person said yes; nothing has left yet.
    Approved,
    /// A person said no.
    Denied,
    /// Nobody decided in time, or what it was about is over.
    Expired,
    /// Not to be decided by anyone: its evidence is unverified or absent, or the lever is off.
    Refused,
    /// On its way: it was tried, or is being tried, and may have arrived.
    Sending,
    /// The other side took it.
    Sent,
    /// Given up; whether it was carried out stands in the reason.
    Failed,
}

impl ProposalState {
    /// Every state, in the order of a proposal's life.
    pub const ALL: [Self; 8] = [
        Self::Proposed,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Refused,
        Self::Sending,
        Self::Sent,
        Self::Failed,
    ];

    /// The word the API and the journal use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing comes after it.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Proposed | Self::Approved | Self::Sending)
    }
}

/// One proposal as it is after its latest change. The journal keeps it whole with each change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Unique; the idempotency key of the call.
    pub id: String,
    /// What a person sees and decides about.
    pub shown: Shown,
    /// [`Shown::hash`].
    pub hash: String,
    /// When the alert went on.
    pub since: Timestamp,
    /// Where it stands.
    pub state: ProposalState,
    /// Why it stands there; empty while it waits for a person.
    pub reason: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be decided.
    pub expires_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Who decided, when somebody did.
    pub decided: Option<Decided>,
    /// How sending goes, once it has begun.
    pub sending: Option<Sending>,
}

/// What a person sees of a proposal, all of it under its hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The runbook's name.
    pub runbook: String,
    /// What it does, in the operator's words; may be empty.
    pub description: String,
    /// What is called.
    pub target: Target,
    /// What it is about.
    pub alert: ShownAlert,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
}

/// What is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The whole URL.
    pub url: String,
    /// The HTTP method.
    pub method: String,
}

/// The alert a proposal is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownAlert {
    /// Its id: the fingerprint as 16 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// The resource it is about, where it is about one.
    pub resource: Option<String>,
    /// Every label of it.
    pub labels: BTreeMap<String, String>,
    /// The value that decided its latest transition; finite.
    pub value: Option<f64>,
    /// When it began, in event time.
    pub starts_at: Timestamp,
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Who, as the journal names it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What was said to it; may be empty.
    pub comment: String,
}

/// How sending goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// Tries begun.
    pub attempts: u32,
    /// When the latest one began.
    pub tried_at: Timestamp,
    /// Before this it is not tried again.
    pub next_attempt_at: Timestamp,
    /// What the latest failed try ran into.
    pub last_error: Option<String>,
    /// The proof, once the other side took it.
    pub receipt: Option<Receipt>,
}

/// The other side's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// HTTP status.
    pub status: u16,
    /// The beginning of the answer.
    pub body: String,
    /// When it came.
    pub at: Timestamp,
}

impl Shown {
    /// What is shown as JSON, field for field as the API answers it.
    pub fn json(&self) -> Value {
        let Self { runbook, description, target, alert, evidence } = self;
        let evidence: Vec<Value> = evidence
            .iter()
            .map(|one| {
                let Evidence { kind, detail, at, verified } = one;
                json!({"kind": kind, "detail": detail, "at": at.to_string(), "verified": verified})
            })
            .collect();
        json!({
            "runbook": runbook,
            "description": description,
            "target": {"url": target.url, "method": target.method},
            "alert": {
                "id": alert.id,
                "name": alert.name,
                "severity": alert.severity.as_str(),
                "resource": alert.resource,
                "labels": alert.labels,
                "value": alert.value,
                "starts_at": alert.starts_at.to_string(),
            },
            "evidence": evidence,
        })
    }

    /// SHA-256 over the canonical form (RFC 8785) of [`Shown::json`], 64 hexadecimal digits.
    pub fn hash(&self) -> String {
        canonical::hash(&self.json())
    }
}

impl Proposal {
    /// The id of the first proposal that an alert which is on since then makes at this time. Two of the same alert are made
    /// at least a minute apart.
    pub(crate) fn id_of(shown: &Shown, since: Timestamp, now: Timestamp) -> String {
        let identity = json!([shown.runbook, shown.alert.id, since.millis(), now.millis()]);
        canonical::hash(&identity)[..32].to_owned()
    }

    /// Its place among proposals: one is open for each.
    pub(crate) fn place(&self) -> (&str, &str) {
        (&self.shown.runbook, &self.shown.alert.id)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An alert on `i` as it is shown.
    pub(crate) fn alert(i: &str) -> ShownAlert {
        ShownAlert {
            id: format!("{:0>16}", i),
            name: "HighCpu".to_owned(),
            severity: Severity::Critical,
            resource: Some(format!("onprem:::host:{i}")),
            labels: BTreeMap::from([("alertname".to_owned(), "HighCpu".to_owned())]),
            value: Some(0.97),
            starts_at: Timestamp::from_millis(1_700_000_000_000),
        }
    }

    #[test]
    fn everything_that_is_shown_is_under_the_hash() {
        let shown = Shown {
            runbook: "restart-batch".to_owned(),
            description: "restarts the batch workers".to_owned(),
            target: Target { url: "https://hooks.example/restart".to_owned(), method: "POST".to_owned() },
            alert: alert("1"),
            evidence: vec![Evidence {
                kind: "policy".to_owned(),
                detail: "system.cpu.utilization > 0.95: 0.97 from lab".to_owned(),
                at: Timestamp::from_millis(1_700_000_060_000),
                verified: true,
            }],
        };
        let changes: [fn(&mut Shown); 13] = [
            |shown| shown.runbook.push('x'),
            |shown| shown.description.push('x'),
            |shown| shown.target.url.push('x'),
            |shown| shown.target.method.push('x'),
            |shown| shown.alert.id.push('x'),
            |shown| shown.alert.name.push('x'),
            |shown| shown.alert.severity = Severity::Warning,
            |shown| shown.alert.resource = None,
            |shown| drop(shown.alert.labels.insert("team".to_owned(), "a".to_owned())),
            |shown| shown.alert.value = Some(0.98),
            |shown| shown.alert.starts_at = Timestamp::from_millis(0),
            |shown| shown.evidence[0].at = Timestamp::from_millis(0),
            |shown| shown.evidence[0].verified = false,
        ];
        let mut hashes = std::collections::BTreeSet::from([shown.hash()]);
        for change in changes {
            let mut changed = shown.clone();
            change(&mut changed);
            assert!(hashes.insert(changed.hash()), "{changed:?}");
        }
        assert_eq!(hashes.len(), 14);
    }
}
