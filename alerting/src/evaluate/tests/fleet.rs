//! Machines that come and go by the hundred.

use std::time::Duration;

use super::after;
use super::estate::{Estate, Source};
use crate::{AlertState, EVALUATION_INTERVAL, Evaluator, Policies, Transition};

const MACHINES: usize = 500;
const MINUTE: Duration = Duration::from_secs(60);
const POLICY: &str = "policies: [{name: HighCpu, metric: m, over: 1m, levels: {warning: '> 0.8'}, no_data: alert, no_data_after: 2m}]";

/// Fifty machines a minute are replaced by new ones for ten minutes; those whose number `is_hot` are above the threshold
/// all their life.
async fn replaced(is_hot: impl Fn(usize) -> bool) -> Vec<Transition> {
    let mut estate = Estate::new();
    let (delay, lag) = (Duration::ZERO, Duration::ZERO);
    let source = Source { period: MINUTE, delay, lag, complete_since: after(delay), stalled_at: None };
    estate.sources.insert("a".to_owned(), source);
    let value = |machine: usize| Some(if is_hot(machine) { 0.9 } else { 0.5 });
    let left_in = |machine: usize| 5 + machine / 50;
    for machine in 0..MACHINES {
        let (old, new) = (format!("vm-{machine}"), format!("vm-{}", MACHINES + machine));
        let minutes = left_in(machine);
        estate.push("a", &old, after(MINUTE), vec![value(machine); minutes]);
        let begin = after(MINUTE * u32::try_from(minutes).unwrap());
        estate.push("a", &new, begin, vec![value(MACHINES + machine); 30 - minutes]);
    }
    let mut evaluator = Evaluator::new(Policies::parse(POLICY).unwrap(), EVALUATION_INTERVAL);
    let mut transitions = Vec::new();
    for minute in 1..30 {
        estate.now = after(MINUTE * u32::try_from(minute).unwrap());
        for machine in (0..MACHINES).filter(|machine| left_in(*machine) + 1 == minute) {
            estate.resources.get_mut(&format!("vm-{machine}")).unwrap().gone = Some(estate.now);
        }
        transitions.extend(evaluator.tick(&estate, estate.now).await);
    }
    transitions
}

#[tokio::test]
async fn five_hundred_replaced_machines_page_nobody() {
    assert_eq!(replaced(|_| false).await, []);
}

#[tokio::test]
async fn what_fired_is_told_to_be_over_and_a_new_machine_fires_when_it_is_hot() {
    let transitions = replaced(|machine| machine == 7 || machine == MACHINES + 8).await;
    let shown: Vec<(&str, AlertState, &str)> = transitions
        .iter()
        .map(|transition| {
            let alert = &transition.alert;
            (alert.resource().unwrap(), alert.state, transition.reason.as_str())
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("vm-7", AlertState::Firing, "value 0.9 > 0.8"),
            ("vm-508", AlertState::Firing, "value 0.9 > 0.8"),
            ("vm-7", AlertState::Resolved, "resource_gone"),
        ]
    );
}
