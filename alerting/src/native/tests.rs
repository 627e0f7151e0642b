use isobar_normalizer::{AlertClass, Severity};

use super::*;
use crate::fixture::START;

const RESOURCE: &str = "aws:123456789012:us-east-1:compute.instance:i-1";

/// A firing alarm on the CPU of one machine.
pub(super) fn alarm(id: &str) -> NativeAlarm {
    NativeAlarm {
        id: id.to_owned(),
        name: format!("{id} is hot"),
        state: NativeState::Firing,
        since: START,
        severity: Some(Severity::Error),
        source_severity: String::new(),
        class: Some(AlertClass::Saturation),
        resource: Some(RESOURCE.parse().unwrap()),
        metric: Some("system.cpu.utilization".to_owned()),
        is_muted: false,
        acknowledged_by: String::new(),
        reason: "threshold crossed".to_owned(),
        url: "https://console.example/a".to_owned(),
        labels: BTreeMap::from([("namespace".to_owned(), "AWS/EC2".to_owned())]),
    }
}

fn with(id: &str, change: impl FnOnce(&mut NativeAlarm)) -> NativeAlarm {
    let mut alarm = alarm(id);
    change(&mut alarm);
    alarm
}

fn origin(part: &str) -> AlarmOrigin {
    AlarmOrigin { source: "aws-prod".to_owned(), kind: "cloudwatch".to_owned(), part: part.to_owned() }
}

fn at(minutes: u64) -> Timestamp {
    START.plus(std::time::Duration::from_secs(60 * minutes))
}

/// One source whose machine is there.
#[derive(Default)]
struct World {
    alarms: NativeAlarms,
    gone: Option<Timestamp>,
    transitions: Vec<Transition>,
}

impl World {
    /// The states and reasons that a report brings.
    fn tell(&mut self, part: &str, alarms: &[NativeAlarm], is_complete: bool, minutes: u64) -> Vec<String> {
        let report = AlarmReport { alarms: alarms.to_vec(), is_complete };
        let gone = self.gone;
        let known =
            || Labels::from_pairs([("resource_name", "web-1"), ("cloud_region", "us-east-1")]).unwrap();
        let resource = |_: &str| gone.map_or_else(|| ResourceLookup::Known(known()), ResourceLookup::Gone);
        let told = self.alarms.report(&origin(part), &report, resource, at(minutes));
        self.transitions.extend(told.iter().cloned());
        told.iter().map(shown).collect()
    }

    fn last(&self) -> &Alert {
        &self.transitions.last().unwrap().alert
    }
}

fn shown(transition: &Transition) -> String {
    let alert = &transition.alert;
    format!("{} {} {}: {}", alert.native[0].id, alert.state.as_str(), alert.severity, transition.reason)
}

const NOTHING: [&str; 0] = [];

#[test]
fn an_alarm_fires_once_and_is_over_when_the_provider_says_so() {
    let mut world = World::default();
    assert_eq!(world.tell("r", &[alarm("a")], true, 1), ["a firing error: threshold crossed"]);
    let alert = world.last().clone();
    assert_eq!(
        alert.identity.to_string(),
        format!(r#"{{alertname="a is hot", native_id="a", resource_id="{RESOURCE}", source="aws-prod"}}"#)
    );
    assert_eq!((alert.starts_at, alert.fired_at, alert.class), (START, Some(START), AlertClass::Saturation));
    let labels = alert.labels();
    let described =
        ["resource_name", "cloud_provider", "cloud_account_id", "namespace"].map(|name| labels.get(name));
    assert_eq!(described, [Some("web-1"), Some("aws"), Some("123456789012"), Some("AWS/EC2")]);
    assert_eq!(
        alert.watched.expression.as_deref(),
        Some(&*format!("{{\"system.cpu.utilization\", resource_id=\"{RESOURCE}\"}}"))
    );

    assert_eq!(world.tell("r", &[alarm("a")], true, 2), NOTHING, "the same again");
    let renamed = with("a", |alarm| (alarm.name, alarm.reason) = ("b".to_owned(), "other words".to_owned()));
    assert_eq!(
        world.tell("r", std::slice::from_ref(&renamed), true, 3),
        NOTHING,
        "everything but the id may change"
    );
    let fine =
        with("a", |alarm| (alarm.state, alarm.since, alarm.reason) = (NativeState::Ok, at(4), String::new()));
    assert_eq!(
        world.tell("r", std::slice::from_ref(&fine), true, 5),
        ["a resolved error: the provider says that it is over"]
    );
    assert_eq!((world.last().fingerprint(), world.last().ends_at), (alert.fingerprint(), Some(at(4))));
    assert_eq!(world.tell("r", &[fine], true, 6), NOTHING);
}

#[test]
fn what_the_provider_cannot_tell_neither_fires_nor_resolves() {
    let mut world = World::default();
    let unknown = with("a", |alarm| alarm.state = NativeState::Unknown);
    assert_eq!(world.tell("r", std::slice::from_ref(&unknown), true, 1), NOTHING);
    world.tell("r", &[alarm("a")], true, 2);
    assert_eq!(
        world.tell("r", std::slice::from_ref(&unknown), true, 3),
        ["a firing error: the provider cannot tell any more"]
    );
    assert_eq!(world.last().native[0].state, NativeState::Unknown);
    assert_eq!(world.tell("r", &[unknown], true, 4), NOTHING);
}

#[test]
fn only_a_complete_report_of_its_part_says_that_an_alarm_was_deleted() {
    let mut world = World::default();
    world.tell("us-east-1", &[alarm("a"), alarm("b")], true, 1);
    assert_eq!(world.tell("us-east-1", &[alarm("b")], false, 2), NOTHING);
    assert_eq!(world.tell("eu-west-1", &[], true, 3), NOTHING);
    assert_eq!(world.tell("us-east-1", &[alarm("b")], true, 4), ["a resolved error: alarm_deleted"]);
    assert_eq!(world.last().ends_at, Some(at(4)));
    // It is told of by another part: the one before does not end it.
    assert_eq!(
        world.tell("eu-west-1", &[alarm("b")], true, 5),
        ["b firing error: reported by eu-west-1 now"]
    );
    assert_eq!(world.tell("us-east-1", &[], true, 6), NOTHING);
    let kept = BTreeSet::from(["us-east-1".to_owned()]);
    assert_eq!(world.alarms.retain_parts("other", &kept, at(7)), []);
    let ended = world.alarms.retain_parts("aws-prod", &kept, at(7));
    assert_eq!(ended.iter().map(shown).collect::<Vec<_>>(), ["b resolved error: source_removed"]);
}

#[test]
fn a_source_that_is_not_configured_any_more_has_no_alarms() {
    let mut world = World::default();
    world.tell("r", &[alarm("a")], true, 1);
    assert_eq!(world.alarms.retain_sources(&BTreeSet::from(["aws-prod".to_owned()]), at(2)), []);
    let ended = world.alarms.retain_sources(&BTreeSet::new(), at(2));
    assert_eq!(ended.iter().map(shown).collect::<Vec<_>>(), ["a resolved error: source_removed"]);
}

#[test]
fn a_resource_that_is_gone_ends_its_alarm_however_long_the_provider_goes_on() {
    let mut world = World::default();
    world.tell("r", &[alarm("a"), alarm("b")], true, 1);
    world.gone = Some(at(2));
    let gone = |_: &str| ResourceLookup::Gone(at(2));
    let ended = world.alarms.end_gone(gone, at(3));
    assert_eq!(
        ended.iter().map(shown).collect::<Vec<_>>(),
        ["a resolved error: resource_gone", "b resolved error: resource_gone"]
    );
    assert_eq!(ended[0].alert.ends_at, Some(at(2)));
    assert_eq!(world.tell("r", &[alarm("a")], true, 4), NOTHING);
    world.gone = None;
    assert_eq!(world.tell("r", &[alarm("a")], true, 5), ["a firing error: threshold crossed"]);
    world.gone = Some(at(6));
    assert_eq!(world.tell("r", &[alarm("a")], true, 6), ["a resolved error: resource_gone"]);
}

#[test]
fn severity_muting_and_acknowledgement_are_changes_of_one_alert() {
    let mut world = World::default();
    world.tell("r", &[alarm("a")], true, 1);
    let fingerprint = world.last().fingerprint();
    let worse = with("a", |alarm| alarm.severity = Some(Severity::Critical));
    assert_eq!(
        world.tell("r", std::slice::from_ref(&worse), true, 2),
        ["a firing critical: severity critical, was error"]
    );
    let taken = NativeAlarm { is_muted: true, acknowledged_by: "ada".to_owned(), ..worse };
    assert_eq!(
        world.tell("r", std::slice::from_ref(&taken), true, 3),
        ["a firing critical: the provider holds its notifications back, acknowledged at the provider by ada"]
    );
    assert!(world.last().is_muted());
    assert_eq!((world.last().acknowledged_by(), world.last().fingerprint()), (Some("ada"), fingerprint));
    assert_eq!(world.tell("r", &[taken], true, 4), NOTHING);
}

#[test]
fn an_alarm_without_resource_and_name_is_known_by_its_id() {
    let mut world = World::default();
    let bare = with("a", |alarm| {
        (alarm.resource, alarm.metric, alarm.name) = (None, None, String::new());
        alarm.since = at(99);
    });
    world.tell("r", &[bare], true, 1);
    let alert = world.last();
    assert_eq!(alert.identity.to_string(), r#"{alertname="a", native_id="a", source="aws-prod"}"#);
    assert_eq!(
        (alert.starts_at, alert.watched.clone()),
        (at(1), Watched::default()),
        "its clock is ahead of ours"
    );
}

#[test]
fn a_provider_that_repeats_an_alarm_means_the_worse_one() {
    let mut world = World::default();
    let fine = with("a", |alarm| alarm.state = NativeState::Ok);
    assert_eq!(
        world.tell("r", &[fine.clone(), alarm("a"), fine], true, 1),
        ["a firing error: threshold crossed"]
    );
}

#[test]
fn a_restart_goes_on_with_what_is_on() {
    let mut world = World::default();
    world.tell("r", &[alarm("a"), alarm("b")], true, 1);
    let fine = with("b", |alarm| alarm.state = NativeState::Ok);
    world.tell("r", &[alarm("a"), fine], true, 2);
    let mut again = World::default();
    for transition in &world.transitions {
        let kept = serde_json::to_string(&transition.alert).unwrap();
        let kept: Alert = serde_json::from_str(&kept).unwrap();
        assert_eq!(kept, transition.alert);
        if kept.name() == "a is hot" || kept.state == AlertState::Resolved {
            again.alarms.restore(&kept);
        }
    }
    assert_eq!(again.tell("r", &[alarm("a")], true, 3), NOTHING);
    assert_eq!(again.tell("r", &[], true, 4), ["a resolved error: alarm_deleted"]);
}
