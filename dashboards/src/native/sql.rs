//! `POST /api/isobar/v1/sql`: one statement in, rows out as JSON, CSV or an Arrow stream.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

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

/// Says in every form of an answer whether rows over the limit were cut off.
const TRUNCATED: HeaderName = HeaderName::from_static("isobar-truncated");

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
    /// Whether rows over the limit were cut off.
    truncated: bool,
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

/// The parameters, as they are described.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "`format` is what they are read into")]
pub(crate) struct SqlParams {
    /// How the rows are written; without it the `Accept` header decides, and JSON is the default.
    #[param(inline)]
    format: Option<Format>,
}

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
enum Format {
    Json,
    Csv,
    Arrow,
}

/// An Arrow IPC stream.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only described")]
pub(crate) struct ArrowStream(Bytes);

/// Runs one SELECT statement over the tables of the store.
#[utoipa::path(post, path = "/api/isobar/v1/sql", request_body = SqlRequest, params(SqlParams), responses((status = 200, description = "The rows.", headers(("isobar-truncated" = bool, description = "whether rows over the limit were cut off, in whatever form")), content((SqlAnswer = "application/json"), (String = "text/csv"), (inline(ArrowStream) = "application/vnd.apache.arrow.stream"))), (status = "default", body = ErrorBody)))]
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
        let runner = &app.backend.sql;
        if format == Format::Arrow {
            let stream = runner.arrow(&request.statement).await?;
            return Ok(answered(ARROW_TYPE, stream.truncated, stream.bytes.into()));
        }
        let rows = runner.rows(&request.statement).await?;
        let truncated = rows.truncated;
        // A large answer takes seconds to write.
        let written = tokio::task::spawn_blocking(move || match format {
            Format::Csv => Ok(csv(&rows)),
            _ => serde_json::to_string(&answer(rows)),
        });
        match written.await {
            Ok(Ok(text)) => {
                let kind = if format == Format::Csv { CSV_TYPE } else { "application/json" };
                Ok(answered(kind, truncated, text.into()))
            }
            Ok(Err(error)) => Err(SqlError::Failed(format!("writing the answer: {error}"))),
            Err(error) => Err(SqlError::Failed(format!("writing the answer broke off: {error}"))),
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

fn answered(kind: &'static str, truncated: bool, body: Body) -> Response {
    let truncated = HeaderValue::from_static(if truncated { "true" } else { "false" });
    ([(CONTENT_TYPE, HeaderValue::from_static(kind)), (TRUNCATED, truncated)], body).into_response()
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
    SqlAnswer { columns, rows: rows.rows, truncated: rows.truncated }
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
            truncated: false,
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
