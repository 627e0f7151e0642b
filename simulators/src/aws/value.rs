//! What requests and answers hold, before a codec writes it.

use crate::estate::Millis;

/// A value of a Smithy model. Timestamps are a type of their own: CBOR tags them, JSON writes seconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Time(Millis),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    /// Makes a map, leaving out members that are [`Value::Null`].
    pub(crate) fn map<const N: usize>(members: [(&str, Value); N]) -> Self {
        let given = members.into_iter().filter(|(_, value)| *value != Self::Null);
        Self::Map(given.map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Returns a member of a map; a null member is none.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Map(members) => members
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
                .filter(|v| **v != Self::Null),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Double(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(*value as i64),
            _ => None,
        }
    }

    pub(crate) fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// Returns a timestamp: tagged in CBOR, a number of seconds in JSON.
    pub(crate) fn time(&self) -> Option<Millis> {
        let of_seconds = |s: f64| (s.is_finite() && s.abs() < 9e12).then(|| (s * 1_000.0).round() as Millis);
        match self {
            Self::Time(t) => Some(*t),
            Self::Int(seconds) => of_seconds(*seconds as f64),
            Self::Double(seconds) => of_seconds(*seconds),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
