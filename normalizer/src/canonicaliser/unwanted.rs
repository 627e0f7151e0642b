//! Remembers which series no mapping wants, so that most samples cost one hash lookup.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use crate::SeriesId;

/// A generation holds this many ids: the most that fit hashbrown's table of 2^20 slots, 9 MiB.
const GENERATION: usize = 900_000;

/// A bounded set in two generations: when the young one is full it becomes the old one, and what was in the old one
/// and was not asked for since is forgotten.
///
/// Equal ids of different labels would hide a wanted series; with 64-bit ids that is one chance in 10^7 for a million
/// series, and a source that seeks it hides its own.
#[derive(Debug, Default)]
pub(super) struct Unwanted {
    young: HashSet<SeriesId, IdentityBuilder>,
    old: HashSet<SeriesId, IdentityBuilder>,
}

impl Unwanted {
    pub(super) fn contains(&mut self, id: SeriesId) -> bool {
        if self.young.contains(&id) {
            return true;
        }
        if self.old.is_empty() || !self.old.contains(&id) {
            return false;
        }
        self.insert(id);
        true
    }

    pub(super) fn insert(&mut self, id: SeriesId) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id);
    }
}

pub(super) type IdentityBuilder = BuildHasherDefault<Identity>;

/// Hashes an id to itself: it is an XXH3 hash already.
#[derive(Debug, Default)]
pub(super) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids spread as XXH3 spreads them.
    fn id(n: usize) -> SeriesId {
        SeriesId(xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()))
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        let mut unwanted = Unwanted::default();
        unwanted.insert(id(0));
        unwanted.insert(id(1));
        for n in 2..GENERATION + 2 {
            unwanted.insert(id(n));
        }
        assert!(unwanted.contains(id(0)), "it is still in the old generation");
        for n in GENERATION + 2..2 * GENERATION + 2 {
            unwanted.insert(id(n));
        }
        assert!(unwanted.contains(id(0)), "it was asked for in the generation before");
        assert!(!unwanted.contains(id(1)));
        assert!(unwanted.young.len() + unwanted.old.len() <= 2 * GENERATION);
    }
}
