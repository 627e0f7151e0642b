//! The alerting configuration as it may be shown: Alertmanager's own keys, secrets as `<secret>`.

use isobar_normalizer::ConfigError;
use serde_json::{Map, Value};
use url::Url;

/// What Alertmanager writes for a secret, and reads as one.
const SECRET: &str = "<secret>";

/// The sections that Alertmanager's tools know; ours beside them would make them refuse the whole.
const SECTIONS: [&str; 7] =
    ["global", "route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals", "templates"];

/// Keys whose value is secret wherever they stand.
const SECRET_KEYS: [&str; 21] = [
    "api_key",
    "api_secret",
    "auth_password",
    "auth_secret",
    "authorization",
    "bearer_token",
    "bot_token",
    "client_secret",
    "credentials",
    "integration_key",
    "key",
    "opsgenie_api_key",
    "password",
    "routing_key",
    "secret",
    "service_key",
    "slack_api_url",
    "smtp_auth_password",
    "smtp_auth_secret",
    "token",
    "user_key",
];
/// Keys of addresses that are secrets themselves, by the integration they stand in.
const SECRET_ADDRESSES: [(&str, &str); 4] = [
    ("slack_configs", "api_url"),
    ("discord_configs", "webhook_url"),
    ("msteams_configs", "webhook_url"),
    ("msteamsv2_configs", "webhook_url"),
];
/// Keys of an integration that are ours alone.
const OURS: [&str; 6] = ["language", "max_bytes", "rate_limit", "secret", "secret_file", "storm"];

/// Makes the text that is shown of a text in Alertmanager's grammar.
///
/// # Errors
/// It is no YAML mapping, or cannot be written.
pub fn shown(text: &str) -> Result<String, ConfigError> {
    let whole: Map<String, Value> = serde_saphyr::from_str(text)?;
    write(whole)
}

/// The same, of the `alerting:` section of a document.
pub fn shown_section(document: &str) -> Result<String, ConfigError> {
    let whole: Value = serde_saphyr::from_str(document)?;
    write(whole.get("alerting").and_then(Value::as_object).cloned().unwrap_or_default())
}

fn write(mut whole: Map<String, Value>) -> Result<String, ConfigError> {
    whole.retain(|key, _| SECTIONS.contains(&key.as_str()));
    if let Some(global) = whole.get_mut("global") {
        hide(global, "global");
    }
    let receivers = whole.get_mut("receivers").and_then(Value::as_array_mut);
    for receiver in receivers.into_iter().flatten().filter_map(Value::as_object_mut) {
        receiver.retain(|key, _| key == "name" || key == "labels" || is_known(key));
        for (channel, integrations) in receiver.iter_mut() {
            for integration in integrations.as_array_mut().into_iter().flatten() {
                if let Some(keys) = integration.as_object_mut() {
                    keys.retain(|key, _| !OURS.contains(&key.as_str()));
                }
                hide(integration, channel);
            }
        }
    }
    serde_saphyr::to_string(&whole).map_err(|error| ConfigError::whole(error.to_string()))
}

/// Whether Alertmanager has this channel too; ours it would not read.
fn is_known(key: &str) -> bool {
    let ours = [
        "standard_webhook_configs",
        "dingtalk_configs",
        "feishu_configs",
        "wecom_configs",
        "cloudevents_configs",
    ];
    key.ends_with("_configs") && !ours.contains(&key)
}

/// Replaces what is secret, at any depth.
fn hide(value: &mut Value, channel: &str) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let is_secret = SECRET_KEYS.contains(&key.as_str())
                    || SECRET_ADDRESSES.contains(&(channel, key.as_str()));
                match value {
                    Value::String(text) if is_secret => *text = SECRET.to_owned(),
                    Value::String(text) if key.ends_with("url") => *text = without_password(text),
                    // Headers carry whatever authorises.
                    Value::Object(headers) if key == "http_headers" => {
                        headers.values_mut().for_each(hide_header);
                    }
                    _ => hide(value, channel),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, channel)),
        _ => {}
    }
}

fn hide_header(header: &mut Value) {
    if let Some(secrets) = header.get_mut("secrets").and_then(Value::as_array_mut) {
        secrets.iter_mut().for_each(|secret| *secret = SECRET.into());
    }
}

/// The address with what may authorise in it taken out: user, password and query.
fn without_password(text: &str) -> String {
    match Url::parse(text) {
        Ok(mut url) if url.query().is_some() || url.password().is_some() || !url.username().is_empty() => {
            // Both fail for addresses without a host only, which have neither.
            let _ = (url.set_username(""), url.set_password(None));
            if url.query().is_some() {
                url.set_query(Some("<secret>"));
            }
            url.into()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_ours_left_out() {
        let text = "
global: {smtp_auth_password: hunter2, slack_api_url: 'https://hooks.slack.com/T/B/x', resolve_timeout: 5m}
heartbeat: {url: 'https://dead.example/k'}
route: {receiver: ops, routes: [{matchers: ['team=\"db\"'], receiver: ops}]}
receivers:
  - name: ops
    fallback: other
    webhook_configs:
      - {url: 'https://u:p@hook.example/x?token=t', secret: whsec_x, rate_limit: {messages: 1}, http_config: {authorization: {credentials: abc}}}
    slack_configs: [{api_url: 'https://hooks.slack.com/T/B/y', channel: '#ops'}]
    dingtalk_configs: [{url: 'https://oapi.example'}]
";
        let shown = shown(text).unwrap();
        for secret in [
            "hunter2",
            "hooks.slack.com",
            "u:p",
            "token=t",
            "abc",
            "whsec",
            "dead.example",
            "dingtalk",
            "rate_limit",
            "fallback",
        ] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        for kept in ["resolve_timeout", "team=", "#ops", "https://hook.example/x", "<secret>"] {
            assert!(shown.contains(kept), "{kept} not in {shown}");
        }
        let section = shown_section(&format!("alerting:\n{}", text.replace('\n', "\n  "))).unwrap();
        assert_eq!(section, shown);
        assert_eq!(shown_section("sources: []").unwrap().trim(), "{}");
    }
}
