//! The alerting configuration as it may be shown: Alertmanager's own keys, secrets as `<secret>`.

use isobar_alerting::is_secret_key;
use isobar_normalizer::ConfigError;
use serde_json::{Map, Value};
use url::Url;

/// What Alertmanager writes for a secret, and reads as one.
const SECRET: &str = "<secret>";

/// The sections that Alertmanager's tools know; ours beside them would make them refuse the whole.
const SECTIONS: [&str; 7] =
    ["global", "route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals", "templates"];

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
                match value {
                    // Our own reader takes an address there only.
                    Value::String(text) if channel == "webhook_configs" && key == "url" => {
                        *text = host_of(text);
                    }
                    Value::String(_) | Value::Number(_) if is_secret_key(channel, key) => {
                        *value = SECRET.into()
                    }
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

/// Where an address leads, without what may authorise in it: the host, and that there is more.
fn host_of(text: &str) -> String {
    let parts = Url::parse(text).ok().map(|url| url.origin().ascii_serialization());
    // Addresses without a host have the origin `null`.
    let origin = parts.filter(|origin| origin.contains("://"));
    origin.map_or_else(|| SECRET.to_owned(), |origin| format!("{origin}/{SECRET}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_ours_left_out() {
        let text = "
global:
  {smtp_auth_password: hunter2, slack_api_url: 'https://hooks.slack.com/T/B/x', resolve_timeout: 5m, telegram_bot_token: '1:AA',
   victorops_api_key: vo1, rocketchat_token_id: rt1, mattermost_webhook_url: 'https://mm.example/hooks/x', telegram_bot_token_file: /t/bot}
heartbeat: {url: 'https://dead.example/k'}
route: {receiver: ops, routes: [{matchers: ['team=\"db\"'], receiver: ops}]}
receivers:
  - name: ops
    fallback: other
    webhook_configs:
      - {url: 'https://u:p@hook.example:8443/in/path?token=t', secret: whsec_x, rate_limit: {messages: 1}, http_config: {authorization: {type: Bearer, credentials: abc}}}
    slack_configs: [{api_url: 'https://hooks.slack.com/T/B/y', channel: '#ops'}]
    dingtalk_configs: [{url: 'https://oapi.example'}]
    pagerduty_configs: [{routing_key: r1r1, client_url: 'https://v:w@client.example/x?y=z', dedup_key: shown1, service_key: 4711}]
";
        let shown = shown(text).unwrap();
        for secret in [
            "hunter2",
            "hooks.slack.com",
            "1:AA",
            "vo1",
            "rt1",
            "mm.example",
            "u:p",
            "path",
            "token=t",
            "abc",
            "whsec",
            "dead.example",
            "dingtalk",
            "rate_limit",
            "fallback",
            "r1r1",
            "4711",
            "v:w",
            "y=z",
        ] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        let kept = [
            "resolve_timeout",
            "team=",
            "#ops",
            "https://hook.example:8443/<secret>",
            "client.example/x",
            "/t/bot",
            "Bearer",
            "shown1",
        ];
        for kept in kept {
            assert!(shown.contains(kept), "{kept} not in {shown}");
        }
        let section = shown_section(&format!("alerting:\n{}", text.replace('\n', "\n  "))).unwrap();
        assert_eq!(section, shown);
        assert_eq!(shown_section("sources: []").unwrap().trim(), "{}");
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let text = "
route: {receiver: ops}
receivers: [{name: ops, webhook_configs: [{url: 'http://hook.example/a?b=c'}, {url_file: /w}], slack_configs: [{api_url: 'https://s.example/x'}]}]
";
        let shown = shown(text).unwrap();
        let read = isobar_alerting::AlertingConfig::parse(&shown).unwrap();
        assert_eq!(read.receivers[0].integrations.len(), 3);
        assert_eq!(host_of("mailto:x"), "<secret>");
        assert_eq!(host_of("no address"), "<secret>");
    }
}
