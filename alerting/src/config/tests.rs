use super::*;

mod amtool;
mod shared;

const MINIMAL: &str = "route: {receiver: a}\nreceivers: [{name: a}]\n";

#[test]
fn defaults_are_alertmanagers() {
    let config = AlertingConfig::parse(MINIMAL).unwrap();
    assert_eq!(config.route.timing.group_wait, Duration::from_secs(30));
    assert_eq!(config.route.timing.group_interval, Duration::from_secs(300));
    assert_eq!(config.route.timing.repeat_interval, Duration::from_secs(4 * 3600));
    assert!(config.receivers[0].integrations.is_empty());
}

#[test]
fn routes_inherit() {
    let config = AlertingConfig::parse(
        "route:\n  receiver: a\n  group_by: [x]\n  group_wait: 1s\n  routes:\n  - group_interval: 2m\n    routes: [{receiver: b, group_wait: 0s}]\nreceivers: [{name: a}, {name: b}]\n",
    )
    .unwrap();
    let child = &config.route.children[0];
    assert_eq!((&*child.receiver, child.timing.group_wait), ("a", Duration::from_secs(1)));
    let grandchild = &child.children[0];
    assert_eq!(&*grandchild.receiver, "b");
    assert_eq!(grandchild.timing.group_wait, Duration::ZERO);
    assert_eq!(grandchild.timing.group_interval, Duration::from_secs(120));
    assert_eq!(grandchild.grouping, child.grouping);
}

/// `what` must be refused at `line:column` with words that hold `hint`.
#[track_caller]
fn check_refused(text: &str, place: (u32, u32), hint: &str) {
    let error = AlertingConfig::parse(text).expect_err(text);
    assert!(error.message.contains(hint), "{text}\n{error}");
    assert_eq!((error.line, error.column), place, "{text}\n{error}");
}

#[test]
fn what_is_not_supported_is_refused_by_name_and_place() {
    check_refused(
        "route:\n  receiver: a\n  routes:\n  - labels: {a: b}\n",
        (4, 5),
        "labels is not supported yet",
    );
    check_refused(
        "receivers:\n- name: a\n  webex_configs: []\n",
        (3, 3),
        "webex_configs is not supported yet",
    );
    check_refused(
        "receivers:\n- name: a\n  webhook_configs:\n  - url: http://h/\n    http_config:\n      proxy_url: http://p/\n",
        (6, 7),
        "proxy_url is not supported yet",
    );
    check_refused(
        "receivers:\n- name: a\n  email_configs:\n  - to: a@b.c\n    threading: {}\n",
        (5, 5),
        "threading is not supported yet",
    );
}

#[test]
fn what_changes_nothing_is_taken_and_noted_where_it_stands() {
    let config = AlertingConfig::parse(&format!(
        "global: {{opsgenie_api_key: k, resolve_timeout: 1m,\n  smtp_auth_secret: s}}\n{MINIMAL}tracing: {{endpoint: h}}\n"
    ))
    .unwrap();
    let shown: Vec<String> = config.notes.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "5:1: tracing has no effect: no traces are written",
            "1:10: opsgenie_api_key has no effect: there is no such channel, so no receiver can inherit it",
            "2:21: smtp_auth_secret is not supported yet; CRAM-MD5 and other identities are not offered, use smtp_auth_password",
        ]
    );
    assert_eq!(config.resolve_timeout, Duration::from_secs(60));
    check_refused("global: {opsgenie_api_keys: x}\n", (1, 10), "opsgenie_api_keys");
    check_refused(
        "global: {smtp_auth_secret: s}\nroute: {receiver: a}\nreceivers: [{name: a, email_configs: [{to: a@b.c}]}]\n",
        (1, 28),
        "smtp_auth_secret is not supported yet",
    );
}

#[test]
fn templates_are_read_from_the_files_that_match() {
    let folder = |pattern: &str| {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        match pattern {
            "*.tmpl" => Ok(vec![file("a.tmpl", r#"{{ define "a" }}A{{ end }}"#), file("b.tmpl", "B")]),
            "wrong" => Ok(vec![file("c.tmpl", "one\n{{ nonsense }}")]),
            "none" => Ok(Vec::new()),
            _ => Err("no pattern".to_owned()),
        }
    };
    let read =
        |templates: &str| AlertingConfig::parse_with(&format!("{MINIMAL}templates: {templates}\n"), &folder);
    let config = read("['*.tmpl', none]").unwrap();
    assert_eq!(config.templates.check(r#"{{ template "a" }}{{ template "b.tmpl" }}"#), Ok(()));
    assert!(config.templates.check(r#"{{ template "c" }}"#).is_err());
    let [note] = &config.notes[..] else { panic!("{:?}", config.notes) };
    assert_eq!(note.to_string(), "3:23: \"none\" has no effect: it matches no file");
    let calls = |templates: &str| {
        let mail = "{to: a@b.c, from: a@b.c, smarthost: 'h:25', html: '{{ template \"a\" . }}'}";
        let text = format!(
            "route: {{receiver: a}}\nreceivers:\n- name: a\n  email_configs:\n  - {mail}\n{templates}"
        );
        AlertingConfig::parse_with(&text, &folder)
    };
    assert!(calls("templates: [none, '*.tmpl']\n").is_ok());
    let error = calls("").unwrap_err();
    assert_eq!((error.line, error.column), (5, 55), "{error}");
    assert!(error.message.contains("template \"a\" is not defined"), "{error}");
    let error = read("['*.tmpl', '[']").unwrap_err();
    assert_eq!((error.line, error.column, error.message.as_str()), (3, 23, "no pattern"));
    let error = read("[wrong]").unwrap_err();
    assert!(error.message.starts_with("c.tmpl:2: "), "{error}");
    check_refused(&format!("{MINIMAL}templates: ['*.tmpl']\n"), (3, 13), "no files to read here");
    // Another text may name what this one did, and nothing else.
    let again = |templates: &str| {
        let text = format!("{MINIMAL}templates: {templates}\n");
        AlertingConfig::parse_with(&text, &|pattern| config.template_files(pattern))
    };
    let other = again("['*.tmpl', none]").unwrap();
    assert_eq!(other.templates.check(r#"{{ template "a" }}{{ template "b.tmpl" }}"#), Ok(()));
    let error = again("['*.tmpl', wrong]").unwrap_err();
    assert_eq!((error.line, error.column), (3, 23), "{error}");
    assert!(error.message.contains("\"wrong\" are not known"), "{error}");
}

#[test]
fn what_is_unknown_is_refused_by_name_and_place() {
    check_refused(&format!("{MINIMAL}receiver: x\n"), (3, 1), "receiver");
    check_refused("route:\n  receiver: a\n  group_wiat: 1s\n", (3, 3), "group_wiat");
    check_refused("receivers:\n- name: a\n  webhook_configs:\n  - uri: x\n", (4, 5), "uri");
    check_refused(&format!("{MINIMAL}file: x.yml\n"), (3, 7), "isobar.yaml only");
}

#[test]
fn what_is_wrong_is_said_where_it_stands() {
    check_refused(
        "route: {receiver: a}\nreceivers:\n- name: a\n  pagerduty_configs:\n  - routing_key: k\n    details:\n      all: '{{ .Alerts'\n",
        (7, 12),
        "an action that does not end",
    );
    let receivers = "receivers: [{name: a}]\n";
    let with = |route: &str| format!("{route}\n{receivers}");
    check_refused(&with("route: {receiver: b}"), (1, 19), "undefined receiver \"b\": one of a");
    check_refused(&with("route: {group_by: [x]}"), (1, 8), "needs a receiver");
    check_refused(&with("route: {receiver: a, matchers: [x=y]}"), (1, 8), "the root route takes every alert");
    check_refused(&with("route: {receiver: a, group_wait: 5}"), (1, 34), "is not a duration");
    check_refused(
        &with("route: {receiver: a, group_interval: 0s}"),
        (1, 38),
        "group_interval cannot be zero",
    );
    check_refused(&with("route: {receiver: a, group_by: ['...', x]}"), (1, 33), "stands alone");
    check_refused(&with("route: {receiver: a, group_by: [x, x]}"), (1, 36), "twice in group_by");
    check_refused(
        &with("route: {receiver: a, mute_time_intervals: [x]}"),
        (1, 44),
        "the root route is told of at every time",
    );
    check_refused(
        &with("route: {receiver: a, routes: [{active_time_intervals: [x]}]}"),
        (1, 56),
        "undefined time interval \"x\": none is defined",
    );
    check_refused(&with("route: {receiver: a, routes: [{match: {a-b: c}}]}"), (1, 40), "no name of a label");
    check_refused(
        &with("route: {receiver: a, routes: [{match_re: {a: }}]}"),
        (1, 44),
        "a needs a regular expression",
    );
    check_refused(
        &with("route: {receiver: a, routes: [{matchers: ['x']}]}"),
        (1, 43),
        "expected one of = != =~ !~",
    );
    check_refused(&with("route: {receiver: a, routes: [{match_re: {x: '('}}]}"), (1, 46), "unclosed group");
    check_refused("route: {receiver: a}\nreceivers: [{name: a}, {name: a}]\n", (2, 31), "defined twice");
    check_refused(receivers, (0, 0), "no route");
}

#[test]
fn inhibit_rules_are_read_in_every_form() {
    let read = |rules: &str| AlertingConfig::parse(&format!("{MINIMAL}inhibit_rules: {rules}\n"));
    let config = read(
        "[{name: n, source_match: {s: a}, source_match_re: {t: b.*}, source_matchers: ['u=c', '{v!=d, w=e}'], target_match: {x: f}, target_match_re: {y: g}, target_matchers: [z!~h], equal: [b, a, b]}, {}, {sources: [{matchers: [a=b], equal: [c]}, {matchers: [d=e]}]}]",
    )
    .unwrap();
    let shown = |matchers: &[isobar_normalizer::Matcher]| {
        matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let [rule, everything, several] = &config.inhibit_rules[..] else { panic!("{config:?}") };
    assert_eq!(rule.name.as_deref(), Some("n"));
    assert_eq!(shown(&rule.sources[0].matchers), r#"s="a" t=~"^(?:b.*)$" u="c" v!="d" w="e""#);
    assert_eq!(shown(&rule.target), r#"x="f" y=~"^(?:g)$" z!~"h""#);
    assert_eq!(rule.sources[0].equal.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b"]);
    assert!(everything.name.is_none() && everything.target.is_empty());
    assert!(everything.sources[0].matchers.is_empty() && everything.sources.len() == 1);
    assert_eq!(several.sources.len(), 2);

    let refused = |rules: &str, column: u32, hint: &str| {
        check_refused(&format!("{MINIMAL}inhibit_rules: {rules}\n"), (3, column), hint);
    };
    refused("[{sources: [{matchers: [a=b]}], equal: [c]}]", 28, "sources excludes");
    refused("[{sources: [{matchers: ['a=~.*']}]}]", 28, "does not match the empty text");
    refused("[{source_match: {'a b': c}}]", 33, "no name of a label");
    refused("[{target_matchers: ['a']}]", 36, "one of = != =~ !~");
    refused("[{equal: ['']}]", 26, "the names of labels");
    refused("[{equals: [a]}]", 18, "equals");
}

#[test]
fn routes_name_time_intervals_and_do_not_inherit_them() {
    let config = AlertingConfig::parse(
        "route:\n  receiver: a\n  routes:\n  - mute_time_intervals: [night, off]\n    active_time_intervals: [off]\n    routes: [{receiver: a}]\nreceivers: [{name: a}]\ntime_intervals:\n- name: night\n  time_intervals: [{times: [{start_time: 00:00, end_time: 06:00}]}]\nmute_time_intervals: [{name: off}]\n",
    )
    .unwrap();
    let child = &config.route.children[0];
    let shown = |names: &[Arc<str>]| names.join(" ");
    assert_eq!(
        (shown(&child.mute_intervals), shown(&child.active_intervals)),
        ("night off".into(), "off".into())
    );
    assert!(child.children[0].mute_intervals.is_empty() && child.children[0].active_intervals.is_empty());
    assert_eq!(config.intervals.keys().map(|name| &**name).collect::<Vec<_>>(), ["night", "off"]);
    let at = |text| isobar_normalizer::Timestamp::parse_rfc3339(text).unwrap();
    assert!(config.intervals["night"].contains(at("2026-01-01T05:59:00Z")));
    assert!(!config.intervals["off"].contains(at("2026-01-01T05:59:00Z")));

    let with = |intervals: &str| format!("{MINIMAL}{intervals}");
    check_refused(
        &with("time_intervals: [{name: x}]\nmute_time_intervals: [{name: x}]\n"),
        (3, 25),
        "\"x\" is defined twice",
    );
    check_refused(&with("time_intervals: [{name: ''}]\n"), (3, 25), "needs a name");
    check_refused(
        &with("time_intervals: [{name: x, time_intervals: [{weekdays: [monday, fri]}]}]\n"),
        (3, 65),
        "\"fri\" is not a day of the week",
    );
}

#[test]
fn routes_are_nested_so_deep_and_no_deeper() {
    let nested = |depth: usize| {
        let (open, close) = ("{routes: [".repeat(depth), "]}".repeat(depth));
        AlertingConfig::parse(&format!(
            "route: {{receiver: a, routes: [{open}{{}}{close}]}}\nreceivers: [{{name: a}}]\n"
        ))
    };
    assert!(nested(15).is_ok(), "{:?}", nested(15));
    for deeper in [16, 17, 500] {
        assert!(nested(deeper).unwrap_err().message.contains("nested deeper than 16"));
    }
    assert!(nested(15).is_ok(), "a refusal leaves nothing behind");
}

#[test]
fn digests_of_a_route_are_its_own() {
    let read = |keys: &str| {
        AlertingConfig::parse(&format!(
            "route: {{receiver: a, {keys}, routes: [{{}}]}}\nreceivers: [{{name: a}}]\n"
        ))
    };
    let route = read("flapping: digest, storm: {above: 20, within: 1m}").unwrap().route;
    let storm = crate::StormRule { above: 20, within: Duration::from_secs(60) };
    assert_eq!(route.digests, crate::Digests { flapping: true, storm: Some(storm) });
    assert_eq!(route.children[0].digests, crate::Digests::default(), "they are not inherited");
    for (keys, what) in [
        ("storm: digest", "expected mapping start"),
        ("storm: {above: 0, within: 1m}", "above is 0: write 1 to 10000"),
        ("storm: {above: 10001, within: 1m}", "above is 10001: write 1 to 10000"),
        ("storm: {above: 20, within: 0s}", "within cannot be zero"),
        ("storm: {above: 20, within: 2h}", "within is 2h: write at most 1h"),
        ("storm: {above: 20}", "within"),
        ("storm: {within: 1m}", "above"),
        ("storm: {above: 20, within: 1m, per: 2}", "per"),
        ("flapping: hold", "hold"),
        ("flapping: true", "1:"),
    ] {
        let error = read(keys).unwrap_err().to_string();
        assert!(error.contains(what), "{keys}: {error} should say {what}");
    }
}

#[test]
fn a_key_without_a_value_is_absent() {
    let config = AlertingConfig::parse(
        "global:\nroute:\n  receiver: a\n  group_by:\n  routes:\n  matchers:\n  match:\nreceivers: [{name: a, webhook_configs: }]\ninhibit_rules:\ntime_intervals:\nmute_time_intervals:\n",
    )
    .unwrap();
    assert_eq!(config.resolve_timeout, Duration::from_secs(300));
    let config = AlertingConfig::parse(&format!("global: {{resolve_timeout: 1m}}\n{MINIMAL}")).unwrap();
    assert_eq!(config.resolve_timeout, Duration::from_secs(60));
}

#[test]
fn integrations_are_checked() {
    let with = |key: &str, entry: &str| {
        format!("route: {{receiver: a}}\nreceivers:\n- name: a\n  {key}:\n  - {entry}\n")
    };
    let webhook = |entry: &str| with("webhook_configs", entry);
    check_refused(&webhook("{max_alerts: 1}"), (5, 5), "either url or url_file");
    check_refused(&webhook("{url: 'ftp://h/'}"), (5, 11), "scheme \"ftp\"");
    check_refused(&webhook("{url: 'nonsense'}"), (5, 11), "not a URL");
    check_refused(&webhook("{url: 'http://u:p@h/'}"), (5, 11), "credentials do not stand in a URL");
    check_refused(
        &webhook("{url: 'http://h/', http_config: {enable_http2: false}}"),
        (5, 52),
        "enable_http2: false is not supported yet",
    );
    check_refused(
        &webhook("{url: 'http://h/', http_config: {tls_config: {min_version: TLS13}}}"),
        (5, 64),
        "min_version TLS13 is not supported yet",
    );
    AlertingConfig::parse(&webhook(
        "{url: 'http://h/', http_config: {follow_redirects: true, enable_http2: true, tls_config: {min_version: TLS12}}}",
    ))
    .unwrap();
    check_refused(
        &webhook("{url: 'http://h/', http_config: {bearer_token: x, basic_auth: {username: u}}}"),
        (5, 37),
        "exclude each other",
    );
    let pager = |entry: &str| with("pagerduty_configs", entry);
    check_refused(&pager("{send_resolved: true}"), (5, 5), "routing_key");
    check_refused(&pager("{service_key: x}"), (5, 6), "service_key is not supported yet");
    check_refused(
        &pager("{routing_key: x, severity: fatal}"),
        (5, 32),
        "unknown PagerDuty severity \"fatal\"",
    );
    check_refused(
        &pager("{routing_key: x, description: '{{ .Status '}"),
        (5, 35),
        "line 1 of the template: an action that does not end",
    );
    let mail = |entry: &str| with("email_configs", entry);
    check_refused(&mail("{from: a@b.c, smarthost: 'h:25'}"), (5, 5), "a mail needs to");
    check_refused(&mail("{to: a@b.c, from: a@b.c}"), (5, 5), "smarthost");
    check_refused(&mail("{to: nobody, from: a@b.c, smarthost: 'h:25'}"), (5, 10), "no mail address");
    check_refused(&mail("{to: a@b.c, from: a@b.c, smarthost: h}"), (5, 41), "host:port");
    check_refused(
        &mail("{to: a@b.c, from: 'a@b.c, d@e.f', smarthost: 'h:25'}"),
        (5, 23),
        "one address, not 2",
    );
    check_refused(
        &mail(
            "{to: a@b.c, from: a@b.c, smarthost: 'h:25', require_tls: false, auth_username: u, auth_password: p}",
        ),
        (5, 41),
        "not sent in the clear",
    );
    check_refused(
        &mail("{to: a@b.c, from: a@b.c, smarthost: 'h:25', headers: {Bcc: x@y.z}}"),
        (5, 64),
        "made by Isobar",
    );
}

#[test]
fn channels_keep_alertmanagers_defaults_for_resolved() {
    let config = AlertingConfig::parse(
        "global: {smtp_from: a@b.c, smtp_smarthost: 'h:25', smtp_require_tls: false}\nroute: {receiver: a}\nreceivers:\n- name: a\n  webhook_configs: [{url: 'http://h/'}]\n  email_configs: [{to: a@b.c}, {to: d@e.f, send_resolved: true}]\n  pagerduty_configs: [{routing_key_file: k}]\n",
    )
    .unwrap();
    let shown: Vec<(&str, u32, bool)> = config.receivers[0]
        .integrations
        .iter()
        .map(|i| (i.settings.kind().name(), i.index, i.settings.send_resolved()))
        .collect();
    assert_eq!(
        shown,
        [("webhook", 0, true), ("email", 0, false), ("email", 1, true), ("pagerduty", 0, true)]
    );
}

#[test]
fn a_section_is_a_file_or_inline() {
    #[derive(Debug, serde::Deserialize)]
    struct Document {
        alerting: AlertingSection,
    }
    let read = |text: &str| {
        let Document { alerting } = serde_saphyr::from_str(text).map_err(ConfigError::from)?;
        AlertingSource::read(alerting, &|_| Ok(Vec::new()))
    };
    let file = read("alerting: {file: am.yml, heartbeat: {url: 'http://h/beat', interval: 30s}}").unwrap();
    let AlertingSource::File { beside, .. } = file else { panic!("{file:?}") };
    assert!(beside.heartbeat.is_some());
    let inline = read("alerting:\n  route: {receiver: a}\n  receivers: [{name: a}]\n").unwrap();
    assert!(matches!(inline, AlertingSource::Inline(_)));
    let error = read("alerting:\n  silence: []\n").unwrap_err();
    assert_eq!((error.line, error.column), (2, 3), "{error}");
    let error = read("alerting:\n  route: {receiver: a}\n  receivers: [{name: b}]\n").unwrap_err();
    assert_eq!((error.line, error.column), (2, 21), "{error}");
    for beside in
        ["route: {receiver: a}", "global: {}", "inhibit_rules: [{}]", "templates: [x]", "tracing: {}"]
    {
        let error = read(&format!("alerting: {{file: am.yml, {beside}}}")).unwrap_err();
        assert!(error.message.contains("file excludes"), "{error}");
    }
    assert!(
        read("alerting: {file: am.yml, native: {file: native.yaml}, classify: {file: classify.yaml}}")
            .is_ok()
    );
    let ours = "silences: {max_length: 30d}, flapping: {changes: 6}";
    let AlertingSource::File { beside, .. } = read(&format!("alerting: {{file: am.yml, {ours}}}")).unwrap()
    else {
        panic!("it is a file")
    };
    let config =
        AlertingConfig::parse("route: {receiver: a}\nreceivers: [{name: a}]\nsilences: {max_length: 1d}")
            .unwrap();
    let longest = config.silence_longest;
    let together = beside.put_into(config);
    let day = Duration::from_secs(24 * 3600);
    assert_eq!(
        (longest, together.silence_longest, together.flapping.changes),
        (Some(day), Some(30 * day), 6)
    );
    for wrong in ["silences: {max_length: 0s}", "flapping: {changes: 1}", "flapping: {changes: 51}"] {
        let error = read(&format!("alerting: {{file: am.yml, {wrong}}}")).unwrap_err();
        assert_eq!(error.line, 1, "{wrong}: {error}");
    }
    let error = read("alerting:\n  native: {fail: native.yaml}\n").unwrap_err();
    assert_eq!((error.line, error.column), (2, 12), "{error}");
    let error = AlertingConfig::parse("native: {file: native.yaml}").unwrap_err();
    assert!(error.to_string().contains("in isobar.yaml only"), "{error}");
}

#[test]
fn secrets_are_never_printed() {
    let config = AlertingConfig::parse(
        "route: {receiver: a}\nreceivers:\n- name: a\n  pagerduty_configs: [{routing_key: hunter2}]\n  webhook_configs: [{url: 'http://h/', secret: hunter2, http_config: {bearer_token: hunter2}}]\nheartbeat: {url: 'http://h/', secret: hunter2}\n",
    )
    .unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}
