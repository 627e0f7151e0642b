//! An alert: its identity, its state, and what describes it.

use std::collections::{BTreeMap, BTreeSet};

use isobar_normalizer::{AlertClass, FailureDomain, Labels, NativeState, Severity, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::outage::is_voice;

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
    /// What it looks at, where that is a metric.
    #[serde(default)]
    pub watched: Watched,
    /// The provider's alarms that it is made of; none for a policy's alert that nothing was folded into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub native: Vec<NativeReport>,
    /// What was folded into it, each as it stands by itself, the host first; empty as long as nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Alert>,
    /// How it came in, where somebody sent it; absent for what Isobar found itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Pushed>,
}

/// How an alert came in that somebody sent. Its identity are all the labels it was sent with, so that its fingerprint is
/// the one Alertmanager gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The door it came in by: `alertmanager`, or the name of a hook.
    pub door: String,
    /// Where its sender shows what raised it; empty when it did not say.
    pub generator_url: String,
    /// Whether its end is a timeout: the sender named none.
    pub is_timed: bool,
    /// When it ends unless it is sent again.
    pub expires_at: Timestamp,
    /// When it was last sent.
    pub reported_at: Timestamp,
}

/// The metric an alert is about, and what of it is too much.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watched {
    /// The canonical metric; of a policy on a raw one, its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// The threshold of the alert's severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// PromQL for the one value that is compared with it, of this alert alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
}

/// Beyond what a value meets a level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The level it belongs to.
    pub level: Severity,
    /// `>`, `>=`, `<`, `<=`, `==` or `!=`.
    pub operator: String,
    /// In the unit.
    pub value: f64,
    /// The metric's unit, UCUM; empty where it is not known.
    pub unit: String,
}

/// A provider's alarm as it was when the alert last changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeReport {
    /// The configured source that reports it.
    pub source: String,
    /// The part of the source.
    pub part: String,
    /// The provider's identity for it, unique in the source.
    pub id: String,
    /// As people named it.
    pub name: String,
    /// What the provider says of it.
    pub state: NativeState,
    /// Its severity in our words.
    pub severity: Severity,
    /// Its severity in the provider's own word; empty where it has none.
    pub source_severity: String,
    /// When it entered that state.
    pub since: Timestamp,
    /// Whether the provider holds its notifications back.
    pub is_muted: bool,
    /// Who has taken it at the provider; empty when nobody has.
    pub acknowledged_by: String,
    /// Where the provider's console shows it; empty when there is no such page.
    pub url: String,
}

impl Alert {
    /// Whether policies or providers' alarms say it: it is neither about Isobar itself nor of an outage that was inferred, and
    /// nobody sent it.
    pub(crate) fn is_judged(&self) -> bool {
        self.class != AlertClass::Own && self.pushed.is_none() && !is_voice(self.name())
    }

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

    /// What it is made of, each as it stands by itself: its members, or itself where nothing was folded into it.
    pub fn made_of(&self) -> &[Alert] {
        if self.members.is_empty() { std::slice::from_ref(self) } else { &self.members }
    }

    /// Whether it is open and all that keeps it open are alarms whose notifications the provider holds back.
    pub fn is_muted(&self) -> bool {
        let mut open = self.made_of().iter().filter(|part| part.state.is_open()).peekable();
        let is_muted = |part: &Alert| part.native.first().is_some_and(|alarm| alarm.is_muted);
        open.peek().is_some() && open.all(is_muted)
    }

    /// Who has taken it at the provider.
    pub fn acknowledged_by(&self) -> Option<&str> {
        let open = self.native.iter().filter(|alarm| alarm.state != NativeState::Ok);
        open.map(|alarm| alarm.acknowledged_by.as_str()).find(|name| !name.is_empty())
    }

    /// What routing, grouping and templates see: identity and descriptive labels, and `severity` and `class` where the
    /// identity does not already name them. Identity wins. To an alert that was sent nothing is added but its description.
    pub fn labels(&self) -> Labels {
        if self.pushed.is_some() && self.described.is_empty() {
            return self.identity.clone();
        }
        let mut all = self.described.edit();
        if self.pushed.is_none() {
            all.set("severity", self.severity.as_str()).set("class", self.class.as_str());
        }
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
