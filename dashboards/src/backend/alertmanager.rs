//! What the doors of Alertmanager are served from.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_normalizer::{Labels, Timestamp};

use super::ReadError;

/// Open alerts and their groups as Alertmanager's clients see them. Pending and resolved ones are not among them.
pub trait Alertmanager: Send + Sync {
    /// The configuration in effect, YAML, each secret as `<secret>`, without what is ours alone: for Alertmanager's tools.
    fn configuration(&self) -> String;

    /// The same with everything that stands in it, to be read again as it is.
    fn whole_configuration(&self) -> String;

    /// When this process began to serve.
    fn started_at(&self) -> Timestamp;

    /// Names of the receivers, in the order of the configuration.
    fn receivers(&self) -> Vec<Arc<str>>;

    /// Every open alert whose labels are wanted.
    ///
    /// # Errors
    /// The state cannot be read.
    fn alerts(&self, wanted: &dyn Fn(&Labels) -> bool) -> Result<Vec<StandingAlert>, ReadError>;

    /// Every group, with its open alerts whose labels are wanted.
    ///
    /// # Errors
    /// The state cannot be read.
    fn groups(&self, wanted: &dyn Fn(&Labels) -> bool) -> Result<Vec<StandingGroup>, ReadError>;
}

/// An open alert, and what stands between it and its receivers.
#[derive(Clone, Debug, PartialEq)]
pub struct StandingAlert {
    /// Alertmanager's fingerprint of its identity.
    pub fingerprint: u64,
    /// What routing sees.
    pub labels: Labels,
    /// What describes it.
    pub annotations: BTreeMap<String, String>,
    /// When it began.
    pub starts_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ends unless its sender repeats it.
    pub ends_at: Timestamp,
    /// Where its sender shows it; empty where there is no such page.
    pub generator_url: String,
    /// Who is told, in route order.
    pub receivers: Vec<Arc<str>>,
    /// Ids of the silences that hold it.
    pub silenced_by: Vec<String>,
    /// Fingerprints of the alerts that inhibit it, as 16 hexadecimal digits.
    pub inhibited_by: Vec<String>,
}

/// Alerts that are told together.
#[derive(Clone, Debug, PartialEq)]
pub struct StandingGroup {
    /// The labels that make it.
    pub labels: Labels,
    /// Who is told.
    pub receiver: Arc<str>,
    /// Its alerts.
    pub alerts: Vec<StandingAlert>,
    /// Names of the time intervals that mute its route now.
    pub muted_by: Vec<String>,
}
