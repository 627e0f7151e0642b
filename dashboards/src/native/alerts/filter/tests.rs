use std::sync::Arc;
use std::time::Duration;

use isobar_alerting::{Alert, AlertState, Transition};
use isobar_normalizer::{Labels, Severity};

use super::*;
use crate::fake::{NOW, alert, known};

/// The alerts of the page's own tests.
fn alerts() -> Vec<KnownAlert> {
    let of = |name: &str, severity, state, change: &dyn Fn(&mut Alert)| {
        let mut one = Transition::clone(&alert(name, severity, state).latest).alert;
        one.identity = Labels::from_pairs([("alertname", name)]).unwrap();
        one.described = Labels::from_pairs([("cloud_region", "us-east-1")]).unwrap();
        one.value = Some(0.97);
        one.starts_at = NOW.minus(Duration::from_secs(660));
        change(&mut one);
        known(one)
    };
    let mut second = of("HighCpu", Severity::Error, AlertState::Firing, &|one| {
        one.identity =
            one.identity.edit().set("resource_id", "azure:sub:eastus:compute.instance:vm-1").build();
    });
    second.handling = Some(Arc::new(
        serde_json::from_value(serde_json::json!({
            "fingerprint": "00000000000000a1", "acknowledged": {"by": "mei", "at": 0, "severity": "error"},
            "act": "acknowledge", "actor": "mei", "at": 0,
        }))
        .unwrap(),
    ));
    let mut third = of("Disk full", Severity::Warning, AlertState::NoData, &|one| {
        one.value = None;
        one.sources = ["edge", "lab"].map(str::to_owned).into();
    });
    third.is_flapping = true;
    third.incident = Some("i-3".into());
    third.suppressed.silenced_by = vec!["s".into()];
    let first = of("HighCpu", Severity::Critical, AlertState::Firing, &|one| {
        one.identity =
            one.identity.edit().set("team", "web").set("severity", "page").set("region", "labelled").build();
    });
    vec![first, second, third]
}

fn hits(text: &str) -> Vec<usize> {
    let filter = Filter::read(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
    let alerts = alerts();
    (0..alerts.len()).filter(|index| filter.passes(&alerts[*index], NOW, None)).collect()
}

#[test]
fn what_the_page_finds_is_found_here() {
    for (text, expected) in [
        ("", vec![0, 1, 2]),
        ("team=web", vec![0]),
        ("team!=web", vec![1, 2]),
        ("@name=~High.*", vec![0, 1]),
        ("@name=~High", vec![]),
        ("name!~High.*", vec![2]),
        ("@name=\"Disk full\"", vec![2]),
        ("severity=critical", vec![0]),
        ("severity=critical severity=high", vec![0, 1]),
        ("severity!=critical severity!=high", vec![2]),
        ("severity=nodata", vec![2]),
        ("@owner=nobody", vec![0, 2]),
        ("owner=mei", vec![1]),
        ("source=lab", vec![2]),
        ("source!=lab", vec![0, 1]),
        ("@held=yes", vec![2]),
        ("@acknowledged=yes", vec![1]),
        ("@acknowledged=no", vec![0, 2]),
        ("@flapping=yes", vec![2]),
        ("@incident=i-3", vec![2]),
        ("@incident!=i-3", vec![0, 1]),
        ("incident=~i-.*", vec![2]),
        ("region=labelled", vec![0]),
        ("@region=us-east-1", vec![0, 2]),
        ("@region=eastus", vec![1]),
        ("@resource=vm-1", vec![1]),
        ("@age>10m", vec![0, 1, 2]),
        ("@age > 12m", vec![]),
        ("@value>0.9", vec![0, 1]),
        ("@value<0.9", vec![]),
        ("cpu", vec![0, 1]),
        ("CPU vm-1", vec![1]),
        ("\"disk full\"", vec![2]),
    ] {
        assert_eq!(hits(text), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (text, hint) in [
        ("@nothing=1", "no field"),
        ("a=b =c", "without a key"),
        ("team=~[", "team"),
        ("@value>many", "a number"),
        ("@age>soon", "a time"),
        ("team=\"web", "closing quote"),
        ("@state=", "a value"),
    ] {
        let wrong = Filter::read(text).expect_err(text);
        assert!(wrong.contains(hint), "{text}: {wrong}");
    }
    assert!(Filter::read(&"a ".repeat(101)).is_err());
}

#[test]
fn a_facet_leaves_its_own_choices_out() {
    let alerts = alerts();
    let filter = Filter::read("@severity=critical @name=HighCpu").unwrap();
    let passing = |skip| alerts.iter().filter(|one| filter.passes(one, NOW, skip)).count();
    assert_eq!(
        (passing(None), passing(Some(Meaning::of_key("severity"))), passing(Some(Meaning::of_key("name")))),
        (1, 2, 1)
    );
    assert!(filter.concerns("severity") && !filter.concerns("state"));
}
