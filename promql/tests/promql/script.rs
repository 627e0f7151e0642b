//! The test language of Prometheus: `load`, `clear`, `eval` with `expect` lines and expected series.

use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::{Labels, METRIC_NAME, Timestamp};
use isobar_promql::{Answer, EngineOptions, Query, QueryError, Value};
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
    r"anchored|smoothed|</|>/|info\(|\[[^\]]*[-+*/%(]|(?i:offset *-?[a-z(]|\[[^\]]*step)";

/// Words of features that must be switched on in Prometheus, in scripts that then are not tried.
const EXPERIMENTAL_DATA: [(&str, &str); 2] =
    [("@st", "start timestamps in the data"), ("__type__", "type and unit labels")];

/// Functions whose value depends on the range of the query, so that a range query is no repetition of an instant one.
const RANGE_DEPENDENT: [&str; 4] = ["start()", "end()", "step()", "range()"];

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

fn judge(eval: &Eval, memory: &Memory) -> Outcome {
    memory.took_histogram();
    let result = eval.run(memory);
    let histogram_expected =
        eval.series.iter().any(|(_, cells)| cells.iter().any(|c| matches!(c, Cell::Histogram)));
    if memory.took_histogram() || histogram_expected {
        return Outcome::Skipped(HISTOGRAMS);
    }
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
    match compare(eval, &result).and_then(|()| compare_as_range(eval, memory, &result)) {
        Ok(()) => Outcome::Passed,
        Err(reason) => Outcome::Failed(format!("line {}: {}: {reason}", eval.line, eval.expression)),
    }
}

fn compare(eval: &Eval, result: &Result<Answer, QueryError>) -> Result<(), String> {
    let mut fails = eval.expects("fail").peekable();
    let answer = match result {
        Ok(_) if fails.peek().is_some() => return Err("no failure".to_owned()),
        Ok(answer) => answer,
        Err(error) if fails.peek().is_some() => {
            let text = error.to_string();
            return fails.all(|expect| matches(expect, &text)).then_some(()).ok_or(text);
        }
        Err(error) => return Err(error.to_string()),
    };
    compare_notes(eval, "warn", "no_warn", &answer.warnings)?;
    compare_notes(eval, "info", "no_info", &answer.infos)?;
    compare_value(eval, &answer.value)
}

fn matches(expect: &Expect, text: &str) -> bool {
    match &expect.message {
        None => true,
        // Our kinds of error come with a prefix.
        Some(Message::Text(exact)) => text.strip_prefix("parse error: ").unwrap_or(text) == exact,
        Some(Message::Matching(pattern)) => pattern.is_match(text),
    }
}

fn compare_notes(eval: &Eval, kind: &str, none: &str, notes: &[String]) -> Result<(), String> {
    if eval.expects(none).next().is_some() && !notes.is_empty() {
        return Err(format!("{none} expected: {notes:?}"));
    }
    let missing = eval.expects(kind).find(|expect| !notes.iter().any(|note| matches(expect, note)));
    if let Some(expect) = missing {
        return Err(format!("{expect:?} not among {notes:?}"));
    }
    let expected = eval.expects(kind).next().is_some();
    match notes.iter().find(|note| expected && !eval.expects(kind).any(|expect| matches(expect, note))) {
        Some(surplus) => Err(format!("unexpected {surplus}")),
        None => Ok(()),
    }
}

fn compare_value(eval: &Eval, value: &Value) -> Result<(), String> {
    match (eval.time, value) {
        (_, Value::Scalar(_, found)) => {
            let expected = eval.scalar.or_else(|| single(eval));
            match expected {
                Some(expected) if close(expected, *found) => Ok(()),
                expected => Err(format!("{found}, not {expected:?}")),
            }
        }
        (_, Value::String(_, found)) => {
            let expected =
                eval.expects("string").next().map(|expect| expect.rest.as_str()).unwrap_or_default();
            let inside = expected.get(1..expected.len().saturating_sub(1)).unwrap_or_default();
            (inside == found).then_some(()).ok_or_else(|| format!("{found:?}, not {expected}"))
        }
        (EvalTime::Instant(_), Value::Vector(samples)) => {
            let found: Vec<(Labels, f64)> = samples.iter().map(|s| (s.labels.clone(), s.value)).collect();
            compare_vector(eval, &found)
        }
        (EvalTime::Instant(_), Value::Matrix(series)) => {
            let times = eval.expects("range").next().map(|expect| expect.rest.clone()).unwrap_or_default();
            let words: Vec<&str> = times.split_whitespace().collect();
            let [_, "from", start, "to", _, "step", step] = words[..] else {
                return Err(format!("a range vector is not expected: {series:?}"));
            };
            compare_points(eval, series, millis(start), millis(step))
        }
        (EvalTime::Range { start, step, .. }, Value::Matrix(series)) => {
            compare_points(eval, series, start, step)
        }
        (EvalTime::Range { .. }, Value::Vector(_)) => Err("a vector from a range query".to_owned()),
    }
}

fn single(eval: &Eval) -> Option<f64> {
    match &eval.series[..] {
        [(_, cells)] => match cells[..] {
            [Cell::Value(value)] => Some(value),
            _ => None,
        },
        _ => None,
    }
}

fn compare_vector(eval: &Eval, found: &[(Labels, f64)]) -> Result<(), String> {
    let expected: Vec<(Labels, f64)> = eval
        .series
        .iter()
        .filter_map(|(labels, cells)| match cells.first() {
            Some(Cell::Value(value)) => Some((labels.clone(), *value)),
            _ => None,
        })
        .collect();
    let complain = || Err(format!("{found:?}, not {expected:?}"));
    if found.len() != expected.len() {
        return complain();
    }
    if eval.expects("ordered").next().is_some() {
        let same = found.iter().zip(&expected).all(|(f, e)| f.0 == e.0 && close(e.1, f.1));
        return if same { Ok(()) } else { complain() };
    }
    let found_by_labels: BTreeMap<&Labels, f64> =
        found.iter().map(|(labels, value)| (labels, *value)).collect();
    let same =
        expected.iter().all(|(labels, value)| found_by_labels.get(labels).is_some_and(|f| close(*value, *f)));
    if same { Ok(()) } else { complain() }
}

fn compare_points(
    eval: &Eval,
    found: &[isobar_promql::RangeSeries],
    start: i64,
    step: i64,
) -> Result<(), String> {
    let complain = || Err(format!("{found:?}, not {:?}", eval.series));
    let expected: BTreeMap<&Labels, Vec<(i64, f64)>> = eval
        .series
        .iter()
        .map(|(labels, cells)| {
            let points = cells.iter().enumerate().filter_map(|(index, cell)| match cell {
                Cell::Value(value) => Some((start + step * index as i64, *value)),
                _ => None,
            });
            (labels, points.collect())
        })
        .collect();
    if found.len() != expected.len() {
        return complain();
    }
    for series in found {
        let Some(points) = expected.get(&series.labels) else { return complain() };
        let same = points.len() == series.points.len()
            && points.iter().zip(&series.points).all(|(e, f)| e.0 == f.0.millis() && close(e.1, f.1));
        if !same {
            return complain();
        }
    }
    Ok(())
}

/// An instant query must give the same in the middle of a range query.
fn compare_as_range(eval: &Eval, memory: &Memory, result: &Result<Answer, QueryError>) -> Result<(), String> {
    let EvalTime::Instant(at) = eval.time else { return Ok(()) };
    let comparable = matches!(result, Ok(Answer { value: Value::Vector(_) | Value::Scalar(..), .. }));
    let depends = RANGE_DEPENDENT.iter().any(|word| eval.expression.contains(word));
    if !comparable || depends || eval.expects("ordered").next().is_some() {
        return Ok(());
    }
    const MINUTE: i64 = 60_000;
    let query = Query::parse(&eval.expression).map_err(|error| error.to_string())?;
    let answer = query
        .range(
            Timestamp::from_millis(at - MINUTE),
            Timestamp::from_millis(at + MINUTE),
            Duration::from_secs(60),
            memory,
            &EngineOptions::default(),
        )
        .map_err(|error| format!("as a range query: {error}"))?;
    let Value::Matrix(series) = answer.value else { return Err("a range query without a matrix".to_owned()) };
    let middle: Vec<(Labels, f64)> = series
        .iter()
        .filter_map(|one| {
            let point = one.points.iter().find(|point| point.0.millis() == at)?;
            Some((one.labels.clone(), point.1))
        })
        .collect();
    match eval.scalar {
        Some(expected) if middle.len() == 1 && close(expected, middle[0].1) => Ok(()),
        Some(expected) => Err(format!("as a range query: {middle:?}, not {expected}")),
        None => compare_vector(eval, &middle).map_err(|reason| format!("as a range query: {reason}")),
    }
}

/// Equal up to a millionth, as the scripts assume.
pub fn close(expected: f64, found: f64) -> bool {
    if expected == found || (expected.is_nan() && found.is_nan()) {
        return true;
    }
    if expected.is_infinite() || found.is_infinite() {
        return false;
    }
    let sum = expected.abs() + found.abs();
    let difference = (expected - found).abs();
    if expected == 0.0 || found == 0.0 { difference < 1e-6 } else { difference / sum.min(f64::MAX) < 1e-6 }
}
