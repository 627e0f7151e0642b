//! What a provider says of its own health.

use std::sync::Arc;

use isobar_normalizer::Timestamp;

use crate::alert::Alert;

/// An event of AWS Health, Azure Service Health or the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthNotice {
    /// Who says it.
    pub provider: Arc<str>,
    /// Of which region; of all of them when absent.
    pub region: Option<Arc<str>>,
    /// Of which of its services, in its own words, where it says so.
    pub service: Option<Arc<str>>,
    /// In its words.
    pub title: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether it is not over by its own word.
    pub is_open: bool,
}

/// What health services' events are known by, and whose they are: EventBridge's `source` of AWS Health, the alert that the
/// hook `azure` makes of Azure Service Health, and the `monitoringService` of Azure's common alert schema where another hook
/// took it.
const KNOWN_BY: [(&str, &str, &str); 4] = [
    ("source", "aws.health", "aws"),
    ("event_source", "aws.health", "aws"),
    ("alertname", "AzureServiceHealth", "azure"),
    ("monitoringService", "ServiceHealth", "azure"),
];

/// Of the health services' events those that say that something does not work: planned maintenance and advice do not.
const ISSUES: [(&str, &[&str]); 4] = [
    ("eventTypeCategory", &["issue"]),
    ("event_type_category", &["issue"]),
    ("incidentType", &["Incident", "ActionRequired"]),
    ("incident_type", &["Incident", "ActionRequired"]),
];

impl HealthNotice {
    /// Reads it from an alert, as hooks and alarms bring it; `None` for every other alert, and for one that came over a door
    /// that cannot tell who speaks: a stranger's word does not confirm an outage.
    pub fn of(alert: &Alert) -> Option<Self> {
        let label = |name: &str| alert.identity.get(name).or_else(|| alert.described.get(name));
        let said = |name: &str| label(name).or_else(|| alert.annotations.get(name).map(String::as_str));
        if !alert.verified {
            return None;
        }
        let (_, _, provider) = KNOWN_BY.iter().find(|(name, value, _)| label(name) == Some(value))?;
        let is_other =
            |(name, values): &(&str, &[&str])| said(name).is_some_and(|value| !values.contains(&value));
        if ISSUES.iter().any(is_other) {
            return None;
        }
        let first = |names: &[&str]| names.iter().find_map(|name| said(name));
        Some(Self {
            provider: (*provider).into(),
            region: first(&["cloud_region", "region"]).filter(|region| *region != "global").map(Arc::from),
            service: first(&["cloud_service", "service"]).map(Arc::from),
            title: first(&["summary", "description", "title"]).unwrap_or(alert.name()).to_owned(),
            since: alert.starts_at,
            is_open: alert.state.is_open(),
        })
    }

    /// Whether it speaks of this region.
    pub(super) fn is_about(&self, provider: &str, region: &str) -> bool {
        *self.provider == *provider && self.region.as_deref().is_none_or(|of| of == region)
    }
}
