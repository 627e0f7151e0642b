//! The route tree: which receivers an alert goes to, and how it is grouped on the way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{Labels, MatchOp, Matcher};

use crate::delivery::GroupId;
use crate::quote::quoted;

mod digests;

pub(crate) use digests::{Digest, STORM_MAX};
pub use digests::{Digests, StormRule};

/// One node of the tree; the root matches every alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// All must match.
    pub matchers: Vec<Matcher>,
    /// Who is told.
    pub receiver: Arc<str>,
    /// Which labels make a group.
    pub grouping: Grouping,
    /// When a group is told.
    pub timing: Timing,
    /// What is told in groups of another kind; not inherited.
    pub digests: Digests,
    /// While any of these time intervals holds, its groups are not told of; not inherited.
    pub mute_intervals: Vec<Arc<str>>,
    /// Where there are any, its groups are told of only while one of them holds; not inherited.
    pub active_intervals: Vec<Arc<str>>,
    /// Whether later siblings are tried after this one matched.
    pub go_on: bool,
    /// Alertmanager's route key: the matchers of every ancestor and its own, `{}/{severity="critical"}`.
    pub key: Arc<str>,
    /// Tried in order; the first that matches takes the alert, unless it says `continue`.
    pub children: Vec<Route>,
}

/// Which labels make a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// `group_by: ['...']`: every distinct label set is its own group.
    All,
    /// These labels, where an alert has them.
    By(BTreeSet<String>),
}

/// When a group is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a new group waits for company.
    pub group_wait: Duration,
    /// How long a group that was looked at rests.
    pub group_interval: Duration,
    /// How long an unchanged group stays quiet.
    pub repeat_interval: Duration,
}

impl Timing {
    /// No group rests for longer before it is looked at.
    pub(crate) fn longest_rest(self) -> Duration {
        self.group_wait.max(self.group_interval)
    }
}

/// Alertmanager's defaults. Source: prometheus/alertmanager `dispatch.DefaultRouteOpts`.
impl Default for Timing {
    fn default() -> Self {
        Self {
            group_wait: Duration::from_secs(30),
            group_interval: Duration::from_secs(5 * 60),
            repeat_interval: Duration::from_secs(4 * 60 * 60),
        }
    }
}

/// What happened to an alert at one route.
#[derive(Clone, Debug, PartialEq)]
pub enum RouteVerdict<'a> {
    /// This matcher said no.
    Refused(&'a Matcher),
    /// The route matched and one of its children took the alert.
    Passed,
    /// The route matched and its receiver is told.
    Chosen,
}

impl Route {
    /// The routes whose receivers are told of an alert with these labels; never empty for the root.
    pub fn matching(&self, labels: &Labels) -> Vec<&Route> {
        let mut chosen = Vec::new();
        self.walk(labels, &mut |route, verdict| {
            if verdict == RouteVerdict::Chosen {
                chosen.push(route);
            }
        });
        chosen
    }

    /// What each route that was tried said, in the order the decisions fell. Routes behind a match are not tried.
    pub fn explain(&self, labels: &Labels) -> Vec<(&Route, RouteVerdict<'_>)> {
        let mut steps = Vec::new();
        self.walk(labels, &mut |route, verdict| steps.push((route, verdict)));
        steps
    }

    fn walk<'a>(&'a self, labels: &Labels, visit: &mut dyn FnMut(&'a Route, RouteVerdict<'a>)) -> bool {
        let refusing = self.matchers.iter().find(|m| !m.matches(labels.get(m.name()).unwrap_or_default()));
        if let Some(matcher) = refusing {
            visit(self, RouteVerdict::Refused(matcher));
            return false;
        }
        let mut taken = false;
        for child in &self.children {
            let matched = child.walk(labels, visit);
            taken |= matched;
            if matched && !child.go_on {
                break;
            }
        }
        visit(self, if taken { RouteVerdict::Passed } else { RouteVerdict::Chosen });
        true
    }

    /// The labels that name the group of an alert with these labels.
    pub fn group_labels(&self, labels: &Labels) -> Labels {
        match &self.grouping {
            Grouping::All => labels.clone(),
            Grouping::By(names) => {
                let pairs = labels.iter().filter(|(name, _)| names.contains(*name));
                Labels::from_pairs(pairs).expect("a part of a label set is a label set")
            }
        }
    }

    /// The route that makes the group of this id and these labels, itself or one under it.
    pub(crate) fn making(&self, id: &GroupId, group_labels: &Labels) -> Option<&Route> {
        if self.makes(id, group_labels) {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.making(id, group_labels))
    }

    /// Alertmanager's group key, `{}/{severity="critical"}:{alertname="X"}`.
    pub fn group_key(&self, group_labels: &Labels) -> String {
        let pairs: Vec<String> =
            group_labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        format!("{}:{{{}}}", self.key, pairs.join(", "))
    }
}

/// The key of a route with these matchers under a parent of this key. Source: prometheus/alertmanager `dispatch.Route.Key`,
/// `labels.Matchers.String`; matchers sorted by name, value, operator.
pub(crate) fn route_key(parent: Option<&str>, matchers: &[Matcher]) -> Arc<str> {
    let rank = |op: MatchOp| match op {
        MatchOp::Equal => 0,
        MatchOp::NotEqual => 1,
        MatchOp::Matches => 2,
        MatchOp::NotMatches => 3,
    };
    let mut sorted: Vec<&Matcher> = matchers.iter().collect();
    sorted.sort_by_key(|m| (m.name().to_owned(), m.value().to_owned(), rank(m.op())));
    let shown: Vec<String> =
        sorted.iter().map(|m| format!("{}{}{}", m.name(), m.op(), quoted(m.value()))).collect();
    let own = format!("{{{}}}", shown.join(","));
    match parent {
        None => own.into(),
        Some(parent) => format!("{parent}/{own}").into(),
    }
}

#[cfg(test)]
mod tests;
