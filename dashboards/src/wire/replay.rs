//! What a stretch of time, replayed, would have told.

use std::collections::BTreeMap;

use isobar_alerting::{Changed, ReceiverDifference, Replay, ReplayedMessage, ToldAlert};
use isobar_normalizer::Severity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{WireTime, schema};

/// Messages of one sort shown of one receiver; all are counted.
const SHOWN_MAX: usize = 500;

/// What is asked. Of what is left out, what runs holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Begin of the stretch.
    pub from: WireTime,
    /// End of it, exclusive.
    pub to: WireTime,
    /// A whole configuration in Alertmanager's grammar, YAML, to route and group by.
    pub alerting: Option<String>,
    /// The files of templates that `alerting` names, by pattern and file name; patterns of the configuration in force need none.
    pub templates: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// Silences in the place of all there were.
    pub silences: Option<Vec<ReplaySilence>>,
    /// A policy file, YAML, whose policies are evaluated over what is stored in the place of what policies said then.
    pub policies: Option<String>,
}

/// A silence to try.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaySilence {
    /// As amtool writes them, `team=db, severity=~"info|warning"`.
    pub matchers: String,
    /// When it begins; with the stretch where it is left out.
    pub starts_at: Option<WireTime>,
    /// When it is over; with the stretch where it is left out.
    pub ends_at: Option<WireTime>,
}

/// What was told then, what would be told now, and what differs. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReplayView {
    /// Begin of the stretch.
    pub from: WireTime,
    /// End of it, exclusive.
    pub to: WireTime,
    /// How many recorded events were run again.
    pub events: u64,
    /// Messages then, to all receivers.
    pub then: u64,
    /// Messages now, to all receivers.
    pub now: u64,
    /// Every receiver that is told anything, then or now, by name.
    pub receivers: Vec<ReplayReceiver>,
    /// What could not be known, in words.
    pub notes: Vec<String>,
}

/// What one receiver was told then, and would be told now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReplayReceiver {
    /// Its name.
    pub receiver: String,
    /// Messages then.
    pub then: u64,
    /// Messages now.
    pub now: u64,
    /// Messages that say the same at the same time.
    pub same: u64,
    /// How many are told now only.
    pub added_total: u64,
    /// How many were told then only.
    pub removed_total: u64,
    /// How many are told at another time, or about other alerts as well.
    pub changed_total: u64,
    /// Those told now only, the first 500.
    pub added: Vec<ReplayMessage>,
    /// Those told then only, the first 500.
    pub removed: Vec<ReplayMessage>,
    /// Those that are another, the first 500.
    pub changed: Vec<ReplayChange>,
}

/// A message that would be another.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReplayChange {
    /// As it was.
    pub then: ReplayMessage,
    /// As it would be.
    pub now: ReplayMessage,
}

/// A notification on one way to its receiver.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReplayMessage {
    /// When it is decided.
    pub at: WireTime,
    /// `pagerduty`, `email`, `webhook` …
    pub channel: String,
    /// Its place in the receiver's list of that channel, from 0.
    pub index: u32,
    /// Alertmanager's group key.
    pub group_key: String,
    /// The labels that make the group.
    pub group_labels: BTreeMap<String, String>,
    /// Why, in Alertmanager's words.
    pub reason: String,
    /// `firing` while anything is open, or `resolved`.
    pub transition: String,
    /// What it is about.
    pub alerts: Vec<ReplayAlert>,
}

/// One alert of a message.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReplayAlert {
    /// Its fingerprint, 16 hex digits.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub id: String,
    /// The `alertname` label.
    pub name: String,
    /// Severity when it is told.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// `firing` or `resolved`.
    pub transition: String,
}

impl ReplayView {
    /// Shows a replay; `notes` is what could not be known.
    pub fn new(replay: &Replay, notes: Vec<String>) -> Self {
        Self {
            from: replay.from.into(),
            to: replay.to.into(),
            events: replay.events as u64,
            then: replay.then.len() as u64,
            now: replay.now.len() as u64,
            receivers: replay.receivers.iter().map(ReplayReceiver::from).collect(),
            notes,
        }
    }
}

impl From<&ReceiverDifference> for ReplayReceiver {
    fn from(one: &ReceiverDifference) -> Self {
        let shown =
            |messages: &[ReplayedMessage]| messages.iter().take(SHOWN_MAX).map(ReplayMessage::from).collect();
        Self {
            receiver: one.receiver.to_string(),
            then: one.then as u64,
            now: one.now as u64,
            same: one.same as u64,
            added_total: one.added.len() as u64,
            removed_total: one.removed.len() as u64,
            changed_total: one.changed.len() as u64,
            added: shown(&one.added),
            removed: shown(&one.removed),
            changed: one.changed.iter().take(SHOWN_MAX).map(ReplayChange::from).collect(),
        }
    }
}

impl From<&Changed> for ReplayChange {
    fn from(changed: &Changed) -> Self {
        Self { then: (&changed.then).into(), now: (&changed.now).into() }
    }
}

impl From<&ReplayedMessage> for ReplayMessage {
    fn from(message: &ReplayedMessage) -> Self {
        let labels = message.group_labels.iter();
        Self {
            at: message.at.into(),
            channel: message.way.channel.to_string(),
            index: message.way.index,
            group_key: message.group_key.to_string(),
            group_labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            reason: message.reason.as_str().to_owned(),
            transition: message.direction.as_str().to_owned(),
            alerts: message.alerts.iter().map(ReplayAlert::from).collect(),
        }
    }
}

impl From<&ToldAlert> for ReplayAlert {
    fn from(alert: &ToldAlert) -> Self {
        Self {
            id: format!("{:016x}", alert.fingerprint),
            name: alert.name.clone(),
            severity: alert.severity,
            transition: alert.direction.as_str().to_owned(),
        }
    }
}
