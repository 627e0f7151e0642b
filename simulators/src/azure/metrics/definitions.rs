//! Which metrics a resource has.

use serde_json::{Value, json};

use super::super::catalogue::{Metric, Resource};
use super::super::error::ApiError;
use super::super::grain::GRAINS;
use super::super::params::Params;

/// How long metrics are kept. Source: azure-monitor-docs, articles/azure-monitor/metrics/data-platform-metrics.md, "Retention of metrics".
const RETENTION: &str = "P93D";

/// Answers `Metric Definitions - List`.
pub(crate) fn definitions(params: &Params, resource: &Resource) -> Result<Value, ApiError> {
    params.only(&["api-version", "metricnamespace"])?;
    if let Some(other) = params.get("metricnamespace")
        && !other.eq_ignore_ascii_case(resource.kind)
    {
        return Ok(json!({"value": []}));
    }
    let all = resource.metrics.iter().map(|(metric, _)| definition(resource, metric));
    Ok(json!({"value": all.collect::<Vec<Value>>()}))
}

fn definition(resource: &Resource, metric: &Metric) -> Value {
    let grains = GRAINS.iter().filter(|(_, length)| *length >= metric.grain);
    let availabilities: Vec<Value> =
        grains.map(|(name, _)| json!({"timeGrain": name, "retention": RETENTION})).collect();
    let supported: Vec<&str> =
        std::iter::once("None").chain(metric.supported.iter().map(|it| it.name())).collect();
    let mut value = json!({
        "id": format!("{}/providers/microsoft.insights/metricdefinitions/{}", resource.id, metric.name),
        "resourceId": resource.id,
        "namespace": resource.kind,
        "name": {"value": metric.name, "localizedValue": metric.display},
        "displayDescription": metric.display,
        "isDimensionRequired": false,
        "unit": metric.unit,
        "primaryAggregationType": metric.primary.name(),
        "supportedAggregationTypes": supported,
        "metricAvailabilities": availabilities,
    });
    if !metric.dimensions.is_empty() {
        let dimensions = metric.dimensions.iter().map(|name| json!({"value": name, "localizedValue": name}));
        value["dimensions"] = dimensions.collect::<Vec<Value>>().into();
    }
    value
}

/// Answers `Metric Namespaces - List`.
pub(crate) fn namespaces(params: &Params, resource: &Resource) -> Result<Value, ApiError> {
    params.only(&["api-version", "starttime"])?;
    Ok(json!({"value": [{
        "id": format!("{}/providers/microsoft.insights/metricNamespaces/{}", resource.id, resource.kind),
        "type": "Microsoft.Insights/metricNamespaces",
        "name": resource.kind.rsplit('/').next(),
        "classification": "Platform",
        "properties": {"metricNamespaceName": resource.kind},
    }]}))
}
