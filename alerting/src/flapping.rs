//! Flapping: an alert that begins and ends again and again. Pure. It is marked and shown; what it is told as stays the
//! matter of its groups.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::AlertState;
use crate::event::Transition;

/// When an alert flaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlappingRule {
    /// So many beginnings and ends, at most [`CHANGES_MAX`].
    pub changes: usize,
    /// Within this time.
    pub within: Duration,
}

/// The most changes a rule may ask for; so many are remembered of each alert.
pub const CHANGES_MAX: usize = 50;

/// Two episodes within the hour that follow one another are bad luck; a third is a habit.
impl Default for FlappingRule {
    fn default() -> Self {
        Self { changes: 4, within: Duration::from_secs(3600) }
    }
}

/// When every alert last began and ended: a fold of their transitions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, VecDeque<Timestamp>)>", into = "Vec<(u64, VecDeque<Timestamp>)>")]
pub(crate) struct Changes {
    of: HashMap<u64, VecDeque<Timestamp>>,
}

impl Changes {
    /// Takes note of what happened to an alert.
    pub(crate) fn follow(&mut self, transition: &Transition) {
        let was_open = transition.from.is_some_and(AlertState::is_open);
        if was_open != transition.alert.state.is_open() {
            let changes = self.of.entry(transition.alert.fingerprint()).or_default();
            changes.push_back(transition.decided_at);
            if changes.len() > CHANGES_MAX {
                changes.pop_front();
            }
        }
    }

    /// Whether the alert flaps at `now`.
    pub(crate) fn is_flapping(&self, fingerprint: u64, rule: FlappingRule, now: Timestamp) -> bool {
        let since = now.minus(rule.within);
        let changes = self.of.get(&fingerprint);
        changes.is_some_and(|changes| changes.iter().filter(|at| **at >= since).count() >= rule.changes)
    }

    /// Keeps those of these alerts only.
    pub(crate) fn retain(&mut self, is_known: impl Fn(u64) -> bool) {
        self.of.retain(|fingerprint, _| is_known(*fingerprint));
    }
}

impl From<Vec<(u64, VecDeque<Timestamp>)>> for Changes {
    fn from(of: Vec<(u64, VecDeque<Timestamp>)>) -> Self {
        Self { of: of.into_iter().collect() }
    }
}

impl From<Changes> for Vec<(u64, VecDeque<Timestamp>)> {
    fn from(changes: Changes) -> Self {
        let mut of: Self = changes.of.into_iter().collect();
        of.sort_unstable_by_key(|(fingerprint, _)| *fingerprint);
        of
    }
}

#[cfg(test)]
mod tests {
    use isobar_normalizer::Severity;

    use super::*;
    use crate::fixture::{START, transition};

    #[test]
    fn four_changes_within_the_hour() {
        let mut changes = Changes::default();
        let rule = FlappingRule::default();
        let fingerprint =
            transition("alertname=A", AlertState::Firing, Severity::Info, START).alert.fingerprint();
        let at = |minutes: u64| START.plus(Duration::from_secs(60 * minutes));
        let mut from = None;
        let mut step = |minute: u64, state: AlertState| {
            let said = transition("alertname=A", state, Severity::Info, at(minute));
            changes.follow(&Transition { from, ..said });
            from = Some(state);
            changes.is_flapping(fingerprint, rule, at(minute))
        };
        use AlertState::{Firing, NoData, Resolved};
        assert!(!step(0, Firing));
        assert!(!step(5, NoData), "it stays open");
        assert!(!step(10, Resolved));
        assert!(!step(20, Firing));
        assert!(step(30, Resolved));
        assert!(!changes.is_flapping(fingerprint, rule, at(61)), "the first is more than an hour ago");
        assert!(changes.is_flapping(fingerprint, FlappingRule { changes: 3, ..rule }, at(61)));
        let kept = serde_json::to_vec(&changes).unwrap();
        assert_eq!(serde_json::from_slice::<Changes>(&kept).unwrap(), changes);
        changes.retain(|_| false);
        assert_eq!(changes, Changes::default());
    }
}
