//! One series in the head: older samples compressed, the latest ones plain.

use isobar_normalizer::Labels;

use crate::contract::{Contract, Periods};

use super::chunk::Chunk;

/// Plain samples kept at most; half of them are compressed when it is reached. What a source re-reads and corrects is
/// nearly always among them.
const TAIL_MAX: usize = 32;

/// Samples a chunk is filled to. A correction inside a chunk costs writing the whole chunk again.
const CHUNK_MAX: usize = 128;

/// One series and its samples that are in no block yet.
#[derive(Debug)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// The contract of its latest run.
    pub contract: Contract,
    /// Time of its latest sample, in the head or in a block.
    pub last_at: Option<i64>,
    periods: Periods,
    chunks: Vec<Chunk>,
    tail_at: Vec<i64>,
    tail_values: Vec<f64>,
}

/// Samples of a series that are on their way into a block.
#[derive(Debug)]
pub struct FrozenSeries {
    /// The series' labels.
    pub labels: Labels,
    /// The contract when it was frozen.
    pub contract: Contract,
    /// The periods of its samples.
    pub periods: Periods,
    /// The samples.
    pub chunks: Vec<Chunk>,
}

impl Series {
    /// A series without samples.
    pub fn new(labels: Labels, contract: Contract) -> Self {
        Self {
            labels,
            contract,
            last_at: None,
            periods: Periods::default(),
            chunks: Vec::new(),
            tail_at: Vec::new(),
            tail_values: Vec::new(),
        }
    }

    /// Stores a sample; one already there at that time is replaced. Returns whether there is one more than before.
    #[inline]
    pub fn put(&mut self, contract: &Contract, at: i64, value: f64) -> bool {
        if self.contract != *contract {
            self.contract = contract.clone();
        }
        self.periods.note(at, contract.period_ms);
        let newest = self.last_at.is_none_or(|last| at > last);
        if newest {
            self.last_at = Some(at);
        }
        if newest || self.tail_at.last().is_some_and(|last| at > *last) {
            self.tail_at.push(at);
            self.tail_values.push(value);
        } else if !self.put_late(at, value) {
            return false;
        }
        if self.tail_at.len() >= TAIL_MAX {
            self.compress(TAIL_MAX / 2);
        }
        true
    }

    fn put_late(&mut self, at: i64, value: f64) -> bool {
        let index = self.chunks.partition_point(|chunk| chunk.last() < at);
        if index < self.chunks.len() {
            return self.put_into_chunk(index, at, value);
        }
        match self.tail_at.binary_search(&at) {
            Ok(index) => {
                self.tail_values[index] = value;
                false
            }
            Err(index) => {
                self.tail_at.insert(index, at);
                self.tail_values.insert(index, value);
                true
            }
        }
    }

    fn put_into_chunk(&mut self, index: usize, at: i64, value: f64) -> bool {
        let (mut times, mut values): (Vec<i64>, Vec<f64>) = self.chunks[index].iter().unzip();
        let place = times.binary_search(&at);
        match place {
            Ok(place) => values[place] = value,
            Err(place) => {
                times.insert(place, at);
                values.insert(place, value);
            }
        }
        let cut = if times.len() > CHUNK_MAX { times.len() / 2 } else { times.len() };
        let parts = [(&times[..cut], &values[..cut]), (&times[cut..], &values[cut..])];
        let chunks = parts.into_iter().filter_map(|(times, values)| Chunk::from_samples(times, values));
        self.chunks.splice(index..=index, chunks);
        place.is_err()
    }

    /// Compresses the first `count` plain samples.
    fn compress(&mut self, count: usize) {
        for (at, value) in self.tail_at.drain(..count).zip(self.tail_values.drain(..count)) {
            match self.chunks.last_mut() {
                Some(chunk) if chunk.len() < CHUNK_MAX => chunk.push(at, value),
                _ => {
                    if let Some(full) = self.chunks.last_mut() {
                        full.shrink();
                    }
                    self.chunks.push(Chunk::new(at, value));
                }
            }
        }
    }

    /// The value stored at exactly this time.
    pub fn get(&self, at: i64) -> Option<f64> {
        if self.last_at.is_none_or(|last| at > last) {
            return None;
        }
        if let Ok(index) = self.tail_at.binary_search(&at) {
            return Some(self.tail_values[index]);
        }
        let chunk = self.chunks.get(self.chunks.partition_point(|chunk| chunk.last() < at))?;
        chunk.iter().find(|(time, _)| *time == at).map(|(_, value)| value)
    }

    /// Time of the first and of the last sample in the head.
    pub fn bounds(&self) -> Option<(i64, i64)> {
        let first = self.chunks.first().map(Chunk::first).or(self.tail_at.first().copied())?;
        let last = self.tail_at.last().copied().or(self.chunks.last().map(Chunk::last))?;
        Some((first, last))
    }

    /// Appends the samples inside `[start, end]` to the columns.
    pub fn read(&self, start: i64, end: i64, times: &mut Vec<i64>, values: &mut Vec<f64>) {
        read_chunks(&self.chunks, start, end, times, values);
        let from = self.tail_at.partition_point(|at| *at < start);
        let to = self.tail_at.partition_point(|at| *at <= end);
        if from < to {
            times.extend_from_slice(&self.tail_at[from..to]);
            values.extend_from_slice(&self.tail_values[from..to]);
        }
    }

    /// The periods of its samples.
    pub fn periods(&self) -> &Periods {
        &self.periods
    }

    /// Takes out all samples before `boundary`, with how many they are.
    pub fn freeze_before(&mut self, boundary: i64) -> Option<(FrozenSeries, usize)> {
        let tail_cut = self.tail_at.partition_point(|at| *at < boundary);
        if tail_cut > 0 {
            self.compress(tail_cut);
        }
        let whole = self.chunks.partition_point(|chunk| chunk.last() < boundary);
        let mut frozen: Vec<Chunk> = self.chunks.drain(..whole).collect();
        if self.chunks.first().is_some_and(|chunk| chunk.first() < boundary) {
            let (times, values): (Vec<i64>, Vec<f64>) = self.chunks[0].iter().unzip();
            let cut = times.partition_point(|at| *at < boundary);
            frozen.extend(Chunk::from_samples(&times[..cut], &values[..cut]));
            self.chunks.splice(0..1, Chunk::from_samples(&times[cut..], &values[cut..]));
        }
        self.chunks.shrink_to_fit();
        if frozen.is_empty() {
            return None;
        }
        let count = frozen.iter().map(Chunk::len).sum();
        let (labels, contract) = (self.labels.clone(), self.contract.clone());
        let frozen = FrozenSeries { labels, contract, periods: self.periods.clone(), chunks: frozen };
        self.periods.keep_last();
        Some((frozen, count))
    }

    /// Bytes of memory, shared texts counted here.
    pub fn memory(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(Chunk::memory).sum();
        size_of::<Self>() + self.labels.packed().len() + chunks + 16 * self.tail_at.capacity()
    }
}

/// Appends what chunks hold inside `[start, end]` to the columns.
pub fn read_chunks(chunks: &[Chunk], start: i64, end: i64, times: &mut Vec<i64>, values: &mut Vec<f64>) {
    for chunk in chunks.iter().filter(|chunk| chunk.first() <= end && start <= chunk.last()) {
        for (at, value) in chunk.iter().filter(|(at, _)| start <= *at && *at <= end) {
            times.push(at);
            values.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn contract() -> Contract {
        Contract { source: "s".into(), period_ms: 60_000, delay_ms: 0 }
    }

    fn read(series: &Series) -> Vec<(i64, u64)> {
        let (mut times, mut values) = (Vec::new(), Vec::new());
        series.read(i64::MIN, i64::MAX, &mut times, &mut values);
        times.into_iter().zip(values.into_iter().map(f64::to_bits)).collect()
    }

    proptest! {
        /// Whatever order samples come in and wherever the cut is, the series is the map of the last write per time.
        #[test]
        fn a_series_is_a_map_of_last_writes(
            writes in proptest::collection::vec((0..400_i64, any::<u64>()), 0..600),
            boundary in 0..400_i64,
            cut_after in 0..600_usize,
        ) {
            let mut series = Series::new(Labels::empty(), contract());
            let mut expected = BTreeMap::new();
            for (i, (at, bits)) in writes.iter().enumerate() {
                let value = f64::from_bits(*bits);
                prop_assert_eq!(series.get(*at).map(f64::to_bits), expected.get(at).copied());
                prop_assert_eq!(series.put(&contract(), *at, value), expected.insert(*at, value.to_bits()).is_none());
                if i == cut_after {
                    let later = expected.split_off(&boundary);
                    let frozen_expected = std::mem::replace(&mut expected, later);
                    let frozen = series.freeze_before(boundary);
                    let (mut times, mut values) = (Vec::new(), Vec::new());
                    if let Some((frozen, count)) = &frozen {
                        read_chunks(&frozen.chunks, i64::MIN, i64::MAX, &mut times, &mut values);
                        prop_assert_eq!(*count, times.len());
                    }
                    let bits: Vec<u64> = values.into_iter().map(f64::to_bits).collect();
                    let frozen: BTreeMap<i64, u64> = times.into_iter().zip(bits).collect();
                    prop_assert_eq!(&frozen, &frozen_expected);
                }
            }
            let bounds = expected.keys().next().copied().zip(expected.keys().next_back().copied());
            prop_assert_eq!(series.bounds(), bounds);
            prop_assert_eq!(read(&series), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
