//! All alerts as they are now: the fold of every transition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertState};
use crate::event::Transition;

/// How long an alert stays listed after it was resolved; Prometheus repeats a resolved alert for as long.
/// Source: prometheus `rules/alerting.go`, resolvedRetention.
pub const RESOLVED_RETENTION: Duration = Duration::from_secs(15 * 60);

/// The latest transition of every alert, by fingerprint; its snapshot is the list of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Arc<Transition>>", into = "Vec<Arc<Transition>>")]
pub struct Alerts {
    latest: BTreeMap<u64, Arc<Transition>>,
}

impl Alerts {
    /// Takes in one transition; applied twice, it is as applied once.
    pub fn apply(&mut self, transition: impl Into<Arc<Transition>>) {
        let transition = transition.into();
        let fingerprint = transition.alert.fingerprint();
        // What never fired was told to nobody and leaves without a trace.
        if transition.alert.state == AlertState::Resolved && transition.from == Some(AlertState::Pending) {
            self.latest.remove(&fingerprint);
        } else {
            self.latest.insert(fingerprint, transition);
        }
    }

    /// Forgets what was resolved longer ago than `retention`, counted from when we decided it: the end of an alert from
    /// a late source is listed as long as any other's.
    pub fn expire(&mut self, now: Timestamp, retention: Duration) {
        self.latest.retain(|_, latest| {
            latest.alert.state != AlertState::Resolved || now.since(latest.decided_at) <= retention
        });
    }

    /// The alert with this fingerprint.
    pub fn get(&self, fingerprint: u64) -> Option<&Alert> {
        self.latest.get(&fingerprint).map(|latest| &latest.alert)
    }

    /// The latest transition of the alert with this fingerprint.
    pub fn transition(&self, fingerprint: u64) -> Option<&Arc<Transition>> {
        self.latest.get(&fingerprint)
    }

    /// Every alert, resolved ones of late included, in fingerprint order.
    pub fn iter(&self) -> impl Iterator<Item = &Alert> {
        self.latest.values().map(|latest| &latest.alert)
    }

    /// The latest transition of every alert, in fingerprint order.
    pub fn transitions(&self) -> impl Iterator<Item = &Arc<Transition>> {
        self.latest.values()
    }

    /// The latest transition of every alert with its fingerprint, in their order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, &Arc<Transition>)> {
        self.latest.iter().map(|(fingerprint, latest)| (*fingerprint, latest))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.latest.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }
}

impl From<Vec<Arc<Transition>>> for Alerts {
    fn from(transitions: Vec<Arc<Transition>>) -> Self {
        let mut alerts = Self::default();
        for transition in transitions {
            alerts.apply(transition);
        }
        alerts
    }
}

impl From<Alerts> for Vec<Arc<Transition>> {
    fn from(alerts: Alerts) -> Self {
        alerts.latest.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use isobar_normalizer::{AlertClass, FailureDomain, Labels, Severity};

    use super::*;

    fn transition(name: &str, from: Option<AlertState>, to: AlertState, decided_at: i64) -> Transition {
        let at = Timestamp::from_millis(decided_at);
        let alert = Alert {
            identity: Labels::from_pairs([("alertname", name)]).unwrap(),
            described: Labels::empty(),
            annotations: BTreeMap::new(),
            state: to,
            severity: Severity::Warning,
            class: AlertClass::Saturation,
            failure_domain: FailureDomain::Resource,
            sources: BTreeSet::new(),
            verified: true,
            value: None,
            starts_at: at,
            fired_at: None,
            ends_at: None,
            updated_at: at,
            watched: crate::Watched::default(),
            native: Vec::new(),
            members: Vec::new(),
            pushed: None,
        };
        Transition { from, reason: String::new(), decided_at: at, alert }
    }

    fn names(alerts: &Alerts) -> Vec<&str> {
        let mut names: Vec<&str> = alerts.iter().map(Alert::name).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_latest_transition_is_the_truth_and_comes_back_from_a_snapshot() {
        let mut alerts = Alerts::default();
        alerts.apply(transition("a", None, AlertState::Pending, 1));
        alerts.apply(transition("a", Some(AlertState::Pending), AlertState::Firing, 2));
        alerts.apply(transition("b", None, AlertState::Firing, 2));
        assert_eq!(names(&alerts), ["a", "b"]);
        let snapshot = serde_json::to_string(&alerts).unwrap();
        assert_eq!(serde_json::from_str::<Alerts>(&snapshot).unwrap(), alerts);
    }

    #[test]
    fn resolved_alerts_stay_for_a_while_and_dropped_pending_ones_do_not() {
        let mut alerts = Alerts::default();
        alerts.apply(transition("a", None, AlertState::Pending, 1));
        alerts.apply(transition("a", Some(AlertState::Pending), AlertState::Resolved, 2));
        alerts.apply(transition("b", Some(AlertState::Firing), AlertState::Resolved, 1000));
        assert_eq!(names(&alerts), ["b"]);
        alerts.expire(Timestamp::from_millis(1000 + 900_000), RESOLVED_RETENTION);
        assert_eq!(names(&alerts), ["b"]);
        alerts.expire(Timestamp::from_millis(1001 + 900_000), RESOLVED_RETENTION);
        assert!(alerts.is_empty());
    }
}
