//! Finds the alerts that may be near another one without looking at all of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use isobar_normalizer::Timestamp;

use super::distance::{Link, WINDOW};
use super::features::Features;

/// Of the alerts that share one link, so many before and so many after are looked at: those nearest in time.
const LOOKED_AT: usize = 4;

/// Members by what may link them, in the order they began.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Index {
    by_link: HashMap<u64, BTreeSet<(Timestamp, u64)>>,
    /// Which incident a member is in.
    incidents: HashMap<u64, Arc<str>>,
}

impl Index {
    pub(super) fn insert(&mut self, fingerprint: u64, features: &Features, incident: &Arc<str>) {
        for key in keys(features) {
            self.by_link.entry(key).or_default().insert((features.starts_at, fingerprint));
        }
        self.incidents.insert(fingerprint, Arc::clone(incident));
    }

    /// Takes a member out, unless it is another incident's by now.
    pub(super) fn remove(&mut self, fingerprint: u64, features: &Features, incident: &Arc<str>) {
        if self.incidents.get(&fingerprint) != Some(incident) {
            return;
        }
        for key in keys(features) {
            let Some(linked) = self.by_link.get_mut(&key) else { continue };
            linked.remove(&(features.starts_at, fingerprint));
            if linked.is_empty() {
                self.by_link.remove(&key);
            }
        }
        self.incidents.remove(&fingerprint);
    }

    /// The alerts that have a link of this key and began at about this time, nearest in time first on either side.
    pub(super) fn linked(&self, key: u64, starts_at: Timestamp) -> impl Iterator<Item = u64> {
        let (from, to) = (starts_at.minus(WINDOW), starts_at.plus(WINDOW));
        let middle = (starts_at, u64::MAX);
        let around = self.by_link.get(&key).into_iter().flat_map(move |linked| {
            let before = linked.range((from, 0)..=middle).rev().take(LOOKED_AT);
            before.chain(linked.range(middle..=(to, u64::MAX)).take(LOOKED_AT))
        });
        around.map(|(_, fingerprint)| *fingerprint)
    }
}

fn keys(features: &Features) -> impl Iterator<Item = u64> {
    Link::ALL.into_iter().filter_map(|link| link.key(features))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use isobar_normalizer::Severity;

    use super::*;
    use crate::alert::AlertState;
    use crate::fixture::{START, alert};

    #[test]
    fn of_many_alerts_that_share_a_link_only_those_nearest_in_time_are_looked_at() {
        let at = |second: u64| {
            let alert = alert("alertname=A resource_id=x", AlertState::Firing, Severity::Error, START);
            Features { starts_at: START.plus(Duration::from_secs(second)), ..Features::of(&alert) }
        };
        let mut index = Index::default();
        let incident = "i".into();
        for second in 0..10_000 {
            index.insert(second, &at(second), &incident);
        }
        let key = Link::Resource.key(&at(0)).unwrap();
        let linked = |index: &Index, second| index.linked(key, at(second).starts_at).next();
        let found: Vec<u64> = index.linked(key, at(5_000).starts_at).collect();
        assert_eq!(found, [5_000, 4_999, 4_998, 4_997, 5_001, 5_002, 5_003, 5_004]);
        index.remove(5_000, &at(5_000), &"other".into());
        assert_eq!(linked(&index, 5_000), Some(5_000));
        index.remove(5_000, &at(5_000), &incident);
        assert_eq!(linked(&index, 5_000), Some(4_999));
        assert_eq!(linked(&index, 20_000), None);
        assert_eq!(Link::Host.key(&at(0)), None);
    }
}
