//! Which group of a route an alert joins: one of its `group_by`, or one of the route's digests. Pure.
//!
//! A group that an alert is in keeps it until its end was told, so that nobody hears of it twice and whoever heard that it
//! fires hears that it is over.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use isobar_normalizer::{Labels, Timestamp};

use crate::delivery::GroupId;
use crate::route::{Digest, Route, StormRule};

/// An alert that looks for its group.
#[derive(Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) labels: &'a Labels,
    pub(super) is_open: bool,
    pub(super) is_flapping: bool,
    /// The groups that have it, or told of it as open.
    pub(super) known: &'a BTreeSet<GroupId>,
    /// Whether it came before and only its groups are made again.
    pub(super) is_restored: bool,
    pub(super) at: Timestamp,
}

/// When alerts came lately to each route that may have a storm.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Storms(BTreeMap<GroupId, VecDeque<Timestamp>>);

impl Storms {
    /// The group that the alert joins under this route, and its labels.
    pub(super) fn seat(&mut self, route: &Route, arrival: Arrival<'_>) -> (GroupId, Labels) {
        let labels = route.group_labels(arrival.labels);
        let own = GroupId { key: route.group_key(&labels).into(), receiver: route.receiver.clone() };
        match self.digest(route, &own, arrival) {
            Some(id) => (id, Labels::empty()),
            None => (own, labels),
        }
    }

    fn digest(&mut self, route: &Route, own: &GroupId, arrival: Arrival<'_>) -> Option<GroupId> {
        let Arrival { is_open, is_flapping, known, is_restored, at, .. } = arrival;
        let (flapping, storm) = (route.digest(Digest::Flapping), route.digest(Digest::Storm));
        let digests = [&flapping, &storm].into_iter().flatten();
        let has_it = std::iter::once(own).chain(digests).find(|id| known.contains(id)).cloned();
        let comes = is_open && (is_restored || has_it.is_none());
        let counted = storm.as_ref().zip(route.digests.storm).filter(|_| comes);
        let is_storm = counted.is_some_and(|(id, rule)| self.count(id, rule, at));
        match has_it {
            Some(id) => (id != *own).then_some(id),
            None if !is_open => None,
            None => flapping.filter(|_| is_flapping).or(storm.filter(|_| is_storm)),
        }
    }

    /// Counts an alert; whether it came in a storm.
    fn count(&mut self, id: &GroupId, rule: StormRule, at: Timestamp) -> bool {
        let came = self.0.entry(id.clone()).or_default();
        came.push_back(at);
        while came.len() > rule.above.saturating_add(1) {
            came.pop_front();
        }
        came.len() > rule.above && came.front().is_some_and(|first| at.since(*first) < rule.within)
    }
}
