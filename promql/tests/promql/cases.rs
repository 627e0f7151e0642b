//! `cases/*.case`: data and queries, `----`, what is answered. `UPDATE_EXPECT=1` rewrites the answers.
//!
//! `load INTERVAL` with series lines replaces the data. `at T: QUERY` and `from A to B step C: QUERY` ask.

use std::fmt::Write;
use std::fs;
use std::time::Duration;

use expect_test::expect_file;
use isobar_normalizer::Timestamp;
use isobar_promql::{EngineOptions, Query, QueryError, Value, format_scalar, format_value};

use crate::memory::Memory;
use crate::notation::{self, millis};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn cases_are_answered_as_written() {
    let mut paths: Vec<_> = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "case"));
    assert!(paths.len() >= 5, "cases are missing in {CASES}");
    for path in paths {
        let answered = answer_all(&fs::read_to_string(&path).unwrap());
        expect_file![&path].assert_eq(&answered);
    }
}

/// The file with every answer written anew.
fn answer_all(text: &str) -> String {
    let mut memory = Memory::default();
    let mut interval = None;
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        writeln!(out, "{line}").unwrap();
        let trimmed = line.trim();
        if let Some(every) = trimmed.strip_prefix("load ") {
            memory = Memory::default();
            interval = Some(millis(every));
        } else if trimmed.is_empty() || trimmed.starts_with('#') {
            interval = None;
        } else if let Some(interval) = interval {
            let (labels, cells) = notation::series(trimmed);
            memory.load(&labels, interval, &cells);
        } else if trimmed.starts_with("at ") || trimmed.starts_with("from ") {
            let (when, query) = trimmed.split_once(": ").expect("a query follows the colon");
            out.push_str("----\n");
            out.push_str(&answer(when, query, &memory));
            while lines.next_if(|line| !line.trim().is_empty()).is_some() {}
        } else {
            panic!("{line:?} is neither data nor a query");
        }
    }
    out
}

fn answer(when: &str, query: &str, memory: &Memory) -> String {
    let words: Vec<&str> = when.split_whitespace().collect();
    let time = |text: &str| Timestamp::from_millis(millis(text));
    let options = EngineOptions::default();
    let answer = Query::parse(query).and_then(|query| match words[..] {
        ["at", at] => query.instant(time(at), memory, &options),
        ["from", start, "to", end, "step", step] => {
            let step = Duration::from_millis(millis(step) as u64);
            query.range(time(start), time(end), step, memory, &options)
        }
        _ => panic!("{when:?} is neither `at T` nor `from A to B step C`"),
    });
    match answer {
        Ok(answer) => {
            let mut text = shown(&answer.value);
            answer.warnings.iter().chain(&answer.infos).for_each(|note| writeln!(text, "{note}").unwrap());
            if text.is_empty() { "nothing\n".to_owned() } else { text }
        }
        Err(error) => {
            let kind = match error {
                QueryError::Parse(_) => "parse",
                QueryError::Execution(_) => "execution",
                QueryError::Limit(_) => "limit",
                QueryError::Timeout(_) => "timeout",
                QueryError::Cancelled => "cancelled",
            };
            format!("error ({kind}): {error}\n")
        }
    }
}

fn shown(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Scalar(_, value) => writeln!(text, "{}", format_scalar(*value)).unwrap(),
        Value::String(_, value) => writeln!(text, "{value:?}").unwrap(),
        Value::Vector(samples) => {
            for sample in samples {
                writeln!(text, "{} {}", sample.labels, format_value(sample.value)).unwrap();
            }
        }
        Value::Matrix(series) => {
            for one in series {
                write!(text, "{}", one.labels).unwrap();
                for (at, value) in &one.points {
                    write!(text, " {}@{}", format_value(*value), at.seconds()).unwrap();
                }
                text.push('\n');
            }
        }
    }
    text
}
