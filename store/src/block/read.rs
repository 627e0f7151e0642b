//! Reads series out of a block.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{AsArray, Float64Array, RecordBatch, TimestampMillisecondArray, UInt32Array};
use arrow::datatypes::{Float64Type, TimestampMillisecondType, UInt32Type};
use isobar_normalizer::{Matcher, TimeRange};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};

use super::file::{BlockFile, Fault, decode};
use super::index::{Index, IndexCache, Row};
use super::{Block, SAMPLES, SERIES};
use crate::contract::Periods;
use crate::error::SelectError;
use crate::select::{Layer, Missing, Summary};

/// Rows decoded at a time.
const BATCH_ROWS: usize = 64 * 1024;

impl Block {
    /// Hands over every series all matchers accept with its samples in the range, in the block's order. `admit` is asked
    /// for each whether that many samples more are allowed.
    ///
    /// Damage costs the series it hit: the others are handed over, and what is missing is told.
    ///
    /// # Errors
    /// `admit` refused, or the system did not let us read.
    pub fn read(
        &self,
        indices: &IndexCache,
        matchers: &[Matcher],
        range: TimeRange,
        admit: &mut impl FnMut(usize) -> Result<(), SelectError>,
        mut take: impl FnMut(Layer),
    ) -> Result<Option<Missing>, SelectError> {
        let mut missing = None;
        let (index, rows) = match self.matching(indices, matchers, range) {
            Ok((_, rows)) if rows.is_empty() => return Ok(None),
            Ok(found) => found,
            Err(fault) => return self.told(fault).map(Some),
        };
        // All series in one go; from the first that cannot be read on, each by itself.
        let mut together = match Samples::open(self, &index, &rows) {
            Ok(samples) => Some(samples),
            Err(fault) => return self.told(fault).map(Some),
        };
        for row in &rows {
            let mut layer = match &mut together {
                Some(samples) => samples.layer(row, range),
                None => alone(self, &index, row, range),
            };
            if layer.is_err() && together.take().is_some() {
                layer = alone(self, &index, row, range);
            }
            match layer {
                Ok(layer) => {
                    admit(layer.values.len())?;
                    take(layer);
                }
                Err(fault) => missing = Some(self.told(fault)?),
            }
        }
        Ok(missing)
    }

    /// The series all matchers accept whose samples reach into the range, or that they cannot be told.
    ///
    /// # Errors
    /// The system did not let us read.
    pub fn summaries(
        &self,
        indices: &IndexCache,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Result<Vec<Summary>, Missing>, SelectError> {
        match self.matching(indices, matchers, range) {
            Ok((_, rows)) => Ok(Ok(rows.into_iter().map(|row| row.series).collect())),
            Err(fault) => self.told(fault).map(Err),
        }
    }

    fn matching(
        &self,
        indices: &IndexCache,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<(Arc<Index>, Vec<Row>), Fault> {
        let index = indices.get(self)?;
        let rows = index.matching(matchers, range)?;
        Ok((index, rows))
    }

    /// Damage is remembered and what it costs is told; everything else is an error.
    fn told(&self, fault: Fault) -> Result<Missing, SelectError> {
        match fault {
            Fault::Damaged(reason) => Ok(self.damaged(&reason)),
            Fault::Refused(reason) => Err(SelectError::Block { block: self.name(), reason }),
        }
    }
}

fn alone(block: &Block, index: &Index, row: &Row, range: TimeRange) -> Result<Layer, Fault> {
    Samples::open(block, index, std::slice::from_ref(row))?.layer(row, range)
}

/// Walks rows of `samples.parquet`.
pub struct Samples {
    batches: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
    /// Rows of the batch that were read.
    used: usize,
}

impl Samples {
    /// Only those of these series, which are in the block's order.
    fn open(block: &Block, index: &Index, rows: &[Row]) -> Result<Self, Fault> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for row in rows {
            let (first, end) = (row.first_row as usize, (row.first_row + row.rows) as usize);
            match ranges.last_mut() {
                Some(last) if last.end == first => last.end = end,
                _ => ranges.push(first..end),
            }
        }
        let total = block.meta.samples as usize;
        Self::begin(block, index, Some(RowSelection::from_consecutive_ranges(ranges.into_iter(), total)))
    }

    /// Those of every series of the block.
    pub fn all(block: &Block, index: &Index) -> Result<Self, Fault> {
        Self::begin(block, index, None)
    }

    fn begin(block: &Block, index: &Index, selection: Option<RowSelection>) -> Result<Self, Fault> {
        let file = BlockFile::open(block, SAMPLES)?;
        let batches = decode(SAMPLES, || {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, index.samples().clone());
            let columns = ProjectionMask::columns(builder.parquet_schema(), ["ts", "period_ms", "value"]);
            let builder = builder.with_projection(columns).with_batch_size(BATCH_ROWS);
            match selection {
                Some(selection) => builder.with_row_selection(selection).build(),
                None => builder.build(),
            }
        })?;
        Ok(Self { batches, batch: None, used: 0 })
    }

    /// The series' samples in the range. Series are to be asked for in the order they were opened with.
    fn layer(&mut self, row: &Row, range: TimeRange) -> Result<Layer, Fault> {
        let mut layer = Layer {
            labels: row.series.labels.clone(),
            contract: row.series.contract.clone(),
            periods: Periods::default(),
            timestamps: Vec::new(),
            values: Vec::new(),
        };
        self.read(row.rows, |times, periods, values| {
            let from = times.partition_point(|at| *at < range.start.millis());
            let to = times.partition_point(|at| *at <= range.end.millis());
            if from < to {
                for (at, period) in times[from..to].iter().zip(&periods[from..to]) {
                    layer.periods.note(*at, *period);
                }
                layer.timestamps.extend_from_slice(&times[from..to]);
                layer.values.extend_from_slice(&values[from..to]);
            }
        })?;
        if !layer.timestamps.is_sorted_by(|earlier, later| earlier < later) {
            return Err(Fault::Damaged(format!("{SAMPLES}: times are not in order")));
        }
        Ok(layer)
    }

    /// Hands over the next `count` rows, in stretches: times, periods, values.
    pub fn read(&mut self, count: u64, mut take: impl FnMut(&[i64], &[u32], &[f64])) -> Result<(), Fault> {
        let mut left =
            usize::try_from(count).map_err(|error| Fault::Damaged(format!("{SERIES}: {error}")))?;
        while left > 0 {
            let batch = match self.batch.take().filter(|batch| self.used < batch.num_rows()) {
                Some(batch) => batch,
                None => {
                    self.used = 0;
                    let next = decode(SAMPLES, || self.batches.next().transpose())?;
                    next.ok_or_else(|| Fault::Damaged(format!("{SAMPLES}: ends early")))?
                }
            };
            let now = left.min(batch.num_rows() - self.used);
            let (times, periods, values) = columns(&batch.slice(self.used, now))
                .ok_or_else(|| Fault::Damaged(format!("{SAMPLES}: columns are not as expected")))?;
            take(times.values(), periods.values(), values.values());
            self.used += now;
            left -= now;
            self.batch = Some(batch);
        }
        Ok(())
    }
}

fn columns(batch: &RecordBatch) -> Option<(TimestampMillisecondArray, UInt32Array, Float64Array)> {
    Some((
        batch.column_by_name("ts")?.as_primitive_opt::<TimestampMillisecondType>()?.clone(),
        batch.column_by_name("period_ms")?.as_primitive_opt::<UInt32Type>()?.clone(),
        batch.column_by_name("value")?.as_primitive_opt::<Float64Type>()?.clone(),
    ))
}
