//! Where alerts go: the tree of routes, what it does with an alert, and the receivers.

use std::collections::BTreeMap;
use std::sync::Arc;

use isobar_alerting::{Grouping, Route, Stage, TestStage};
use isobar_normalizer::Severity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{WireTime, schema};

/// The routes in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RoutingView {
    /// The root, which takes every alert.
    pub route: RouteView,
    /// The configuration in force as YAML, secrets as `<secret>`.
    pub config: String,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteView {
    /// Where it stands: `route`, `route.routes[0]` …
    pub place: String,
    /// Who is told.
    pub receiver: String,
    /// Its own conditions, as they are written; all must match.
    pub matchers: Vec<String>,
    /// Labels that make a group; `...` alone stands for all of them.
    pub group_by: Vec<String>,
    /// How long a new group waits for company, in seconds.
    pub group_wait: f64,
    /// How long a group that was looked at rests, in seconds.
    pub group_interval: f64,
    /// How long an unchanged group stays quiet, in seconds.
    pub repeat_interval: f64,
    /// Whether later siblings are tried after this one matched.
    #[serde(rename = "continue")]
    pub go_on: bool,
    /// Names of the time intervals in which it is muted.
    pub mute_intervals: Vec<String>,
    /// Names of the time intervals outside of which it is muted; none means never.
    pub active_intervals: Vec<String>,
    /// Open alerts that end here.
    pub alerts: u64,
    /// Tried in order.
    #[schema(no_recursion)]
    pub routes: Vec<RouteView>,
}

impl RouteView {
    /// The route that stands at `place`; `alerts` says how many open alerts end at the one that stands somewhere.
    pub(crate) fn new(route: &Route, place: String, alerts: &dyn Fn(&str) -> u64) -> Self {
        let names = |names: &[Arc<str>]| names.iter().map(|name| name.to_string()).collect();
        let children = route.children.iter().enumerate();
        Self {
            routes: children
                .map(|(index, child)| Self::new(child, format!("{place}.routes[{index}]"), alerts))
                .collect(),
            receiver: route.receiver.to_string(),
            matchers: route
                .matchers
                .iter()
                .map(|one| format!("{}{}{:?}", one.name(), one.op(), one.value()))
                .collect(),
            group_by: group_by(route),
            group_wait: route.timing.group_wait.as_secs_f64(),
            group_interval: route.timing.group_interval.as_secs_f64(),
            repeat_interval: route.timing.repeat_interval.as_secs_f64(),
            go_on: route.go_on,
            mute_intervals: names(&route.mute_intervals),
            active_intervals: names(&route.active_intervals),
            alerts: alerts(&place),
            place,
        }
    }
}

/// The labels that make a route's groups.
pub(crate) fn group_by(route: &Route) -> Vec<String> {
    match &route.grouping {
        Grouping::All => vec!["...".to_owned()],
        Grouping::By(labels) => labels.iter().map(|label| label.to_string()).collect(),
    }
}

/// What is to be previewed: `labels`, or `config`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoutePreviewRequest {
    /// Who would get an alert with these labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub labels: Option<BTreeMap<String, String>>,
    /// A whole configuration in Alertmanager's grammar, YAML: what would go elsewhere. It may name the templates of the one in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub config: Option<String>,
    /// Of `config`: of the alerts of so many hours, 1 to 24; 24 where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 24)]
    pub hours: Option<u64>,
}

/// The answer to one of both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RoutePreview {
    /// For labels.
    Who(WhoAnswer),
    /// For a configuration.
    Changed(ChangedAnswer),
}

/// Who would get an alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhoAnswer {
    /// Every route that was asked, in order.
    pub path: Vec<RouteStep>,
    /// Who would be told.
    pub receivers: Vec<ToldView>,
    /// Ids of the silences that would hold it.
    pub silenced_by: Vec<String>,
    /// Fingerprints of the alerts that would inhibit it.
    pub inhibited_by: Vec<String>,
}

/// What one route said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteStep {
    /// Where it stands.
    pub place: String,
    /// Its receiver.
    pub receiver: String,
    /// Whether its conditions hold.
    pub is_match: bool,
    /// The condition that refused; or whether its receiver is told, or that of a route under it.
    pub detail: String,
}

/// A receiver that is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ToldView {
    /// The receiver.
    pub receiver: String,
    /// The route that leads to it.
    pub place: String,
    /// Labels that make the group.
    pub group_by: Vec<String>,
    /// Names of the time intervals because of which it is not told now.
    pub muted_by: Vec<String>,
}

/// What would go elsewhere under another configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangedAnswer {
    /// How many alerts were looked at.
    pub alerts: u64,
    /// How many of them would go elsewhere.
    pub changed: u64,
    /// How many alerts each receiver gets.
    pub receivers: Vec<ReceiverChange>,
    /// The alerts that would go elsewhere, at most 200.
    pub moved: Vec<RouteChange>,
}

/// How many alerts a receiver gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiverChange {
    /// The receiver.
    pub receiver: String,
    /// Now.
    pub before: u64,
    /// Then.
    pub after: u64,
}

/// An alert that would go elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RouteChange {
    /// The alert's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How bad it is.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// Every label routing sees.
    pub labels: BTreeMap<String, String>,
    /// Who gets it now.
    pub before: Vec<String>,
    /// Who would.
    pub after: Vec<String>,
}

/// A receiver, and how its channels do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReceiverView {
    /// Its name.
    pub name: String,
    /// The ways it is told; none where it swallows alerts.
    pub channels: Vec<ReceiverChannel>,
    /// Routes that end at it; none means nobody is ever told there.
    pub routes: u64,
}

/// One way to tell a receiver. What is counted are the deliveries that are remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReceiverChannel {
    /// `pagerduty`, `email`, `webhook` …
    pub channel: String,
    /// Its place in the list of its channel, from 0.
    pub index: u32,
    /// Where it leads: a host, or mail addresses; never what may be a secret, as paths are. Null while a changed configuration is put
    /// into effect.
    #[schema(required)]
    pub target: Option<String>,
    /// Deliveries that wait to be sent for the first time.
    pub queued: u64,
    /// Deliveries that failed and are tried again.
    pub failed: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// Deliveries that were sent within the last hour.
    pub sent_last_hour: u64,
    /// When one was last sent; null when none was.
    #[schema(required)]
    pub last_sent_at: Option<WireTime>,
    /// What the latest failed try ran into; null when none failed.
    #[schema(required)]
    pub last_error: Option<String>,
    /// When that was; null when none failed.
    #[schema(required)]
    pub last_error_at: Option<WireTime>,
}

/// What is said to a test: that it is meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestRequest {}

/// How a test of a receiver went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestAnswer {
    /// Each channel, in order.
    pub results: Vec<TestResult>,
}

/// How a test of one channel went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestResult {
    /// `pagerduty`, `email`, `webhook` …
    pub channel: String,
    /// Its place in the list of its channel, from 0.
    pub index: u32,
    /// Whether the receiver has taken the message.
    pub is_taken: bool,
    /// How far it came: `config`, `render`, `connect`, `send` or `answer`.
    pub stage: String,
    /// What went wrong there, or what the receiver answered.
    pub detail: String,
    /// What was looked at, in order.
    pub stages: Vec<TestStep>,
}

/// One stage of a test of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestStep {
    /// `config`, `render`, `connect`, `send` or `answer`.
    pub stage: String,
    /// Whether it is in order.
    pub is_ok: bool,
    /// How long it took, in milliseconds; null for what is counted with the last stage: writing, sending and being answered are one
    /// call.
    #[schema(required)]
    pub took_ms: Option<u64>,
}

impl TestAnswer {
    /// The last stage of each channel says how it went.
    pub fn new(stages: &[TestStage]) -> Self {
        let mut results: Vec<TestResult> = Vec::new();
        for stage in stages {
            let way = &stage.integration;
            let took_ms = stage.took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            let step = TestStep { stage: stage.stage.as_str().to_owned(), is_ok: stage.is_ok, took_ms };
            let result = TestResult {
                channel: way.channel.to_string(),
                index: way.index,
                is_taken: stage.is_ok && stage.stage == Stage::Answer,
                stage: stage.stage.as_str().to_owned(),
                detail: stage.detail.clone(),
                stages: vec![step],
            };
            match results
                .last_mut()
                .filter(|last| last.channel == result.channel && last.index == result.index)
            {
                Some(last) => {
                    let before = std::mem::take(&mut last.stages);
                    *last = TestResult { stages: [before, result.stages].concat(), ..result };
                }
                None => results.push(result),
            }
        }
        Self { results }
    }
}
