use isobar_normalizer::Severity;
use proptest::prelude::*;

use super::*;
use crate::alert::AlertState;
use crate::delivery::Reason;
use crate::fixture::{START, alert, told};

fn head(headers: &[(&str, &str)]) -> Head {
    Head {
        from: "Isobar <isobar@example.org>".parse().unwrap(),
        to: vec!["On call <oncall@example.org>".parse().unwrap(), "ops@example.org".parse().unwrap()],
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

/// The mail about one alert with this annotation and label.
fn mail(summary: &str, label: &str, headers: &[(&str, &str)]) -> String {
    let mut one = alert("alertname=HighCpu", AlertState::Firing, Severity::Critical, START);
    one.annotations.insert("summary".to_owned(), summary.to_owned());
    let mut described = one.described.edit();
    described.set("note", label);
    one.described = described.build();
    let (notification, delivery) = told(&[one], Reason::First);
    let message =
        Message { notification: &notification, delivery: &delivery, send_resolved: false, now: START };
    let url = Url::parse("https://isobar.example/").unwrap();
    String::from_utf8(write(&message, &head(headers), &url).unwrap().formatted()).unwrap()
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
        "Subject: [FIRING:1] HighCpu: CPU at 97%",
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
    let (alerts, label) = ("<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>");
    let mut one = alert("alertname=HighCpu", AlertState::Firing, Severity::Critical, START);
    one.annotations.insert("summary".to_owned(), alerts.to_owned());
    one.annotations.insert("note".to_owned(), label.to_owned());
    let (notification, delivery) = told(&[one], Reason::First);
    let message =
        Message { notification: &notification, delivery: &delivery, send_resolved: false, now: START };
    let url = Url::parse("https://isobar.example/").unwrap();
    let html = html(&message, &headline(&message), &url);
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    assert!(html.contains("&lt;script&gt;") && html.contains("&quot;&gt;&lt;img"), "{html}");
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
