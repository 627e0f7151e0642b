//! Resource Graph: queries over the inventory, in pages.

mod evaluate;
mod syntax;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::catalogue::{Catalogue, Resource};
use super::error::ApiError;
use super::grain::write_ticks;
use crate::estate::{AZURE_SUBSCRIPTION, Millis};
use syntax::Broken;

pub(crate) use evaluate::Row;

/// Rows of a page, and the most there may be.
/// Source: azure-docs, articles/governance/resource-graph/concepts/work-with-data.md, "Paging results".
const PAGE_MAX: usize = 1_000;

/// The body of a query.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    query: String,
    #[serde(default)]
    subscriptions: Vec<String>,
    #[serde(default)]
    options: Options,
    #[serde(default)]
    facets: Vec<Value>,
    #[serde(default, rename = "managementGroups")]
    management_groups: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Options {
    #[serde(rename = "$top")]
    top: Option<usize>,
    #[serde(rename = "$skip")]
    skip: Option<usize>,
    #[serde(rename = "$skipToken")]
    skip_token: Option<String>,
    #[serde(rename = "resultFormat")]
    result_format: Option<String>,
}

/// What queries are about.
pub(crate) struct Inventory<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) tenant: &'a str,
    /// The alerts, as Alerts Management has them.
    pub(crate) alerts: Vec<Value>,
    pub(crate) now: Millis,
    /// A fault: there is always a next page.
    pub(crate) endless: bool,
}

impl Inventory<'_> {
    /// Answers a query.
    pub(crate) fn answer(&self, body: &[u8]) -> Result<Value, ApiError> {
        let request: Request = serde_json::from_slice(body).map_err(|error| {
            self.bad("InvalidPayload", &format!("The request payload cannot be read: {error}"), None)
        })?;
        if !request.facets.is_empty() || !request.management_groups.is_empty() {
            return Err(self.bad(
                "UnsupportedRequest",
                "facets and managementGroups are not simulated",
                None,
            ));
        }
        let query = syntax::parse(&request.query).map_err(|broken| {
            self.bad(
                "InvalidQuery",
                "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying.",
                Some(&broken),
            )
        })?;
        let table = self.table(&query.table, &request.subscriptions)?;
        let rows = evaluate::run(&query.steps, table);
        self.page(&request, &rows)
    }

    fn table(&self, name: &str, subscriptions: &[String]) -> Result<Vec<Row>, ApiError> {
        let mine = subscriptions.is_empty()
            || subscriptions.iter().any(|it| it.eq_ignore_ascii_case(AZURE_SUBSCRIPTION));
        let resources = || self.catalogue.listed(AZURE_SUBSCRIPTION, self.now);
        Ok(match name {
            _ if !["resources", "alertsmanagementresources"].contains(&name) => {
                let message = format!("Table {name} was not found, or access to it is denied");
                return Err(self.bad("InvalidQuery", &message, None));
            }
            _ if !mine => Vec::new(),
            "resources" => resources().map(|resource| row(resource, self.tenant)).collect(),
            _ => self.alerts.iter().map(columns).collect(),
        })
    }

    fn page(&self, request: &Request, rows: &[Row]) -> Result<Value, ApiError> {
        let options = &request.options;
        let top = options.top.unwrap_or(PAGE_MAX);
        if !(1..=PAGE_MAX).contains(&top) {
            return Err(self.bad("InvalidTop", "$top must be between 1 and 1000", None));
        }
        let begin = match &options.skip_token {
            None => options.skip.unwrap_or(0),
            Some(token) => read_token(token, &request.query).ok_or_else(|| {
                self.bad("InvalidSkipToken", "The $skipToken is not one of this query", None)
            })?,
        };
        let begin = if self.endless { 0 } else { begin.min(rows.len()) };
        let end = (begin + top).min(rows.len());
        let page = &rows[begin..end];
        let more = self.endless || end < rows.len();
        // Without ids in the result there is no way to go on.
        let can_go_on = page.iter().all(|row| row.iter().any(|(name, _)| name == "id"));
        let data = match options.result_format.as_deref() {
            None | Some("objectArray") => objects(page),
            Some("table") => table_of(page),
            Some(other) => return Err(self.bad("InvalidResultFormat", &format!("no format {other}"), None)),
        };
        let mut answer = json!({
            "totalRecords": rows.len(),
            "count": page.len(),
            "data": data,
            "facets": [],
            "resultTruncated": if more && !can_go_on { "true" } else { "false" },
        });
        if more && can_go_on {
            answer["$skipToken"] = write_token(end, &request.query).into();
        }
        Ok(answer)
    }

    fn bad(&self, code: &str, message: &str, broken: Option<&Broken>) -> ApiError {
        let mut details = vec![json!({"code": code, "message": message})];
        details.extend(broken.map(|broken| {
            json!({
                "code": "ParserFailure",
                "message": "ParserFailure",
                "line": broken.line,
                "characterPositionInLine": broken.position,
                "token": broken.token,
                "expectedToken": broken.expected,
            })
        }));
        ApiError::new(400, "BadRequest", self.support()).with(details)
    }

    fn support(&self) -> String {
        let time = write_ticks(self.now);
        format!(
            "Please provide below info when asking for support: timestamp = {time}, correlationId = {}.",
            self.tenant
        )
    }
}

/// Too many queries.
pub(crate) fn throttled(wait_ms: Millis) -> ApiError {
    let message = "Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help.";
    ApiError::new(429, "RateLimiting", "Please provide below info when asking for support.")
        .with(vec![json!({"code": "RateLimiting", "message": message})])
        .after((wait_ms.max(1) as u64).div_ceil(1_000))
}

/// A resource as Resource Graph has it: types and resource groups are in lower case, ids are not.
fn row(resource: &Resource, tenant: &str) -> Row {
    let tags: Map<String, Value> =
        resource.tags.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let mut properties = json!({"provisioningState": "Succeeded"});
    if resource.kind == "Microsoft.Compute/virtualMachines" {
        properties["hardwareProfile"] = json!({"vmSize": resource.sku});
        properties["extended"] = json!({"instanceView": {"powerState": {"code": "PowerState/running"}}});
    }
    columns(&json!({
        "id": resource.id,
        "name": resource.name,
        "type": resource.kind.to_lowercase(),
        "tenantId": tenant,
        "kind": if resource.kind == "Microsoft.Web/sites" { "functionapp,linux" } else { "" },
        "location": resource.region,
        "resourceGroup": resource.group.to_lowercase(),
        "subscriptionId": AZURE_SUBSCRIPTION,
        "managedBy": "",
        "sku": {"name": resource.sku},
        "plan": null,
        "properties": properties,
        "tags": tags,
        "identity": null,
        "zones": resource.zone.as_ref().map(|zone| vec![zone]),
        "extendedLocation": null,
    }))
}

/// The columns of an object.
fn columns(object: &Value) -> Row {
    let fields = object.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn objects(rows: &[Row]) -> Value {
    rows.iter().map(|row| Value::Object(row.iter().cloned().collect())).collect()
}

fn table_of(rows: &[Row]) -> Value {
    let kind = |value: &Value| match value {
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "boolean",
        _ => "object",
    };
    let columns: Vec<Value> = rows.first().map_or_else(Vec::new, |row| {
        row.iter().map(|(name, value)| json!({"name": name, "type": kind(value)})).collect()
    });
    let cells = rows.iter().map(|row| Value::Array(row.iter().map(|(_, value)| value.clone()).collect()));
    json!({"columns": columns, "rows": cells.collect::<Vec<_>>()})
}

fn mark(query: &str, next: usize) -> String {
    hex::encode(&Sha256::new().chain_update(query).chain_update(next.to_le_bytes()).finalize()[..8])
}

fn write_token(next: usize, query: &str) -> String {
    BASE64.encode(format!("{next}:{}", mark(query, next)))
}

fn read_token(token: &str, query: &str) -> Option<usize> {
    let text = String::from_utf8(BASE64.decode(token).ok()?).ok()?;
    let (next, claimed) = text.split_once(':')?;
    let next = next.parse().ok()?;
    (claimed == mark(query, next)).then_some(next)
}

#[cfg(test)]
mod tests;
