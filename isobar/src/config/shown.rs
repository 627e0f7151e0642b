//! The alerting configuration as it may be shown, secrets as `<secret>`: to Alertmanager's tools with Alertmanager's own keys,
//! to people as it is, so that they can change it on trial.

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

/// Keys of a route that are ours alone.
const OURS_OF_ROUTES: [&str; 2] = ["flapping", "storm"];

/// Keys of the section in `isobar.yaml` that refer to files; they are no part of the grammar.
const FILES: [&str; 4] = ["classify", "enrich", "file", "native"];

/// A configuration as it may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// For Alertmanager's tools: without what is ours alone.
    pub alertmanager: String,
    /// For people: everything, so that it can be read again.
    pub whole: String,
}

impl Shown {
    /// Of a text in Alertmanager's grammar, and of the `alerting:` section of the document that names its file.
    ///
    /// # Errors
    /// One of both is no YAML mapping, or cannot be written.
    pub fn of_file(text: &str, document: &str) -> Result<Self, ConfigError> {
        let mut whole: Map<String, Value> = serde_saphyr::from_str(text)?;
        whole.extend(section(document)?);
        Self::of(whole)
    }

    /// Of the `alerting:` section of a document.
    ///
    /// # Errors
    /// Those of [`Self::of_file`].
    pub fn of_section(document: &str) -> Result<Self, ConfigError> {
        Self::of(section(document)?)
    }

    fn of(mut whole: Map<String, Value>) -> Result<Self, ConfigError> {
        whole.retain(|key, _| !FILES.contains(&key.as_str()));
        hide_all(&mut whole);
        Ok(Self { whole: write(&whole)?, alertmanager: write(&alertmanagers(whole))? })
    }
}

fn section(document: &str) -> Result<Map<String, Value>, ConfigError> {
    let document: Value = serde_saphyr::from_str(document)?;
    Ok(document.get("alerting").and_then(Value::as_object).cloned().unwrap_or_default())
}

fn write(shown: &Map<String, Value>) -> Result<String, ConfigError> {
    serde_saphyr::to_string(shown).map_err(|error| ConfigError::whole(error.to_string()))
}

fn hide_all(whole: &mut Map<String, Value>) {
    if let Some(global) = whole.get_mut("global") {
        hide(global, "global");
    }
    if let Some(heartbeat) = whole.get_mut("heartbeat") {
        // Whoever knows its address can say that all is well.
        if let Some(Value::String(url)) = heartbeat.get_mut("url") {
            *url = host_of(url);
        }
        hide(heartbeat, "heartbeat");
    }
    for receiver in receivers(whole) {
        for (channel, integrations) in receiver.iter_mut() {
            for integration in integrations.as_array_mut().into_iter().flatten() {
                hide(integration, channel);
            }
        }
    }
}

/// What is left for Alertmanager's tools.
fn alertmanagers(mut whole: Map<String, Value>) -> Map<String, Value> {
    whole.retain(|key, _| SECTIONS.contains(&key.as_str()));
    if let Some(route) = whole.get_mut("route") {
        plain_route(route);
    }
    for receiver in receivers(&mut whole) {
        receiver.retain(|key, _| key == "name" || key == "labels" || is_known(key));
        for integrations in receiver.values_mut().filter_map(Value::as_array_mut) {
            for keys in integrations.iter_mut().filter_map(Value::as_object_mut) {
                keys.retain(|key, _| !OURS.contains(&key.as_str()));
            }
        }
    }
    whole
}

/// The route, and those under it, without what is ours alone.
fn plain_route(route: &mut Value) {
    let Some(keys) = route.as_object_mut() else { return };
    keys.retain(|key, _| !OURS_OF_ROUTES.contains(&key.as_str()));
    keys.get_mut("routes").and_then(Value::as_array_mut).into_iter().flatten().for_each(plain_route);
}

fn receivers(whole: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let receivers = whole.get_mut("receivers").and_then(Value::as_array_mut);
    receivers.into_iter().flatten().filter_map(Value::as_object_mut)
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
    use isobar_alerting::AlertingConfig;

    use super::*;

    #[test]
    fn secrets_are_hidden_and_ours_left_out() {
        let text = "
global:
  {smtp_auth_password: hunter2, slack_api_url: 'https://hooks.slack.com/T/B/x', resolve_timeout: 5m, telegram_bot_token: '1:AA',
   victorops_api_key: vo1, rocketchat_token_id: rt1, mattermost_webhook_url: 'https://mm.example/hooks/x', telegram_bot_token_file: /t/bot}
heartbeat: {url: 'https://dead.example/beats/k', secret: whsec_y}
route: {receiver: ops, storm: {above: 20, within: 1m}, routes: [{matchers: ['team=\"db\"'], receiver: ops, flapping: digest}]}
receivers:
  - name: ops
    fallback: other
    webhook_configs:
      - {url: 'https://u:p@hook.example:8443/in/path?token=t', secret: whsec_x, rate_limit: {messages: 1}, http_config: {authorization: {type: Bearer, credentials: abc}}}
    slack_configs: [{api_url: 'https://hooks.slack.com/T/B/y', channel: '#ops'}]
    dingtalk_configs: [{url: 'https://oapi.example'}]
    pagerduty_configs: [{routing_key: r1r1, client_url: 'https://v:w@client.example/x?y=z', dedup_key: shown1, service_key: 4711}]
";
        let Shown { alertmanager: shown, whole } = Shown::of_file(text, "{}").unwrap();
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
            "beats",
            "r1r1",
            "4711",
            "v:w",
            "y=z",
        ] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
            assert!(!whole.contains(secret), "{secret} in {whole}");
        }
        for ours in ["heartbeat", "dingtalk", "rate_limit", "fallback", "storm", "flapping"] {
            assert!(!shown.contains(ours), "{ours} in {shown}");
            assert!(whole.contains(ours), "{ours} not in {whole}");
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
            assert!(whole.contains(kept), "{kept} not in {whole}");
        }
        let section = Shown::of_section(&format!("alerting:\n{}", text.replace('\n', "\n  "))).unwrap();
        assert_eq!(section, Shown { alertmanager: shown, whole });
        assert_eq!(Shown::of_section("sources: []").unwrap().alertmanager.trim(), "{}");
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let text = "
route: {receiver: ops}
receivers: [{name: ops, webhook_configs: [{url: 'http://hook.example/a?b=c'}, {url_file: /w}], slack_configs: [{api_url: 'https://s.example/x'}]}]
";
        let shown = Shown::of_file(text, "{}").unwrap();
        for shown in [shown.alertmanager, shown.whole] {
            let read = AlertingConfig::parse(&shown).unwrap();
            assert_eq!(read.receivers[0].integrations.len(), 3);
        }
        assert_eq!(host_of("mailto:x"), "<secret>");
        assert_eq!(host_of("no address"), "<secret>");
    }

    #[test]
    fn what_is_ours_is_read_again_too() {
        let text = "
route: {receiver: ops}
receivers:
  - {name: ops, fallback: chat, webhook_configs: [{url: 'http://hook.example/a', secret: '${env:KEY}', rate_limit: {messages: 1, per: 1m}}]}
  - {name: chat, dingtalk_configs: [{webhook_url: '${env:ROBOT}', secret: '${env:SIGN}'}]}
";
        let document = "alerting: {file: alerting.yaml, heartbeat: {url: 'https://dead.example/beats/k'}, flapping: {changes: 9, within: 1h}, native: {file: n.yaml}}";
        let shown = Shown::of_file(text, document).unwrap();
        let read = AlertingConfig::parse(&shown.whole).unwrap();
        assert_eq!(read.receivers.len(), 2);
        assert!(read.heartbeat.is_some() && shown.whole.contains("flapping"));
        assert!(!shown.alertmanager.contains("flapping"));
    }
}
