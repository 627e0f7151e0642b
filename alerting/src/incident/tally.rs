//! What the members of an incident come to: the worst severity, the place they share, and a title. Counted as they come and
//! go, so that the next one of ten thousand costs no more than the second.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_normalizer::{Severity, Timestamp};

use super::Membership;
use super::features::Features;
use crate::cell::Cell;

/// How often each word occurs; `None` where a member has none.
type Counts = BTreeMap<Option<Arc<str>>, usize>;

/// The present members of one incident, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    members: usize,
    open: [usize; Severity::ALL.len()],
    names: Counts,
    services: Counts,
    resources: Counts,
    cells: BTreeMap<Option<Cell>, usize>,
    began: BTreeMap<Timestamp, usize>,
    ended: BTreeMap<Timestamp, usize>,
}

impl Tally {
    pub(super) fn add(&mut self, member: &Membership) {
        self.change(member, true);
    }

    pub(super) fn take(&mut self, member: &Membership) {
        self.change(member, false);
    }

    fn change(&mut self, member: &Membership, up: bool) {
        let Features { name, service, resource, starts_at, .. } = &member.features;
        count(&mut self.names, Some(name.clone()), up);
        count(&mut self.services, service.clone(), up);
        count(&mut self.resources, resource.clone(), up);
        count(&mut self.cells, member.features.cell(), up);
        count(&mut self.began, *starts_at, up);
        step(&mut self.members, up);
        match member.left_at {
            Some(left_at) => count(&mut self.ended, left_at, up),
            None => step(&mut self.open[member.severity as usize], up),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members == 0
    }

    pub(super) fn members(&self) -> usize {
        self.members
    }

    pub(super) fn is_over(&self) -> bool {
        self.open.iter().all(|count| *count == 0)
    }

    /// The worst of those that are open.
    pub(super) fn severity(&self) -> Option<Severity> {
        Severity::ALL.iter().copied().rfind(|severity| self.open[*severity as usize] > 0)
    }

    /// When the first began.
    pub(super) fn starts_at(&self) -> Option<Timestamp> {
        self.began.keys().next().copied()
    }

    /// When the last ended, of those that did.
    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        self.ended.keys().next_back().copied()
    }

    /// The region they are all in.
    pub(super) fn cell(&self) -> Option<Cell> {
        only(&self.cells).cloned()
    }

    /// The regions that members are in.
    pub(super) fn regions(&self) -> impl Iterator<Item = Option<&Cell>> {
        self.cells.keys().map(Option::as_ref)
    }

    /// `HighCpu on web-01`, `4 alerts of checkout in aws us-east-1: HighCpu, QueueStuck`.
    pub(super) fn title(&self) -> String {
        let resource = only(&self.resources).map(|id| id.rsplit(':').next().unwrap_or(id));
        let service = only(&self.services);
        let mut title = match self.members {
            1 => self.rules(),
            members => format!("{members} alerts"),
        };
        match (resource, service) {
            (Some(resource), _) => title += &format!(" on {resource}"),
            (None, Some(service)) => title += &format!(" of {service}"),
            (None, None) => {}
        }
        if let Some(cell) = self.cell() {
            title += &format!(" in {cell}");
        }
        if self.members > 1 {
            title += &format!(": {}", self.rules());
        }
        title
    }

    /// The names that occur most often, and how many others there are.
    fn rules(&self) -> String {
        const SHOWN: usize = 3;
        let mut names: Vec<(&str, usize)> =
            self.names.iter().map(|(name, count)| (name.as_deref().unwrap_or_default(), *count)).collect();
        names.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let shown: Vec<&str> = names.iter().take(SHOWN).map(|(name, _)| *name).collect();
        let others = names.len() - shown.len();
        let more = if others > 0 { format!(" and {others} more") } else { String::new() };
        shown.join(", ") + &more
    }
}

fn count<K: Ord + Clone>(counts: &mut BTreeMap<K, usize>, key: K, up: bool) {
    let number = counts.entry(key.clone()).or_default();
    step(number, up);
    if *number == 0 {
        counts.remove(&key);
    }
}

/// Only what was added is taken.
fn step(number: &mut usize, up: bool) {
    *number = if up { *number + 1 } else { *number - 1 };
}

/// What all have in common.
fn only<K>(counts: &BTreeMap<Option<K>, usize>) -> Option<&K> {
    let mut keys = counts.keys();
    let first = keys.next()?.as_ref();
    if keys.next().is_some() { None } else { first }
}
