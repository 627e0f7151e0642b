//! From the written route to the tree: inheritance, matchers, and what a route must and may not say.

use std::collections::BTreeSet;
use std::sync::Arc;

use isobar_normalizer::{ConfigError, MatchOp, Matcher};
use serde_saphyr::{Location, Spanned};

use super::keys::Checked;
use super::matchers::parse_matchers;
use super::raw::RawRoute;
use super::value::{duration_or, positive_duration_or};
use crate::route::{Grouping, Route, Timing, route_key};

/// Nesting deeper than this is refused: matching recurses, and nobody reads such a tree.
const DEPTH_MAX: usize = 32;

/// Builds the tree; every receiver must be among `receivers`.
pub(super) fn root(
    raw: Spanned<Checked<RawRoute>>,
    receivers: &BTreeSet<Arc<str>>,
) -> Result<Route, ConfigError> {
    let (Checked(raw), location) = (raw.value, raw.referenced);
    if !raw.matchers.is_empty() || !raw.equal.is_empty() || !raw.match_re.is_empty() {
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
    if raw.receiver.is_none() {
        return Err(ConfigError::at(location, "the root route needs a receiver"));
    }
    build(raw, location, None, receivers, 0)
}

fn build(
    raw: RawRoute,
    location: Location,
    parent: Option<&Route>,
    receivers: &BTreeSet<Arc<str>>,
    depth: usize,
) -> Result<Route, ConfigError> {
    if depth > DEPTH_MAX {
        return Err(ConfigError::at(location, format!("routes are nested deeper than {DEPTH_MAX}")));
    }
    let matchers = matchers(&raw, location)?;
    let receiver = match (&raw.receiver, parent) {
        (Some(name), _) => receivers.get(name.value.as_str()).cloned().ok_or_else(|| {
            let known = receivers.iter().map(|known| known.to_string()).collect::<Vec<_>>().join(", ");
            ConfigError::at(name.referenced, format!("undefined receiver {:?}: one of {known}", name.value))
        })?,
        (None, Some(parent)) => Arc::clone(&parent.receiver),
        (None, None) => return Err(ConfigError::at(location, "the root route needs a receiver")),
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
    let grouping = match (&raw.group_by, parent) {
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
        go_on: raw.go_on.is_some_and(|go_on| go_on.value),
        children: Vec::new(),
    };
    for child in raw.routes {
        let built = build(child.value.0, child.referenced, Some(&route), receivers, depth + 1)?;
        route.children.push(built);
    }
    Ok(route)
}

fn matchers(raw: &RawRoute, location: Location) -> Result<Vec<Matcher>, ConfigError> {
    let mut matchers: Vec<Matcher> =
        raw.equal.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
    for (name, pattern) in &raw.match_re {
        // Alertmanager anchors the expression in the text, so that it shows in the route's key.
        let anchored = format!("^(?:{})$", pattern.value);
        let matcher = Matcher::new(name, MatchOp::Matches, &anchored);
        matchers.push(matcher.map_err(|error| ConfigError::at(pattern.referenced, error.to_string()))?);
    }
    for text in &raw.matchers {
        matchers
            .extend(parse_matchers(&text.value).map_err(|wrong| ConfigError::at(text.referenced, wrong))?);
    }
    if matchers.iter().any(|matcher| matcher.name().is_empty()) {
        return Err(ConfigError::at(location, "a matcher needs the name of a label"));
    }
    Ok(matchers)
}

fn grouping(names: &[Spanned<String>]) -> Result<Grouping, ConfigError> {
    let all = names.iter().find(|name| name.value == "...");
    if let Some(all) = all {
        if names.len() > 1 {
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
