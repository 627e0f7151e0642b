//! What a block holds and where: its table of series and the places of its samples' pages, kept between queries.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, MapArray, PrimitiveArray, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt32Array, UInt64Array,
};
use arrow::datatypes::ArrowPrimitiveType;
use arrow::error::ArrowError;
use isobar_normalizer::{Labels, METRIC_NAME, MatchOp, Matcher, TimeRange};
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::PageIndexPolicy;

use super::file::{BlockFile, Fault, decode};
use super::{Block, SAMPLES, SERIES};
use crate::contract::Contract;
use crate::select::Summary;

/// Series decoded at a time.
const BATCH_ROWS: usize = 64 * 1024;

/// What `series.parquet` says about one series.
#[derive(Clone, Debug)]
pub struct Row {
    /// The series.
    pub series: Summary,
    /// Where its samples begin in `samples.parquet`.
    pub first_row: u64,
    /// How many they are.
    pub rows: u64,
}

/// A block's table of series, and where the pages of its samples lie.
#[derive(Debug)]
pub struct Index {
    series: Vec<SeriesTable>,
    samples: ArrowReaderMetadata,
    bytes: usize,
}

impl Index {
    /// Reads a block's.
    pub fn load(block: &Block) -> Result<Self, Fault> {
        let file = BlockFile::open(block, SERIES)?;
        let batches = decode(SERIES, || -> Result<Vec<RecordBatch>, ArrowError> {
            let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
            reader.with_batch_size(BATCH_ROWS).build()?.collect()
        })?;
        let unexpected = || Fault::Damaged(format!("{SERIES}: columns are not as expected"));
        let mut bytes = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let series: Option<Vec<SeriesTable>> = batches.iter().map(SeriesTable::of).collect();
        let series = series.ok_or_else(unexpected)?;
        check_rows(&series, block.meta.samples).map_err(Fault::Damaged)?;
        let file = BlockFile::open(block, SAMPLES)?;
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let samples = decode(SAMPLES, || ArrowReaderMetadata::load(&file, options))?;
        let rows = samples.metadata().file_metadata().num_rows();
        if u64::try_from(rows) != Ok(block.meta.samples) {
            return Err(Fault::Damaged(format!("{SAMPLES}: {rows} rows, not {}", block.meta.samples)));
        }
        bytes += samples.metadata().memory_size();
        Ok(Self { series, samples, bytes })
    }

    /// The series all matchers accept whose samples reach into the range, in the block's order.
    pub fn matching(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Row>, Fault> {
        let mut found = Vec::new();
        for table in &self.series {
            table.matching(matchers, range, &mut found).ok_or_else(no_label_set)?;
        }
        Ok(found)
    }

    /// The series at this place in the block's order; none past the end.
    pub fn row(&self, mut place: usize) -> Result<Option<Row>, Fault> {
        for table in &self.series {
            if place < table.names.len() {
                let row = table.row(place).ok_or_else(no_label_set)?;
                return Ok(Some(row));
            }
            place -= table.names.len();
        }
        Ok(None)
    }

    /// The footer of `samples.parquet`.
    pub fn samples(&self) -> &ArrowReaderMetadata {
        &self.samples
    }
}

fn no_label_set() -> Fault {
    Fault::Damaged(format!("{SERIES}: a label set is none"))
}

/// Whether every series' samples follow those of the one before, and all are there.
fn check_rows(series: &[SeriesTable], samples: u64) -> Result<(), String> {
    let mut next = Some(0_u64);
    for table in series {
        for row in 0..table.names.len() {
            if next != Some(table.first_rows.value(row)) {
                return Err(format!("{SERIES}: rows are not in order"));
            }
            next = table.first_rows.value(row).checked_add(table.rows.value(row));
        }
    }
    if next == Some(samples) { Ok(()) } else { Err(format!("{SERIES}: rows do not end with {SAMPLES}")) }
}

/// The columns of one batch of `series.parquet`.
#[derive(Debug)]
struct SeriesTable {
    names: StringArray,
    labels: MapArray,
    keys: StringArray,
    values: StringArray,
    sources: StringArray,
    periods: UInt32Array,
    delays: UInt32Array,
    firsts: TimestampMillisecondArray,
    lasts: TimestampMillisecondArray,
    first_rows: UInt64Array,
    rows: UInt64Array,
}

impl SeriesTable {
    /// `None` when the columns are not those of this format.
    fn of(batch: &RecordBatch) -> Option<Self> {
        let text = |name| batch.column_by_name(name)?.as_string_opt::<i32>().cloned();
        let labels = batch.column_by_name("labels")?.as_map_opt()?.clone();
        Some(Self {
            names: text("name")?,
            keys: labels.keys().as_string_opt()?.clone(),
            values: labels.values().as_string_opt()?.clone(),
            labels,
            sources: text("source")?,
            periods: numbers(batch, "period_ms")?,
            delays: numbers(batch, "delay_ms")?,
            firsts: numbers(batch, "first_ts")?,
            lasts: numbers(batch, "last_ts")?,
            first_rows: numbers(batch, "first_row")?,
            rows: numbers(batch, "rows")?,
        })
    }

    /// `None` when a row's labels are no label set.
    fn matching(&self, matchers: &[Matcher], range: TimeRange, found: &mut Vec<Row>) -> Option<()> {
        for row in self.named(matchers) {
            let (first, last) = (self.firsts.value(row), self.lasts.value(row));
            let reaches = first <= range.end.millis() && range.start.millis() <= last;
            if !reaches || !matchers.iter().all(|matcher| matcher.matches(self.label(row, matcher.name()))) {
                continue;
            }
            found.push(self.row(row)?);
        }
        Some(())
    }

    /// `None` when its labels are no label set.
    fn row(&self, row: usize) -> Option<Row> {
        let pairs = self.entries(row).map(|entry| (self.keys.value(entry), self.values.value(entry)));
        let labels = Labels::from_pairs(pairs).ok()?;
        let contract = Contract {
            source: self.sources.value(row).into(),
            period_ms: self.periods.value(row),
            delay_ms: self.delays.value(row),
        };
        let (first, last) = (self.firsts.value(row), self.lasts.value(row));
        let series = Summary { labels, contract, first, last };
        Some(Row { series, first_row: self.first_rows.value(row), rows: self.rows.value(row) })
    }

    /// The rows to look at: rows are sorted by name, so that one name is one stretch.
    fn named(&self, matchers: &[Matcher]) -> Range<usize> {
        let by_name = |matcher: &&Matcher| matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal;
        match matchers.iter().find(by_name) {
            Some(wanted) => {
                let from = self.first_row_where(|name| name >= wanted.value());
                from..self.first_row_where(|name| name > wanted.value())
            }
            None => 0..self.names.len(),
        }
    }

    /// The first row whose name fulfils what all later ones fulfil too.
    fn first_row_where(&self, is_after: impl Fn(&str) -> bool) -> usize {
        let (mut from, mut to) = (0, self.names.len());
        while from < to {
            let middle = from + (to - from) / 2;
            if is_after(self.names.value(middle)) {
                to = middle;
            } else {
                from = middle + 1;
            }
        }
        from
    }

    fn entries(&self, row: usize) -> Range<usize> {
        let offsets = self.labels.value_offsets();
        offsets[row] as usize..offsets[row + 1] as usize
    }

    /// The label's value; empty when the series has none.
    fn label(&self, row: usize, name: &str) -> &str {
        let entry = self.entries(row).find(|entry| self.keys.value(*entry) == name);
        entry.map_or("", |entry| self.values.value(entry))
    }
}

fn numbers<T: ArrowPrimitiveType>(batch: &RecordBatch, name: &str) -> Option<PrimitiveArray<T>> {
    batch.column_by_name(name)?.as_primitive_opt::<T>().cloned()
}

/// Indices of blocks read lately, within a number of bytes.
#[derive(Debug)]
pub struct IndexCache {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    indices: HashMap<PathBuf, (Arc<Index>, u64)>,
    bytes: usize,
    /// Counts uses: the index used least lately goes first.
    uses: u64,
}

impl IndexCache {
    /// Keeps at most so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, kept: Mutex::default() }
    }

    /// The block's index, read when it is not kept.
    pub fn get(&self, block: &Block) -> Result<Arc<Index>, Fault> {
        {
            let mut kept = self.kept.lock();
            kept.uses += 1;
            let now = kept.uses;
            if let Some((index, used)) = kept.indices.get_mut(&block.folder) {
                *used = now;
                return Ok(index.clone());
            }
        }
        metrics::counter!("isobar_store_index_reads_total").increment(1);
        let index = Arc::new(Index::load(block)?);
        self.kept.lock().put(block.folder.clone(), &index, self.bytes_max);
        Ok(index)
    }

    /// Lets go of the indices of all blocks but these.
    pub fn retain(&self, blocks: &[Arc<Block>]) {
        let folders: HashSet<&PathBuf> = blocks.iter().map(|block| &block.folder).collect();
        let mut kept = self.kept.lock();
        kept.indices.retain(|folder, _| folders.contains(folder));
        kept.bytes = kept.indices.values().map(|(index, _)| index.bytes).sum();
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        self.kept.lock().bytes
    }
}

impl Kept {
    fn put(&mut self, folder: PathBuf, index: &Arc<Index>, bytes_max: usize) {
        if index.bytes > bytes_max {
            return;
        }
        self.uses += 1;
        self.bytes += index.bytes;
        if let Some((before, _)) = self.indices.insert(folder, (index.clone(), self.uses)) {
            self.bytes -= before.bytes;
        }
        while self.bytes > bytes_max {
            let oldest = self.indices.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(folder, _)| folder.clone()) else { return };
            if let Some((gone, _)) = self.indices.remove(&oldest) {
                self.bytes -= gone.bytes;
            }
        }
    }
}
