//! What `isobar check` says of configurations that are wrong, and of one that is right.

use crate::harness::server::run;

const POLICY: &str = "policies:\n  - name: HighCpu\n    metric: system.cpu.utilization\n    levels: {warning: \"> 80%\"}\n    by: [resource_id]\n";

/// Runs `check` on a configuration with one good policy beside it; what it printed, and whether it was content.
fn check(config: &str) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("isobar.yaml"), config).unwrap();
    std::fs::write(dir.path().join("policies.yaml"), POLICY).unwrap();
    let output = run(&["check", "--config", "isobar.yaml"], dir.path());
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), printed)
}

/// Asserts that the configuration is refused at `place` (`line:column`) and that the message holds every word.
fn refused(config: &str, place: &str, words: &[&str]) {
    let (content, printed) = check(config);
    assert!(!content, "accepted:\n{config}\n{printed}");
    assert!(
        printed.contains(&format!("isobar.yaml:{place}: ")),
        "expected a complaint at {place}:\n{config}\n{printed}"
    );
    for word in words {
        assert!(printed.contains(word), "{word:?} is not in:\n{printed}");
    }
}

#[test]
fn a_good_configuration_is_accepted() {
    let config = "
server: {listen: 127.0.0.1:9797}
store: {retention: 30d}
sources:
  - {name: lab, kind: prometheus, interval: 15s, settings: {targets: [\"http://127.0.0.1:9100/metrics\"]}}
policies: [policies.yaml]
alerting:
  route: {receiver: ops}
  receivers: [{name: ops}]
";
    let (content, printed) = check(config);
    assert!(content, "{printed}");
}

#[test]
fn unknown_keys_are_refused_where_they_stand() {
    refused("servers: {}\n", "1:1", &["servers"]);
    refused("server:\n  lisen: 127.0.0.1:1\n", "2:3", &["lisen", "listen"]);
    let source =
        "sources:\n  - name: lab\n    kind: prometheus\n    settings:\n      targets: []\n      target: x\n";
    refused(source, "6:7", &["target"]);
}

#[test]
fn wrong_types_are_refused_where_they_stand() {
    refused("store:\n  retention: soon\n", "2:14", &["soon", "30d"]);
    refused("sources: lab\n", "1:10", &["sequence"]);
}

#[test]
fn names_are_given_once() {
    let source = |name: &str| {
        format!("  - {{name: {name}, kind: prometheus, settings: {{targets: [\"http://127.0.0.1:1/m\"]}}}}\n")
    };
    let config = format!("sources:\n{}{}", source("lab"), source("lab"));
    refused(&config, "3:12", &["lab", "twice"]);
}

#[test]
fn unknown_kinds_name_the_known_ones() {
    refused(
        "sources:\n  - {name: lab, kind: promtheus, settings: {}}\n",
        "2:23",
        &["promtheus", "prometheus"],
    );
}

#[test]
fn secrets_that_are_not_there_are_named() {
    let config = "
sources:
  - name: lab
    kind: prometheus
    settings:
      targets: [\"http://127.0.0.1:1/metrics\"]
      basic_auth: {username: u, password: \"${env:ISOBAR_TEST_UNSET}\"}
";
    refused(config, "7:43", &["ISOBAR_TEST_UNSET"]);
}

#[test]
fn route_keys_that_are_not_supported_are_refused_as_such() {
    let config = "
alerting:
  route:
    receiver: ops
    mute_time_intervals: [nights]
  receivers: [{name: ops}]
";
    refused(config, "5:27", &["root route", "time intervals"]);
    refused("alerting:\n  route: {receiver: nobody}\n  receivers: [{name: ops}]\n", "2:21", &["nobody"]);
}

#[test]
fn an_open_listener_needs_authentication_and_tls() {
    refused("server:\n  listen: 0.0.0.0:9797\n", "2:11", &["security.tokens", "server.tls", "behind_proxy"]);
}

#[test]
fn mistakes_in_policies_name_the_policy_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("isobar.yaml"), "policies: [policies/*.yaml]\n").unwrap();
    std::fs::create_dir(dir.path().join("policies")).unwrap();
    std::fs::write(dir.path().join("policies/cpu.yaml"), POLICY.replace("warning", "loud")).unwrap();
    let output = run(&["check", "--config", "isobar.yaml"], dir.path());
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && printed.contains("policies/cpu.yaml:4:"), "{printed}");
}

#[test]
fn a_pattern_that_matches_no_file_is_a_mistake() {
    refused("policies: [nothing/*.yaml]\n", "1:12", &["nothing/*.yaml"]);
}
