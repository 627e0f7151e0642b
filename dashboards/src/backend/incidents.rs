//! Incidents, and what people do to them.

use std::collections::BTreeSet;

use isobar_alerting::{IncidentRecord, ListedIncident, TimelineEntry};

use super::{ActError, ReadError};

/// Alerts that belong together.
pub trait Incidents: Send + Sync {
    /// Every incident that is not over, or has been for at most a week.
    ///
    /// # Errors
    /// The state cannot be read.
    fn incidents(&self) -> Result<Vec<ListedIncident>, ReadError>;

    /// The incident with this id and all its members.
    ///
    /// # Errors
    /// The state cannot be read.
    fn incident(&self, id: &str) -> Result<Option<IncidentRecord>, ReadError>;

    /// What happened to it, oldest first; nothing of one that is not known.
    ///
    /// # Errors
    /// The journal cannot be read.
    fn timeline(&self, id: &str) -> Result<Vec<TimelineEntry>, ReadError>;

    /// Changes an incident, and returns the one that came of it once that is on disk.
    ///
    /// # Errors
    /// See [`ActError`].
    fn change(&self, id: &str, change: IncidentChange, actor: &str) -> Result<ListedIncident, ActError>;
}

/// What somebody does to an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncidentChange {
    /// Takes it, and its open alerts that nobody has.
    Acknowledge,
    /// Hands that back.
    Unacknowledge,
    /// Makes these alerts, by fingerprint, one of their own.
    Split(BTreeSet<u64>),
    /// Takes in all alerts of another one.
    Merge {
        /// Its id.
        from: String,
    },
}
