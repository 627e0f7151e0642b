//! Takes samples in: checks them, logs them, then shows them to queries.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use isobar_normalizer::{SampleRun, Timestamp};

use crate::contract::Contract;
use crate::error::{AppendError, FileError};
use crate::options::{StoreOptions, millis};
use crate::store::{SHARDS, Shard, Store};
use crate::wal::{Accepted, LABELS_MAX, SOURCE_MAX};

/// What became of the samples of one append.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Written, and visible to queries.
    pub stored: usize,
    /// Already there with this very value.
    pub unchanged: usize,
    /// Further behind the newest sample than `out_of_order`, or past retention.
    pub too_old: usize,
    /// Further ahead of `now` than `future_max`.
    pub too_far_in_future: usize,
    /// Of a new series for which there is no room.
    pub over_series_limit: usize,
    /// Without labels, or with labels or a source name too long to keep (8 KiB, 256 bytes).
    pub invalid: usize,
}

impl Appended {
    /// How many samples were refused.
    pub fn refused(&self) -> usize {
        self.too_old + self.too_far_in_future + self.over_series_limit + self.invalid
    }

    fn count(&self) {
        for (verdict, samples) in [
            ("stored", self.stored),
            ("unchanged", self.unchanged),
            ("too_old", self.too_old),
            ("too_far_in_future", self.too_far_in_future),
            ("over_series_limit", self.over_series_limit),
            ("invalid", self.invalid),
        ] {
            if samples > 0 {
                metrics::counter!("isobar_store_samples_total", "verdict" => verdict)
                    .increment(samples as u64);
            }
        }
    }
}

/// The stretch of time samples are accepted in, both ends included.
#[derive(Clone, Copy, Debug)]
struct Admitted {
    oldest: i64,
    newest: i64,
}

impl Admitted {
    fn new(options: &StoreOptions, newest: Option<i64>, now: Timestamp) -> Self {
        let retained = now.minus(options.retention).millis();
        let in_window = newest.map_or(i64::MIN, |newest| newest.saturating_sub(millis(options.out_of_order)));
        Self { oldest: retained.max(in_window), newest: now.plus(options.future_max).millis() }
    }
}

impl Store {
    /// Stores the samples: an earlier one of the same series and time is replaced, unless it is the same.
    ///
    /// What is stored was written to the operating system before any query sees it and before this returns: it
    /// survives the death of the process. [`Store::sync`] makes it survive the loss of power.
    ///
    /// # Errors
    /// The log cannot be written. Part of the samples may have been stored; storing them again does no harm.
    pub fn append(&self, runs: &[SampleRun], now: Timestamp) -> Result<Appended, AppendError> {
        let inner = &*self.inner;
        inner.clock.fetch_max(now.millis(), Ordering::Relaxed);
        if !inner.writable.load(Ordering::Relaxed) {
            return Err(AppendError::DiskFull);
        }
        let contracts: Vec<Contract> = runs.iter().map(Contract::of).collect();
        let admitted = Admitted::new(&inner.options, inner.newest(), now);
        let mut appended = Appended::default();
        for (shard_index, shard) in inner.shards.iter().enumerate() {
            let batch = Batch { runs, contracts: &contracts, shard_index, admitted };
            let result = self.append_to(shard, &batch, &mut appended);
            if let Err(error) = result {
                appended.count();
                return Err(error);
            }
        }
        appended.count();
        Ok(appended)
    }

    fn append_to(
        &self,
        shard: &Shard,
        batch: &Batch<'_>,
        appended: &mut Appended,
    ) -> Result<(), AppendError> {
        let mut wal = shard.wal.lock();
        let accepted = self.resolve(shard, batch, appended);
        if accepted.is_empty() {
            return Ok(());
        }
        {
            let head = shard.head.read();
            wal.append(batch.contracts, &accepted, |slot| head.series(slot).labels.packed())?;
        }
        let mut head = shard.head.write();
        for sample in &accepted {
            head.put(sample.slot, &batch.contracts[sample.contract as usize], sample.at, sample.value);
        }
        let newest = accepted.iter().map(|sample| sample.at).max().unwrap_or(i64::MIN);
        self.inner.newest.fetch_max(newest, Ordering::Relaxed);
        appended.stored += accepted.len();
        Ok(())
    }

    /// Judges the batch's samples of this shard and gives a slot to each that is to be stored.
    fn resolve(&self, shard: &Shard, batch: &Batch<'_>, appended: &mut Appended) -> Vec<Accepted> {
        let mut accepted = Vec::new();
        let mut new_series = Vec::new();
        let mut revised = HashSet::new();
        let head = shard.head.read();
        batch.for_each(appended, |appended, contract, sample| {
            let (at, value) = (sample.at.millis(), sample.value);
            let Some(slot) = head.find(&sample.labels) else {
                // Marked, for the second pass; the order of samples stays.
                new_series.push((accepted.len(), sample));
                accepted.push(Accepted { contract, slot: u32::MAX, at, value });
                return;
            };
            match head.series(slot).get(at) {
                // What an earlier sample of this batch changes is changed back by this one.
                Some(stored) if stored.to_bits() == value.to_bits() && !revised.contains(&(slot, at)) => {
                    appended.unchanged += 1;
                    return;
                }
                Some(_) => drop(revised.insert((slot, at))),
                None => {}
            }
            accepted.push(Accepted { contract, slot, at, value });
        });
        drop(head);
        if new_series.is_empty() {
            return accepted;
        }
        let mut head = shard.head.write();
        for (place, sample) in new_series {
            let contract = &batch.contracts[accepted[place].contract as usize];
            let known = head.find(&sample.labels);
            if known.is_none()
                && !self.has_room_for(&contract.source, head.len(), head.of_source(&contract.source))
            {
                appended.over_series_limit += 1;
                continue;
            }
            accepted[place].slot = known.unwrap_or_else(|| head.insert(sample.labels.clone(), contract));
        }
        accepted.retain(|sample| sample.slot != u32::MAX);
        accepted
    }

    /// Limits hold per shard: ids spread series evenly.
    fn has_room_for(&self, source: &Arc<str>, series: usize, of_source: usize) -> bool {
        let options = &self.inner.options;
        let room = series < options.series_max.div_ceil(SHARDS)
            && of_source < options.series_per_source_max.div_ceil(SHARDS);
        if !room {
            metrics::counter!("isobar_store_series_refused_total", "source" => source.to_string())
                .increment(1);
        }
        room
    }

    /// Returns once everything appended so far is on disk. Callers that wait at the same time share one fsync.
    ///
    /// # Errors
    /// An fsync failed, now or before: from then on durability cannot be promised until the store is opened again.
    pub fn sync(&self) -> Result<(), AppendError> {
        for (index, shard) in self.inner.shards.iter().enumerate() {
            let folder = self.inner.directory.wal(index);
            shard.commit.sync().map_err(FileError::at("syncing", &folder))?;
        }
        Ok(())
    }
}

/// One append as one shard sees it.
struct Batch<'a> {
    runs: &'a [SampleRun],
    contracts: &'a [Contract],
    shard_index: usize,
    admitted: Admitted,
}

impl<'a> Batch<'a> {
    /// Hands over every sample of the shard that can be stored, in order; the others are counted.
    fn for_each(
        &self,
        appended: &mut Appended,
        mut take: impl FnMut(&mut Appended, u32, &'a isobar_normalizer::Sample),
    ) {
        for (contract, run) in self.runs.iter().enumerate() {
            let source_fits = run.source.len() <= SOURCE_MAX;
            for sample in &run.samples {
                if sample.labels.id().0 as usize % SHARDS != self.shard_index {
                    continue;
                }
                if !source_fits || sample.labels.is_empty() || sample.labels.packed().len() > LABELS_MAX {
                    appended.invalid += 1;
                } else if sample.at.millis() < self.admitted.oldest {
                    appended.too_old += 1;
                } else if sample.at.millis() > self.admitted.newest {
                    appended.too_far_in_future += 1;
                } else {
                    take(appended, contract as u32, sample);
                }
            }
        }
    }
}
