use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::{NativeState, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::alert::{NativeReport, Watched};
use crate::alerts::Alerts;
use crate::evaluate::by_themselves;
use crate::fixture::{self, START};

const CPU: &str = "system.cpu.utilization";

/// One that decides: a policy (`P…`) or a native alarm (`N…`) about a resource and, perhaps, a metric.
#[derive(Clone, Copy, Debug)]
struct Who {
    name: &'static str,
    resource: &'static str,
    metric: Option<&'static str>,
}

const fn who(name: &'static str, resource: &'static str, metric: Option<&'static str>) -> Who {
    Who { name, resource, metric }
}

const POLICY: Who = who("P1", "vm", Some(CPU));
const OTHER_POLICY: Who = who("P2", "vm", Some(CPU));
const ALARM: Who = who("N1", "vm", Some(CPU));
const OTHER_ALARM: Who = who("N2", "vm", Some(CPU));
const EVERYBODY: [Who; 4] = [POLICY, OTHER_POLICY, ALARM, OTHER_ALARM];

impl Who {
    fn alert(self, state: AlertState, severity: Severity, at: Timestamp) -> Alert {
        let mut alert = fixture::alert(
            &format!("alertname={} resource_id={}", self.name, self.resource),
            state,
            severity,
            at,
        );
        alert.watched = Watched { metric: self.metric.map(str::to_owned), ..Watched::default() };
        alert.sources = BTreeSet::from([self.name.to_lowercase()]);
        alert.annotations = BTreeMap::from([("summary".to_owned(), format!("{} says so", self.name))]);
        if self.name.starts_with('N') {
            alert.value = None;
            let state = if state.is_open() { NativeState::Firing } else { NativeState::Ok };
            alert.native =
                vec![NativeReport { state, severity, since: at, ..fixture::native_report(self.name, false) }];
        }
        alert
    }
}

/// Everything that decides, the fold of it, and what the journal has.
#[derive(Default)]
struct World {
    fold: Fold,
    own: BTreeMap<&'static str, Alert>,
    journal: Alerts,
    minutes: u64,
}

impl World {
    fn tell(&mut self, who: Who, state: AlertState, severity: Severity) -> Vec<Transition> {
        self.minutes += 1;
        let at = START.plus(Duration::from_secs(60 * self.minutes));
        let before = self.own.get(who.name).filter(|alert| alert.state != AlertState::Resolved);
        let mut alert = who.alert(state, severity, at);
        if let Some(before) = before {
            alert.starts_at = before.starts_at;
        }
        let from = before.map(|alert| alert.state);
        self.own.insert(who.name, alert.clone());
        let told = self.fold.take(Transition { from, reason: "so".to_owned(), decided_at: at, alert });
        for transition in &told {
            let kept = serde_json::to_vec(transition).unwrap();
            self.journal.apply(serde_json::from_slice::<Transition>(&kept).unwrap());
        }
        told
    }

    fn check(&mut self, who: Who, state: AlertState, severity: Severity, expected: &[&str]) {
        let told = self.tell(who, state, severity);
        assert_eq!(told.iter().map(shown).collect::<Vec<_>>(), expected);
    }

    /// A new process knows what the journal has.
    fn restart(&mut self) {
        let kept: Vec<Alert> = self.journal.iter().cloned().collect();
        self.fold = Fold::default();
        self.fold.restore(&kept);
        let mut own: BTreeMap<&'static str, Alert> = BTreeMap::new();
        for alert in by_themselves(&kept).into_iter().filter(|alert| alert.state != AlertState::Resolved) {
            let known = EVERYBODY.iter().find(|who| who.name == alert.name()).unwrap();
            own.insert(known.name, alert.clone());
        }
        let open = |own: &BTreeMap<&'static str, Alert>| -> Vec<Alert> {
            own.values().filter(|alert| alert.state.is_open()).cloned().collect()
        };
        assert_eq!(open(&own), open(&self.own), "what fires is taken up as it was, folded or not");
        self.own = own;
    }

    fn open(&self) -> Vec<&Alert> {
        self.journal.iter().filter(|alert| alert.state.is_open()).collect()
    }
}

fn shown(transition: &Transition) -> String {
    let alert = &transition.alert;
    let sources: Vec<&str> = alert.sources.iter().map(String::as_str).collect();
    format!("{} {} {} by {}", alert.name(), alert.state.as_str(), alert.severity, sources.join("+"))
}

use AlertState::{Firing, NoData, Pending, Resolved};
use Severity::{Critical, Error, Warning};

#[test]
fn the_first_to_fire_is_the_host_and_lives_on_while_either_fires() {
    let mut world = World::default();
    world.check(ALARM, Firing, Warning, &["N1 firing warning by n1"]);
    world.check(POLICY, Pending, Warning, &["P1 pending warning by p1"]);
    world.check(POLICY, Firing, Critical, &["P1 resolved critical by p1", "N1 firing critical by n1+p1"]);
    let whole = world.open()[0].clone();
    assert_eq!(whole.members.iter().map(Alert::name).collect::<Vec<_>>(), ["N1", "P1"]);
    assert_eq!((whole.value, whole.native.len()), (Some(0.97), 1));
    assert_eq!(whole.annotations["summary"], "P1 says so", "the policy's words are the operator's own");
    assert_eq!(world.journal.len(), 1, "the pending alert is not listed beside it");

    world.check(ALARM, Resolved, Warning, &["N1 firing critical by p1"]);
    world.check(POLICY, Firing, Warning, &["N1 firing warning by p1"]);
    world.check(ALARM, Firing, Error, &["N1 firing error by n1+p1"]);
    world.check(POLICY, Resolved, Warning, &["N1 firing error by n1"]);
    assert_eq!(world.open()[0].annotations["summary"], "N1 says so");
    world.check(ALARM, Resolved, Error, &["N1 resolved error by n1"]);
    assert_eq!(world.journal.iter().filter(|alert| alert.state == Resolved).count(), 1);
    // Over is over: the next is another alert.
    world.check(POLICY, Firing, Warning, &["P1 firing warning by p1"]);
    assert!(world.open()[0].members.is_empty());
}

#[test]
fn a_policy_that_fired_first_takes_the_alarm_in() {
    let mut world = World::default();
    world.check(POLICY, NoData, Warning, &["P1 no_data warning by p1"]);
    world.check(ALARM, Firing, Warning, &["P1 firing warning by n1+p1"]);
    world.check(ALARM, Resolved, Warning, &["P1 no_data warning by p1"]);
    world.check(POLICY, Resolved, Warning, &["P1 resolved warning by p1"]);
}

#[test]
fn what_is_about_something_else_is_never_folded() {
    let mut world = World::default();
    world.check(POLICY, Firing, Warning, &["P1 firing warning by p1"]);
    world.check(OTHER_POLICY, Firing, Warning, &["P2 firing warning by p2"]);
    world.check(who("N3", "vm", None), Firing, Warning, &["N3 firing warning by n3"]);
    world.check(who("N4", "other", Some(CPU)), Firing, Warning, &["N4 firing warning by n4"]);
    world.check(
        who("N5", "vm", Some("system.memory.utilization")),
        Firing,
        Warning,
        &["N5 firing warning by n5"],
    );
    // Of two policies the one that has fired longer takes it.
    world.check(ALARM, Firing, Critical, &["P1 firing critical by n1+p1"]);
    assert_eq!(world.open().len(), 5);
}

#[test]
fn two_alarms_are_two_pages_until_a_policy_makes_them_one() {
    let mut world = World::default();
    world.check(ALARM, Firing, Warning, &["N1 firing warning by n1"]);
    world.check(OTHER_ALARM, Firing, Warning, &["N2 firing warning by n2"]);
    world.check(POLICY, Firing, Warning, &["N1 firing warning by n1+p1"]);
    world.check(OTHER_ALARM, Resolved, Warning, &["N2 resolved warning by n2"]);
    world.check(OTHER_ALARM, Firing, Warning, &["N1 firing warning by n1+n2+p1"]);
    assert_eq!(world.open()[0].native.len(), 2);
}

#[test]
fn another_policy_does_not_take_the_place_of_one_that_was_in_it() {
    let mut world = World::default();
    world.tell(ALARM, Firing, Warning);
    world.tell(POLICY, Firing, Warning);
    world.tell(POLICY, Resolved, Warning);
    world.check(OTHER_POLICY, Firing, Warning, &["P2 firing warning by p2"]);
    world.check(POLICY, Firing, Warning, &["N1 firing warning by n1+p1"]);
}

#[test]
fn what_is_pending_inside_goes_on_by_itself_when_the_rest_is_over() {
    let mut world = World::default();
    world.tell(ALARM, Firing, Warning);
    world.tell(POLICY, Firing, Warning);
    world.tell(POLICY, Resolved, Warning);
    world.check(POLICY, Pending, Warning, &[]);
    world.check(ALARM, Resolved, Warning, &["N1 resolved warning by n1", "P1 pending warning by p1"]);
    world.check(POLICY, Firing, Warning, &["P1 firing warning by p1"]);
}

#[test]
fn what_says_the_same_again_changes_nothing() {
    let mut world = World::default();
    world.tell(ALARM, Firing, Critical);
    world.tell(POLICY, Firing, Warning);
    let mut again = world.own["P1"].clone();
    again.value = Some(0.5);
    let told = Transition { from: Some(Firing), reason: "so".to_owned(), decided_at: START, alert: again };
    assert_eq!(world.fold.take(told), []);
    world.check(POLICY, Firing, Critical, &["N1 firing critical by n1+p1"]);
}

#[test]
fn only_alarms_that_are_held_back_hold_the_whole_back() {
    let mut world = World::default();
    world.tell(ALARM, Firing, Warning);
    let mut muted = world.own["N1"].clone();
    muted.native[0].is_muted = true;
    muted.native[0].acknowledged_by = "ada".to_owned();
    let told = Transition { from: Some(Firing), reason: "so".to_owned(), decided_at: START, alert: muted };
    world.journal.apply(world.fold.take(told).remove(0));
    assert!(world.open()[0].is_muted());
    world.tell(POLICY, Firing, Warning);
    assert!(!world.open()[0].is_muted());
    assert_eq!(world.open()[0].acknowledged_by(), Some("ada"));
    world.tell(POLICY, Resolved, Warning);
    assert!(world.open()[0].is_muted());
}

#[test]
fn a_record_of_before_there_was_folding_is_read() {
    let alert = POLICY.alert(Firing, Warning, START);
    let mut record = serde_json::to_value(&alert).unwrap();
    let fields = record.as_object_mut().unwrap();
    assert!(!fields.contains_key("native") && !fields.contains_key("members"));
    fields.remove("watched");
    let read: Alert = serde_json::from_value(record).unwrap();
    assert_eq!(read, Alert { watched: Watched::default(), ..alert });
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Tell(Who, AlertState, Severity),
    Restart,
}

fn acts(whose: &'static [Who]) -> impl Strategy<Value = Vec<Act>> {
    let state = prop_oneof![2 => Just(Firing), 1 => Just(NoData), 1 => Just(Pending), 3 => Just(Resolved)];
    let severity = prop_oneof![Just(Warning), Just(Error), Just(Critical)];
    let tell = (proptest::sample::select(whose), state, severity)
        .prop_map(|(who, state, severity)| Act::Tell(who, state, severity));
    proptest::collection::vec(prop_oneof![9 => tell, 1 => Just(Act::Restart)], 1..80)
}

/// Carries an act out where it is one that a policy or a provider can come to: alarms are never pending or without data,
/// what is open does not become pending, and nobody tells the same again.
fn carry_out(world: &mut World, act: Act) {
    let Act::Tell(who, state, severity) = act else { return world.restart() };
    let before = world.own.get(who.name).map(|alert| alert.state).filter(|state| *state != Resolved);
    let possible = match state {
        Resolved => before.is_some(),
        Pending => before.is_none() && who.name.starts_with('P'),
        NoData => who.name.starts_with('P'),
        Firing => true,
    };
    let is_same = world.own.get(who.name).is_some_and(|own| (own.state, own.severity) == (state, severity));
    if possible && !is_same {
        world.tell(who, state, severity);
    }
}

fn check_laws(world: &World) -> Result<(), TestCaseError> {
    let open = world.open();
    for own in world.own.values().filter(|own| own.state.is_open()) {
        let of: Vec<_> = open.iter().filter(|alert| alert.made_of().iter().any(|part| part == own)).collect();
        prop_assert_eq!(of.len(), 1, "{} fires and is in exactly one open alert", own.name());
    }
    for alert in &open {
        let firing: Vec<&Alert> = alert.made_of().iter().filter(|part| part.state.is_open()).collect();
        prop_assert!(!firing.is_empty(), "{} is open and nothing of it fires", alert.name());
        prop_assert_eq!(Some(alert.severity), firing.iter().map(|part| part.severity).max());
        prop_assert!(alert.made_of().iter().filter(|part| !is_native(part)).count() <= 1);
        prop_assert_eq!(alert.fingerprint(), alert.made_of()[0].fingerprint());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_policy_and_an_alarm_are_never_two_open_alerts(acts in acts(&[POLICY, ALARM])) {
        let mut world = World::default();
        for act in acts {
            carry_out(&mut world, act);
            check_laws(&world)?;
            prop_assert!(world.open().len() <= 1);
        }
    }

    #[test]
    fn nothing_that_fires_is_lost_or_told_twice(acts in acts(&EVERYBODY)) {
        let mut world = World::default();
        for act in acts {
            carry_out(&mut world, act);
            check_laws(&world)?;
            let policies = world.own.values().filter(|own| own.state.is_open() && !is_native(own)).count();
            let alone = world.open().iter().filter(|alert| {
                alert.made_of().iter().filter(|part| part.state.is_open()).all(is_native)
            }).count();
            prop_assert_eq!(world.open().len(), policies + alone, "every open policy is in an alert of its own");
        }
    }
}
