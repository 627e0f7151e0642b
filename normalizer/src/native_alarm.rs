//! Alarms that providers raise themselves.

use std::collections::BTreeMap;

use crate::{AlertClass, ResourceId, Severity, Timestamp};

/// One alarm of a provider as it is now. Everything but `id` may change without another alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeAlarm {
    /// The provider's identity for it, unique in the source: an alarm's ARN, an Azure alert's id.
    pub id: String,
    /// The alarm or rule as people named it.
    pub name: String,
    /// What the provider says of it.
    pub state: NativeState,
    /// When it entered that state.
    pub since: Timestamp,
    /// Its severity in our words, where the provider or the user says one.
    pub severity: Option<Severity>,
    /// The severity in the provider's own word; empty where it has none.
    pub source_severity: String,
    /// What kind of trouble it is, where that is known.
    pub class: Option<AlertClass>,
    /// What it is about, where it is about one resource.
    pub resource: Option<ResourceId>,
    /// The canonical metric it watches, where its metric is mapped. Only such an alarm is folded with a policy's alert.
    pub metric: Option<String>,
    /// Whether the provider says that its notifications are held back (disabled actions, suppression, a mute rule).
    pub is_muted: bool,
    /// Who has taken it at the provider; empty when nobody has.
    pub acknowledged_by: String,
    /// One line of why, in the provider's words; empty when it says nothing.
    pub reason: String,
    /// Where the provider's console shows it; empty when there is no such page.
    pub url: String,
    /// What else tells it apart or describes it: namespace, metric, threshold, rule.
    pub labels: BTreeMap<String, String>,
}

/// The states every provider's own words come down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NativeState {
    /// The condition holds.
    Firing,
    /// The provider cannot tell: too little data, a rule that failed. Neither firing nor resolved.
    Unknown,
    /// The condition does not hold.
    Ok,
}

impl NativeState {
    /// Every state, worst first.
    pub const ALL: [Self; 3] = [Self::Firing, Self::Unknown, Self::Ok];

    /// The word the API and the journal use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Unknown => "unknown",
            Self::Ok => "ok",
        }
    }
}

/// What one look at a provider's alarms brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmReport {
    /// The alarms as they are, each once.
    pub alarms: Vec<NativeAlarm>,
    /// Whether these are all there are in the part: an alarm that is not among them has been deleted. Where it is false,
    /// absence says nothing.
    pub is_complete: bool,
}
