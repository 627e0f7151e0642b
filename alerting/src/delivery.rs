//! What is told to whom, and how each telling fares: the two records the journal keeps about paging.
//!
//! A [`Notification`] is what a receiver is told about a group at one moment, whole, so that it can be sent again as it
//! was. A [`Delivery`] is its way to one integration of the receiver. Both are journalled before anything is sent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use isobar_normalizer::{Labels, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::alert::Alert;

/// The one tenant there is so far; part of every key, so that keys stay the same when there are more.
const TENANT: &str = "default";

/// A group as one receiver sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupId {
    /// Alertmanager's group key, `{}/{severity="critical"}:{alertname="X"}`.
    pub key: Arc<str>,
    /// Name of the receiver.
    pub receiver: Arc<str>,
}

/// One way to reach a receiver: the n-th entry of its `…_configs` list of a channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IntegrationId {
    /// Name of the receiver.
    pub receiver: Arc<str>,
    /// `pagerduty`, `email`, `webhook`.
    pub channel: Arc<str>,
    /// Place in the list, from 0.
    pub index: u32,
}

/// `receiver/channel[index]`.
impl fmt::Display for IntegrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}[{}]", self.receiver, self.channel, self.index)
    }
}

/// Why a receiver is told. The words are Alertmanager's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Nothing of the group was open for the receiver before.
    #[serde(rename = "first notification")]
    First,
    /// An alert joined, or one became worse.
    #[serde(rename = "new alerts added")]
    NewAlerts,
    /// Some of the alerts it knows are over, others are not.
    #[serde(rename = "some alerts resolved")]
    SomeResolved,
    /// All alerts it knows are over.
    #[serde(rename = "all alerts resolved")]
    AllResolved,
    /// Nothing changed for as long as `repeat_interval`.
    #[serde(rename = "repeat interval elapsed")]
    Repeat,
    /// Somebody has taken everything that is open. Not Alertmanager's.
    #[serde(rename = "acknowledged")]
    Acknowledged,
}

impl Reason {
    /// The words that payloads and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first notification",
            Self::NewAlerts => "new alerts added",
            Self::SomeResolved => "some alerts resolved",
            Self::AllResolved => "all alerts resolved",
            Self::Repeat => "repeat interval elapsed",
            Self::Acknowledged => "acknowledged",
        }
    }

    /// Whether only receivers that want to hear of the end are told.
    pub(crate) fn is_resolve(self) -> bool {
        matches!(self, Self::SomeResolved | Self::AllResolved)
    }
}

/// Whether a notification says that something is wrong, that somebody has taken it, or that all is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// At least one alert is open.
    Firing,
    /// What is open is in somebody's hands.
    Acknowledged,
    /// Every alert is over.
    Resolved,
}

impl Direction {
    /// The word that payloads and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

/// One alert as a receiver is told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotifiedAlert {
    /// Of the identity labels; 16 hex digits in JSON.
    #[serde(with = "fingerprint")]
    pub fingerprint: u64,
    /// Open or over.
    pub direction: Direction,
    /// Severity when it was told.
    pub severity: Severity,
    /// All labels, see [`Alert::labels`].
    #[serde(serialize_with = "crate::alert::write_labels", deserialize_with = "crate::alert::read_labels")]
    pub labels: Labels,
    /// Rendered annotations.
    pub annotations: BTreeMap<String, String>,
    /// When it began, event time.
    pub starts_at: Timestamp,
    /// When it ended; absent while open.
    pub ends_at: Option<Timestamp>,
    /// Event time of its latest transition.
    pub updated_at: Timestamp,
    /// Where its sender shows what raised it, empty when it does not say; absent of what Isobar raised itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_url: Option<String>,
}

impl NotifiedAlert {
    /// The alert as it is now.
    pub fn of(alert: &Alert) -> Self {
        let open = alert.state.is_open();
        Self {
            fingerprint: alert.fingerprint(),
            direction: if open { Direction::Firing } else { Direction::Resolved },
            severity: alert.severity,
            labels: alert.labels(),
            annotations: alert.annotations.clone(),
            starts_at: alert.starts_at,
            ends_at: if open { None } else { Some(alert.ends_at.unwrap_or(alert.updated_at)) },
            updated_at: alert.updated_at,
            generator_url: alert.pushed.as_ref().map(|pushed| pushed.generator_url.clone()),
        }
    }

    /// The same alert as over since then.
    #[must_use]
    pub fn ended(&self, at: Timestamp) -> Self {
        Self { direction: Direction::Resolved, ends_at: Some(at), updated_at: at, ..self.clone() }
    }

    /// Whether it is open.
    pub fn is_firing(&self) -> bool {
        self.direction == Direction::Firing
    }

    /// As JSON it has at most so many bytes; found without writing it.
    fn bytes_max(&self) -> usize {
        let labels = self.labels.iter();
        let annotations = self.annotations.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs = labels.chain(annotations).map(|(name, value)| quoted_bytes(name) + quoted_bytes(value));
        FIXED_BYTES + pairs.sum::<usize>()
    }
}

/// More than the JSON of an alert takes beside its labels and annotations.
const FIXED_BYTES: usize = 512;

/// The bytes of a text and what follows it in JSON: a control character is written as six, a quote or backslash as two.
pub(crate) fn quoted_bytes(text: &str) -> usize {
    let written = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(written).sum::<usize>() + 3
}

/// What a receiver is told about a group at one moment. The journal keeps it as [`NotificationPart`]s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Unique; 32 hex digits made of group, receiver and time.
    pub id: Arc<str>,
    /// Which group, for whom.
    pub group: GroupId,
    /// The labels that make the group.
    #[serde(serialize_with = "crate::alert::write_labels", deserialize_with = "crate::alert::read_labels")]
    pub group_labels: Labels,
    /// When it was decided, processing time.
    pub at: Timestamp,
    /// The group's alerts in label order, the ones that ended since it was looked at last included.
    pub alerts: Vec<Arc<NotifiedAlert>>,
    /// The integrations it concerns.
    pub told: Vec<Told>,
}

/// What one integration learns from a notification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// `pagerduty`, `email`, `webhook`.
    pub channel: Arc<str>,
    /// Place in the receiver's list of that channel.
    pub index: u32,
    /// When the group's first notification since it was last quiet was decided. One episode is one PagerDuty incident.
    pub episode: Timestamp,
    /// Why.
    pub reason: Reason,
    /// When it was last sent something: `at` of the notification, or earlier where `delivery` is absent.
    pub sent_at: Timestamp,
    /// Id of the delivery; absent when the integration does not want to hear of resolved alerts and only the log of what
    /// it knows moves on.
    pub delivery: Option<Arc<str>>,
    /// Whether it was told that somebody has taken everything that is open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_acknowledged: bool,
}

impl Notification {
    /// Whether something is still wrong.
    pub fn direction(&self) -> Direction {
        if self.alerts.iter().any(|alert| alert.is_firing()) {
            Direction::Firing
        } else {
            Direction::Resolved
        }
    }
}

/// A notification, or a part of one, as the journal takes it: alerts are spread over as many records as their size needs.
/// Payload of [`crate::KIND_NOTIFICATION`], JSON. All parts are in one append.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotificationPart {
    /// Counts from 1.
    pub part: u32,
    /// How many there are.
    pub parts: u32,
    /// Everything but `alerts` is the same in each part.
    pub notification: Notification,
}

/// So many bytes of alerts go into one part, unless one alert is larger: the journal takes 1 MiB, an alert is at most 64 KiB.
const PART_BYTES: usize = 512 << 10;

impl Notification {
    /// The records that hold the notification.
    pub fn parts(&self) -> Vec<NotificationPart> {
        let mut groups: Vec<Vec<Arc<NotifiedAlert>>> = vec![Vec::new()];
        let mut size = 0;
        for alert in &self.alerts {
            let written = alert.bytes_max();
            if size > 0 && size + written > PART_BYTES {
                groups.push(Vec::new());
                size = 0;
            }
            size += written;
            groups.last_mut().expect("there is always one").push(Arc::clone(alert));
        }
        let parts = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        let numbered = (1..).zip(groups);
        numbered
            .map(|(part, alerts)| NotificationPart {
                part,
                parts,
                notification: Notification {
                    id: Arc::clone(&self.id),
                    group: self.group.clone(),
                    group_labels: self.group_labels.clone(),
                    at: self.at,
                    alerts,
                    told: self.told.clone(),
                },
            })
            .collect()
    }
}

/// Joins the parts of notifications as they come from the journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct NotificationParts(Option<Notification>);

impl NotificationParts {
    /// The whole notification once its last part is there.
    pub(crate) fn join(&mut self, part: NotificationPart) -> Option<Notification> {
        let begun = self.0.take().filter(|begun| part.part > 1 && begun.id == part.notification.id);
        let joined = match begun {
            None => part.notification,
            Some(mut begun) => {
                begun.alerts.extend(part.notification.alerts);
                begun
            }
        };
        if part.part == part.parts {
            return Some(joined);
        }
        self.0 = Some(joined);
        None
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not tried yet.
    Queued,
    /// The receiver took it.
    Sent,
    /// Tried in vain; will be tried again.
    Failed,
    /// Given up. Kept, and can be sent again by hand.
    Dead,
}

impl DeliveryState {
    /// The word the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }

    /// Whether it will not be tried again by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Sent | Self::Dead)
    }
}

/// What the receiver answered when it took a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// HTTP status, or SMTP reply code.
    pub status: u16,
    /// The beginning of the answer.
    pub body: String,
    /// The receiver's own name for what it took, where it gives one (`dedup_key`, queue id).
    pub provider_id: Option<String>,
}

/// The way of one notification to one integration. Payload of [`crate::KIND_DELIVERY`], JSON; the last record of an id holds.
///
/// What is sent is made from the notification, the configuration and `idempotency_key` alone, so that the same delivery
/// makes the same request however often it is tried; secrets are never in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Unique; 32 hex digits.
    pub id: Arc<str>,
    /// Id of the [`Notification`] it carries.
    pub notification: Arc<str>,
    /// Alertmanager's group key.
    pub group_key: Arc<str>,
    /// Id of the incident, once there are incidents.
    pub incident: Option<String>,
    /// Where to.
    pub integration: IntegrationId,
    /// Firing or resolved.
    pub transition: Direction,
    /// Why.
    pub reason: Reason,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// What the receiver knows it by: the same for every try, so that a second try is never a second page.
    pub idempotency_key: Arc<str>,
    /// When it was last tried.
    pub tried_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it may be tried (again).
    pub next_attempt_at: Timestamp,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it was last queued: `created_at`, or when it was sent again by hand. Giving up counts from here.
    pub queued_at: Timestamp,
    /// When the receiver took it.
    pub sent_at: Option<Timestamp>,
    /// What the receiver answered then.
    pub receipt: Option<Receipt>,
    /// Id of the digest it was told in, where what waited was told in one message. Not sent means that the digest was
    /// refused; then it is tried on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Arc<str>>,
    /// The receiver that was told instead, because every way of its own failed. It is tried here all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_to: Option<Arc<str>>,
    /// The receiver whose every way failed, where this is its fallback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_for: Option<Arc<str>>,
}

/// How far one idempotency key reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyScope {
    /// Each notification has its own: the receiver takes a known key for a repetition and drops it.
    Notification,
    /// All notifications of a group from first to resolved share one: the receiver keeps one incident by it.
    Episode,
}

/// The key of a notification for a group.
pub(crate) fn notification_id(group: &GroupId, at: Timestamp) -> Arc<str> {
    digest(&["notification", &group.key, &group.receiver, &at.millis().to_string()])
}

/// The key of the notification that tells one integration that a group is in somebody's hands.
pub(crate) fn acknowledgement_id(group: &GroupId, way: &IntegrationId, at: Timestamp) -> Arc<str> {
    let (index, at) = (way.index.to_string(), at.millis().to_string());
    digest(&["acknowledgement", &group.key, &group.receiver, &way.channel, &index, &at])
}

/// The id of a delivery.
pub(crate) fn delivery_id(notification: &str, integration: &IntegrationId) -> Arc<str> {
    digest(&["delivery", notification, &integration.channel, &integration.index.to_string()])
}

/// The id of a delivery to a fallback.
pub(crate) fn fallback_delivery_id(notification: &str, way: &IntegrationId) -> Arc<str> {
    digest(&["fallback", notification, &way.receiver, &way.channel, &way.index.to_string()])
}

/// The id of a digest of these deliveries.
pub(crate) fn digest_id<'a>(deliveries: impl Iterator<Item = &'a str>) -> Arc<str> {
    let parts: Vec<&str> = std::iter::once("digest").chain(deliveries).collect();
    digest(&parts)
}

/// What a receiver knows the delivery by.
pub(crate) fn idempotency_key(
    scope: KeyScope,
    group: &GroupId,
    integration: &IntegrationId,
    episode: Timestamp,
    at: Timestamp,
) -> Arc<str> {
    let moment = match scope {
        KeyScope::Notification => at,
        KeyScope::Episode => episode,
    };
    let (index, moment) = (integration.index.to_string(), moment.millis().to_string());
    let key = digest(&["key", &group.key, &group.receiver, &integration.channel, &index, &moment]);
    format!("isobar-{key}").into()
}

/// 32 hex digits of SHA-256 over the tenant and the parts, each ended so that no two lists of parts meet.
fn digest(parts: &[&str]) -> Arc<str> {
    let mut hash = Sha256::new();
    for part in [TENANT].iter().chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..16]).into()
}

/// A fingerprint is 16 hex digits in JSON: not every reader has 64-bit integers.
pub(crate) mod fingerprint {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(fingerprint: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{fingerprint:016x}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

/// Several fingerprints, each as one is.
pub(crate) mod fingerprints {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct One(#[serde(with = "super::fingerprint")] u64);

    pub(crate) fn serialize<S: Serializer>(fingerprints: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(fingerprints.iter().copied().map(One))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
        Ok(Vec::<One>::deserialize(deserializer)?.into_iter().map(|One(fingerprint)| fingerprint).collect())
    }
}
