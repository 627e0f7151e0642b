use serde_json::Value;

use super::super::params::Params;
use super::*;
use crate::scenario::Scenario;

const ORIGIN: Millis = 1_795_000_020_000;
const SCOPE: &str = "/subscriptions/11111111-2222-3333-4444-555555555555";

fn alerts(scenario: Scenario) -> Alerts {
    let estate = Arc::new(Estate::new(1, ORIGIN, scenario));
    Alerts::new(&estate, Arc::new(Catalogue::new(&estate)))
}

fn listed(alerts: &Alerts, query: &str, now: Millis) -> (Vec<Value>, Option<String>) {
    let params = Params::read(query);
    let of = ListOf { params: &params, address: "http://host/alerts".to_owned(), now, endless: false };
    let answer = list(alerts, SCOPE, &of).unwrap();
    (answer["value"].as_array().unwrap().clone(), answer["nextLink"].as_str().map(str::to_owned))
}

#[test]
fn the_hot_machines_fire_minutes_after_they_are_hot_and_nothing_else_does() {
    let alerts = alerts(Scenario::FirstLight);
    let metric =
        |now| alerts.episodes(now).into_iter().filter(|it| it.resource.is_some()).collect::<Vec<_>>();
    assert_eq!(metric(ORIGIN - 10 * MINUTE), []);
    let fired = metric(ORIGIN);
    assert_eq!(fired.len(), 2, "one in each region");
    for episode in &fired {
        assert!((ORIGIN - 8 * MINUTE..ORIGIN).contains(&episode.fired), "{episode:?}");
        assert_eq!(alerts.rule(episode).name, "vm-cpu-high");
        assert!(episode.value > 90.0 && episode.resolved.is_none());
    }
    assert_eq!(metric(ORIGIN + 60 * MINUTE), fired, "it lasts");
    assert_eq!(metric(ORIGIN - 10 * MINUTE), [], "a clock that goes back sees less");
}

#[test]
fn an_alert_is_resolved_after_its_cause_is_over() {
    let alerts = alerts(Scenario::DeployGoneWrong);
    let during = alerts.episodes(ORIGIN + 20 * MINUTE);
    assert!(during.len() > 5 && during.iter().all(|it| it.resolved.is_none()), "{during:?}");
    let after = alerts.episodes(ORIGIN + 60 * MINUTE);
    let open: Vec<_> =
        after.iter().filter(|it| it.resolved.is_none()).map(|it| alerts.rule(it).name).collect();
    assert_eq!(open, ["network-rule-changed"], "what the activity log raises is never resolved");
    let ids = |all: &[Episode]| all.iter().map(|it| alerts.id(it)).collect::<Vec<_>>();
    assert!(ids(&during).iter().all(|id| ids(&after).contains(id)), "an alert keeps its id");
}

#[test]
fn lists_are_paged_picked_and_ordered() {
    let alerts = alerts(Scenario::DeployGoneWrong);
    let now = ORIGIN + 20 * MINUTE;
    let (all, none) = listed(&alerts, "pageCount=250", now);
    assert_eq!(none, None);
    let mut paged = Vec::new();
    let mut query = "pageCount=3".to_owned();
    while paged.len() < 1_000 {
        let (page, next) = listed(&alerts, &query, now);
        paged.extend(page);
        let Some(next) = next else { break };
        query = next.split_once('?').unwrap().1.to_owned();
    }
    assert_eq!(paged, all);
    let modified = |it: &Value| it["properties"]["essentials"]["lastModifiedDateTime"].to_string();
    assert!(all.windows(2).all(|pair| modified(&pair[0]) >= modified(&pair[1])), "newest first");
    let count = |query: &str| listed(&alerts, query, now).0.len();
    assert_eq!(count("severity=Sev1") + count("severity=Sev4"), count("severity=Sev1&pageCount=250") + 1);
    assert_eq!((count("monitorCondition=Resolved"), count("timeRange=1h&severity=Sev4")), (0, 0));
    assert!(count("alertRule=vm-cpu-high") > 0);
    let params = Params::read("includeContext=true&pageCount=26");
    let of = ListOf { params: &params, address: String::new(), now, endless: false };
    list(&alerts, SCOPE, &of).unwrap_err();
}

#[test]
fn people_change_the_state_and_the_condition_stays() {
    let alerts = alerts(Scenario::FirstLight);
    let episode = alerts.episodes(ORIGIN).into_iter().next_back().unwrap();
    let id = alerts.id(&episode);
    let params = Params::read("newState=Acknowledged");
    let changed = change_state(&alerts, &id, &params, br#"{"comments": "mine"}"#, "ada", ORIGIN).unwrap();
    let essentials = &changed["properties"]["essentials"];
    assert_eq!(
        (&essentials["alertState"], &essentials["monitorCondition"]),
        (&"Acknowledged".into(), &"Fired".into())
    );
    change_state(&alerts, &id, &params, b"", "ada", ORIGIN).unwrap_err();
    change_state(&alerts, &id, &Params::read("newState=Gone"), b"", "ada", ORIGIN).unwrap_err();
    change_state(&alerts, "nobody", &params, b"", "ada", ORIGIN).unwrap_err();
    let past = history(&alerts, &id, ORIGIN).unwrap();
    let modifications = past["properties"]["modifications"].as_array().unwrap().clone();
    assert_eq!(modifications[0]["newValue"], "Acknowledged");
    assert_eq!((modifications.len(), &modifications[0]["comments"]), (2, &"mine".into()));
    let counted = summary(&alerts, SCOPE, &Params::read("groupby=alertState,severity"), ORIGIN).unwrap();
    assert_eq!(counted["properties"]["values"][1]["count"], 1);
    assert_eq!(counted["properties"]["total"], 3);
}
