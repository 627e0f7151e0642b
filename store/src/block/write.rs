//! Writes a block.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::{
    ArrayRef, Float64Builder, MapBuilder, MapFieldNames, RecordBatch, StringBuilder,
    TimestampMillisecondBuilder, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use isobar_normalizer::Timestamp;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::directory::{self, TENANT};
use crate::error::{FileError, is_full};
use crate::head::{FrozenSeries, read_chunks};

use super::{Block, FORMAT, META, Meta, SAMPLES, SERIES};

/// Rows handed to the encoder at a time.
const BATCH_ROWS: usize = 64 * 1024;

/// Rows of a row group: the encoder holds one in memory, compressed.
const GROUP_ROWS: usize = 1 << 20;

/// Rows of a page: what has to be read to get at one sample.
const PAGE_ROWS: usize = 20_000;

/// Why a block was not written. Nothing of it is left.
#[derive(Debug)]
pub enum WriteError {
    /// There is no room.
    Full,
    /// A file could not be written.
    File(FileError),
    /// The encoder refused.
    Encode(String),
}

impl From<FileError> for WriteError {
    fn from(error: FileError) -> Self {
        if is_full(&error.source) { Self::Full } else { Self::File(error) }
    }
}

impl From<ParquetError> for WriteError {
    fn from(error: ParquetError) -> Self {
        if let ParquetError::External(inner) = &error
            && let Some(inner) = inner.downcast_ref::<io::Error>()
            && is_full(inner)
        {
            return Self::Full;
        }
        Self::Encode(error.to_string())
    }
}

impl From<arrow::error::ArrowError> for WriteError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Encode(error.to_string())
    }
}

/// What is decided about a block before it is written.
#[derive(Debug)]
pub struct NewBlock {
    /// See [`Meta::seq`].
    pub seq: u64,
    /// See [`Meta::start_ms`].
    pub start_ms: i64,
    /// See [`Meta::end_ms`].
    pub end_ms: i64,
    /// See [`Meta::through`].
    pub through: Vec<u64>,
}

/// Writes the samples inside the span and publishes the block; `None` when there are none. Where a series comes twice,
/// the later one wins.
pub fn write<'a>(
    blocks: &Path,
    new: NewBlock,
    series: impl Iterator<Item = &'a FrozenSeries>,
) -> Result<Option<Block>, WriteError> {
    let staged = blocks.join("tmp").join(new.seq.to_string());
    directory::make(&staged)?;
    let written = write_files(&staged, &new, series);
    let meta = match written {
        Ok(Some(meta)) => meta,
        other => {
            if let Err(error) = fs::remove_dir_all(&staged) {
                tracing::warn!(folder = %staged.display(), %error, "an unfinished block could not be removed");
            }
            return other.map(|_| None);
        }
    };
    let tenant = blocks.join(TENANT);
    let started = Timestamp::from_millis(new.start_ms).to_string();
    let day = tenant.join(started.get(..10).unwrap_or(&started));
    directory::make(&day)?;
    let folder = day.join(format!("{:010}", new.seq));
    fs::rename(&staged, &folder).map_err(FileError::at("renaming", &staged))?;
    for parent in [&day, &tenant, &blocks.to_owned()] {
        directory::sync(parent)?;
    }
    Ok(Some(Block { meta, folder, expired: AtomicBool::new(false) }))
}

fn write_files<'a>(
    staged: &Path,
    new: &NewBlock,
    series: impl Iterator<Item = &'a FrozenSeries>,
) -> Result<Option<Meta>, WriteError> {
    let mut sorted: Vec<&FrozenSeries> = series.collect();
    sorted.sort_by_cached_key(|series| {
        (series.labels.name().unwrap_or_default().to_owned(), series.labels.packed().to_vec())
    });
    let mut samples = SampleRows::create(&staged.join(SAMPLES))?;
    let mut table = SeriesRows::new();
    let (mut first_ms, mut last_ms) = (i64::MAX, i64::MIN);
    for same in sorted.chunk_by(|a, b| a.labels == b.labels) {
        let (times, values) = inside(same, new.start_ms, new.end_ms - 1);
        let (Some(first), Some(last)) = (times.first(), times.last()) else { continue };
        first_ms = first_ms.min(*first);
        last_ms = last_ms.max(*last);
        let mut periods = same[0].periods.clone();
        same[1..].iter().for_each(|newer| periods.extend(&newer.periods));
        let newest = same[same.len() - 1];
        table.push(newest, *first, *last, samples.rows, times.len() as u64)?;
        let series_id = table.count - 1;
        for (at, value) in times.into_iter().zip(values) {
            samples.push(series_id, at, periods.at(at), value)?;
        }
    }
    if table.count == 0 {
        return Ok(None);
    }
    let (series, rows) = (table.count.into(), samples.rows);
    let bytes = samples.finish()? + table.finish(&staged.join(SERIES))?;
    let meta = Meta {
        format: FORMAT,
        seq: new.seq,
        start_ms: new.start_ms,
        end_ms: new.end_ms,
        first_ms,
        last_ms,
        through: new.through.clone(),
        series,
        samples: rows,
        bytes,
    };
    let text = serde_json::to_vec_pretty(&meta).map_err(|error| WriteError::Encode(error.to_string()))?;
    directory::write_durably(&staged.join(META), &text)?;
    Ok(Some(meta))
}

/// The samples of one series, frozen in one or more parts, inside `[start, end]`.
fn inside(parts: &[&FrozenSeries], start: i64, end: i64) -> (Vec<i64>, Vec<f64>) {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    if let [only] = parts {
        read_chunks(&only.chunks, start, end, &mut times, &mut values);
        return (times, values);
    }
    let mut last_writes = std::collections::BTreeMap::new();
    for part in parts {
        read_chunks(&part.chunks, start, end, &mut times, &mut values);
        last_writes.extend(times.drain(..).zip(values.drain(..)));
    }
    last_writes.into_iter().unzip()
}

fn properties() -> WriterPropertiesBuilder {
    // Level 3 is zstd's own default; on monitoring data it beats byte stream splitting and dictionaries.
    let level = ZstdLevel::try_new(3).expect("zstd knows level 3");
    WriterProperties::builder().set_compression(Compression::ZSTD(level))
}

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

/// The columns of `samples.parquet`.
struct SampleRows {
    path: PathBuf,
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    rows: u64,
    series_id: UInt32Builder,
    ts: TimestampMillisecondBuilder,
    period_ms: UInt32Builder,
    value: Float64Builder,
}

impl SampleRows {
    fn create(path: &Path) -> Result<Self, WriteError> {
        let schema = Arc::new(Schema::new(vec![
            Field::new("series_id", DataType::UInt32, false),
            Field::new("ts", utc(), false),
            Field::new("period_ms", DataType::UInt32, false),
            Field::new("value", DataType::Float64, false),
        ]));
        let mut properties = properties()
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_write_batch_size(PAGE_ROWS / 4);
        for (column, encoding) in [
            ("series_id", Encoding::DELTA_BINARY_PACKED),
            ("ts", Encoding::DELTA_BINARY_PACKED),
            ("value", Encoding::PLAIN),
        ] {
            let column = ColumnPath::from(column);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, encoding);
        }
        let file = File::create(path).map_err(FileError::at("making", path))?;
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties.build()))?;
        let ts = TimestampMillisecondBuilder::new().with_timezone("UTC");
        Ok(Self {
            path: path.to_owned(),
            writer,
            schema,
            rows: 0,
            series_id: UInt32Builder::new(),
            ts,
            period_ms: UInt32Builder::new(),
            value: Float64Builder::new(),
        })
    }

    fn push(&mut self, series_id: u32, at: i64, period_ms: u32, value: f64) -> Result<(), WriteError> {
        self.series_id.append_value(series_id);
        self.ts.append_value(at);
        self.period_ms.append_value(period_ms);
        self.value.append_value(value);
        self.rows += 1;
        if self.rows.is_multiple_of(BATCH_ROWS as u64) { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.series_id.finish()),
            Arc::new(self.ts.finish()),
            Arc::new(self.period_ms.finish()),
            Arc::new(self.value.finish()),
        ];
        self.writer.write(&RecordBatch::try_new(self.schema.clone(), columns)?)?;
        Ok(())
    }

    fn finish(mut self) -> Result<u64, WriteError> {
        self.flush()?;
        finish_durably(self.writer, &self.path)
    }
}

/// Closes the file and forces it to disk; its size.
fn finish_durably(mut writer: ArrowWriter<File>, path: &Path) -> Result<u64, WriteError> {
    writer.finish()?;
    let synced = writer.inner().sync_all().and_then(|()| writer.inner().metadata());
    let metadata = synced.map_err(FileError::at("syncing", path))?;
    Ok(metadata.len())
}

/// The columns of `series.parquet`.
struct SeriesRows {
    count: u32,
    series_id: UInt32Builder,
    name: StringBuilder,
    labels: MapBuilder<StringBuilder, StringBuilder>,
    source: StringBuilder,
    period_ms: UInt32Builder,
    delay_ms: UInt32Builder,
    first_ts: TimestampMillisecondBuilder,
    last_ts: TimestampMillisecondBuilder,
    first_row: UInt64Builder,
    rows: UInt64Builder,
}

impl SeriesRows {
    fn new() -> Self {
        // The names the Parquet format gives to a map's parts.
        let names =
            MapFieldNames { entry: "key_value".to_owned(), key: "key".to_owned(), value: "value".to_owned() };
        Self {
            count: 0,
            series_id: UInt32Builder::new(),
            name: StringBuilder::new(),
            labels: MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new()),
            source: StringBuilder::new(),
            period_ms: UInt32Builder::new(),
            delay_ms: UInt32Builder::new(),
            first_ts: TimestampMillisecondBuilder::new().with_timezone("UTC"),
            last_ts: TimestampMillisecondBuilder::new().with_timezone("UTC"),
            first_row: UInt64Builder::new(),
            rows: UInt64Builder::new(),
        }
    }

    fn push(
        &mut self,
        series: &FrozenSeries,
        first: i64,
        last: i64,
        first_row: u64,
        rows: u64,
    ) -> Result<(), WriteError> {
        self.series_id.append_value(self.count);
        self.count += 1;
        self.name.append_value(series.labels.name().unwrap_or_default());
        for (name, value) in series.labels.iter() {
            self.labels.keys().append_value(name);
            self.labels.values().append_value(value);
        }
        self.labels.append(true)?;
        self.source.append_value(&series.contract.source);
        self.period_ms.append_value(series.contract.period_ms);
        self.delay_ms.append_value(series.contract.delay_ms);
        self.first_ts.append_value(first);
        self.last_ts.append_value(last);
        self.first_row.append_value(first_row);
        self.rows.append_value(rows);
        Ok(())
    }

    fn finish(mut self, path: &Path) -> Result<u64, WriteError> {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("series_id", Arc::new(self.series_id.finish())),
            ("name", Arc::new(self.name.finish())),
            ("labels", Arc::new(self.labels.finish())),
            ("source", Arc::new(self.source.finish())),
            ("period_ms", Arc::new(self.period_ms.finish())),
            ("delay_ms", Arc::new(self.delay_ms.finish())),
            ("first_ts", Arc::new(self.first_ts.finish())),
            ("last_ts", Arc::new(self.last_ts.finish())),
            ("first_row", Arc::new(self.first_row.finish())),
            ("rows", Arc::new(self.rows.finish())),
        ];
        let batch = RecordBatch::try_from_iter(columns)?;
        let file = File::create(path).map_err(FileError::at("making", path))?;
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties().build()))?;
        writer.write(&batch)?;
        finish_durably(writer, path)
    }
}
