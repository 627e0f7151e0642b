//! Generated documents are fresh, and what the README tells a newcomer to type is right.

use std::path::Path;

use crate::harness::server::run;

#[test]
fn the_configuration_reference_is_the_programs_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = run(&["kinds", "--markdown"], &root);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let kept = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap_or_default();
    assert!(
        kept == String::from_utf8_lossy(&output.stdout),
        "docs/configuration.md is stale: run `cargo xtask docs`"
    );
}

#[test]
fn every_kind_shows_its_sample() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = run(&["kinds"], root);
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    for kind in ["prometheus", "webhook", "pagerduty", "email"] {
        assert!(list.contains(kind), "{kind} is not in:\n{list}");
        assert!(run(&["kinds", kind], root).stdout.len() > 100, "{kind} has no sample");
    }
    assert!(!run(&["kinds", "nothing"], root).status.success());
}

#[test]
fn the_examples_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = run(&["check", "--config", "examples/isobar.yaml"], &root);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
