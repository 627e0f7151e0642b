//! From any JSON to alerts: a table in the configuration says which field is what.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::{ConfigError, Timestamp, parse_duration};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value;

use super::check::{RawAlert, RawEnd, shown};
use super::reading::When;
use super::{End, HookRequest, Pushed};

/// Words for "it fires" and "it is over" where the configuration names none; compared without case.
const FIRING: [&str; 12] = [
    "firing",
    "alerting",
    "alarm",
    "alert",
    "open",
    "problem",
    "triggered",
    "active",
    "fired",
    "down",
    "true",
    "1",
];
const RESOLVED: [&str; 12] = [
    "resolved",
    "ok",
    "closed",
    "normal",
    "recovered",
    "recovery",
    "inactive",
    "cleared",
    "up",
    "success",
    "false",
    "0",
];

/// Numbers under this are seconds since 1970, others milliseconds: the year 5138 in the one, 1973 in the other.
const SECONDS_BELOW: f64 = 1e11;

/// An RFC 6901 pointer: `/rule/name`; the empty one is the whole item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(String);

impl Pointer {
    pub(super) fn to(path: &str) -> Self {
        Self(path.to_owned())
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        if path.is_empty() || path.starts_with('/') {
            return Ok(Self(path));
        }
        Err(D::Error::custom(format!("{path:?} is no JSON pointer: it begins with /, as in /rule/name")))
    }
}

/// Which field is what. Every field is a pointer into one item.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mapping {
    /// Into the body: a list of items. Without it, or where it leads to an object, that is the one item.
    pub(super) items: Option<Pointer>,
    pub(super) name: Option<Pointer>,
    pub(super) status: Option<Pointer>,
    pub(super) severity: Option<Pointer>,
    pub(super) starts_at: Option<Pointer>,
    pub(super) ends_at: Option<Pointer>,
    pub(super) url: Option<Pointer>,
    pub(super) labels: BTreeMap<String, Pointer>,
    pub(super) annotations: BTreeMap<String, Pointer>,
    /// An object whose fields are labels as they are.
    pub(super) labels_from: Option<Pointer>,
    pub(super) annotations_from: Option<Pointer>,
    /// Labels that every alert gets.
    pub(super) set: BTreeMap<String, String>,
    pub(super) firing: Vec<String>,
    pub(super) resolved: Vec<String>,
    /// The sender's words for severities, and what the label becomes; others stay as they are.
    pub(super) severities: BTreeMap<String, String>,
    #[serde(deserialize_with = "duration")]
    pub(super) resolve_after: Option<Duration>,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let duration =
        parse_duration(&text).map_err(|error| D::Error::custom(format!("{error}; for example 1h")))?;
    if duration.is_zero() {
        return Err(D::Error::custom("resolve_after is longer than nothing, for example 1h"));
    }
    Ok(Some(duration))
}

impl Mapping {
    /// What must be there for alerts to have a name and an end.
    pub(super) fn check(self) -> Result<Self, ConfigError> {
        if self.name.is_none() && !self.set.contains_key("alertname") && self.labels_from.is_none() {
            return Err(ConfigError::whole(
                "settings: name is missing: where an alert's name is, as in /rule/name",
            ));
        }
        if self.status.is_none() && self.ends_at.is_none() && self.resolve_after.is_none() {
            return Err(ConfigError::whole(
                "settings: nothing says when an alert is over: write status, ends_at or resolve_after",
            ));
        }
        Ok(self)
    }

    /// Adds the alerts of a body.
    pub(super) fn add_all(&self, body: &Value, request: &HookRequest<'_>, pushed: &mut Pushed) {
        let items = match &self.items {
            None => Some(body),
            Some(pointer) => body.pointer(&pointer.0),
        };
        match items {
            Some(Value::Array(items)) => {
                for (place, item) in items.iter().enumerate() {
                    self.add(place, item, request, pushed);
                }
            }
            Some(item @ Value::Object(_)) => self.add(0, item, request, pushed),
            _ => {
                let path = self.items.as_ref().map_or("", |pointer| pointer.0.as_str());
                pushed.complaints.push(format!("there is no list and no object at {path:?}"));
            }
        }
    }

    /// Adds the alert of one item.
    pub(super) fn add(&self, place: usize, item: &Value, request: &HookRequest<'_>, pushed: &mut Pushed) {
        match self.raw(item, request.now) {
            Ok(raw) => pushed.add(place, raw, request.limits, request.now),
            Err(wrong) => pushed.complaints.push(format!("alert {place}: {wrong}")),
        }
    }

    fn raw<'a>(&'a self, item: &'a Value, now: Timestamp) -> Result<RawAlert<'a>, String> {
        let mut raw = RawAlert::default();
        let at = |pointer: &Option<Pointer>| pointer.as_ref().and_then(|pointer| item.pointer(&pointer.0));
        for (from, pairs) in
            [(&self.labels_from, &mut raw.labels), (&self.annotations_from, &mut raw.annotations)]
        {
            let fields = at(from).and_then(Value::as_object);
            pairs.extend(
                fields.into_iter().flatten().filter_map(|(name, value)| Some((name.into(), text(value)?))),
            );
        }
        for (fields, pairs) in [(&self.labels, &mut raw.labels), (&self.annotations, &mut raw.annotations)] {
            let found = fields.iter().filter_map(|(name, pointer)| {
                Some((Cow::from(name), item.pointer(&pointer.0).and_then(text)?))
            });
            pairs.extend(found);
        }
        if let Some(severity) = at(&self.severity).and_then(text) {
            let known = self.severities.iter().find(|(word, _)| word.eq_ignore_ascii_case(&severity));
            raw.label("severity", known.map_or(severity, |(_, ours)| Cow::from(ours)));
        }
        raw.labels.extend(self.set.iter().map(|(name, value)| (name.into(), value.into())));
        if let Some(pointer) = &self.name {
            let name = at(&self.name).and_then(text).filter(|name| !name.is_empty());
            raw.label("alertname", name.ok_or_else(|| format!("there is no name at {:?}", pointer.0))?);
        }
        raw.starts_at = time(at(&self.starts_at))?;
        raw.end = RawEnd(self.end(item, now)?);
        // A start told with the end, and later than it, is when the end was told.
        if let (Some(start), End::At(end)) = (raw.starts_at, raw.end.0) {
            raw.starts_at = Some(start.min(end));
        }
        raw.generator_url = at(&self.url).and_then(text).unwrap_or_default();
        Ok(raw)
    }

    fn end(&self, item: &Value, now: Timestamp) -> Result<End, String> {
        let ends_at = time(self.ends_at.as_ref().and_then(|pointer| item.pointer(&pointer.0)))?;
        let is_over = match &self.status {
            None => false,
            Some(pointer) => {
                let word = item.pointer(&pointer.0).and_then(text);
                let word = word.ok_or_else(|| format!("there is no status at {:?}", pointer.0))?;
                self.is_over(&word)?
            }
        };
        Ok(match (is_over, ends_at, self.resolve_after) {
            (true, ends_at, _) => End::At(ends_at.unwrap_or(now).min(now)),
            (false, Some(ends_at), _) => End::At(ends_at),
            (false, None, Some(after)) => End::At(now.plus(after)),
            (false, None, None) => End::Told,
        })
    }

    fn is_over(&self, word: &str) -> Result<bool, String> {
        let named = |list: &[String]| list.iter().any(|one| one.eq_ignore_ascii_case(word));
        let usual = |list: &[&str]| list.iter().any(|one| one.eq_ignore_ascii_case(word));
        if named(&self.resolved) {
            return Ok(true);
        }
        if named(&self.firing) {
            return Ok(false);
        }
        if self.resolved.is_empty() && usual(&RESOLVED) {
            return Ok(true);
        }
        if self.firing.is_empty() && usual(&FIRING) {
            return Ok(false);
        }
        Err(format!("status {} is neither among firing nor among resolved", shown(word)))
    }
}

/// A value as a text; nothing for what is not there.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.into()),
        other => Some(other.to_string().into()),
    }
}

/// RFC 3339, or a number of seconds or milliseconds since 1970.
fn time(value: Option<&Value>) -> Result<Option<Timestamp>, String> {
    let number = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => match text.parse() {
            Ok(number) => Some(number),
            Err(_) => return Ok(When::read(text)?.0),
        },
        Some(_) => None,
    };
    let number = number.filter(|number| number.is_finite() && *number >= 0.0 && *number < 1e15);
    let number = number.ok_or_else(|| "a time is RFC 3339, or a number since 1970".to_owned())?;
    let millis = if number < SECONDS_BELOW { number * 1000.0 } else { number };
    Ok((millis > 0.0).then_some(Timestamp::from_millis(millis as i64)))
}
