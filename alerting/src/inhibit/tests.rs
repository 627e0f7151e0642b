use std::collections::BTreeMap;

use isobar_normalizer::MatchOp;
use proptest::prelude::*;

use super::*;
use crate::config::AlertingConfig;
use crate::fixture::labels;

fn rules(text: &str) -> Vec<InhibitRule> {
    let text = format!("route: {{receiver: a}}\nreceivers: [{{name: a}}]\ninhibit_rules:\n{text}");
    AlertingConfig::parse(&text).unwrap_or_else(|error| panic!("{text}\n{error}")).inhibit_rules.to_vec()
}

/// With these alerts firing, `target` is inhibited by the expected ones: `rule: labels of the source`.
#[track_caller]
fn check(rules: &[InhibitRule], firing: &[&str], target: &str, expected: &[(usize, &str)]) {
    let mut inhibitions = Inhibitions::new(rules);
    for text in firing {
        let labels = labels(text);
        inhibitions.update(labels.fingerprint(), &labels, true);
    }
    let expected: Vec<Inhibitor> = expected
        .iter()
        .map(|(rule, source)| Inhibitor { rule: *rule, source: labels(source).fingerprint() })
        .collect();
    assert_eq!(inhibitions.inhibitors(&labels(target)), expected, "{target} under {firing:?}");
}

const BY_SEVERITY: &str = "- source_matchers: [severity=critical]\n  target_matchers: [severity=~\"warning|info\"]\n  equal: [alertname, cluster]\n";

#[test]
fn a_source_inhibits_what_has_the_same_values() {
    let rules = rules(BY_SEVERITY);
    let critical = "alertname=A cluster=c severity=critical";
    check(&rules, &[critical], "alertname=A cluster=c severity=warning", &[(0, critical)]);
    check(&rules, &[critical], "alertname=A cluster=d severity=warning", &[]);
    check(&rules, &[critical], "alertname=A cluster=c severity=none", &[]);
    check(&rules, &[critical], critical, &[]);
    check(&rules, &[], "alertname=A cluster=c severity=warning", &[]);
}

#[test]
fn a_missing_label_equals_the_empty_one() {
    let rules = rules(BY_SEVERITY);
    check(
        &rules,
        &["alertname=A severity=critical"],
        "alertname=A severity=info",
        &[(0, "alertname=A severity=critical")],
    );
    check(&rules, &["alertname=A severity=critical"], "alertname=A cluster=c severity=info", &[]);
    check(&rules, &["severity=critical"], "severity=info", &[(0, "severity=critical")]);
}

#[test]
fn values_do_not_run_into_each_other() {
    let rules = rules("- source_matchers: [s=y]\n  target_matchers: [s=n]\n  equal: [a, b]\n");
    check(&rules, &["s=y a=xy b=z"], "s=n a=x b=yz", &[]);
}

#[test]
fn what_is_both_is_inhibited_by_pure_sources_only() {
    let rules = rules("- source_matchers: [team=db]\n  target_matchers: [severity=warning]\n");
    let (both, other_both) = ("team=db severity=warning", "team=db severity=warning n=2");
    let pure = "team=db severity=critical";
    check(&rules, &[both], both, &[]);
    check(&rules, &[both, other_both], both, &[]);
    check(&rules, &[both, other_both, pure], both, &[(0, pure)]);
    check(&rules, &[both], "team=web severity=warning", &[(0, both)]);
}

#[test]
fn every_rule_that_holds_is_named() {
    let text = format!(
        "{BY_SEVERITY}- source_match: {{alertname: Down}}\n  target_match_re: {{alertname: '.+'}}\n  equal: [cluster]\n"
    );
    let rules = rules(&text);
    let (critical, down) = ("alertname=A cluster=c severity=critical", "alertname=Down cluster=c");
    check(&rules, &[critical, down], "alertname=A cluster=c severity=warning", &[(0, critical), (1, down)]);
}

#[test]
fn several_sources_must_all_fire() {
    let text = "- sources:\n  - {matchers: [alertname=Down, app=parser], equal: [cluster]}\n  - {matchers: [alertname=Down, app=writer]}\n  target_matchers: [alertname=NoInfo]\n";
    let rules = rules(text);
    let (parser, writer) = ("alertname=Down app=parser cluster=c", "alertname=Down app=writer cluster=d");
    check(&rules, &[parser], "alertname=NoInfo cluster=c", &[]);
    check(&rules, &[writer], "alertname=NoInfo cluster=c", &[]);
    check(&rules, &[parser, writer], "alertname=NoInfo cluster=c", &[(0, parser), (0, writer)]);
    check(&rules, &[parser, writer], "alertname=NoInfo cluster=d", &[]);
}

#[test]
fn what_is_over_or_has_other_labels_inhibits_no_more() {
    let mut inhibitions = Inhibitions::new(rules(BY_SEVERITY));
    let warning = labels("alertname=A cluster=c severity=warning");
    let source = labels("alertname=A cluster=c severity=critical");
    inhibitions.update(7, &source, true);
    assert_eq!(inhibitions.inhibitors(&warning), [Inhibitor { rule: 0, source: 7 }]);
    inhibitions.update(7, &labels("alertname=A cluster=c severity=info"), true);
    assert_eq!(inhibitions.inhibitors(&warning), []);
    inhibitions.update(7, &source, true);
    inhibitions.update(7, &source, false);
    assert_eq!(inhibitions.inhibitors(&warning), []);
    assert!(inhibitions.places.is_empty() && inhibitions.firing[0][0].is_empty());
}

/// Alertmanager's rule, read off its documentation, over every pair.
fn inhibits(rule: &InhibitRule, target: &Labels, firing: &BTreeMap<u64, Labels>) -> bool {
    let is_source = rule.sources.iter().any(|source| all_match(&source.matchers, target));
    all_match(&rule.target, target)
        && rule.sources.iter().all(|source| {
            firing.values().any(|alert| {
                let same = |name: &Arc<str>| alert.get(name).unwrap_or("") == target.get(name).unwrap_or("");
                all_match(&source.matchers, alert)
                    && source.equal.iter().all(same)
                    && !(is_source && all_match(&rule.target, alert))
            })
        })
}

fn any_labels() -> impl Strategy<Value = Labels> {
    let label = (prop::sample::select(vec!["a", "b", "c"]), prop::sample::select(vec!["1", "2", "12"]));
    prop::collection::btree_map(label.0, label.1, 0..4)
        .prop_map(|pairs| Labels::from_pairs(pairs).expect("labels of a test"))
}

fn any_matchers() -> impl Strategy<Value = Vec<Matcher>> {
    let matcher = (
        prop::sample::select(vec!["a", "b", "c"]),
        prop::sample::select(vec![MatchOp::Equal, MatchOp::NotEqual, MatchOp::Matches, MatchOp::NotMatches]),
        prop::sample::select(vec!["", "1", "2", "12"]),
    );
    let matcher =
        matcher.prop_map(|(name, op, value)| Matcher::new(name, op, value).expect("a matcher of a test"));
    prop::collection::vec(matcher, 0..3)
}

fn any_rule() -> impl Strategy<Value = InhibitRule> {
    let names = ["a", "b", "c"].map(Arc::<str>::from).to_vec();
    let equal = prop::sample::subsequence(names, 0..3).prop_map(|names| names.into_iter().collect());
    let source = (any_matchers(), equal).prop_map(|(matchers, equal)| InhibitSource { matchers, equal });
    (prop::collection::vec(source, 1..3), any_matchers()).prop_map(|(sources, target)| InhibitRule {
        name: None,
        sources,
        target,
    })
}

proptest! {
    #[test]
    fn agrees_with_looking_at_every_pair(
        rules in prop::collection::vec(any_rule(), 1..5),
        events in prop::collection::vec((0..6_u64, any_labels(), prop::bool::weighted(0.8)), 0..20),
        targets in prop::collection::vec(any_labels(), 1..5),
    ) {
        let mut inhibitions = Inhibitions::new(rules.clone());
        let mut firing = BTreeMap::new();
        for (fingerprint, labels, is_firing) in events {
            inhibitions.update(fingerprint, &labels, is_firing);
            firing.remove(&fingerprint);
            if is_firing {
                firing.insert(fingerprint, labels);
            }
        }
        for target in &targets {
            let found = inhibitions.inhibitors(target);
            for (index, rule) in rules.iter().enumerate() {
                let by_rule: Vec<u64> = found.iter().filter(|i| i.rule == index).map(|i| i.source).collect();
                prop_assert_eq!(!by_rule.is_empty(), inhibits(rule, target, &firing), "{:?} on {}", rule, target);
                prop_assert!(by_rule.iter().all(|source| firing.contains_key(source)));
            }
        }
    }
}

/// Ten thousand alerts that all fire with the same values: were the work of one question to grow with them, these would take
/// minutes.
#[test]
fn a_storm_costs_one_look_per_rule() {
    let rules: Vec<InhibitRule> = (0..20)
        .flat_map(|n| {
            rules(&format!(
                "- source_matchers: [severity=critical]\n  target_matchers: [severity=warning, rule!=\"{n}\"]\n  equal: [cluster]\n"
            ))
        })
        .collect();
    let mut inhibitions = Inhibitions::new(rules);
    for n in 0..10_000 {
        let source = labels(&format!("alertname=A{n} cluster=c severity=critical"));
        inhibitions.update(source.fingerprint(), &source, true);
    }
    let warning = labels("alertname=A cluster=c severity=warning");
    for _ in 0..2_000 {
        assert_eq!(inhibitions.inhibitors(&warning).len(), 20);
    }
}
