//! Changed policies, removed sources, failing queries.

use std::collections::BTreeSet;
use std::time::Duration;

use isobar_normalizer::Severity;

use super::after;
use super::estate::{Estate, Source};
use crate::{AlertState, EVALUATION_INTERVAL, Evaluator, Policies, Policy, Transition};

fn policies(text: &str) -> Vec<Policy> {
    Policies::parse(&format!("policies: [{text}]")).unwrap()
}

const HOT: &str = "{name: Hot, metric: m, over: 1m, levels: {warning: '> 1'}, no_data: alert}";

/// One source, `vm-1` above the threshold and `vm-2` below it, and an evaluator that has seen ten minutes of it.
async fn firing(policy: &str) -> (Estate, Evaluator) {
    let mut estate = Estate::new();
    let source = Source {
        period: Duration::from_secs(15),
        delay: Duration::ZERO,
        lag: Duration::ZERO,
        complete_since: after(Duration::ZERO),
        stalled_at: None,
    };
    estate.sources.insert("a".to_owned(), source);
    estate.push("a", "vm-1", after(Duration::ZERO), vec![Some(2.0); 400]);
    estate.push("a", "vm-2", after(Duration::ZERO), vec![Some(0.5); 400]);
    estate.now = after(Duration::from_secs(600));
    let mut evaluator = Evaluator::new(policies(policy), EVALUATION_INTERVAL);
    let transitions = evaluator.tick(&estate, estate.now).await;
    assert_eq!(states(&transitions), ["Hot vm-1 firing"]);
    (estate, evaluator)
}

async fn tick_later(estate: &mut Estate, evaluator: &mut Evaluator, seconds: u64) -> Vec<String> {
    estate.now = estate.now.plus(Duration::from_secs(seconds));
    states(&evaluator.tick(estate, estate.now).await)
}

fn states(transitions: &[Transition]) -> Vec<String> {
    let shown = |transition: &Transition| {
        let alert = &transition.alert;
        let reason = if alert.state == AlertState::Resolved { &transition.reason } else { "" };
        format!("{} {} {} {reason}", alert.name(), alert.resource().unwrap_or("-"), alert.state.as_str())
            .trim_end()
            .to_owned()
    };
    transitions.iter().map(shown).collect()
}

#[tokio::test]
async fn a_removed_policy_ends_its_alerts() {
    let (mut estate, mut evaluator) = firing(HOT).await;
    assert_eq!(states(&evaluator.reload(Vec::new(), estate.now)), ["Hot vm-1 resolved policy_removed"]);
    assert_eq!(tick_later(&mut estate, &mut evaluator, 60).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_policy_of_the_same_identity_keeps_its_alerts() {
    let (mut estate, mut evaluator) = firing(HOT).await;
    let stricter = HOT.replace("> 1", "> 1.5");
    assert_eq!(evaluator.reload(policies(&stricter), estate.now), []);
    assert_eq!(tick_later(&mut estate, &mut evaluator, 60).await, Vec::<String>::new());
    assert_eq!(evaluator.reload(policies(&HOT.replace("> 1", "> 3")), estate.now), []);
    assert_eq!(
        tick_later(&mut estate, &mut evaluator, 60).await,
        ["Hot vm-1 resolved value 2 meets no level"]
    );
}

#[tokio::test]
async fn another_identity_ends_the_old_alerts_and_starts_new_ones() {
    let (mut estate, mut evaluator) = firing(HOT).await;
    let labelled = HOT.replace("name: Hot", "name: Hot, labels: {team: a}");
    let ended = evaluator.reload(policies(&labelled), estate.now);
    assert_eq!(states(&ended), ["Hot vm-1 resolved policy_removed"]);
    assert_eq!(tick_later(&mut estate, &mut evaluator, 60).await, ["Hot vm-1 firing"]);
}

#[tokio::test]
async fn what_a_changed_selection_leaves_out_ends_and_is_no_silence() {
    let (mut estate, mut evaluator) = firing(HOT).await;
    let narrowed = HOT.replace("metric: m", "metric: m, where: {resource_id: vm-2}");
    assert_eq!(evaluator.reload(policies(&narrowed), estate.now), []);
    assert_eq!(tick_later(&mut estate, &mut evaluator, 60).await, ["Hot vm-1 resolved policy_changed"]);
    assert_eq!(tick_later(&mut estate, &mut evaluator, 1200).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_policy_that_holds_from_now_on_has_no_alert_about_silence() {
    let (mut estate, mut evaluator) = firing(HOT).await;
    let first_silent = estate.samples.iter().map(|(_, at, _)| *at).max().unwrap();
    estate.now = first_silent;
    assert_eq!(states(&evaluator.tick(&estate, estate.now).await), Vec::<String>::new());
    assert_eq!(tick_later(&mut estate, &mut evaluator, 600).await, ["Hot vm-1 no_data", "Hot vm-2 no_data"]);
    assert_eq!(evaluator.reload(policies(&HOT.replace("no_data: alert", "no_data: hold")), estate.now), []);
    assert_eq!(
        tick_later(&mut estate, &mut evaluator, 60).await,
        ["Hot vm-1 firing", "Hot vm-2 resolved the policy holds over silence now"]
    );
    assert_eq!(tick_later(&mut estate, &mut evaluator, 60).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_removed_source_takes_its_reports_along() {
    let (estate, mut evaluator) = firing(HOT).await;
    let all = BTreeSet::from(["a".to_owned()]);
    assert_eq!(evaluator.retain_sources(&all, estate.now), []);
    let ended = evaluator.retain_sources(&BTreeSet::new(), estate.now);
    assert_eq!(states(&ended), ["Hot vm-1 resolved source_removed"]);
    assert_eq!(evaluator.health()[0].groups, 0);
}

#[tokio::test]
async fn a_failing_query_holds_everything_and_is_made_up_for() {
    let (mut estate, mut evaluator) = firing(HOT).await;
    estate.is_broken = true;
    estate.now = estate.now.plus(Duration::from_secs(60));
    assert_eq!(evaluator.tick(&estate, estate.now).await, []);
    assert_eq!(evaluator.health()[0].error.as_deref(), Some("a: the store is closed"));
    assert_eq!(evaluator.due(&estate, estate.now), 4);
    estate.is_broken = false;
    assert_eq!(evaluator.tick(&estate, estate.now).await, []);
    assert_eq!((evaluator.due(&estate, estate.now), evaluator.health()[0].error.clone()), (0, None));
}

#[tokio::test]
async fn alerts_of_policies_that_are_gone_end_at_a_restart() {
    let (estate, mut evaluator) = firing(HOT).await;
    let alerts = evaluator.reload(Vec::new(), estate.now);
    let mut alert = alerts[0].alert.clone();
    alert.state = AlertState::Firing;
    let mut restarted = Evaluator::new(Vec::new(), EVALUATION_INTERVAL);
    let ended = restarted.restore([&alert], estate.now);
    assert_eq!(states(&ended), ["Hot vm-1 resolved policy_removed"]);
}

#[tokio::test]
async fn a_resource_that_left_as_the_last_of_its_source_ends_its_alert() {
    let (mut estate, mut evaluator) = firing(HOT).await;
    estate.sources.clear();
    assert_eq!(tick_later(&mut estate, &mut evaluator, 60).await, Vec::<String>::new());
    estate.resources.get_mut("vm-1").unwrap().gone = Some(estate.now);
    assert_eq!(tick_later(&mut estate, &mut evaluator, 60).await, ["Hot vm-1 resolved resource_gone"]);
    assert_eq!(tick_later(&mut estate, &mut evaluator, 60).await, Vec::<String>::new());
}

#[tokio::test]
async fn alerts_that_policies_do_not_give_are_not_ended_at_a_restart() {
    let now = after(Duration::ZERO);
    let mut restarted = Evaluator::new(Vec::new(), EVALUATION_INTERVAL);
    for name in ["ProviderOutage", "OwnUplink"] {
        let identity = format!("alertname={name} cloud_provider=aws");
        let voice = crate::fixture::alert(&identity, AlertState::Firing, Severity::Critical, now);
        assert_eq!(restarted.restore([&voice], now), [], "{name}");
    }
}
