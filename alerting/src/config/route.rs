//! From the written route to the tree: inheritance, matchers, and what a route must and may not say.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::ConfigError;
use serde_saphyr::{Location, Spanned};

use super::keys::Checked;
use super::matchers::all_matchers;
use super::raw::{RawRoute, RawStorm};
use super::value::{duration_or, parse_positive, positive_duration_or};
use crate::route::{Digests, Grouping, Route, STORM_MAX, StormRule, Timing, route_key};

/// The names that routes may use.
pub(super) struct Defined {
    pub(super) receivers: BTreeSet<Arc<str>>,
    pub(super) intervals: BTreeSet<Arc<str>>,
}

/// Builds the tree; every receiver and time interval it names must be defined.
pub(super) fn root(raw: Spanned<Checked<RawRoute>>, defined: &Defined) -> Result<Route, ConfigError> {
    let (Checked(raw), location) = (raw.value, raw.referenced);
    if !all_matchers(&raw.equal, &raw.match_re, &raw.matchers)?.is_empty() {
        return Err(ConfigError::at(
            location,
            "the root route takes every alert: move its matchers to a route under it",
        ));
    }
    if let Some(go_on) = raw.go_on.as_ref().filter(|go_on| go_on.value) {
        return Err(ConfigError::at(
            go_on.referenced,
            "the root route has no sibling to continue to: remove it",
        ));
    }
    if let Some(interval) = raw.mute_time_intervals.first().or(raw.active_time_intervals.first()) {
        return Err(ConfigError::at(
            interval.referenced,
            "the root route is told of at every time: move its time intervals to a route under it",
        ));
    }
    build(raw, location, None, defined)
}

fn build(
    raw: RawRoute,
    location: Location,
    parent: Option<&Route>,
    defined: &Defined,
) -> Result<Route, ConfigError> {
    let matchers = all_matchers(&raw.equal, &raw.match_re, &raw.matchers)?;
    let receiver = match (raw.receiver.as_ref().filter(|name| !name.value.is_empty()), parent) {
        (Some(name), _) => known("receiver", name, &defined.receivers)?,
        (None, Some(parent)) => Arc::clone(&parent.receiver),
        (None, None) => return Err(ConfigError::at(location, "the root route needs a receiver")),
    };
    let intervals = |names: &[Spanned<String>]| -> Result<Vec<Arc<str>>, ConfigError> {
        names.iter().map(|name| known("time interval", name, &defined.intervals)).collect()
    };
    let inherited = parent.map_or_else(Timing::default, |parent| parent.timing);
    let timing = Timing {
        group_wait: duration_or(raw.group_wait.as_ref(), inherited.group_wait)?,
        group_interval: positive_duration_or(
            "group_interval",
            raw.group_interval.as_ref(),
            inherited.group_interval,
        )?,
        repeat_interval: positive_duration_or(
            "repeat_interval",
            raw.repeat_interval.as_ref(),
            inherited.repeat_interval,
        )?,
    };
    // An empty list says nothing: the parent's holds.
    let own = raw.group_by.as_ref().filter(|names| !names.is_empty());
    let grouping = match (own, parent) {
        (Some(names), _) => grouping(names)?,
        (None, Some(parent)) => parent.grouping.clone(),
        (None, None) => Grouping::By(BTreeSet::new()),
    };
    let mut route = Route {
        key: route_key(parent.map(|parent| &*parent.key), &matchers),
        matchers,
        receiver,
        grouping,
        timing,
        digests: Digests {
            flapping: raw.flapping.is_some(),
            storm: raw.storm.map(StormRule::try_from).transpose()?,
        },
        mute_intervals: intervals(&raw.mute_time_intervals)?,
        active_intervals: intervals(&raw.active_time_intervals)?,
        go_on: raw.go_on.is_some_and(|go_on| go_on.value),
        children: Vec::new(),
    };
    for child in raw.routes {
        let built = build(child.value.0, child.referenced, Some(&route), defined)?;
        route.children.push(built);
    }
    Ok(route)
}

/// A storm is looked for over no longer time: what comes over hours is no storm.
const STORM_WITHIN_MAX: Duration = Duration::from_secs(3600);

impl TryFrom<RawStorm> for StormRule {
    type Error = ConfigError;

    fn try_from(raw: RawStorm) -> Result<Self, ConfigError> {
        if !(1..=STORM_MAX).contains(&raw.above.value) {
            let wrong = format!("above is {}: write 1 to {STORM_MAX}", raw.above.value);
            return Err(ConfigError::at(raw.above.referenced, wrong));
        }
        let within = parse_positive("within", &raw.within)?;
        if within > STORM_WITHIN_MAX {
            let wrong = format!("within is {}: write at most 1h", raw.within.value);
            return Err(ConfigError::at(raw.within.referenced, wrong));
        }
        Ok(Self { above: raw.above.value, within })
    }
}

/// What is defined under this name.
fn known(what: &str, name: &Spanned<String>, defined: &BTreeSet<Arc<str>>) -> Result<Arc<str>, ConfigError> {
    defined.get(name.value.as_str()).cloned().ok_or_else(|| {
        let known = defined.iter().map(|known| &**known).collect::<Vec<_>>().join(", ");
        let right = if known.is_empty() { "none is defined".to_owned() } else { format!("one of {known}") };
        ConfigError::at(name.referenced, format!("undefined {what} {:?}: {right}", name.value))
    })
}

fn grouping(names: &[Spanned<String>]) -> Result<Grouping, ConfigError> {
    let all = names.iter().find(|name| name.value == "...");
    if let Some(all) = all {
        if names.iter().any(|name| name.value != "...") {
            return Err(ConfigError::at(
                all.referenced,
                "'...' groups by every label: it stands alone in group_by",
            ));
        }
        return Ok(Grouping::All);
    }
    let mut distinct = BTreeSet::new();
    for name in names {
        if name.value.is_empty() {
            return Err(ConfigError::at(name.referenced, "group_by needs the names of labels"));
        }
        if !distinct.insert(name.value.clone()) {
            return Err(ConfigError::at(name.referenced, format!("{:?} is twice in group_by", name.value)));
        }
    }
    Ok(Grouping::By(distinct))
}
