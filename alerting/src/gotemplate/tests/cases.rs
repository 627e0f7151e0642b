//! `cases/gotemplate/*.case`: templates and what they write over the data of `cases/gotemplate/data/NAME.json`.
//!
//! A case begins with `==== KIND DATA` and is a template, a line `----`, and the text; the last line end of both belongs to the
//! file. Kinds: `text`, `html`, `error` (the text is a part of the complaint), each also as `text-newer` and so on where
//! Alertmanager 0.25 writes something else. All others are compared with what its own tool writes, where that is installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value as Json;

use super::super::time::Moment;
use super::super::value::{Field, ListKind, Record, Value};
use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/gotemplate")
}

fn data_path(name: &str) -> PathBuf {
    folder().join(format!("data/{name}.json"))
}

struct Case {
    place: String,
    kind: String,
    data: String,
    template: String,
    expected: String,
}

fn cases() -> Vec<Case> {
    let mut paths: Vec<_> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "case"));
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        for (index, block) in text.split("==== ").skip(1).enumerate() {
            let (head, body) = block.split_once('\n').unwrap();
            let (template, expected) =
                body.split_once("\n----\n").unwrap_or_else(|| panic!("{body}: no ----"));
            let (kind, data) = head.split_once(' ').unwrap();
            cases.push(Case {
                place: format!("{} #{}", path.display(), index + 1),
                kind: kind.to_owned(),
                data: data.to_owned(),
                template: template.to_owned(),
                expected: expected.strip_suffix('\n').unwrap_or(expected).to_owned(),
            });
        }
    }
    cases
}

#[test]
fn every_case_writes_its_text() {
    let templates = Templates::default();
    let cases = cases();
    assert!(cases.len() > 50);
    for case in cases {
        let Case { place, template, expected, .. } = &case;
        let data = data(&case.data);
        match case.kind.split('-').next().unwrap() {
            "text" => {
                assert_eq!(templates.text(template, &data).as_ref(), Ok(expected), "{place}: {template}")
            }
            "html" => {
                assert_eq!(templates.html(template, &data).as_ref(), Ok(expected), "{place}: {template}")
            }
            "error" => {
                let error = templates.text(template, &data).expect_err(template);
                assert!(error.what.contains(expected), "{place}: {template}: {error}");
            }
            kind => panic!("{place}: {kind}"),
        }
    }
}

const AMTOOL: &str = "amtool";

/// What Alertmanager's own tool writes; an error is `None`.
fn amtool(kind: &str, template: &str, data: &Path, files: &[&Path]) -> Option<String> {
    let output = Command::new(AMTOOL)
        .args(["template", "render", &format!("--template.type={kind}")])
        .args(files.iter().map(|file| format!("--template.glob={}", file.display())))
        .arg(format!("--template.data={}", data.display()))
        .arg(format!("--template.text={template}"))
        .output()
        .unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

fn has_amtool() -> bool {
    let found = Command::new(AMTOOL).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        println!("skipped: amtool is not installed");
    }
    found
}

#[test]
fn alertmanagers_tool_writes_the_same() {
    if !has_amtool() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let glob = folder.path().join("none.tmpl");
    std::fs::write(&glob, "{{ define \"__alertmanager\" }}Isobar{{ end }}").unwrap();
    let mut different = Vec::new();
    for Case { place, kind, data, template, expected } in cases() {
        let path = data_path(&data);
        let (agrees, got) = match kind.as_str() {
            "text" | "html" => {
                let got = amtool(&kind, &template, &path, &[&glob]);
                (got.as_deref().is_some_and(|got| got == expected), got)
            }
            "error" => {
                let got = amtool("text", &template, &path, &[&glob]);
                (got.is_none(), got)
            }
            _ => continue,
        };
        if !agrees {
            different.push(format!("{place}: {template}\nhere:   {expected:?}\namtool: {got:?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}

/// Where Debian's package of Alertmanager keeps its templates.
const ALERTMANAGERS: &str = "/usr/share/prometheus/alertmanager/default.tmpl";

/// Everything built in, but for the mail and for who sends and where its page is.
#[test]
fn built_in_templates_write_what_alertmanagers_write() {
    let theirs = Path::new(ALERTMANAGERS);
    if !theirs.exists() {
        println!("skipped: {ALERTMANAGERS} is not installed");
        return;
    }
    if !has_amtool() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let glob = folder.path().join("own.tmpl");
    let own = "{{ define \"__alertmanager\" }}Us{{ end }}{{ define \"__alertmanagerURL\" }}{{ .ExternalURL }}/#{{ end }}";
    std::fs::write(&glob, own).unwrap();
    let templates = Templates::parse(&[("own.tmpl".to_owned(), own.to_owned())]).unwrap();
    let mut compared = 0;
    for name in templates.named.keys().filter(|name| name.contains(".default.")) {
        let argument = if &**name == "pagerduty.default.instances" { ".Alerts" } else { "." };
        let text = format!("{{{{ template {name:?} {argument} }}}}");
        // These came after the tool that is installed.
        if name.starts_with("email.") || name.starts_with("msteams") {
            continue;
        }
        for case in ["firing", "mixed", "resolved"] {
            let expected = amtool("text", &text, &data_path(case), &[theirs, &glob]);
            let rendered = templates.text(&text, &data(case)).unwrap();
            assert_eq!(Some(rendered), expected, "{name} over {case}");
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared}");
}

/// The data of a case, in the form in which Alertmanager's tool takes it.
pub(super) fn data(name: &str) -> TemplateData {
    let text = std::fs::read_to_string(data_path(name)).unwrap();
    let json: Json = serde_json::from_str(&text).unwrap();
    let text = |name: &'static str, json_name: &'static str| Field {
        name,
        json: json_name,
        value: Value::text(json[json_name].as_str().unwrap_or("")),
    };
    let alerts = json["alerts"].as_array().unwrap().iter().map(alert);
    let alerts = Value::List(ListKind::Alerts, alerts.collect());
    let labels = |name: &'static str, json_name: &'static str| Field {
        name,
        json: json_name,
        value: labels(&json[json_name]),
    };
    let fields = vec![
        text("Receiver", "receiver"),
        text("Status", "status"),
        Field { name: "Alerts", json: "alerts", value: alerts },
        labels("GroupLabels", "groupLabels"),
        labels("CommonLabels", "commonLabels"),
        labels("CommonAnnotations", "commonAnnotations"),
        text("ExternalURL", "externalURL"),
        text("NotificationReason", "notification_reason"),
    ];
    let root = Value::Record(Arc::new(Record { name: "template.Data", fields }));
    TemplateData { root, whole: None, now: START }
}

fn labels(json: &Json) -> Value {
    let map = json.as_object().unwrap();
    Value::labels(map.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())))
}

fn alert(json: &Json) -> Value {
    let text = |name: &'static str, json_name: &'static str| Field {
        name,
        json: json_name,
        value: Value::text(json[json_name].as_str().unwrap_or("")),
    };
    let time = |name: &'static str, json_name: &'static str| {
        let at = isobar_normalizer::Timestamp::parse_rfc3339(json[json_name].as_str().unwrap()).unwrap();
        Field { name, json: json_name, value: Value::Time(Moment::of(at)) }
    };
    let fields = vec![
        text("Status", "status"),
        Field { name: "Labels", json: "labels", value: labels(&json["labels"]) },
        Field { name: "Annotations", json: "annotations", value: labels(&json["annotations"]) },
        time("StartsAt", "startsAt"),
        time("EndsAt", "endsAt"),
        text("GeneratorURL", "generatorURL"),
        text("Fingerprint", "fingerprint"),
    ];
    Value::Record(Arc::new(Record { name: "template.Alert", fields }))
}
