//! Every difference from Alertmanager that users are told of is held by a test.

use std::collections::BTreeSet;
use std::path::Path;

/// Each difference's id in docs/alertmanager.md, and what fails without it: the name of a test, or of a case under
/// alerting/cases.
const HELD_BY: [(&str, &str); 37] = [
    ("later-versions", "amtool_takes_the_same_files"),
    ("channels", "amtool_takes_the_same_files"),
    ("secrets", "amtool_takes_the_same_files"),
    ("idle-defaults", "amtool_takes_the_same_files"),
    ("regular-expressions", "amtool_takes_the_same_files"),
    ("months", "amtool_takes_the_same_files"),
    ("time-zones", "amtool_takes_the_same_files"),
    ("yaml", "amtool_takes_the_same_files"),
    ("http", "amtool_takes_the_same_files"),
    ("pagerduty-v1", "amtool_takes_the_same_files"),
    ("nesting", "routes_are_nested_so_deep_and_no_deeper"),
    ("all-inhibitors", "every_rule_that_holds_is_named"),
    ("mail-text", "headers_and_both_parts"),
    ("mail-look", "nothing_in_a_mail_breaks_out"),
    ("mail-thread", "the_same_delivery_is_the_same_message_and_threads_with_its_group"),
    ("pagerduty-severity", "a_severity_that_the_api_does_not_know_gives_way_to_the_alerts_own"),
    ("pagerduty-fields", "a_trigger_says_what_where_and_how_bad"),
    ("pagerduty-details", "an_event_is_never_too_large_and_says_what_it_leaves_out"),
    ("pagerduty-links", "what_is_configured_is_a_template"),
    ("pagerduty-resolve", "a_resolve_is_the_key_alone"),
    ("template-failure", "a_template_that_fails_gives_way_to_the_default"),
    ("template-names", "a_message_is_alertmanagers_data"),
    ("template-language", "every_case_writes_its_text"),
    ("worse-is-new", "becoming_worse"),
    ("closed-when-allowed", "what_was_told_and_then_silenced_is_told_as_over_afterwards"),
    ("return-is-new", "without_resolved"),
    ("repeat-at-first-look", "five_reasons"),
    ("senders-are-awaited", "a_restart_waits_for_the_senders"),
    ("own-alerts", "what_is_wrong_is_named"),
    ("sizes", "what_is_wrong_is_named"),
    ("silence-state", "one_that_recurs_is_active_in_its_windows"),
    ("acknowledged", "what_somebody_has_taken_is_not_repeated_until_it_becomes_worse"),
    ("over-before-told", "over_before_told"),
    ("over-before-told", "what_is_over_when_it_comes_and_routes_that_are_twins"),
    ("twin-routes", "twin_routes"),
    ("twin-routes", "what_is_over_when_it_comes_and_routes_that_are_twins"),
    ("closed-when-allowed", "the_same_groups_and_the_same_notifications_as_alertmanager"),
];

/// The ids of the page's tables of differences: a first column that is one word in backticks.
fn told(page: &str) -> BTreeSet<&str> {
    let (_, differences) = page.split_once("## Where it differs on purpose").expect("the page has its part");
    let rows = differences.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(id, _)| id).collect()
}

#[test]
fn every_difference_from_alertmanager_has_its_test() {
    let page = crate::read("docs/alertmanager.md");
    let held: BTreeSet<&str> = HELD_BY.iter().map(|(id, _)| *id).collect();
    assert_eq!(told(&page), held, "docs/alertmanager.md on the left, what tests hold on the right");

    let mut sources = String::new();
    let mut cases = BTreeSet::new();
    for folder in ["alerting", "dashboards/src", "tests/e2e"] {
        gather(&crate::root().join(folder), &mut sources, &mut cases);
    }
    for (id, test) in HELD_BY {
        let is_test = sources.contains(&format!("fn {test}(")) || cases.contains(test);
        assert!(is_test, "{id} is held by {test}, and there is no such test");
    }
}

/// The text of every source under the folder, and the names of the cases there.
fn gather(folder: &Path, sources: &mut String, cases: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("the folder can be read").path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            gather(&path, sources, cases);
        } else if extension == Some("rs") {
            sources.push_str(&std::fs::read_to_string(&path).expect("sources are text"));
        } else if extension == Some("case") {
            let name = path.file_stem().and_then(|name| name.to_str()).expect("cases have plain names");
            cases.insert(name.to_owned());
        }
    }
}
