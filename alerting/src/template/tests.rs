use std::collections::BTreeSet;

use isobar_normalizer::{AlertClass, FailureDomain, Severity, Timestamp};

use super::*;
use crate::alert::AlertState;

fn alert(value: Option<f64>) -> Alert {
    let at = Timestamp::from_millis(0);
    Alert {
        identity: Labels::from_pairs([
            ("alertname", "HighCpu"),
            ("resource_id", "aws:1:r:host:i-1"),
            ("team", "a"),
        ])
        .unwrap(),
        described: Labels::from_pairs([("resource_name", "web-1"), ("tag_tier", "batch")]).unwrap(),
        annotations: BTreeMap::new(),
        state: AlertState::Firing,
        severity: Severity::Critical,
        class: AlertClass::Saturation,
        failure_domain: FailureDomain::Resource,
        sources: BTreeSet::new(),
        verified: true,
        value,
        starts_at: at,
        fired_at: None,
        ends_at: None,
        updated_at: at,
        watched: crate::Watched::default(),
        native: Vec::new(),
        members: Vec::new(),
        pushed: None,
    }
}

fn rendered(source: &str, value: Option<f64>) -> String {
    let mut annotations = Annotations::default();
    annotations.add("summary", source, TemplateScope::Resource).unwrap();
    annotations.render(&alert(value), 0.95)["summary"].clone()
}

fn check(source: &str, value: f64, expected: &str) {
    assert_eq!(rendered(source, Some(value)), expected, "{source}");
}

fn refused(source: &str, scope: TemplateScope) -> String {
    Annotations::default().add("summary", source, scope).unwrap_err()
}

#[test]
fn variables_and_filters_say_what_happened() {
    check("CPU of {{ resource_name }} at {{ value | percent }}", 0.9725, "CPU of web-1 at 97.25%");
    check("{{ policy }}/{{ severity }}/{{ state }}/{{ class }}", 0.0, "HighCpu/critical/firing/saturation");
    check("over {{ threshold | percent }} on {{ resource_id }}", 0.0, "over 95% on aws:1:r:host:i-1");
    check("{{ value | bytes }}", 1_610_612_736.0, "1.5 GiB");
    check("{{ value | duration }}", 93_784.5, "1d2h3m4s");
    check("{{ value | duration }}", 0.25, "250ms");
    check("{{ value | round(1) }} {{ value | round }}", 2.56, "2.6 3");
    check("{{ labels.team }} {{ labels.tag_tier }}", 0.0, "a batch");
    check("{% if value > threshold %}bad{% else %}fine{% endif %}", 1.0, "bad");
    check("{{ labels.tag_owner | default('nobody') }}", 1.0, "nobody");
}

#[test]
fn an_alert_without_a_value_still_says_something() {
    assert_eq!(rendered("at {{ value | percent }}", None), "at no value");
}

#[test]
fn mistakes_are_found_when_the_policy_is_read() {
    let check = |source: &str, part: &str| {
        let error = refused(source, TemplateScope::Resource);
        assert!(error.contains(part), "{source}: {error}");
    };
    check("{{ resource }}", "unknown variable \"resource\"");
    check("{{ value | percnt }}", "percnt");
    check("{{ value", "syntax error");
    check("{% for i in range(9) %}{% endfor %}", "unknown variable \"range\"");
    check(
        "{% for a in 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' %}{% for b in 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' %}{% for c in 'aaaaaaaaaaaaaaaaa' %}{% endfor %}{% endfor %}{% endfor %}",
        "steps",
    );
    assert!(refused("{{ resource_name }}", TemplateScope::Group).contains("unknown variable"));
}

#[test]
fn what_is_only_known_later_is_said_in_the_annotation() {
    let text = rendered("{{ labels.tag_owner }}", Some(1.0));
    assert!(text.starts_with("template error: "), "{text}");
}

#[test]
fn output_is_cut_at_a_character() {
    let text = rendered(&"é".repeat(3000), Some(1.0));
    assert!(text.ends_with("é…") && text.len() <= OUTPUT_MAX + '…'.len_utf8(), "{}", text.len());
}
