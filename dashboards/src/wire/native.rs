//! What of an alert is a provider's own, and what it is measured against.

use isobar_alerting::{NativeReport, Threshold};
use isobar_normalizer::{NativeState, Severity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{WireTime, schema};

/// A provider's own alarm that an alert is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NativeView {
    /// The source that reports it.
    pub source: String,
    /// The provider's identity for it.
    pub id: String,
    /// As people named it at the provider.
    pub name: String,
    /// What the provider says of it.
    #[schema(value_type = schema::NativeState)]
    pub state: NativeState,
    /// Its severity in our words.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// Its severity in the provider's own word; empty where it has none.
    pub source_severity: String,
    /// When it entered that state.
    pub since: WireTime,
    /// Whether the provider holds its notifications back: then nobody is told because of it alone.
    pub muted: bool,
    /// Where the provider's console shows it; empty when there is no such page.
    pub url: String,
}

impl From<&NativeReport> for NativeView {
    fn from(alarm: &NativeReport) -> Self {
        Self {
            source: alarm.source.clone(),
            id: alarm.id.clone(),
            name: alarm.name.clone(),
            state: alarm.state,
            severity: alarm.severity,
            source_severity: alarm.source_severity.clone(),
            since: alarm.since.into(),
            muted: alarm.is_muted,
            url: alarm.url.clone(),
        }
    }
}

/// Beyond what a value meets a level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ThresholdView {
    /// The level it belongs to.
    #[schema(value_type = schema::Severity)]
    pub level: Severity,
    /// `>`, `>=`, `<`, `<=`, `==` or `!=`.
    pub operator: String,
    /// In the unit.
    pub value: f64,
    /// The metric's unit, UCUM; empty where it is not known.
    pub unit: String,
}

impl From<&Threshold> for ThresholdView {
    fn from(threshold: &Threshold) -> Self {
        let Threshold { level, operator, value, unit } = threshold;
        Self { level: *level, operator: operator.clone(), value: *value, unit: unit.clone() }
    }
}
