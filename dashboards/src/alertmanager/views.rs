//! The shapes on the wire; the order of fields is Alertmanager's.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_alerting::Silence;
use isobar_normalizer::{Labels, Matcher, Timestamp};
use serde::{Serialize, Serializer};

use crate::backend::{StandingAlert, StandingGroup};
use crate::wire::WireTime;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertBody {
    annotations: BTreeMap<String, String>,
    ends_at: WireTime,
    fingerprint: String,
    receivers: Vec<ReceiverBody>,
    starts_at: WireTime,
    status: AlertStatus,
    updated_at: WireTime,
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    generator_url: String,
    #[serde(serialize_with = "pairs")]
    labels: Labels,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertStatus {
    inhibited_by: Vec<String>,
    muted_by: Vec<String>,
    silenced_by: Vec<String>,
    state: &'static str,
}

#[derive(Serialize)]
pub(super) struct ReceiverBody {
    name: Arc<str>,
}

impl From<Arc<str>> for ReceiverBody {
    fn from(name: Arc<str>) -> Self {
        Self { name }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupBody {
    alerts: Vec<AlertBody>,
    #[serde(serialize_with = "pairs")]
    labels: Labels,
    receiver: ReceiverBody,
    /// Labels of the route, which ours have none of.
    route_labels: BTreeMap<String, String>,
}

impl AlertBody {
    /// `muted_by` are the time intervals that hold its group, where it is shown in one.
    pub(super) fn new(alert: StandingAlert, muted_by: &[String]) -> Self {
        let is_held = !alert.silenced_by.is_empty() || !alert.inhibited_by.is_empty() || !muted_by.is_empty();
        Self {
            annotations: alert.annotations,
            ends_at: alert.ends_at.into(),
            fingerprint: format!("{:016x}", alert.fingerprint),
            receivers: alert.receivers.into_iter().map(ReceiverBody::from).collect(),
            starts_at: alert.starts_at.into(),
            status: AlertStatus {
                inhibited_by: alert.inhibited_by,
                muted_by: muted_by.to_vec(),
                silenced_by: alert.silenced_by,
                state: if is_held { "suppressed" } else { "active" },
            },
            updated_at: alert.updated_at.into(),
            generator_url: alert.generator_url,
            labels: alert.labels,
        }
    }
}

impl From<StandingGroup> for GroupBody {
    fn from(group: StandingGroup) -> Self {
        let muted_by = group.muted_by;
        Self {
            alerts: group.alerts.into_iter().map(|alert| AlertBody::new(alert, &muted_by)).collect(),
            labels: group.labels,
            receiver: group.receiver.into(),
            route_labels: BTreeMap::new(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SilenceBody {
    id: String,
    status: SilenceStatus,
    updated_at: WireTime,
    annotations: BTreeMap<String, String>,
    comment: String,
    created_by: String,
    ends_at: WireTime,
    matchers: Vec<MatcherBody>,
    starts_at: WireTime,
}

#[derive(Serialize)]
struct SilenceStatus {
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MatcherBody {
    is_equal: bool,
    is_regex: bool,
    name: String,
    value: String,
}

impl SilenceBody {
    pub(super) fn new(silence: &Silence, now: Timestamp) -> Self {
        Self {
            id: silence.id.to_string(),
            status: SilenceStatus { state: silence.state(now).as_str() },
            updated_at: silence.updated_at.into(),
            annotations: silence.annotations.clone(),
            comment: silence.comment.clone(),
            created_by: silence.created_by.clone(),
            ends_at: silence.ends_at.into(),
            matchers: silence.matchers.iter().map(MatcherBody::from).collect(),
            starts_at: silence.starts_at.into(),
        }
    }
}

impl From<&Matcher> for MatcherBody {
    fn from(matcher: &Matcher) -> Self {
        Self {
            is_equal: matcher.op().is_equal(),
            is_regex: matcher.op().is_regex(),
            name: matcher.name().to_owned(),
            value: matcher.value().to_owned(),
        }
    }
}

fn pairs<S: Serializer>(labels: &Labels, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(labels.iter())
}
