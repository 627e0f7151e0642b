//! Alert rules that people use.

use std::fs;

use isobar_normalizer::Timestamp;
use isobar_promql::{EngineOptions, Query};

use crate::memory::Memory;

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/promql/rules");

/// The value of an `expr:` line or of the block below it; the files are regular enough not to need a YAML reader.
fn expressions(text: &str) -> Vec<String> {
    let mut expressions = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(value) = line.trim_start().strip_prefix("expr: ") else { continue };
        let value = value.trim();
        if !value.starts_with(['|', '>']) {
            expressions.push(unquoted(value));
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let mut block = String::new();
        while let Some(inner) =
            lines.next_if(|inner| inner.trim().is_empty() || inner.len() - inner.trim_start().len() > indent)
        {
            block.push_str(inner.trim());
            block.push('\n');
        }
        expressions.push(block);
    }
    expressions
}

fn unquoted(value: &str) -> String {
    let inside = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(inner) = inside('\'') {
        return inner.replace("''", "'");
    }
    inside('"').map_or_else(|| value.to_owned(), |inner| inner.replace("\\\"", "\"").replace("\\\\", "\\"))
}

#[test]
fn every_rule_evaluates_on_an_empty_source() {
    let Ok(entries) = fs::read_dir(RULES) else {
        eprintln!("skipped: no rules in {RULES}");
        return;
    };
    let mut count = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        for expression in expressions(&fs::read_to_string(&path).unwrap()) {
            let query =
                Query::parse(&expression).unwrap_or_else(|error| panic!("{path:?} {expression}: {error}"));
            let at = Timestamp::from_millis(1_700_000_000_000);
            let answer = query.instant(at, &Memory::default(), &EngineOptions::default());
            answer.unwrap_or_else(|error| panic!("{path:?} {expression}: {error}"));
            count += 1;
        }
    }
    assert_eq!(count, 446, "expressions in {RULES}");
}
