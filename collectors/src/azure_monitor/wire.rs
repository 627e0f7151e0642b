//! What Azure answers, as serde reads it. Sources: REST reference of Azure Monitor 2024-02-01 (Metrics - List, Metrics Batch,
//! Metric Definitions - List), Resource Graph 2021-03-01, Resources - List 2021-04-01, Subscriptions - List 2022-12-01, Alerts
//! Management 2019-05-05-preview.

use std::collections::BTreeMap;

use isobar_normalizer::Timestamp;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A list in pages.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) value: Vec<T>,
    #[serde(rename = "nextLink", default)]
    pub(super) next_link: Option<String>,
}

/// The answer of `metrics:getBatch`.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    pub(super) values: Vec<ResourceMetrics>,
}

/// The metrics of one resource; also the answer of Metrics - List, which leaves the id out.
#[derive(Debug, Deserialize)]
pub(super) struct ResourceMetrics {
    #[serde(default)]
    pub(super) resourceid: String,
    pub(super) value: Vec<Metric>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metric {
    pub(super) name: Name,
    #[serde(default)]
    pub(super) timeseries: Vec<TimeSeries>,
    /// A metric may fail inside a success.
    #[serde(default)]
    pub(super) error_code: Option<String>,
    #[serde(default)]
    pub(super) error_message: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Name {
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct TimeSeries {
    #[serde(default)]
    pub(super) metadatavalues: Vec<Metadata>,
    #[serde(default)]
    pub(super) data: Vec<Point>,
}

/// A dimension, its name in lower case.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) name: Name,
    #[serde(default)]
    pub(super) value: String,
}

/// What was measured in one grain; nothing at all is common for the newest.
#[derive(Debug, Deserialize)]
pub(super) struct Point {
    /// START of the grain.
    #[serde(rename = "timeStamp", deserialize_with = "time")]
    pub(super) start: Timestamp,
    #[serde(default, deserialize_with = "value")]
    pub(super) average: Option<f64>,
    #[serde(default, deserialize_with = "value")]
    pub(super) minimum: Option<f64>,
    #[serde(default, deserialize_with = "value")]
    pub(super) maximum: Option<f64>,
    #[serde(default, deserialize_with = "value")]
    pub(super) total: Option<f64>,
    #[serde(default, deserialize_with = "value")]
    pub(super) count: Option<f64>,
}

/// A number, or a word that stands for what JSON has no number for: it is no value, and no reason to lose the others.
fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Word(String),
    }
    match Option::<Written>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Written::Number(number)) => Ok(Some(number)),
        Some(Written::Word(word)) if matches!(&*word, "NaN" | "Infinity" | "-Infinity") => Ok(Some(f64::NAN)),
        Some(Written::Word(word)) => Err(D::Error::custom(format!("{word:?} is not a number"))),
    }
}

/// RFC 3339 with up to seven digits of a second.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    Timestamp::parse_rfc3339(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is not a time")))
}

/// What a type of resource measures.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Definition {
    pub(super) name: Name,
    #[serde(default)]
    pub(super) supported_aggregation_types: Vec<String>,
    #[serde(default)]
    pub(super) metric_availabilities: Vec<Availability>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Availability {
    #[serde(default)]
    pub(super) time_grain: String,
}

/// A query of Resource Graph.
#[derive(Debug, Serialize)]
pub(super) struct GraphQuery<'a> {
    pub(super) subscriptions: [&'a str; 1],
    pub(super) query: &'a str,
    pub(super) options: GraphOptions<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct GraphOptions<'a> {
    #[serde(rename = "$top")]
    pub(super) top: u32,
    #[serde(rename = "$skipToken", skip_serializing_if = "Option::is_none")]
    pub(super) skip_token: Option<&'a str>,
    #[serde(rename = "resultFormat")]
    pub(super) result_format: &'static str,
}

/// The answer of Resource Graph.
#[derive(Debug, Deserialize)]
pub(super) struct Graph {
    pub(super) data: Vec<ArmResource>,
    #[serde(rename = "$skipToken", default)]
    pub(super) skip_token: Option<String>,
    /// `"true"` as text.
    #[serde(rename = "resultTruncated", default)]
    pub(super) result_truncated: Value,
}

impl Graph {
    /// Whether there is more than was given.
    pub(super) fn is_truncated(&self) -> bool {
        self.result_truncated == Value::Bool(true) || self.result_truncated == "true"
    }
}

/// A resource as Resource Graph and Azure Resource Manager list it.
#[derive(Debug, Deserialize)]
pub(super) struct ArmResource {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) location: Option<String>,
    #[serde(default)]
    pub(super) tags: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    pub(super) zones: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subscription {
    pub(super) subscription_id: String,
    #[serde(default)]
    pub(super) state: String,
}

/// An alert of Alerts Management.
#[derive(Debug, Deserialize)]
pub(super) struct Alert {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    pub(super) properties: AlertProperties,
}

#[derive(Debug, Deserialize)]
pub(super) struct AlertProperties {
    pub(super) essentials: Essentials,
    #[serde(default)]
    pub(super) context: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct Essentials {
    pub(super) severity: Option<String>,
    pub(super) signal_type: Option<String>,
    pub(super) alert_state: Option<String>,
    pub(super) monitor_condition: Option<String>,
    pub(super) target_resource: Option<String>,
    pub(super) monitor_service: Option<String>,
    pub(super) alert_rule: Option<String>,
    pub(super) start_date_time: Option<String>,
    pub(super) last_modified_date_time: Option<String>,
    pub(super) monitor_condition_resolved_date_time: Option<String>,
    pub(super) last_modified_user_name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) action_status: Option<ActionStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ActionStatus {
    pub(super) is_suppressed: bool,
}
