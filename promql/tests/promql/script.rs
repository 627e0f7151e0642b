//! The test language of Prometheus: `load`, `clear`, `eval` with `expect` lines and expected series.

mod compare;

use std::time::Duration;

use isobar_normalizer::{Labels, METRIC_NAME, Timestamp};
use isobar_promql::{Answer, EngineOptions, Query, QueryError};
use regex::Regex;

use crate::memory::Memory;
use crate::notation::{self, Cell, millis};

/// How an `eval` ended.
#[derive(Debug)]
pub enum Outcome {
    Passed,
    /// Not tried, for one of the reasons below.
    Skipped(&'static str),
    Failed(String),
}

const HISTOGRAMS: &str = "native histograms";
const UNSUPPORTED: &str = "refused as not supported";
const EXPERIMENTAL: &str = "experimental syntax";
const BYTE_ESCAPES: &str = "byte escapes";

/// Syntax that the parser does not know, in expressions it refuses: extended vectors, histogram trimming, duration
/// expressions, `info` with selectors that match everything.
const EXPERIMENTAL_SYNTAX: &str =
    r"anchored|smoothed|</|>/|info\(|\[[^\]]*[-+*/%(]|(?i:offset *[-+]?[a-z(]|\[[^\]]*step)";

/// Words of features that must be switched on in Prometheus, in scripts that then are not tried.
const EXPERIMENTAL_DATA: [(&str, &str); 2] =
    [("@st", "start timestamps in the data"), ("__type__", "type and unit labels")];

#[derive(Debug, Default)]
struct Eval {
    line: usize,
    time: EvalTime,
    expression: String,
    expects: Vec<Expect>,
    series: Vec<(Labels, Vec<Cell>)>,
    scalar: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
enum EvalTime {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

impl Default for EvalTime {
    fn default() -> Self {
        Self::Instant(0)
    }
}

#[derive(Debug)]
struct Expect {
    kind: String,
    /// The text or expression a message must match.
    message: Option<Message>,
    /// What follows the kind.
    rest: String,
}

#[derive(Debug)]
enum Message {
    Text(String),
    Matching(Regex),
}

/// Runs a script; gives each `eval` with its line.
pub fn run(script: &str) -> Vec<(usize, String, Outcome)> {
    let mut memory = Memory::default();
    let mut outcomes = Vec::new();
    let feature =
        EXPERIMENTAL_DATA.iter().find(|(word, _)| script.contains(word)).map(|(_, feature)| *feature);
    for (line, command) in commands(script) {
        let head = command[0].as_str();
        if head == "clear" {
            memory = Memory::default();
        } else if feature.is_some() && head.starts_with("load") {
            continue;
        } else if let Some(interval) = head.strip_prefix("load_with_nhcb ") {
            load(&mut memory, interval, &command[1..], true);
        } else if let Some(interval) = head.strip_prefix("load ") {
            load(&mut memory, interval, &command[1..], false);
        } else {
            let eval = parse_eval(line, &command);
            let outcome = feature.map_or_else(|| judge(&eval, &memory), Outcome::Skipped);
            outcomes.push((line, eval.expression, outcome));
        }
    }
    outcomes
}

/// Commands with the lines that belong to them, comments and blank lines gone.
fn commands(script: &str) -> Vec<(usize, Vec<String>)> {
    let mut commands: Vec<(usize, Vec<String>)> = Vec::new();
    for (number, line) in script.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let starts = ["load", "clear", "eval"].iter().any(|word| line.starts_with(word));
        match commands.last_mut() {
            Some((_, command)) if !starts => command.push(line.to_owned()),
            _ => commands.push((number + 1, vec![line.to_owned()])),
        }
    }
    commands
}

fn load(memory: &mut Memory, interval: &str, lines: &[String], with_histograms: bool) {
    let interval = millis(interval.trim());
    for line in lines {
        let (labels, cells) = notation::series(line);
        memory.load(&labels, interval, &cells);
        let name = labels.name().unwrap_or_default();
        if let Some(base) = name.strip_suffix("_bucket").filter(|_| with_histograms) {
            let whole = labels.edit().remove("le").set(METRIC_NAME, base).build();
            memory.load(&whole, interval, &vec![Cell::Histogram; cells.len()]);
        }
    }
}

fn parse_eval(line: usize, command: &[String]) -> Eval {
    let (kind, rest) = command[0].split_once(' ').unwrap();
    let mut eval = Eval { line, ..Eval::default() };
    let words: Vec<&str> = rest.split_whitespace().collect();
    let skip = |count: usize| {
        let mut rest = rest;
        for _ in 0..count {
            rest = rest.trim_start();
            rest = &rest[rest.find(char::is_whitespace).unwrap()..];
        }
        rest.trim().to_owned()
    };
    match words[0] {
        "instant" if words[1] == "at" => {
            eval.time = EvalTime::Instant(millis(words[2]));
            eval.expression = skip(3);
        }
        "range" => {
            let times = [words[2], words[4], words[6]].map(millis);
            eval.time = EvalTime::Range { start: times[0], end: times[1], step: times[2] };
            eval.expression = skip(7);
        }
        other => panic!("line {line}: eval {other}"),
    }
    if let Some(old) = kind.strip_prefix("eval_") {
        eval.expects.push(Expect { kind: old.to_owned(), message: None, rest: String::new() });
    }
    for line in &command[1..] {
        if let Some(expect) = line.strip_prefix("expect ") {
            eval.expects.push(parse_expect(expect));
        } else if let Some(message) = line.strip_prefix("expected_fail_message ") {
            let message = Some(Message::Text(message.trim().to_owned()));
            eval.expects.push(Expect { kind: "fail".to_owned(), message, rest: String::new() });
        } else if line.split_whitespace().count() == 1 && line.parse::<f64>().is_ok() {
            eval.scalar = Some(notation::number(line));
        } else {
            eval.series.push(notation::series(line));
        }
    }
    eval
}

fn parse_expect(text: &str) -> Expect {
    let (kind, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let message = if let Some(exact) = rest.strip_prefix("msg:") {
        let exact = Regex::new(r" \(\d+:\d+\)$").unwrap().replace(exact.trim(), "").into_owned();
        Some(Message::Text(exact))
    } else {
        rest.strip_prefix("regex:").map(|pattern| {
            // The position at the end is not ours to know.
            let pattern = pattern.trim();
            let end = pattern.rfind(r" \(").unwrap_or(pattern.len());
            Message::Matching(Regex::new(&format!("^(?:{})", &pattern[..end])).unwrap())
        })
    };
    Expect { kind: kind.to_owned(), message, rest: rest.to_owned() }
}

impl Eval {
    fn expects(&self, kind: &str) -> impl Iterator<Item = &Expect> {
        self.expects.iter().filter(move |expect| expect.kind == kind)
    }

    fn run(&self, memory: &Memory) -> Result<Answer, QueryError> {
        let query = Query::parse(&self.expression)?;
        let options = EngineOptions::default();
        match self.time {
            EvalTime::Instant(at) => query.instant(Timestamp::from_millis(at), memory, &options),
            EvalTime::Range { start, end, step } => query.range(
                Timestamp::from_millis(start),
                Timestamp::from_millis(end),
                Duration::from_millis(step as u64),
                memory,
                &options,
            ),
        }
    }
}

/// An answer is compared also where histograms are read: most functions leave them out, as this engine does always.
/// Only where the answer then differs is it the histograms' fault, or may be.
fn judge(eval: &Eval, memory: &Memory) -> Outcome {
    memory.took_histogram();
    let result = eval.run(memory);
    let histogram_expected =
        eval.series.iter().any(|(_, cells)| cells.iter().any(|c| matches!(c, Cell::Histogram)));
    let histograms = memory.took_histogram() || histogram_expected;
    if let Err(QueryError::Parse(error)) = &result {
        if error.ends_with("is not supported") {
            return Outcome::Skipped(UNSUPPORTED);
        }
        if error.contains("byte escape") && eval.expects("fail").any(|expect| expect.message.is_some()) {
            return Outcome::Skipped(BYTE_ESCAPES);
        }
        if Regex::new(EXPERIMENTAL_SYNTAX).unwrap().is_match(&eval.expression) {
            return Outcome::Skipped(EXPERIMENTAL);
        }
    }
    match compare::compare(eval, &result).and_then(|()| compare::compare_as_range(eval, memory, &result)) {
        Ok(()) => Outcome::Passed,
        Err(_) if histograms => Outcome::Skipped(HISTOGRAMS),
        Err(reason) => Outcome::Failed(format!("line {}: {}: {reason}", eval.line, eval.expression)),
    }
}
