//! Subscriptions and resources, as Resource Manager lists them.

use serde_json::{Value, json};

use super::catalogue::{Catalogue, Resource};
use super::error::ApiError;
use super::filter::{self, Wanted};
use super::params::{Params, invalid};
use super::route::Route;
use crate::estate::{AZURE_SUBSCRIPTION, Millis};

/// Versions of the API that are answered.
pub(super) const VERSIONS: [&str; 8] = [
    "2019-10-01",
    "2020-01-01",
    "2020-06-01",
    "2021-01-01",
    "2021-04-01",
    "2022-09-01",
    "2022-12-01",
    "2025-04-01",
];
/// Resources on a page.
const PAGE: usize = 1_000;

/// One list: how it is asked, and where its pages are.
pub(super) struct Asking<'a> {
    pub(super) params: &'a Params,
    /// The address without query, as the caller reached it.
    pub(super) address: String,
    pub(super) now: Millis,
    pub(super) endless: bool,
}

/// Answers the part of Resource Manager that is about what there is.
pub(super) fn answer(
    route: &Route,
    catalogue: &Catalogue,
    tenant: &str,
    asking: &Asking<'_>,
) -> Result<Value, ApiError> {
    let known = |id: &str| {
        if id.eq_ignore_ascii_case(AZURE_SUBSCRIPTION) {
            return Ok(());
        }
        let message = format!("The subscription '{id}' could not be found.");
        Err(ApiError::new(404, "SubscriptionNotFound", message))
    };
    match route {
        Route::Subscription { id } => {
            known(id)?;
            Ok(subscription(tenant))
        }
        Route::Resources { subscription, group } => {
            known(subscription)?;
            resources(catalogue, subscription, group.as_deref(), asking)
        }
        _ => Ok(json!({"value": [subscription(tenant)], "count": {"type": "Total", "value": 1}})),
    }
}

fn subscription(tenant: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{AZURE_SUBSCRIPTION}"),
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": AZURE_SUBSCRIPTION,
        "tenantId": tenant,
        "displayName": "production",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    })
}

fn resources(
    catalogue: &Catalogue,
    subscription: &str,
    group: Option<&str>,
    asking: &Asking<'_>,
) -> Result<Value, ApiError> {
    let params = asking.params;
    params.only(&["api-version", "$filter", "$top", "$expand", "$skiptoken"])?;
    let wanted = params.get("$filter").map(filter::parse).transpose()?.unwrap_or_default();
    for it in &wanted {
        let known = ["resourcetype", "location", "resourcegroup", "name", "tagname", "tagvalue"];
        if !known.contains(&it.dimension.to_lowercase().as_str()) {
            return Err(invalid("$filter", &it.dimension));
        }
    }
    let listed = catalogue.listed(subscription, asking.now);
    let found: Vec<&Resource> = listed
        .filter(|it| group.is_none_or(|group| it.group.eq_ignore_ascii_case(group)))
        .filter(|it| wanted.iter().all(|wanted| fits(it, wanted)))
        .collect();
    let size = params.number("$top")?.unwrap_or(PAGE).min(PAGE);
    if size == 0 {
        return Err(invalid("$top", "0"));
    }
    let begin = params.number("$skiptoken")?.unwrap_or(0);
    let begin = if asking.endless { 0 } else { begin.min(found.len()) };
    let end = (begin + size).min(found.len());
    let mut answer = json!({"value": found[begin..end].iter().map(|it| write(it)).collect::<Vec<_>>()});
    if asking.endless || end < found.len() {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for name in ["api-version", "$filter", "$top", "$expand"] {
            if let Some(value) = params.get(name) {
                query.append_pair(name, value);
            }
        }
        query.append_pair("$skiptoken", &end.to_string());
        answer["nextLink"] = format!("{}?{}", asking.address, query.finish()).into();
    }
    Ok(answer)
}

fn fits(resource: &Resource, wanted: &Wanted) -> bool {
    match wanted.dimension.to_lowercase().as_str() {
        "resourcetype" => wanted.holds(resource.kind),
        "location" => wanted.holds(resource.region),
        "resourcegroup" => wanted.holds(&resource.group),
        "name" => wanted.holds(&resource.name),
        "tagname" => resource.tags.iter().any(|(name, _)| wanted.holds(name)),
        _ => resource.tags.iter().any(|(_, value)| wanted.holds(value)),
    }
}

fn write(resource: &Resource) -> Value {
    let tags: serde_json::Map<String, Value> =
        resource.tags.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let mut value = json!({
        "id": resource.id,
        "name": resource.name,
        "type": resource.kind,
        "location": resource.region,
        "sku": {"name": resource.sku},
        "tags": tags,
    });
    if let Some(zone) = &resource.zone {
        value["zones"] = json!([zone]);
    }
    value
}
