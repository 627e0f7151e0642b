use std::time::Duration;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use isobar_normalizer::{Labels, Sample, SampleRun, Timestamp, stale_marker};
use tempfile::TempDir;

use super::*;
use crate::StoreOptions;

/// 2023-11-14T22:13:20Z
const START: i64 = 1_700_000_000_000;

const MINUTE: i64 = 60_000;

#[derive(Debug)]
struct Resources;

impl TableSource for Resources {
    fn name(&self) -> &str {
        "resources"
    }
    fn schema(&self) -> SchemaRef {
        rows_of_resources().schema()
    }
    fn batches(&self) -> Result<Vec<RecordBatch>, SqlError> {
        Ok(vec![rows_of_resources()])
    }
}

/// A table that cannot be read.
#[derive(Debug)]
struct Broken;

impl TableSource for Broken {
    fn name(&self) -> &str {
        "broken"
    }
    fn schema(&self) -> SchemaRef {
        rows_of_resources().schema()
    }
    fn batches(&self) -> Result<Vec<RecordBatch>, SqlError> {
        Err(SqlError::Failed("the table is gone".to_owned()))
    }
}

fn rows_of_resources() -> RecordBatch {
    let ids: ArrayRef =
        Arc::new(StringArray::from(vec!["aws:123456789012:us-east-1:compute.instance:i-1", "x"]));
    let names: ArrayRef = Arc::new(StringArray::from(vec!["web-1", "other"]));
    RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
}

fn run(source: &str, period: Duration, pairs: &[(&str, &str)], values: &[f64]) -> SampleRun {
    let labels = Labels::from_pairs(pairs.iter().copied()).unwrap();
    let samples = values.iter().zip(0..).map(|(value, minute)| Sample {
        labels: labels.clone(),
        at: Timestamp::from_millis(START + minute * MINUTE),
        value: *value,
    });
    SampleRun { source: source.into(), period, delay: Duration::ZERO, samples: samples.collect() }
}

fn engine(limits: SqlLimits) -> (TempDir, SqlEngine) {
    let folder = tempfile::tempdir().unwrap();
    let now = Timestamp::from_millis(START + 4 * MINUTE);
    let (store, _) = Store::open(folder.path(), StoreOptions::default(), now).unwrap();
    let aws = [
        ("__name__", "system.cpu.utilization"),
        ("resource_id", "aws:123456789012:us-east-1:compute.instance:i-1"),
    ];
    let runs = [
        run("aws-prod", Duration::from_secs(60), &aws, &[0.1, 0.2, 0.3, 0.4]),
        run(
            "node",
            Duration::from_secs(15),
            &[("__name__", "up"), ("job", "a")],
            &[1.0, 1.0, stale_marker()],
        ),
        run("node", Duration::from_secs(15), &[("__name__", "up"), ("job", "b")], &[0.0]),
    ];
    store.append(&runs, now).unwrap();
    (folder, SqlEngine::new(store, vec![Arc::new(Resources), Arc::new(Broken)], limits).unwrap())
}

/// Rows, columns separated by ` | `; or the error.
fn shown(result: Result<SqlAnswer, SqlError>) -> String {
    let answer = match result {
        Ok(answer) => answer,
        Err(error) => return format!("error: {error}\n"),
    };
    let mut text = String::new();
    for batch in &answer.batches {
        let options = FormatOptions::default().with_null("null");
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            text.push_str(&cells.join(" | "));
            text.push('\n');
        }
    }
    text
}

/// Runs the statements of a case file and compares what they answer with what stands below each. With `UPDATE_EXPECT`
/// set the file is written anew instead.
async fn check_cases(file: &str) -> String {
    let path = format!("{}/cases/{file}", env!("CARGO_MANIFEST_DIR"));
    let cases = std::fs::read_to_string(&path).unwrap();
    let (_folder, engine) = engine(SqlLimits::default());
    let mut answered = String::new();
    for case in cases.split_inclusive("\n\n") {
        let Some((statement, _)) = case.split_once("\n----\n") else {
            answered.push_str(case);
            continue;
        };
        let (comment, statement) = match statement.strip_prefix('#').and_then(|rest| rest.split_once('\n')) {
            Some((comment, statement)) => (format!("#{comment}\n"), statement),
            None => (String::new(), statement),
        };
        let rows = shown(engine.query(statement).await);
        answered.push_str(&format!("{comment}{statement}\n----\n{rows}\n"));
    }
    let answered = format!("{}\n", answered.trim_end());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &answered).unwrap();
    } else {
        assert_eq!(answered, cases, "UPDATE_EXPECT=1 writes what is answered into {path}");
    }
    answered
}

#[tokio::test]
async fn statements_answer_what_the_tables_hold() {
    check_cases("tables.slt").await;
}

#[tokio::test]
async fn statements_that_do_more_than_read_are_refused() {
    let answered = check_cases("refused.slt").await;
    for case in answered.split("\n\n").filter(|case| case.contains("\n----\n")) {
        assert!(case.contains("\n----\nerror: "), "{case}");
    }
    assert!(!std::path::Path::new("/tmp/isobar-refused.csv").exists());
    assert!(!std::path::Path::new("/tmp/isobar-refused.parquet").exists());
}

async fn outcome(limits: SqlLimits, statement: &str) -> Result<SqlAnswer, SqlError> {
    engine(limits).1.query(statement).await
}

#[tokio::test]
async fn explaining_reads_nothing() {
    let gone = SqlError::Failed("the table is gone".to_owned());
    assert_eq!(outcome(SqlLimits::default(), "SELECT * FROM broken").await.unwrap_err(), gone);
    let plan = shown(outcome(SqlLimits::default(), "EXPLAIN SELECT * FROM broken").await);
    assert!(plan.contains("StreamingTableExec"), "{plan}");
    let run = outcome(SqlLimits::default(), "EXPLAIN ANALYZE SELECT * FROM broken").await;
    assert_eq!(run.unwrap_err(), gone);
}

#[tokio::test]
async fn tables_are_shown() {
    let tables = shown(outcome(SqlLimits::default(), "SHOW TABLES").await);
    for table in ["metrics", "samples", "series", "resources"] {
        assert!(tables.contains(&format!("isobar | public | {table} | BASE TABLE")), "{tables}");
    }
}

#[tokio::test]
async fn answers_are_cut_at_the_row_limit() {
    let limits = SqlLimits { rows_max: 2, ..SqlLimits::default() };
    let answer = outcome(limits, "SELECT ts FROM metrics").await.unwrap();
    assert_eq!(
        (answer.batches.iter().map(RecordBatch::num_rows).sum::<usize>(), answer.truncated),
        (2, true)
    );
    let answer = outcome(limits, "SELECT ts FROM metrics LIMIT 2").await.unwrap();
    assert!(!answer.truncated);
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended() {
    let limits = SqlLimits { timeout: Duration::from_millis(300), ..SqlLimits::default() };
    let cross =
        "SELECT count(*) FROM range(0, 100000000) a, range(0, 100000000) b WHERE a.value % 7 = b.value % 5";
    let error = outcome(limits, cross).await.unwrap_err();
    assert!(matches!(error, SqlError::TimedOut(_)), "{error}");
}

#[tokio::test]
async fn a_statement_that_needs_too_much_memory_is_ended() {
    let limits = SqlLimits { memory: 1 << 20, ..SqlLimits::default() };
    for statement in [
        "SELECT value, count(*) FROM range(0, 10000000) GROUP BY value",
        "SELECT * FROM range(0, 10000000) ORDER BY value DESC",
        "SELECT array_agg(value) FROM range(0, 10000000)",
        "SELECT value FROM range(0, 10000000)",
    ] {
        let limits = SqlLimits { rows_max: usize::MAX, ..limits };
        let error = outcome(limits, statement).await.unwrap_err();
        assert_eq!(error, SqlError::Memory { limit: 1 << 20 }, "{statement}");
    }
    let limits = SqlLimits { memory: 3 * 16, ..SqlLimits::default() };
    let error = outcome(limits, "SELECT ts FROM metrics").await.unwrap_err();
    assert_eq!(error, SqlError::Memory { limit: 48 });
}

#[tokio::test]
async fn deep_and_long_statements_do_not_overflow_the_stack() {
    let (_folder, engine) = engine(SqlLimits { timeout: Duration::from_secs(60), ..SqlLimits::default() });
    let chain = format!("SELECT {}1", "1 + ".repeat(950));
    assert_eq!(shown(engine.query(&chain).await), "951\n");
    let either = format!("SELECT count(*) FROM metrics WHERE {}false", "value = 1 OR ".repeat(490));
    assert_eq!(shown(engine.query(&either).await), "2\n");
    let nested = format!("SELECT {}1{}", "(".repeat(1_000), ")".repeat(1_000));
    assert!(engine.query(&nested).await.is_err());
    let too_long = format!("SELECT {}1", "1 + ".repeat(5_000));
    assert!(matches!(engine.query(&too_long).await, Err(SqlError::Refused(_))));
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let at = |minutes: i64| Timestamp::from_millis(START + minutes * MINUTE);
    let (store, _) = Store::open(folder.path(), StoreOptions::default(), at(0)).unwrap();
    let up = |values: &[f64]| run("node", Duration::from_secs(15), &[("__name__", "up")], values);
    store.append(&[up(&[1.0])], at(0)).unwrap();
    store.maintain(at(600)).unwrap();
    let mut later = up(&[0.0]);
    later.samples[0].at = at(600);
    store.append(&[later], at(600)).unwrap();
    let day =
        std::fs::read_dir(folder.path().join("blocks/default")).unwrap().next().unwrap().unwrap().path();
    let block = std::fs::read_dir(day).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(block.join("samples.parquet")).unwrap();

    let engine = SqlEngine::new(store.clone(), Vec::new(), SqlLimits::default()).unwrap();
    for statement in ["SELECT count(*) FROM metrics", "SELECT count(*) FROM samples", "SELECT * FROM series"]
    {
        let answer = shown(engine.query(statement).await);
        assert!(answer.contains("block default/2023-11-14/0000000001 is damaged"), "{statement}: {answer}");
    }
    let recent = "SELECT value FROM metrics WHERE ts > '2023-11-15T00:00:00Z'";
    assert_eq!(shown(engine.query(recent).await), "0.0\n");
    std::fs::remove_dir_all(block).unwrap();
    store.maintain(at(600)).unwrap();
    assert_eq!(shown(engine.query("SELECT count(*) FROM metrics").await), "1\n");
}

#[tokio::test]
async fn statements_wait_for_their_turn() {
    let limits = SqlLimits { concurrency: 1, timeout: Duration::from_secs(20), ..SqlLimits::default() };
    let (_folder, engine) = engine(limits);
    let answers =
        futures::future::join_all((0..8).map(|_| engine.query("SELECT count(*) FROM metrics"))).await;
    assert!(answers.into_iter().all(|answer| shown(answer) == "7\n"));
}
