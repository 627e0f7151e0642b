//! Whether a result is what an `eval` expects.

use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::{Labels, Timestamp};
use isobar_promql::{Answer, EngineOptions, Query, QueryError, Value};

use super::{Eval, EvalTime, Expect, Message};
use crate::memory::Memory;
use crate::notation::{Cell, millis};

/// Functions whose value depends on the range of the query, so that a range query is no repetition of an instant one.
const RANGE_DEPENDENT: [&str; 4] = ["start()", "end()", "step()", "range()"];

pub(super) fn compare(eval: &Eval, result: &Result<Answer, QueryError>) -> Result<(), String> {
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
pub(super) fn compare_as_range(
    eval: &Eval,
    memory: &Memory,
    result: &Result<Answer, QueryError>,
) -> Result<(), String> {
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
fn close(expected: f64, found: f64) -> bool {
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
