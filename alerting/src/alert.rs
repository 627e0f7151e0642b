//! An alert: its identity, its state, and what describes it.

use std::collections::{BTreeMap, BTreeSet};

use isobar_normalizer::{AlertClass, FailureDomain, Labels, Severity, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where an alert stands. Handling (acknowledged, silenced, inhibited) is another axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// The condition holds, not yet for long enough.
    Pending,
    /// The condition has held for long enough.
    Firing,
    /// The series it watched stopped delivering.
    NoData,
    /// Over.
    Resolved,
}

impl AlertState {
    /// Whether receivers are told of it as firing: firing and no-data are, pending and resolved are not.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Firing | Self::NoData)
    }

    /// The word the API and the journal use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::NoData => "no_data",
            Self::Resolved => "resolved",
        }
    }
}

/// One alert as it is after its latest transition. The journal keeps it whole with each transition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Identity labels: `alertname`, the policy's `by` labels, its own `labels`. Severity is not among them.
    #[serde(serialize_with = "write_labels", deserialize_with = "read_labels")]
    pub identity: Labels,
    /// Descriptive labels copied from the resource when the alert started (provider, region, name, tags …).
    #[serde(serialize_with = "write_labels", deserialize_with = "read_labels")]
    pub described: Labels,
    /// Rendered annotations.
    pub annotations: BTreeMap<String, String>,
    /// State after the transition.
    pub state: AlertState,
    /// Severity now; a change of level is a transition of the same alert.
    pub severity: Severity,
    /// What kind of trouble.
    pub class: AlertClass,
    /// How wide it reaches.
    pub failure_domain: FailureDomain,
    /// Who reported it: names of sources, or `policy`, or `self`.
    pub sources: BTreeSet<String>,
    /// False when any evidence came over an unverified door.
    pub verified: bool,
    /// The value that decided the latest transition.
    pub value: Option<f64>,
    /// When it began, in event time: when the condition first held for a firing alert (before `for`).
    pub starts_at: Timestamp,
    /// When it went firing; absent while pending.
    pub fired_at: Option<Timestamp>,
    /// When it ended; absent while open.
    pub ends_at: Option<Timestamp>,
    /// Event time of the latest transition.
    pub updated_at: Timestamp,
}

impl Alert {
    /// Alertmanager's fingerprint of the identity labels.
    pub fn fingerprint(&self) -> u64 {
        self.identity.fingerprint()
    }

    /// The `alertname` label.
    pub fn name(&self) -> &str {
        self.identity.get("alertname").unwrap_or_default()
    }

    /// The `resource_id` label, where the alert is about one resource.
    pub fn resource(&self) -> Option<&str> {
        self.identity.get("resource_id")
    }

    /// What routing, grouping and templates see: identity and descriptive labels, and `severity` and `class` where the
    /// identity does not already name them. Identity wins.
    pub fn labels(&self) -> Labels {
        let mut all = self.described.edit();
        all.set("severity", self.severity.as_str()).set("class", self.class.as_str());
        for (name, value) in self.identity.iter() {
            all.set(name, value);
        }
        all.build()
    }
}

pub(crate) fn write_labels<S: Serializer>(labels: &Labels, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(labels.iter())
}

pub(crate) fn read_labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
    let pairs = BTreeMap::<String, String>::deserialize(deserializer)?;
    Labels::from_pairs(pairs).map_err(serde::de::Error::custom)
}
