//! What templates may call: Go's own functions and Alertmanager's, by name.
//!
//! Source: prometheus/alertmanager `template.DefaultFuncs` of 0.25 to 0.34 and the documentation of Go's package
//! text/template, read 2026-11.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use isobar_normalizer::Timestamp;
use regex::{Regex, RegexBuilder};

use super::builtin;
use super::escape::query_unescaped;
use super::format::general;
use super::json;
use super::time::Moment;
use super::value::{Content, Entries, Items, ListKind, MapKind, Value};

/// Bytes that one call may print or join: four times what a message may have.
pub(super) const PRINTED_MAX: usize = 8 << 20;
/// Largest compiled pattern; a template's is a few hundred bytes.
const PATTERN_MAX: usize = 1 << 20;

/// Patterns that are kept compiled while one text is written.
const PATTERNS_KEPT: usize = 64;
/// Steps that compiling a pattern is charged as: it takes as long as some thousand nodes.
const PATTERN_STEPS: u64 = 4000;

/// What a function may know beside its arguments.
#[derive(Debug)]
pub(super) struct Env {
    /// When the message is written.
    now: Timestamp,
    patterns: RefCell<HashMap<Arc<str>, Regex>>,
    /// Steps that functions took beside their call.
    steps: Cell<u64>,
}

impl Env {
    /// That of one text, written at this time.
    pub(super) fn at(now: Timestamp) -> Self {
        Self { now, patterns: RefCell::default(), steps: Cell::default() }
    }

    /// Steps that functions took since this was asked last.
    pub(super) fn take_steps(&self) -> u64 {
        self.steps.take()
    }

    /// The pattern, compiled once and charged for.
    fn pattern(&self, value: &Value) -> Result<Regex, String> {
        let pattern = text_of(value)?;
        let mut known = self.patterns.borrow_mut();
        if let Some(known) = known.get(pattern) {
            return Ok(known.clone());
        }
        self.steps.set(self.steps.get() + PATTERN_STEPS);
        let compiled = RegexBuilder::new(pattern).size_limit(PATTERN_MAX).build();
        let compiled = compiled.map_err(|error| {
            format!("{pattern:?} is no pattern: {}", error.to_string().replace('\n', " "))
        })?;
        if known.len() == PATTERNS_KEPT {
            known.clear();
        }
        known.insert(Arc::clone(pattern), compiled.clone());
        Ok(compiled)
    }
}

pub(super) type Call = fn(&Env, &[Value]) -> Result<Value, String>;

#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Call(Call),
    /// `and`, `or`: arguments after the one that decides are not evaluated. The deciding truth.
    Until(bool),
}

impl Function {
    /// The function of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        builtin::FUNCTIONS.iter().chain(FUNCTIONS).find(|function| function.name == name)
    }

    pub(super) const fn call(name: &'static str, call: Call) -> Self {
        Self { name, kind: Kind::Call(call) }
    }
}

/// Alertmanager's.
static FUNCTIONS: &[Function] = &[
    Function::call("toUpper", |_, args| Ok(Value::text(&one_text(args)?.to_uppercase()))),
    Function::call("toLower", |_, args| Ok(Value::text(&one_text(args)?.to_lowercase()))),
    Function::call("title", |_, args| Ok(Value::text(&title(one_text(args)?)))),
    Function::call("trimSpace", |_, args| Ok(Value::text(one_text(args)?.trim()))),
    Function::call("join", join),
    Function::call("match", |env, args| {
        let [pattern, text] = exactly(args)?;
        Ok(Value::Bool(env.pattern(pattern)?.is_match(text_of(text)?)))
    }),
    Function::call("reReplaceAll", |env, args| {
        let [pattern, replacement, text] = exactly(args)?;
        replace_all(&env.pattern(pattern)?, text_of(replacement)?, text_of(text)?)
    }),
    Function::call("safeHtml", |_, args| Ok(Value::Safe(Content::Html, one_text(args)?.clone()))),
    Function::call("safeUrl", |_, args| Ok(Value::Safe(Content::Url, one_text(args)?.clone()))),
    Function::call("urlUnescape", |_, args| Ok(Value::Text(query_unescaped(one_text(args)?)?.into()))),
    Function::call("stringSlice", |_, args| {
        let texts: Result<Items, String> =
            args.iter().map(|arg| text_of(arg).map(|text| Value::Text(Arc::clone(text)))).collect();
        Ok(Value::List(ListKind::Strings, texts?))
    }),
    Function::call("date", |_, args| {
        let [layout, time] = exactly(args)?;
        Ok(Value::Text(time_of(time)?.format(text_of(layout)?).into()))
    }),
    Function::call("tz", |_, args| {
        let [zone, time] = exactly(args)?;
        let zone = text_of(zone)?;
        let moment = time_of(time)?.within(zone);
        moment
            .map(Value::Time)
            .ok_or_else(|| format!("unknown time zone {zone}: write one like Europe/Paris"))
    }),
    Function::call("since", |env, args| {
        let [time] = exactly(args)?;
        Ok(Value::Duration(Moment::of(env.now).since(time_of(time)?)))
    }),
    Function::call("humanizeDuration", |_, args| {
        let [value] = exactly(args)?;
        Ok(Value::Text(humanize_duration(number_of(value)?).into()))
    }),
    Function::call("toJson", |_, args| {
        let [value] = exactly(args)?;
        printable(args)?;
        Ok(Value::Text(json::write(value)?.into()))
    }),
    Function::call("list", |_, args| Ok(Value::List(ListKind::Any, args.iter().cloned().collect()))),
    Function::call("append", |_, args| match args {
        [Value::List(ListKind::Any, items), more @ ..] => {
            Ok(Value::List(ListKind::Any, items.iter().chain(more).cloned().collect()))
        }
        [other, ..] => Err(expected("[]interface {}", other)),
        [] => Err("wrong number of arguments: want at least 1, got 0".to_owned()),
    }),
    Function::call("dict", dict),
];

/// So many arguments.
pub(super) fn exactly<const N: usize>(args: &[Value]) -> Result<&[Value; N], String> {
    args.try_into().map_err(|_| format!("wrong number of arguments: want {N}, got {}", args.len()))
}

pub(super) fn text_of(value: &Value) -> Result<&Arc<str>, String> {
    value.as_text().ok_or_else(|| expected("string", value))
}

pub(super) fn time_of(value: &Value) -> Result<Moment, String> {
    match value {
        Value::Time(time) => Ok(*time),
        other => Err(expected("time.Time", other)),
    }
}

/// A whole number; a literal such as `28800e9` is one.
pub(super) fn whole_of(value: &Value) -> Result<i64, String> {
    match value {
        Value::Int(number) | Value::Duration(number) | Value::Named(number, _) => Ok(*number),
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e18 => Ok(*number as i64),
        other => Err(expected("int", other)),
    }
}

pub(super) fn expected(what: &str, got: &Value) -> String {
    format!("wrong type for value: expected {what}, got {}", got.type_name())
}

fn one_text(args: &[Value]) -> Result<&Arc<str>, String> {
    let [text] = exactly(args)?;
    text_of(text)
}

fn number_of(value: &Value) -> Result<f64, String> {
    match value {
        Value::Int(number) => Ok(*number as f64),
        Value::Float(number) => Ok(*number),
        Value::Duration(nanos) => Ok(*nanos as f64 / 1e9),
        Value::Text(text) => text.parse().map_err(|_| format!("{text:?} is no number")),
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

fn join(_: &Env, args: &[Value]) -> Result<Value, String> {
    let [separator, list] = exactly(args)?;
    let Value::List(_, items) = list else { return Err(expected("[]string", list)) };
    let texts: Result<Vec<&str>, String> =
        items.iter().map(|item| text_of(item).map(|text| &**text)).collect();
    let (texts, separator) = (texts?, text_of(separator)?);
    let length = texts.iter().map(|text| text.len() + separator.len()).sum::<usize>();
    within(length).map(|()| Value::Text(texts.join(separator).into()))
}

/// Refuses what would be too long in print.
pub(super) fn printable(values: &[Value]) -> Result<&[Value], String> {
    let length = values.iter().fold(0_usize, |sum, value| sum.saturating_add(value.extent().bytes));
    within(length).map(|()| values)
}

fn within(length: usize) -> Result<(), String> {
    if length > PRINTED_MAX {
        return Err(format!("more than {PRINTED_MAX} bytes are printed at once"));
    }
    Ok(())
}

fn replace_all(pattern: &Regex, replacement: &str, text: &str) -> Result<Value, String> {
    let (mut replaced, mut done) = (String::new(), 0);
    for found in pattern.captures_iter(text) {
        let whole = found.get_match();
        replaced.push_str(&text[done..whole.start()]);
        found.expand(replacement, &mut replaced);
        done = whole.end();
        within(replaced.len())?;
    }
    replaced.push_str(&text[done..]);
    Ok(Value::Text(replaced.into()))
}

fn dict(_: &Env, args: &[Value]) -> Result<Value, String> {
    let (pairs, rest) = args.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("dict takes names and values in turn: one value is missing".to_owned());
    }
    let entries: Result<Entries, String> =
        pairs.iter().map(|[name, value]| Ok((Arc::clone(text_of(name)?), value.clone()))).collect();
    Ok(Value::Map(MapKind::Any, entries?))
}

/// Each word with its first letter large and the others small. An apostrophe, a full stop or a colon between letters does
/// not end a word, as in Unicode's rules.
fn title(text: &str) -> String {
    let mut titled = String::with_capacity(text.len());
    let mut begun = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let joins = matches!(c, '\'' | '.' | ':' | '’' | '·')
            && begun
            && chars.peek().is_some_and(|next| next.is_alphabetic());
        if c.is_alphabetic() {
            if begun {
                titled.extend(c.to_lowercase());
            } else {
                titled.extend(c.to_uppercase());
            }
            begun = true;
        } else {
            titled.push(c);
            begun = begun && (joins || c.is_numeric() || c == '_');
        }
    }
    titled
}

/// `1d 2h 3m 4s`, `12.5s`, `250ms`.
fn humanize_duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return general(seconds, Some(4));
    }
    if seconds == 0.0 {
        return "0s".to_owned();
    }
    if seconds.abs() < 1.0 {
        let mut scaled = seconds;
        let mut prefix = "";
        for smaller in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if scaled.abs() >= 1.0 {
                break;
            }
            prefix = smaller;
            scaled *= 1000.0;
        }
        return format!("{}{prefix}s", general(scaled, Some(4)));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let whole = seconds.abs() as u64;
    let (days, hours, minutes, rest) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", general(seconds.abs(), Some(4))),
        (0, 0, _) => format!("{sign}{minutes}m {rest}s"),
        (0, ..) => format!("{sign}{hours}h {minutes}m {rest}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {rest}s"),
    }
}
