//! What a route tells in groups of another kind: alerts that flap, and alerts that come in masses. Pure.

use std::time::Duration;

use isobar_normalizer::Labels;

use super::{Route, Timing};
use crate::delivery::GroupId;
use crate::flapping::FlappingRule;

/// What a route tells together that would otherwise be many messages; nothing by default. A child does not inherit it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// Whether alerts that flap are told in one group.
    pub flapping: bool,
    /// When alerts come so fast that those after are told in one group.
    pub storm: Option<StormRule>,
}

/// When alerts come in masses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StormRule {
    /// So many alerts are told in their own groups, 1 to 10,000.
    pub above: usize,
    /// Of those that begin within this time.
    pub within: Duration,
}

/// The most alerts a storm may begin above; of so many it is remembered when they came.
pub(crate) const STORM_MAX: usize = 10_000;

/// A group that a route makes beside those of its `group_by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digest {
    Flapping,
    Storm,
}

impl Digest {
    pub(crate) const ALL: [Self; 2] = [Self::Flapping, Self::Storm];

    /// How the keys of its groups end; those of others end with a brace.
    fn ending(self) -> &'static str {
        match self {
            Self::Flapping => ":flapping",
            Self::Storm => ":storm",
        }
    }

    /// The digest that a group's key names.
    pub(crate) fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|digest| key.ends_with(digest.ending()))
    }

    /// Why an alert is told in it, in words.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Flapping => {
                "it began and ended again and again: the route tells of all such alerts in one message"
            }
            Self::Storm => {
                "more alerts came than the route tells one by one: it tells of the others in one message"
            }
        }
    }
}

impl Route {
    /// The group of this digest, where the route has it.
    pub(crate) fn digest(&self, digest: Digest) -> Option<GroupId> {
        let has = match digest {
            Digest::Flapping => self.digests.flapping,
            Digest::Storm => self.digests.storm.is_some(),
        };
        has.then(|| GroupId {
            key: format!("{}{}", self.key, digest.ending()).into(),
            receiver: self.receiver.clone(),
        })
    }

    /// When a group of this key is told. What flaps is told of no more often than it takes to see that it does.
    pub(crate) fn timing_of(&self, key: &str, flapping: FlappingRule) -> Timing {
        match Digest::of(key) {
            Some(Digest::Flapping) => {
                Timing { group_interval: self.timing.group_interval.max(flapping.within), ..self.timing }
            }
            Some(Digest::Storm) | None => self.timing,
        }
    }

    /// Whether the route makes the group of this id and these labels.
    pub(super) fn makes(&self, id: &GroupId, group_labels: &Labels) -> bool {
        let is_own = self.receiver == id.receiver && *self.group_key(group_labels) == *id.key;
        is_own || Digest::of(&id.key).and_then(|digest| self.digest(digest)).is_some_and(|made| made == *id)
    }
}
