//! What held alerts back, kept in the journal: `why` tells of an alert that is over why nobody heard of it, also after a
//! restart.

use std::collections::BTreeMap;

use isobar_normalizer::Timestamp;
use serde::{Deserialize, Serialize};

use super::Suppressed;
use crate::alert::AlertState;
use crate::delivery::fingerprint;
use crate::event::Transition;

/// Of each list in [`Suppressed`] so many are kept: one alone would hold the alert back.
const KEPT_MAX: usize = 16;

/// An open alert was not told of when a group of it was looked at. Payload of [`crate::KIND_HELD`], JSON; written down when
/// what holds it back changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Of the alert.
    #[serde(with = "fingerprint")]
    pub fingerprint: u64,
    /// When it was first held back by just this.
    pub at: Timestamp,
    /// What held it back; of each list the first 16.
    pub by: Suppressed,
}

/// What held each alert back last in its present or latest episode: a fold of [`HeldBack`] records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<HeldBack>", into = "Vec<HeldBack>")]
pub(crate) struct HeldBacks(BTreeMap<u64, HeldBack>);

impl HeldBacks {
    /// Takes in a record; the last one of an alert holds.
    pub(crate) fn apply(&mut self, held: HeldBack) {
        self.0.insert(held.fingerprint, held);
    }

    /// Takes note of what happened to an alert: a new episode begins anew.
    pub(crate) fn follow(&mut self, transition: &Transition) {
        if !self.0.is_empty() && matches!(transition.from, None | Some(AlertState::Resolved)) {
            self.0.remove(&transition.alert.fingerprint());
        }
    }

    /// Keeps those of these alerts only.
    pub(crate) fn retain(&mut self, is_known: impl Fn(u64) -> bool) {
        self.0.retain(|fingerprint, _| is_known(*fingerprint));
    }

    /// What held this alert back last.
    pub(crate) fn get(&self, fingerprint: u64) -> Option<&HeldBack> {
        self.0.get(&fingerprint)
    }

    /// What is to be written down where this holds the alert back at `now`; `None` where nothing does, and where that is known.
    pub(crate) fn after(&self, fingerprint: u64, mut by: Suppressed, now: Timestamp) -> Option<HeldBack> {
        by.silenced_by.truncate(KEPT_MAX);
        by.inhibited_by.truncate(KEPT_MAX);
        by.muted_by.truncate(KEPT_MAX);
        let is_known = self.get(fingerprint).is_some_and(|known| known.by == by);
        (!by.is_empty() && !is_known).then_some(HeldBack { fingerprint, at: now, by })
    }
}

impl From<Vec<HeldBack>> for HeldBacks {
    fn from(held: Vec<HeldBack>) -> Self {
        Self(held.into_iter().map(|one| (one.fingerprint, one)).collect())
    }
}

impl From<HeldBacks> for Vec<HeldBack> {
    fn from(held: HeldBacks) -> Self {
        held.0.into_values().collect()
    }
}
