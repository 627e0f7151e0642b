//! The commands that ask a running server.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use isobar_egress::{Client, ClientOptions, Egress, EgressOptions, Request, Response, Trust};
use serde_json::{Value, json};
use url::Url;

use crate::cli::{
    CoverageArguments, ListArguments, Output, QueryArguments, ServerArguments, SqlArguments, SqlOutput,
    WhyArguments,
};
use crate::coverage::carried;
use crate::table;

/// Answers over this size are not for a terminal.
const ANSWER_MAX: usize = 256 << 20;

/// Queries may take as long as the server lets them; it ends them itself long before this.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server and the right to ask it.
pub struct Server {
    client: Client,
    url: Url,
    token: Option<String>,
}

impl Server {
    /// Prepares to ask this server.
    pub fn new(arguments: &ServerArguments) -> Result<Self> {
        let egress = Egress::new(EgressOptions::default())?;
        let client = egress.client(ClientOptions::new(Trust::Operator))?;
        Ok(Self { client, url: server_url(&arguments.url)?, token: arguments.token.clone() })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<(Value, &str)>,
    ) -> Result<Response> {
        let mut url = address(&self.url, path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut headers = HeaderMap::new();
        if let Some(token) = &self.token {
            let value = HeaderValue::try_from(format!("Bearer {token}"))
                .context("the token has characters no header can hold")?;
            headers.insert(header::AUTHORIZATION, value);
        }
        let mut sent = Bytes::new();
        if let Some((body, accept)) = body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(header::ACCEPT, HeaderValue::try_from(accept)?);
            sent = serde_json::to_vec(&body)?.into();
        }
        let request =
            Request { method, url, headers, body: sent, timeout: PATIENCE, response_max: ANSWER_MAX };
        let response = self.client.send(request).await?;
        if response.status.is_success() {
            return Ok(response);
        }
        let said = serde_json::from_slice::<Value>(&response.body).ok();
        match said.as_ref().and_then(|said| said["error"].as_str().or_else(|| said["message"].as_str())) {
            Some(reason) => bail!("{reason}"),
            None => bail!(
                "{} answered {}: {}",
                self.url,
                response.status,
                String::from_utf8_lossy(&response.body).trim()
            ),
        }
    }

    /// Reads JSON.
    pub async fn ask_json(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        let answer = self.ask(Method::GET, path, query, None).await?;
        serde_json::from_slice(&answer.body).context("the answer is not JSON: is this an Isobar server?")
    }

    /// Sends JSON, and reads the JSON that is answered.
    pub async fn send_json(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let answer = self.ask(method, path, &[], Some((body, "application/json"))).await?;
        serde_json::from_slice(&answer.body).context("the answer is not JSON: is this an Isobar server?")
    }

    /// Sends a request that carries nothing, and whose answer says nothing more than that it was done.
    pub async fn send_nothing(&self, method: Method, path: &str) -> Result<()> {
        self.ask(method, path, &[], None).await.map(drop)
    }

    /// Every item of a list, page by page.
    pub async fn items(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let cursor = after.as_deref().map(|after| ("after", after));
            let parameters: Vec<(&str, &str)> =
                query.iter().copied().chain(cursor).chain([("limit", "500")]).collect();
            let mut page = self.ask_json(path, &parameters).await?;
            let Value::Array(more) = page["items"].take() else {
                return Err(anyhow!("the answer has no items: is this an Isobar server?"));
            };
            items.extend(more);
            match page["next"].as_str() {
                Some(next) if after.as_deref() == Some(next) => {
                    bail!("the server answers the same page again and again")
                }
                Some(next) => after = Some(next.to_owned()),
                None => return Ok(items),
            }
        }
    }
}

/// Where a server is: a scheme, a host, and perhaps the path that a proxy has put in front of it.
fn server_url(url: &Url) -> Result<Url> {
    let is_plain = url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
        bail!(
            "--url {url} is no server's address: write http:// or https://, a host, and perhaps a port and a path"
        );
    }
    Ok(url.clone())
}

/// A path of the API on that server, under the server's own path.
fn address(server: &Url, path: &str) -> Url {
    let mut url = server.clone();
    url.set_path(&format!("{}{path}", server.path().trim_end_matches('/')));
    url
}

/// A part of a path, whatever is in it.
pub fn encoded(id: &str) -> String {
    id.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// `isobar query`
pub async fn query(arguments: QueryArguments) -> Result<()> {
    let server = Server::new(&arguments.server)?;
    let mut parameters = vec![("query", arguments.expr.as_str())];
    let path = match (&arguments.from, &arguments.to) {
        (Some(from), Some(to)) => {
            parameters.extend([("start", from.as_str()), ("end", to), ("step", &arguments.step)]);
            "/api/v1/query_range"
        }
        _ => {
            parameters.extend(arguments.at.as_deref().map(|at| ("time", at)));
            "/api/v1/query"
        }
    };
    let answer = server.ask_json(path, &parameters).await?;
    if arguments.output == Output::Json {
        return print_line(&serde_json::to_string_pretty(&answer)?);
    }
    for kind in ["warnings", "infos"] {
        for line in answer[kind].as_array().into_iter().flatten() {
            eprintln!("{}: {}", kind.trim_end_matches('s'), line.as_str().unwrap_or_default());
        }
    }
    print_line(&table::render(&["series", "time", "value"], &query_rows(&answer["data"])))
}

/// One row per point, whatever type the result is.
fn query_rows(data: &Value) -> Vec<Vec<String>> {
    let row = |series: &str, point: &Value| {
        let time = point[0]
            .as_f64()
            .map(|seconds| isobar_normalizer::Timestamp::from_millis((seconds * 1000.0).round() as i64));
        let time = time.map(|time| time.to_string()).unwrap_or_default();
        vec![series.to_owned(), time, point[1].as_str().unwrap_or_default().to_owned()]
    };
    match data["resultType"].as_str() {
        Some("scalar" | "string") => vec![row("", &data["result"])],
        _ => {
            let mut rows = Vec::new();
            for one in data["result"].as_array().into_iter().flatten() {
                let series = series_text(&one["metric"]);
                let points = one["values"]
                    .as_array()
                    .map_or_else(|| std::slice::from_ref(&one["value"]), Vec::as_slice);
                rows.extend(points.iter().map(|point| row(&series, point)));
            }
            rows
        }
    }
}

fn series_text(metric: &Value) -> String {
    let pairs = metric.as_object().into_iter().flatten();
    let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()));
    isobar_normalizer::Labels::from_pairs(pairs).map(|labels| labels.to_string()).unwrap_or_default()
}

/// `isobar sql`
pub async fn sql(arguments: SqlArguments) -> Result<()> {
    let server = Server::new(&arguments.server)?;
    let accept = match arguments.output {
        SqlOutput::Table | SqlOutput::Json => "application/json",
        SqlOutput::Csv => "text/csv",
        SqlOutput::Arrow => "application/vnd.apache.arrow.stream",
    };
    let body = json!({ "statement": arguments.statement });
    let answer = server.ask(Method::POST, "/api/isobar/v1/sql", &[], Some((body, accept))).await?;
    if answer.headers.get("isobar-truncated").is_some_and(|truncated| truncated == "true") {
        eprintln!("warning: rows over the server's limit were cut off");
    }
    match arguments.output {
        SqlOutput::Table => {}
        SqlOutput::Json => return print_line(&String::from_utf8_lossy(&answer.body)),
        SqlOutput::Csv | SqlOutput::Arrow => return print(&answer.body),
    }
    let answer: Value = serde_json::from_slice(&answer.body).context("the answer is not JSON")?;
    let header: Vec<&str> = answer["columns"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|column| column["name"].as_str())
        .collect();
    let rows: Vec<Vec<String>> =
        answer["rows"].as_array().into_iter().flatten().map(|row| cells(row.as_array())).collect();
    print_line(&table::render(&header, &rows))
}

fn cells(row: Option<&Vec<Value>>) -> Vec<String> {
    row.into_iter().flatten().map(cell).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// `isobar alerts`, `isobar deliveries`: the list's items, with these columns when printed as a table.
pub async fn list(arguments: ListArguments, list: &str, columns: &[&str]) -> Result<()> {
    let server = Server::new(&arguments.server)?;
    let q: Vec<(&str, &str)> = arguments.q.as_deref().map(|q| ("q", q)).into_iter().collect();
    let items = server.items(&format!("/api/isobar/v1/{list}"), &q).await?;
    print_items(items, arguments.output, columns)
}

/// `isobar why`
pub async fn why(arguments: WhyArguments) -> Result<()> {
    let server = Server::new(&arguments.server)?;
    let steps = server.items("/api/isobar/v1/why", &[("alert", arguments.alert.as_str())]).await?;
    print_items(steps, arguments.output, &["at", "stage", "verdict", "rule", "detail"])
}

/// `isobar coverage`: what came, as a server tells it, or what the mapping files cover.
pub async fn coverage(arguments: CoverageArguments) -> Result<()> {
    const COLUMNS: [&str; 8] =
        ["provider", "namespace", "metric", "statistic", "canonical", "unit", "resources", "sources"];
    if !arguments.mappings {
        match came(&arguments).await {
            Ok(items) => return print_items(items, arguments.output, &COLUMNS),
            Err(error) if arguments.url.is_some() => return Err(error),
            Err(error) => eprintln!("isobar: {error:#}; this is what the mapping files cover"),
        }
    }
    // Only a server knows of how many resources a metric came, and from where.
    print_items(carried::items(), arguments.output, &COLUMNS[..6])
}

async fn came(arguments: &CoverageArguments) -> Result<Vec<Value>> {
    Server::new(&arguments.into())?.items("/api/isobar/v1/coverage", &[]).await
}

/// Prints items as they are, or these fields of them as columns.
pub fn print_items(items: Vec<Value>, output: Output, columns: &[&str]) -> Result<()> {
    match output {
        Output::Json => print_line(&serde_json::to_string_pretty(&items)?),
        Output::Table => {
            let rows: Vec<Vec<String>> =
                items.iter().map(|item| columns.iter().map(|column| cell(&item[column])).collect()).collect();
            print_line(&table::render(columns, &rows))
        }
    }
}

/// Prints a text that ends with one line break.
pub fn print_line(text: &str) -> Result<()> {
    print(format!("{}\n", text.trim_end()).as_bytes())
}

/// Writes what a command found on standard output.
pub fn print(found: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(found).and_then(|()| out.flush()) {
        // The reader has seen enough, as in `isobar alerts | head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_address(server: &str, expected: Option<&str>) {
        let asked =
            server_url(&server.parse().unwrap()).map(|url| address(&url, "/api/v1/query").to_string());
        assert_eq!(asked.ok().as_deref(), expected, "{server}");
    }

    #[test]
    fn a_path_in_front_of_the_server_is_kept() {
        check_address("http://127.0.0.1:9797", Some("http://127.0.0.1:9797/api/v1/query"));
        check_address("https://a.example/", Some("https://a.example/api/v1/query"));
        check_address("https://a.example/isobar", Some("https://a.example/isobar/api/v1/query"));
        check_address("https://a.example/ops/is%20o/", Some("https://a.example/ops/is%20o/api/v1/query"));
        check_address("https://a.example/?x=1", None);
        check_address("https://a.example/#x", None);
        check_address("ftp://a.example/", None);
        check_address("unix:/run/isobar", None);
    }

    #[test]
    fn every_result_type_becomes_rows() {
        let vector = json!({"resultType": "vector", "result": [{"metric": {"__name__": "up", "job": "a"}, "value": [1.5, "1"]}]});
        assert_eq!(query_rows(&vector), [["up{job=\"a\"}", "1970-01-01T00:00:01.500Z", "1"]]);
        let matrix =
            json!({"resultType": "matrix", "result": [{"metric": {}, "values": [[0, "1"], [1, "2"]]}]});
        assert_eq!(query_rows(&matrix).len(), 2);
        let scalar = json!({"resultType": "scalar", "result": [0, "7"]});
        assert_eq!(query_rows(&scalar), [["", "1970-01-01T00:00:00.000Z", "7"]]);
    }
}
