//! Generated documents are fresh, and what the README tells a newcomer to type is right.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::server::{Server, binary, run};

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
    for kind in ["azure_monitor", "cloudwatch", "prometheus", "webhook", "pagerduty", "email"] {
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

#[test]
fn the_configuration_in_the_readme_is_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```yaml\n").expect("the README shows a configuration");
    let (config, _) = rest.split_once("```").expect("it ends");
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("policies")).unwrap();
    std::fs::copy(root.join("examples/policies/host.yaml"), home.path().join("policies/host.yaml")).unwrap();
    std::fs::write(home.path().join("isobar.yaml"), config).unwrap();
    let mut check = Command::new(binary());
    check
        .arg("check")
        .current_dir(home.path())
        .env("PAGERDUTY_ROUTING_KEY", "0123456789abcdef0123456789abcdef");
    let output = check.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_knows_the_api_as_it_is() {
    let server = Server::start("{}", "policies: []").await;
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards/web/openapi.json");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(kept).unwrap()).unwrap();
    let own = server.get("/api/isobar/openapi.json").await;
    assert!(kept == own, "dashboards/web/openapi.json is stale: run `cargo xtask ui`");
}
