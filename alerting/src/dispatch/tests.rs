use std::fmt::Write as _;
use std::time::Duration;

use isobar_normalizer::{Severity, parse_duration};
use proptest::prelude::*;

use super::*;
use crate::delivery::Reason;
use crate::event::Transition;
use crate::fixture::{START, native_report, transition};
use crate::flapping::Changes;
use crate::handling::Handlings;
use crate::suppress::open_gate;

mod digest;

/// A world of one configuration: what is known, and the records that would restore it.
struct World {
    config: AlertingConfig,
    alerts: BTreeMap<u64, Transition>,
    log: NotificationLog,
    dispatcher: Dispatcher,
    deliveries: Vec<Delivery>,
    changes: Changes,
}

impl World {
    fn new(config: &str) -> Self {
        let config = AlertingConfig::parse(config).unwrap_or_else(|error| panic!("{config}\n{error}"));
        let (alerts, log, dispatcher) = (BTreeMap::new(), NotificationLog::default(), Dispatcher::default());
        Self { config, alerts, log, dispatcher, deliveries: Vec::new(), changes: Changes::default() }
    }

    fn take(&mut self, transition: Transition, now: Timestamp) {
        let (fingerprint, rule) = (transition.alert.fingerprint(), self.config.flapping);
        let from = self.alerts.get(&fingerprint).map(|known| known.alert.state);
        let transition = Transition { from, ..transition };
        self.changes.follow(&transition);
        self.dispatcher.place(
            &self.config.route,
            &transition.alert,
            &Arc::new(NotifiedAlert::of(&transition.alert)),
            Flaps { rule, is_flapping: self.changes.is_flapping(fingerprint, rule, now) },
            now,
        );
        self.alerts.insert(fingerprint, transition);
    }

    fn restart(&mut self, now: Timestamp) {
        let alerts = self.alerts.values().map(|latest| (&latest.alert, latest.decided_at));
        let is_flapping = |alert| self.changes.is_flapping(alert, self.config.flapping, now);
        self.dispatcher = Dispatcher::restore(&self.config, alerts, &self.log, is_flapping, now);
    }

    /// Tells everything that is due up to `end`, each at its time, and writes it into `output`.
    fn run_until(&mut self, end: Timestamp, output: &mut String) {
        while let Some(at) = self.dispatcher.next_flush(end).filter(|at| *at <= end) {
            let plan = self.dispatcher.plan(&self.config, &self.log, &open_gate(), at);
            assert!(!plan.is_empty(), "a group is due at {at} and the plan is empty");
            for notification in &plan.notifications {
                self.log.apply(notification);
                show(notification, output);
            }
            self.dispatcher.commit(&plan, at);
            self.deliveries.extend(plan.deliveries);
        }
    }
}

fn show(notification: &Notification, output: &mut String) {
    let since = notification.at.since(START).as_secs();
    let alerts: Vec<String> = notification
        .alerts
        .iter()
        .map(|alert| {
            let name = alert.labels.get("i").or_else(|| alert.labels.get("alertname")).unwrap_or_default();
            let mark = if alert.is_firing() { "" } else { "-" };
            format!("{mark}{name}/{}", alert.severity)
        })
        .collect();
    for told in &notification.told {
        let heard = if told.delivery.is_some() { "" } else { " (log only)" };
        let _ = writeln!(
            output,
            "{since}s {}/{}[{}] {} {}{heard}: {}",
            notification.group.receiver,
            told.channel,
            told.index,
            notification.group.key,
            told.reason.as_str(),
            alerts.join(" "),
        );
    }
}

/// Plays a case: a configuration, `----`, then lines `TIME fire|ease|resolve|restart|route …`, `----`, what was told.
fn play(config: &str, script: &str) -> String {
    let mut world = World::new(config);
    let mut output = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (time, rest) = line.split_once(' ').expect("a time and a word");
        let now = START.plus(parse_duration(time).expect("a time"));
        // What is due at this moment comes after what happens at it.
        world.run_until(now.minus(Duration::from_millis(1)), &mut output);
        let (word, rest) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let state = match word {
            "pending" => AlertState::Pending,
            "firing" => AlertState::Firing,
            "no_data" => AlertState::NoData,
            "resolved" => AlertState::Resolved,
            "restart" => {
                world.restart(now);
                continue;
            }
            "end" => {
                world.run_until(now, &mut output);
                continue;
            }
            // A native alarm whose provider holds its notifications back.
            "muted" => AlertState::Firing,
            other => panic!("unknown word {other}"),
        };
        let (severity, identity) = rest.trim().split_once(' ').expect("a severity and labels");
        let mut said = transition(identity, state, severity.parse().expect("a severity"), now);
        if word == "muted" {
            said.alert.native = vec![native_report("a", true)];
        }
        world.take(said, now);
    }
    output
}

#[test]
fn cases() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/routing");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 14, "cases are missing from {folder}");
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let parts: Vec<&str> = text.split("----\n").collect();
        let [config, script, expected] = parts[..] else { panic!("{}: three parts", path.display()) };
        let output = play(config, script);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, format!("{config}----\n{script}----\n{output}")).unwrap();
        } else {
            assert_eq!(output, expected, "{}: UPDATE_EXPECT=1 rewrites it", path.display());
        }
    }
}

const CONFIG: &str = "route: {receiver: r, group_by: [alertname], group_wait: 10s, group_interval: 1m, repeat_interval: 1h}\nreceivers: [{name: r, webhook_configs: [{url: 'http://h/'}], pagerduty_configs: [{routing_key: k}]}]\n";

#[test]
fn keys_of_an_episode() {
    let mut world = World::new(CONFIG);
    let mut output = String::new();
    let at = |seconds: u64| START.plus(Duration::from_secs(seconds));
    let say = |world: &mut World, state, i: &str, seconds| {
        world.take(
            transition(&format!("alertname=A i={i}"), state, Severity::Critical, at(seconds)),
            at(seconds),
        );
    };
    say(&mut world, AlertState::Firing, "1", 0);
    world.run_until(at(20), &mut output);
    say(&mut world, AlertState::Firing, "2", 20);
    world.run_until(at(100), &mut output);
    say(&mut world, AlertState::Resolved, "1", 100);
    say(&mut world, AlertState::Resolved, "2", 100);
    world.run_until(at(200), &mut output);
    say(&mut world, AlertState::Firing, "1", 300);
    world.run_until(at(400), &mut output);
    let keys = |channel: &str| -> Vec<String> {
        let of_channel = world.deliveries.iter().filter(|d| &*d.integration.channel == channel);
        of_channel.map(|d| d.idempotency_key.to_string()).collect()
    };
    let pager = keys("pagerduty");
    assert_eq!(pager.len(), 4, "{output}");
    assert!(pager[0] == pager[1] && pager[1] == pager[2], "one incident from first to resolved");
    assert_ne!(pager[2], pager[3], "a new episode is a new incident");
    let mut hooks = keys("webhook");
    hooks.sort();
    hooks.dedup();
    assert_eq!(hooks.len(), 4, "each notification is a message of its own");
    assert!(pager.iter().all(|key| key.len() <= 255 && !hooks.contains(key)));
}

#[test]
fn a_receiver_that_swallows_has_nothing_to_deliver_and_keeps_no_group() {
    let mut world = World::new("route: {receiver: r, group_wait: 1s}\nreceivers: [{name: r}]\n");
    let mut output = String::new();
    world.take(transition("alertname=A", AlertState::Firing, Severity::Info, START), START);
    world.run_until(START.plus(Duration::from_secs(5)), &mut output);
    world.take(transition("alertname=A", AlertState::Resolved, Severity::Info, START), START);
    world.run_until(START.plus(Duration::from_secs(3600)), &mut output);
    assert_eq!(output, "");
    assert_eq!(world.dispatcher.next_flush(START), None);
}

#[test]
fn a_clock_that_is_put_back_holds_no_page() {
    let mut world = World::new(CONFIG);
    let mut output = String::new();
    let tomorrow = START.plus(Duration::from_secs(24 * 3600));
    let alert = transition("alertname=A i=1", AlertState::Firing, Severity::Critical, tomorrow);
    world.take(alert, tomorrow);
    let soon = tomorrow.minus(Duration::from_secs(1));
    assert!(world.dispatcher.next_flush(soon).unwrap() > soon, "a second is within what a group may rest");
    assert_eq!(world.dispatcher.next_flush(START), Some(START));
    world.run_until(START, &mut output);
    assert_eq!(world.deliveries.len(), 2, "by each channel: {output}");
    assert!(world.dispatcher.next_flush(START).unwrap() > START, "it rests by the clock as it is now");
}

#[test]
fn that_very_many_groups_are_taken_is_told_in_more_than_one_plan() {
    let mut world = World::new(CONFIG);
    let mut handlings = Handlings::default();
    let count = PLAN_MAX + 5;
    for i in 0..count {
        let said = transition(&format!("alertname=A{i}"), AlertState::Firing, Severity::Error, START);
        let fingerprint = said.alert.fingerprint();
        let handling = serde_json::json!({
            "fingerprint": format!("{fingerprint:016x}"),
            "acknowledged": {"by": "ada", "at": START, "severity": "error"},
            "act": "acknowledge", "actor": "ada", "at": START,
        });
        handlings.apply(Arc::new(serde_json::from_value(handling).unwrap()));
        world.take(said, START);
    }
    let gate = Gate { handlings: &handlings, ..open_gate() };
    let mut sizes = Vec::new();
    let mut now = START.plus(Duration::from_secs(10));
    while world.dispatcher.next_flush(now).is_some_and(|at| at <= now) {
        let plan = world.dispatcher.plan(&world.config, &world.log, &gate, now);
        plan.notifications.iter().for_each(|notification| world.log.apply(notification));
        world.dispatcher.commit(&plan, now);
        sizes.push(plan.notifications.len());
        world.deliveries.extend(plan.deliveries);
        now = now.plus(Duration::from_millis(1));
    }
    assert!(sizes.iter().all(|size| *size <= PLAN_MAX), "{sizes:?}");
    let taken = world.deliveries.iter().filter(|delivery| delivery.reason == Reason::Acknowledged).count();
    assert_eq!(taken, count, "{sizes:?}");
}

/// One thing that happens in a random history.
#[derive(Clone, Debug)]
enum Happening {
    Firing(u8, bool),
    Resolved(u8),
    Wait(u16),
    /// The process dies between planning and committing, before or after the journal took the plan.
    Crash {
        written: bool,
    },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (0u8..6, any::<bool>()).prop_map(|(i, worse)| Happening::Firing(i, worse)),
        3 => (0u8..6).prop_map(Happening::Resolved),
        4 => (1u16..200).prop_map(Happening::Wait),
        2 => any::<bool>().prop_map(|written| Happening::Crash { written }),
    ]
}

fn identity(i: u8) -> String {
    format!("alertname=A{} i={i}", i % 2)
}

proptest! {
    #[test]
    fn grouping_does_not_depend_on_the_order_alerts_come_in(
        order in Just((0u8..12).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let tell = |order: &[u8]| {
            let mut world = World::new(CONFIG);
            let mut output = String::new();
            for i in order {
                let alert = transition(&format!("alertname=A{} i={i:02}", i % 3), AlertState::Firing, Severity::Error, START);
                world.take(alert, START);
            }
            world.run_until(START.plus(Duration::from_secs(60)), &mut output);
            (output, world.deliveries)
        };
        let sorted: Vec<u8> = (0..12).collect();
        prop_assert_eq!(tell(&order), tell(&sorted));
    }

    /// However often the process dies, once it has been left alone for two intervals each receiver knows exactly what is
    /// open, and a notification that was written down is never written down again under another key.
    #[test]
    fn a_crash_loses_nothing_and_repeats_nothing(history in prop::collection::vec(happening(), 1..60)) {
        let mut world = World::new(CONFIG);
        let mut output = String::new();
        let mut now = START;
        for happening in history {
            now = now.plus(Duration::from_secs(1));
            match happening {
                Happening::Firing(i, worse) => {
                    let severity = if worse { Severity::Critical } else { Severity::Warning };
                    world.take(transition(&identity(i), AlertState::Firing, severity, now), now);
                }
                Happening::Resolved(i) => {
                    let known = world.alerts.get(&transition(&identity(i), AlertState::Firing, Severity::Info, now).alert.fingerprint());
                    if known.is_some_and(|known| known.alert.state.is_open()) {
                        world.take(transition(&identity(i), AlertState::Resolved, Severity::Warning, now), now);
                    }
                }
                Happening::Wait(seconds) => {
                    now = now.plus(Duration::from_secs(seconds.into()));
                    world.run_until(now, &mut output);
                }
                Happening::Crash { written } => {
                    if written {
                        let plan = world.dispatcher.plan(&world.config, &world.log, &open_gate(), now);
                        for notification in &plan.notifications {
                            world.log.apply(notification);
                        }
                        world.deliveries.extend(plan.deliveries);
                    }
                    world.restart(now);
                }
            }
        }
        now = now.plus(Duration::from_secs(180));
        world.run_until(now, &mut output);
        let told = world.deliveries.len();
        world.restart(now);
        world.run_until(now.plus(Duration::from_secs(180)), &mut output);
        prop_assert_eq!(world.deliveries.len(), told, "a restart alone tells nobody anything:\n{}", output);

        let open: BTreeSet<u64> = world.alerts.values().filter(|t| t.alert.state.is_open()).map(|t| t.alert.fingerprint()).collect();
        for channel in ["webhook", "pagerduty"] {
            let mut known = BTreeSet::new();
            for (group, _) in world.log.groups() {
                let entry = world.log.entry(group, channel, 0).expect("both channels hear the same");
                known.extend(entry.notification.alerts.iter().filter(|a| a.is_firing()).map(|a| a.fingerprint));
            }
            prop_assert_eq!(&known, &open, "{} knows something else than is true:\n{}", channel, output);
        }
        let ids: BTreeSet<&str> = world.deliveries.iter().map(|delivery| &*delivery.id).collect();
        prop_assert_eq!(ids.len(), world.deliveries.len());
    }
}
