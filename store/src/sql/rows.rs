//! Turns series and samples into the columns of the store's tables.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, MapBuilder, RecordBatch, RecordBatchOptions, StringBuilder,
    TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use isobar_normalizer::{Labels, ResourceId, is_stale};

use crate::select::{SeriesSlice, Summary};

/// Rows of a batch: what DataFusion itself works on at a time.
const BATCH_ROWS: usize = 8_192;

/// A table of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreTable {
    /// A row per sample, with what it describes.
    Metrics,
    /// A row per sample.
    Samples,
    /// A row per series.
    Series,
}

impl StoreTable {
    /// Every table.
    pub const ALL: [Self; 3] = [Self::Metrics, Self::Samples, Self::Series];

    /// Its name in statements.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Samples => "samples",
            Self::Series => "series",
        }
    }

    /// Its columns.
    pub fn schema(self) -> SchemaRef {
        let columns: &[&str] = match self {
            Self::Metrics => &[
                "ts",
                "name",
                "value",
                "period_ms",
                "source",
                "cloud_provider",
                "cloud_account_id",
                "cloud_region",
                "resource_type",
                "resource_id",
                "labels",
            ],
            Self::Samples => &["series_id", "ts", "value", "period_ms"],
            Self::Series => &["series_id", "name", "labels", "source", "period_ms", "first_ts", "last_ts"],
        };
        Arc::new(Schema::new(columns.iter().map(|column| field(column)).collect::<Vec<_>>()))
    }
}

fn field(column: &str) -> Field {
    let (data_type, nullable) = match column {
        "ts" | "first_ts" | "last_ts" => {
            (DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), false)
        }
        "value" => (DataType::Float64, false),
        "period_ms" => (DataType::Int64, false),
        "series_id" => (DataType::UInt64, false),
        "labels" => {
            let key = Field::new("keys", DataType::Utf8, false);
            let value = Field::new("values", DataType::Utf8, true);
            let entries = Field::new("entries", DataType::Struct(vec![key, value].into()), false);
            (DataType::Map(Arc::new(entries), false), false)
        }
        "source" => (DataType::Utf8, false),
        _ => (DataType::Utf8, true),
    };
    Field::new(column, data_type, nullable)
}

/// Batches of sample rows, made as they are asked for.
#[derive(Debug)]
pub struct SampleBatches {
    schema: SchemaRef,
    slices: VecDeque<SeriesSlice>,
    /// Rows of the first slice already given out.
    given: usize,
}

impl SampleBatches {
    /// Rows of these series with the columns of `schema`, a selection of the table's.
    pub fn new(table: StoreTable, schema: SchemaRef, mut slices: Vec<SeriesSlice>) -> Self {
        if table == StoreTable::Metrics {
            for slice in &mut slices {
                drop_stale(slice);
            }
        }
        Self { schema, slices: slices.into(), given: 0 }
    }
}

fn drop_stale(slice: &mut SeriesSlice) {
    if slice.values.iter().any(|value| is_stale(*value)) {
        let mut values = slice.values.iter();
        slice.timestamps.retain(|_| values.next().is_some_and(|value| !is_stale(*value)));
        slice.values.retain(|value| !is_stale(*value));
    }
}

impl Iterator for SampleBatches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut parts: Vec<(usize, Range<usize>)> = Vec::new();
        let (mut rows, mut next_given) = (0, self.given);
        for (index, slice) in self.slices.iter().enumerate() {
            let start = if index == 0 { self.given } else { 0 };
            let end = slice.values.len().min(start + BATCH_ROWS - rows);
            rows += end - start;
            parts.push((index, start..end));
            next_given = end;
            if rows == BATCH_ROWS {
                break;
            }
        }
        if rows == 0 {
            return None;
        }
        let parts_of: Vec<(&SeriesSlice, Range<usize>)> =
            parts.iter().map(|(index, range)| (&self.slices[*index], range.clone())).collect();
        let columns =
            self.schema.fields().iter().map(|field| sample_column(field.name(), &parts_of)).collect();
        let batch = batch(&self.schema, columns, rows);
        self.slices.drain(..parts.len() - 1);
        self.given = next_given;
        Some(batch)
    }
}

fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}

fn sample_column(column: &str, parts: &[(&SeriesSlice, Range<usize>)]) -> ArrayRef {
    let times = || parts.iter().flat_map(|(slice, rows)| slice.timestamps[rows.clone()].iter().copied());
    let series = || parts.iter().map(|(slice, rows)| (&slice.labels, &*slice.source, rows.len()));
    match column {
        "ts" => Arc::new(TimestampMillisecondArray::from_iter_values(times()).with_timezone("UTC")),
        "value" => {
            let values = parts.iter().flat_map(|(slice, rows)| slice.values[rows.clone()].iter().copied());
            Arc::new(Float64Array::from_iter_values(values))
        }
        "period_ms" => Arc::new(Int64Array::from_iter_values(parts.iter().flat_map(|(slice, rows)| {
            slice.timestamps[rows.clone()].iter().map(|at| i64::from(slice.periods.at(*at)))
        }))),
        _ => series_column(column, series()),
    }
}

/// A column whose value is the same for all rows of a series: labels, source, rows.
fn series_column<'a>(column: &str, series: impl Iterator<Item = (&'a Labels, &'a str, usize)>) -> ArrayRef {
    match column {
        "series_id" => Arc::new(UInt64Array::from_iter_values(
            series.flat_map(|(labels, _, rows)| std::iter::repeat_n(labels.id().0, rows)),
        )),
        "labels" => Arc::new(label_maps(series)),
        "source" => text_column(series.map(|(_, source, rows)| (Some(source.to_owned()), rows))),
        "name" => text_column(series.map(|(labels, _, rows)| (labels.name().map(str::to_owned), rows))),
        "resource_id" => {
            text_column(series.map(|(labels, _, rows)| (labels.get("resource_id").map(str::to_owned), rows)))
        }
        described => text_column(series.map(|(labels, _, rows)| (resource_part(labels, described), rows))),
    }
}

fn text_column(values: impl Iterator<Item = (Option<String>, usize)>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for (value, rows) in values {
        for _ in 0..rows {
            builder.append_option(value.as_deref());
        }
    }
    Arc::new(builder.finish())
}

/// What the series' resource id says; null when it has none, or nothing in that place.
fn resource_part(labels: &Labels, column: &str) -> Option<String> {
    let id: ResourceId = labels.get("resource_id")?.parse().ok()?;
    let (provider, account, region, kind, _) = id.parts();
    let part = match column {
        "cloud_provider" => provider.as_str(),
        "cloud_account_id" => account,
        "cloud_region" => region,
        _ => kind,
    };
    Some(part.to_owned()).filter(|part| !part.is_empty())
}

fn label_maps<'a>(series: impl Iterator<Item = (&'a Labels, &'a str, usize)>) -> arrow::array::MapArray {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for (labels, _, rows) in series {
        for _ in 0..rows {
            for (name, value) in labels.iter() {
                builder.keys().append_value(name);
                builder.values().append_value(value);
            }
            builder.append(true).expect("every key was given a value");
        }
    }
    builder.finish()
}

/// Batches of series rows with the columns of `schema`.
pub fn series_batches(
    schema: SchemaRef,
    found: Vec<Summary>,
) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send {
    let mut from = 0;
    std::iter::from_fn(move || {
        let some = &found[from..found.len().min(from + BATCH_ROWS)];
        from += some.len();
        let column = |field: &Arc<Field>| -> ArrayRef {
            let instants = |of: fn(&Summary) -> i64| {
                TimestampMillisecondArray::from_iter_values(some.iter().map(of)).with_timezone("UTC")
            };
            match field.name().as_str() {
                "first_ts" => Arc::new(instants(|series| series.first)),
                "last_ts" => Arc::new(instants(|series| series.last)),
                "period_ms" => Arc::new(Int64Array::from_iter_values(
                    some.iter().map(|series| i64::from(series.contract.period_ms)),
                )),
                other => series_column(other, some.iter().map(|one| (&one.labels, &*one.contract.source, 1))),
            }
        };
        let columns = schema.fields().iter().map(column).collect();
        (!some.is_empty()).then(|| batch(&schema, columns, some.len()))
    })
}
