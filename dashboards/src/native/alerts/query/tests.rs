use std::time::Instant;

use isobar_alerting::Transition;
use isobar_normalizer::{Labels, Severity};

use super::*;
use crate::fake::{NOW, alert, known};

fn one(name: &str, severity: Severity, state: AlertState, value: Option<f64>) -> KnownAlert {
    let mut one = Transition::clone(&alert(name, severity, state).latest).alert;
    one.identity = Labels::from_pairs([("alertname", name), ("host", name)]).unwrap();
    one.value = value;
    known(one)
}

fn alerts() -> Vec<KnownAlert> {
    vec![
        one("b", Severity::Warning, AlertState::Firing, Some(3.0)),
        one("a", Severity::Critical, AlertState::Firing, None),
        one("d", Severity::Info, AlertState::NoData, Some(1.0)),
        one("c", Severity::Critical, AlertState::Resolved, Some(2.0)),
    ]
}

fn select(query: &str, alerts: &[KnownAlert]) -> Selected {
    AlertQuery::read(&Params::of_query(query))
        .unwrap_or_else(|error| panic!("{query}: {error}"))
        .select(alerts, NOW)
}

fn names(selected: &Selected, alerts: &[KnownAlert]) -> String {
    let name = |id: &u64| alerts.iter().find(|one| one.fingerprint == *id).unwrap().alert().name().to_owned();
    selected.page.iter().map(name).collect()
}

fn check(query: &str, expected: &str) {
    let alerts = alerts();
    assert_eq!(names(&select(query, &alerts), &alerts), expected, "{query}");
}

#[test]
fn lists_are_ordered() {
    check("sort=severity", "adbc");
    check("sort=-severity", "cbda");
    check("sort=name", "abcd");
    check("sort=-name", "dcba");
    // What has no value comes last either way.
    check("sort=value", "dcba");
    check("sort=-value", "bcda");
    check("sort=severity&state=open", "adb");
}

#[test]
fn pages_follow_each_other_in_every_order() {
    let alerts = alerts();
    for sort in ["id", "-id", "severity", "-severity", "name", "-name", "where", "since", "value", "-value"] {
        let whole = names(&select(&format!("sort={sort}"), &alerts), &alerts);
        let mut pages = String::new();
        let mut after = String::new();
        loop {
            let encoded: String = url::form_urlencoded::byte_serialize(after.as_bytes()).collect();
            let page = select(&format!("sort={sort}&limit=1&after={encoded}"), &alerts);
            pages.push_str(&names(&page, &alerts));
            assert_eq!(page.total, 4);
            let Some(next) = page.next else { break };
            after = next;
        }
        assert_eq!(pages, whole, "{sort}");
    }
}

#[test]
fn facets_count_what_matches() {
    let alerts = alerts();
    let counts = |query: &str, name: &str| -> Vec<String> {
        let found = select(query, &alerts);
        found.facets[name].iter().map(|one| format!("{} {}", one.value, one.count)).collect()
    };
    assert_eq!(counts("facets=@severity,host", "@severity"), ["critical 1", "nodata 1", "ok 1", "warning 1"]);
    assert_eq!(counts("facets=@state&state=open", "@state"), ["firing 2", "no_data 1"]);
    let widened = counts("q=%40severity%3Dcritical&facets=@severity,host", "@severity");
    assert_eq!(widened, ["critical 1", "nodata 1", "ok 1", "warning 1"]);
    assert_eq!(counts("q=%40severity%3Dcritical&facets=@severity,host", "host"), ["a 1"]);
    let many: Vec<KnownAlert> =
        (0..80).map(|n| one(&format!("n{n:02}"), Severity::Info, AlertState::Firing, None)).collect();
    assert_eq!(select("facets=host", &many).facets["host"].len(), 50);
}

/// What a facet counts is what its chips choose, whether the key means a label, a field, or either.
#[test]
fn facets_and_chips_mean_the_same() {
    let mut alerts = alerts();
    for one in &mut alerts {
        let state = if one.alert().name() == "a" { "lost" } else { "" };
        one.labels =
            one.labels.edit().set("region", "eu").set("severity", "page").set("state", state).build();
    }
    alerts[3].labels = alerts[3].labels.edit().remove("region").build();
    for facet in ["region", "@region", "state", "@state", "severity", "@severity", "host", "name", "@name"] {
        let counted = &select(&format!("facets={facet}"), &alerts).facets[facet];
        for FacetCount { value, count } in counted {
            let chosen = select(&format!("q={}%3D{value}", facet.replace('@', "%40")), &alerts);
            assert_eq!(chosen.total, *count, "{facet} = {value}");
        }
    }
    let counts = |query: &str, facet: &str| -> Vec<String> {
        let found = select(query, &alerts);
        found.facets[facet].iter().map(|one| format!("{} {}", one.value, one.count)).collect()
    };
    assert_eq!(counts("facets=region", "region"), ["eu 3"]);
    assert_eq!(counts("facets=severity", "severity"), ["critical 1", "nodata 1", "ok 1", "warning 1"]);
    assert_eq!(counts("facets=state,@state", "state"), ["firing 1", "lost 1", "no_data 1", "resolved 1"]);
    // A chip on the label of an alert is none on its field, and stays in force where the field is counted.
    assert_eq!(counts("q=state%3Dx&facets=@state", "@state"), ["firing 1", "no_data 1", "resolved 1"]);
    assert_eq!(counts("q=state%3Dx&facets=state", "state").len(), 4);
    assert_eq!(counts("facets=@age,value", "value"), [""; 0]);
}

#[test]
fn wrong_parameters_are_named() {
    for (query, hint) in [
        ("sort=age", "sort: one of"),
        ("state=firing", "state: open or all"),
        ("q=%40nothing%3D1", "q: "),
        ("after=x", "after: "),
        ("facets=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u", "at most 20"),
        ("color=red", "unknown parameter"),
    ] {
        let error = AlertQuery::read(&Params::of_query(query)).expect_err(query).to_string();
        assert!(error.contains(hint), "{query}: {error}");
    }
}

/// 100,000 alerts with five facets and a filter; the figure is for release builds, which `ISOBAR_MEASURE` asks for.
#[test]
fn a_hundred_thousand_alerts_are_listed_in_time() {
    let count = if std::env::var_os("ISOBAR_MEASURE").is_some() { 100_000 } else { 1_000 };
    let severities = [Severity::Critical, Severity::Error, Severity::Warning, Severity::Info];
    let alerts: Vec<KnownAlert> = (0..count)
        .map(|n| one(&format!("Alert{}", n % 97), severities[n % 4], AlertState::Firing, Some(n as f64)))
        .map(|mut one| {
            let n = one.alert().value.unwrap_or_default() as u64;
            (one.fingerprint, one.labels) =
                (n, one.labels.edit().set("team", format!("t{}", n % 300)).build());
            one
        })
        .collect();
    let query =
        "q=alert+%40severity!%3Dinfo&sort=severity&facets=@severity,@name,@provider,team,host&limit=100";
    let started = Instant::now();
    let found = select(query, &alerts);
    let took = started.elapsed();
    assert_eq!(found.total as usize, count / 4 * 3);
    assert_eq!(found.page.len(), 100);
    eprintln!("{count} alerts: {} ms", took.as_millis());
    assert!(count < 100_000 || took.as_millis() < 100, "{took:?}");
}
