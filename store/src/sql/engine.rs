//! Runs statements on threads of their own, so that none of them slows what pages people.

use std::io;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::rows::StoreTable;
use super::table::{SourceProvider, StoreProvider};
use super::{SqlAnswer, SqlError, SqlLimits, TableSource, guard};
use crate::store::Store;

/// Stack of a thread that plans statements: the deepest tree a statement of the longest kind allowed makes fits, see
/// `guard::TOKENS_MAX`. Only what is used takes memory.
pub const STACK_BYTES: usize = 64 << 20;

/// Answers SQL statements.
#[derive(Debug)]
pub struct SqlEngine {
    shared: Arc<Shared>,
    /// Taken out when the engine is dropped.
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
    tables: Vec<Arc<dyn TableSource>>,
    limits: SqlLimits,
    turns: Arc<Semaphore>,
}

impl SqlEngine {
    /// An engine over the store's tables and these. Starts `concurrency` threads.
    ///
    /// # Errors
    /// The threads cannot be started.
    pub fn new(store: Store, tables: Vec<Arc<dyn TableSource>>, limits: SqlLimits) -> io::Result<Self> {
        let threads = limits.concurrency.max(1);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(threads)
            .thread_name("isobar-sql")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build()?;
        let turns = Arc::new(Semaphore::new(threads));
        Ok(Self { shared: Arc::new(Shared { store, tables, limits, turns }), runtime: Some(runtime) })
    }

    /// Answers one statement. Dropping the future ends the statement.
    ///
    /// # Errors
    /// The statement is refused, wrong, or takes more than the limits allow.
    pub async fn query(&self, statement: &str) -> Result<SqlAnswer, SqlError> {
        let limits = self.shared.limits;
        let runtime = self.runtime.as_ref().expect("the runtime is there until the engine is dropped");
        let job = runtime.spawn(answer(self.shared.clone(), statement.to_owned()));
        let _ended = EndOnDrop(job.abort_handle());
        let result = match tokio::time::timeout(limits.timeout, job).await {
            Ok(Ok(result)) => result,
            Ok(Err(ended)) => Err(SqlError::Failed(ended.to_string())),
            Err(_) => Err(SqlError::TimedOut(limits.timeout)),
        };
        let outcome = match &result {
            Ok(_) => "answered",
            Err(SqlError::Refused(_)) => "refused",
            Err(SqlError::Invalid(_)) => "invalid",
            Err(SqlError::Memory { .. }) => "memory",
            Err(SqlError::TimedOut(_)) => "timed_out",
            Err(SqlError::Failed(_)) => "failed",
        };
        metrics::counter!("isobar_sql_statements_total", "outcome" => outcome).increment(1);
        result
    }
}

impl Drop for SqlEngine {
    fn drop(&mut self) {
        // An engine may be dropped where waiting for its threads is not allowed. They end at their next pause.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Ends a statement nobody waits for any more.
struct EndOnDrop(AbortHandle);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn answer(shared: Arc<Shared>, text: String) -> Result<SqlAnswer, SqlError> {
    let limits = shared.limits;
    let _turn = shared.turns.acquire().await.map_err(|closed| SqlError::Failed(closed.to_string()))?;
    let statement = guard::parse(&text)?;
    let wrong = |error: DataFusionError| told(&error, limits, SqlError::Invalid);
    let failed = |error: DataFusionError| told(&error, limits, SqlError::Failed);
    let session = session(&shared).map_err(failed)?;
    let plan = session.state().statement_to_plan(statement).await.map_err(wrong)?;
    let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    reading.verify_plan(&plan).map_err(|error| told(&error, limits, SqlError::Refused))?;
    let frame = session.execute_logical_plan(plan).await.map_err(wrong)?;
    let mut rows = frame.execute_stream().await.map_err(wrong)?;
    let mut answer = SqlAnswer { schema: rows.schema(), batches: Vec::new(), truncated: false };
    let (mut left, mut held) = (limits.rows_max, 0);
    while let Some(batch) = rows.next().await {
        let batch: RecordBatch = batch.map_err(failed)?;
        if batch.num_rows() > left {
            answer.truncated = true;
            answer.batches.push(batch.slice(0, left));
            break;
        }
        left -= batch.num_rows();
        held += batch.get_array_memory_size();
        if held > limits.memory {
            return Err(SqlError::Memory { limit: limits.memory });
        }
        answer.batches.push(batch);
    }
    Ok(answer)
}

/// A session of one statement: its own memory, no files, no object stores, no table functions but those that count.
fn session(shared: &Shared) -> Result<SessionContext, DataFusionError> {
    let memory = shared.limits.memory;
    let config = SessionConfig::new()
        .with_default_catalog_and_schema("isobar", "public")
        .with_information_schema(true)
        // Statements run side by side; one statement on one thread leaves the others to the rest of the process.
        .with_target_partitions(1);
    let session = SessionContext::new_with_config_rt(config, Arc::new(runtime_env(memory)?));
    for table in StoreTable::ALL {
        let provider = StoreProvider::new(shared.store.clone(), table, memory);
        session.register_table(table.name(), Arc::new(provider))?;
    }
    for source in &shared.tables {
        session.register_table(source.name(), Arc::new(SourceProvider(source.clone())))?;
    }
    Ok(session)
}

fn runtime_env(memory: usize) -> Result<RuntimeEnv, DataFusionError> {
    let env = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build()?;
    // The only store a new environment knows is the local file system.
    env.deregister_object_store(ObjectStoreUrl::local_filesystem().as_ref())?;
    Ok(env)
}

/// One line of what DataFusion says, as the kind of error it is.
fn told(error: &DataFusionError, limits: SqlLimits, kind: fn(String) -> SqlError) -> SqlError {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => SqlError::Memory { limit: limits.memory },
        DataFusionError::External(inner) => match inner.downcast_ref::<SqlError>() {
            Some(ours) => ours.clone(),
            None => kind(inner.to_string()),
        },
        root => {
            let text = root.strip_backtrace();
            kind(text.lines().next().unwrap_or_default().to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
