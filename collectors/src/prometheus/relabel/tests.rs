use isobar_normalizer::Labels;
use serde_saphyr::Spanned;

use super::*;

fn rules(yaml: &str) -> Result<Vec<Rule>, String> {
    let raw: Vec<Spanned<RawRule>> = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    check(raw).map_err(|error| error.to_string())
}

#[track_caller]
fn relabeled(yaml: &str, before: &[(&str, &str)], expected: Option<&[(&str, &str)]>) {
    let mut labels = Labels::from_pairs(before.iter().copied()).unwrap().edit();
    let kept = apply(&rules(yaml).unwrap(), &mut labels);
    let expected = expected.map(|pairs| Labels::from_pairs(pairs.iter().copied()).unwrap());
    assert_eq!(kept.then(|| labels.build()), expected, "{yaml}");
}

const HOST: &[(&str, &str)] = &[("a", "foo"), ("b", "bar"), ("c", "baz")];

#[test]
fn replace() {
    relabeled(
        "[{source_labels: [a, b], regex: 'f(.*);(.*)r', target_label: a, replacement: 'b${1}${2}m'}]",
        HOST,
        Some(&[("a", "boobam"), ("b", "bar"), ("c", "baz")]),
    );
    relabeled("[{target_label: d, replacement: x}]", &[], Some(&[("d", "x")]));
    relabeled(
        "[{source_labels: [a], target_label: b}]",
        HOST,
        Some(&[("a", "foo"), ("b", "foo"), ("c", "baz")]),
    );
    // Anchored at both ends: no match, no change.
    relabeled("[{source_labels: [a], regex: o, target_label: b, replacement: x}]", HOST, Some(HOST));
    // An empty result removes the label.
    relabeled(
        "[{source_labels: [a], regex: 'f(x?)oo', target_label: b}]",
        HOST,
        Some(&[("a", "foo"), ("c", "baz")]),
    );
    // The target's name may come from the source; one that comes out empty is passed over.
    relabeled(
        "[{source_labels: [a, b], separator: '-', regex: '(.*)-(.*)', target_label: 'n_$1', replacement: '${2}!'}]",
        HOST,
        Some(&[("a", "foo"), ("b", "bar"), ("c", "baz"), ("n_foo", "bar!")]),
    );
    relabeled(
        "[{source_labels: [a], regex: 'foo(x?)', target_label: '$1', replacement: v}]",
        HOST,
        Some(HOST),
    );
    // `.` takes line breaks, as the store's matchers do.
    relabeled(
        "[{source_labels: [a], target_label: b}]",
        &[("a", "x\ny")],
        Some(&[("a", "x\ny"), ("b", "x\ny")]),
    );
}

#[test]
fn keep_and_drop() {
    relabeled("[{source_labels: [a], regex: fo+, action: keep}]", HOST, Some(HOST));
    relabeled("[{source_labels: [a], regex: o, action: keep}]", HOST, None);
    relabeled("[{source_labels: [a, missing], regex: 'foo;', action: Drop}]", HOST, None);
    relabeled("[{source_labels: [a], regex: o, action: drop}]", HOST, Some(HOST));
    relabeled("[{source_labels: [a], target_label: b, action: keepequal}]", HOST, None);
    relabeled("[{source_labels: [a], target_label: b, action: dropequal}]", HOST, Some(HOST));
    relabeled("[{source_labels: [x], target_label: y, action: dropequal}]", HOST, None);
}

#[test]
fn names_and_cases() {
    relabeled("[{regex: '[ab]', action: labeldrop}]", HOST, Some(&[("c", "baz")]));
    relabeled("[{regex: '[ab]', action: labelkeep}]", HOST, Some(&[("a", "foo"), ("b", "bar")]));
    relabeled(
        "[{regex: '__meta_(.+)', action: labelmap}]",
        &[("__meta_zone", "z1"), ("a", "1")],
        Some(&[("__meta_zone", "z1"), ("zone", "z1"), ("a", "1")]),
    );
    relabeled(
        "[{source_labels: [a], action: uppercase, target_label: u}, {source_labels: [u], action: lowercase, target_label: l}]",
        &[("a", "MiX")],
        Some(&[("a", "MiX"), ("u", "MIX"), ("l", "mix")]),
    );
}

/// The last sixteen digits of `printf %s TEXT | md5sum`, modulo 1000.
#[test]
fn hashmod_is_the_tail_of_md5() {
    for (text, shard) in [("127.0.0.1:9100", "150"), ("foo", "696")] {
        let rule = "[{source_labels: [t], action: hashmod, modulus: 1000, target_label: shard}]";
        relabeled(rule, &[("t", text)], Some(&[("t", text), ("shard", shard)]));
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (yaml, message) in [
        ("- {action: replac}", "1:12: unknown action \"replac\": one of replace"),
        ("- {source_labels: [a], action: hashmod, target_label: b}", "1:3: action hashmod needs a modulus"),
        (
            "- {source_labels: [a], action: hashmod, target_label: b, modulus: 0}",
            "1:67: action hashmod needs",
        ),
        ("- {source_labels: [a]}", "1:3: action replace needs a target_label"),
        ("- {source_labels: [a], target_label: ''}", "1:38: target_label cannot be empty"),
        ("- {regex: '(', action: keep}", "1:11: regex \"(\": unclosed group"),
        (
            "- {regex: a, target_label: b, action: labeldrop}",
            "1:28: target_label has no effect on action labeldrop",
        ),
        (
            "- {source_labels: [a], action: lowercase, target_label: b, replacement: x}",
            "1:73: replacement has no",
        ),
        ("- {regex: '(a{1000}){1000}', action: drop}", "regex"),
    ] {
        let error = rules(yaml).unwrap_err();
        assert!(error.starts_with(message) || error.contains(message), "{yaml}: {error}");
    }
    assert!(rules("- {sources: [a]}").unwrap_err().contains("sources"));
}

#[test]
fn words_of_yaml_are_texts() {
    relabeled(
        "[{source_labels: [a], regex: true, action: keep}, {target_label: port, replacement: 9100}]",
        &[("a", "true")],
        Some(&[("a", "true"), ("port", "9100")]),
    );
}
