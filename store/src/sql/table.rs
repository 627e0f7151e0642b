//! Tables as DataFusion asks for them.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt, TryStreamExt, stream};

use super::pushdown::Selection;
use super::rows::{SampleBatches, StoreTable, series_batches};
use super::{SqlError, TableSource};
use crate::error::SelectError;
use crate::select::Missing;
use crate::store::Store;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, DataFusionError>> + Send>;

/// Reads the rows of a scan. Called on a thread that may block; what it holds is to be reserved first.
trait Read: fmt::Debug + Send + Sync {
    fn read(&self, memory: &MemoryReservation) -> Result<Batches, DataFusionError>;
}

/// A table of the store.
#[derive(Debug)]
pub struct StoreProvider {
    store: Store,
    table: StoreTable,
    /// Most bytes of samples a scan may hold.
    memory: usize,
}

impl StoreProvider {
    /// One of the store's tables, reading within so many bytes.
    pub fn new(store: Store, table: StoreTable, memory: usize) -> Self {
        Self { store, table, memory }
    }
}

#[async_trait]
impl TableProvider for StoreProvider {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> datafusion::error::Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            if Selection::everything().narrow(filter) {
                TableProviderFilterPushDown::Inexact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        let schema = projected(&self.table.schema(), projection)?;
        let read = StoreRead {
            store: self.store.clone(),
            table: self.table,
            schema: schema.clone(),
            selection: Selection::from_filters(filters),
            memory: self.memory,
        };
        scan_of(schema, Arc::new(read), limit)
    }
}

fn projected(schema: &SchemaRef, projection: Option<&Vec<usize>>) -> Result<SchemaRef, DataFusionError> {
    match projection {
        Some(columns) => Ok(Arc::<Schema>::new(schema.project(columns)?)),
        None => Ok(schema.clone()),
    }
}

fn scan_of(
    schema: SchemaRef,
    read: Arc<dyn Read>,
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let partition: Arc<dyn PartitionStream> = Arc::new(Partition { schema: schema.clone(), read });
    Ok(Arc::new(StreamingTableExec::try_new(schema, vec![partition], None, [], false, limit)?))
}

#[derive(Debug)]
struct StoreRead {
    store: Store,
    table: StoreTable,
    schema: SchemaRef,
    selection: Selection,
    memory: usize,
}

/// What a series takes in memory besides its samples, roughly.
const SERIES_BYTES: usize = 512;

/// A sample is a time and a value.
const SAMPLE_BYTES: usize = 16;

impl Read for StoreRead {
    fn read(&self, memory: &MemoryReservation) -> Result<Batches, DataFusionError> {
        let Selection { matchers, range, source } = &self.selection;
        let from_source = |found: &str| source.as_deref().is_none_or(|source| source == found);
        if self.table == StoreTable::Series {
            let (mut found, missing) = self.store.summaries(matchers).map_err(select_failed)?;
            nothing_missing(&missing)?;
            found.retain(|series| from_source(&series.contract.source));
            memory.try_grow(found.len() * SERIES_BYTES)?;
            return Ok(Box::new(series_batches(self.schema.clone(), found).map(|batch| Ok(batch?))));
        }
        let samples_max = self.memory / SAMPLE_BYTES;
        let reading = self.store.read_at_most(matchers, *range, samples_max).map_err(select_failed)?;
        nothing_missing(&reading.missing)?;
        let mut slices = reading.series;
        slices.retain(|slice| from_source(&slice.source));
        let samples: usize = slices.iter().map(|slice| slice.values.len()).sum();
        memory.try_grow(samples * SAMPLE_BYTES + slices.len() * SERIES_BYTES)?;
        let batches = SampleBatches::new(self.table, self.schema.clone(), slices);
        Ok(Box::new(batches.map(|batch| Ok(batch?))))
    }
}

fn select_failed(error: SelectError) -> DataFusionError {
    match error {
        SelectError::TooManySamples(_) => DataFusionError::ResourcesExhausted(error.to_string()),
        SelectError::Block { .. } => DataFusionError::External(Box::new(error)),
    }
}

/// An answer in rows has no place for a warning: rather none than one that looks whole.
fn nothing_missing(missing: &[Missing]) -> Result<(), DataFusionError> {
    match missing.first() {
        Some(first) => Err(DataFusionError::External(Box::new(SqlError::Failed(first.to_string())))),
        None => Ok(()),
    }
}

/// A table the binary brings.
#[derive(Debug)]
pub struct SourceProvider(pub Arc<dyn TableSource>);

#[async_trait]
impl TableProvider for SourceProvider {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        let schema = projected(&self.0.schema(), projection)?;
        scan_of(schema, Arc::new(SourceRead { source: self.0.clone(), columns: projection.cloned() }), limit)
    }
}

#[derive(Debug)]
struct SourceRead {
    source: Arc<dyn TableSource>,
    columns: Option<Vec<usize>>,
}

impl Read for SourceRead {
    fn read(&self, memory: &MemoryReservation) -> Result<Batches, DataFusionError> {
        let batches =
            self.source.batches().map_err(|error: SqlError| DataFusionError::External(Box::new(error)))?;
        memory.try_grow(batches.iter().map(RecordBatch::get_array_memory_size).sum())?;
        let columns = self.columns.clone();
        Ok(Box::new(batches.into_iter().map(move |batch| match &columns {
            Some(columns) => Ok(batch.project(columns)?),
            None => Ok(batch),
        })))
    }
}

/// Reads when the plan is run, not when it is made: EXPLAIN reads nothing.
#[derive(Debug)]
struct Partition {
    schema: SchemaRef,
    read: Arc<dyn Read>,
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let memory = MemoryConsumer::new("rows of a table").register(context.memory_pool());
        let read = self.read.clone();
        let batches = stream::once(async move {
            let reading = tokio::task::spawn_blocking(move || {
                let batches = read.read(&memory)?;
                // The reservation lives as long as what it is for.
                Ok::<_, DataFusionError>((memory, batches))
            });
            let (memory, batches) =
                reading.await.map_err(|error| DataFusionError::External(Box::new(error)))??;
            let held = batches.inspect(move |_| {
                let _held = &memory;
            });
            Ok::<_, DataFusionError>(stream::iter(held))
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches.try_flatten().boxed()))
    }
}
