//! The one state machine of an alert: inactive, pending, firing or no-data, and over.
//!
//! Event time only: nothing here knows what time it is.

use isobar_normalizer::{Severity, Timestamp, format_duration};

use super::observation::Observation;
use crate::alert::AlertState;
use crate::policy::{Criteria, NoData};

/// Where one group stands, as one source reports it. The default is inactive and never evaluated.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct GroupState {
    /// The newest instant it was stepped to; earlier and equal ones change nothing any more.
    pub(super) evaluated_at: Option<Timestamp>,
    /// The newest value seen.
    pub(super) value: Option<f64>,
    /// Since when each level, or a worse one, has held without a value that denied it.
    pub(super) held: Held,
    /// What is on, when something is.
    pub(super) active: Option<Active>,
}

/// A condition that is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Active {
    /// Pending, firing or no-data; never resolved.
    pub(super) state: AlertState,
    /// The worst level held long enough; while pending, the worst that holds now.
    pub(super) severity: Severity,
    /// When the condition first held, or when no-data began.
    pub(super) starts_at: Timestamp,
    /// When it first went firing.
    pub(super) fired_at: Option<Timestamp>,
}

/// Since when each severity has held, by `Severity as usize`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held([Option<Timestamp>; Severity::ALL.len()]);

/// A change of state or severity, of which the alert's transition is made.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    /// State before; `None` when it was inactive.
    pub(super) from: Option<AlertState>,
    /// State after.
    pub(super) to: AlertState,
    /// As it is after the change; as it was, when it is over.
    pub(super) active: Active,
    /// Why, in words.
    pub(super) reason: String,
}

/// Moves a group to the instant `at`.
///
/// An alert goes pending when a level first holds and firing when one has held for `for`; its severity rises when a
/// worse level has held for `for` and falls at once to the worst that still holds. Between the mildest level and the
/// recover condition it stays firing at the mildest. Missing values change nothing; silence is the policy's choice.
pub(super) fn step(
    state: &GroupState,
    observation: &Observation,
    at: Timestamp,
    criteria: &Criteria,
    no_data: NoData,
) -> (GroupState, Option<Change>) {
    let mut next = state.clone();
    if state.evaluated_at.is_some_and(|evaluated_at| evaluated_at >= at) {
        return (next, None);
    }
    next.evaluated_at = Some(at);
    let change = match observation {
        // The policy asked for no-data once and does not any more; it is not asked whether there is a sample either.
        Observation::Missing if no_data == NoData::Hold => next.leave_no_data(),
        Observation::Missing => None,
        Observation::Value(value) if value.is_nan() => None,
        Observation::Value(value) => next.see(*value, at, criteria),
        Observation::Silent(silence) => {
            let reason = format!("no sample for {}", format_duration(*silence));
            match no_data {
                NoData::Hold => None,
                NoData::Recover => next.end(reason),
                NoData::Alert => next.fall_silent(at, criteria, reason),
            }
        }
        Observation::Ended(reason) => next.end((*reason).to_owned()),
    };
    (next, change)
}

impl GroupState {
    fn see(&mut self, value: f64, at: Timestamp, criteria: &Criteria) -> Option<Change> {
        self.value = Some(value);
        let shown = shown(value);
        let worst = criteria.worst(value);
        self.held.update(worst.map(|(severity, _)| severity), at, criteria);
        let long_enough = self.held.worst_for(criteria, at);
        let Some((holds, level)) = worst else {
            return self.see_no_level(value, criteria);
        };
        match self.active {
            None => match long_enough {
                Some(severity) => {
                    let starts_at = self.held.since(criteria.mildest()).unwrap_or(at);
                    let fired = Active { state: AlertState::Firing, severity, starts_at, fired_at: Some(at) };
                    self.change(fired, fired_reason(&shown, criteria, severity))
                }
                None => {
                    let pending =
                        Active { state: AlertState::Pending, severity: holds, starts_at: at, fired_at: None };
                    let hold_for = format_duration(criteria.hold_for());
                    self.change(pending, format!("value {shown} {level}, to hold for {hold_for}"))
                }
            },
            Some(active) if active.state == AlertState::Pending => match long_enough {
                Some(severity) => {
                    let fired = Active { state: AlertState::Firing, severity, fired_at: Some(at), ..active };
                    self.change(fired, fired_reason(&shown, criteria, severity))
                }
                None => {
                    self.active = Some(Active { severity: holds, ..active });
                    None
                }
            },
            Some(active) => {
                let kept = active.severity.min(holds).max(criteria.mildest());
                let severity = long_enough.map_or(kept, |held| held.max(kept));
                let fired_at = active.fired_at.or(Some(at));
                let firing = Active { state: AlertState::Firing, severity, fired_at, ..active };
                let reason = match (active.state, severity.cmp(&active.severity)) {
                    (AlertState::NoData, _) => format!("samples are back, value {shown} {level}"),
                    (_, std::cmp::Ordering::Less) => {
                        format!("value {shown} {level}, {} no longer", active.severity)
                    }
                    _ => fired_reason(&shown, criteria, severity),
                };
                self.change(firing, reason)
            }
        }
    }

    fn see_no_level(&mut self, value: f64, criteria: &Criteria) -> Option<Change> {
        let active = self.active?;
        let shown = shown(value);
        if active.state == AlertState::Pending {
            return self
                .end(format!("value {shown} cleared within {}", format_duration(criteria.hold_for())));
        }
        match criteria.recover() {
            Some(recover) if active.fired_at.is_some() && !recover.holds(value) => {
                let firing = Active { state: AlertState::Firing, severity: criteria.mildest(), ..active };
                self.change(firing, format!("value {shown}, not yet {recover}"))
            }
            Some(recover) if recover.holds(value) => self.end(format!("value {shown} {recover}")),
            _ => self.end(format!("value {shown} meets no level")),
        }
    }

    fn fall_silent(&mut self, at: Timestamp, criteria: &Criteria, reason: String) -> Option<Change> {
        // What held before the silence proves nothing after it.
        self.held = Held::default();
        let silent = match self.active {
            Some(active) => Active { state: AlertState::NoData, ..active },
            None => Active {
                state: AlertState::NoData,
                severity: criteria.mildest(),
                starts_at: at,
                fired_at: None,
            },
        };
        self.change(silent, reason)
    }

    /// Silence is no finding any more: what fired goes on firing, and what did not is over.
    fn leave_no_data(&mut self) -> Option<Change> {
        let active = self.active.filter(|active| active.state == AlertState::NoData)?;
        let reason = "the policy holds over silence now".to_owned();
        if active.fired_at.is_none() {
            return self.end(reason);
        }
        self.change(Active { state: AlertState::Firing, ..active }, reason)
    }

    /// Becomes `active`; it is a change when the state or the severity is another one.
    fn change(&mut self, active: Active, reason: String) -> Option<Change> {
        let before = self.active.replace(active);
        let same = before.is_some_and(|old| (old.state, old.severity) == (active.state, active.severity));
        (!same).then(|| Change { from: before.map(|old| old.state), to: active.state, active, reason })
    }

    fn end(&mut self, reason: String) -> Option<Change> {
        self.held = Held::default();
        let active = self.active.take()?;
        Some(Change { from: Some(active.state), to: AlertState::Resolved, active, reason })
    }
}

impl Held {
    /// What an alert that started at `since` with this severity says about its levels.
    pub(super) fn up_to(severity: Severity, since: Timestamp) -> Self {
        let mut held = Self::default();
        for level in Severity::ALL.iter().filter(|level| **level <= severity) {
            held.0[*level as usize] = Some(since);
        }
        held
    }

    fn update(&mut self, holds: Option<Severity>, at: Timestamp, criteria: &Criteria) {
        for level in Severity::ALL {
            let is_level = criteria.levels().iter().any(|(severity, _)| severity == level);
            let since = &mut self.0[*level as usize];
            if is_level && holds.is_some_and(|holds| holds >= *level) {
                since.get_or_insert(at);
            } else {
                *since = None;
            }
        }
    }

    fn since(&self, severity: Severity) -> Option<Timestamp> {
        self.0[severity as usize]
    }

    /// The worst level that has held for `for`.
    fn worst_for(&self, criteria: &Criteria, at: Timestamp) -> Option<Severity> {
        let long_enough = |level: &Severity| {
            self.since(*level).is_some_and(|since| at.since(since) >= criteria.hold_for() && since <= at)
        };
        criteria.levels().iter().rev().map(|(level, _)| *level).find(long_enough)
    }
}

fn fired_reason(shown: &str, criteria: &Criteria, severity: Severity) -> String {
    let level = criteria.level(severity);
    if criteria.hold_for().is_zero() {
        return format!("value {shown} {level}");
    }
    format!("value {shown} {level} held for {}", format_duration(criteria.hold_for()))
}

/// Six significant digits: `0.9500000000000001` is noise to a reader.
fn shown(value: f64) -> String {
    let rounded = format!("{value:.5e}").parse().unwrap_or(value);
    format!("{rounded}")
}
