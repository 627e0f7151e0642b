use super::*;

/// The policy of the user guide: every key of the grammar but `respond`, which names what another file holds.
const WHOLE: &str = r#"
policies:
  - name: HighCpu
    metric: system.cpu.utilization
    where: {resource_type: [compute.instance, host]}
    over: 5m
    by: [resource_id]
    levels: {warning: "> 80%", critical: "> 95%"}
    recover: "< 70%"
    for: 2m
    no_data: alert
    no_data_after: 10m
    overrides: [{where: {tag_tier: batch}, levels: {critical: "> 99%"}}]
    class: saturation
    labels: {team: platform}
    annotations: {summary: "CPU of {{ resource_name }} at {{ value | percent }}", runbook_url: "https://r.example/cpu"}
"#;

fn one(keys: &str) -> Policy {
    let text = format!("policies: [{{name: P, levels: {{warning: '> 1'}}, {keys}}}]");
    Policies::parse(&text).unwrap_or_else(|error| panic!("{keys}: {error}")).remove(0)
}

fn check_expression(keys: &str, expected: &str) {
    assert_eq!(one(keys).expression(None, Duration::ZERO), expected, "{keys}");
}

#[test]
fn the_whole_grammar_is_read() {
    let policy = Policies::parse(WHOLE).unwrap().remove(0);
    assert_eq!((policy.name.as_str(), policy.over), ("HighCpu", Duration::from_secs(300)));
    assert_eq!(policy.no_data_after, Some(Duration::from_secs(600)));
    assert_eq!((policy.no_data, policy.class), (NoData::Alert, AlertClass::Saturation));
    assert_eq!(policy.failure_domain(), FailureDomain::Resource);

    let batch = Labels::from_pairs([("tag_tier", "batch")]).unwrap();
    let [base, other] = [policy.criteria_for(&Labels::empty()), policy.criteria_for(&batch)];
    assert_eq!(base.levels().len(), 2);
    assert_eq!((other.levels().len(), other.worst(0.97)), (1, None));
    assert_eq!((other.recover(), other.hold_for()), (base.recover(), base.hold_for()));

    let group = Labels::from_pairs([("resource_id", "aws:1:r:host:i-1")]).unwrap();
    let identity = policy.identity(&group);
    let text = r#"{alertname="HighCpu", resource_id="aws:1:r:host:i-1", team="platform"}"#;
    assert_eq!(identity.to_string(), text);
    assert_eq!(policy.group_of(&identity), Some(group.clone()));
    assert_eq!(policy.group_of(&group), None);
}

#[test]
fn policies_compile_to_promql() {
    let whole = Policies::parse(WHOLE).unwrap().remove(0);
    assert_eq!(
        whole.expression(Some("aws-prod"), Duration::from_secs(60)),
        r#"avg by (resource_id) (avg_over_time({"system.cpu.utilization", resource_type=~"compute\\.instance|host", cpu_mode="", resource_id!="", source="aws-prod"}[5m]))"#
    );
    assert_eq!(
        whole.freshness_expression(None, Duration::from_secs(315)),
        r#"sum by (resource_id) (count_over_time({"system.cpu.utilization", resource_type=~"compute\\.instance|host", cpu_mode="", resource_id!=""}[5m15s]))"#
    );
    check_expression(
        r#"metric: up, by: [job, "a.b"], aggregate: min, over: 90s, where: {job: "a\"b"}"#,
        r#"min by (job, "a.b") (min_over_time({"up", job="a\"b"}[1m30s]))"#,
    );
    let slow = one("metric: m, by: [], over: 1m").expression(None, Duration::from_secs(300));
    assert_eq!(slow, r#"avg by () (avg_over_time({"m"}[5m]))"#);
    check_expression("metric: m, by: [], aggregate: sum", r#"sum by () (avg_over_time({"m"}[5m]))"#);
    check_expression("metric: m, by: [], aggregate: last", r#"avg by () (last_over_time({"m"}[5m]))"#);
    check_expression("metric: m, by: [], aggregate: max", r#"max by () (max_over_time({"m"}[5m]))"#);
    check_expression(
        "metric: m, by: [], aggregate: p95",
        r#"max by () (quantile_over_time(0.95, {"m"}[5m]))"#,
    );
}

#[test]
fn series_of_one_group_keep_the_metrics_meaning() {
    check_expression(
        "metric: system.filesystem.utilization",
        r#"max by (resource_id) (avg_over_time({"system.filesystem.utilization", resource_id!=""}[5m]))"#,
    );
    check_expression(
        "metric: system.network.io.rate",
        r#"sum by (resource_id) (avg_over_time({"system.network.io.rate", resource_id!=""}[5m]))"#,
    );
    check_expression(
        "metric: system.cpu.utilization, where: {cpu_mode: steal}",
        r#"avg by (resource_id) (avg_over_time({"system.cpu.utilization", cpu_mode="steal", resource_id!=""}[5m]))"#,
    );
}

#[test]
fn failure_domain_is_the_narrowest_place() {
    let check =
        |by: &str, expected| assert_eq!(one(&format!("metric: m, by: [{by}]")).failure_domain(), expected);
    check("cloud_provider, cloud_region", FailureDomain::Region);
    check("cloud_provider", FailureDomain::Provider);
    check("cloud_availability_zone", FailureDomain::Zone);
    check("job", FailureDomain::Resource);
}

/// A policy with these lines in place of the ones it needs; the error with its place.
fn check_error(lines: &str, place: (u32, u32), part: &str) {
    let defaults = [("name", "name: P"), ("metric", "metric: m"), ("levels", "levels: {warning: '> 1'}")];
    let mut text = "policies:\n  -".to_owned();
    for line in lines.lines() {
        text.push_str(&format!(" {}\n   ", line.trim()));
    }
    for (key, line) in defaults {
        if !lines.lines().any(|given| given.trim().starts_with(&format!("{key}:"))) {
            text.push_str(&format!(" {line}\n   "));
        }
    }
    let error = Policies::parse(&text).expect_err(&text);
    assert!(error.message.contains(part), "{lines}: {error}");
    assert_eq!((error.line, error.column), place, "{lines}: {error}");
}

#[test]
fn errors_name_the_place_and_what_would_be_right() {
    check_error("levels: {fatal: '> 1'}", (2, 14), "one of info, warning, error, critical");
    check_error("levels: {}", (2, 13), "at least one");
    check_error("levels: {warning: '80%'}", (2, 23), "no operator");
    check_error("levels: {warning: '> high'}", (2, 23), "10GiB");
    check_error("levels: {warning: '> 90%', critical: '> 80%'}", (2, 13), "not beyond");
    check_error("levels: {warning: '> 90%', critical: '> 90%'}", (2, 13), "not beyond");
    check_error("levels: {warning: '< 5', critical: '< 10'}", (2, 13), "not beyond");
    check_error("levels: {warning: '> 90%', critical: '< 80%'}", (2, 13), "different ways");
    check_error("levels: {warning: '!= 1', critical: '!= 0'}", (2, 13), "stands alone");
    check_error("recover: '> 2'", (2, 14), "overlaps");
    check_error("recover: '<= 1.5'", (2, 14), "overlaps");
    check_error("over: 0s", (2, 11), "write 1s to 1w");
    check_error("over: 5 minutes", (2, 11), "not a duration");
    check_error("aggregate: median", (2, 16), "p1 to p99");
    check_error("aggregate: p100", (2, 16), "p1 to p99");
    check_error("no_data: ignore", (2, 14), "alert, hold, recover");
    check_error("no_data_after: 5m", (2, 20), "no effect");
    check_error("class: bad", (2, 12), "availability");
    check_error("class: self", (2, 12), "Isobar itself");
    check_error("by: [resource_id, resource_id]", (2, 23), "twice");
    check_error("by: [alertname]", (2, 10), "cannot tell groups apart");
    check_error("labels: {severity: page}", (2, 14), "levels");
    check_error("labels: {resource_id: x}", (2, 14), "stands in by");
    check_error("where: {__name__: x}", (2, 13), "metric");
    check_error("where: {a: []}", (2, 13), "nothing could match");
    check_error("annotations: {summary: '{{ nope }}'}", (2, 28), "unknown variable");
    check_error("respond: {webhook: x, mode: propose}", (2, 24), "list it in runbooks");
    check_error("respond: {webhook: x, mode: now}", (2, 33), "write propose");
    check_error("respond: {webhook: x, mode: auto}", (2, 33), "needs the failover engine");
    check_error("respond: {webhook: x}", (2, 15), "mode");
    check_error("expr: up == 0", (2, 5), "expr");
    check_error("overrides: [{where: {}, levels: {warning: '> 2'}}]", (2, 25), "without conditions");
    check_error(
        "overrides: [{where: {a: b}, levels: {warning: '> 2'}, recover: '> 3'}]",
        (2, 68),
        "overlaps",
    );
    check_error(
        "by: [job]\noverrides: [{where: {tag_a: b}, levels: {warning: '> 2'}}]",
        (3, 26),
        "resource_id, in by",
    );
    let cpu = |level: &str| format!("metric: system.cpu.utilization\nlevels: {{warning: '{level}'}}");
    check_error(&cpu("> 80"), (3, 23), "goes from 0 to 1");
    check_error(&cpu("< -1"), (3, 23), "below zero");
    check_error("metric: system_memory_usage_bytes\nlevels: {warning: '> 80%'}", (3, 23), "is in By");
    check_error("metric: resource.up\nlevels: {warning: '> 2'}", (3, 23), "goes from 0 to 1");
    check_error("name: source_down", (2, 11), "Isobar itself");
    check_error("name: ProviderOutage", (2, 11), "the alert of an outage");
    check_error("name: ''", (2, 11), "empty");
}

#[test]
fn names_are_unique_over_all_files() {
    let mut policies = Policies::default();
    policies.add(WHOLE).unwrap();
    let error = policies.add(WHOLE).unwrap_err();
    assert_eq!((error.line, error.column), (3, 11));
    assert!(error.message.contains("names are unique"), "{error}");
    assert_eq!(policies.into_vec().len(), 1);
}

#[test]
fn a_policy_names_a_runbook_that_is_there() {
    let read = |webhook: &str| {
        let mut policies = Policies::with_runbooks(["restart-batch".to_owned()]);
        let text = format!(
            "policies:\n  - {{name: P, metric: m, levels: {{warning: '> 1'}}, respond: {{webhook: {webhook}, mode: propose}}}}"
        );
        policies.add(&text).map(|()| policies.into_vec().remove(0).respond)
    };
    assert_eq!(read("restart-batch"), Ok(Some("restart-batch".to_owned())));
    let error = read("restart").unwrap_err();
    assert_eq!((error.line, error.column), (2, 71));
    assert_eq!(error.message, r#"unknown runbook "restart": one of restart-batch"#);
}

#[test]
fn levels_may_point_down_or_at_points() {
    let down =
        Policies::parse("policies: [{name: P, metric: m, levels: {warning: '< 20%', critical: '<= 5%'}}]");
    let down = &down.unwrap()[0].criteria;
    assert_eq!(down.worst(0.04).map(|(severity, _)| severity), Some(isobar_normalizer::Severity::Critical));
    let point = one("metric: m").criteria;
    assert_eq!(point.worst(f64::NAN), None);
    let lowest = "policies: [{name: P, metric: m, aggregate: p5, by: [], levels: {warning: '< 1'}}]";
    let lowest = Policies::parse(lowest).unwrap()[0].expression(None, Duration::ZERO);
    assert_eq!(lowest, r#"min by () (quantile_over_time(0.05, {"m"}[5m]))"#);
}
