//! What templates compute with, and how Go prints it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Deref;
use std::sync::Arc;

use super::time::{Moment, duration_text};

/// A value. Copies are cheap.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing: `nil`, or what is missing of a `dict`.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    /// A text that is trusted to be what it says, where HTML is written.
    Safe(Content, Arc<str>),
    List(ListKind, Items),
    Map(MapKind, Entries),
    Record(Arc<Record>),
    Time(Moment),
    /// Nanoseconds.
    Duration(i64),
    /// A weekday or a month: a number that prints as a name.
    Named(i64, &'static str),
}

/// What printing a value takes. Lists may hold one list many times, so that a small one may be long in print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Bytes, roughly.
    pub(super) bytes: usize,
    /// Lists and maps inside each other.
    pub(super) depth: usize,
}

impl Extent {
    /// Of what holds these.
    fn around<'a>(values: impl Iterator<Item = &'a Value>) -> Self {
        let mut all = Self { bytes: 2, depth: 1 };
        for inner in values.map(Value::extent) {
            all.bytes = all.bytes.saturating_add(inner.bytes).saturating_add(1);
            all.depth = all.depth.max(inner.depth + 1);
        }
        all
    }
}

/// The values of a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Items(Arc<[Value]>, Extent);

impl FromIterator<Value> for Items {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        let values: Arc<[Value]> = values.into_iter().collect();
        let extent = Extent::around(values.iter());
        Self(values, extent)
    }
}

impl Deref for Items {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.0
    }
}

/// The values of a map by their names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entries(Arc<BTreeMap<Arc<str>, Value>>, Extent);

impl FromIterator<(Arc<str>, Value)> for Entries {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(entries: I) -> Self {
        let map: BTreeMap<Arc<str>, Value> = entries.into_iter().collect();
        let mut extent = Extent::around(map.values());
        for name in map.keys() {
            extent.bytes = extent.bytes.saturating_add(name.len());
        }
        Self(Arc::new(map), extent)
    }
}

impl Deref for Entries {
    type Target = BTreeMap<Arc<str>, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// What a safe text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Markup.
    Html,
    /// A URL of whatever scheme.
    Url,
    /// A part of a query, escaped already.
    QueryPart,
}

/// Go's type of a list, which decides its methods and how it prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListKind {
    Any,
    Strings,
    Alerts,
    Pairs,
}

/// Go's type of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapKind {
    /// Made by `dict`.
    Any,
    /// `KV`: labels or annotations.
    Labels,
}

/// A struct of Go: fields in their order.
#[derive(Debug, PartialEq)]
pub(crate) struct Record {
    /// Go's type, for complaints.
    pub(crate) name: &'static str,
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// What `toJson` calls it.
    pub(crate) json: &'static str,
    pub(crate) value: Value,
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(ListKind::Strings, texts.into_iter().map(Self::text).collect())
    }

    pub(super) fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let map = pairs.into_iter().map(|(name, value)| (Arc::from(name), Self::text(value)));
        Self::Map(MapKind::Labels, map.collect())
    }

    pub(super) fn pair(name: &Arc<str>, value: &Self) -> Self {
        Self::Record(Arc::new(Record {
            name: "template.Pair",
            fields: vec![
                Field { name: "Name", json: "Name", value: Self::Text(Arc::clone(name)) },
                Field { name: "Value", json: "Value", value: value.clone() },
            ],
        }))
    }

    /// The text it is, safe or not.
    pub(super) fn as_text(&self) -> Option<&Arc<str>> {
        match self {
            Self::Text(text) | Self::Safe(_, text) => Some(text),
            _ => None,
        }
    }

    /// Go's name of its type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Safe(Content::Html, _) => "template.HTML",
            Self::Safe(..) => "template.URL",
            Self::List(ListKind::Any, _) => "[]interface {}",
            Self::List(ListKind::Strings, _) => "[]string",
            Self::List(ListKind::Alerts, _) => "template.Alerts",
            Self::List(ListKind::Pairs, _) => "template.Pairs",
            Self::Map(MapKind::Any, _) => "map[string]interface {}",
            Self::Map(MapKind::Labels, _) => "template.KV",
            Self::Record(record) => record.name,
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::Named(..) => "int",
        }
    }

    /// Whether `if` takes it for true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Duration(value) | Self::Named(value, _) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) | Self::Safe(_, text) => !text.is_empty(),
            Self::List(_, items) => !items.is_empty(),
            Self::Map(_, map) => !map.is_empty(),
            Self::Record(_) | Self::Time(_) => true,
        }
    }

    /// As `%v` prints it.
    pub(super) fn print(&self) -> String {
        let mut text = String::new();
        self.print_to(&mut text);
        text
    }

    pub(super) fn print_to(&self, to: &mut String) {
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Nil => to.write_str("<nil>"),
            Self::Bool(value) => write!(to, "{value}"),
            Self::Int(value) => write!(to, "{value}"),
            Self::Float(value) => to.write_str(&float_text(*value)),
            Self::Text(text) | Self::Safe(_, text) => to.write_str(text),
            Self::Time(time) => to.write_str(&time.to_string()),
            Self::Duration(nanos) => to.write_str(&duration_text(*nanos)),
            Self::Named(_, name) => to.write_str(name),
            Self::List(ListKind::Pairs, items) => {
                let pairs = items.iter().filter_map(|item| match item {
                    Self::Record(pair) => Some((pair.get("Name")?, pair.get("Value")?)),
                    _ => None,
                });
                print_pairs(pairs.map(|(name, value)| (name.print(), value)), to);
                Ok(())
            }
            Self::Map(MapKind::Labels, map) => {
                print_pairs(sorted(map).into_iter().map(|(name, value)| (name.to_string(), value)), to);
                Ok(())
            }
            Self::List(_, items) => {
                to.push('[');
                print_all(items.iter(), to);
                to.write_char(']')
            }
            Self::Map(MapKind::Any, map) => {
                to.push_str("map[");
                for (index, (name, value)) in map.iter().enumerate() {
                    to.push_str(if index > 0 { " " } else { "" });
                    let _ = write!(to, "{name}:");
                    value.print_to(to);
                }
                to.write_char(']')
            }
            Self::Record(record) => {
                to.push('{');
                print_all(record.fields.iter().map(|field| &field.value), to);
                to.write_char('}')
            }
        };
    }

    /// What printing it takes.
    pub(super) fn extent(&self) -> Extent {
        match self {
            Self::Text(text) | Self::Safe(_, text) => Extent { bytes: text.len(), depth: 0 },
            Self::List(_, items) => items.1,
            Self::Map(_, entries) => entries.1,
            Self::Record(record) => Extent::around(record.fields.iter().map(|field| &field.value)),
            _ => Extent { bytes: 32, depth: 0 },
        }
    }

    /// Bytes it takes by itself, roughly: what a function makes is charged by it.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) | Self::Safe(_, text) => text.len(),
            Self::List(_, items) => items.len() * size_of::<Self>(),
            Self::Map(_, map) => map.len() * 2 * size_of::<Self>(),
            _ => 0,
        }
    }
}

impl Record {
    /// The field of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|field| field.name == name).map(|field| &field.value)
    }
}

/// Labels in the order people read them: `alertname` first, then by name.
pub(super) fn sorted(map: &BTreeMap<Arc<str>, Value>) -> Vec<(&Arc<str>, &Value)> {
    let mut pairs: Vec<(&Arc<str>, &Value)> = map.iter().collect();
    pairs.sort_by_key(|(name, _)| (&***name != "alertname", *name));
    pairs
}

fn print_pairs<'a>(pairs: impl Iterator<Item = (String, &'a Value)>, to: &mut String) {
    for (index, (name, value)) in pairs.enumerate() {
        to.push_str(if index > 0 { ", " } else { "" });
        to.push_str(&name);
        to.push('=');
        value.print_to(to);
    }
}

fn print_all<'a>(values: impl Iterator<Item = &'a Value>, to: &mut String) {
    for (index, value) in values.enumerate() {
        to.push_str(if index > 0 { " " } else { "" });
        value.print_to(to);
    }
}

/// The shortest digits that are the number.
pub(super) fn float_text(value: f64) -> String {
    super::format::general(value, None)
}
