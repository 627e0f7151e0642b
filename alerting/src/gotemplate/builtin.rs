//! Go's own functions.

use std::cmp::Ordering;
use std::sync::Arc;

use super::escape;
use super::format::{print, printf, println};
use super::function::{Env, Function, Kind, exactly, printable, text_of, whole_of};
use super::value::{Content, MapKind, Value};

/// All of them but `call`: there are no functions among the data.
pub(super) static FUNCTIONS: &[Function] = &[
    Function { name: "and", kind: Kind::Until(false) },
    Function { name: "or", kind: Kind::Until(true) },
    Function::call("not", |_, args| {
        let [value] = exactly(args)?;
        Ok(Value::Bool(!value.is_true()))
    }),
    Function::call("eq", |_, args| equal(args).map(Value::Bool)),
    Function::call("ne", |_, args| {
        let [left, right] = exactly(args)?;
        Ok(Value::Bool(!is_equal(left, right)?))
    }),
    Function::call("lt", |_, args| ordered(args, |order| order == Ordering::Less)),
    Function::call("le", |_, args| ordered(args, |order| order != Ordering::Greater)),
    Function::call("gt", |_, args| ordered(args, |order| order == Ordering::Greater)),
    Function::call("ge", |_, args| ordered(args, |order| order != Ordering::Less)),
    Function::call("len", len),
    Function::call("index", index),
    Function::call("slice", slice),
    Function::call("print", |_, args| Ok(Value::Text(print(printable(args)?).into()))),
    Function::call("println", |_, args| Ok(Value::Text(println(printable(args)?).into()))),
    Function::call("printf", |_, args| match args {
        [] => Err("wrong number of arguments: want at least 1, got 0".to_owned()),
        [format, values @ ..] => Ok(Value::Text(printf(text_of(format)?, printable(values)?)?.into())),
    }),
    Function::call("html", |_, args| {
        Ok(Value::Safe(Content::Html, escape::html(&print(printable(args)?)).into()))
    }),
    Function::call("js", |_, args| Ok(Value::Text(escape::js(&print(printable(args)?)).into()))),
    Function::call("urlquery", |_, args| {
        Ok(Value::Safe(Content::QueryPart, escape::query(&print(printable(args)?)).into()))
    }),
];

/// Whether the first is one of the others.
fn equal(args: &[Value]) -> Result<bool, String> {
    let [first, others @ ..] = args else { return Err("missing argument for comparison".to_owned()) };
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if is_equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

const INCOMPATIBLE: &str = "incompatible types for comparison";

fn is_equal(left: &Value, right: &Value) -> Result<bool, String> {
    if let (Some(left), Some(right)) = (left.as_text(), right.as_text()) {
        return Ok(left == right);
    }
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        return Ok(left == right);
    }
    match (left, right) {
        (Value::Nil, _) | (_, Value::Nil) => Ok(left == right),
        (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
        (Value::Float(left), Value::Float(right)) => Ok(left == right),
        (Value::Time(left), Value::Time(right)) => Ok(left == right),
        (Value::Record(left), Value::Record(right)) if left.name == right.name => Ok(left == right),
        (Value::List(..) | Value::Map(..), _) | (_, Value::List(..) | Value::Map(..)) => {
            Err(format!("non-comparable type {}: lists and maps are not compared", left.type_name()))
        }
        _ => Err(INCOMPATIBLE.to_owned()),
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) | Value::Duration(number) | Value::Named(number, _) => Some(*number),
        _ => None,
    }
}

fn ordered(args: &[Value], holds: fn(Ordering) -> bool) -> Result<Value, String> {
    let [left, right] = exactly(args)?;
    if let (Some(left), Some(right)) = (left.as_text(), right.as_text()) {
        return Ok(Value::Bool(holds(left.cmp(right))));
    }
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        return Ok(Value::Bool(holds(left.cmp(&right))));
    }
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => {
            Ok(Value::Bool(left.partial_cmp(right).is_some_and(holds)))
        }
        (Value::Float(_) | Value::Int(_), _) | (_, Value::Float(_) | Value::Int(_)) => {
            Err(INCOMPATIBLE.to_owned())
        }
        _ => Err(format!("invalid type for comparison: {}", left.type_name())),
    }
}

/// Bytes of a text, items of a list or map.
fn len(_: &Env, args: &[Value]) -> Result<Value, String> {
    let [value] = exactly(args)?;
    let length = match value {
        Value::Text(text) | Value::Safe(_, text) => text.len(),
        Value::List(_, items) => items.len(),
        Value::Map(_, map) => map.len(),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// `index x 1 "a"` is `x[1]["a"]`.
fn index(_: &Env, args: &[Value]) -> Result<Value, String> {
    let [value, keys @ ..] = args else {
        return Err("wrong number of arguments: want at least 1, got 0".to_owned());
    };
    let mut found = value.clone();
    for key in keys {
        found = match &found {
            Value::List(_, items) => items[place(key, items.len())?].clone(),
            Value::Text(text) => Value::Int(i64::from(text.as_bytes()[place(key, text.len())?])),
            Value::Map(kind, map) => map.get(text_of(key)?).cloned().unwrap_or_else(|| missing(*kind)),
            Value::Nil => return Err("index of untyped nil".to_owned()),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(found)
}

/// What a map has under a name that it has not.
pub(super) fn missing(kind: MapKind) -> Value {
    match kind {
        MapKind::Any => Value::Nil,
        MapKind::Labels => Value::text(""),
    }
}

fn place(key: &Value, length: usize) -> Result<usize, String> {
    let number = whole_of(key)?;
    let place = usize::try_from(number).ok().filter(|place| *place < length);
    place.ok_or_else(|| format!("index out of range: {number} of {length}"))
}

/// `slice x 1 3` is `x[1:3]`.
fn slice(_: &Env, args: &[Value]) -> Result<Value, String> {
    let [value, bounds @ ..] = args else {
        return Err("wrong number of arguments: want at least 1, got 0".to_owned());
    };
    let length = match value {
        Value::List(_, items) => items.len(),
        Value::Text(text) => text.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    if bounds.len() > 2 {
        return Err(format!("slice takes two bounds, got {}", bounds.len()));
    }
    let bound = |index: usize, otherwise: usize| match bounds.get(index) {
        Some(key) => place(key, length + 1),
        None => Ok(otherwise),
    };
    let (from, to) = (bound(0, 0)?, bound(1, length)?);
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    match value {
        Value::List(kind, items) => Ok(Value::List(*kind, items[from..to].iter().cloned().collect())),
        Value::Text(text) => match text.get(from..to) {
            Some(part) => Ok(Value::text(part)),
            None => Err(format!("slice {from} to {to} cuts a character: bounds count bytes")),
        },
        _ => Ok(Value::Text(Arc::from(""))),
    }
}
