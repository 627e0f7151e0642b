use super::*;

fn problems(config: &str, others: &[(&str, &str)]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in others.iter().chain(&[("isobar.yaml", config)]) {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let shown = |problem: &Problem| {
        let name = problem.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Problem { file: name.into(), error: problem.error.clone() }.to_string()
    };
    match load(&dir.path().join("isobar.yaml"), None) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(shown).collect(),
    }
}

#[test]
fn an_empty_file_is_a_configuration() {
    assert_eq!(problems("{}", &[]), Vec::<String>::new());
}

#[test]
fn every_independent_mistake_is_told_at_once() {
    let config = "
sources:
  - {name: a, kind: nothing}
  - {name: a, kind: prometheus, settings: {targets: [\"http://127.0.0.1:1/metrics\"]}}
  - {name: remote_write, kind: prometheus}
policies: [bad.yaml, none.yaml]
alerting: {file: am.yml}
";
    let bad = "policies:\n  - name: X\n    metric: m\n    levels: {huge: \"> 1\"}\n";
    let found = problems(config, &[("bad.yaml", bad), ("am.yml", "route: {receiver: x}\n")]);
    let starts =
        ["isobar.yaml:3:", "isobar.yaml:4:", "isobar.yaml:5:", "bad.yaml:4:", "isobar.yaml:6:", "am.yml:1:"];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (problem, start) in found.iter().zip(starts) {
        assert!(problem.starts_with(start), "{problem} should start with {start}");
    }
}

#[test]
fn a_table_of_native_alarms_is_read_where_it_stands() {
    let config = "alerting: {route: {receiver: a}, receivers: [{name: a}], native: {file: native.yaml}}";
    assert_eq!(problems(config, &[("native.yaml", "default: {severity: info}")]), Vec::<String>::new());
    let found = problems(config, &[("native.yaml", "default: {severity: loud}")]);
    assert!(found[0].starts_with("native.yaml:1:21: unknown severity"), "{found:?}");
    assert!(problems(config, &[])[0].starts_with("native.yaml: "), "it is not there");
}

#[test]
fn templates_are_read_from_the_folder_of_the_file_that_names_them() {
    let config = "alerting: {file: am/am.yml}";
    let receiver = "route: {receiver: a}\nreceivers:\n- name: a\n  email_configs: [{to: a@b.c, from: a@b.c, smarthost: 'h:25', html: '{{ template \"mine\" . }}'}]\n";
    let load = |named: &str, template: &str| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("am/templates")).unwrap();
        std::fs::write(dir.path().join("isobar.yaml"), config).unwrap();
        std::fs::write(dir.path().join("am/am.yml"), format!("{receiver}templates: [{named}]\n")).unwrap();
        std::fs::write(dir.path().join("am/templates/a.tmpl"), template).unwrap();
        load(&dir.path().join("isobar.yaml"), None)
            .map(drop)
            .map_err(|problems| problems[0].error.to_string())
    };
    let mine = "{{ define \"mine\" }}x{{ end }}";
    assert_eq!(load("'templates/*.tmpl', 'none/*.tmpl'", mine), Ok(()));
    let error = load("'none/*.tmpl'", mine).unwrap_err();
    assert!(error.starts_with("4:") && error.contains("template \"mine\" is not defined"), "{error}");
    let error = load("'templates/*.tmpl'", "{{ define \"mine\" }}\n{{ nope }}{{ end }}").unwrap_err();
    assert!(error.starts_with("5:13: a.tmpl:2: function"), "{error}");
}

#[test]
fn durations_say_what_would_be_right() {
    let found = problems("store: {retention: 5m}", &[]);
    assert!(
        found[0].starts_with("isobar.yaml:1:20: 5m is too short") && found[0].contains("30d"),
        "{found:?}"
    );
}

#[test]
fn the_command_lines_address_is_judged_like_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("isobar.yaml");
    std::fs::write(&file, "{}").unwrap();
    let problems = load(&file, Some("0.0.0.0:9797".parse().unwrap())).unwrap_err();
    assert!(problems[0].to_string().contains("can be reached from other machines"), "{problems:?}");
    let config = load(&file, Some("127.0.0.1:1".parse().unwrap())).unwrap();
    assert_eq!(config.server.listen(), "127.0.0.1:1".parse().unwrap());
}

#[test]
fn places_for_checkpoints_are_files_or_webhooks() {
    let good = format!("{}\n", include_str!("journal.sample.yaml"));
    assert_eq!(problems(&good, &[]), Vec::<String>::new());
    for (to, every, column, word) in [
        ("[]", "1h", "", "has 0 places"),
        ("[{}]", "1h", "1:", "either"),
        ("[{file: a, webhook: 'https://x.example/'}]", "1h", "1:", "either"),
        ("[{file: a, secret: '${env:S}'}]", "1h", "1:", "no secret"),
        ("[{webhook: 'ftp://x.example/'}]", "1h", "1:", "no address"),
        ("[{file: a}]", "0 events", "1:", "1000 events"),
        ("[{file: a}]", "10ms", "1:", "too short"),
    ] {
        let found = problems(&format!("journal: {{checkpoints: {{to: {to}, every: {every}}}}}"), &[]);
        let start = format!("isobar.yaml:{column}");
        assert!(found.len() == 1 && found[0].starts_with(&start) && found[0].contains(word), "{found:?}");
    }
}

#[test]
fn templates_are_found_beside_the_file_that_names_them() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    std::fs::create_dir_all(dir.path().join("am/templates")).unwrap();
    write("am/templates/b.tmpl", r#"{{ define "b" }}B{{ end }}"#);
    write("am/templates/a.tmpl", r#"{{ define "a" }}{{ template "b" }}{{ end }}"#);
    write("am/templates/a.txt", "{{");
    let routing = "route: {receiver: a}\nreceivers: [{name: a}]\n";
    write(
        "am/am.yml",
        &format!("global: {{opsgenie_api_key: k}}\n{routing}templates: ['templates/*.tmpl', 'x/*']\n"),
    );
    write("isobar.yaml", "alerting: {file: am/am.yml}");
    let config = load(&dir.path().join("isobar.yaml"), None).unwrap();
    assert_eq!(config.alerting.templates.check(r#"{{ template "a" }}{{ template "b.tmpl" }}"#), Ok(()));
    let notes: Vec<String> = config.notes.iter().map(ToString::to_string).collect();
    let file = dir.path().join("am/am.yml").display().to_string();
    assert!(notes[0].starts_with(&format!("{file}:1:10: opsgenie_api_key has no effect")), "{notes:?}");
    assert!(notes[1].starts_with(&format!("{file}:4:33: \"x/*\" has no effect")), "{notes:?}");
    assert_eq!(notes.len(), 2);

    write("am/templates/a.tmpl", "{{ template \"nowhere\" }}");
    let problems = load(&dir.path().join("isobar.yaml"), None).unwrap_err();
    assert!(problems[0].to_string().contains("a.tmpl:1: "), "{problems:?}");
}
