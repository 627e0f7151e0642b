//! Evaluates an alarm period by period, and remembers what came of it.

use std::collections::VecDeque;

use super::words;
use super::{Condition, Missing, Operator, State, Transition};
use crate::aws::catalogue::{MINUTE, Series};
use crate::aws::points::View;
use crate::estate::Millis;

/// A period is looked at so long after it ends, when its points are final: two minutes, four for basic metrics.
fn patience(series: &Series) -> Millis {
    if series.cadence == MINUTE { 2 * MINUTE } else { 4 * MINUTE }
}

/// The past of one alarm: evaluations are made once, in order, and never change.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// The end of the last period looked at.
    looked_until: Option<Millis>,
    recent: VecDeque<(Millis, Option<f64>)>,
    transitions: Vec<Transition>,
}

impl Timeline {
    pub(crate) fn new(begins: Millis) -> Self {
        let created = Transition {
            at: begins,
            from: State::InsufficientData,
            to: State::InsufficientData,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            data: None,
        };
        Self { looked_until: None, recent: VecDeque::new(), transitions: vec![created] }
    }

    /// Makes the evaluations that are due at `now`.
    pub(crate) fn extend(&mut self, condition: &Condition, series: &Series, begins: Millis, now: Millis) {
        let (period, patience) = (condition.period, patience(series));
        let mut end = match self.looked_until {
            Some(end) => end + period,
            None => (begins.div_euclid(period) + 2) * period,
        };
        while end + patience <= now {
            let at = end + patience;
            let view = View { now: at, late_ms: 0, begins };
            let value = view.value(series, end - period, period, condition.statistic);
            self.recent.push_back((end - period, value));
            if self.recent.len() > condition.periods {
                self.recent.pop_front();
            }
            let from = self.transitions.last().map_or(State::InsufficientData, |last| last.to);
            let recent: Vec<_> = self.recent.iter().copied().collect();
            let to = decide(condition, &recent);
            if to != from {
                let reason = words::reason(condition, &recent, from, to);
                let data = Some(words::reason_data(condition, &recent, at));
                self.transitions.push(Transition { at, from, to, reason, data });
            }
            self.looked_until = Some(end);
            end += period;
        }
    }

    /// The transitions until `now`.
    pub(crate) fn until(&self, now: Millis) -> Vec<Transition> {
        let end = self.transitions.partition_point(|transition| transition.at <= now).max(1);
        self.transitions[..end].to_vec()
    }
}

/// Whether a value is past the threshold.
pub(super) fn breaches(condition: &Condition, value: f64) -> bool {
    match condition.operator {
        Operator::Greater => value > condition.threshold,
        Operator::GreaterOrEqual => value >= condition.threshold,
        Operator::Less => value < condition.threshold,
    }
}

/// The state that the last periods make.
/// Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html, "M out of N" and missing data.
fn decide(condition: &Condition, recent: &[(Millis, Option<f64>)]) -> State {
    let breaching = recent.iter().filter(|(_, value)| match value {
        Some(value) => breaches(condition, *value),
        None => condition.missing == Missing::Breaching,
    });
    if breaching.count() >= condition.to_alarm {
        return State::Firing;
    }
    let empty = recent.iter().all(|(_, value)| value.is_none());
    if empty && condition.missing == Missing::Absent { State::InsufficientData } else { State::Ok }
}

/// The transitions of an alarm that fires while any of its parts does.
pub(super) fn any(parts: &[(&str, Vec<Transition>)], begins: Millis) -> Vec<Transition> {
    let mut changes: Vec<(Millis, usize, State)> = parts
        .iter()
        .enumerate()
        .flat_map(|(part, (_, transitions))| transitions.iter().map(move |it| (it.at, part, it.to)))
        .collect();
    changes.sort_unstable();
    let mut states = vec![State::InsufficientData; parts.len()];
    let mut known = Timeline::new(begins).transitions;
    for (at, part, state) in changes {
        states[part] = state;
        let from = known.last().map_or(State::InsufficientData, |last| last.to);
        let to = if states.contains(&State::Firing) { State::Firing } else { State::Ok };
        if to == from {
            continue;
        }
        let reason = words::composite_reason(parts[part].0, state, at);
        let firing = states.iter().zip(parts).filter(|(state, _)| **state == State::Firing);
        let data = words::composite_data(firing.map(|(state, (arn, _))| (*arn, *state)), at);
        known.push(Transition { at, from, to, reason, data: Some(data) });
    }
    known
}
