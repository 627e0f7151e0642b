use super::*;
use crate::scenario::Scenario;

const MINUTE: Millis = 60_000;
const ORIGIN: Millis = 1_795_003_200_000;

fn alarms(scenario: Scenario) -> (Arc<Estate>, Alarms) {
    let estate = Arc::new(Estate::new(1, ORIGIN, scenario));
    let catalogue = Arc::new(Catalogue::new(&estate));
    let alarms = Alarms::new(&estate, catalogue);
    (estate, alarms)
}

fn firing(alarms: &Alarms, now: Millis) -> Vec<String> {
    let in_alarm = |index: &usize| alarms.state(*index, now).to == State::Firing;
    (0..alarms.all.len()).filter(in_alarm).map(|index| alarms.all[index].arn.clone()).collect()
}

#[test]
fn nothing_fires_on_a_quiet_day() {
    let (_, alarms) = alarms(Scenario::QuietDay);
    assert_eq!(firing(&alarms, ORIGIN + 30 * MINUTE), Vec::<String>::new());
}

#[test]
fn at_first_light_the_hot_instances_have_fired_and_say_why() {
    let (_, alarms) = alarms(Scenario::FirstLight);
    let expected = ["us-east-1", "eu-west-1"]
        .map(|region| format!("arn:aws:cloudwatch:{region}:123456789012:alarm:checkout-web-01-cpu-high"));
    assert_eq!(firing(&alarms, ORIGIN), expected);
    let (index, _) = alarms.find(Some("eu-west-1"), "checkout-web-01-cpu-high").unwrap();
    let state = alarms.state(index, ORIGIN);
    // Three hot minutes from ten before the origin, and the two that points take.
    assert_eq!((state.at - ORIGIN) / MINUTE, -5);
    assert!(
        state.reason.starts_with("Threshold Crossed: 5 out of the last 5 datapoints [97."),
        "{}",
        state.reason
    );
    assert!(state.reason.ends_with("(minimum 3 datapoints for OK -> ALARM transition)."), "{}", state.reason);
    let data: serde_json::Value = serde_json::from_str(&state.data.unwrap()).unwrap();
    assert_eq!(
        (&data["statistic"], &data["period"], &data["threshold"]),
        (&"Average".into(), &60.into(), &90.0.into())
    );
}

#[test]
fn a_brown_out_fires_more_than_a_hundred_in_one_region_and_none_in_the_other_and_ends() {
    let (_, alarms) = alarms(Scenario::BrownOut);
    let during = firing(&alarms, ORIGIN + 20 * MINUTE);
    assert!(during.len() > 100, "{}", during.len());
    assert!(during.iter().all(|arn| arn.contains(":us-east-1:")));
    assert!(during.iter().any(|arn| arn.ends_with(":checkout-degraded")));
    assert!(during.iter().any(|arn| arn.ends_with(":fleet-checks")));
    assert_eq!(firing(&alarms, ORIGIN + 70 * MINUTE), Vec::<String>::new());
}

#[test]
fn the_state_does_not_depend_on_when_it_was_asked() {
    let (_, asked_often) = alarms(Scenario::BrownOut);
    let (_, asked_once) = alarms(Scenario::BrownOut);
    for minute in 0..40 {
        firing(&asked_often, ORIGIN + minute * MINUTE);
    }
    for index in 0..asked_once.all.len() {
        let now = ORIGIN + 25 * MINUTE;
        assert_eq!(asked_often.transitions(index, now), asked_once.transitions(index, now));
        assert_eq!(asked_often.state(index, ORIGIN), asked_once.state(index, ORIGIN), "and it can look back");
    }
}

#[test]
fn an_instance_that_is_gone_leaves_an_alarm_without_data() {
    let (estate, alarms) = alarms(Scenario::QuietDay);
    let gone = estate.machines().iter().find(|machine| machine.identity.removed < ORIGIN).unwrap();
    let name = format!("{}-cpu-high", gone.identity.name);
    let (index, _) = alarms.find(Some("us-east-1"), &name).unwrap();
    let state = alarms.state(index, ORIGIN);
    assert_eq!((state.from, state.to), (State::Ok, State::InsufficientData));
    assert!(state.at > gone.identity.removed);
}
