use isobar_normalizer::Step;

use super::*;

const SIGN_IN: &str = "tenant_id: t\nclient_id: c\nclient_secret: ${env:SECRET}\n";

fn settings(text: &str) -> Result<Settings, ConfigError> {
    let indented: String = text.lines().map(|line| format!("  {line}\n")).collect();
    let raw: Option<RawSettings> = read_part(&format!("settings:\n{indented}"), &[Step::Key("settings")])?;
    Settings::try_from(raw.unwrap())
}

#[track_caller]
fn refused(text: &str, line: u32, message: &str) {
    let error = settings(&format!("{SIGN_IN}{text}")).unwrap_err();
    assert!(error.message.contains(message), "{error}");
    // The table begins on the second line, and signing in takes three.
    assert_eq!(error.line, line + 4, "{error}");
}

#[test]
fn http_is_for_this_machine_and_only_when_said() {
    let url = "endpoints: {arm: \"http://127.0.0.1:1\"}";
    refused(url, 1, "allow_http: true permits http");
    assert!(settings(&format!("{SIGN_IN}{url}\nallow_http: true")).is_ok());
    for host in ["10.0.0.1", "example.org", "localhost.example.org", "169.254.169.254", "[::ffff:10.0.0.1]"] {
        for key in ["arm", "authority", "metrics"] {
            let text = format!("allow_http: true\nendpoints: {{{key}: \"http://{host}:1\"}}");
            refused(&text, 2, "allow_http is for this machine only");
        }
    }
    // A region could not turn this machine into another.
    refused(
        "allow_http: true\nendpoints: {metrics: \"http://{region}.example.org\"}",
        2,
        "this machine only",
    );
    assert!(
        settings(&format!(
            "{SIGN_IN}allow_http: true\nendpoints: {{metrics: \"http://[::1]:1/{{region}}\"}}"
        ))
        .is_ok()
    );
    assert!(
        settings(&format!("{SIGN_IN}allow_http: true\nendpoints: {{arm: \"http://localhost:1\"}}")).is_ok()
    );
}

#[test]
fn a_region_stays_a_part_of_the_address() {
    let read = settings(&format!(
        "{SIGN_IN}allow_http: true\nendpoints: {{metrics: \"http://127.0.0.1:1/{{region}}\"}}"
    ));
    let endpoints = read.unwrap().endpoints;
    assert_eq!(endpoints.metrics_of("eastus").unwrap().as_str(), "http://127.0.0.1:1/eastus");
    assert_eq!(endpoints.arm, Cloud::Public.endpoints().arm, "the others are the cloud's");
}

#[test]
fn clouds_have_their_own_endpoints() {
    for (cloud, arm) in [("china", "management.chinacloudapi.cn"), ("usgov", "management.usgovcloudapi.net")]
    {
        let endpoints = settings(&format!("{SIGN_IN}cloud: {cloud}")).unwrap().endpoints;
        assert_eq!(endpoints.arm.host_str(), Some(arm));
        assert_eq!(endpoints.arm_audience, format!("https://{arm}"));
    }
    refused("cloud: germany", 1, "germany");
}

#[test]
fn there_is_one_way_to_sign_in() {
    let whole = |text: &str| settings(text).map(|settings| settings.sign_in).map_err(|error| error.message);
    assert!(
        whole("subscriptions: [11111111-2222-3333-4444-555555555555]").unwrap_err().contains("give one of")
    );
    assert!(whole("client_secret: ${env:X}").unwrap_err().contains("needs tenant_id and client_id"));
    assert!(whole("managed_identity: true\nazure_cli: true").unwrap_err().contains("exclude each other"));
    assert!(whole(&format!("{SIGN_IN}managed_identity: true")).unwrap_err().contains("exclude each other"));
    assert!(whole("managed_identity: true\ntenant_id: t").unwrap_err().contains("no effect"));
    assert!(whole("azure_cli: true\nclient_id: c").unwrap_err().contains("leave out client_id"));
    assert!(whole("managed_identity: true\ntoken_file: f").unwrap_err().contains("no effect"));
    assert!(whole("tenant_id: a/b\nclient_id: c\nclient_secret: ${env:X}").unwrap_err().contains("is no id"));
    assert!(matches!(
        whole("managed_identity: true\nclient_id: c").unwrap(),
        SignIn::Vendor(How::Managed { client_id: Some(_) })
    ));
    assert!(matches!(
        whole("workload_identity: true").unwrap(),
        SignIn::Vendor(How::Workload { tenant_id: None, client_id: None, token_file: None })
    ));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    refused("subscriptions: []", 1, "leave it out for all");
    refused("subscriptions: [prod]", 1, "is no subscription");
    refused("regions: [East US]", 1, "write it as westeurope");
    refused("regions: [eastus, EASTUS]", 1, "stands here twice");
    refused("backfill: 30d", 1, "at most 1d");
    refused("other_interval: 1s", 1, "at least 1m");
    refused("alarms: {enabled: false, interval: 60s}", 1, "no effect");
    refused("alarms: {severities: {Sev9: info}}", 1, "one of Sev0");
    refused("alarms: {severities: {Sev1: bad}}", 1, "bad");
    refused("metrics: [{namespace: X, metric: m, statistics: [Average]}]", 1, "resource type");
    refused("metrics: [{namespace: A/b, metric: m, statistics: [p99]}]", 1, "one of Average");
    refused("metrics: [{namespace: A/b, metric: m, statistics: [Average], period: 90s}]", 1, "minutes");
    refused("proxy: http://user:secret@proxy:1", 1, "credentials do not stand in a URL");
    refused("endpoints: {arm: \"https://a:b@x\"}", 1, "credentials do not stand in a URL");
    refused("tags: [\"[\"]", 1, "");
}

#[test]
fn severities_are_changed_one_by_one() {
    let severities =
        settings(&format!("{SIGN_IN}alarms: {{severities: {{Sev1: critical}}}}")).unwrap().severities;
    let ours: Vec<Severity> = severities.into_values().collect();
    let expected =
        [Severity::Critical, Severity::Critical, Severity::Warning, Severity::Info, Severity::Info];
    assert_eq!(ours, expected);
}
