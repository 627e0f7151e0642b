//! Moves finished spans from the head into blocks, removes what they cover, and drops what is past retention.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use isobar_normalizer::Timestamp;

use crate::block::{self, Block, NewBlock, Unopened};
use crate::error::{FileError, MaintainError};
use crate::options::millis;
use crate::store::{Frozen, Inner, SHARDS, Store};

/// What maintenance did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Blocks written.
    pub blocks_written: usize,
    /// Samples in them.
    pub samples_written: u64,
    /// Log segments removed.
    pub segments_removed: usize,
    /// Blocks dropped because all of them was past retention.
    pub blocks_dropped: usize,
    /// Series forgotten because nothing came for long.
    pub series_forgotten: usize,
}

/// What one call has to know of the calls before.
#[derive(Debug)]
pub struct Progress {
    /// When spans were last taken out of the heads.
    pub last_cut: Option<Timestamp>,
    /// The highest sequence a block was ever given in this directory.
    pub last_seq: u64,
}

impl Store {
    /// Cuts finished spans into blocks, removes log segments those cover, applies retention. To be called every half
    /// minute or so; one call at a time works, further ones wait.
    ///
    /// A span is cut half a span after its end. Samples that come still later for a span already cut are kept in the
    /// head and cut into a further block, at most every half span.
    ///
    /// # Errors
    /// A block cannot be written or a file not removed. Nothing is lost: samples stay visible and logged, and the next
    /// call tries again.
    pub fn maintain(&self, now: Timestamp) -> Result<Maintained, MaintainError> {
        let inner = &*self.inner;
        inner.clock.fetch_max(now.millis(), Ordering::Relaxed);
        let mut progress = inner.maintenance.lock();
        let mut done = Maintained::default();
        inner.drop_expired(&mut done);
        inner.let_go_of_removed();

        // What a call before could not write comes first.
        inner.write_frozen(&mut progress.last_seq, &mut done)?;
        let half_span = inner.options.block_span / 2;
        // A cut in the future was made by a clock that has been set back since.
        let due = progress.last_cut.is_none_or(|last| now < last || now.since(last) >= half_span);
        if due && inner.freeze(now, half_span) {
            progress.last_cut = Some(now);
            inner.write_frozen(&mut progress.last_seq, &mut done)?;
        }
        inner.forget_idle(now, &mut done);
        inner.report();
        Ok(done)
    }
}

impl Inner {
    /// Takes all samples of finished spans out of the heads; whether there were any.
    fn freeze(&self, now: Timestamp, grace: Duration) -> bool {
        let span_ms = millis(self.options.block_span);
        let boundary = now.minus(grace).millis().div_euclid(span_ms) * span_ms;
        let mut any = false;
        for (index, shard) in self.shards.iter().enumerate() {
            if shard.head.read().oldest().is_none_or(|oldest| oldest >= boundary) {
                continue;
            }
            // With the log's lock held nothing is appended: all samples taken are in segments up to the one closed.
            let mut wal = shard.wal.lock();
            let through = wal.roll();
            let mut head = shard.head.write();
            let series = head.freeze_before(boundary);
            self.frozen.write().push(Arc::new(Frozen { shard: index, through, boundary, series }));
            any = true;
        }
        any
    }

    /// Writes frozen samples into one block per span, then lets go of them and of the log that held them.
    fn write_frozen(&self, last_seq: &mut u64, done: &mut Maintained) -> Result<(), MaintainError> {
        let frozen = self.frozen.read().clone();
        if frozen.is_empty() {
            return Ok(());
        }
        let span_ms = millis(self.options.block_span);
        let horizon = self.horizon();
        let chunks = frozen.iter().flat_map(|frozen| &frozen.series).flat_map(|series| &series.chunks);
        let spans: BTreeSet<i64> = chunks
            .flat_map(|chunk| chunk.first().div_euclid(span_ms)..=chunk.last().div_euclid(span_ms))
            .collect();
        let mut through = vec![0; SHARDS];
        for frozen in &frozen {
            through[frozen.shard] = frozen.through.max(through[frozen.shard]);
        }
        for span in spans {
            let (start_ms, end_ms) = (span * span_ms, (span + 1) * span_ms);
            // A span written by a call that failed at a later one is not written again.
            if end_ms <= horizon || self.is_written(start_ms, end_ms, &through) {
                continue;
            }
            let series = frozen.iter().flat_map(|frozen| &frozen.series);
            // Taken even if writing fails: a folder of that number may be there by then.
            *last_seq += 1;
            let new =
                NewBlock { seq: *last_seq, start_ms, end_ms, through: through.clone(), replaces: Vec::new() };
            if let Some(block) = block::write(&self.directory.blocks(), new, series)? {
                done.blocks_written += 1;
                done.samples_written += block.meta.samples;
                let mut blocks = self.blocks.write();
                blocks.push(Arc::new(block));
                block::arrange(&mut blocks);
            }
        }
        self.frozen.write().clear();
        for frozen in &frozen {
            let mut wal = self.shards[frozen.shard].wal.lock();
            done.segments_removed += wal.covered(frozen.through, frozen.boundary)?;
        }
        Ok(())
    }

    fn is_written(&self, start_ms: i64, end_ms: i64, through: &[u64]) -> bool {
        let blocks = self.blocks.read();
        let same = |block: &Arc<Block>| {
            let meta = &block.meta;
            meta.start_ms == start_ms && meta.end_ms == end_ms && meta.through == through
        };
        blocks.iter().any(same)
    }

    /// Lets go of blocks that are past retention as a whole; their files go when the last query is done with them.
    fn drop_expired(&self, done: &mut Maintained) {
        let horizon = self.horizon();
        // Files are removed without the lock.
        let expired: Vec<Arc<Block>> =
            self.blocks.write().extract_if(.., |block| block.meta.end_ms <= horizon).collect();
        done.blocks_dropped = expired.len();
        expired.iter().for_each(|block| block.leave());
        let past = |one: &mut Unopened| one.range.end.millis() <= horizon;
        let unopened: Vec<Unopened> = self.unopened.write().extract_if(.., past).collect();
        for one in unopened {
            if let Err(error) = block::remove(&one.folder) {
                tracing::warn!(block = %one.folder.display(), %error, "a block could not be removed");
            }
        }
    }

    /// Lets go of damaged blocks whose folders somebody has taken away.
    fn let_go_of_removed(&self) {
        self.blocks.write().retain(|block| !(block.is_damaged() && block.is_gone()));
        self.unopened.write().retain(|one| one.folder.exists());
        self.indices.retain(&self.blocks.read());
    }

    fn forget_idle(&self, now: Timestamp, done: &mut Maintained) {
        let horizon = now.minus(self.options.idle_after).millis();
        for shard in &self.shards {
            let mut wal = shard.wal.lock();
            let forgotten = shard.head.write().forget_idle(horizon);
            for slot in &forgotten {
                wal.forget_slot(*slot);
            }
            done.series_forgotten += forgotten.len();
        }
    }

    fn report(&self) {
        let (mut series, mut samples, mut wal_bytes) = (0, 0, 0);
        for shard in &self.shards {
            wal_bytes += shard.wal.lock().bytes();
            let head = shard.head.read();
            series += head.len();
            samples += head.samples();
        }
        metrics::gauge!("isobar_store_series").set(series as f64);
        metrics::gauge!("isobar_store_head_samples").set(samples as f64);
        metrics::gauge!("isobar_wal_size_bytes").set(wal_bytes as f64);
        metrics::gauge!("isobar_store_blocks").set(self.blocks.read().len() as f64);
        metrics::gauge!("isobar_store_damaged_blocks").set(self.damage().blocks as f64);
        metrics::gauge!("isobar_store_index_cache_bytes").set(self.indices.bytes() as f64);
    }
}

impl From<block::WriteError> for MaintainError {
    fn from(error: block::WriteError) -> Self {
        match error {
            block::WriteError::Full => Self::DiskFull,
            block::WriteError::File(error) => FileError::into(error),
            block::WriteError::Encode(reason) => Self::Encode(reason),
        }
    }
}
