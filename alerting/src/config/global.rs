//! `global`: what integrations inherit.

use std::path::PathBuf;
use std::sync::Arc;

use isobar_normalizer::{ConfigError, Secret};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::http::{HttpConfig, RawHttp, RawTls, TlsConfig};
use super::keys::Checked;
use super::noted::Lenient;
use super::value::{SecretSource, http_url};
use crate::gotemplate::Templates;
use crate::notify::{MailDefaults, PagerDutyDefaults, SlackDefaults, TelegramDefaults};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawGlobal {
    pub(super) resolve_timeout: Option<Spanned<String>>,
    http_config: Option<Spanned<Checked<RawHttp>>>,
    pagerduty_url: Option<Spanned<String>>,
    slack_api_url: Option<Secret>,
    slack_api_url_file: Option<Spanned<PathBuf>>,
    smtp_auth_identity: Option<Spanned<IgnoredAny>>,
    smtp_auth_password: Option<Secret>,
    smtp_auth_password_file: Option<Spanned<PathBuf>>,
    smtp_auth_secret: Option<Spanned<IgnoredAny>>,
    smtp_auth_secret_file: Option<Spanned<IgnoredAny>>,
    smtp_auth_username: Option<String>,
    smtp_force_implicit_tls: Option<bool>,
    smtp_from: Option<Spanned<String>>,
    smtp_hello: Option<Spanned<String>>,
    smtp_require_tls: Option<bool>,
    smtp_smarthost: Option<Spanned<String>>,
    smtp_tls_config: Option<Checked<RawTls>>,
    telegram_api_url: Option<Spanned<String>>,
    telegram_bot_token: Option<Secret>,
    telegram_bot_token_file: Option<Spanned<PathBuf>>,
}

const NO_CHANNEL: &str = "there is no such channel, so no receiver can inherit it";
const NO_APP: &str = "Slack is told by incoming webhooks";

impl Lenient for RawGlobal {
    const WITHOUT_EFFECT: &'static [(&'static str, &'static str)] = &[
        ("jira_api_url", NO_CHANNEL),
        ("mattermost_webhook_url", NO_CHANNEL),
        ("mattermost_webhook_url_file", NO_CHANNEL),
        ("opsgenie_api_key", NO_CHANNEL),
        ("opsgenie_api_key_file", NO_CHANNEL),
        ("opsgenie_api_url", NO_CHANNEL),
        ("rocketchat_api_url", NO_CHANNEL),
        ("rocketchat_token", NO_CHANNEL),
        ("rocketchat_token_file", NO_CHANNEL),
        ("rocketchat_token_id", NO_CHANNEL),
        ("rocketchat_token_id_file", NO_CHANNEL),
        ("slack_app_token", NO_APP),
        ("slack_app_token_file", NO_APP),
        ("slack_app_url", NO_APP),
        ("victorops_api_key", NO_CHANNEL),
        ("victorops_api_key_file", NO_CHANNEL),
        ("victorops_api_url", NO_CHANNEL),
        ("webex_api_url", NO_CHANNEL),
        ("wechat_api_corp_id", NO_CHANNEL),
        ("wechat_api_secret", NO_CHANNEL),
        ("wechat_api_secret_file", NO_CHANNEL),
        ("wechat_api_url", NO_CHANNEL),
    ];
}

impl RawGlobal {
    /// What mail would have to be sent with and is not.
    pub(super) fn unsupported_for_mail(&self) -> Option<ConfigError> {
        let keys = [
            ("smtp_auth_secret", &self.smtp_auth_secret),
            ("smtp_auth_secret_file", &self.smtp_auth_secret_file),
            ("smtp_auth_identity", &self.smtp_auth_identity),
        ];
        let (key, value) = keys.into_iter().find_map(|(key, value)| Some((key, value.as_ref()?)))?;
        let instead = "CRAM-MD5 and other identities are not offered, use smtp_auth_password";
        Some(ConfigError::at(value.referenced, format!("{key} is not supported yet; {instead}")))
    }
}

/// What integrations inherit.
pub(crate) struct Global {
    pub(crate) http: HttpConfig,
    pub(crate) mail: MailDefaults,
    pub(crate) pagerduty: PagerDutyDefaults,
    pub(crate) slack: SlackDefaults,
    pub(crate) telegram: TelegramDefaults,
    /// What texts may refer to.
    pub(crate) templates: Arc<Templates>,
}

impl Global {
    pub(super) fn read(raw: RawGlobal, templates: Arc<Templates>) -> Result<Self, ConfigError> {
        let mail = MailDefaults {
            from: raw.smtp_from,
            hello: raw.smtp_hello,
            smarthost: raw.smtp_smarthost,
            auth_username: raw.smtp_auth_username,
            auth_password: SecretSource::choose(
                "smtp_auth_password",
                raw.smtp_auth_password,
                raw.smtp_auth_password_file,
            )?,
            require_tls: raw.smtp_require_tls.unwrap_or(true),
            implicit_tls: raw.smtp_force_implicit_tls,
            tls: raw.smtp_tls_config.map(|Checked(tls)| TlsConfig::try_from(tls)).transpose()?,
        };
        let pagerduty = PagerDutyDefaults { url: raw.pagerduty_url.as_ref().map(http_url).transpose()? };
        let http = raw.http_config.map(HttpConfig::try_from).transpose()?.unwrap_or_default();
        let api_url = SecretSource::choose("slack_api_url", raw.slack_api_url, raw.slack_api_url_file)?;
        let slack = SlackDefaults { api_url };
        let telegram = TelegramDefaults {
            api_url: raw.telegram_api_url.as_ref().map(http_url).transpose()?,
            bot_token: SecretSource::choose(
                "telegram_bot_token",
                raw.telegram_bot_token,
                raw.telegram_bot_token_file,
            )?,
        };
        Ok(Self { http, mail, pagerduty, slack, telegram, templates })
    }
}
