//! One alert out of what several reporters say about the same group.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use isobar_normalizer::{Labels, Timestamp};

use super::schedule::Reporter;
use super::step::{Active, Change, GroupState, Held};
use crate::alert::{Alert, AlertState, Watched};
use crate::event::Transition;
use crate::policy::Policy;

/// One group of a policy: its state per reporter, and its alert while that is not over.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) states: BTreeMap<Reporter, GroupState>,
    pub(super) alert: Option<Alert>,
    /// The policy's selection changed, and no sample has shown since that it still selects this group.
    pub(super) unconfirmed: bool,
}

/// Where and when a group changes.
pub(super) struct Scene<'a> {
    pub(super) policy: &'a Policy,
    /// The group's labels.
    pub(super) labels: &'a Labels,
    /// The descriptive labels of its resource.
    pub(super) described: &'a Labels,
    /// The reporter's period; zero when it is not known.
    pub(super) period: Duration,
    /// Event time.
    pub(super) at: Timestamp,
    /// Processing time.
    pub(super) decided_at: Timestamp,
}

/// What the merged view of all reporters is.
struct Merged {
    state: AlertState,
    sources: BTreeSet<String>,
    active: Active,
}

impl Group {
    /// The group of an alert that was on, or had just ended, when the process stopped.
    pub(super) fn restored(alert: &Alert, policy: &Policy) -> Self {
        let active = (alert.state != AlertState::Resolved).then_some(Active {
            state: alert.state,
            severity: alert.severity,
            starts_at: alert.starts_at,
            fired_at: alert.fired_at,
        });
        let held = match alert.state {
            AlertState::Pending | AlertState::Firing => Held::up_to(alert.severity, alert.starts_at),
            AlertState::NoData | AlertState::Resolved => Held::default(),
        };
        let state = GroupState { evaluated_at: Some(alert.updated_at), value: alert.value, held, active };
        let reporters = alert.sources.iter().map(|name| (Reporter::of(name, policy), state.clone()));
        let is_on = active.is_some();
        Self { states: reporters.collect(), alert: is_on.then(|| alert.clone()), unconfirmed: false }
    }

    /// Makes the alert's transition of one reporter's change, when the alert as a whole changed: it fires while any
    /// reporter does, with the worst severity, and shows everyone who says so.
    pub(super) fn transition(
        &mut self,
        scene: &Scene<'_>,
        reporter: &Reporter,
        change: Change,
    ) -> Option<Transition> {
        let before = self.alert.take();
        // Pending is no way back: an open alert that only pending reports are left of is over, and may fire anew.
        let was_open = before.as_ref().is_some_and(|alert| alert.state.is_open());
        let still_on = self.merged().filter(|merged| merged.state.is_open() || !was_open);
        let merged = match (still_on, &before) {
            (Some(merged), _) => merged,
            (None, Some(before)) => {
                let (state, sources) = (AlertState::Resolved, before.sources.clone());
                Merged { state, sources, active: change.active }
            }
            // It ended with another reporter's change; there is nothing left to end.
            (None, None) => return None,
        };
        let is_unchanged = before.as_ref().is_some_and(|alert| {
            (alert.state, alert.severity, &alert.sources)
                == (merged.state, merged.active.severity, &merged.sources)
        });
        if is_unchanged {
            self.alert = before;
            return None;
        }
        let value = self.states.get(reporter).and_then(|state| state.value);
        let alert = scene.alert(before.as_ref(), merged, value);
        let has_many = self.states.len() > 1;
        let reason = if has_many { format!("{}: {}", reporter.name(), change.reason) } else { change.reason };
        self.alert = (alert.state != AlertState::Resolved).then(|| alert.clone());
        let from = before.map(|alert| alert.state);
        Some(Transition { from, reason, decided_at: scene.decided_at, alert })
    }

    /// Whether nothing is on and no instant before `at` may still come.
    pub(super) fn is_idle(&self, at: Timestamp) -> bool {
        self.alert.is_none()
            && self.states.values().all(|state| {
                state.active.is_none() && state.evaluated_at.is_none_or(|evaluated_at| evaluated_at <= at)
            })
    }

    /// Firing beats no-data beats pending; `None` when nothing is on.
    fn merged(&self) -> Option<Merged> {
        let rank = |state: AlertState| match state {
            AlertState::Firing => 3,
            AlertState::NoData => 2,
            AlertState::Pending => 1,
            AlertState::Resolved => 0,
        };
        let on = || self.states.iter().filter_map(|(reporter, state)| Some((reporter, state.active?)));
        let state = on().map(|(_, active)| active.state).max_by_key(|state| rank(*state))?;
        let saying_so: Vec<(&Reporter, Active)> = on().filter(|(_, active)| active.state == state).collect();
        let sources = saying_so.iter().map(|(reporter, _)| reporter.name().to_owned()).collect();
        let active = saying_so.iter().map(|(_, active)| *active).reduce(|a, b| Active {
            state,
            severity: a.severity.max(b.severity),
            starts_at: a.starts_at.min(b.starts_at),
            fired_at: a.fired_at.into_iter().chain(b.fired_at).min(),
        })?;
        Some(Merged { state, sources, active })
    }
}

impl Scene<'_> {
    /// The alert as it is now; what it was when it started stays.
    fn alert(&self, before: Option<&Alert>, merged: Merged, value: Option<f64>) -> Alert {
        let Merged { state, sources, active } = merged;
        let identity = self.policy.identity(self.labels);
        let described = match before {
            Some(alert) => alert.described.clone(),
            None => without(self.described, &identity),
        };
        // A slower reporter may decide at an instant that a faster one has passed already.
        let updated_at = before.map_or(self.at, |alert| alert.updated_at.max(self.at));
        let mut alert = Alert {
            identity,
            described,
            annotations: BTreeMap::new(),
            state,
            severity: active.severity,
            class: self.policy.class,
            failure_domain: self.policy.failure_domain(),
            sources,
            verified: true,
            // The value before a silence does not describe the silence.
            value: value.filter(|_| state != AlertState::NoData),
            starts_at: before.map_or(active.starts_at, |alert| alert.starts_at.min(active.starts_at)),
            fired_at: before.and_then(|alert| alert.fired_at).or(active.fired_at),
            ends_at: (state == AlertState::Resolved).then_some(updated_at),
            updated_at,
            watched: Watched::default(),
            native: Vec::new(),
            members: Vec::new(),
            pushed: None,
        };
        let criteria = self.policy.criteria_for(&alert.labels());
        alert.watched = self.policy.watched(self.labels, criteria, alert.severity, self.period);
        alert.annotations = self.policy.annotations.render(&alert, criteria.level(alert.severity).threshold);
        alert
    }
}

/// Descriptive labels that the identity does not name already.
fn without(described: &Labels, identity: &Labels) -> Labels {
    let mut kept = described.edit();
    for (name, _) in identity.iter() {
        kept.remove(name);
    }
    kept.build()
}
