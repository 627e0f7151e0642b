//! What holds for every timeline.

use std::time::Duration;

use proptest::prelude::*;

use super::after;
use super::estate::{Estate, Source};
use crate::evaluate::observation::Observation;
use crate::evaluate::step::{GroupState, step};
use crate::{AlertState, EVALUATION_INTERVAL, Evaluator, NoData, Policies, Policy};

const STEP: Duration = Duration::from_secs(15);

fn policy(hold_for_steps: u32, no_data: &str) -> Policy {
    let text = format!(
        "policies: [{{name: P, metric: m, over: 15s, levels: {{warning: '> 1', critical: '> 2'}}, recover: '< 0.5', \
         for: {}s, no_data: {no_data}}}]",
        15 * hold_for_steps
    );
    Policies::parse(&text).unwrap().remove(0)
}

fn observation() -> impl Strategy<Value = Observation> {
    prop_oneof![
        8 => prop_oneof![Just(0.0), Just(0.7), Just(1.5), Just(2.5)].prop_map(Observation::Value),
        1 => Just(Observation::Missing),
        1 => Just(Observation::Silent(Duration::from_secs(315))),
        1 => Just(Observation::Ended("resource_gone")),
    ]
}

/// Whether, at the end of the timeline, every value of the last `steps` steps was above the mildest level, with the
/// first of them at or before the begin of that stretch: the oracle for `for`.
fn has_held(timeline: &[Observation], steps: usize) -> bool {
    let holds = |observation: &Observation| matches!(observation, Observation::Value(value) if *value > 1.0);
    let breaks = |observation: &Observation| match observation {
        Observation::Value(value) => *value <= 1.0,
        Observation::Missing => false,
        Observation::Silent(_) | Observation::Ended(_) => true,
    };
    let since_break = timeline.iter().rposition(breaks).map_or(0, |index| index + 1);
    let first = timeline.iter().skip(since_break).position(holds).map(|index| index + since_break);
    first.is_some_and(|first| timeline.len() - 1 - first >= steps)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_fires_before_for_and_everything_that_held_does(
        timeline in proptest::collection::vec(observation(), 1..60),
        steps in 0u32..5,
    ) {
        let policy = policy(steps, "hold");
        let mut state = GroupState::default();
        for (index, observation) in timeline.iter().enumerate() {
            let at = after(STEP * u32::try_from(index).unwrap());
            let (next, change) = step(&state, observation, at, &policy.criteria, NoData::Recover);
            prop_assert_eq!(&step(&state, observation, at, &policy.criteria, NoData::Recover), &(next.clone(), change.clone()));
            let was_open = state.active.is_some_and(|active| active.state.is_open());
            let is_open = next.active.is_some_and(|active| active.state.is_open());
            if !was_open && matches!(observation, Observation::Value(_)) {
                prop_assert_eq!(is_open, has_held(&timeline[..=index], steps as usize));
            }
            if let Some(change) = &change {
                prop_assert_eq!(change.from, state.active.map(|active| active.state));
                prop_assert!(change.active.starts_at <= at);
            }
            prop_assert_eq!(next.active.map(|active| active.state), change.map_or(state.active.map(|active| active.state), |change| {
                (change.to != AlertState::Resolved).then_some(change.to)
            }));
            state = next;
        }
    }

    #[test]
    fn a_batch_of_instants_may_be_split_anywhere(
        values in proptest::collection::vec(proptest::option::weighted(0.9, prop_oneof![Just(0.0), Just(0.7), Just(1.5), Just(2.5)]), 80),
        splits in proptest::collection::btree_set(1usize..80, 0..8),
        steps in 0u32..5,
        no_data in prop_oneof![Just("alert"), Just("hold"), Just("recover")],
    ) {
        let policy = policy(steps, no_data);
        let whole = transitions(&policy, &values, &[]);
        let parts = transitions(&policy, &values, &splits.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(whole, parts);
    }
}

/// The transitions of the timeline when it is ticked at the start, after each of these steps of the grid, and at the end.
fn transitions(policy: &Policy, values: &[Option<f64>], ticks: &[usize]) -> Vec<String> {
    let mut estate = Estate::new();
    let (delay, lag) = (Duration::ZERO, Duration::ZERO);
    let source = Source { period: STEP, delay, lag, complete_since: after(delay), stalled_at: None };
    estate.sources.insert("a".to_owned(), source);
    estate.push("a", "vm", after(STEP), values.iter().copied());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut evaluator = Evaluator::new(vec![policy.clone()], EVALUATION_INTERVAL);
    let mut shown = Vec::new();
    for index in [0].iter().chain(ticks).chain([&values.len()]) {
        estate.now = after(STEP * u32::try_from(*index).unwrap());
        for transition in runtime.block_on(evaluator.tick(&estate, estate.now)) {
            let alert = transition.alert;
            shown.push(format!(
                "{} {:?} {} {}",
                alert.updated_at, alert.state, alert.severity, transition.reason
            ));
        }
    }
    shown
}
