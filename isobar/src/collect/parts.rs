//! How the parts of one source went last. Failures are counted as they come and go: a source may have ten thousand targets,
//! and its health is asked with every scrape of one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::SourceHealth;
use super::reach::Reach;

/// One part.
#[derive(Clone, Debug, Default)]
pub(super) struct PartStatus {
    pub(super) failure: Option<String>,
    /// What asking says of the provider.
    pub(super) reach: Reach,
    /// Nothing came at all.
    pub(super) failed: bool,
    pub(super) last_success: Option<Timestamp>,
    pub(super) samples: u64,
    /// Whether it ever told up to when its data is complete. What does not, an inventory or alarms, is looked at beside it.
    pub(super) measures: bool,
    /// How often it is collected, where that is not the source's own interval.
    pub(super) interval: Option<Duration>,
}

impl PartStatus {
    /// Whether it delivers.
    pub(super) fn health(&self) -> SourceHealth {
        match (&self.failure, self.failed) {
            (None, _) => SourceHealth::Up,
            (Some(_), false) => SourceHealth::Degraded,
            (Some(_), true) => SourceHealth::Down,
        }
    }
}

/// The parts of a source, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    by_key: BTreeMap<Arc<str>, PartStatus>,
    /// How many have a failure.
    failing: usize,
    /// Of those that measure, and of the others: how many there are, and how many failed as a whole.
    measuring: Count,
    beside: Count,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    all: usize,
    failed: usize,
}

impl Count {
    /// Whether none delivers.
    fn is_down(self) -> bool {
        self.all == self.failed
    }
}

impl Parts {
    /// Changes a part's status; one that is new begins with an empty one.
    pub(super) fn change(&mut self, key: &Arc<str>, change: impl FnOnce(&mut PartStatus)) {
        let mut status = match self.by_key.remove(key) {
            None => PartStatus::default(),
            Some(known) => {
                self.count_out(&known);
                known
            }
        };
        change(&mut status);
        self.failing += usize::from(status.failure.is_some());
        let count = self.count(status.measures);
        count.all += 1;
        count.failed += usize::from(status.failed);
        self.by_key.insert(key.clone(), status);
    }

    pub(super) fn remove(&mut self, key: &str) {
        if let Some(status) = self.by_key.remove(key) {
            self.count_out(&status);
        }
    }

    /// Takes out all but these.
    pub(super) fn retain(&mut self, keys: &BTreeSet<Arc<str>>) {
        let left: Vec<Arc<str>> = self.by_key.keys().filter(|key| !keys.contains(*key)).cloned().collect();
        left.iter().for_each(|key| self.remove(key));
    }

    /// Whether all of these have a status.
    pub(super) fn has_all(&self, keys: &BTreeSet<Arc<str>>) -> bool {
        keys.iter().all(|key| self.by_key.contains_key(key))
    }

    pub(super) fn by_key(&self) -> impl Iterator<Item = (&Arc<str>, &PartStatus)> {
        self.by_key.iter()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &PartStatus> {
        self.by_key.values()
    }

    /// How well a source with these parts is. One that measures nothing any more is down, whatever an inventory that is read
    /// every ten minutes brought last.
    pub(super) fn health(&self, discovery_failed: bool) -> SourceHealth {
        let is_down = match self.measuring.all {
            0 => self.beside.is_down(),
            _ => self.measuring.is_down(),
        };
        match self.failing {
            0 if !discovery_failed => SourceHealth::Up,
            _ if is_down => SourceHealth::Down,
            _ => SourceHealth::Degraded,
        }
    }

    /// The reason of the first part that fails, of one that fails as a whole where there is one, and how many more fail.
    pub(super) fn reason(&self) -> Option<String> {
        let failing = || self.iter().filter_map(|part| part.failure.as_ref().map(|why| (part, why)));
        let worst = failing().find(|(part, _)| part.failed).or_else(|| failing().next());
        worst.map(|(_, why)| match self.failing {
            1 => why.clone(),
            more => format!("{why} (and {} more)", more - 1),
        })
    }

    fn count_out(&mut self, status: &PartStatus) {
        self.failing -= usize::from(status.failure.is_some());
        let count = self.count(status.measures);
        count.all -= 1;
        count.failed -= usize::from(status.failed);
    }

    fn count(&mut self, measures: bool) -> &mut Count {
        if measures { &mut self.measuring } else { &mut self.beside }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_as_they_come_and_go() {
        let mut parts = Parts::default();
        let key = |n: usize| Arc::<str>::from(n.to_string());
        let set = |parts: &mut Parts, n: usize, failure: Option<&str>, failed: bool| {
            parts.change(&key(n), |status| {
                (status.failure, status.failed) = (failure.map(str::to_owned), failed);
            });
        };
        let shown = |parts: &Parts| (parts.health(false), parts.reason());
        set(&mut parts, 1, None, false);
        set(&mut parts, 2, Some("late"), false);
        set(&mut parts, 3, Some("refused"), true);
        assert_eq!(shown(&parts), (SourceHealth::Degraded, Some("refused (and 1 more)".to_owned())));
        set(&mut parts, 3, Some("refused"), true);
        set(&mut parts, 1, Some("refused"), true);
        parts.remove("2");
        parts.remove("2");
        assert_eq!(shown(&parts), (SourceHealth::Down, Some("refused (and 1 more)".to_owned())));
        parts.retain(&BTreeSet::from([key(3), key(4)]));
        assert!(parts.has_all(&BTreeSet::from([key(3)])) && !parts.has_all(&BTreeSet::from([key(1)])));
        set(&mut parts, 3, None, false);
        assert_eq!(shown(&parts), (SourceHealth::Up, None));
        assert_eq!((parts.failing, parts.beside.failed, parts.health(true)), (0, 0, SourceHealth::Degraded));
    }

    #[test]
    fn a_source_that_measures_nothing_is_down_whatever_its_inventory_brought_last() {
        let mut parts = Parts::default();
        let set = |parts: &mut Parts, key: &str, measures: bool, failed: bool| {
            parts.change(&key.into(), |status| {
                status.measures |= measures;
                (status.failure, status.failed) = (failed.then(|| "refused".to_owned()), failed);
            });
        };
        set(&mut parts, "a", false, true);
        set(&mut parts, "a/inventory", false, false);
        assert_eq!(parts.health(false), SourceHealth::Degraded, "nothing has measured yet");
        set(&mut parts, "a", true, false);
        set(&mut parts, "b", true, false);
        set(&mut parts, "a/inventory", false, true);
        assert_eq!(parts.health(false), SourceHealth::Degraded, "only the inventory fails");
        set(&mut parts, "a/inventory", false, false);
        set(&mut parts, "a", true, true);
        assert_eq!(parts.health(false), SourceHealth::Degraded, "one of two");
        set(&mut parts, "b", false, true);
        assert_eq!(parts.health(false), SourceHealth::Down, "it measured once, and does no more");
        parts.retain(&BTreeSet::from(["a/inventory".into()]));
        assert_eq!((parts.health(false), parts.measuring), (SourceHealth::Up, Count::default()));
    }
}
