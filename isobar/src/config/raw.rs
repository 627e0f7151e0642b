//! The configuration file as it is written.

use std::collections::BTreeMap;
use std::time::Duration;

use isobar_alerting::AlertingSection;
use isobar_collectors::push::HookAuth;
use isobar_dashboards::{SecurityConfig, ServerConfig};
use isobar_normalizer::{ConfigError, parse_duration};
use isobar_runbooks::RawRunbook;
use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

use crate::api::REMOTE_WRITE;
use crate::config::journal::RawJournal;

/// `isobar.yaml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    #[serde(default)]
    pub server: ServerConfig,
    #[serde(default)]
    pub security: SecurityConfig,
    #[serde(default)]
    pub store: RawStore,
    #[serde(default)]
    pub journal: RawJournal,
    #[serde(default)]
    pub sources: Vec<RawSource>,
    #[serde(default)]
    pub policies: Vec<Spanned<String>>,
    #[serde(default)]
    pub mappings: Vec<Spanned<String>>,
    #[serde(default)]
    pub runbooks: Vec<RawRunbook>,
    #[serde(default)]
    pub hooks: Vec<RawHook>,
    #[serde(default)]
    pub alerting: Option<AlertingSection>,
}

/// `store:`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawStore {
    #[serde(default = "default_retention", deserialize_with = "retention")]
    pub retention: Duration,
}

impl Default for RawStore {
    fn default() -> Self {
        Self { retention: default_retention() }
    }
}

/// One entry of `sources:`; its own table is read later, when its kind is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSource {
    pub name: Spanned<String>,
    pub kind: Spanned<String>,
    #[serde(default = "default_interval", deserialize_with = "interval")]
    pub interval: Duration,
    #[serde(default)]
    #[expect(dead_code, reason = "read in place by the kind")]
    pub settings: Option<IgnoredAny>,
}

/// One entry of `hooks:`; its own table is read later, when its kind is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawHook {
    pub name: Spanned<String>,
    pub kind: Spanned<String>,
    pub auth: HookAuth,
    #[serde(default)]
    #[expect(dead_code, reason = "read in place by the kind")]
    pub settings: Option<IgnoredAny>,
}

/// A month, as long as most ask for the history of an incident.
fn default_retention() -> Duration {
    Duration::from_secs(30 * 86_400)
}

/// Prometheus scrapes every minute unless told otherwise.
fn default_interval() -> Duration {
    Duration::from_secs(60)
}

/// Blocks span two hours: a shorter retention would delete what policies still read.
fn retention<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    duration_of(deserializer, Duration::from_secs(2 * 3600), "2h", "30d")
}

/// Nothing is collected more often than every 100 ms.
fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    duration_of(deserializer, Duration::from_millis(100), "100ms", "15s")
}

fn duration_of<'de, D: Deserializer<'de>>(
    deserializer: D,
    least: Duration,
    least_text: &str,
    example: &str,
) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration =
        parse_duration(&text).map_err(|error| D::Error::custom(format!("{error}; for example {example}")))?;
    if duration < least {
        return Err(D::Error::custom(format!(
            "{text} is too short: at least {least_text}, for example {example}"
        )));
    }
    Ok(duration)
}

/// Names that were given, and where.
#[derive(Default)]
pub struct Duplicates {
    seen: BTreeMap<String, Location>,
}

impl Duplicates {
    /// Notes a name; it must be new and not empty.
    pub fn check(&mut self, name: &Spanned<String>) -> Result<(), ConfigError> {
        let Spanned { value, referenced, .. } = name;
        if value.is_empty() || value.contains(':') {
            let message = format!(
                "{value:?} cannot name a source: a name is not empty and holds no colon, it is part of resource ids"
            );
            return Err(ConfigError::at(*referenced, message));
        }
        if value == REMOTE_WRITE {
            let message = format!("{value:?} is what pushed series come under: take another name");
            return Err(ConfigError::at(*referenced, message));
        }
        match self.seen.insert(value.clone(), *referenced) {
            None => Ok(()),
            Some(first) => {
                let message = format!(
                    "source {value:?} is given twice, first at line {}: names are unique",
                    first.line()
                );
                Err(ConfigError::at(*referenced, message))
            }
        }
    }
}
