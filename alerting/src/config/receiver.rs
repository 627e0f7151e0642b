//! `receivers` as they are written: a name, and the lists of the channels.

use std::fmt;
use std::sync::Arc;

use isobar_normalizer::ConfigError;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::entry::Entry;
use super::global::Global;
use super::keys::{Grammar, refuse_unsupported};
use super::{Integration, Receiver};
use crate::notify::{
    DingTalk, Feishu, NOTIFIER_KINDS, RawCloudEvents, RawDiscord, RawEmail, RawIntegration, RawPagerDuty,
    RawRobot, RawSlack, RawStandardWebhook, RawTeams, RawTelegram, RawWebhook, WeCom,
};

/// Reads the list that stands under the key of a channel. A new channel adds its line.
fn entries<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Vec<Pending>, A::Error> {
    match key {
        "cloudevents_configs" => list::<RawCloudEvents, A>(map),
        "dingtalk_configs" => list::<RawRobot<DingTalk>, A>(map),
        "discord_configs" => list::<RawDiscord, A>(map),
        "email_configs" => list::<RawEmail, A>(map),
        "feishu_configs" => list::<RawRobot<Feishu>, A>(map),
        "msteamsv2_configs" => list::<RawTeams, A>(map),
        "pagerduty_configs" => list::<RawPagerDuty, A>(map),
        "slack_configs" => list::<RawSlack, A>(map),
        "standard_webhook_configs" => list::<RawStandardWebhook, A>(map),
        "telegram_configs" => list::<RawTelegram, A>(map),
        "webhook_configs" => list::<RawWebhook, A>(map),
        "wecom_configs" => list::<RawRobot<WeCom>, A>(map),
        _ => Err(A::Error::custom(format_args!("nothing reads {key}"))),
    }
}

const LATER: &str =
    "use webhook_configs, slack_configs, msteamsv2_configs, pagerduty_configs or email_configs";

/// Channels of Alertmanager that are not here.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("incidentio_configs", LATER),
    ("jira_configs", LATER),
    ("mattermost_configs", LATER),
    ("msteams_configs", "what it told is retired, use msteamsv2_configs"),
    ("opsgenie_configs", LATER),
    ("pushover_configs", LATER),
    ("rocketchat_configs", LATER),
    ("sns_configs", LATER),
    ("victorops_configs", LATER),
    ("webex_configs", LATER),
    ("wechat_configs", "use wecom_configs for a group robot, or another channel"),
];

/// An entry as its channel reads it, waiting for what it inherits.
type Pending = Box<dyn FnOnce(&Global) -> Result<Integration, ConfigError>>;

fn list<'de, R, A>(map: &mut A) -> Result<Vec<Pending>, A::Error>
where
    R: RawIntegration + Grammar + Deserialize<'de> + 'static,
    A: MapAccess<'de>,
{
    let read: Option<Vec<Spanned<Entry<R>>>> = map.next_value()?;
    let pending = |(index, entry): (usize, Spanned<Entry<R>>)| -> Pending {
        Box::new(move |global| {
            let Spanned { value: Entry { own, terms }, referenced, .. } = entry;
            let settings = own.check(referenced, global)?;
            let index = u32::try_from(index).expect("a list of four billion entries does not fit a file");
            Ok(Integration { index, terms: terms.check(settings.kind())?, settings })
        })
    };
    Ok(read.unwrap_or_default().into_iter().enumerate().map(pending).collect())
}

#[derive(Default)]
pub(super) struct RawReceiver {
    pub(super) name: Option<Spanned<String>>,
    /// Our own addition.
    pub(super) fallback: Option<Spanned<String>>,
    /// By their keys, in the order they are written.
    lists: Vec<(&'static str, Vec<Pending>)>,
}

impl RawReceiver {
    /// Whether anything stands in the list of this key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.lists.iter().any(|(known, list)| *known == key && !list.is_empty())
    }

    /// Checks every entry.
    pub(super) fn check(self, name: Arc<str>, global: &Global) -> Result<Receiver, ConfigError> {
        let pending = self.lists.into_iter().flat_map(|(_, list)| list);
        Ok(Receiver {
            name,
            integrations: pending.map(|entry| entry(global)).collect::<Result<_, _>>()?,
            fallback: self.fallback.map(|fallback| fallback.value.into()),
        })
    }
}

/// Entries may hold secrets; only how many there are is shown.
impl fmt::Debug for RawReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<(&str, usize)> = self.lists.iter().map(|(key, list)| (*key, list.len())).collect();
        f.debug_struct("RawReceiver")
            .field("name", &self.name)
            .field("lists", &counts)
            .finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for RawReceiver {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReceiverVisitor)
    }
}

struct ReceiverVisitor;

impl<'de> Visitor<'de> for ReceiverVisitor {
    type Value = RawReceiver;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a receiver")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawReceiver, A::Error> {
        let mut receiver = RawReceiver::default();
        while let Some(key) = map.next_key()? {
            match key {
                Key::Name => receiver.name = map.next_value()?,
                Key::Fallback => receiver.fallback = map.next_value()?,
                Key::List(key) => receiver.lists.push((key, entries(key, &mut map)?)),
            }
        }
        Ok(receiver)
    }
}

/// A key of a receiver.
enum Key {
    Name,
    Fallback,
    List(&'static str),
}

impl<'de> Deserialize<'de> for Key {
    /// Refuses inside the key, because that is when the parser knows the key's place.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        refuse_unsupported(&key, UNSUPPORTED).map_err(D::Error::custom)?;
        let lists = || NOTIFIER_KINDS.iter().map(|kind| kind.config_key());
        match key.as_str() {
            "name" => Ok(Self::Name),
            "fallback" => Ok(Self::Fallback),
            key => lists().find(|list| *list == key).map(Self::List).ok_or_else(|| {
                let known = lists().collect::<Vec<_>>().join(", ");
                D::Error::custom(format_args!("unknown key {key}: a receiver has name, fallback, {known}"))
            }),
        }
    }
}
