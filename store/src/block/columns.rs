//! The columns of a block's Parquet files, as they are written.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Builder, MapBuilder, MapFieldNames, RecordBatch, StringBuilder,
    TimestampMillisecondBuilder, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use isobar_normalizer::Labels;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::checksum::Summing;
use super::write::WriteError;
use crate::contract::Contract;
use crate::error::FileError;

/// Rows handed to the encoder at a time.
const BATCH_ROWS: usize = 64 * 1024;

/// Rows of a row group: the encoder holds one in memory, compressed.
const GROUP_ROWS: usize = 1 << 20;

/// Rows of a page: what has to be read to get at one sample.
const PAGE_ROWS: usize = 20_000;

fn properties() -> WriterPropertiesBuilder {
    // Level 3 is zstd's own default; on monitoring data it beats byte stream splitting and dictionaries.
    let level = ZstdLevel::try_new(3).expect("zstd knows level 3");
    WriterProperties::builder().set_compression(Compression::ZSTD(level))
}

fn utc() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

/// The columns of `samples.parquet`.
#[derive(Debug)]
pub struct SampleRows {
    path: PathBuf,
    writer: ArrowWriter<Summing<File>>,
    schema: SchemaRef,
    rows: u64,
    series_id: UInt32Builder,
    ts: TimestampMillisecondBuilder,
    period_ms: UInt32Builder,
    value: Float64Builder,
}

impl SampleRows {
    /// Begins the file.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
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
        let writer = ArrowWriter::try_new(Summing::new(file), schema.clone(), Some(properties.build()))?;
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

    /// How many were written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds a row.
    pub fn push(&mut self, series_id: u32, at: i64, period_ms: u32, value: f64) -> Result<(), WriteError> {
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

    /// Writes what is left.
    pub fn finish(&mut self) -> Result<Written, WriteError> {
        self.flush()?;
        finish_durably(&mut self.writer, &self.path)
    }
}

/// A file that is on disk.
pub struct Written {
    /// Its size.
    pub bytes: u64,
    /// What it is checked by.
    pub checksums: Vec<u32>,
}

/// Closes the file and forces it to disk.
fn finish_durably(writer: &mut ArrowWriter<Summing<File>>, path: &Path) -> Result<Written, WriteError> {
    writer.finish()?;
    let file = writer.inner().inner();
    let metadata = file.sync_all().and_then(|()| file.metadata()).map_err(FileError::at("syncing", path))?;
    Ok(Written { bytes: metadata.len(), checksums: writer.inner().checksums() })
}

/// The columns of `series.parquet`.
#[derive(Debug)]
pub struct SeriesRows {
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
    /// Begins the table.
    pub fn new() -> Self {
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

    /// How many were added; the next one's `series_id`.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Adds a series with the times of its first and last sample and where its rows are.
    pub fn push(
        &mut self,
        labels: &Labels,
        contract: &Contract,
        (first, last): (i64, i64),
        rows: Range<u64>,
    ) -> Result<(), WriteError> {
        self.series_id.append_value(self.count);
        self.count += 1;
        self.name.append_value(labels.name().unwrap_or_default());
        for (name, value) in labels.iter() {
            self.labels.keys().append_value(name);
            self.labels.values().append_value(value);
        }
        self.labels.append(true)?;
        self.source.append_value(&contract.source);
        self.period_ms.append_value(contract.period_ms);
        self.delay_ms.append_value(contract.delay_ms);
        self.first_ts.append_value(first);
        self.last_ts.append_value(last);
        self.first_row.append_value(rows.start);
        self.rows.append_value(rows.end - rows.start);
        Ok(())
    }

    /// Writes the file.
    pub fn finish(&mut self, path: &Path) -> Result<Written, WriteError> {
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
        let mut writer =
            ArrowWriter::try_new(Summing::new(file), batch.schema(), Some(properties().build()))?;
        writer.write(&batch)?;
        finish_durably(&mut writer, path)
    }
}
