//! Azure: the token endpoints of a tenant, Resource Manager, and the metrics hosts, each on an address of its own.
//!
//! Nothing tells one region of Resource Manager from another; a metrics host takes its region from its name, or from
//! the first segment of the path where one address stands for all regions.

mod alerts;
mod catalogue;
mod error;
mod filter;
mod grain;
mod graph;
mod identity;
mod inventory;
mod limits;
mod metrics;
mod params;
mod route;
mod sample;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::estate::{AZURE_SUBSCRIPTION, Cloud, Dice, Estate, Millis};
use crate::faults::{Call, Fault, Provider};
use crate::server::{Asked, Site};

use alerts::{Alerts, ListOf};
use catalogue::{Catalogue, Resource};
use error::{ApiError, json_response};
use identity::Tenant;
use limits::{Limits, Rate};
use metrics::Query;
use params::Params;
use route::Route;
use tokens::{Audience, Principal};

pub use identity::{AzureApplication, AzureCredentials};

/// Resources in one batch. Source: azure-rest-api-specs, data-plane/Microsoft.Insights/stable/2024-02-01/metricBatch.json.
const BATCH_MAX: usize = 50;
/// Seconds a throttled caller is told to wait.
const WAIT_S: u64 = 17;
/// Versions of the API that are answered, by what is asked.
const INSIGHTS: [&str; 5] = ["2018-01-01", "2019-07-01", "2021-05-01", "2023-10-01", "2024-02-01"];
const NAMESPACES: [&str; 4] = ["2017-12-01-preview", "2018-01-01", "2023-10-01", "2024-02-01"];
const BATCH: [&str; 2] = ["2023-10-01", "2024-02-01"];
const ALERTS: [&str; 5] =
    ["2018-05-05", "2019-03-01", "2019-05-05-preview", "2023-07-12-preview", "2025-05-25-preview"];
const GRAPH: [&str; 4] = ["2019-04-01", "2021-03-01", "2022-10-01", "2024-04-01"];

/// Everything the tenant has.
#[derive(Debug)]
pub(crate) struct Azure {
    estate: Arc<Estate>,
    tenant: Tenant,
    catalogue: Arc<Catalogue>,
    alerts: Alerts,
    limits: Limits,
}

/// One request after it was read.
struct Incoming<'a> {
    parts: &'a Parts,
    body: &'a [u8],
    params: Params,
    asked: &'a Asked,
    principal: Principal,
}

/// What an answer says beside its body.
type Remaining = Vec<(&'static str, String)>;

impl Azure {
    pub(crate) fn new(estate: Arc<Estate>) -> Self {
        let catalogue = Arc::new(Catalogue::new(&estate));
        Self {
            tenant: Tenant::new(estate.seed()),
            alerts: Alerts::new(&estate, Arc::clone(&catalogue)),
            catalogue,
            limits: Limits::default(),
            estate,
        }
    }

    pub(crate) fn credentials(&self) -> &AzureCredentials {
        &self.tenant.credentials
    }

    /// Answers a request to Resource Manager.
    fn management(&self, parts: &Parts, body: &[u8], asked: &Asked) -> Response {
        let mut remaining = Remaining::new();
        let said = self.manage(parts, body, asked, &mut remaining);
        let mut response = answer(said, asked);
        for (name, value) in remaining {
            let value = HeaderValue::from_str(&value).expect("numbers and times are plain words");
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
        response
    }

    fn manage(
        &self,
        parts: &Parts,
        body: &[u8],
        asked: &Asked,
        remaining: &mut Remaining,
    ) -> Result<Value, ApiError> {
        let now = asked.now;
        let principal = self.tenant.principal(&parts.headers, Audience::Management, now)?;
        let Some(route) = Route::of_management(&parts.method, parts.uri.path()) else {
            return Err(ApiError::no_route(parts.uri.path()));
        };
        self.admit(&route, &principal, now, remaining)?;
        if asked.has(Fault::Throttled) {
            return Err(match route {
                Route::Graph => graph::throttled(5_000),
                _ => limits::subscription_throttled(AZURE_SUBSCRIPTION, route.operation(), WAIT_S),
            });
        }
        if asked.has(Fault::Failing) {
            return Err(ApiError::internal());
        }
        let incoming = Incoming { parts, body, params: Params::of(&parts.uri), asked, principal };
        self.answer(&route, &incoming)
    }

    /// Takes the call out of its buckets and says what is left.
    fn admit(
        &self,
        route: &Route,
        principal: &Principal,
        now: Millis,
        remaining: &mut Remaining,
    ) -> Result<(), ApiError> {
        let caller = principal.client_id.as_str();
        let mut take = |who: &str, rate: Rate| match self.limits.take(who, rate, now) {
            Ok(left) => {
                remaining.push((rate.header, left.to_string()));
                Ok(())
            }
            Err(seconds) => {
                Err(limits::subscription_throttled(AZURE_SUBSCRIPTION, route.operation(), seconds))
            }
        };
        match route {
            Route::Subscriptions => take(caller, limits::TENANT_READS),
            Route::Graph => match self.limits.enter(caller, limits::GRAPH, now) {
                Ok((left, rest)) => {
                    remaining.push(("x-ms-user-quota-remaining", left.to_string()));
                    remaining.push(("x-ms-user-quota-resets-after", clock_time(rest)));
                    Ok(())
                }
                Err(rest) => {
                    remaining.push(("x-ms-user-quota-remaining", "0".to_owned()));
                    remaining.push(("x-ms-user-quota-resets-after", clock_time(rest)));
                    Err(graph::throttled(rest))
                }
            },
            Route::ChangeState { .. } => take(caller, limits::WRITES),
            _ => {
                take(caller, limits::READS)?;
                take("everyone", limits::GLOBAL_READS)?;
                if matches!(route, Route::MetricDefinitions { .. })
                    && let Err(rest) = self.limits.enter(caller, limits::DEFINITIONS, now)
                {
                    let seconds = (rest.max(1) as u64).div_ceil(1_000);
                    let action = "microsoft.insights/metricDefinitions/read";
                    return Err(limits::action_throttled(action, limits::DEFINITIONS, seconds));
                }
                Ok(())
            }
        }
    }

    fn answer(&self, route: &Route, incoming: &Incoming<'_>) -> Result<Value, ApiError> {
        let Incoming { params, asked, principal, body, .. } = incoming;
        let (now, endless) = (asked.now, asked.has(Fault::EndlessPages));
        let begins = self.estate.begins();
        match route {
            Route::Subscriptions | Route::Subscription { .. } | Route::Resources { .. } => {
                params.version(&inventory::VERSIONS)?;
                let address = address(incoming.parts);
                let asking = inventory::Asking { params, address, now, endless };
                inventory::answer(route, &self.catalogue, self.tenant.credentials.tenant_id.as_str(), &asking)
            }
            Route::Graph => {
                params.version(&GRAPH)?;
                let of = Params::read("timeRange=30d&pageCount=250");
                let of = ListOf { params: &of, address: String::new(), now, endless: false };
                let mut alerts = Vec::new();
                if principal.may("Microsoft.AlertsManagement/alerts/read", "").is_ok() {
                    let listed = alerts::list(&self.alerts, &subscription_scope(), &of)?;
                    alerts.extend(listed["value"].as_array().into_iter().flatten().cloned());
                }
                let tenant = self.tenant.credentials.tenant_id.as_str();
                graph::Inventory { catalogue: &self.catalogue, tenant, alerts, now, endless }.answer(body)
            }
            Route::MetricDefinitions { resource } => {
                params.version(&INSIGHTS)?;
                principal.may("Microsoft.Insights/metricDefinitions/read", resource)?;
                metrics::definitions(params, self.resource(resource, now)?)
            }
            Route::MetricNamespaces { resource } => {
                params.version(&NAMESPACES)?;
                principal.may("Microsoft.Insights/metricNamespaces/read", resource)?;
                metrics::namespaces(params, self.resource(resource, now)?)
            }
            Route::Metrics { resource } => {
                params.version(&INSIGHTS)?;
                principal.may("Microsoft.Insights/metrics/read", resource)?;
                let resource = self.resource(resource, now)?;
                metrics::list(&Query::list(params, now)?, asked, begins, resource)
            }
            Route::Alerts { scope } => {
                params.version(&ALERTS)?;
                principal.may("Microsoft.AlertsManagement/alerts/read", scope)?;
                let of = ListOf { params, address: address(incoming.parts), now, endless };
                alerts::list(&self.alerts, scope, &of)
            }
            Route::Alert { scope, id } => {
                params.version(&ALERTS)?;
                principal.may("Microsoft.AlertsManagement/alerts/read", scope)?;
                alerts::get(&self.alerts, id, now)
            }
            Route::ChangeState { scope, id } => {
                params.version(&ALERTS)?;
                principal.may("Microsoft.AlertsManagement/alerts/changestate/action", scope)?;
                alerts::change_state(&self.alerts, id, params, body, &principal.client_id, now)
            }
            Route::AlertHistory { scope, id } => {
                params.version(&ALERTS)?;
                principal.may("Microsoft.AlertsManagement/alerts/history/read", scope)?;
                alerts::history(&self.alerts, id, now)
            }
            Route::AlertsSummary { scope } => {
                params.version(&ALERTS)?;
                principal.may("Microsoft.AlertsManagement/alertsSummary/read", scope)?;
                alerts::summary(&self.alerts, scope, params, now)
            }
            Route::Batch { .. } => Err(ApiError::no_route(incoming.parts.uri.path())),
        }
    }

    fn resource(&self, id: &str, now: Millis) -> Result<&Resource, ApiError> {
        self.catalogue.find(id, now).ok_or_else(|| ApiError::no_resource(id))
    }

    /// Answers a request to a metrics host.
    fn metrics(&self, parts: &Parts, body: &[u8], asked: &Asked) -> Response {
        answer(self.batch(parts, body, asked).map_err(ApiError::wrapped), asked)
    }

    fn batch(&self, parts: &Parts, body: &[u8], asked: &Asked) -> Result<Value, ApiError> {
        let now = asked.now;
        let principal = self.tenant.principal(&parts.headers, Audience::Metrics, now)?;
        let host = parts.headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
        let route = Route::of_metrics(&parts.method, host.unwrap_or_default(), parts.uri.path());
        let Some(Route::Batch { subscription, region }) = route else {
            return Err(ApiError::no_route(parts.uri.path()));
        };
        let bucket = format!("{} {}", principal.client_id, asked.call.region);
        let wait_s = self.limits.take(&bucket, limits::BATCHES, now).err();
        if let Some(seconds) = wait_s.or_else(|| asked.has(Fault::Throttled).then_some(WAIT_S)) {
            // Not 429: the status that sites use when they are overloaded.
            let message = "QueryThrottledException: Query was throttled with reason: CapacityMetrics";
            return Err(ApiError::new(529, "Throttled", message).after(seconds));
        }
        if asked.has(Fault::Failing) {
            let message = "Detected Internal Error. Exception: ArgumentOutOfRangeException";
            return Err(ApiError::new(500, "InternalServerError", message));
        }
        let params = Params::of(&parts.uri);
        params.version(&BATCH)?;
        principal.may("Microsoft.Insights/metrics/read", &format!("/subscriptions/{subscription}"))?;
        let query = Query::batch(&params, now)?;
        let resources = self.batched(body, &subscription, region.as_deref(), now)?;
        let begins = self.estate.begins();
        let values = resources.into_iter().map(|resource| metrics::batch(&query, asked, begins, resource));
        Ok(json!({"values": values.collect::<Result<Vec<Value>, _>>()?}))
    }

    /// The resources of a batch: at most fifty, of one subscription, one region and one kind.
    fn batched(
        &self,
        body: &[u8],
        subscription: &str,
        region: Option<&str>,
        now: Millis,
    ) -> Result<Vec<&Resource>, ApiError> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| ApiError::bad(format!("The request body cannot be read: {error}")))?;
        let ids = body["resourceids"].as_array().filter(|ids| !ids.is_empty());
        let ids = ids.ok_or_else(|| ApiError::bad("'resourceids' must hold at least one resource id"))?;
        if ids.len() > BATCH_MAX {
            let message = format!("A batch has {} resource ids, the limit is {BATCH_MAX}", ids.len());
            return Err(ApiError::bad(message));
        }
        let mut resources: Vec<&Resource> = Vec::with_capacity(ids.len());
        for id in ids {
            let id = id.as_str().ok_or_else(|| ApiError::bad("A resource id is not a text"))?;
            let prefix = format!("/subscriptions/{subscription}/");
            if !id.to_lowercase().starts_with(&prefix) {
                return Err(ApiError::bad(format!("{id} is not in the subscription {subscription}")));
            }
            let resource = self.resource(id, now)?;
            let first = *resources.first().unwrap_or(&resource);
            if resource.kind != first.kind {
                return Err(ApiError::bad(format!("{id} is not a {} as the others are", first.kind)));
            }
            let expected = region.unwrap_or(first.region);
            if resource.region != expected {
                return Err(ApiError::bad(format!(
                    "{id} is in {}, this host answers for {expected}",
                    resource.region
                )));
            }
            resources.push(resource);
        }
        Ok(resources)
    }
}

/// The answer, or the error; under a fault the error of a good answer comes as 200.
fn answer(said: Result<Value, ApiError>, asked: &Asked) -> Response {
    match said {
        Ok(_) if asked.has(Fault::ErrorIn200) => json_response(StatusCode::OK, &ApiError::internal().body()),
        Ok(body) => json_response(StatusCode::OK, &body),
        Err(error) => error.into_response(),
    }
}

fn subscription_scope() -> String {
    format!("/subscriptions/{AZURE_SUBSCRIPTION}")
}

/// `hh:mm:ss`, rounded up.
fn clock_time(millis: Millis) -> String {
    let seconds = (millis.max(0) + 999) / 1_000;
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// The address of a request as the caller reached it, without its query.
fn address(parts: &Parts) -> String {
    let host = parts.headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default();
    format!("http://{host}{}", parts.uri.path())
}

/// The sites of the tenant: tokens, Resource Manager, metrics.
pub(crate) fn sites(azure: &Arc<Azure>) -> [Site; 3] {
    let site = |classify: fn(&Parts, &[u8]) -> Call, router: Router<Arc<Azure>>| Site {
        provider: Provider::Azure,
        cloud: Cloud::Azure,
        classify,
        router: router.with_state(Arc::clone(azure)),
    };
    [
        site(route::classify_token, Router::new().fallback(token)),
        site(route::classify_management, Router::new().fallback(management)),
        site(route::classify_metrics, Router::new().fallback(metrics)),
    ]
}

async fn read(request: Request) -> (Parts, Bytes, Asked) {
    let (parts, body) = request.into_parts();
    let asked = parts.extensions.get::<Asked>().cloned().expect("the server adds what is asked");
    // The server has bounded the body already.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    (parts, body, asked)
}

/// Adds what every answer of the provider has.
fn signed(mut response: Response, parts: &Parts, asked: &Asked) -> Response {
    let id = Dice::new(asked.now.cast_unsigned()).uuid(&parts.uri.to_string());
    let id = HeaderValue::from_str(&id).expect("a UUID is a plain word");
    response.headers_mut().insert(HeaderName::from_static("x-ms-request-id"), id.clone());
    response.headers_mut().insert(HeaderName::from_static("x-ms-correlation-request-id"), id);
    response
}

async fn token(State(azure): State<Arc<Azure>>, request: Request) -> Response {
    let (parts, body, asked) = read(request).await;
    if asked.has(Fault::Throttled) {
        let body = json!({"error": "temporarily_unavailable", "error_description": "AADSTS90055: The tenant is throttled.", "error_codes": [90055]});
        let mut response = json_response(StatusCode::TOO_MANY_REQUESTS, &body);
        response.headers_mut().insert(http::header::RETRY_AFTER, WAIT_S.into());
        return response;
    }
    if asked.has(Fault::Failing) {
        let body = json!({"error": "server_error", "error_description": "AADSTS90033: A transient error has occurred. Please try again.", "error_codes": [90033]});
        return json_response(StatusCode::INTERNAL_SERVER_ERROR, &body);
    }
    let query = Params::of(&parts.uri);
    let response =
        azure.tenant.answer(&parts.method, parts.uri.path(), &query, &parts.headers, &body, asked.now);
    signed(response, &parts, &asked)
}

async fn management(State(azure): State<Arc<Azure>>, request: Request) -> Response {
    let (parts, body, asked) = read(request).await;
    signed(azure.management(&parts, &body, &asked), &parts, &asked)
}

async fn metrics(State(azure): State<Arc<Azure>>, request: Request) -> Response {
    let (parts, body, asked) = read(request).await;
    signed(azure.metrics(&parts, &body, &asked), &parts, &asked)
}
