//! What the members of an incident come to: the worst severity, the place they share, and a title. Counted as they come and
//! go, so that the next one of ten thousand costs no more than the second.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_normalizer::{Severity, Timestamp};

use super::Membership;
use super::features::Features;
use crate::cell::Cell;

/// Present members of one incident, counted; or what a batch of changes adds to such counts and takes from them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    members: i64,
    open: [i64; Severity::ALL.len()],
    names: Counts<Option<Arc<str>>>,
    services: Counts<Option<Arc<str>>>,
    resources: Counts<Option<Arc<str>>>,
    cells: Counts<Option<Cell>>,
    began: Counts<Timestamp>,
    ended: Counts<Timestamp>,
}

impl Tally {
    pub(super) fn add(&mut self, member: &Membership) {
        self.change(member, 1);
    }

    pub(super) fn take(&mut self, member: &Membership) {
        self.change(member, -1);
    }

    fn change(&mut self, member: &Membership, by: i64) {
        let Features { name, service, resource, starts_at, .. } = &member.features;
        self.names.change(Some(name.clone()), by);
        self.services.change(service.clone(), by);
        self.resources.change(resource.clone(), by);
        self.cells.change(member.features.cell(), by);
        self.began.change(*starts_at, by);
        self.members += by;
        match member.left_at {
            Some(left_at) => self.ended.change(left_at, by),
            None => self.open[member.severity as usize] += by,
        }
    }

    pub(super) fn members(&self) -> usize {
        usize::try_from(self.members).unwrap_or(0)
    }

    pub(super) fn open(&self) -> usize {
        usize::try_from(self.open.iter().sum::<i64>()).unwrap_or(0)
    }

    pub(super) fn is_over(&self) -> bool {
        self.open() == 0
    }

    /// When the last ended, of those that did.
    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        self.ended.0.keys().next_back().copied()
    }

    /// The regions that members are in.
    pub(super) fn regions(&self) -> impl Iterator<Item = Option<&Cell>> {
        self.cells.0.keys().map(Option::as_ref)
    }
}

/// What is known of an incident and what a batch changes of it, taken together without copying what is known.
pub(super) struct Sum<'a> {
    pub(super) known: &'a Tally,
    pub(super) change: &'a Tally,
}

impl Sum<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.members() == 0
    }

    pub(super) fn members(&self) -> usize {
        usize::try_from(self.known.members + self.change.members).unwrap_or(0)
    }

    /// The worst of those that are open.
    pub(super) fn severity(&self) -> Option<Severity> {
        let open = |severity: &Severity| {
            let at = *severity as usize;
            self.known.open[at] + self.change.open[at]
        };
        Severity::ALL.iter().copied().rfind(|severity| open(severity) > 0)
    }

    /// When the first began.
    pub(super) fn starts_at(&self) -> Option<Timestamp> {
        let known = self.known.began.with(&self.change.began).next().map(|(at, _)| *at);
        let added = self.change.began.0.iter().find(|(_, count)| **count > 0).map(|(at, _)| *at);
        known.into_iter().chain(added).min()
    }

    /// The region they are all in.
    pub(super) fn cell(&self) -> Option<Cell> {
        only(&self.known.cells, &self.change.cells).cloned()
    }

    /// `HighCpu on web-01`, `4 alerts of checkout in aws us-east-1: HighCpu, QueueStuck`. `more` are those that are in it
    /// and not counted any more.
    pub(super) fn title(&self, more: usize) -> String {
        let resource = only(&self.known.resources, &self.change.resources);
        let resource = resource.map(|id| id.rsplit(':').next().unwrap_or(id));
        let service = only(&self.known.services, &self.change.services);
        let members = self.members() + more;
        let mut title = if members == 1 { self.rules() } else { format!("{members} alerts") };
        match (resource, service) {
            (Some(resource), _) => title += &format!(" on {resource}"),
            (None, Some(service)) => title += &format!(" of {service}"),
            (None, None) => {}
        }
        if let Some(cell) = self.cell() {
            title += &format!(" in {cell}");
        }
        if members > 1 {
            title += &format!(": {}", self.rules());
        }
        title
    }

    /// The names that occur most often, and how many others there are.
    fn rules(&self) -> String {
        const SHOWN: usize = 3;
        let all = || self.known.names.with(&self.change.names);
        let mut shown: Vec<(i64, &str)> = Vec::with_capacity(SHOWN + 1);
        for (name, count) in all() {
            // In the order of names: of those that occur as often the first stays.
            let name = name.as_deref().unwrap_or_default();
            let place = shown.partition_point(|known| (-known.0, known.1) < (-count, name));
            shown.insert(place, (count, name));
            shown.truncate(SHOWN);
        }
        let others = all().count() - shown.len();
        let more = if others > 0 { format!(" and {others} more") } else { String::new() };
        shown.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ") + &more
    }
}

/// How often each occurs, or how much more or less often. None of them not at all.
#[derive(Clone, Debug, PartialEq)]
struct Counts<K>(BTreeMap<K, i64>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone> Counts<K> {
    fn change(&mut self, key: K, by: i64) {
        let count = self.0.entry(key.clone()).or_default();
        *count += by;
        if *count == 0 {
            self.0.remove(&key);
        }
    }

    /// What there is of these with those changes: first what there was, in order, then what is new.
    fn with<'a>(&'a self, changes: &'a Self) -> impl Iterator<Item = (&'a K, i64)> {
        let known = self.0.iter().map(|(key, count)| (key, count + changes.0.get(key).unwrap_or(&0)));
        let new = changes.0.iter().filter(|(key, _)| !self.0.contains_key(*key));
        known.chain(new.map(|(key, count)| (key, *count))).filter(|(_, count)| *count > 0)
    }
}

/// What all have in common.
fn only<'a, K: Ord + Clone>(known: &'a Counts<Option<K>>, change: &'a Counts<Option<K>>) -> Option<&'a K> {
    let mut keys = known.with(change).map(|(key, _)| key);
    let first = keys.next()?.as_ref();
    if keys.next().is_some() { None } else { first }
}
