//! Whether amtool takes the same files.

use std::collections::BTreeSet;
use std::process::Command;

use super::*;

/// A whole file without a receiver's entries.
fn plain(route: &str, rest: &str) -> String {
    format!("route: {route}\nreceivers: [{{name: a}}, {{name: b}}]\n{rest}\n")
}

fn child(child: &str) -> String {
    plain(&format!("{{receiver: a, routes: [{{{child}}}]}}"), "")
}

fn entry(list: &str, entry: &str) -> String {
    let mail = "global: {smtp_from: a@b.c, smtp_smarthost: 'h:25'}";
    format!("{mail}\nroute: {{receiver: a}}\nreceivers: [{{name: a, {list}: [{entry}]}}]\n")
}

fn interval(period: &str) -> String {
    plain("{receiver: a}", &format!("time_intervals: [{{name: x, time_intervals: [{{{period}}}]}}]"))
}

const MATCHERS: &[&str] = &[
    "a=b",
    "a!=b",
    "a=~b",
    "a!~b",
    "a=\"b\"",
    " a = b ",
    "{a=b}",
    "{a=b",
    "a=b}",
    "{}",
    "",
    "a=",
    "a=b,c=d",
    "a=b, c=d,",
    "a=b,,c=d",
    ",",
    "a",
    "=b",
    "1a=b",
    "a b=c",
    "a-b=c",
    "a:b=c",
    "a=b c",
    "a='b'",
    "a=\"b",
    "a=b\"",
    "a=b\"c",
    "a=\"b\"c\"",
    "a==b",
    "a=~[",
    "a=~(",
    "a=~\"b|c\"",
    "a=~.*",
    "a!~a{2}",
    "a=\"\\d\"",
    "a=\"b,c\"",
    "a=\"b\\\",c\"",
    "a=\\",
    "a={b}",
    "{{a=b}}",
    " {a=b}",
    "a=\"\\n\"",
    "a=~\"\\\\d+\"",
    "a=~b)|(c",
    "a=~(?i)b",
    "a=é",
    "a~b",
    "a!b",
    "a=b\nc",
    "a=~\"[[:alpha:]]+\"",
    "a=~\\pL",
];

const DURATIONS: &[&str] = &[
    "0",
    "0s",
    "1s",
    "1m30s",
    "1h",
    "1d",
    "1w",
    "1y",
    "100ms",
    "1.5h",
    "1s1m",
    "s",
    "5",
    "",
    "-1s",
    "1 s",
    "1S",
    "1h1h",
    "0m0s",
    "99999999999y",
];

const PERIODS: &[&str] = &[
    "",
    "times: []",
    "times: [{start_time: '00:00', end_time: '24:00'}]",
    "times: [{start_time: 08:00, end_time: 17:00}]",
    "times: [{start_time: '8:00', end_time: '17:00'}]",
    "times: [{start_time: '24:00', end_time: '24:00'}]",
    "times: [{start_time: '10:00', end_time: '09:00'}]",
    "times: [{start_time: '10:60', end_time: '12:00'}]",
    "times: [{start_time: '10:00', end_time: '24:30'}]",
    "times: [{start_time: '10:00'}]",
    "times: [{start_time: '', end_time: '10:00'}]",
    "times: [{start: '10:00', end_time: '10:00'}]",
    "weekdays: [monday]",
    "weekdays: ['Monday:FRIDAY']",
    "weekdays: ['saturday:sunday']",
    "weekdays: ['monday: friday']",
    "weekdays: [mon]",
    "weekdays: [1]",
    "weekdays: ['monday:tuesday:friday']",
    "weekdays: monday",
    "weekdays: ",
    "days_of_month: [1]",
    "days_of_month: ['1:31']",
    "days_of_month: ['-1']",
    "days_of_month: ['-3:-1', '+5']",
    "days_of_month: ['1:-1']",
    "days_of_month: ['27:-1']",
    "days_of_month: ['28:-1']",
    "days_of_month: ['-1:1']",
    "days_of_month: ['-1:-3']",
    "days_of_month: [0]",
    "days_of_month: [32]",
    "days_of_month: ['-32']",
    "days_of_month: [first]",
    "days_of_month: [1.5]",
    "months: [january]",
    "months: ['January:3', '12']",
    "months: ['may:march']",
    "months: [jan]",
    "months: [13]",
    "months: [0]",
    "years: [2026]",
    "years: ['2026:2030']",
    "years: ['2030:2026']",
    "years: [soon]",
    "location: UTC",
    "location: ''",
    "location: Local",
    "location: Europe/Berlin",
    "location: US/Pacific",
    "location: Etc/GMT+3",
    "location: europe/berlin",
    "location: Mars/Olympus",
    "time_zone: UTC",
    "nonsense: 1",
];

/// Every file that both are asked about, by a name.
fn files() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, text: String| files.push((name.to_owned(), text));
    for text in MATCHERS {
        let quoted = serde_json::to_string(text).expect("text is JSON, and JSON is YAML");
        add(&format!("matchers {text}"), child(&format!("matchers: [{quoted}]")));
        let rule = format!("inhibit_rules: [{{source_matchers: [{quoted}], target_matchers: [{quoted}]}}]");
        add(&format!("inhibit {text}"), plain("{receiver: a}", &rule));
    }
    for text in DURATIONS {
        for key in ["group_wait", "group_interval", "repeat_interval"] {
            add(&format!("{key} {text}"), plain(&format!("{{receiver: a, {key}: '{text}'}}"), ""));
        }
        add(
            &format!("resolve_timeout {text}"),
            plain("{receiver: a}", &format!("global: {{resolve_timeout: '{text}'}}")),
        );
    }
    for text in PERIODS {
        add(&format!("period {text}"), interval(text));
    }
    for text in [
        "receiver: b",
        "receiver: c",
        "receiver: ''",
        "receiver: ",
        "match: {a: b}",
        "match: {a: 1, b: true}",
        "match: {a: }",
        "match: {'a b': c}",
        "match: {a:b: c}",
        "match: {1a: c}",
        "match: [a]",
        "match: ",
        "match_re: {a: 'b.*'}",
        "match_re: {a: }",
        "match_re: {a: ''}",
        "match_re: {a: '('}",
        "match_re: {'a-b': c}",
        "matchers: 'a=b'",
        "matchers: {a: b}",
        "matchers: ",
        "routes: ",
        "routes: []",
        "routes: [{}]",
        "continue: true",
        "continue: yes",
        "continue: 1",
        "continue: 'true'",
        "group_by: [a, b]",
        "group_by: ['...']",
        "group_by: ['...', '...']",
        "group_by: ['...', a]",
        "group_by: [a, a]",
        "group_by: []",
        "group_by: a",
        "group_by: ['']",
        "group_by: ['a b']",
        "group_by: [1]",
        "mute_time_intervals: []",
        "mute_time_intervals: [x]",
        "active_time_intervals: [x]",
        "active_time_intervals: ",
        "labels: {a: b}",
        "nonsense: 1",
        "receiver: a, receiver: b",
    ] {
        add(&format!("child {text}"), child(text));
    }
    for text in [
        "{}",
        "{receiver: ''}",
        "{receiver: c}",
        "{group_by: [a]}",
        "{receiver: a, match: {}}",
        "{receiver: a, matchers: []}",
        "{receiver: a, match: {a: b}}",
        "{receiver: a, match_re: {a: b}}",
        "{receiver: a, matchers: ['a=b']}",
        "{receiver: a, matchers: ['']}",
        "{receiver: a, continue: true}",
        "{receiver: a, continue: false}",
        "{receiver: a, mute_time_intervals: [x]}",
        "{receiver: a, active_time_intervals: [x]}",
        "{receiver: a, mute_time_intervals: []}",
        "{receiver: [a]}",
        "[]",
        "a",
        "",
    ] {
        add(&format!("root {text}"), plain(text, "time_intervals: [{name: x}]"));
    }
    for text in [
        "global: ",
        "global: {}",
        "global: []",
        "global: {slack_api_url: 'http://h/'}",
        "global: {slack_api_url: nonsense}",
        "global: {opsgenie_api_url: nonsense}",
        "global: {opsgenie_api_key: k, victorops_api_key: k, wechat_api_secret: s}",
        "global: {nonsense: 1}",
        "global: {pagerduty_url: 'http://h/'}",
        "global: {pagerduty_url: 'ftp://h/'}",
        "global: {smtp_smarthost: 'h:25'}",
        "global: {smtp_auth_password: a, smtp_auth_password_file: b}",
        "global: {smtp_auth_secret: s, smtp_auth_identity: i}",
        "global: {smtp_require_tls: false}",
        "global: {http_config: {follow_redirects: true}}",
        "global: {http_config: {enable_http2: false}}",
        "global: {http_config: {proxy_url: 'http://p/'}}",
        "global: {http_config: {basic_auth: {username: u, password: p}, bearer_token: t}}",
        "global: {http_config: {tls_config: {insecure_skip_verify: true}}}",
        "global: {http_config: {tls_config: {min_version: TLS12}}}",
        "inhibit_rules: ",
        "inhibit_rules: []",
        "inhibit_rules: [{}]",
        "inhibit_rules: {}",
        "inhibit_rules: [{name: n}]",
        "inhibit_rules: [{sources: [{matchers: ['a=b']}]}]",
        "inhibit_rules: [{equal: [a, a]}]",
        "inhibit_rules: [{equal: ['a b']}]",
        "inhibit_rules: [{equal: ['']}]",
        "inhibit_rules: [{source_match: {a: b}, target_match_re: {c: d}}]",
        "inhibit_rules: [{source_match: {'a b': c}}]",
        "inhibit_rules: [{target_match_re: {a: '['}}]",
        "inhibit_rules: [{source_match_re: {a: }}]",
        "inhibit_rules: [{nonsense: 1}]",
        "templates: ",
        "templates: []",
        "templates: {}",
        "time_intervals: ",
        "time_intervals: [{}]",
        "time_intervals: [{name: ''}]",
        "time_intervals: [{name: x}]",
        "time_intervals: [{name: x}, {name: x}]",
        "time_intervals: [{name: x}]\nmute_time_intervals: [{name: x}]",
        "time_intervals: [{name: x}]\nmute_time_intervals: [{name: y}]",
        "mute_time_intervals: [{name: x, time_intervals: }]",
        "mute_time_intervals: [{time_intervals: []}]",
        "nonsense: 1",
        "tracing: {endpoint: h}",
        "event_recorder: {}",
        "---\nx: 1",
        "route: {receiver: b}",
    ] {
        add(&format!("file {text}"), plain("{receiver: a}", text));
    }
    for (name, text) in [
        ("empty", ""),
        ("no route", "receivers: [{name: a}]\n"),
        ("no receivers", "route: {receiver: a}\n"),
        ("receivers null", "route: {receiver: a}\nreceivers:\n"),
        ("receiver without name", "route: {receiver: a}\nreceivers: [{name: a}, {}]\n"),
        ("receiver with an empty name", "route: {receiver: a}\nreceivers: [{name: a}, {name: ''}]\n"),
        ("receiver twice", "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]\n"),
        ("receiver with nonsense", "route: {receiver: a}\nreceivers: [{name: a, nonsense: 1}]\n"),
        ("lists null", "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: , email_configs: }]\n"),
        ("anchor", "route: &r {receiver: a, routes: [{receiver: *n}]}\nreceivers: [{name: &n a}]\n"),
        ("tab", "route:\n\treceiver: a\n"),
    ] {
        add(name, text.to_owned());
    }
    for (list, text) in [
        ("webhook_configs", "{url: 'http://h/'}"),
        ("webhook_configs", "{url: 'http://h/', max_alerts: 5, send_resolved: false}"),
        ("webhook_configs", "{url: 'http://h/', http_config: {bearer_token: t}}"),
        ("webhook_configs", "{url: 'http://u:p@h/'}"),
        ("webhook_configs", "{url: nonsense}"),
        ("webhook_configs", "{url_file: f}"),
        ("webhook_configs", "{}"),
        ("webhook_configs", "{url: 'http://h/', nonsense: 1}"),
        ("pagerduty_configs", "{routing_key: k}"),
        ("pagerduty_configs", "{service_key: k}"),
        ("pagerduty_configs", "{}"),
        ("email_configs", "{to: a@b.c}"),
        ("email_configs", "{}"),
        ("email_configs", "{to: a@b.c, headers: {Subject: s, subject: t}}"),
        ("email_configs", "{to: a@b.c, smarthost: h}"),
        ("sns_configs", "{topic_arn: t, sigv4: {region: r}}"),
        ("pushover_configs", "{user_key: u, token: t}"),
        ("opsgenie_configs", "{api_key: k}"),
        ("victorops_configs", "{api_key: k, routing_key: r}"),
    ] {
        add(&format!("{list} {text}"), entry(list, text));
    }
    files
}

/// Where the verdicts differ, and the name of the difference in docs/alertmanager.md.
const DIFFERENCES: &[(&str, &str)] = &[
    ("matchers 1a=b", "later-versions"),
    ("inhibit 1a=b", "later-versions"),
    ("matchers a-b=c", "later-versions"),
    ("inhibit a-b=c", "later-versions"),
    ("matchers  {a=b}", "later-versions"),
    ("inhibit  {a=b}", "later-versions"),
    ("child group_by: ['a b']", "later-versions"),
    ("child group_by: [1]", "later-versions"),
    ("file inhibit_rules: [{name: n}]", "later-versions"),
    ("file inhibit_rules: [{sources: [{matchers: ['a=b']}]}]", "later-versions"),
    ("file inhibit_rules: [{equal: ['a b']}]", "later-versions"),
    ("file tracing: {endpoint: h}", "later-versions"),
    ("file event_recorder: {}", "later-versions"),
    ("webhook_configs {url_file: f}", "later-versions"),
    ("matchers a!~a{2}", "regular-expressions"),
    ("inhibit a!~a{2}", "regular-expressions"),
    ("matchers a=~b)|(c", "regular-expressions"),
    ("inhibit a=~b)|(c", "regular-expressions"),
    ("period months: [13]", "months"),
    ("period months: [0]", "months"),
    ("period location: Local", "time-zones"),
    ("child continue: 'true'", "yaml"),
    ("file ---\nx: 1", "yaml"),
    ("file global: {slack_api_url: nonsense}", "secrets"),
    ("file global: {opsgenie_api_url: nonsense}", "idle-defaults"),
    ("file global: {http_config: {enable_http2: false}}", "http"),
    ("file global: {http_config: {proxy_url: 'http://p/'}}", "http"),
    ("webhook_configs {url: 'http://u:p@h/'}", "http"),
    ("pagerduty_configs {service_key: k}", "pagerduty-v1"),
    ("sns_configs {topic_arn: t, sigv4: {region: r}}", "channels"),
    ("pushover_configs {user_key: u, token: t}", "channels"),
    ("opsgenie_configs {api_key: k}", "channels"),
    ("victorops_configs {api_key: k, routing_key: r}", "channels"),
];

#[test]
fn every_difference_is_told_to_users() {
    let page = include_str!("../../../../docs/alertmanager.md");
    for (_, id) in DIFFERENCES {
        assert!(page.contains(&format!("| `{id}` |")), "docs/alertmanager.md does not tell of {id}");
    }
}

/// Debian's amtool takes the same files, and refuses the same.
#[test]
fn amtool_takes_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let files = files();
    let paths: Vec<_> = (0..files.len()).map(|n| folder.path().join(format!("{n}.yml"))).collect();
    for ((_, text), path) in files.iter().zip(&paths) {
        std::fs::write(path, text).unwrap();
    }
    let Ok(output) = Command::new("amtool").arg("check-config").args(&paths).output() else {
        eprintln!("skipped: amtool is not installed");
        return;
    };
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let known: BTreeSet<&str> = DIFFERENCES.iter().map(|(name, _)| *name).collect();
    let mut wrong = Vec::new();
    for ((name, text), path) in files.iter().zip(&paths) {
        let checking = format!("Checking '{}'  ", path.display());
        let verdict = told.split_once(&checking).unwrap_or_else(|| panic!("{name} is not among\n{told}")).1;
        let theirs = verdict.starts_with("SUCCESS");
        let ours = AlertingConfig::parse(text);
        if (ours.is_ok() == theirs) == known.contains(name.as_str()) {
            let said = ours.map_or_else(|error| error.to_string(), |_| "takes it".to_owned());
            wrong.push(format!("{name:?}: amtool says {:?}, Isobar {said}", verdict.lines().next()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), files.len(), wrong.join("\n"));
    let asked: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert!(known.is_subset(&asked), "a difference nobody asks about: {:?}", known.difference(&asked));
}
