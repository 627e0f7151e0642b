//! `POST /api/isobar/v1/sql`: one statement in, rows out as JSON, CSV or an Arrow stream.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::NativeError;
use super::error::ErrorBody;
use super::page::refuse_unknown;
use crate::app::App;
use crate::backend::{SqlError, SqlRows};
use crate::params::Params;

/// A statement may wait for its turn and run for this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// The type of an Arrow IPC stream. Source: IANA's registry of media types.
const ARROW_TYPE: &str = "application/vnd.apache.arrow.stream";
/// The type of CSV with its header line. Source: RFC 4180.
const CSV_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// What is asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlRequest {
    /// One SELECT statement.
    statement: String,
}

/// The rows of a statement.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct SqlAnswer {
    /// Columns in order.
    columns: Vec<SqlColumn>,
    /// Rows, each with one value per column.
    rows: Vec<Vec<Value>>,
}

/// A column of an answer.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct SqlColumn {
    /// Its name.
    name: String,
    /// Arrow's word for its type.
    #[serde(rename = "type")]
    kind: String,
}

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
    Arrow,
}

/// Runs one SELECT statement over the tables of the store.
#[utoipa::path(post, path = "/api/isobar/v1/sql", request_body = SqlRequest, params(("format" = Option<String>, Query, description = "json, csv or arrow; without it the Accept header decides")), responses((status = 200, content((SqlAnswer = "application/json"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.arrow.stream"))), (status = "default", body = ErrorBody)))]
pub(crate) async fn sql(
    State(app): State<App>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Result<Response, NativeError> {
    let (parts, body) = request.into_parts();
    let params = Params::of_query(parts.uri.query().unwrap_or_default());
    refuse_unknown(&params, &["format"])?;
    let format = format(params.get("format"), &headers)?;
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let request: SqlRequest = serde_json::from_slice(&body).map_err(|error| {
        NativeError::bad_request(format!("the body is {{\"statement\": \"SELECT …\"}}: {error}"))
    })?;
    let too_long = || SqlError::TimedOut(format!("the statement took longer than {} s", PATIENCE.as_secs()));
    let run = async {
        let _place = app.queries.acquire().await;
        match format {
            Format::Arrow => {
                let stream = app.backend.sql.arrow(&request.statement).await?;
                Ok(([(CONTENT_TYPE, ARROW_TYPE)], stream).into_response())
            }
            Format::Csv => {
                let rows = app.backend.sql.rows(&request.statement).await?;
                Ok(([(CONTENT_TYPE, CSV_TYPE)], csv(&rows)).into_response())
            }
            Format::Json => Ok(Json(answer(app.backend.sql.rows(&request.statement).await?)).into_response()),
        }
    };
    let finished = timeout(PATIENCE, run).await.unwrap_or_else(|_| Err(too_long()));
    finished.map_err(|error| {
        let status = match error {
            SqlError::Refused(_) => StatusCode::BAD_REQUEST,
            SqlError::TooLarge(_) => StatusCode::UNPROCESSABLE_ENTITY,
            SqlError::TimedOut(_) => StatusCode::SERVICE_UNAVAILABLE,
            SqlError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        NativeError::new(status, error.to_string())
    })
}

fn format(parameter: Option<&str>, headers: &HeaderMap) -> Result<Format, NativeError> {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    match parameter {
        Some("json") => Ok(Format::Json),
        Some("csv") => Ok(Format::Csv),
        Some("arrow") => Ok(Format::Arrow),
        Some(other) => {
            Err(NativeError::bad_request(format!("unknown format {other:?}: one of json, csv, arrow")))
        }
        None if accept.contains(ARROW_TYPE) => Ok(Format::Arrow),
        None if accept.contains("text/csv") => Ok(Format::Csv),
        None => Ok(Format::Json),
    }
}

fn answer(rows: SqlRows) -> SqlAnswer {
    let columns = rows.columns.into_iter().map(|(name, kind)| SqlColumn { name, kind }).collect();
    SqlAnswer { columns, rows: rows.rows }
}

/// RFC 4180 with a header line. Texts are quoted; nulls are empty.
fn csv(rows: &SqlRows) -> String {
    let mut text = String::new();
    let header = rows.columns.iter().map(|(name, _)| quoted(name));
    push_line(&mut text, header);
    for row in &rows.rows {
        push_line(&mut text, row.iter().map(cell));
    }
    text
}

fn push_line(text: &mut String, cells: impl Iterator<Item = String>) {
    text.push_str(&cells.collect::<Vec<_>>().join(","));
    text.push_str("\r\n");
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(_) | Value::Object(_) => quoted(&value.to_string()),
    }
}

/// In quotes, and with a `'` in front of what a spreadsheet would take for a formula: labels are chosen by strangers.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn csv_is_quoted_and_holds_no_formulas() {
        let rows = SqlRows {
            columns: vec![("name".to_owned(), "Utf8".to_owned()), ("value".to_owned(), "Float64".to_owned())],
            rows: vec![
                vec![json!("a,\"b\"\n"), json!(-1.5)],
                vec![json!("=HYPERLINK(\"x\")"), Value::Null],
                vec![json!({"k": "v"}), json!(true)],
            ],
        };
        let expected = "\"name\",\"value\"\r\n\"a,\"\"b\"\"\n\",-1.5\r\n\"'=HYPERLINK(\"\"x\"\")\",\r\n\"{\"\"k\"\":\"\"v\"\"}\",true\r\n";
        assert_eq!(csv(&rows), expected);
    }

    #[test]
    fn the_parameter_goes_before_the_header() {
        let headers: HeaderMap = [(ACCEPT, "text/csv".parse().unwrap())].into_iter().collect();
        assert_eq!(format(None, &headers), Ok(Format::Csv));
        assert_eq!(format(Some("arrow"), &headers), Ok(Format::Arrow));
        assert_eq!(format(None, &HeaderMap::new()), Ok(Format::Json));
        assert!(format(Some("xml"), &headers).is_err());
    }
}
