use std::collections::BTreeSet;

use globset::GlobSet;
use serde_json::json;

use super::super::estate::Watched;
use super::super::wire::{ArmResource, Page};
use super::*;

const VM: &str = "/subscriptions/S/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/VM-1";

fn estate(mappings: &NativeMappings) -> Estate {
    let listed: Vec<ArmResource> = serde_json::from_value(json!([
        {"id": VM, "name": "VM-1", "type": "Microsoft.Compute/virtualMachines", "location": "eastus"},
    ]))
    .unwrap();
    let watched = [Watched::new("Microsoft.Compute/virtualMachines", mappings)];
    Estate::new("s", listed, &watched, &BTreeSet::new(), &GlobSet::empty(), Timestamp::default())
}

fn severities() -> BTreeMap<String, Severity> {
    [("Sev0", Severity::Critical), ("Sev3", Severity::Info)]
        .map(|(word, ours)| (word.to_owned(), ours))
        .into()
}

fn alarms(alerts: serde_json::Value) -> Vec<NativeAlarm> {
    let mappings = NativeMappings::builtin();
    let (estate, severities) = (estate(&mappings), severities());
    let reading = Reading {
        estate: Some(&estate),
        mappings: &mappings,
        severities: &severities,
        portal: "portal.azure.com",
    };
    reading.alarms(serde_json::from_value(alerts).unwrap())
}

fn alert(id: &str, essentials: serde_json::Value, context: serde_json::Value) -> serde_json::Value {
    let mut whole = json!({
        "severity": "Sev0", "alertState": "New", "monitorCondition": "Fired", "targetResource": VM.to_lowercase(),
        "alertRule": "/subscriptions/s/rg/providers/microsoft.insights/metricAlerts/HighCpu", "signalType": "Metric",
        "startDateTime": "2026-11-21T10:00:00.1234567Z", "lastModifiedDateTime": "2026-11-21T10:00:05Z",
    });
    whole.as_object_mut().unwrap().extend(essentials.as_object().unwrap().clone());
    json!({"id": format!("{VM}/providers/Microsoft.AlertsManagement/alerts/{id}"), "name": "HighCpu",
           "properties": {"essentials": whole, "context": context}})
}

fn cpu() -> serde_json::Value {
    json!({"context": {"condition": {"windowSize": "PT5M", "allOf": [{
        "metricName": "Percentage CPU", "metricNamespace": "Microsoft.Compute/virtualMachines", "operator": "GreaterThan",
        "threshold": "95", "timeAggregation": "Average", "metricValue": 97.5,
        "dimensions": [{"name": "microsoft.resourceId", "value": VM}]}]}}})
}

#[test]
fn a_metric_alert_is_about_a_resource_and_a_canonical_metric() {
    let found = alarms(json!([alert("AAAA-1", json!({}), cpu())]));
    let [alarm] = &found[..] else { panic!("{found:?}") };
    assert_eq!((&*alarm.id, &*alarm.name, alarm.state), ("aaaa-1", "HighCpu", NativeState::Firing));
    assert_eq!(alarm.since, Timestamp::parse_rfc3339("2026-11-21T10:00:00.123Z").unwrap());
    assert_eq!((alarm.severity, &*alarm.source_severity), (Some(Severity::Critical), "Sev0"));
    assert_eq!(alarm.metric.as_deref(), Some("system.cpu.utilization"));
    let resource = alarm.resource.as_ref().unwrap();
    assert_eq!(resource.as_str(), format!("azure:s:eastus:compute.instance:{}", VM.to_lowercase()));
    assert_eq!(alarm.labels["threshold"], "95");
    assert!(
        alarm.url.starts_with("https://portal.azure.com/#view/") && alarm.url.contains("AAAA%2D1"),
        "{}",
        alarm.url
    );
}

#[test]
fn what_is_about_several_metrics_or_unknown_resources_is_about_none() {
    let two =
        json!({"context": {"condition": {"allOf": [{"metricName": "Percentage CPU"}, {"metricName": "x"}]}}});
    let found = alarms(json!([
        alert("1", json!({}), two),
        alert("2", json!({"targetResource": "/subscriptions/s/other"}), cpu()),
        alert("3", json!({}), json!(null)),
    ]));
    assert!(found.iter().all(|alarm| alarm.metric.is_none()), "{found:?}");
    let has_resource: Vec<bool> = found.iter().map(|alarm| alarm.resource.is_some()).collect();
    assert_eq!(has_resource, [true, false, true]);
}

#[test]
fn the_engines_condition_and_peoples_state_are_apart() {
    let states = |condition: &str, state: &str, who: &str| {
        let essentials =
            json!({"monitorCondition": condition, "alertState": state, "lastModifiedUserName": who});
        let alarm = alarms(json!([alert("1", essentials, json!(null))])).remove(0);
        (alarm.state, alarm.acknowledged_by)
    };
    assert_eq!(states("Fired", "New", "System"), (NativeState::Firing, String::new()));
    assert_eq!(
        states("Fired", "Acknowledged", "ann@example.org"),
        (NativeState::Firing, "ann@example.org".into())
    );
    assert_eq!(
        states("Fired", "Closed", "System"),
        (NativeState::Firing, "azure".into()),
        "closing ends no condition"
    );
    assert_eq!(states("Resolved", "New", "System"), (NativeState::Ok, String::new()));
    assert_eq!(states("Whatever", "New", ""), (NativeState::Unknown, String::new()));
}

#[test]
fn an_alert_that_comes_twice_is_as_it_changed_last() {
    let resolved = json!({"monitorCondition": "Resolved", "lastModifiedDateTime": "2026-11-21T10:09:00Z",
                          "monitorConditionResolvedDateTime": "2026-11-21T10:08:59Z", "actionStatus": {"isSuppressed": true}});
    let found = alarms(json!([alert("a", resolved, json!(null)), alert("A", json!({}), cpu())]));
    let [alarm] = &found[..] else { panic!("{found:?}") };
    assert_eq!((alarm.state, alarm.is_muted), (NativeState::Ok, true));
    assert_eq!(alarm.since, Timestamp::parse_rfc3339("2026-11-21T10:08:59Z").unwrap());
}

#[test]
fn what_lacks_everything_is_left_out() {
    assert_eq!(alarms(json!([{"id": "", "properties": {"essentials": {}}}])), []);
    assert_eq!(
        alarms(json!([{"id": "/x/1", "properties": {"essentials": {}}}])),
        [],
        "nobody knows since when"
    );
}

#[test]
fn a_cursor_follows_the_newest_change() {
    let alerts: Vec<Alert> = serde_json::from_value(json!([
        alert("1", json!({"lastModifiedDateTime": "2026-11-21T10:00:00Z"}), json!(null)),
        alert("2", json!({"lastModifiedDateTime": "2026-11-21T09:50:00Z"}), json!(null)),
    ]))
    .unwrap();
    let cursor = Cursor::default().after(&alerts);
    assert_eq!(cursor, Cursor(Timestamp::parse_rfc3339("2026-11-21T10:00:00Z")));
    assert_eq!(alerts.iter().map(|alert| cursor.is_past(alert)).collect::<Vec<_>>(), [false, true]);
    assert_eq!(
        Cursor::default().after(&[]),
        Cursor(Some(Timestamp::default())),
        "then all is new, and read with context"
    );
    assert_eq!(cursor.after(&[]), cursor);
}

#[test]
fn the_recorded_list_is_read() {
    let Some(text) = super::super::tests::recorded("rest-api-specs/Alerts_List.excerpt.json") else { return };
    let recorded: serde_json::Value = serde_json::from_str(&text).unwrap();
    let page: Page<Alert> = serde_json::from_value(recorded["responses"]["200"]["body"].clone()).unwrap();
    assert!(page.next_link.is_some_and(|link| link.starts_with("https://management.azure.com:443/")));
    let mappings = NativeMappings::builtin();
    let reading =
        Reading { estate: None, mappings: &mappings, severities: &severities(), portal: "portal.azure.com" };
    let alarm = reading.alarms(page.value).remove(0);
    assert_eq!(
        (alarm.state, &*alarm.acknowledged_by, &*alarm.name),
        (NativeState::Firing, "azure", "cpu alert")
    );
    assert_eq!((&*alarm.id, alarm.severity), ("66114d64-d9d9-478b-95c9-b789d6502100", Some(Severity::Info)));
}
