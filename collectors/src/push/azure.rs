//! The kind `azure`: action groups of Azure Monitor, with the common alert schema, and the activity log's own for service health.
//!
//! Source: Microsoft Learn, "Common alert schema", "Activity log alerts webhook"; read 2026-11.

use isobar_normalizer::{ConfigError, Step, read_part};
use serde::Deserialize;
use serde_json::Value;

use super::alertmanager::NoSettings;
use super::check::{RawAlert, RawEnd, shown};
use super::hook::{json, posted_only};
use super::reading::When;
use super::{End, Hook, HookAnswer, HookError, HookKind, HookRequest, Pushed};

/// `kind: azure`
pub(super) static KIND: Azure = Azure;

#[derive(Debug)]
pub(super) struct Azure;

impl HookKind for Azure {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn sample(&self) -> &'static str {
        include_str!("azure.sample.yaml")
    }

    fn build(&self, document: &str, at: &[Step]) -> Result<Box<dyn Hook>, ConfigError> {
        read_part::<NoSettings>(document, at)?;
        Ok(Box::new(Self))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    schema_id: String,
    data: Value,
}

impl Hook for Azure {
    fn read(&self, request: HookRequest<'_>) -> Result<HookAnswer, HookError> {
        posted_only(&request)?;
        let message: Message = json(request.body, "an action group's message: schemaId and data")?;
        let raw = match message.schema_id.as_str() {
            "azureMonitorCommonAlertSchema" => of_common(&message.data, &request),
            "Microsoft.Insights/activityLogs" => {
                let log = message.data.pointer("/context/activityLog").unwrap_or(&Value::Null);
                of_activity_log(log, &request)
            }
            other => {
                let other = shown(other);
                return Err(HookError::Malformed(format!(
                    "schemaId {other}: turn the common alert schema on in the action group"
                )));
            }
        };
        let mut pushed = Pushed::default();
        match raw {
            Ok(raw) => pushed.add(0, raw, request.limits, request.now),
            Err(wrong) => pushed.complaints.push(wrong),
        }
        Ok(HookAnswer::Alerts(pushed))
    }
}

fn of_common<'a>(data: &'a Value, request: &HookRequest<'_>) -> Result<RawAlert<'a>, String> {
    let essentials = data.get("essentials").ok_or("data.essentials is missing")?;
    let text = |name: &str| essentials.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if text("monitoringService") == Some("ServiceHealth") {
        return of_activity_log(data.get("alertContext").unwrap_or(&Value::Null), request);
    }
    let resolved_at = time(text("resolvedDateTime"))?;
    let end = match text("monitorCondition") {
        Some("Fired") => End::Told,
        Some("Resolved") => End::At(resolved_at.unwrap_or(request.now)),
        other => {
            let other = shown(other.unwrap_or_default());
            return Err(format!("monitorCondition {other}: Fired or Resolved was expected"));
        }
    };
    let mut raw =
        RawAlert { end: RawEnd(end), starts_at: time(text("firedDateTime"))?, ..RawAlert::default() };
    raw.label("alertname", text("alertRule").ok_or("alertRule is missing")?);
    raw.label("cloud_provider", "azure");
    if let Some(severity) = text("severity") {
        raw.label("severity", severity_of(severity));
        raw.annotation("source_severity", severity);
    }
    // What stays the same from firing to resolved, and tells two targets of one rule apart.
    for (label, field) in [("origin_alert_id", "originAlertId"), ("signal_type", "signalType")] {
        if let Some(value) = text(field) {
            raw.label(label, value);
        }
    }
    let targets: Vec<&str> =
        essentials["alertTargetIDs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if let [target] = targets[..] {
        // Azure writes the same id in different cases.
        raw.label("target", target.to_ascii_lowercase());
    }
    for (annotation, field) in
        [("description", "description"), ("alert_id", "alertId"), ("monitoring_service", "monitoringService")]
    {
        if let Some(value) = text(field) {
            raw.annotation(annotation, value);
        }
    }
    let condition = &data["alertContext"]["condition"]["allOf"][0];
    let number = |name: &str| match &condition[name] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    if let (Some(metric), Some(value), Some(threshold)) =
        (number("metricName"), number("metricValue"), number("threshold"))
    {
        let operator = number("operator").unwrap_or_default();
        raw.annotation("value", format!("{metric} is {value}, {operator} {threshold}"));
    }
    Ok(raw)
}

/// What the activity log says of a service's or a resource's health.
fn of_activity_log<'a>(log: &'a Value, request: &HookRequest<'_>) -> Result<RawAlert<'a>, String> {
    let properties = log.get("properties").ok_or("the activity log entry has no properties")?;
    let of =
        |from: &'a Value, name: &str| from.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let source = of(log, "eventSource").unwrap_or("ActivityLog");
    let is_over =
        [of(properties, "stage"), of(log, "status")].into_iter().flatten().any(|word| {
            ["resolved", "complete", "completed"].iter().any(|over| word.eq_ignore_ascii_case(over))
        }) || of(properties, "currentHealthStatus") == Some("Available");
    let starts_at = time(of(properties, "impactStartTime").or(of(log, "eventTimestamp")))?;
    let mut raw = RawAlert { starts_at, ..RawAlert::default() };
    if is_over {
        raw.end = RawEnd(End::At(request.now));
    }
    raw.label(
        "alertname",
        if source == "ResourceHealth" { "AzureResourceHealth" } else { "AzureServiceHealth" },
    );
    raw.label("cloud_provider", "azure");
    let resource = of(log, "resourceId").map(str::to_ascii_lowercase);
    match (of(properties, "trackingId"), resource) {
        (Some(tracking), _) => raw.label("tracking_id", tracking),
        (None, Some(resource)) => raw.label("target", resource),
        (None, None) => return Err("there is neither a trackingId nor a resourceId".to_owned()),
    }
    if let Some(region) = of(properties, "region") {
        // It is shown as "Australia East" and named australiaeast everywhere else.
        raw.label("cloud_region", region.replace(' ', "").to_ascii_lowercase());
    }
    if let Some(service) = of(properties, "service") {
        raw.label("cloud_service", service);
    }
    for (annotation, field) in [
        ("summary", "title"),
        ("description", "communication"),
        ("incident_type", "incidentType"),
        ("stage", "stage"),
        ("impacted_services", "impactedServices"),
        ("cause", "cause"),
        ("current_health", "currentHealthStatus"),
        ("previous_health", "previousHealthStatus"),
    ] {
        if let Some(value) = of(properties, field) {
            raw.annotation(annotation, value);
        }
    }
    Ok(raw)
}

/// Sev0 is critical … Sev4 verbose. Source: Microsoft Learn, "Azure Monitor alerts", severities.
fn severity_of(severity: &str) -> &'static str {
    match severity {
        "Sev0" => "critical",
        "Sev1" => "error",
        "Sev2" => "warning",
        _ => "info",
    }
}

fn time(text: Option<&str>) -> Result<Option<isobar_normalizer::Timestamp>, String> {
    When::read(text.unwrap_or_default()).map(|When(at)| at)
}
