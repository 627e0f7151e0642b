//! What alerting writes to the journal. Each payload is the whole record after the change, so that state is a plain
//! fold: the last record of each id is the truth.

use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertState};

/// Who did it, in the journal, where nobody else is named.
pub(crate) const ACTOR: &str = "isobar";

/// Journal kind of [`Transition`].
pub const KIND_ALERT: &str = "alert";
/// Journal kind of delivery records.
pub const KIND_DELIVERY: &str = "delivery";
/// Journal kind of what was notified to a receiver for a group (the notification log).
pub const KIND_NOTIFICATION: &str = "notification";
/// Journal kind of [`crate::Silence`].
pub const KIND_SILENCE: &str = "silence";
/// Journal kind of [`crate::Handling`].
pub const KIND_HANDLING: &str = "handling";
/// Journal kind of [`crate::IncidentRecord`].
pub const KIND_INCIDENT: &str = "incident";
/// Journal kind of [`crate::HeldBack`].
pub const KIND_HELD: &str = "held";
/// Journal kind of tests of receivers, which change nothing here.
pub const KIND_TEST: &str = "test";

/// An alert changed its state or its severity. Payload of [`KIND_ALERT`], JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// State before; absent when the alert is new.
    pub from: Option<AlertState>,
    /// Why, in words an operator reads: `"value 0.97 > 0.95 held for 2m"`, `"no sample since …"`.
    pub reason: String,
    /// When Isobar decided it, processing time. `alert.updated_at` is event time.
    pub decided_at: Timestamp,
    /// The alert after the change.
    pub alert: Alert,
}
