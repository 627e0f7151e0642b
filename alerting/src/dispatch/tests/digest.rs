//! Laws of the digests of routes.

use super::*;

/// Each alert has a group of its own, so that whatever is told together is a digest.
fn config(digests: &str) -> String {
    format!(
        "route: {{receiver: r, group_by: ['...'], group_wait: 10s, group_interval: 1m, repeat_interval: 1h{digests}}}\n\
         receivers: [{{name: r, webhook_configs: [{{url: 'http://h/'}}], pagerduty_configs: [{{routing_key: k}}]}}]\n\
         flapping: {{changes: 3, within: 2m}}\n"
    )
}

const BOTH: &str = ", flapping: digest, storm: {above: 2, within: 30s}";

/// Long enough for each group to be told twice, those of what flaps included.
const LONG: Duration = Duration::from_secs(300);

fn tell(world: &mut World, history: &[Happening], output: &mut String) -> Timestamp {
    let mut now = START;
    for happening in history {
        now = now.plus(Duration::from_secs(1));
        match happening {
            Happening::Firing(i, worse) => {
                let severity = if *worse { Severity::Critical } else { Severity::Warning };
                world.take(transition(&identity(*i), AlertState::Firing, severity, now), now);
            }
            Happening::Resolved(i) => {
                let said = transition(&identity(*i), AlertState::Resolved, Severity::Warning, now);
                let known = world.alerts.get(&said.alert.fingerprint());
                if known.is_some_and(|known| known.alert.state.is_open()) {
                    world.take(said, now);
                }
            }
            Happening::Wait(seconds) => {
                now = now.plus(Duration::from_secs((*seconds).into()));
                world.run_until(now, output);
            }
            Happening::Crash { written } => {
                if *written {
                    let plan = world.dispatcher.plan(&world.config, &world.log, &open_gate(), now);
                    plan.notifications.iter().for_each(|notification| world.log.apply(notification));
                    world.deliveries.extend(plan.deliveries);
                }
                world.restart(now);
            }
        }
    }
    now
}

proptest! {
    /// Every alert that stays open was told by itself or in a digest, in exactly one of them, whatever happened before; and
    /// what was told and is over was told as over.
    #[test]
    fn nothing_is_lost_and_nothing_is_told_twice(history in prop::collection::vec(happening(), 1..60)) {
        let mut world = World::new(&config(BOTH));
        let mut output = String::new();
        let now = tell(&mut world, &history, &mut output).plus(LONG);
        world.run_until(now, &mut output);
        let told = world.deliveries.len();
        world.restart(now);
        world.run_until(now.plus(LONG), &mut output);
        prop_assert_eq!(world.deliveries.len(), told, "a restart alone tells nobody anything:\n{}", output);

        let open: Vec<u64> =
            world.alerts.values().filter(|t| t.alert.state.is_open()).map(|t| t.alert.fingerprint()).collect();
        for channel in ["webhook", "pagerduty"] {
            let entries = world.log.groups().map(|(id, _)| world.log.entry(id, channel, 0).expect("both hear the same"));
            let alerts = entries.flat_map(|entry| &entry.notification.alerts);
            let mut known: Vec<u64> = alerts.filter(|a| a.is_firing()).map(|a| a.fingerprint).collect();
            known.sort_unstable();
            prop_assert_eq!(&known, &open, "{} knows something else than is true:\n{}", channel, output);
        }
    }

    /// What is never so much, and never so often, is told as without the keys.
    #[test]
    fn a_rule_that_is_not_met_changes_nothing(history in prop::collection::vec(happening(), 1..60)) {
        let calm = config(", flapping: digest, storm: {above: 100, within: 1m}").replace("changes: 3", "changes: 50");
        let [mut without, mut with] = [World::new(&config("")), World::new(&calm)];
        let [mut expected, mut found] = [String::new(), String::new()];
        let now = tell(&mut without, &history, &mut expected).plus(LONG);
        tell(&mut with, &history, &mut found);
        without.run_until(now, &mut expected);
        with.run_until(now, &mut found);
        prop_assert_eq!(found, expected);
        prop_assert_eq!(with.deliveries, without.deliveries);
    }
}

/// A storm of 500 alerts is so many messages as the route allows, and one.
#[test]
fn a_storm_is_a_few_messages_and_every_alert_is_in_one() {
    let mut world = World::new(&config(", storm: {above: 5, within: 1m}"));
    let mut output = String::new();
    for i in 0..500 {
        let said = transition(&format!("alertname=A i={i}"), AlertState::Firing, Severity::Error, START);
        world.take(said, START);
    }
    world.run_until(START.plus(LONG), &mut output);
    let heard: Vec<usize> = world
        .log
        .groups()
        .map(|(_, entries)| entries.map(|e| e.notification.alerts.len()).max().unwrap())
        .collect();
    assert_eq!((heard.len(), heard.iter().sum::<usize>(), heard.iter().max()), (6, 500, Some(&495)));
    assert_eq!(world.deliveries.len(), 12, "by two ways");
    for i in 0..500 {
        let at = START.plus(LONG);
        world.take(transition(&format!("alertname=A i={i}"), AlertState::Resolved, Severity::Error, at), at);
    }
    world.run_until(START.plus(2 * LONG), &mut output);
    assert_eq!(world.log.groups().count(), 0, "every end was told");
    assert_eq!(world.deliveries.len(), 24);
    let calm = START.plus(2 * LONG);
    world.take(transition("alertname=A i=1", AlertState::Firing, Severity::Error, calm), calm);
    world.run_until(calm.plus(LONG), &mut output);
    assert!(output.lines().last().unwrap().contains(r#"{}:{alertname="A""#), "the storm is over: {output}");
}
