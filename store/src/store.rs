//! The store as a whole: its parts, opening and closing it, and what it tells about itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

use isobar_normalizer::{TimeRange, Timestamp};
use parking_lot::{Mutex, RwLock};

use crate::block::{self, Block, IndexCache, Unopened};
use crate::directory::DataDirectory;
use crate::error::{AppendError, FileError, OpenError};
use crate::head::{FrozenSeries, Head};
use crate::maintain::Progress;
use crate::options::{StoreOptions, longest_span_ms, millis};
use crate::select::Missing;
use crate::wal::{Coverage, Found, GroupCommit, ShardWriter, SyncThread, replay};

/// Parts the series are spread over by id, each with its own log and lock: two appends at a time, and not more files to
/// force to disk for one `sync`. The number is part of the directory's format.
pub const SHARDS: usize = 2;

/// A store of samples. Cloning it is cheap, and all clones are the same store. Its calls block: on files always, on
/// each other shortly.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub options: StoreOptions,
    pub shards: Vec<Shard>,
    /// Samples being written into blocks.
    pub frozen: RwLock<Vec<Arc<Frozen>>>,
    /// In the order of [`block::arrange`]: later ones win.
    pub blocks: RwLock<Vec<Arc<Block>>>,
    /// Folders that should be blocks.
    pub unopened: RwLock<Vec<Unopened>>,
    pub indices: IndexCache,
    pub maintenance: Mutex<Progress>,
    /// Time of the newest sample ever stored; `i64::MIN` when there is none.
    pub newest: AtomicI64,
    /// The latest `now` anyone told.
    pub clock: AtomicI64,
    pub writable: AtomicBool,
    damaged_records: u64,
    // Dropped in this order: the thread first, the lock on the directory last.
    _sync_thread: SyncThread,
    pub directory: DataDirectory,
}

/// Locks are taken in the order `wal`, `head`.
#[derive(Debug)]
pub(crate) struct Shard {
    pub wal: Mutex<ShardWriter>,
    pub head: RwLock<Head>,
    pub commit: Arc<GroupCommit>,
}

/// Samples of one shard that left its head together.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub shard: usize,
    /// The last segment that may hold them.
    pub through: u64,
    /// All of the shard's samples before this time were taken.
    pub boundary: i64,
    pub series: Vec<FrozenSeries>,
}

/// What was found when the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Samples read back from the log.
    pub samples: u64,
    /// Series they belong to.
    pub series: usize,
    /// Log segments read.
    pub segments: usize,
    /// Blocks found.
    pub blocks: usize,
    /// Log records that could not be read; their bytes are kept in `wal/damaged/`.
    pub damaged_records: u64,
    /// How many bytes those are.
    pub damaged_bytes: u64,
    /// Bytes at the end of the log that were cut off because their record was never finished.
    pub torn_bytes: u64,
    /// Blocks of which something or nothing can be read; their folders are left where they are.
    pub damaged_blocks: usize,
}

/// Damage known at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Damaged log records found when the store was opened.
    pub wal_records: u64,
    /// Blocks of which something or nothing can be read, until they are put right or removed.
    pub blocks: u64,
}

/// The state of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Series in the head.
    pub series: usize,
    /// Samples in the head.
    pub head_samples: usize,
    /// Bytes of memory the head's series and samples take, without their index.
    pub head_bytes: usize,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Its segments.
    pub wal_segments: usize,
    /// Blocks.
    pub blocks: usize,
    /// Bytes of all blocks.
    pub block_bytes: u64,
    /// Samples in all blocks.
    pub block_samples: u64,
    /// Whether samples are taken.
    pub writable: bool,
    /// Time of the oldest sample kept.
    pub oldest: Option<Timestamp>,
    /// Time of the newest sample.
    pub newest: Option<Timestamp>,
}

impl Store {
    /// Opens the store in a data directory, which is made if it is not there, and reads the log back.
    ///
    /// # Errors
    /// The directory is in use, of another format, or not accessible. Damaged records are no error.
    pub fn open(
        data_dir: &Path,
        options: StoreOptions,
        now: Timestamp,
    ) -> Result<(Self, Recovery), OpenError> {
        Self::open_in(DataDirectory::open(data_dir)?, options, now)
    }

    /// Opens the store in a directory that is already held, so that others can use it before the log is read back.
    ///
    /// # Errors
    /// The directory is not accessible. Damaged records are no error.
    pub fn open_in(
        directory: DataDirectory,
        options: StoreOptions,
        now: Timestamp,
    ) -> Result<(Self, Recovery), OpenError> {
        let block::Found { blocks, unopened, last_seq } =
            block::open_all(&directory.blocks(), SHARDS, longest_span_ms(&options))?;
        let horizon = now.minus(options.retention).millis();
        let span_ms = millis(options.block_span);

        let recover = |shard: usize| -> Result<(Shard, Found), FileError> {
            let covered: Vec<(i64, i64, u64)> = blocks
                .iter()
                .map(|block| (block.meta.start_ms, block.meta.end_ms, block.meta.through[shard]))
                .collect();
            let coverage = Coverage::new(&covered, horizon);
            let mut head = Head::default();
            let folder = directory.wal(shard);
            let found = replay(&folder, &directory.damaged(), span_ms, &coverage, &mut head)?;
            let commit = Arc::new(GroupCommit::default());
            let last_covered = covered.iter().map(|block| block.2).max().unwrap_or(0);
            let segments = found.segments.clone();
            let wal = ShardWriter::new(
                folder,
                options.segment_bytes,
                span_ms,
                segments,
                last_covered,
                commit.clone(),
            );
            Ok((Shard { wal: Mutex::new(wal), head: RwLock::new(head), commit }, found))
        };
        let recovered: Vec<Result<(Shard, Found), FileError>> = thread::scope(|scope| {
            let recover = &recover;
            let threads: Vec<_> = (0..SHARDS).map(|shard| scope.spawn(move || recover(shard))).collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        let mut shards = Vec::with_capacity(SHARDS);
        let damaged_blocks = unopened.len() + blocks.iter().filter(|block| block.is_damaged()).count();
        let mut recovery = Recovery { blocks: blocks.len(), damaged_blocks, ..Recovery::default() };
        for result in recovered {
            let (shard, found) = result?;
            recovery.add(&shard, &found);
            shards.push(shard);
        }
        if recovery.damaged_records > 0 {
            metrics::counter!("isobar_wal_damaged_records_total").increment(recovery.damaged_records);
            tracing::error!(
                records = recovery.damaged_records,
                bytes = recovery.damaged_bytes,
                kept = %directory.damaged().display(),
                "the write-ahead log was damaged"
            );
        }
        let newest_in_blocks = blocks.iter().map(|block| block.meta.last_ms);
        let newest_in_heads = shards.iter().filter_map(|shard| shard.head.read().newest());
        let newest = newest_in_blocks.chain(newest_in_heads).max().unwrap_or(i64::MIN);
        let commits = shards.iter().map(|shard| shard.commit.clone()).collect();
        let sync_thread = SyncThread::start(commits, options.fsync_interval)
            .map_err(FileError::at("starting the sync thread for", directory.root()))?;
        let mut arranged: Vec<Arc<Block>> = blocks.into_iter().map(Arc::new).collect();
        block::arrange(&mut arranged);
        let inner = Inner {
            indices: IndexCache::new(options.index_cache_bytes),
            options,
            shards,
            frozen: RwLock::default(),
            blocks: RwLock::new(arranged),
            unopened: RwLock::new(unopened),
            maintenance: Mutex::new(Progress { last_cut: None, last_seq }),
            newest: AtomicI64::new(newest),
            clock: AtomicI64::new(now.millis()),
            writable: AtomicBool::new(true),
            damaged_records: recovery.damaged_records,
            _sync_thread: sync_thread,
            directory,
        };
        Ok((Self { inner: Arc::new(inner) }, recovery))
    }

    /// Tells whether samples may be written. When they may not, [`Store::append`] answers
    /// [`AppendError::DiskFull`] at once; queries and maintenance, which frees room, go on.
    pub fn set_writable(&self, writable: bool) {
        self.inner.writable.store(writable, Ordering::Relaxed);
    }

    /// How much there is of what.
    pub fn stats(&self) -> StoreStats {
        let inner = &*self.inner;
        let blocks = inner.blocks.read().clone();
        let mut stats = StoreStats {
            blocks: blocks.len(),
            block_bytes: blocks.iter().map(|block| block.meta.bytes).sum(),
            block_samples: blocks.iter().map(|block| block.meta.samples).sum(),
            writable: inner.writable.load(Ordering::Relaxed),
            newest: inner.newest().map(Timestamp::from_millis),
            ..StoreStats::default()
        };
        let mut oldest = blocks.iter().map(|block| block.meta.first_ms).min();
        for shard in &inner.shards {
            {
                let wal = shard.wal.lock();
                stats.wal_bytes += wal.bytes();
                stats.wal_segments += wal.segments();
            }
            let head = shard.head.read();
            stats.series += head.len();
            stats.head_samples += head.samples();
            stats.head_bytes += head.memory();
            oldest = [oldest, head.oldest()].into_iter().flatten().min();
        }
        stats.oldest = oldest.map(Timestamp::from_millis);
        stats
    }

    /// What is damaged; cheap to ask.
    pub fn damage(&self) -> Damage {
        self.inner.damage()
    }

    /// Why nothing more can be made durable: an fsync of the log failed, and only a new start finds out what is on disk.
    pub fn sync_failure(&self) -> Option<std::io::Error> {
        self.inner.shards.iter().find_map(|shard| shard.commit.failure())
    }

    /// Stops taking samples and forces what was taken to disk. The directory is free for another process when the last
    /// clone is gone.
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn close(&self) -> Result<(), AppendError> {
        self.set_writable(false);
        self.sync()
    }
}

impl Inner {
    /// Time of the newest sample ever stored.
    pub fn newest(&self) -> Option<i64> {
        Some(self.newest.load(Ordering::Relaxed)).filter(|newest| *newest != i64::MIN)
    }

    /// Before this time blocks are not read any more.
    pub fn horizon(&self) -> i64 {
        Timestamp::from_millis(self.clock.load(Ordering::Relaxed)).minus(self.options.retention).millis()
    }

    /// What is damaged now.
    pub fn damage(&self) -> Damage {
        let blocks = self.blocks.read().iter().filter(|block| block.is_damaged()).count();
        let blocks = (blocks + self.unopened.read().len()) as u64;
        Damage { wal_records: self.damaged_records, blocks }
    }

    /// What cannot be opened of the range.
    pub fn unopened_in(&self, range: TimeRange) -> Vec<Missing> {
        let unopened = self.unopened.read();
        let inside = |one: &&Unopened| one.range.start <= range.end && range.start <= one.range.end;
        unopened.iter().filter(inside).map(Unopened::missing).collect()
    }

    /// The blocks with samples in the range that are not past retention, in their order.
    pub fn blocks_in(&self, range: TimeRange) -> Vec<Arc<Block>> {
        let horizon = self.horizon();
        let blocks = self.blocks.read();
        let inside = |block: &&Arc<Block>| {
            let meta = &block.meta;
            meta.end_ms > horizon
                && meta.first_ms <= range.end.millis()
                && range.start.millis() <= meta.last_ms
        };
        blocks.iter().filter(inside).cloned().collect()
    }
}

impl Recovery {
    fn add(&mut self, shard: &Shard, found: &Found) {
        self.samples += found.samples;
        self.series += shard.head.read().len();
        self.segments += found.segments.len();
        self.damaged_records += found.damaged_records;
        self.damaged_bytes += found.damaged_bytes;
        self.torn_bytes += found.torn_bytes;
    }
}

#[cfg(test)]
mod tests;
