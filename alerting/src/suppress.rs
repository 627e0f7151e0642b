//! What stands between a group and its receivers when it is told: inhibition, calendars, silences and people's acts. Pure.
//!
//! Source for the order: prometheus/alertmanager `notify.PipelineBuilder.New`: inhibition, active times, mute times,
//! silences. Ours come last.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_normalizer::{Labels, Timestamp};
use serde::{Deserialize, Serialize};

use crate::delivery::{NotifiedAlert, fingerprints};
use crate::group::Calendar;
use crate::handling::Handlings;
use crate::incident::Incidents;
use crate::inhibit::Inhibitions;
use crate::interval::TimeInterval;
use crate::silence::Silences;

mod held_back;

pub use held_back::HeldBack;
pub(crate) use held_back::HeldBacks;

/// What keeps an alert from being told now; empty when nothing does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    /// Ids of the silences that are active and match it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silenced_by: Vec<Arc<str>>,
    /// Fingerprints of alerts that fire and inhibit it, an outage's own among them; 16 hex digits each in JSON.
    #[serde(default, with = "fingerprints", skip_serializing_if = "Vec::is_empty")]
    pub inhibited_by: Vec<u64>,
    /// Names of time intervals because of which its groups are not told of; only where that is so for all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub muted_by: Vec<Arc<str>>,
    /// Until when somebody has put it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Timestamp>,
    /// Id of the outage's incident whose own alert speaks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Arc<str>>,
}

impl Suppressed {
    /// Whether nothing keeps it from being told.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is asked when a group is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate<'a> {
    pub(crate) inhibitions: &'a Inhibitions,
    pub(crate) intervals: &'a BTreeMap<Arc<str>, Arc<TimeInterval>>,
    pub(crate) silences: &'a Silences,
    pub(crate) handlings: &'a Handlings,
    pub(crate) incidents: &'a Incidents,
}

impl Gate<'_> {
    /// Whether anything keeps this alert from being told at `now`, calendars apart.
    pub(crate) fn holds(&self, alert: &NotifiedAlert, now: Timestamp) -> bool {
        let fingerprint = alert.fingerprint;
        self.silences.holding(fingerprint, now).next().is_some()
            || self.handlings.snoozed(fingerprint, now).is_some()
            || self.incidents.folded_under(fingerprint).is_some()
            || !self.inhibitions.inhibitors(&alert.labels).is_empty()
    }

    /// Whether somebody has taken it, so that it is not repeated.
    pub(crate) fn is_taken(&self, alert: &NotifiedAlert) -> bool {
        self.handlings.acknowledged(alert.fingerprint, alert.severity).is_some()
    }

    /// The time intervals because of which a group of this calendar is not told of at `now`; none when it is.
    pub(crate) fn muting<'c>(&self, calendar: &'c Calendar, now: Timestamp) -> Vec<&'c Arc<str>> {
        calendar.muting(self.intervals, now)
    }

    /// All that keeps an alert with these labels from being told at `now`, calendars apart.
    pub(crate) fn suppressed(&self, fingerprint: u64, labels: &Labels, now: Timestamp) -> Suppressed {
        let mut inhibited_by: Vec<u64> =
            self.inhibitions.inhibitors(labels).into_iter().map(|inhibitor| inhibitor.source).collect();
        let folded_under = self.incidents.folded_under(fingerprint);
        let voice = folded_under.and_then(|incident| incident.outage.as_ref());
        inhibited_by.extend(voice.map(|outage| outage.identity().fingerprint()));
        inhibited_by.sort_unstable();
        inhibited_by.dedup();
        Suppressed {
            silenced_by: self.silences.holding(fingerprint, now).map(|one| Arc::clone(&one.id)).collect(),
            inhibited_by,
            muted_by: Vec::new(),
            snoozed_until: self.handlings.snoozed(fingerprint, now).map(|snoozed| snoozed.until),
            incident: folded_under.map(|incident| Arc::clone(&incident.id)),
        }
    }
}

/// Nothing is in the way.
#[cfg(test)]
pub(crate) fn open_gate() -> Gate<'static> {
    use std::sync::LazyLock;
    static INHIBITIONS: LazyLock<Inhibitions> = LazyLock::new(|| Inhibitions::new([]));
    static INTERVALS: BTreeMap<Arc<str>, Arc<TimeInterval>> = BTreeMap::new();
    static SILENCES: LazyLock<Silences> = LazyLock::new(Silences::default);
    static HANDLINGS: LazyLock<Handlings> = LazyLock::new(Handlings::default);
    static INCIDENTS: LazyLock<Incidents> = LazyLock::new(Incidents::default);
    Gate {
        inhibitions: &INHIBITIONS,
        intervals: &INTERVALS,
        silences: &SILENCES,
        handlings: &HANDLINGS,
        incidents: &INCIDENTS,
    }
}
