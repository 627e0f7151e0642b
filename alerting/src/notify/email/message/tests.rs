use isobar_normalizer::Severity;
use proptest::prelude::*;

use super::*;
use crate::alert::AlertState;
use crate::delivery::Reason;
use crate::fixture::{START, alert, told};
use crate::gotemplate::Templates;
use crate::notify::email::{HTML, SUBJECT, TEXT};
use crate::notify::fixture::first_of;

fn text(source: &str) -> TemplateText {
    TemplateText::check(None, source, &Templates::default()).unwrap()
}

fn head(headers: &[(&str, &str)]) -> Head {
    let mut all: BTreeMap<String, TemplateText> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
    if !all.keys().any(|name| name.eq_ignore_ascii_case("subject")) {
        all.insert("Subject".to_owned(), text(SUBJECT));
    }
    Head {
        from: Addresses::Fixed(vec!["Isobar <isobar@example.org>".parse().unwrap()]),
        to: Addresses::Fixed(mailboxes("On call <oncall@example.org>, ops@example.org").unwrap()),
        headers: all,
    }
}

fn texts() -> Texts {
    Texts { html: text(HTML).html(), text: text(TEXT) }
}

fn form(head: &Head, texts: &Texts) -> Form {
    let external_url = Url::parse("https://isobar.example/").unwrap();
    Form { head: head.clone(), texts: texts.clone(), external_url }
}

/// The mail about one alert with this annotation and label.
fn mail_with(summary: &str, label: &str, head: &Head, texts: &Texts) -> Result<String, NotifyError> {
    let mut one = alert("alertname=HighCpu", AlertState::Firing, Severity::Critical, START);
    one.annotations.insert("summary".to_owned(), summary.to_owned());
    let mut described = one.described.edit();
    described.set("note", label);
    one.described = described.build();
    let (notification, delivery) = told(&[one], Reason::First);
    let message = Message::new(&notification, &delivery, false, START);
    let mail = form(head, texts).write(&message)?;
    Ok(String::from_utf8(mail.formatted()).unwrap())
}

fn mail(summary: &str, label: &str, headers: &[(&str, &str)]) -> String {
    mail_with(summary, label, &head(headers), &texts()).unwrap()
}

/// Headers of the mail itself, folded lines joined.
fn header_lines(mail: &str) -> Vec<String> {
    let (head, _) = mail.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n").map(str::to_owned).collect()
}

#[test]
fn headers_and_both_parts() {
    let mail = mail("CPU at 97%", "x", &[("X-Team", "platform")]);
    let headers = header_lines(&mail);
    for expected in [
        "From: Isobar <isobar@example.org>",
        "To: \"On call\" <oncall@example.org>, ops@example.org",
        "Subject: [FIRING:1] HighCpu (saturation x critical)",
        "Message-ID: <isobar-0123456789abcdef@isobar.example>",
        "Auto-Submitted: auto-generated",
        "X-Team: platform",
        "MIME-Version: 1.0",
    ] {
        assert!(headers.iter().any(|line| line == expected), "{expected} is missing in\n{headers:#?}");
    }
    assert!(headers.iter().any(|line| line.starts_with("Date: Thu, 01 Jan 2026 00:00:00")), "{headers:#?}");
    assert!(mail.contains("Content-Type: text/plain") && mail.contains("Content-Type: text/html"), "{mail}");
}

#[test]
fn the_same_delivery_is_the_same_message_and_threads_with_its_group() {
    let line =
        |name: &str| header_lines(&mail("a", "b", &[])).into_iter().find(|line| line.starts_with(name));
    assert_eq!(line("Message-ID:"), line("Message-ID:"));
    assert!(line("References:").unwrap().starts_with("References: <isobar-group-"));
}

#[test]
fn what_labels_hold_stays_text_in_html() {
    let (summary, label) = ("<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>");
    let only_html = Texts { text: text(""), ..texts() };
    let mail = mail_with(summary, label, &head(&[]), &only_html).unwrap();
    assert!(mail.contains("Content-Type: text/html") && !mail.contains("text/plain"), "{mail}");
    let (_, body) = mail.split_once("\r\n\r\n").unwrap();
    let body = body.replace("=\r\n", "");
    assert!(!body.contains("<script") && !body.contains("<img"), "{body}");
    assert!(body.contains("&lt;script&gt;") && body.contains("&gt;&lt;img"), "{body}");
}

#[test]
fn every_text_is_a_template() {
    let texts = Texts { html: text("").html(), text: text("{{ len .Alerts }} for {{ .Receiver }}") };
    let mut head = head(&[("Subject", "{{ .CommonLabels.note }}!"), ("X-Status", "{{ .Status }}")]);
    head.to = Addresses::Template(text("{{ .CommonLabels.note }}@example.org, b@example.org"));
    let mail = mail_with("a", "checkout", &head, &texts).unwrap();
    let headers = header_lines(&mail);
    for expected in ["Subject: checkout!", "X-Status: firing", "To: checkout@example.org, b@example.org"] {
        assert!(headers.iter().any(|line| line == expected), "{expected} is missing in\n{headers:#?}");
    }
    assert!(mail.contains("Content-Type: text/plain") && !mail.contains("text/html"), "{mail}");
    assert!(mail.trim_end().ends_with("\r\n\r\n1 for team"), "{mail}");
    let error = mail_with("a", "no address", &head, &texts).unwrap_err();
    assert!(error.to_string().contains("is no mail address"), "{error}");
}

#[test]
fn a_mail_about_a_part_speaks_of_the_whole_and_says_what_is_left_out() {
    let three = ["a", "b", "c"].map(|host| {
        let mut one =
            alert(&format!("alertname=A host={host}"), AlertState::Firing, Severity::Critical, START);
        one.annotations.insert("summary".to_owned(), "hot".to_owned());
        one
    });
    let (notification, delivery) = told(&three, Reason::First);
    let whole = Message::new(&notification, &delivery, false, START);
    let form = form(&head(&[("X-Alerts", "{{ len .Alerts }} {{ .CommonLabels.host }}")]), &texts());
    let written =
        |message: &Message<'_>| String::from_utf8(form.write(message).unwrap().formatted()).unwrap();
    let part = written(&first_of(&whole, 1)).replace("=\r\n", "");
    for header in ["Subject: [FIRING:3] HighCpu (saturation critical)", "X-Alerts: 3 "] {
        let headers = header_lines(&part);
        assert!(headers.iter().any(|line| line == header), "{header} is missing in\n{headers:#?}");
    }
    assert!(part.contains("\r\nand 2 more: https://isobar.example/alerts"), "{part}");
    let html = part.split("text/html").nth(1).unwrap();
    let (link, end) = (html.find("isobar.example/alerts\">and 2 more</a>"), html.find("</body>"));
    assert!(link.is_some() && link < end, "{html}");
    assert!(html.contains("host</td><td>a<") && !html.contains("host</td><td>b<"), "{html}");
    assert!(!written(&whole).contains("more"), "nothing is left out");
}

#[test]
fn a_mail_is_from_one_address() {
    let mut head = head(&[]);
    head.from = Addresses::Template(text("a@example.org, b@example.org"));
    let error = mail_with("a", "x", &head, &texts()).unwrap_err();
    assert!(error.to_string().contains("one mail address"), "{error}");
}

#[test]
fn a_template_that_fails_gives_way_to_the_default() {
    let templates = Templates::default();
    let fails: serde_saphyr::Spanned<String> = serde_saphyr::from_str("'{{ index .Alerts 7 }}'").unwrap();
    let texts = Texts {
        html: TemplateText::check(Some(&fails), HTML, &templates).unwrap().html(),
        text: TemplateText::check(Some(&fails), TEXT, &templates).unwrap(),
    };
    let instead = mail_with("hot", "x", &head(&[]), &texts).unwrap();
    let boundary =
        |mail: &str| mail.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let plain = mail("hot", "x", &[]);
    assert_eq!(instead.replace(&boundary(&instead), ""), plain.replace(&boundary(&plain), ""));
}

#[test]
fn a_configured_subject_replaces_ours() {
    let headers = header_lines(&mail("a", "b", &[("subject", "Page\r\nBcc: thief@example.org")]));
    let subjects: Vec<&String> =
        headers.iter().filter(|line| line.to_lowercase().starts_with("subject:")).collect();
    assert_eq!(subjects, ["subject: Page  Bcc: thief@example.org"]);
}

proptest! {
    /// Whatever an alert says, the mail has the headers it always has and goes to whom it always goes.
    #[test]
    fn no_text_makes_a_header(
        summary in "[\\PC\r\n\u{85}\u{2028}\t]{0,300}",
        label in "[\\PC\r\n\u{85}\u{2028}]{1,100}",
    ) {
        let names = |mail: &str| -> Vec<String> {
            header_lines(mail).iter().map(|line| line.split(':').next().unwrap_or_default().to_owned()).collect()
        };
        let hostile = mail(&format!("{summary}\r\nBcc: thief@example.org\r\n\r\nbody"), &label, &[]);
        let plain = mail("plain", "plain", &[]);
        prop_assert_eq!(names(&hostile), names(&plain));
        prop_assert!(!header_lines(&hostile).iter().any(|line| line.starts_with("Bcc")));
    }
}
