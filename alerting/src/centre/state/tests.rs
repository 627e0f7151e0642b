//! The whole pipeline without tasks and without time: what the writer does, step by step, and a process that dies between
//! any two of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use isobar_normalizer::{Severity, parse_duration};
use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::centre::CentreError;
use crate::centre::command::{Batch, Command, plan_events};
use crate::delivery::{Delivery, DeliveryState, Direction, Reason};
use crate::fixture::{START, labels, transition};
use crate::handling::{Act, ActOutcome, Request};
use crate::pushed::{PostOutcome, PostedAlert};
use crate::silence::SilenceDraft;

mod clocks;
mod held;
mod incidents;
mod taken;

/// A centre whose process may die.
struct World {
    /// What the clock shows.
    now: Timestamp,
    config: Arc<AlertingConfig>,
    state: State,
    /// Kinds and payloads.
    journal: Vec<(String, Vec<u8>)>,
    told: String,
    deliveries: Vec<Delivery>,
}

impl World {
    fn new(config: &str) -> Self {
        let config = AlertingConfig::parse(config).unwrap_or_else(|error| panic!("{config}\n{error}"));
        let config = Arc::new(config);
        let state = State::new(Arc::clone(&config), Known::default(), START);
        let (journal, told, deliveries) = (Vec::new(), String::new(), Vec::new());
        Self { now: START, config, state, journal, told, deliveries }
    }

    fn ask<T>(
        &mut self,
        now: Timestamp,
        command: impl FnOnce(oneshot::Sender<Result<T, CentreError>>) -> Command,
    ) -> Result<T, CentreError> {
        self.now = now;
        let (reply, mut answer) = oneshot::channel();
        let mut batch = Batch::default();
        batch.take(command(reply), &self.state, now);
        self.write(batch);
        answer.try_recv().expect("an answer")
    }

    fn write(&mut self, mut batch: Batch) {
        let events = std::mem::take(&mut batch.events);
        self.journal.extend(events.into_iter().map(|event| (event.kind, event.payload)));
        batch.apply(&mut self.state, &Ok(()));
    }

    fn post(&mut self, now: Timestamp, identity: &str, life: Option<Duration>) -> PostOutcome {
        let alert = PostedAlert {
            labels: labels(identity),
            annotations: BTreeMap::new(),
            starts_at: Some(now),
            ends_at: life.map(|life| now.plus(life)),
            generator_url: String::new(),
        };
        let (door, alerts) = ("alertmanager".to_owned(), vec![alert]);
        self.ask(now, |reply| Command::Post { door, alerts, is_verified: true, reply }).unwrap()
    }

    fn ingest(&mut self, now: Timestamp, identity: &str, state: AlertState, severity: Severity) {
        let mut said = transition(identity, state, severity, now);
        said.from = self.state.known.alerts.get(said.alert.fingerprint()).map(|known| known.state);
        let transitions = vec![said];
        self.ask(now, |reply| Command::Ingest { transitions, reply }).unwrap();
    }

    fn silence(
        &mut self,
        now: Timestamp,
        matchers: &str,
        life: Duration,
        until_resolved: bool,
    ) -> Arc<Silence> {
        let equal = |pair: &str| {
            let (name, value) = pair.split_once('=').expect("name=value");
            isobar_normalizer::Matcher::equal(name, value)
        };
        let draft = Box::new(SilenceDraft {
            matchers: matchers.split_whitespace().map(equal).collect(),
            ends_at: now.plus(life),
            created_by: "ada".to_owned(),
            comment: "maintenance".to_owned(),
            until_resolved,
            ..SilenceDraft::default()
        });
        self.ask(now, |reply| Command::PutSilence { draft, actor: "user:ada".to_owned(), reply }).unwrap()
    }

    fn act(&mut self, now: Timestamp, identity: &str, act: Act) -> Result<ActOutcome, CentreError> {
        let targets = vec![labels(identity).fingerprint()];
        let request = Request { targets, act, actor: "user:ada".to_owned(), note: String::new() };
        self.ask(now, |reply| Command::Act { request, reply })
    }

    /// Does all that is due up to `end`, each at its time, or now where that is over.
    fn run_until(&mut self, end: Timestamp) {
        while let Some(due) = self.state.next_due(self.now).filter(|at| *at <= end) {
            self.now = self.now.max(due);
            self.follow_up();
        }
        self.now = end;
    }

    /// Does what is due now, as the writer does after everything. Returns what is told.
    fn follow_up(&mut self) -> Vec<Arc<Notification>> {
        let now = self.now;
        let mut ended = Batch::default();
        ended.end(&mut self.state, now);
        self.write(ended);
        let mut correlated = Batch::default();
        correlated.correlate(&self.state, now);
        self.write(correlated);
        let plan = self.state.plan(now);
        self.journal.extend(plan_events(&plan).into_iter().map(|event| (event.kind, event.payload)));
        for notification in &plan.notifications {
            self.told.push_str(&shown(notification));
        }
        self.deliveries.extend(plan.deliveries.iter().cloned());
        self.state.commit(&plan, now);
        self.state.forget(now);
        plan.notifications
    }

    /// The process dies and starts again.
    fn restart(&mut self, now: Timestamp) {
        self.now = now;
        let mut known = Known::default();
        for (kind, payload) in &self.journal {
            known.apply_record(kind, payload).unwrap();
        }
        self.state = State::new(Arc::clone(&self.config), known, now);
    }

    /// The process ends and leaves a snapshot.
    fn restart_from_snapshot(&mut self, now: Timestamp) {
        self.now = now;
        let kept = serde_json::to_vec(&self.state.known.kept()).unwrap();
        let kept: Kept = serde_json::from_slice(&kept).unwrap();
        self.state = State::new(Arc::clone(&self.config), Known::from(kept), now);
    }

    /// Everything that is known, in an order of its own.
    fn kept(&self) -> serde_json::Value {
        let mut kept = serde_json::to_value(self.state.known.kept()).unwrap();
        let contents = kept["outbox"]["contents"].as_array_mut().unwrap();
        contents.sort_by_key(|notification| notification["id"].to_string());
        kept
    }

    /// Everything a receiver of this channel knows as open.
    fn known_open(&self, channel: &str) -> BTreeSet<u64> {
        let groups = self.state.known.log.groups().map(|(group, _)| group);
        let entries = groups.filter_map(|group| self.state.known.log.entry(group, channel, 0));
        let alerts = entries.flat_map(|entry| &entry.notification.alerts);
        alerts.filter(|alert| alert.is_firing()).map(|alert| alert.fingerprint).collect()
    }
}

fn shown(notification: &Notification) -> String {
    let since = notification.at.since(START).as_secs();
    let mark = |alert: &NotifiedAlert| {
        let name = alert.labels.get("alertname").unwrap_or_default();
        let i = alert.labels.get("i").unwrap_or_default();
        format!("{}{name}{i}", if alert.is_firing() { "" } else { "-" })
    };
    let alerts: Vec<String> = notification.alerts.iter().map(|alert| mark(alert)).collect();
    let mut text = String::new();
    for told in &notification.told {
        let heard = if told.delivery.is_some() { "" } else { " (log only)" };
        let _ =
            writeln!(text, "{since}s {} {}{heard}: {}", told.channel, told.reason.as_str(), alerts.join(" "));
    }
    text
}

fn at(text: &str) -> Timestamp {
    START.plus(parse_duration(text).unwrap())
}

const CONFIG: &str = "
route: {receiver: r, group_by: [team], group_wait: 10s, group_interval: 1m, repeat_interval: 1h}
receivers: [{name: r, webhook_configs: [{url: 'http://h/'}]}]
inhibit_rules: [{name: outage, source_matchers: [alertname=Outage], target_matchers: [alertname!=Outage], equal: [zone]}]
";

const LONG: Option<Duration> = Some(Duration::from_secs(100_000));

#[test]
fn what_is_silenced_is_told_when_the_silence_ends() {
    let mut world = World::new(CONFIG);
    world.silence(START, "i=1", Duration::from_secs(600), false);
    world.post(START, "alertname=A i=1", LONG);
    world.post(START, "alertname=A i=2", LONG);
    world.run_until(at("9m"));
    assert_eq!(world.told, "10s webhook first notification: A2\n");
    world.told.clear();
    world.run_until(at("20m"));
    assert_eq!(world.told, "610s webhook new alerts added: A1 A2\n");
}

#[test]
fn what_was_told_and_then_silenced_is_told_as_over_afterwards() {
    for restarts in [false, true] {
        let mut world = World::new(CONFIG);
        world.post(START, "alertname=A i=1", LONG);
        world.run_until(at("1m"));
        world.silence(at("1m"), "i=1", Duration::from_secs(600), false);
        world.post(at("2m"), "alertname=A i=1", Some(Duration::ZERO));
        world.run_until(at("8m"));
        assert_eq!(world.told, "10s webhook first notification: A1\n", "nothing while it is silenced");
        if restarts {
            world.restart(at("8m"));
        }
        world.told.clear();
        world.run_until(at("30m"));
        assert!(world.told.ends_with("webhook all alerts resolved: -A1\n"), "{}", world.told);
        assert_eq!(world.told.lines().count(), 1);
    }
}

#[test]
fn what_nobody_was_told_of_and_ends_in_silence_is_told_to_nobody() {
    let mut world = World::new(CONFIG);
    world.silence(START, "i=1", Duration::from_secs(600), false);
    world.post(START, "alertname=A i=1", Some(Duration::from_secs(300)));
    world.run_until(at("1h"));
    assert_eq!(world.told, "");
    assert_eq!(world.state.dispatcher.groups().count(), 0);
}

#[test]
fn an_inhibited_alert_waits_for_the_end_of_what_inhibits_it_also_after_a_restart() {
    for restarts in [false, true] {
        let mut world = World::new(CONFIG);
        world.post(START, "alertname=Outage zone=z team=net", LONG);
        world.post(START, "alertname=A i=1 zone=z", LONG);
        world.post(START, "alertname=A i=2 zone=other", LONG);
        if restarts {
            world.restart(at("5s"));
        }
        let inhibited = world.state.suppressed(labels("alertname=A i=1 zone=z").fingerprint(), at("5s"));
        assert_eq!(inhibited.inhibited_by, [labels("alertname=Outage zone=z team=net").fingerprint()]);
        world.run_until(at("5m"));
        let mut lines: Vec<&str> = world.told.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["webhook first notification: A2", "webhook first notification: Outage"]);
        world.told.clear();
        world.post(at("5m"), "alertname=Outage zone=z team=net", Some(Duration::ZERO));
        world.run_until(at("10m"));
        assert!(world.told.contains("webhook new alerts added: A1 A2"), "{}", world.told);
    }
}

#[test]
fn a_calendar_holds_the_whole_notification_back() {
    let config = CONFIG.replace("group_by:", "mute_time_intervals: [night], group_by:").replace(
        "route: {receiver: r,",
        "time_intervals: [{name: night, time_intervals: [{times: [{start_time: '00:00', end_time: '01:00'}]}]}]\nroute: {receiver: r, routes: [{receiver: r,",
    );
    let config = config.replace("repeat_interval: 1h}", "repeat_interval: 1h}]}");
    let mut world = World::new(&config);
    world.post(START, "alertname=A i=1", LONG);
    world.run_until(at("59m"));
    assert_eq!(world.told, "");
    let fingerprint = labels("alertname=A i=1").fingerprint();
    assert_eq!(world.state.suppressed(fingerprint, at("1m")).muted_by, ["night".into()]);
    world.run_until(at("62m"));
    assert_eq!(world.told, "3610s webhook first notification: A1\n");
    assert!(world.state.suppressed(fingerprint, at("62m")).is_empty());
}

#[test]
fn a_silence_until_resolved_ends_with_its_last_alert() {
    let mut world = World::new(CONFIG);
    let silence = world.silence(START, "alertname=A", Duration::from_secs(36_000), true);
    let state = |world: &World, now| world.state.known.silences.get(&silence.id).unwrap().state(now);
    use crate::silence::SilenceState::{Active, Expired};
    world.run_until(at("1m"));
    assert_eq!(state(&world, at("1m")), Active, "it waits for the first");
    world.post(at("2m"), "alertname=A i=1", LONG);
    world.post(at("2m"), "alertname=A i=2", LONG);
    world.run_until(at("3m"));
    world.post(at("4m"), "alertname=A i=1", Some(Duration::ZERO));
    world.run_until(at("5m"));
    assert_eq!(state(&world, at("5m")), Active);
    world.post(at("6m"), "alertname=A i=2", Some(Duration::ZERO));
    world.run_until(at("6m"));
    assert_eq!(state(&world, at("6m")), Expired);
    assert_eq!(world.told, "");
}

#[test]
fn a_silence_until_resolved_ends_when_its_last_alert_does() {
    let ends_at =
        |world: &World, silence: &Silence| world.state.known.silences.get(&silence.id).unwrap().ends_at;
    let mut world = World::new(CONFIG);
    let silence = world.silence(START, "alertname=A", Duration::from_secs(36_000), true);
    world.post(START, "alertname=A i=1", Some(Duration::from_secs(100)));
    world.run_until(at("100s"));
    assert_eq!(ends_at(&world, &silence), at("100s"), "nobody sent it again");

    let other = world.silence(at("5m"), "alertname=B", Duration::from_secs(36_000), true);
    world.run_until(at("1h"));
    world.post(at("1h"), "alertname=B i=1", LONG);
    world.post(at("1h"), "alertname=B i=1", Some(Duration::ZERO));
    world.restart(at("61m"));
    world.run_until(at("62m"));
    assert_eq!(
        ends_at(&world, &other),
        at("61m"),
        "the process died between the two, and nothing else is due"
    );
}

#[test]
fn what_depends_on_deliveries_is_written_down_apart_from_how_they_fare() {
    let mut world = World::new(CONFIG);
    world.post(START, "alertname=A i=1", LONG);
    world.run_until(at("1m"));
    let sent =
        Delivery { state: DeliveryState::Sent, sent_at: Some(at("1m")), ..world.deliveries[0].clone() };
    let reply = || oneshot::channel().0;
    let record = || Command::Record { deliveries: vec![sent.clone()], reply: reply() };
    let hand_on = Command::HandOn { receiver: "r".into(), failing: Vec::new(), reply: oneshot::channel().0 };
    let resend =
        Command::Resend { id: sent.id.to_string(), actor: "ada".to_owned(), reply: oneshot::channel().0 };
    let mut commands = vec![record(), record(), hand_on, record(), resend, record()].into_iter().peekable();
    let mut left = Vec::new();
    while commands.peek().is_some() {
        drop(Batch::gather(&mut commands, &world.state, at("1m")));
        left.push(commands.len());
    }
    assert_eq!(left, [4, 3, 2, 1, 0], "only the first two go together");
}

#[test]
fn what_somebody_has_taken_is_not_repeated_until_it_becomes_worse() {
    let config = CONFIG.replace("webhook_configs", "pagerduty_configs: [{routing_key: k}], webhook_configs");
    let mut world = World::new(&config);
    let fire = |world: &mut World, now, identity: &str, severity| {
        world.ingest(now, identity, AlertState::Firing, severity)
    };
    fire(&mut world, START, "alertname=A i=1", Severity::Warning);
    fire(&mut world, START, "alertname=A i=2", Severity::Warning);
    world.run_until(at("1m"));
    world.told.clear();
    world.act(at("2m"), "alertname=A i=1", Act::Acknowledge).unwrap();
    world.run_until(at("3m"));
    assert_eq!(world.told, "", "another alert of the group is in nobody's hands");
    world.act(at("4m"), "alertname=A i=2", Act::Acknowledge).unwrap();
    world.run_until(at("4m"));
    assert_eq!(world.told, "240s pagerduty acknowledged: A1 A2\n", "a webhook keeps no incident");
    let [page, .., taken] = &world.deliveries[..] else { panic!("{:?}", world.deliveries) };
    assert_eq!((taken.transition, &taken.idempotency_key), (Direction::Acknowledged, &page.idempotency_key));
    world.restart(at("5m"));
    world.run_until(at("3h"));
    assert_eq!(world.told.lines().count(), 1, "neither repeated nor acknowledged again: {}", world.told);
    world.told.clear();
    fire(&mut world, at("3h"), "alertname=A i=1", Severity::Critical);
    world.run_until(at("182m"));
    assert_eq!(
        world.told.lines().filter(|line| line.contains("new alerts added")).count(),
        2,
        "{}",
        world.told
    );
    world.told.clear();
    world.run_until(at("5h"));
    assert_eq!(
        world.told.lines().filter(|line| line.contains("repeat interval elapsed")).count(),
        2,
        "{}",
        world.told
    );
}

#[test]
fn what_is_put_off_is_told_later_and_nothing_outlives_the_episode() {
    let mut world = World::new(CONFIG);
    world.post(START, "alertname=A i=1", Some(Duration::from_secs(3000)));
    world.act(START, "alertname=A i=1", Act::Snooze { until: at("20m") }).unwrap();
    world.run_until(at("19m"));
    assert_eq!(world.told, "");
    world.run_until(at("22m"));
    assert_eq!(world.told, "1210s webhook first notification: A1\n");
    world.run_until(at("1h"));
    assert!(world.act(at("1h"), "alertname=A i=1", Act::Acknowledge).is_err(), "it is over");
    world.post(at("2h"), "alertname=A i=1", LONG);
    assert_eq!(world.state.known.handlings.get(labels("alertname=A i=1").fingerprint()), None);
}

/// One thing that happens in a random history.
#[derive(Clone, Debug)]
enum Happening {
    Post(u8, u16),
    End(u8),
    Silence(u8, u16, bool),
    Expire(u8),
    Act(u8, u8),
    Outage(bool),
    Wait(u16),
    /// The process dies, after the journal took what was about to be told or before.
    Crash {
        written: bool,
    },
    Snapshot,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        5 => (0u8..6, 1u16..2000).prop_map(|(i, life)| Happening::Post(i, life)),
        3 => (0u8..6).prop_map(Happening::End),
        2 => (0u8..6, 1u16..900, any::<bool>()).prop_map(|(i, life, until)| Happening::Silence(i, life, until)),
        1 => (0u8..8).prop_map(Happening::Expire),
        2 => (0u8..6, 0u8..4).prop_map(|(i, act)| Happening::Act(i, act)),
        1 => any::<bool>().prop_map(Happening::Outage),
        5 => (1u16..300).prop_map(Happening::Wait),
        3 => any::<bool>().prop_map(|written| Happening::Crash { written }),
        1 => Just(Happening::Snapshot),
    ]
}

fn identity(i: u8) -> String {
    format!("alertname=A i={i} team={} zone=z{}", i % 2, i % 3)
}

const OUTAGE: &str = "alertname=Outage zone=z1";

/// `longer` is how much longer than usual alerts live unless they are ended.
fn play(history: &[Happening], with_crashes: bool, longer: u64) -> (World, Timestamp) {
    let config = CONFIG.replace("webhook_configs", "pagerduty_configs: [{routing_key: k}], webhook_configs");
    let mut world = World::new(&config);
    let mut now = START;
    for happening in history {
        now = now.plus(Duration::from_secs(1));
        world.run_until(now);
        match *happening {
            Happening::Post(i, life) => {
                world.post(now, &identity(i), Some(Duration::from_secs(1200 + longer + u64::from(life))));
            }
            Happening::End(i) => {
                world.post(now, &identity(i), Some(Duration::ZERO));
            }
            Happening::Silence(i, life, until) => {
                let life = Duration::from_secs(life.into());
                world.silence(now, &format!("i={i}"), life, until);
            }
            Happening::Expire(n) => {
                let silences = world.state.known.silences.iter();
                let id = silences.map(|silence| silence.id.to_string()).nth(n.into());
                if let Some(id) = id {
                    let actor = "user:ada".to_owned();
                    let _ = world.ask(now, |reply| Command::ExpireSilence { id, actor, reply });
                }
            }
            Happening::Act(i, act) => {
                let act = match act {
                    0 => Act::Acknowledge,
                    1 => Act::Unacknowledge,
                    2 => Act::Snooze { until: now.plus(Duration::from_secs(300)) },
                    _ => Act::Unsnooze,
                };
                let _ = world.act(now, &identity(i), act);
            }
            Happening::Outage(is_on) => {
                world.post(now, OUTAGE, Some(Duration::from_secs(if is_on { 3000 + longer } else { 0 })));
            }
            Happening::Wait(seconds) => {
                now = now.plus(Duration::from_secs(seconds.into()));
                world.run_until(now);
            }
            Happening::Crash { written } if with_crashes => {
                if written {
                    let plan = world.state.plan(now);
                    world
                        .journal
                        .extend(plan_events(&plan).into_iter().map(|event| (event.kind, event.payload)));
                    world.deliveries.extend(plan.deliveries);
                }
                world.restart(now);
            }
            Happening::Snapshot if with_crashes => world.restart_from_snapshot(now),
            Happening::Crash { .. } | Happening::Snapshot => {}
        }
    }
    (world, now)
}

proptest! {
    /// However often the process dies: nothing is told twice under one key; the state is the fold of the journal; and once it
    /// has been left alone, everybody knows as open exactly what is open and what nothing keeps from being told.
    #[test]
    fn a_crash_at_any_point_loses_nothing_and_repeats_nothing(
        history in prop::collection::vec(happening(), 1..60),
    ) {
        let (mut world, mut now) = play(&history, true, 0);
        // Until nothing was written for longer than any silence lasts.
        loop {
            let written = world.journal.len();
            now = now.plus(Duration::from_secs(1100));
            world.run_until(now);
            if world.journal.len() == written {
                break;
            }
        }
        // A start looks at every group that has rested, so that a repetition may come an interval early.
        let is_news = |told: &&Delivery| told.reason != Reason::Repeat;
        let news = |world: &World| world.deliveries.iter().filter(is_news).count();
        let told = news(&world);
        let known = world.kept();
        world.restart(now);
        prop_assert_eq!(&world.kept(), &known);
        world.run_until(now);
        prop_assert_eq!(news(&world), told, "a restart alone tells nobody anything:\n{}", world.told);

        let ids: BTreeSet<&str> = world.deliveries.iter().map(|delivery| &*delivery.id).collect();
        prop_assert_eq!(ids.len(), world.deliveries.len());
        for channel in ["webhook", "pagerduty"] {
            let known = world.known_open(channel);
            for alert in world.state.known.alerts.iter() {
                let fingerprint = alert.fingerprint();
                if world.state.suppressed(fingerprint, now).is_empty() {
                    let what = (channel, alert.labels(), &world.told);
                    prop_assert_eq!(known.contains(&fingerprint), alert.state.is_open(), "{:?}", what);
                }
            }
        }
    }

    /// The same history with and without deaths in it ends with the same silences, handlings and alerts.
    #[test]
    fn what_people_did_survives(history in prop::collection::vec(happening(), 1..60)) {
        let (died, now) = play(&history, true, 1_000_000);
        let (lived, _) = play(&history, false, 1_000_000);
        let people = |world: &World| {
            let mut silences: Vec<String> = world
                .state
                .known
                .silences
                .iter()
                .map(|silence| format!("{:?} {} {:?}", silence.matchers, silence.starts_at, silence.state(now)))
                .collect();
            silences.sort_unstable();
            let open: Vec<u64> =
                world.state.known.alerts.iter().filter(|alert| alert.state.is_open()).map(Alert::fingerprint).collect();
            (silences, world.state.known.handlings.clone(), open)
        };
        prop_assert_eq!(people(&died), people(&lived));
    }
}
