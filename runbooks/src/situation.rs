//! What stands now of one alert that asks for a runbook, as whoever watches alerts and sources sees it.

use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

use crate::proposal::ShownAlert;

/// One alert that is on and whose policy names a runbook.
#[derive(Clone, Debug, PartialEq)]
pub struct Situation {
    /// The runbook's name.
    pub runbook: String,
    /// The alert as it is to be shown.
    pub alert: ShownAlert,
    /// When it went on: tells one breach from the next under the same id.
    pub since: Timestamp,
    /// What speaks for it, in an order that does not change by itself.
    pub evidence: Vec<Evidence>,
    /// Whether that can be relied on now.
    pub standing: Standing,
}

/// One observation that speaks for an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who observed: `policy`, `native_alarm`.
    pub kind: String,
    /// What was observed, one line.
    pub detail: String,
    /// Event time of the observation.
    pub at: Timestamp,
    /// Whether it came over a door that knows its senders.
    pub verified: bool,
}

/// Whether evidence can be relied on now. That data is missing is never evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What it rests on is being read, and still says so.
    Present,
    /// Not known yet: after a start nothing was read. Nothing is decided.
    Unread,
    /// What it rests on does not come, for this reason.
    Absent(String),
}

impl Situation {
    /// Why nothing may be done about it; `None` when a person may decide.
    pub(crate) fn objection(&self) -> Option<String> {
        if let Standing::Absent(reason) = &self.standing {
            return Some(format!("evidence is absent: {reason}"));
        }
        // What is not read yet may still speak.
        if self.evidence.is_empty() && self.standing == Standing::Present {
            return Some("evidence is absent: no source speaks for the alert".to_owned());
        }
        let unverified = self.evidence.iter().find(|one| !one.verified)?;
        Some(format!("evidence is not verified: {}", unverified.detail))
    }
}
