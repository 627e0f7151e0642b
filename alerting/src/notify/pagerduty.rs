//! `pagerduty_configs`: Events API v2. One group is one incident: its notifications share the `dedup_key` from first to
//! resolved.
//!
//! Source: PagerDuty/developer-docs, "Events API v2 overview" and "Send an alert event", read 2026-11.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{ConfigError, Secret};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use url::Url;

use self::event::{Events, Image, Link, Texts};
use super::posted::Way;
use super::{IntegrationSettings, Notifier, NotifierKind, RawIntegration, Tools};
use crate::config::http::RawHttp;
use crate::config::keys::{Checked, Grammar};
use crate::config::value::http_url;
use crate::config::{Global, SecretSource};
use crate::delivery::KeyScope;
use crate::gotemplate::{TemplateText, Templates};
use crate::outbox::Rate;

mod event;

/// Where events go unless the configuration says otherwise.
const ENQUEUE_URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// The channel.
#[derive(Debug)]
pub(super) struct PagerDuty;
pub(super) static KIND: PagerDuty = PagerDuty;

impl NotifierKind for PagerDuty {
    fn name(&self) -> &'static str {
        "pagerduty"
    }

    fn config_key(&self) -> &'static str {
        "pagerduty_configs"
    }

    fn sample(&self) -> &'static str {
        include_str!("pagerduty.sample.yaml")
    }

    fn key_scope(&self) -> KeyScope {
        KeyScope::Episode
    }

    fn takes_acknowledgements(&self) -> bool {
        true
    }

    /// Source: PagerDuty support, "Events API rate limits": 120 events a minute for each integration key, read 2026-11.
    fn rate_limits(&self) -> &'static [Rate] {
        const LIMITS: &[Rate] = &[Rate::new(120, Duration::from_secs(60))];
        LIMITS
    }
}

/// What `global` says about PagerDuty.
#[derive(Clone, Debug, Default)]
pub(crate) struct PagerDutyDefaults {
    pub(crate) url: Option<Url>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPagerDuty {
    #[serde(default = "yes")]
    send_resolved: bool,
    routing_key: Option<Secret>,
    routing_key_file: Option<Spanned<PathBuf>>,
    url: Option<Spanned<String>>,
    http_config: Option<Spanned<Checked<RawHttp>>>,
    timeout: Option<Spanned<String>>,
    client: Option<Spanned<String>>,
    client_url: Option<Spanned<String>>,
    description: Option<Spanned<String>>,
    severity: Option<Spanned<String>>,
    source: Option<Spanned<String>>,
    class: Option<Spanned<String>>,
    component: Option<Spanned<String>>,
    group: Option<Spanned<String>>,
    #[serde(default)]
    details: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    links: Vec<RawLink>,
    #[serde(default)]
    images: Vec<RawImage>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawImage {
    src: Spanned<String>,
    href: Option<Spanned<String>>,
    alt: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLink {
    href: Spanned<String>,
    text: Option<Spanned<String>>,
}

fn yes() -> bool {
    true
}

impl Grammar for RawPagerDuty {
    const UNSUPPORTED: &'static [(&'static str, &'static str)] = &[
        ("service_key", "Events API v1 is not spoken, use routing_key"),
        ("service_key_file", "Events API v1 is not spoken, use routing_key_file"),
    ];
}

#[derive(Debug)]
pub(super) struct PagerDutySettings {
    send_resolved: bool,
    routing_key: SecretSource,
    url: Url,
    way: Way,
    texts: Texts,
    location: Location,
}

/// What `custom_details` hold unless the configuration says otherwise; Alertmanager's.
const DETAILS: [(&str, &str); 4] = [
    ("firing", r#"{{ template "pagerduty.default.instances" .Alerts.Firing }}"#),
    ("resolved", r#"{{ template "pagerduty.default.instances" .Alerts.Resolved }}"#),
    ("num_firing", "{{ .Alerts.Firing | len }}"),
    ("num_resolved", "{{ .Alerts.Resolved | len }}"),
];
const DESCRIPTION: &str = r#"{{ template "pagerduty.default.description" . }}"#;
const CLIENT: &str = r#"{{ template "pagerduty.default.client" . }}"#;
const CLIENT_URL: &str = r#"{{ template "pagerduty.default.clientURL" . }}"#;
/// What the API takes as severity.
const SEVERITIES: [&str; 4] = ["critical", "error", "warning", "info"];

impl RawIntegration for RawPagerDuty {
    fn check(self, location: Location, global: &Global) -> Result<Arc<dyn IntegrationSettings>, ConfigError> {
        let defaults = &global.pagerduty;
        let texts = self.texts(&global.templates)?;
        let routing_key = SecretSource::choose("routing_key", self.routing_key, self.routing_key_file)?
            .ok_or_else(|| ConfigError::at(location, "PagerDuty needs routing_key or routing_key_file"))?;
        let url = match &self.url {
            Some(url) => http_url(url)?,
            None => defaults
                .url
                .clone()
                .unwrap_or_else(|| Url::parse(ENQUEUE_URL).expect("a constant that is a URL")),
        };
        Ok(Arc::new(PagerDutySettings {
            send_resolved: self.send_resolved,
            routing_key,
            url,
            way: Way::check(self.http_config, self.timeout.as_ref(), global)?,
            texts,
            location,
        }))
    }
}

impl RawPagerDuty {
    fn texts(&self, templates: &Templates) -> Result<Texts, ConfigError> {
        if let Some(severity) = &self.severity
            && !severity.value.contains("{{")
            && !SEVERITIES.contains(&severity.value.as_str())
        {
            let known = SEVERITIES.join(", ");
            let wrong =
                format!("unknown PagerDuty severity {:?}: one of {known}, or a template", severity.value);
            return Err(ConfigError::at(severity.referenced, wrong));
        }
        let text =
            |text: Option<&Spanned<String>>, otherwise| TemplateText::check(text, otherwise, templates);
        // What is not configured is made from the alerts.
        let optional =
            |given: &Option<Spanned<String>>| given.as_ref().map(|given| text(Some(given), "")).transpose();
        let mut details = BTreeMap::new();
        for (name, otherwise) in DETAILS {
            details.insert(name.to_owned(), text(None, otherwise)?);
        }
        for (name, value) in &self.details {
            let otherwise = DETAILS.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text);
            details.insert(name.clone(), text(Some(value), otherwise)?);
        }
        let link =
            |raw: &RawLink| Ok(Link { href: text(Some(&raw.href), "")?, text: text(raw.text.as_ref(), "")? });
        let image = |raw: &RawImage| {
            Ok(Image {
                src: text(Some(&raw.src), "")?,
                href: text(raw.href.as_ref(), "")?,
                alt: text(raw.alt.as_ref(), "")?,
            })
        };
        Ok(Texts {
            description: text(self.description.as_ref(), DESCRIPTION)?,
            client: text(self.client.as_ref(), CLIENT)?,
            client_url: text(self.client_url.as_ref(), CLIENT_URL)?,
            severity: optional(&self.severity)?,
            source: optional(&self.source)?,
            class: optional(&self.class)?,
            component: optional(&self.component)?,
            group: optional(&self.group)?,
            details,
            links: self.links.iter().map(link).collect::<Result<_, ConfigError>>()?,
            images: self.images.iter().map(image).collect::<Result<_, ConfigError>>()?,
        })
    }
}

impl IntegrationSettings for PagerDutySettings {
    fn kind(&self) -> &'static dyn NotifierKind {
        &KIND
    }

    fn send_resolved(&self) -> bool {
        self.send_resolved
    }

    fn build(&self, tools: &Tools<'_>) -> Result<Box<dyn Notifier>, ConfigError> {
        let routing_key = self.routing_key.reveal(tools.secrets)?;
        if routing_key.expose().is_empty() {
            return Err(ConfigError::at(self.location, "routing_key is empty: it is 32 characters long"));
        }
        let events = Events { routing_key, texts: self.texts.clone() };
        self.way.build(self.url.clone(), Arc::new(events), tools)
    }
}
