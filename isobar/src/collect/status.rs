//! How sources do, shared with the API and the rules about Isobar.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use isobar_collectors::next_tick;
use isobar_normalizer::Timestamp;
use parking_lot::Mutex;

use super::freshness::{BlockState, Strip};
use super::parts::{PartStatus, Parts};
use super::reach::Reach;
use crate::clock;
use crate::cost::CostMeters;

/// How the parts of one source went last.
#[derive(Clone, Debug)]
pub struct SourceStatus {
    /// Configured name.
    pub name: Arc<str>,
    /// Configured kind.
    pub kind: &'static str,
    /// Configured interval.
    pub interval: Duration,
    pub(super) parts: Parts,
    pub(super) discovery_failed: Option<String>,
    /// A part was collected, or discovery said that there is none, or failed.
    pub(super) tried: bool,
    since: Timestamp,
    pub(super) strip: Strip,
}

/// How one part does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHealth {
    /// Its key.
    pub key: Arc<str>,
    /// Whether it delivers.
    pub health: SourceHealth,
    /// If not, why.
    pub reason: Option<String>,
    /// What asking says of the provider.
    pub reach: Reach,
    /// When everything last came.
    pub last_success: Option<Timestamp>,
    /// Samples its latest collection brought.
    pub samples: u64,
    /// Its next tick.
    pub next: Timestamp,
}

/// Whether a source delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceHealth {
    /// Every part does.
    Up,
    /// Something came, something did not.
    Degraded,
    /// Nothing came from any part.
    Down,
}

impl SourceStatus {
    /// Whether it delivers, and if not, why: the reason of the first part that fails, of one that fails as a whole where
    /// there is one, and how many more fail.
    pub fn health(&self) -> (SourceHealth, Option<String>) {
        let health = self.parts.health(self.discovery_failed.is_some());
        (health, self.parts.reason().or_else(|| self.discovery_failed.clone()))
    }

    /// When any part last succeeded.
    pub fn last_success(&self) -> Option<Timestamp> {
        self.parts.iter().filter_map(|part| part.last_success).max()
    }

    /// Samples taken in the latest round of every part.
    pub fn samples_last_cycle(&self) -> u64 {
        self.parts.iter().map(|part| part.samples).sum()
    }

    /// Whether anything is known of it yet.
    pub fn is_tried(&self) -> bool {
        self.tried
    }

    /// Its parts, by key.
    pub fn parts(&self, now: Timestamp) -> Vec<PartHealth> {
        let shown = |(key, part): (&Arc<str>, &PartStatus)| PartHealth {
            key: key.clone(),
            health: part.health(),
            reason: part.failure.clone(),
            reach: part.reach,
            last_success: part.last_success,
            samples: part.samples,
            next: next_tick(key, part.interval.unwrap_or(self.interval), now),
        };
        self.parts.by_key().map(shown).collect()
    }

    /// How the last hour went, in blocks of two minutes.
    pub fn blocks(&self, now: Timestamp) -> Vec<BlockState> {
        self.strip.states(now)
    }

    /// Since when the health is as it is.
    pub fn since(&self) -> Timestamp {
        self.since
    }
}

/// The statuses of all sources, shared with the API and the self rules.
#[derive(Debug, Default)]
pub struct SourceStatuses {
    all: Mutex<BTreeMap<Arc<str>, SourceStatus>>,
    costs: CostMeters,
}

impl SourceStatuses {
    /// Every source, by name.
    pub fn all(&self) -> Vec<SourceStatus> {
        self.all.lock().values().cloned().collect()
    }

    /// What collecting costs.
    pub fn costs(&self) -> &CostMeters {
        &self.costs
    }

    /// Adds a source; one that was there before, under another configuration, goes on as it was.
    pub(super) fn add(&self, name: &Arc<str>, kind: &'static str, interval: Duration) {
        let new = || SourceStatus {
            name: name.clone(),
            kind,
            interval,
            parts: Parts::default(),
            discovery_failed: None,
            tried: false,
            since: clock::now(),
            strip: Strip::default(),
        };
        let mut all = self.all.lock();
        let status = all.entry(name.clone()).or_insert_with(new);
        (status.kind, status.interval) = (kind, interval);
    }

    pub(super) fn remove(&self, name: &str) {
        self.all.lock().remove(name);
    }

    /// Whether every one of these parts was collected once, or tried to be.
    pub(super) fn are_all_tried(&self, name: &str, parts: &BTreeSet<Arc<str>>) -> bool {
        self.all.lock().get(name).is_some_and(|status| status.parts.has_all(parts))
    }

    /// Changes a status by what was found by an attempt that began at `began`: a source is as it is found to be since then.
    pub(super) fn change(&self, name: &str, began: Timestamp, change: impl FnOnce(&mut SourceStatus)) {
        if let Some(status) = self.all.lock().get_mut(name) {
            let health = |status: &SourceStatus| status.parts.health(status.discovery_failed.is_some());
            let before = health(status);
            change(status);
            if health(status) != before {
                status.since = began;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn part(failure: Option<&str>, failed: bool) -> PartStatus {
        PartStatus { failure: failure.map(str::to_owned), failed, ..PartStatus::default() }
    }

    #[track_caller]
    fn check(parts: &[PartStatus], discovery: Option<&str>, expected: (SourceHealth, Option<&str>)) {
        let statuses = SourceStatuses::default();
        statuses.add(&"s".into(), "prometheus", Duration::from_secs(1));
        statuses.change("s", NOW, |status| {
            status.discovery_failed = discovery.map(str::to_owned);
            for (n, part) in parts.iter().enumerate() {
                status.parts.change(&n.to_string().into(), |status| status.clone_from(part));
            }
        });
        let (health, reason) = statuses.all()[0].health();
        assert_eq!((health, reason.as_deref()), expected);
    }

    #[test]
    fn a_source_is_as_well_as_its_parts_and_says_the_worst() {
        let (well, partly, down) =
            (part(None, false), part(Some("one sample"), false), part(Some("refused"), true));
        check(&[], None, (SourceHealth::Up, None));
        check(&[], Some("no file"), (SourceHealth::Down, Some("no file")));
        check(std::slice::from_ref(&well), Some("no file"), (SourceHealth::Degraded, Some("no file")));
        check(
            &[well, partly.clone(), down.clone()],
            None,
            (SourceHealth::Degraded, Some("refused (and 1 more)")),
        );
        check(&[partly], None, (SourceHealth::Degraded, Some("one sample")));
        check(&[down.clone(), down], None, (SourceHealth::Down, Some("refused (and 1 more)")));
    }

    #[test]
    fn a_source_is_down_since_the_attempt_that_found_it_so_began() {
        let statuses = SourceStatuses::default();
        statuses.add(&"s".into(), "prometheus", Duration::from_secs(1));
        let fail = |began| {
            statuses.change("s", began, |status| {
                status.parts.change(&"0".into(), |known| *known = part(Some("took too long"), true));
            });
        };
        fail(NOW);
        fail(NOW.plus(Duration::from_secs(60)));
        assert_eq!(statuses.all()[0].since(), NOW);
    }

    #[test]
    fn what_left_is_settled_when_every_part_was_tried() {
        let statuses = SourceStatuses::default();
        let parts =
            |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<BTreeSet<Arc<str>>>();
        assert!(!statuses.are_all_tried("s", &parts(&[])), "not a source");
        statuses.add(&"s".into(), "prometheus", Duration::from_secs(1));
        assert!(statuses.are_all_tried("s", &parts(&[])), "the last part has left");
        assert!(!statuses.are_all_tried("s", &parts(&["a"])));
        statuses.change("s", NOW, |status| {
            status.parts.change(&"a".into(), |one| *one = part(Some("refused"), true))
        });
        assert!(statuses.are_all_tried("s", &parts(&["a"])));
        assert!(!statuses.are_all_tried("s", &parts(&["a", "b"])));
    }

    #[test]
    fn a_source_that_is_configured_anew_goes_on_as_it_was() {
        let statuses = SourceStatuses::default();
        statuses.add(&"s".into(), "prometheus", Duration::from_secs(1));
        assert!(!statuses.all()[0].is_tried());
        statuses.change("s", NOW, |status| {
            status.discovery_failed = Some("no file".to_owned());
            status.tried = true;
        });
        let since = statuses.all()[0].since();
        statuses.add(&"s".into(), "prometheus", Duration::from_secs(2));
        let status = statuses.all().remove(0);
        assert_eq!(
            (status.health().0, status.since(), status.interval.as_secs()),
            (SourceHealth::Down, since, 2)
        );
    }
}
