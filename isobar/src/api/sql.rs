//! SQL over the store and over the tables of resources, alerts, incidents, deliveries, proposals and the journal.

mod proposals;

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use async_trait::async_trait;
use isobar_alerting::{CentreHandle, DeliveryFilter};
use isobar_dashboards::{SqlError, SqlRows, SqlRunner, SqlStream};
use isobar_journal::Journal;
use isobar_normalizer::Timestamp;
use isobar_runbooks::RunbookHandle;
use isobar_store::{SqlAnswer, SqlEngine, SqlError as StoreSqlError, SqlLimits, Store, TableSource};

use crate::resources::ResourceTable;
use proposals::{PROPOSALS, proposal_columns};

/// Events read at a time when the journal is a table; the newest so many are what SQL sees.
const JOURNAL_ROWS_MAX: usize = 100_000;

/// Runs statements.
#[derive(Debug)]
pub struct SqlViews {
    engine: SqlEngine,
}

impl SqlViews {
    /// Makes every table known.
    ///
    /// # Errors
    /// The engine cannot be set up.
    pub fn new(
        store: Store,
        resources: Arc<ResourceTable>,
        centre: CentreHandle,
        runbooks: RunbookHandle,
        journal: Arc<dyn Journal>,
    ) -> std::io::Result<Self> {
        let (alerts, incidents) = (centre.clone(), centre.clone());
        let tables: Vec<Arc<dyn TableSource>> = vec![
            Arc::new(RecordTable::new("resources", &RESOURCES, move || resource_columns(&resources))),
            Arc::new(RecordTable::new("alerts", &ALERTS, move || alert_columns(&alerts))),
            Arc::new(RecordTable::new("incidents", &INCIDENTS, move || incident_columns(&incidents))),
            Arc::new(RecordTable::new("deliveries", &DELIVERIES, move || delivery_columns(&centre))),
            Arc::new(RecordTable::new("proposals", &PROPOSALS, move || proposal_columns(&runbooks))),
            Arc::new(RecordTable::new("journal", &JOURNAL, move || journal_columns(&*journal))),
        ];
        Ok(Self { engine: SqlEngine::new(store, tables, SqlLimits::default())? })
    }

    async fn answer(&self, statement: &str) -> Result<SqlAnswer, SqlError> {
        self.engine.query(statement).await.map_err(|error| match error {
            StoreSqlError::Refused(_) | StoreSqlError::Invalid(_) => SqlError::Refused(error.to_string()),
            StoreSqlError::Memory { .. } => SqlError::TooLarge(error.to_string()),
            StoreSqlError::TimedOut(_) => SqlError::TimedOut(error.to_string()),
            StoreSqlError::Failed(_) => SqlError::Failed(error.to_string()),
        })
    }
}

#[async_trait]
impl SqlRunner for SqlViews {
    async fn rows(&self, statement: &str) -> Result<SqlRows, SqlError> {
        let answer = self.answer(statement).await?;
        let fields = answer.schema.fields().iter();
        let columns = fields.map(|field| (field.name().clone(), field.data_type().to_string())).collect();
        let truncated = answer.truncated;
        let write = move || -> Result<_, ArrowError> {
            let mut rows = Vec::new();
            for batch in &answer.batches {
                rows.extend(json_rows(batch)?);
            }
            Ok(rows)
        };
        Ok(SqlRows { columns, rows: written(write).await?, truncated })
    }

    async fn arrow(&self, statement: &str) -> Result<SqlStream, SqlError> {
        let answer = self.answer(statement).await?;
        let truncated = answer.truncated;
        let write = move || -> Result<Vec<u8>, ArrowError> {
            let mut writer = arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &answer.schema)?;
            for batch in &answer.batches {
                writer.write(batch)?;
            }
            writer.into_inner()
        };
        let bytes = written(write).await?.into();
        Ok(SqlStream { bytes, truncated })
    }
}

/// Writes an answer down where that may take its time: a large one takes seconds.
async fn written<T: Send + 'static>(
    write: impl FnOnce() -> Result<T, ArrowError> + Send + 'static,
) -> Result<T, SqlError> {
    match tokio::task::spawn_blocking(write).await {
        Ok(written) => written.map_err(|error| SqlError::Failed(error.to_string())),
        Err(error) => Err(SqlError::Failed(format!("writing the answer broke off: {error}"))),
    }
}

/// The rows of a batch as JSON values, in column order; columns may share a name.
fn json_rows(batch: &RecordBatch) -> Result<Vec<Vec<serde_json::Value>>, ArrowError> {
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    for column in batch.columns() {
        let field = Field::new("v", column.data_type().clone(), true);
        let single = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column.clone()])?;
        let mut writer = arrow::json::WriterBuilder::new()
            .with_explicit_nulls(true)
            .build::<_, arrow::json::writer::JsonArray>(Vec::new());
        writer.write(&single)?;
        writer.finish()?;
        let text = writer.into_inner();
        let values: Vec<serde_json::Map<String, serde_json::Value>> = if text.is_empty() {
            Vec::new()
        } else {
            serde_json::from_slice(&text).map_err(|error| ArrowError::JsonError(error.to_string()))?
        };
        for (row, mut value) in rows.iter_mut().zip(values) {
            row.push(value.remove("v").unwrap_or_default());
        }
    }
    Ok(rows)
}

/// A table whose rows are made when it is read.
struct RecordTable {
    name: &'static str,
    schema: SchemaRef,
    read: Box<dyn Fn() -> Result<Vec<ArrayRef>, String> + Send + Sync>,
}

/// Types a column of such a table may have.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Time,
    Number,
    Count,
    Flag,
}

impl RecordTable {
    fn new(
        name: &'static str,
        columns: &[(&str, Kind)],
        read: impl Fn() -> Result<Vec<ArrayRef>, String> + Send + Sync + 'static,
    ) -> Self {
        let field = |(name, kind): &(&str, Kind)| {
            let data_type = match kind {
                Kind::Text => DataType::Utf8,
                Kind::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
                Kind::Number => DataType::Float64,
                Kind::Count => DataType::UInt64,
                Kind::Flag => DataType::Boolean,
            };
            Field::new(*name, data_type, true)
        };
        Self {
            name,
            schema: Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>())),
            read: Box::new(read),
        }
    }
}

impl fmt::Debug for RecordTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordTable").field("name", &self.name).finish_non_exhaustive()
    }
}

impl TableSource for RecordTable {
    fn name(&self) -> &str {
        self.name
    }

    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn batches(&self) -> Result<Vec<RecordBatch>, StoreSqlError> {
        let columns = (self.read)().map_err(StoreSqlError::Failed)?;
        let batch = RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|error| StoreSqlError::Failed(error.to_string()))?;
        Ok(vec![batch])
    }
}

fn text<'a, T, S: Into<String>>(items: &'a [T], of: impl Fn(&'a T) -> Option<S>) -> ArrayRef {
    Arc::new(items.iter().map(|item| of(item).map(Into::into)).collect::<StringArray>())
}

fn times<T>(items: &[T], of: impl Fn(&T) -> Option<Timestamp>) -> ArrayRef {
    let millis = items.iter().map(|item| of(item).map(Timestamp::millis));
    Arc::new(millis.collect::<TimestampMillisecondArray>().with_timezone("UTC"))
}

const RESOURCES: [(&str, Kind); 11] = [
    ("id", Kind::Text),
    ("provider", Kind::Text),
    ("account", Kind::Text),
    ("region", Kind::Text),
    ("zone", Kind::Text),
    ("type", Kind::Text),
    ("native_id", Kind::Text),
    ("name", Kind::Text),
    ("tags", Kind::Text),
    ("service", Kind::Text),
    ("last_seen", Kind::Time),
];

fn resource_columns(table: &ResourceTable) -> Result<Vec<ArrayRef>, String> {
    let all = table.all();
    Ok(vec![
        text(&all, |one| Some(one.id.to_string())),
        text(&all, |one| Some(one.id.parts().0.as_str())),
        text(&all, |one| Some(one.id.parts().1)),
        text(&all, |one| Some(one.id.parts().2)),
        text(&all, |one| Some(one.zone.clone())),
        text(&all, |one| Some(one.id.parts().3)),
        text(&all, |one| Some(one.id.parts().4)),
        text(&all, |one| Some(one.name.clone())),
        text(&all, |one| serde_json::to_string(&one.tags).ok()),
        text(&all, |one| Some(one.service.clone())),
        times(&all, |one| Some(one.last_seen)),
    ])
}

const ALERTS: [(&str, Kind); 15] = [
    ("id", Kind::Text),
    ("name", Kind::Text),
    ("state", Kind::Text),
    ("severity", Kind::Text),
    ("class", Kind::Text),
    ("failure_domain", Kind::Text),
    ("verified", Kind::Flag),
    ("resource", Kind::Text),
    ("metric", Kind::Text),
    ("sources", Kind::Text),
    ("labels", Kind::Text),
    ("value", Kind::Number),
    ("starts_at", Kind::Time),
    ("ends_at", Kind::Time),
    ("updated_at", Kind::Time),
];

fn alert_columns(centre: &CentreHandle) -> Result<Vec<ArrayRef>, String> {
    let all = centre.alerts();
    let labels = |alert: &isobar_alerting::Alert| {
        let labels = alert.labels();
        let pairs: serde_json::Map<_, _> =
            labels.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        serde_json::Value::Object(pairs).to_string()
    };
    Ok(vec![
        text(&all, |one| Some(format!("{:016x}", one.fingerprint()))),
        text(&all, |one| Some(one.name())),
        text(&all, |one| Some(one.state.as_str())),
        text(&all, |one| Some(one.severity.as_str())),
        text(&all, |one| Some(one.class.as_str())),
        text(&all, |one| Some(one.failure_domain.as_str())),
        Arc::new(all.iter().map(|one| Some(one.verified)).collect::<BooleanArray>()),
        text(&all, |one| one.resource()),
        text(&all, |one| one.watched.metric.as_deref()),
        text(&all, |one| serde_json::to_string(&one.sources).ok()),
        text(&all, |one| Some(labels(one))),
        Arc::new(all.iter().map(|one| one.value).collect::<Float64Array>()),
        times(&all, |one| Some(one.starts_at)),
        times(&all, |one| one.ends_at),
        times(&all, |one| Some(one.updated_at)),
    ])
}

const DELIVERIES: [(&str, Kind); 11] = [
    ("id", Kind::Text),
    ("receiver", Kind::Text),
    ("channel", Kind::Text),
    ("transition", Kind::Text),
    ("state", Kind::Text),
    ("attempts", Kind::Count),
    ("idempotency_key", Kind::Text),
    ("group_key", Kind::Text),
    ("last_error", Kind::Text),
    ("created_at", Kind::Time),
    ("sent_at", Kind::Time),
];

fn delivery_columns(centre: &CentreHandle) -> Result<Vec<ArrayRef>, String> {
    let all = centre.deliveries(&DeliveryFilter::default());
    Ok(vec![
        text(&all, |one| Some(one.id.to_string())),
        text(&all, |one| Some(one.integration.receiver.to_string())),
        text(&all, |one| Some(one.integration.channel.to_string())),
        text(&all, |one| Some(one.transition.as_str())),
        text(&all, |one| Some(one.state.as_str())),
        Arc::new(all.iter().map(|one| Some(u64::from(one.attempts))).collect::<UInt64Array>()),
        text(&all, |one| Some(one.idempotency_key.to_string())),
        text(&all, |one| Some(one.group_key.to_string())),
        text(&all, |one| one.last_error.clone()),
        times(&all, |one| Some(one.created_at)),
        times(&all, |one| one.sent_at),
    ])
}

const INCIDENTS: [(&str, Kind); 11] = [
    ("id", Kind::Text),
    ("title", Kind::Text),
    ("state", Kind::Text),
    ("severity", Kind::Text),
    ("cell", Kind::Text),
    ("outage", Kind::Text),
    ("alert_count", Kind::Count),
    ("reason", Kind::Text),
    ("acknowledged_by", Kind::Text),
    ("starts_at", Kind::Time),
    ("ends_at", Kind::Time),
];

fn incident_columns(centre: &CentreHandle) -> Result<Vec<ArrayRef>, String> {
    let all = centre.incidents();
    Ok(vec![
        text(&all, |one| Some(&*one.incident.id)),
        text(&all, |one| Some(one.incident.title.as_str())),
        text(&all, |one| Some(one.incident.state.as_str())),
        text(&all, |one| Some(one.incident.severity.as_str())),
        text(&all, |one| one.incident.cell.as_ref().map(ToString::to_string)),
        text(&all, |one| one.incident.outage.as_ref().map(|outage| outage.level.as_str())),
        Arc::new(all.iter().map(|one| Some(one.alerts as u64)).collect::<UInt64Array>()),
        text(&all, |one| Some(one.incident.reason.as_str())),
        text(&all, |one| one.incident.acknowledged_by.as_deref()),
        times(&all, |one| Some(one.incident.starts_at)),
        times(&all, |one| one.incident.ends_at),
    ])
}

const JOURNAL: [(&str, Kind); 6] = [
    ("seq", Kind::Count),
    ("at", Kind::Time),
    ("kind", Kind::Text),
    ("actor", Kind::Text),
    ("payload", Kind::Text),
    ("hash", Kind::Text),
];

fn journal_columns(journal: &dyn Journal) -> Result<Vec<ArrayRef>, String> {
    let after = journal.head().seq.saturating_sub(JOURNAL_ROWS_MAX as u64);
    let all = journal.read(after, JOURNAL_ROWS_MAX).map_err(|error| error.to_string())?;
    Ok(vec![
        Arc::new(all.iter().map(|one| Some(one.seq)).collect::<UInt64Array>()),
        times(&all, |one| Some(one.at)),
        text(&all, |one| Some(one.kind.clone())),
        text(&all, |one| Some(one.actor.clone())),
        text(&all, |one| Some(String::from_utf8_lossy(&one.payload).into_owned())),
        text(&all, |one| Some(hex::encode(one.hash))),
    ])
}
