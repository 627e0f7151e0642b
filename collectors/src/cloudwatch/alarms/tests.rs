//! Alarms that fired and ended between two looks.

use super::*;

fn alarm(name: &str, state: NativeState) -> NativeAlarm {
    NativeAlarm {
        id: format!("arn:{name}"),
        name: name.to_owned(),
        state,
        since: Timestamp::from_millis(90_000),
        severity: None,
        source_severity: String::new(),
        class: None,
        resource: None,
        metric: None,
        is_muted: false,
        acknowledged_by: String::new(),
        reason: "now".to_owned(),
        url: String::new(),
        labels: BTreeMap::new(),
    }
}

fn item(name: &str, seconds: i64, data: &str) -> AlarmHistoryItem {
    let at = date(Timestamp::from_millis(seconds * 1000));
    AlarmHistoryItem::builder().alarm_name(name).timestamp(at).history_data(data).build()
}

const FIRED: &str = r#"{"version": "1.0", "oldState": {"stateValue": "OK"},
                        "newState": {"stateValue": "ALARM", "stateReason": "too hot"}}"#;
const ENDED: &str = r#"{"newState": {"stateValue": "OK"}}"#;

#[test]
fn what_fired_in_between_is_told_once() {
    let mut alarms = [
        alarm("missed", NativeState::Ok),
        alarm("firing", NativeState::Firing),
        alarm("calm", NativeState::Ok),
        alarm("unknown", NativeState::Unknown),
    ];
    let history = [
        item("missed", 70, FIRED),
        item("missed", 90, ENDED),
        item("firing", 70, FIRED),
        item("unknown", 70, FIRED),
        item("calm", 80, ENDED),
        item("calm", 80, "not JSON"),
        item("gone", 80, FIRED),
    ];
    add_missed(&mut alarms, &history);
    let states = alarms.each_ref().map(|alarm| (alarm.state, alarm.since.millis()));
    assert_eq!(states[0], (NativeState::Firing, 70_000));
    assert!(alarms[0].reason.starts_with("too hot (over since"), "{}", alarms[0].reason);
    assert_eq!(states[1], (NativeState::Firing, 90_000));
    assert_eq!(states[2], (NativeState::Ok, 90_000));
    assert_eq!(states[3], (NativeState::Unknown, 90_000));
}
