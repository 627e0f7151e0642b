//! Reads series out of a block.

use std::fs::File;
use std::ops::Range;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMillisecondType, UInt32Type, UInt64Type};
use isobar_normalizer::{Labels, METRIC_NAME, Matcher, TimeRange};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::file::metadata::PageIndexPolicy;

use crate::contract::{Contract, Periods};
use crate::error::SelectError;
use crate::select::{Layer, Summary, accepts};

use super::{Block, SAMPLES, SERIES};

/// Rows decoded at a time.
const BATCH_ROWS: usize = 64 * 1024;

/// What `series.parquet` says about one series.
struct Row {
    series: Summary,
    first_row: u64,
    rows: u64,
}

impl Block {
    /// Hands over every series all matchers accept with its samples in the range, in the block's order. `admit` is asked
    /// before each whether that many samples more are allowed.
    pub fn read(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        admit: &mut impl FnMut(usize) -> Result<(), SelectError>,
        mut take: impl FnMut(Layer),
    ) -> Result<(), SelectError> {
        let rows = self.rows(matchers, range)?;
        if rows.is_empty() {
            return Ok(());
        }
        let wrong = |reason: String| SelectError::Block { block: self.name(), reason };
        let mut samples = Samples::open(self, &rows).map_err(wrong)?;
        for row in rows {
            let mut layer = Layer {
                labels: row.series.labels,
                contract: row.series.contract,
                periods: Periods::default(),
                timestamps: Vec::new(),
                values: Vec::new(),
            };
            samples.read(row.rows, range, &mut layer).map_err(wrong)?;
            admit(layer.values.len())?;
            take(layer);
        }
        Ok(())
    }

    /// The series all matchers accept whose samples reach into the range.
    pub fn summaries(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Summary>, SelectError> {
        Ok(self.rows(matchers, range)?.into_iter().map(|row| row.series).collect())
    }

    fn rows(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Row>, SelectError> {
        self.read_rows(matchers, range).map_err(|reason| SelectError::Block { block: self.name(), reason })
    }

    fn read_rows(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Row>, String> {
        let file = File::open(self.folder.join(SERIES)).map_err(|error| format!("{SERIES}: {error}"))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
        let reader = reader.map_err(|error| format!("{SERIES}: {error}"))?;
        let mut found = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|error| format!("{SERIES}: {error}"))?;
            matching_rows(&batch, matchers, range, &mut found)
                .ok_or_else(|| format!("{SERIES}: columns are not as expected"))?;
        }
        Ok(found)
    }
}

/// `None` when the columns are not those of this format.
fn matching_rows(
    batch: &RecordBatch,
    matchers: &[Matcher],
    range: TimeRange,
    found: &mut Vec<Row>,
) -> Option<()> {
    let names = batch.column_by_name("name")?.as_string_opt::<i32>()?;
    let labels = batch.column_by_name("labels")?.as_map_opt()?;
    let sources = batch.column_by_name("source")?.as_string_opt::<i32>()?;
    let periods = batch.column_by_name("period_ms")?.as_primitive_opt::<UInt32Type>()?;
    let delays = batch.column_by_name("delay_ms")?.as_primitive_opt::<UInt32Type>()?;
    let firsts = batch.column_by_name("first_ts")?.as_primitive_opt::<TimestampMillisecondType>()?;
    let lasts = batch.column_by_name("last_ts")?.as_primitive_opt::<TimestampMillisecondType>()?;
    let first_rows = batch.column_by_name("first_row")?.as_primitive_opt::<UInt64Type>()?;
    let rows = batch.column_by_name("rows")?.as_primitive_opt::<UInt64Type>()?;
    let keys = labels.keys().as_string_opt::<i32>()?;
    let values = labels.values().as_string_opt::<i32>()?;
    let by_name: Vec<&Matcher> = matchers.iter().filter(|matcher| matcher.name() == METRIC_NAME).collect();
    for row in 0..batch.num_rows() {
        let reaches = firsts.value(row) <= range.end.millis() && range.start.millis() <= lasts.value(row);
        if !reaches || !by_name.iter().all(|matcher| matcher.matches(names.value(row))) {
            continue;
        }
        let offsets = labels.value_offsets();
        let entries = usize::try_from(offsets[row]).ok()?..usize::try_from(offsets[row + 1]).ok()?;
        let labels =
            Labels::from_pairs(entries.map(|entry| (keys.value(entry), values.value(entry)))).ok()?;
        if !accepts(matchers, &labels) {
            continue;
        }
        let contract = Contract {
            source: sources.value(row).into(),
            period_ms: periods.value(row),
            delay_ms: delays.value(row),
        };
        let series = Summary { labels, contract, first: firsts.value(row), last: lasts.value(row) };
        found.push(Row { series, first_row: first_rows.value(row), rows: rows.value(row) });
    }
    Some(())
}

/// Walks the selected rows of `samples.parquet`.
struct Samples {
    batches: Box<dyn Iterator<Item = Result<RecordBatch, arrow::error::ArrowError>>>,
    batch: Option<RecordBatch>,
    /// Rows of the batch that were read.
    used: usize,
}

impl Samples {
    fn open(block: &Block, rows: &[Row]) -> Result<Self, String> {
        let file = File::open(block.folder.join(SAMPLES)).map_err(|error| format!("{SAMPLES}: {error}"))?;
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .map_err(|error| format!("{SAMPLES}: {error}"))?;
        let total = usize::try_from(block.meta.samples).map_err(|error| format!("{SAMPLES}: {error}"))?;
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for row in rows {
            let (first, end) = (row.first_row as usize, (row.first_row + row.rows) as usize);
            if end > total {
                return Err(format!("{SERIES}: row {end} is past the end of {SAMPLES}"));
            }
            match ranges.last_mut() {
                Some(last) if last.end == first => last.end = end,
                Some(last) if first < last.end => return Err(format!("{SERIES}: rows are not in order")),
                _ => ranges.push(first..end),
            }
        }
        let columns = ProjectionMask::columns(builder.parquet_schema(), ["ts", "period_ms", "value"]);
        let selection = RowSelection::from_consecutive_ranges(ranges.into_iter(), total);
        let reader = builder
            .with_projection(columns)
            .with_row_selection(selection)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|error| format!("{SAMPLES}: {error}"))?;
        Ok(Self { batches: Box::new(reader), batch: None, used: 0 })
    }

    /// Reads the next `count` rows into the layer, leaving out those outside the range.
    fn read(&mut self, count: u64, range: TimeRange, layer: &mut Layer) -> Result<(), String> {
        let mut left = usize::try_from(count).map_err(|error| error.to_string())?;
        while left > 0 {
            let batch = match self.batch.take().filter(|batch| self.used < batch.num_rows()) {
                Some(batch) => batch,
                None => {
                    self.used = 0;
                    let next = self.batches.next().ok_or_else(|| format!("{SAMPLES}: ends early"))?;
                    next.map_err(|error| format!("{SAMPLES}: {error}"))?
                }
            };
            let now = left.min(batch.num_rows() - self.used);
            append_rows(&batch, self.used..self.used + now, range, layer)
                .ok_or_else(|| format!("{SAMPLES}: columns are not as expected"))?;
            self.used += now;
            left -= now;
            self.batch = Some(batch);
        }
        Ok(())
    }
}

fn append_rows(batch: &RecordBatch, rows: Range<usize>, range: TimeRange, layer: &mut Layer) -> Option<()> {
    let times = batch.column_by_name("ts")?.as_primitive_opt::<TimestampMillisecondType>()?.values();
    let periods = batch.column_by_name("period_ms")?.as_primitive_opt::<UInt32Type>()?.values();
    let values = batch.column_by_name("value")?.as_primitive_opt::<Float64Type>()?.values();
    let times = &times[rows.clone()];
    let from = rows.start + times.partition_point(|at| *at < range.start.millis());
    let to = rows.start + times.partition_point(|at| *at <= range.end.millis());
    for row in from..to {
        layer.periods.note(times[row - rows.start], periods[row]);
    }
    if from < to {
        layer.timestamps.extend_from_slice(&times[from - rows.start..to - rows.start]);
        layer.values.extend_from_slice(&values[from..to]);
    }
    Some(())
}
