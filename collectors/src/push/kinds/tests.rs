use std::fmt::Write;
use std::path::{Path, PathBuf};

use http::{HeaderMap, Method};
use isobar_normalizer::{Step, Timestamp};

use super::super::{End, HookAnswer, HookError, HookRequest, PushLimits, PushedAlert};
use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const AT: [Step; 3] = [Step::Key("hooks"), Step::Item(0), Step::Key("settings")];

fn document(settings: &str) -> String {
    let indented: String = settings.lines().map(|line| format!("      {line}\n")).collect();
    format!("hooks:\n  - name: x\n    settings:\n{indented}")
}

fn kind(name: &str) -> &'static dyn HookKind {
    *HOOK_KINDS.iter().find(|kind| kind.name() == name).unwrap()
}

/// What a hook of this kind and settings makes of a request.
fn ask(
    kind_name: &str,
    settings: &str,
    pairs: &[(&str, &str)],
    body: &[u8],
) -> Result<HookAnswer, HookError> {
    let hook = kind(kind_name).build(&document(settings), &AT).unwrap();
    let headers: HeaderMap = pairs
        .iter()
        .map(|(name, value)| (http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap()))
        .collect();
    let limits = PushLimits::default();
    hook.read(HookRequest { method: &Method::POST, headers: &headers, body, now: NOW, limits: &limits })
}

fn line(alert: &PushedAlert) -> String {
    let mut line = alert.labels.to_string();
    let _ = match alert.end {
        End::At(at) => write!(line, " until {at}"),
        End::Told => write!(line, " until told"),
        End::Unrepeated => write!(line, " until unrepeated"),
    };
    if let Some(start) = alert.starts_at {
        let _ = write!(line, " since {start}");
    }
    for (name, value) in &alert.annotations {
        let short: String = value.chars().take(60).collect();
        let _ = write!(line, "\n  {name}: {short}");
    }
    if !alert.generator_url.is_empty() {
        let _ = write!(line, "\n  at {}", alert.generator_url);
    }
    line
}

/// The alerts and complaints of an answer, as text.
fn shown(answer: Result<HookAnswer, HookError>) -> String {
    match answer {
        Err(error) => format!("refused: {error}\n"),
        Ok(HookAnswer::Allowed(headers)) => format!("allowed {headers:?}\n"),
        Ok(HookAnswer::Alerts(pushed)) => {
            let mut text: String = pushed.alerts.iter().map(|alert| line(alert) + "\n").collect();
            pushed.complaints.iter().for_each(|one| text.push_str(&format!("! {one}\n")));
            text
        }
    }
}

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire/alerts")
}

/// Every case: the kind and settings, the captured file, or the body itself, and what is read from it.
#[test]
fn captured_payloads_become_the_expected_alerts() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/hooks");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 10, "{paths:?}");
    let mut wrong = Vec::new();
    for path in paths {
        let case = std::fs::read_to_string(&path).unwrap();
        let (input, expected) = case.split_once("----\n").unwrap();
        let found = match run(input) {
            Some(found) => found,
            None => {
                eprintln!("skipped: the captured file of {} is not there", path.display());
                continue;
            }
        };
        if update {
            std::fs::write(&path, format!("{input}----\n{found}")).unwrap();
        } else if found != expected {
            wrong.push(format!("{}\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `None` where the captured file is not there.
fn run(input: &str) -> Option<String> {
    let (mut kind, mut settings, mut headers, mut body, mut member) =
        ("", String::new(), Vec::new(), Vec::new(), None);
    let mut lines = input.lines();
    while let Some(line) = lines.next() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "kind" => kind = rest,
            "set" => settings.push_str(&format!("{rest}\n")),
            "header" => headers.push(rest.split_once(": ").unwrap()),
            "member" => member = Some(rest),
            "file" => body = std::fs::read(shared().join(rest)).ok()?,
            "body" => body = lines.by_ref().collect::<Vec<_>>().join("\n").into_bytes(),
            "#" => {}
            other => panic!("{other:?} begins no line of a case"),
        }
    }
    if let Some(member) = member {
        let whole: serde_json::Value = serde_json::from_slice(&body).unwrap();
        body = serde_json::to_vec(whole.pointer(member).unwrap()).unwrap();
    }
    Some(shown(ask(kind, &settings, &headers, &body)))
}

#[test]
fn every_sample_builds_and_every_unknown_key_is_refused_with_its_place() {
    for kind in HOOK_KINDS {
        let sample = document(kind.sample());
        kind.build(&sample, &AT).unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
        let error = kind.build(&document("no_such_key: 1"), &AT).unwrap_err();
        assert_eq!((error.line, error.column), (4, 7), "{}: {error}", kind.name());
        assert!(error.message.contains("no_such_key"), "{}: {error}", kind.name());
    }
}

#[test]
fn names_are_unique_and_sorted() {
    assert!(HOOK_KINDS.is_sorted_by(|a, b| a.name() < b.name()));
}

#[test]
fn settings_without_an_end_or_a_name_are_refused() {
    for (kind_name, settings, hint) in [
        ("json", "{name: /a}", "over"),
        ("json", "{status: /a}", "name"),
        ("json", "{name: a, status: /b}", "begins with /"),
        ("json", "{name: /a, resolve_after: soon}", "for example"),
        ("cloudevents", "{}", "over"),
        ("cloudevents", "{items: /a, status: /b}", "items"),
    ] {
        let error = kind(kind_name).build(&document(settings), &AT).unwrap_err();
        assert!(error.message.contains(hint), "{kind_name} {settings}: {error}");
    }
}

#[test]
fn only_events_are_asked_for_consent() {
    let limits = PushLimits::default();
    for kind in HOOK_KINDS {
        let hook = kind.build(&document(kind.sample()), &AT).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-request-origin", "eventgrid.azure.net".parse().unwrap());
        headers.insert("webhook-request-rate", "120".parse().unwrap());
        let request =
            HookRequest { method: &Method::OPTIONS, headers: &headers, body: b"", now: NOW, limits: &limits };
        let answer = hook.read(request);
        if kind.name() == "cloudevents" {
            let expected = vec![
                ("webhook-allowed-origin", "eventgrid.azure.net".to_owned()),
                ("webhook-allowed-rate", "120".to_owned()),
            ];
            assert_eq!(answer, Ok(HookAnswer::Allowed(expected)));
        } else {
            assert!(matches!(answer, Err(HookError::Unsupported(_))), "{}: {answer:?}", kind.name());
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_body_breaks_a_parser(body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        for kind in HOOK_KINDS {
            let _ = ask(kind.name(), kind.sample(), &[("content-type", "application/cloudevents+json")], &body);
        }
    }

    #[test]
    fn no_json_breaks_a_parser(text in r#"\{("(alerts|data|status|labels|schemaId|ruleName|state|name|value)":(\[\]|\{\}|null|1|"firing"|\[\{"status":"firing","labels":\{\}\}\]),?){0,4}\}"#) {
        for kind in HOOK_KINDS {
            let _ = ask(kind.name(), kind.sample(), &[("content-type", "application/cloudevents+json")], text.as_bytes());
        }
    }
}
