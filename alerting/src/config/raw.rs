//! The text of the configuration as serde reads it, before anything is checked.

use std::path::PathBuf;

use isobar_normalizer::Secret;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::entry::Entry;
use super::http::{RawHttp, RawTls};
use super::inhibit::RawInhibitRule;
use super::keys::{Checked, Grammar};
use super::matchers::{EqualTo, Matching};
use super::value::nullable;
use crate::enrich::RawLookup;
use crate::interval::Period;
use crate::notify::{
    DingTalk, Feishu, RawCloudEvents, RawDiscord, RawEmail, RawPagerDuty, RawRobot, RawSlack,
    RawStandardWebhook, RawTeams, RawTelegram, RawWebhook, WeCom,
};

const REMOVE: &str = "remove it, it would have no effect";
const LATER_RECEIVER: &str =
    "use webhook_configs, slack_configs, msteamsv2_configs, pagerduty_configs or email_configs";

/// The whole file, or the same keys inline.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) file: Option<Spanned<PathBuf>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) global: Checked<RawGlobal>,
    pub(super) route: Option<Spanned<Checked<RawRoute>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) receivers: Vec<Checked<RawReceiver>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) inhibit_rules: Vec<RawInhibitRule>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) time_intervals: Vec<RawTimeInterval>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) mute_time_intervals: Vec<RawTimeInterval>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) templates: Vec<Spanned<String>>,
    pub(super) heartbeat: Option<RawHeartbeat>,
    pub(super) native: Option<Spanned<RawTableFile>>,
    pub(super) classify: Option<Spanned<RawTableFile>>,
    pub(super) silences: Option<RawSilences>,
    pub(super) flapping: Option<RawFlapping>,
    pub(super) enrich: Option<Spanned<Vec<RawLookup>>>,
}

/// Our own addition: what class and severity providers' own alarms get, or alerts that are sent here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTableFile {
    pub(super) file: PathBuf,
}

/// Our own addition: what silences may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSilences {
    pub(super) max_length: Option<Spanned<String>>,
}

/// Our own addition: when an alert flaps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFlapping {
    pub(super) changes: Option<Spanned<usize>>,
    pub(super) within: Option<Spanned<String>>,
}

impl Grammar for RawFile {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] =
        &[("event_recorder", "remove it, the journal records every notification"), ("tracing", REMOVE)];
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGlobal {
    pub(super) resolve_timeout: Option<Spanned<String>>,
    pub(super) http_config: Option<Spanned<Checked<RawHttp>>>,
    pub(super) pagerduty_url: Option<Spanned<String>>,
    pub(super) telegram_api_url: Option<Spanned<String>>,
    pub(super) telegram_bot_token: Option<Secret>,
    pub(super) telegram_bot_token_file: Option<Spanned<PathBuf>>,
    pub(super) slack_api_url: Option<Secret>,
    pub(super) slack_api_url_file: Option<Spanned<PathBuf>>,
    pub(super) smtp_from: Option<Spanned<String>>,
    pub(super) smtp_hello: Option<Spanned<String>>,
    pub(super) smtp_smarthost: Option<Spanned<String>>,
    pub(super) smtp_auth_username: Option<String>,
    pub(super) smtp_auth_password: Option<Secret>,
    pub(super) smtp_auth_password_file: Option<Spanned<PathBuf>>,
    pub(super) smtp_require_tls: Option<bool>,
    pub(super) smtp_tls_config: Option<Checked<RawTls>>,
    pub(super) smtp_force_implicit_tls: Option<bool>,
}

impl Grammar for RawGlobal {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[
        ("smtp_auth_secret", "CRAM-MD5 is not offered, use smtp_auth_password"),
        ("smtp_auth_identity", REMOVE),
        ("slack_app_token", REMOVE),
        ("slack_app_token_file", REMOVE),
        ("slack_app_url", REMOVE),
        ("victorops_api_key", REMOVE),
        ("victorops_api_key_file", REMOVE),
        ("victorops_api_url", REMOVE),
        ("opsgenie_api_key", REMOVE),
        ("opsgenie_api_key_file", REMOVE),
        ("opsgenie_api_url", REMOVE),
        ("wechat_api_url", REMOVE),
        ("wechat_api_secret", REMOVE),
        ("wechat_api_secret_file", REMOVE),
        ("wechat_api_corp_id", REMOVE),
        ("webex_api_url", REMOVE),
        ("jira_api_url", REMOVE),
        ("rocketchat_api_url", REMOVE),
        ("rocketchat_token", REMOVE),
        ("rocketchat_token_file", REMOVE),
        ("rocketchat_token_id", REMOVE),
        ("rocketchat_token_id_file", REMOVE),
        ("mattermost_webhook_url", REMOVE),
        ("mattermost_webhook_url_file", REMOVE),
    ];
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRoute {
    pub(super) receiver: Option<Spanned<String>>,
    pub(super) group_by: Option<Vec<Spanned<String>>>,
    pub(super) group_wait: Option<Spanned<String>>,
    pub(super) group_interval: Option<Spanned<String>>,
    pub(super) repeat_interval: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) matchers: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "nullable", rename = "match")]
    pub(super) equal: EqualTo,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) match_re: Matching,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) mute_time_intervals: Vec<Spanned<String>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) active_time_intervals: Vec<Spanned<String>>,
    #[serde(default, rename = "continue")]
    pub(super) go_on: Option<Spanned<bool>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) routes: Vec<Spanned<Checked<RawRoute>>>,
}

impl Grammar for RawRoute {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] =
        &[("labels", "remove it, no message carries labels of routes")];
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReceiver {
    pub(super) name: Spanned<String>,
    /// Our own addition.
    pub(super) fallback: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) pagerduty_configs: Vec<Spanned<Entry<RawPagerDuty>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) email_configs: Vec<Spanned<Entry<RawEmail>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) webhook_configs: Vec<Spanned<Entry<RawWebhook>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) slack_configs: Vec<Spanned<Entry<RawSlack>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) msteamsv2_configs: Vec<Spanned<Entry<RawTeams>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) discord_configs: Vec<Spanned<Entry<RawDiscord>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) telegram_configs: Vec<Spanned<Entry<RawTelegram>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) standard_webhook_configs: Vec<Spanned<Entry<RawStandardWebhook>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) cloudevents_configs: Vec<Spanned<Entry<RawCloudEvents>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) dingtalk_configs: Vec<Spanned<Entry<RawRobot<DingTalk>>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) feishu_configs: Vec<Spanned<Entry<RawRobot<Feishu>>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) wecom_configs: Vec<Spanned<Entry<RawRobot<WeCom>>>>,
}

impl Grammar for RawReceiver {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[
        ("incidentio_configs", LATER_RECEIVER),
        ("jira_configs", LATER_RECEIVER),
        ("mattermost_configs", LATER_RECEIVER),
        ("msteams_configs", LATER_RECEIVER),
        ("opsgenie_configs", LATER_RECEIVER),
        ("pushover_configs", LATER_RECEIVER),
        ("rocketchat_configs", LATER_RECEIVER),
        ("sns_configs", LATER_RECEIVER),
        ("victorops_configs", LATER_RECEIVER),
        ("webex_configs", LATER_RECEIVER),
        ("wechat_configs", LATER_RECEIVER),
    ];
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTimeInterval {
    pub(super) name: Spanned<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) time_intervals: Vec<Period>,
}

/// Our own addition: where to report that Isobar is alive.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHeartbeat {
    pub(super) url: Spanned<String>,
    pub(super) interval: Option<Spanned<String>>,
    pub(super) secret: Option<Secret>,
}
