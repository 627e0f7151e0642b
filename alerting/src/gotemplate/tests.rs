use proptest::prelude::*;

use super::*;
use crate::fixture::{self, START};
use crate::{AlertState, Direction, Message, Reason};

mod cases;
mod laws;

fn data(data: &str) -> TemplateData {
    cases::data(data)
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let templates = Templates::default();
    assert_eq!(templates.text(text, &data("firing")).unwrap(), expected, "{text}");
}

#[track_caller]
fn check_refused(text: &str, line: usize, hint: &str) {
    let error = Templates::default().check(text).expect_err(text);
    assert!(error.what.contains(hint), "{text}\n{error}");
    assert_eq!(error.line, line, "{text}\n{error}");
}

#[test]
fn what_is_no_template_is_refused_by_line() {
    check_refused("a\n{{ .Status", 2, "does not end");
    check_refused("{{ if .Status }}\nx", 1, "if has no {{end}}");
    check_refused("{{ end }}", 1, "without a block");
    check_refused("\n\n{{ nope }}", 3, "function \"nope\" not defined");
    check_refused("{{ template \"nope\" }}", 1, "template \"nope\" is not defined");
    check_refused("{{ $x }}", 1, "undefined variable");
    check_refused("{{ $x = 1 }}", 1, "undefined variable");
    check_refused("{{ range .Alerts }}{{ end }}{{ break }}", 1, "outside range");
    check_refused("{{ \"a }}", 1, "does not end on its line");
    check_refused("{{ /* a */ .Status }}", 1, "an action of its own");
    check_refused("{{ .Status | \"x\" }}", 1, "must be a function");
    check_refused("{{ .Status.}}", 1, "unexpected .");
    check_refused("{{ print(1) }}", 1, "write a space");
    check_refused("{{ if }}x{{ end }}", 1, "missing value for if");
    check_refused("{{ 12z }}", 1, "no number");
    check_refused("{{ nil }}", 1, "nil is not a command");
    check_refused("{{ if 1 }}{{ define \"x\" }}{{ end }}{{ end }}", 1, "definitions stand outside");
    check_refused(&"{{ if 1 }}".repeat(200), 1, "inside each other");
    check_refused(&format!("{{{{ {}1{} }}}}", "(".repeat(200), ")".repeat(200)), 1, "inside each other");
    check_refused("{{ else }}", 1, "outside if");
    check_refused("{{ if 1 }}{{ else }}{{ else }}{{ end }}", 1, "a second");
}

#[test]
fn mistakes_in_files_name_the_file() {
    let files = [("mine.tmpl".to_owned(), "{{ define \"a\" }}\n{{ .Status | nope }}{{ end }}".to_owned())];
    let error = Templates::parse(&files).unwrap_err();
    assert_eq!(error.to_string(), "mine.tmpl:2: function \"nope\" not defined");
    let files = [("mine.tmpl".to_owned(), "{{ define \"a\" }}\n{{ .Nope }}{{ end }}".to_owned())];
    let templates = Templates::parse(&files).unwrap();
    let error = templates.text("{{ template \"a\" . }}", &data("firing")).unwrap_err();
    assert_eq!(error.to_string(), "mine.tmpl:2: can't evaluate field Nope in type template.Data");
    let error = templates.text("{{ .Nope }}", &data("firing")).unwrap_err();
    assert_eq!(error.to_string(), "line 1 of the template: can't evaluate field Nope in type template.Data");
}

#[test]
fn files_take_the_place_of_what_is_built_in() {
    let files = [
        ("a.tmpl".to_owned(), "{{ define \"__subject\" }}mine{{ end }}whole".to_owned()),
        ("b.tmpl".to_owned(), "{{ define \"__subject\" }} {{ end }}".to_owned()),
    ];
    let templates = Templates::parse(&files).unwrap();
    let text = "{{ template \"slack.default.title\" . }} {{ template \"a.tmpl\" . }}";
    assert_eq!(templates.text(text, &data("firing")).unwrap(), "mine whole");
}

#[test]
fn rendering_is_bounded() {
    let templates = Templates::default();
    let fails = |text: &str, hint: &str| {
        let error = templates.text(text, &data("firing")).unwrap_err();
        assert!(error.what.contains(hint), "{error}");
    };
    fails("{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}", "does one call itself");
    fails("{{ range 1000000000 }}{{ end }}", "steps");
    fails("{{ range 100000 }}{{ printf \"%9000s\" \"\" }}{{ end }}", "bytes");
    fails("{{ $x := \"a\" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}", "bytes");
    fails("{{ $x := list 1 }}{{ range 1000000 }}{{ $x = append $x 1 }}{{ end }}", "bytes");
    fails("{{ $x := list 1 }}{{ range 1000 }}{{ $x = list $x }}{{ end }}", "inside each other");
    fails(
        "{{ $x := list 1 }}{{ range 30 }}{{ $x = list $x $x $x $x }}{{ end }}{{ $x }}",
        "bytes are printed",
    );
    fails(
        "{{ $x := printf \"%9999s\" \"\" }}{{ printf (reReplaceAll \" \" \"%[1]s\" $x) $x }}",
        "bytes are printed",
    );
    fails("{{ $x := printf \"%9999s\" \"\" }}{{ reReplaceAll \"\" $x $x }}", "bytes are printed");
    fails(
        "{{ define \"a\" }}{{ range 1 }}{{ with (((1))) }}{{ template \"a\" }}{{ end }}{{ end }}{{ end }}{{ template \"a\" }}",
        "inside each other",
    );
    check("{{ printf \"%99999999s\" \"x\" }}", "%!(BADWIDTH)x");
    fails("{{ range 100000 }}{{ $found := match (print .) \"x\" }}{{ end }}", "steps");
    let again = "{{ range 20000 }}{{ if match \"^a+$\" \"aa\" }}{{ end }}{{ end }}";
    check(&format!("{again}{{{{ reReplaceAll \"(b+)\" \"<$1>\" \"abba\" }}}}"), "a<bb>a");
}

#[test]
fn a_message_is_alertmanagers_data() {
    let mut firing = fixture::alert(
        "alertname=HighCpu host=a",
        AlertState::Firing,
        isobar_normalizer::Severity::Critical,
        START,
    );
    firing.annotations.insert("summary".to_owned(), "hot".to_owned());
    let over = fixture::alert(
        "alertname=HighCpu host=b",
        AlertState::Resolved,
        isobar_normalizer::Severity::Critical,
        START,
    );
    let (notification, mut delivery) = fixture::told(&[firing, over], Reason::First);
    delivery.transition = Direction::Firing;
    let message = Message::new(&notification, &delivery, true, START);
    let url = url::Url::parse("https://isobar.example.org/").unwrap();
    let data = TemplateData::of(&message, &url);
    let render = |text: &str| Templates::default().text(text, &data).unwrap();
    assert_eq!(
        render("{{ .Receiver }} {{ .Status }} {{ .NotificationReason }} {{ .ExternalURL }}"),
        "team firing first notification https://isobar.example.org"
    );
    assert_eq!(
        render(
            "{{ len .Alerts.Firing }} {{ len .Alerts.Resolved }} {{ .GroupLabels.alertname }} {{ .CommonLabels.alertname }}"
        ),
        "1 1 HighCpu HighCpu"
    );
    assert_eq!(
        render(
            "{{ range .Alerts }}{{ .Status }} {{ .StartsAt.Unix }} {{ .EndsAt.IsZero }} {{ .Annotations.summary }}|{{ end }}"
        ),
        "firing 1767225600 true hot|resolved 1767225600 false |"
    );
    assert_eq!(
        render("{{ (index .Alerts 0).GeneratorURL }}"),
        render("https://isobar.example.org/alerts?q={{ (index .Alerts 0).Fingerprint }}")
    );
    assert_eq!(
        render("{{ template \"__alertmanagerURL\" . }}"),
        "https://isobar.example.org/alerts?q=alertname%3DHighCpu"
    );
    let mut named = notification.clone();
    named.group.receiver = "db-team (a.b)".into();
    let receiver = TemplateData::of(&Message { notification: &named, ..message }, &url);
    assert_eq!(Templates::default().text("{{ .Receiver }}", &receiver).unwrap(), r"db-team \(a\.b\)");
    let only_firing = Message { send_resolved: false, ..message };
    let data = TemplateData::of(&only_firing, &url);
    assert_eq!(
        Templates::default().text("{{ len .Alerts }}{{ .CommonAnnotations.summary }}", &data).unwrap(),
        "1hot"
    );
}

#[test]
fn every_built_in_template_renders() {
    let templates = Templates::default();
    for name in templates.named.keys().filter(|name| !name.contains("_list") && !name.contains("_pairs")) {
        let argument = match &**name {
            "pagerduty.default.instances" => ".Alerts",
            "__email_alert" => "(index .Alerts 0)",
            _ => ".",
        };
        for case in ["firing", "mixed", "resolved", "hostile"] {
            let text = format!("{{{{ template {name:?} {argument} }}}}");
            templates.text(&text, &data(case)).unwrap_or_else(|error| panic!("{text} {case}: {error}"));
            templates.html(&text, &data(case)).unwrap_or_else(|error| panic!("{text} {case}: {error}"));
        }
    }
}

#[test]
fn nothing_in_a_mail_breaks_out() {
    let html =
        Templates::default().html("{{ template \"email.default.html\" . }}", &data("hostile")).unwrap();
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("javascript:"), "{html}");
    assert!(html.contains("&lt;script&gt;"), "{html}");
    assert!(html.contains("href=\"#ZgotmplZ\""), "{html}");
}
