use super::*;
use crate::fake::{NOW, alert, delivery, source};

fn overview(text: &str) -> Overview {
    let mut alert = alert("x", Severity::Error, AlertState::NoData);
    alert.name = text.to_owned();
    alert.id = text.to_owned();
    alert.resource = Some(text.to_owned());
    alert.annotations.insert("summary".to_owned(), text.to_owned());
    alert.acknowledged_by = Some(text.to_owned());
    let mut delivery = delivery(text, DeliveryState::Failed);
    delivery.receiver = text.to_owned();
    delivery.channel = text.to_owned();
    delivery.last_error = Some(text.to_owned());
    let mut source = source(text, SourceState::Degraded);
    source.kind = text.to_owned();
    source.reason = Some(text.to_owned());
    let stage = StageHealth { name: text.to_owned(), ok: false, detail: text.to_owned(), since: NOW };
    Overview {
        now: NOW,
        alerts: vec![alert],
        deliveries: vec![delivery],
        sources: vec![source],
        stages: vec![stage],
    }
}

/// Ways to write script into a page, composed of what breaks out, what runs and how it is disguised.
fn corpus() -> Vec<String> {
    let breakouts =
        ["", "\"", "'", "\">", "'>", "-->", "</title>", "</td></table>", "`", "]]>", "\u{0}", "\u{202E}"];
    let payloads = [
        "<script>alert(1)</script>",
        "<ScRiPt src=//evil.example></sCrIpT>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<a href=javascript:alert(1)>x</a>",
        "<iframe srcdoc='<script>alert(1)</script>'>",
        " onmouseover=alert(1) x=",
        " autofocus onfocus=alert(1) ",
        "javascript:alert(1)",
        "<style>@import '//evil.example'</style>",
        "<base href=//evil.example>",
        "<meta http-equiv=refresh content=0;url=//evil.example>",
        "<form action=//evil.example><button>",
        "<math><mtext><script>alert(1)</script>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&#60;script&#62;",
        "\u{FF1C}script\u{FF1E}",
        "<!--",
        "{{7*7}}",
    ];
    breakouts.iter().flat_map(|breakout| payloads.map(|payload| format!("{breakout}{payload}"))).collect()
}

/// Every tag of the page with its attributes' names, and none of its text.
fn skeleton(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let tag = &rest[start..];
        let mut quoted = false;
        let mut bones = String::new();
        let mut length = tag.len();
        for (at, c) in tag.char_indices() {
            match c {
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    length = at + 1;
                    break;
                }
                c if !quoted => bones.push(c),
                _ => {}
            }
        }
        tags.push(bones);
        rest = &tag[length..];
    }
    tags
}

#[test]
fn no_text_of_others_changes_the_structure_of_the_page() {
    let corpus = corpus();
    assert!(corpus.len() > 200);
    let plain = skeleton(&page(overview("plain")));
    assert!(plain.len() > 50);
    for text in corpus {
        let html = page(overview(&text));
        assert_eq!(skeleton(&html), plain, "{text}");
        for link in html.split("href=\"").skip(1) {
            assert!(link.starts_with('/') || link.starts_with("data:,\""), "{text}: {link}");
        }
        assert!(!html.contains('\u{202E}') && !html.contains('\u{0}'));
        let refused = refusal(StatusCode::NOT_FOUND, &text);
        assert_eq!(skeleton(&refused), skeleton(&refusal(StatusCode::NOT_FOUND, "plain")), "{text}");
    }
}

#[test]
fn the_page_needs_no_script_and_no_inline_style() {
    let html = page(overview("x"));
    assert!(!html.contains("<script") && !html.contains("style=") && !html.contains("<style"), "{html}");
    assert!(html.starts_with("<!doctype html><html lang=\"en\">"));
}

fn check(change: impl FnOnce(&mut Overview), mood: &str, expected: &str) {
    let mut calm = Overview {
        now: NOW,
        alerts: Vec::new(),
        deliveries: vec![delivery("d", DeliveryState::Sent)],
        sources: vec![source("a", SourceState::Up), source("b", SourceState::Disabled)],
        stages: vec![StageHealth { name: "store".into(), ok: true, detail: String::new(), since: NOW }],
    };
    change(&mut calm);
    assert_eq!(sentence(&calm), (mood, expected.to_owned()));
}

#[test]
fn one_sentence_says_how_things_stand() {
    check(|_| {}, "fine", "No alert is open. 1 of 1 sources deliver.");
    check(|o| o.sources.clear(), "fine", "No alert is open. No source is configured.");
    check(|o| o.sources[0].state = SourceState::Down, "warning", "No alert is open. 0 of 1 sources deliver.");
    check(|o| o.stages[0].ok = false, "critical", "Isobar itself needs help: 1 stage is stuck.");
    check(
        |o| o.deliveries[0].state = DeliveryState::Dead,
        "warning",
        "No alert is open. 1 of 1 sources deliver. 1 delivery was given up.",
    );
    let two =
        vec![alert("A", Severity::Error, AlertState::Firing), alert("B", Severity::Info, AlertState::NoData)];
    check(|o| o.alerts = two, "error", "2 alerts are open, 1 high. 1 of 1 sources deliver.");
}

#[test]
fn the_worst_comes_first_and_what_is_over_is_not_shown() {
    let mut overview = overview("x");
    overview.alerts = vec![
        alert("Mild", Severity::Info, AlertState::Firing),
        alert("Over", Severity::Critical, AlertState::Resolved),
        alert("Worst", Severity::Critical, AlertState::Firing),
    ];
    let html = page(overview);
    assert!(html.find("Worst").unwrap() < html.find("Mild").unwrap());
    assert!(!html.contains("Over on db-1"));
    assert!(html.contains("1m30s"));
}
