//! What holds for every text.

use std::sync::LazyLock;

use super::*;

/// Pieces of templates: random sequences of them reach further into the parser than random letters.
const PIECES: [&str; 44] = [
    "{{",
    "}}",
    "{{-",
    "-}}",
    " ",
    "\n",
    "text",
    "<a href=\"",
    "\">",
    "<!--",
    "-->",
    "<style>",
    "if",
    "else",
    "end",
    "range",
    "with",
    "define",
    "template",
    "block",
    "break",
    "\"__subject\"",
    "\"x\"",
    "`raw`",
    "'c'",
    ".",
    ".Alerts",
    ".Labels",
    ".CommonLabels",
    ".SortedPairs",
    "$x",
    ":=",
    "=",
    ",",
    "|",
    "(",
    ")",
    "1",
    "2.5e3",
    "nil",
    "printf \"%d %5.2f %*[1]d\"",
    "index",
    "and",
    "len",
];

/// Whole actions: most sequences of them are templates.
const ACTIONS: [&str; 16] = [
    "{{ . }}",
    "{{ range .Alerts }}",
    "{{ range $k, $v := .CommonLabels }}",
    "{{ with .GroupLabels }}",
    "{{ if .Status }}",
    "{{ else }}",
    "{{ end }}",
    "{{ template \"__text_alert_list\" .Alerts }}",
    "{{ .StartsAt.Format \"Mon Jan _2 15:04:05.999 2006 -07:00\" }}",
    "{{ printf \"%v %q %x %08.3f %-9s|\" . . 255 1.5 \"x\" }}",
    "{{ toJson . }}",
    "<p title='{{ .Status }}'>",
    "<a href={{ .ExternalURL }}>",
    "{{ $ }}",
    "{{ slice .Status 1 3 }}",
    "{{ index .Alerts 0 }}",
];

static TEMPLATES: LazyLock<Templates> = LazyLock::new(Templates::default);
static DATA: LazyLock<[TemplateData; 2]> = LazyLock::new(|| [data("mixed"), data("hostile")]);

fn try_both(text: &str) {
    for data in &*DATA {
        let rendered = [TEMPLATES.text(text, data), TEMPLATES.html(text, data)];
        for text in rendered.into_iter().flatten() {
            assert!(text.len() <= 4 << 20);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_is_rendered_or_refused(text in "(?s).{0,60}") {
        try_both(&text);
        try_both(&format!("{{{{ {text} }}}}"));
    }

    #[test]
    fn any_pieces_are_rendered_or_refused(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..30)) {
        try_both(&pieces.concat());
    }

    #[test]
    fn any_actions_are_rendered_or_refused(actions in prop::collection::vec(prop::sample::select(&ACTIONS[..]), 0..12)) {
        try_both(&actions.concat());
    }

    #[test]
    fn text_without_actions_stays(text in "[^{]{0,60}") {
        prop_assert_eq!(TEMPLATES.text(&text, &DATA[0]).unwrap(), text);
    }

    #[test]
    fn a_string_literal_says_what_it_holds(text in "(?s).{0,40}") {
        let literal = format::printf("%q", &[value::Value::text(&text)]).unwrap();
        let rendered = TEMPLATES.text(&format!("{{{{ {literal} }}}}"), &DATA[0]).unwrap();
        prop_assert_eq!(rendered, text);
    }

    /// Whatever a label says, the element it stands in stays as it is.
    #[test]
    fn a_value_stays_inside_its_element(value in "(?s).{0,40}") {
        let quoted = format::printf("%q", &[value::Value::text(&value)]).unwrap();
        let text = format!("<p title=\"{{{{ $v := {quoted} }}}}{{{{ $v }}}}\" lang={{{{ $v }}}}>{{{{ $v }}}}</p>");
        let html = TEMPLATES.html(&text, &DATA[0]).unwrap();
        prop_assert_eq!(html.matches('<').count(), 2);
        prop_assert_eq!(html.matches('>').count(), 2);
        prop_assert_eq!(html.matches('"').count(), 2);
    }
}
