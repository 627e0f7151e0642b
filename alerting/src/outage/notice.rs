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

/// The labels by which the events of the providers' health services are known, and whose they are: EventBridge's `source`
/// of AWS Health, the `monitoringService` of Azure's common alert schema.
const KNOWN_BY: [(&str, &str, &str); 4] = [
    ("source", "aws.health", "aws"),
    ("cloudevents_source", "aws.health", "aws"),
    ("monitoringService", "ServiceHealth", "azure"),
    ("monitoring_service", "ServiceHealth", "azure"),
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
        let labels = alert.labels();
        let (_, _, provider) = KNOWN_BY.iter().find(|(label, value, _)| labels.get(label) == Some(value))?;
        let other = |(label, values): &(&str, &[&str])| {
            labels.get(label).is_some_and(|value| !values.contains(&value))
        };
        if !alert.verified || ISSUES.iter().any(other) {
            return None;
        }
        let text = |names: &[&str]| names.iter().find_map(|name| labels.get(name)).map(Arc::from);
        let said = ["summary", "description", "title"].iter().find_map(|name| alert.annotations.get(*name));
        Some(Self {
            provider: (*provider).into(),
            region: text(&["cloud_region", "region"]).filter(|region: &Arc<str>| &**region != "global"),
            service: text(&["cloud_service", "service", "impactedService"]),
            title: said.cloned().unwrap_or_else(|| alert.name().to_owned()),
            since: alert.starts_at,
            is_open: alert.state.is_open(),
        })
    }

    /// Whether it speaks of this region.
    pub(super) fn is_about(&self, provider: &str, region: &str) -> bool {
        *self.provider == *provider && self.region.as_deref().is_none_or(|of| of == region)
    }
}
