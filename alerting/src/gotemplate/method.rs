//! Fields and methods of values: `.Labels.SortedPairs`, `.StartsAt.Format "15:04"`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::builtin::missing;
use super::function::{exactly, expected, text_of, time_of, whole_of};
use super::time::Moment;
use super::value::{Entries, ListKind, MapKind, Record, Value, sorted};

/// What `.name` of a value is where that is no method.
pub(super) fn field(value: &Value, name: &str, args: &[Value]) -> Result<Value, String> {
    let unknown = || format!("can't evaluate field {name} in type {}", value.type_name());
    let found = match value {
        Value::Record(record) => record.get(name).cloned().ok_or_else(unknown)?,
        Value::Map(kind, map) => map.get(name).cloned().unwrap_or_else(|| missing(*kind)),
        Value::Nil => return Err(format!("nil has no field {name}")),
        _ => return Err(unknown()),
    };
    if !args.is_empty() {
        return Err(format!("{name} has arguments but cannot be invoked as function"));
    }
    Ok(found)
}

/// What the method of this name makes of a value; `None` where the type has no such method.
pub(super) fn method(value: &Value, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    match value {
        Value::Map(MapKind::Labels, map) => match name {
            "SortedPairs" => Some(without(args, || pairs(sorted(map)))),
            "Names" => {
                Some(without(args, || Value::strings(sorted(map).into_iter().map(|(name, _)| &**name))))
            }
            "Values" => Some(without(args, || {
                Value::List(
                    ListKind::Strings,
                    sorted(map).into_iter().map(|(_, value)| value.clone()).collect(),
                )
            })),
            "Remove" => Some(remove(map, args)),
            "String" => Some(without(args, || Value::text(&value.print()))),
            _ => None,
        },
        Value::List(ListKind::Pairs, items) => match name {
            "Names" => Some(without(args, || column(items, "Name"))),
            "Values" => Some(without(args, || column(items, "Value"))),
            "String" => Some(without(args, || Value::text(&value.print()))),
            _ => None,
        },
        Value::List(ListKind::Alerts, items) => match name {
            "Firing" => Some(without(args, || with_status(items, "firing"))),
            "Resolved" => Some(without(args, || with_status(items, "resolved"))),
            _ => None,
        },
        Value::Time(time) => time_method(*time, name, args),
        Value::Duration(nanos) => duration_method(*nanos, name, args),
        Value::Named(_, text) if name == "String" => Some(without(args, || Value::text(text))),
        _ => None,
    }
}

fn without(args: &[Value], value: impl FnOnce() -> Value) -> Result<Value, String> {
    exactly::<0>(args)?;
    Ok(value())
}

fn pairs(pairs: Vec<(&Arc<str>, &Value)>) -> Value {
    Value::List(ListKind::Pairs, pairs.into_iter().map(|(name, value)| Value::pair(name, value)).collect())
}

fn remove(map: &Entries, args: &[Value]) -> Result<Value, String> {
    let [names] = exactly(args)?;
    let Value::List(ListKind::Strings, names) = names else { return Err(expected("[]string", names)) };
    let names: BTreeSet<&str> = names.iter().filter_map(|name| name.as_text().map(|text| &**text)).collect();
    let kept = map.iter().filter(|(name, _)| !names.contains(&***name));
    let kept = kept.map(|(name, value)| (Arc::clone(name), value.clone()));
    Ok(Value::Map(MapKind::Labels, kept.collect()))
}

fn records(items: &[Value]) -> impl Iterator<Item = &Arc<Record>> {
    items.iter().filter_map(|item| match item {
        Value::Record(record) => Some(record),
        _ => None,
    })
}

fn column(items: &[Value], name: &str) -> Value {
    Value::List(ListKind::Strings, records(items).filter_map(|record| record.get(name).cloned()).collect())
}

fn with_status(items: &[Value], status: &str) -> Value {
    let status = Value::text(status);
    let kept = records(items).filter(|alert| alert.get("Status") == Some(&status));
    Value::List(ListKind::Alerts, kept.map(|alert| Value::Record(Arc::clone(alert))).collect())
}

/// Methods of Go's `time.Time` that give one value; `Date` and `Zone` give several and `In` needs a location: `tz` is for
/// that.
fn time_method(time: Moment, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let [hour, minute, second, nanosecond] = time.clock();
    let plain = match name {
        "Unix" => Value::Int(time.millis().div_euclid(1000)),
        "UnixMilli" => Value::Int(time.millis()),
        "UnixMicro" => Value::Int(time.nanos().map_or(0, |nanos| nanos.div_euclid(1000))),
        "UnixNano" => Value::Int(time.nanos().unwrap_or(0)),
        "UTC" | "Local" => Value::Time(time.within("UTC").unwrap_or(time)),
        "Year" => Value::Int(time.year()),
        "Month" => Value::Named(time.month().0, time.month().1),
        "Day" => Value::Int(time.day()),
        "Hour" => Value::Int(hour),
        "Minute" => Value::Int(minute),
        "Second" => Value::Int(second),
        "Nanosecond" => Value::Int(nanosecond),
        "YearDay" => Value::Int(time.year_day()),
        "Weekday" => Value::Named(time.weekday().0, time.weekday().1),
        "IsZero" => Value::Bool(time.is_zero()),
        "String" => Value::text(&time.to_string()),
        _ => return time_method_with(time, name, args),
    };
    Some(without(args, || plain))
}

fn time_method_with(time: Moment, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let other = || exactly(args).and_then(|[other]| time_of(other));
    let found = match name {
        "Format" => exactly(args).and_then(|[layout]| Ok(Value::Text(time.format(text_of(layout)?).into()))),
        "Sub" => other().map(|other| Value::Duration(time.since(other))),
        "Before" => other().map(|other| Value::Bool(time < other)),
        "After" => other().map(|other| Value::Bool(time > other)),
        "Equal" => other().map(|other| Value::Bool(time == other)),
        "Add" => exactly(args).and_then(|[nanos]| {
            let later = time.plus(whole_of(nanos)?);
            later.map(Value::Time).ok_or_else(|| "the time is out of range".to_owned())
        }),
        _ => return None,
    };
    Some(found)
}

fn duration_method(nanos: i64, name: &str, args: &[Value]) -> Option<Result<Value, String>> {
    let seconds = nanos as f64 / 1e9;
    let plain = match name {
        "Hours" => Value::Float(seconds / 3600.0),
        "Minutes" => Value::Float(seconds / 60.0),
        "Seconds" => Value::Float(seconds),
        "Milliseconds" => Value::Int(nanos / 1_000_000),
        "Microseconds" => Value::Int(nanos / 1000),
        "Nanoseconds" => Value::Int(nanos),
        "Abs" => Value::Duration(nanos.saturating_abs()),
        "String" => Value::text(&Value::Duration(nanos).print()),
        "Round" | "Truncate" => {
            let unit = exactly(args).and_then(|[unit]| whole_of(unit));
            return Some(unit.map(|unit| Value::Duration(in_units(nanos, unit, name == "Round"))));
        }
        _ => return None,
    };
    Some(without(args, || plain))
}

/// To a multiple of the unit: towards zero, or to the nearest one.
fn in_units(nanos: i64, unit: i64, rounds: bool) -> i64 {
    if unit <= 0 {
        return nanos;
    }
    let rest = nanos % unit;
    let down = nanos - rest;
    if rounds && rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2) {
        return down.saturating_add(unit * rest.signum());
    }
    down
}
