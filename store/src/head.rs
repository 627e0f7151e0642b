//! The head of one shard: its series and their samples that are in no block yet.

mod chunk;
mod index;
mod series;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use isobar_normalizer::{Labels, Matcher, SeriesId};

use crate::contract::Contract;
use crate::wal::Replay;

use index::Index;
pub use series::{FrozenSeries, Series, read_chunks};

/// A series id is a hash already.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("series ids are hashed as one u64")
    }
    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}

/// Series of one shard, each in a slot. A slot is taken again after its series was forgotten.
#[derive(Debug, Default)]
pub struct Head {
    slots: Vec<Option<Series>>,
    free: Vec<u32>,
    by_id: HashMap<SeriesId, u32, BuildHasherDefault<IdHasher>>,
    /// Slots of further series whose id met another's. In practice empty.
    collisions: HashMap<SeriesId, Vec<u32>>,
    index: Index,
    per_source: HashMap<Arc<str>, usize>,
    samples: usize,
    newest: Option<i64>,
}

impl Head {
    /// The slot of the series with exactly these labels.
    #[inline]
    pub fn find(&self, labels: &Labels) -> Option<u32> {
        self.find_by(labels.id(), labels)
    }

    #[inline]
    fn find_by(&self, id: SeriesId, labels: &Labels) -> Option<u32> {
        let slot = *self.by_id.get(&id)?;
        if self.is(slot, labels) {
            return Some(slot);
        }
        self.collisions.get(&id)?.iter().copied().find(|slot| self.is(*slot, labels))
    }

    fn is(&self, slot: u32, labels: &Labels) -> bool {
        self.slots[slot as usize].as_ref().is_some_and(|series| series.labels.packed() == labels.packed())
    }

    /// Makes a slot for a series that has none.
    pub fn insert(&mut self, labels: Labels, contract: &Contract) -> u32 {
        self.insert_by(labels.id(), labels, contract)
    }

    fn insert_by(&mut self, id: SeriesId, labels: Labels, contract: &Contract) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("series_max keeps the head below 2^32 slots")
        });
        self.index.insert(slot, &labels);
        *self.per_source.entry(contract.source.clone()).or_default() += 1;
        self.slots[slot as usize] = Some(Series::new(labels, contract.clone()));
        match self.by_id.entry(id) {
            Entry::Vacant(entry) => {
                entry.insert(slot);
            }
            Entry::Occupied(_) => {
                metrics::counter!("isobar_store_series_id_collisions_total").increment(1);
                self.collisions.entry(id).or_default().push(slot);
            }
        }
        slot
    }

    /// The series in the slot.
    #[inline]
    pub fn series(&self, slot: u32) -> &Series {
        self.slots[slot as usize].as_ref().expect("callers hold slots of living series")
    }

    /// Stores a sample of the series in the slot.
    #[inline]
    pub fn put(&mut self, slot: u32, contract: &Contract, at: i64, value: f64) {
        let series = self.slots[slot as usize].as_mut().expect("callers hold slots of living series");
        if series.contract.source != contract.source {
            move_source(&mut self.per_source, &series.contract.source, &contract.source);
        }
        self.samples += usize::from(series.put(contract, at, value));
        self.newest = self.newest.max(Some(at));
    }

    /// The series all matchers accept.
    pub fn matching(&self, matchers: &[Matcher]) -> Vec<&Series> {
        match self.index.find(matchers) {
            Some(slots) => slots.into_iter().map(|slot| self.series(slot)).collect(),
            None => self.slots.iter().flatten().collect(),
        }
    }

    /// How many series there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many of them come from the source.
    pub fn of_source(&self, source: &str) -> usize {
        self.per_source.get(source).copied().unwrap_or(0)
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Time of the newest sample ever put here.
    pub fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// Time of the oldest sample.
    pub fn oldest(&self) -> Option<i64> {
        self.slots.iter().flatten().filter_map(|series| series.bounds()).map(|(first, _)| first).min()
    }

    /// Bytes of memory of series and samples, without the index.
    pub fn memory(&self) -> usize {
        self.slots.iter().flatten().map(Series::memory).sum()
    }

    /// Takes out all samples before `boundary`.
    pub fn freeze_before(&mut self, boundary: i64) -> Vec<FrozenSeries> {
        let mut frozen = Vec::new();
        for series in self.slots.iter_mut().flatten() {
            if let Some((taken, count)) = series.freeze_before(boundary) {
                self.samples -= count;
                frozen.push(taken);
            }
        }
        frozen
    }

    /// Forgets series without samples whose last one is before `horizon`, and returns their slots.
    pub fn forget_idle(&mut self, horizon: i64) -> Vec<u32> {
        let mut forgotten = Vec::new();
        for slot in 0..self.slots.len() {
            let idle = |series: &mut Series| {
                series.bounds().is_none() && series.last_at.is_none_or(|last| last < horizon)
            };
            let Some(series) = self.slots[slot].take_if(idle) else { continue };
            let slot = slot as u32;
            self.index.remove(slot, &series.labels);
            self.forget_id(series.labels.id(), slot);
            leave_source(&mut self.per_source, &series.contract.source);
            self.free.push(slot);
            forgotten.push(slot);
        }
        forgotten
    }

    fn forget_id(&mut self, id: SeriesId, slot: u32) {
        if let Some(others) = self.collisions.get_mut(&id) {
            others.retain(|other| *other != slot);
            if self.by_id.get(&id) == Some(&slot)
                && let Some(other) = others.pop()
            {
                self.by_id.insert(id, other);
            }
            if others.is_empty() {
                self.collisions.remove(&id);
            }
        }
        if self.by_id.get(&id) == Some(&slot) {
            self.by_id.remove(&id);
        }
    }
}

fn move_source(per_source: &mut HashMap<Arc<str>, usize>, from: &Arc<str>, to: &Arc<str>) {
    leave_source(per_source, from);
    *per_source.entry(to.clone()).or_default() += 1;
}

fn leave_source(per_source: &mut HashMap<Arc<str>, usize>, source: &Arc<str>) {
    if let Some(count) = per_source.get_mut(source) {
        *count -= 1;
        if *count == 0 {
            per_source.remove(source);
        }
    }
}

/// Puts what was logged back into the head.
impl Replay for Head {
    fn series(&mut self, labels: Labels) -> u32 {
        // The first sample that follows brings the contract.
        let unknown = Contract { source: "".into(), period_ms: 0, delay_ms: 0 };
        self.find(&labels).unwrap_or_else(|| self.insert(labels, &unknown))
    }

    fn sample(&mut self, series: u32, contract: &Contract, at: i64, value: f64) {
        self.put(series, contract, at, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str) -> Labels {
        Labels::from_pairs([("__name__", name)]).unwrap()
    }

    fn contract(source: &str) -> Contract {
        Contract { source: source.into(), period_ms: 0, delay_ms: 0 }
    }

    #[test]
    fn series_whose_ids_meet_are_kept_apart_and_forgotten_apart() {
        let mut head = Head::default();
        let id = SeriesId(7);
        let [a, b, c] = ["a", "b", "c"].map(|name| head.insert_by(id, labels(name), &contract("s")));
        assert_eq!(
            ["a", "b", "c", "d"].map(|name| head.find_by(id, &labels(name))),
            [Some(a), Some(b), Some(c), None]
        );
        head.forget_id(id, a);
        assert_eq!(["b", "c"].map(|name| head.find_by(id, &labels(name))), [Some(b), Some(c)]);
        head.forget_id(id, c);
        head.forget_id(id, b);
        assert_eq!(head.find_by(id, &labels("b")), None);
    }

    #[test]
    fn idle_series_leave_and_their_slots_are_taken_again() {
        let mut head = Head::default();
        let a = head.insert(labels("a"), &contract("one"));
        head.put(a, &contract("one"), 10, 1.0);
        let b = head.insert(labels("b"), &contract("one"));
        head.put(b, &contract("two"), 100, 1.0);
        assert_eq!((head.of_source("one"), head.of_source("two")), (1, 1));
        assert_eq!(head.forget_idle(50), Vec::<u32>::new());
        assert_eq!(head.freeze_before(1_000).len(), 2);
        assert_eq!(head.forget_idle(50), vec![a]);
        assert_eq!((head.find(&labels("a")), head.len(), head.of_source("one")), (None, 1, 0));
        assert_eq!(head.insert(labels("c"), &contract("two")), a);
        assert_eq!(head.matching(&[]).len(), 2);
    }
}
