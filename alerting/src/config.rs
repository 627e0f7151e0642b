//! Alertmanager's configuration grammar: the supported part of it, and a refusal by name for the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::ConfigError;
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;
use url::Url;

use self::noted::Noted;
use self::raw::{RawFile, RawFlapping, RawHeartbeat, RawSilences};
use crate::classify::Classifier;
use crate::delivery::IntegrationId;
use crate::enrich::Enrichment;
use crate::flapping::{CHANGES_MAX, FlappingRule};
use crate::gotemplate::Templates;
use crate::inhibit::InhibitRule;
use crate::interval::{Period, TimeInterval};
use crate::notify::IntegrationSettings;
use crate::route::Route;

mod entry;
mod fallback;
mod global;
pub(crate) mod http;
mod inhibit;
pub(crate) mod keys;
mod matchers;
mod noted;
mod raw;
mod receiver;
mod route;
mod secret_keys;
mod templates;
pub(crate) mod value;

pub use entry::Terms;
pub(crate) use global::Global;
pub(crate) use http::HttpConfig;
pub use matchers::parse_matchers;
pub use secret_keys::is_secret_key;
pub use templates::{KnownFiles, TemplateFiles};
pub(crate) use value::SecretSource;

/// Where alerts go: the route tree and its receivers.
#[derive(Clone, Debug)]
pub struct AlertingConfig {
    /// The root of the route tree; every receiver it names is among `receivers`.
    pub route: Route,
    /// In the order they are written; names are unique.
    pub receivers: Vec<Receiver>,
    /// Which alerts keep which others quiet, in the order they are written.
    pub inhibit_rules: Arc<[InhibitRule]>,
    /// By their names; every one that a route names is among them.
    pub intervals: BTreeMap<Arc<str>, Arc<TimeInterval>>,
    /// What texts of receivers may refer to: the built-in templates and those of the files that are named.
    pub templates: Arc<Templates>,
    /// The files they were read from.
    pub known_files: Arc<KnownFiles>,
    /// The outside dead-man's switch, where there is one.
    pub heartbeat: Option<Heartbeat>,
    /// How long an alert lives whose sender names no end, unless it is sent again.
    pub resolve_timeout: Duration,
    /// What severity and class alerts get that are sent here.
    pub classifier: Classifier,
    /// How long a silence may be that does not recur; as long as anybody likes where it is absent.
    pub silence_longest: Option<Duration>,
    /// When an alert is marked as flapping.
    pub flapping: FlappingRule,
    /// What tables add to annotations.
    pub enrichment: Enrichment,
    /// What stands in the configuration, is right in Alertmanager's, and changes nothing here.
    pub notes: Vec<ConfigError>,
}

/// Alertmanager's default. Source: prometheus/alertmanager `config.DefaultGlobalConfig`.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Who is told, and by which ways. Without integrations it swallows alerts, as in Alertmanager.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Unique.
    pub name: Arc<str>,
    /// Each is told of every notification, independently of the others.
    pub integrations: Vec<Integration>,
    /// The receiver that is told too while every integration here fails; it is among the receivers, and no chain of
    /// fallbacks comes back to where it began.
    pub fallback: Option<Arc<str>>,
}

impl Receiver {
    /// The ways to it, in the order of its integrations.
    pub fn ways(&self) -> impl Iterator<Item = IntegrationId> + '_ {
        self.integrations.iter().map(|integration| IntegrationId {
            receiver: Arc::clone(&self.name),
            channel: integration.settings.kind().name().into(),
            index: integration.index,
        })
    }
}

/// One entry of a receiver's `…_configs` list.
#[derive(Clone, Debug)]
pub struct Integration {
    /// Its place in the list of its channel, from 0.
    pub index: u32,
    /// What stands there, checked.
    pub settings: Arc<dyn IntegrationSettings>,
    /// How much it takes.
    pub terms: Terms,
}

/// A signed POST at every interval that says "alive": whoever waits for it pages when it stays away.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// Where to.
    pub url: Url,
    /// How often.
    pub interval: Duration,
    pub(crate) secret: Option<isobar_normalizer::Secret>,
}

/// The `alerting:` section of `isobar.yaml`: a file in Alertmanager's grammar, or the same keys inline.
#[derive(Debug)]
pub struct AlertingSection(Noted<RawFile>);

/// What an [`AlertingSection`] says.
#[derive(Clone, Debug)]
pub enum AlertingSource {
    /// Read this file and hand its text to [`AlertingConfig::parse`].
    File {
        /// As written; relative to the configuration file's folder.
        path: PathBuf,
        /// What is written beside it, so that the file stays readable for Alertmanager's own tools.
        beside: Box<Beside>,
    },
    /// It is all here.
    Inline(Box<AlertingConfig>),
}

/// What is ours and stands beside a file in Alertmanager's grammar; absent is what the file itself says.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    heartbeat: Option<Heartbeat>,
    silence_longest: Option<Duration>,
    flapping: Option<FlappingRule>,
}

impl Beside {
    /// The file's configuration with this put into it.
    #[must_use]
    pub fn put_into(self, config: AlertingConfig) -> AlertingConfig {
        AlertingConfig {
            heartbeat: self.heartbeat.or(config.heartbeat),
            silence_longest: self.silence_longest.or(config.silence_longest),
            flapping: self.flapping.unwrap_or(config.flapping),
            ..config
        }
    }
}

/// Often enough that a switch that waits for a few minutes misses several beats before it pages.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(60);

impl AlertingConfig {
    /// Reads a text of Alertmanager's grammar that names no files of templates.
    ///
    /// # Errors
    /// Those of [`Self::parse_with`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::parse_with(text, &|_| Err("there are no files to read here".to_owned()))
    }

    /// Reads a file of Alertmanager's grammar and the files of templates it names. Secrets are not read yet.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place: no YAML, an unknown key, a key that is not supported yet, a wrong
    /// value, a receiver or time interval that is not defined, a template that is none.
    pub fn parse_with(text: &str, files: &TemplateFiles<'_>) -> Result<Self, ConfigError> {
        let raw: Noted<RawFile> = serde_saphyr::from_str(text)?;
        if let Some(file) = &raw.value.file {
            return Err(ConfigError::at(file.referenced, "unknown key file: it stands in isobar.yaml only"));
        }
        if let Some(native) = &raw.value.native {
            return Err(ConfigError::at(
                native.referenced,
                "unknown key native: it stands in isobar.yaml only",
            ));
        }
        if let Some(classify) = &raw.value.classify {
            return Err(ConfigError::at(
                classify.referenced,
                "unknown key classify: it stands in isobar.yaml only",
            ));
        }
        if let Some(enrich) = &raw.value.enrich {
            return Err(ConfigError::at(
                enrich.referenced,
                "unknown key enrich: it stands in isobar.yaml only",
            ));
        }
        Self::build(raw, files)
    }

    /// The files that a pattern of `templates` matched when this was read, for [`Self::parse_with`] of another text:
    /// nothing is read from disk.
    ///
    /// # Errors
    /// The pattern is none of this configuration's.
    pub fn template_files(&self, pattern: &str) -> Result<Vec<(String, String)>, String> {
        self.known_files.of(pattern)
    }

    /// The receiver of this name.
    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|receiver| &*receiver.name == name)
    }
}

impl<'de> Deserialize<'de> for AlertingSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Noted::deserialize(deserializer).map(Self)
    }
}

impl AlertingSection {
    /// The file it refers to, where it does.
    pub fn file(&self) -> Option<&Path> {
        self.0.value.file.as_ref().map(|file| file.value.as_path())
    }

    /// The file of classes and severities of native alarms, for [`crate::NativeTable::parse`], where there is one; relative
    /// to the configuration file's folder.
    pub fn native_file(&self) -> Option<&Path> {
        self.0.value.native.as_ref().map(|native| native.value.file.as_path())
    }

    /// The file of severities and classes of alerts that are sent here, for [`Classifier::parse`], where there is one; relative
    /// to the configuration file's folder.
    pub fn classify_file(&self) -> Option<&Path> {
        self.0.value.classify.as_ref().map(|classify| classify.value.file.as_path())
    }

    /// What tables add to annotations; `read` finds the text of a file, its path being relative to the configuration file's
    /// folder.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place in the section.
    pub fn enrichment(
        &self,
        read: &mut dyn FnMut(&Path) -> Result<String, ConfigError>,
    ) -> Result<Enrichment, ConfigError> {
        let written = self.0.value.enrich.as_ref().map(|enrich| enrich.value.as_slice());
        Enrichment::read(written.unwrap_or_default(), read)
    }
}

impl AlertingSource {
    /// Checks what the section says; what stands in it reads its templates by `files`.
    ///
    /// # Errors
    /// Those of [`AlertingConfig::parse_with`], and keys of the file's beside `file`.
    pub fn read(section: AlertingSection, files: &TemplateFiles<'_>) -> Result<Self, ConfigError> {
        let AlertingSection(raw) = section;
        let Some(file) = &raw.value.file else {
            return AlertingConfig::build(raw, files).map(|config| Self::Inline(Box::new(config)));
        };
        if raw.value.has_routing() || !raw.notes.is_empty() {
            return Err(ConfigError::at(
                file.referenced,
                "file excludes route, receivers and what else stands in it: write them there, or remove file",
            ));
        }
        let path = file.value.clone();
        let beside = Box::new(Beside {
            heartbeat: raw.value.heartbeat.map(Heartbeat::try_from).transpose()?,
            silence_longest: silence_longest(raw.value.silences)?,
            flapping: raw.value.flapping.map(FlappingRule::try_from).transpose()?,
        });
        Ok(Self::File { path, beside })
    }
}

impl AlertingConfig {
    fn build(raw: Noted<RawFile>, files: &TemplateFiles<'_>) -> Result<Self, ConfigError> {
        let Noted { value: raw, mut notes } = raw;
        let Noted { value: global, notes: of_global } = raw.global.unwrap_or_default();
        notes.extend(of_global);
        if let Some(unsupported) = global.unsupported_for_mail() {
            if raw.receivers.iter().any(|receiver| receiver.value.has("email_configs")) {
                return Err(unsupported);
            }
            notes.push(unsupported);
        }
        let resolve_timeout = value::duration_or(global.resolve_timeout.as_ref(), RESOLVE_TIMEOUT)?;
        let (templates, known_files) = templates::read(&raw.templates, files, &mut notes)?;
        let global = Global::read(global, Arc::new(templates))?;
        let mut receivers: Vec<Receiver> = Vec::with_capacity(raw.receivers.len());
        let mut names: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut fallbacks = Vec::new();
        for Spanned { value: raw, referenced: location, .. } in raw.receivers {
            let named = raw.name.as_ref().filter(|name| !name.value.is_empty());
            let named = named.ok_or_else(|| ConfigError::at(location, "a receiver needs a name"))?;
            let (name, location): (Arc<str>, _) = (named.value.as_str().into(), named.referenced);
            if !names.insert(Arc::clone(&name)) {
                return Err(ConfigError::at(location, format!("receiver {name:?} is defined twice")));
            }
            fallbacks.extend(raw.fallback.as_ref().map(|fallback| (receivers.len(), fallback.referenced)));
            receivers.push(raw.check(name, &global)?);
        }
        for (place, location) in fallbacks {
            fallback::check(&receivers, place).map_err(|wrong| ConfigError::at(location, wrong))?;
        }
        let route = raw.route.ok_or_else(|| {
            ConfigError::whole("no route: write route: {receiver: NAME} and receivers: [{name: NAME}]")
        })?;
        let mut intervals = BTreeMap::new();
        for raw in raw.mute_time_intervals.into_iter().chain(raw.time_intervals) {
            let interval = Arc::new(interval(&raw.name, raw.time_intervals)?);
            if intervals.insert(Arc::clone(&interval.name), interval).is_some() {
                let wrong = format!("time interval {:?} is defined twice", raw.name.value);
                return Err(ConfigError::at(raw.name.referenced, wrong));
            }
        }
        let defined = route::Defined { receivers: names, intervals: intervals.keys().cloned().collect() };
        let inhibit_rules: Result<Arc<[InhibitRule]>, ConfigError> =
            raw.inhibit_rules.into_iter().map(InhibitRule::try_from).collect();
        Ok(Self {
            route: route::root(route, &defined)?,
            receivers,
            inhibit_rules: inhibit_rules?,
            intervals,
            templates: global.templates,
            known_files: Arc::new(known_files),
            heartbeat: raw.heartbeat.map(Heartbeat::try_from).transpose()?,
            resolve_timeout,
            classifier: Classifier::default(),
            silence_longest: silence_longest(raw.silences)?,
            flapping: raw.flapping.map(FlappingRule::try_from).transpose()?.unwrap_or_default(),
            enrichment: Enrichment::default(),
            notes,
        })
    }
}

fn interval(name: &Spanned<String>, periods: Vec<Period>) -> Result<TimeInterval, ConfigError> {
    if name.value.is_empty() {
        return Err(ConfigError::at(name.referenced, "a time interval needs a name"));
    }
    Ok(TimeInterval { name: name.value.as_str().into(), periods })
}

fn silence_longest(raw: Option<RawSilences>) -> Result<Option<Duration>, ConfigError> {
    let written = raw.and_then(|raw| raw.max_length);
    written.map(|text| value::positive_duration_or("max_length", Some(&text), Duration::ZERO)).transpose()
}

impl TryFrom<RawFlapping> for FlappingRule {
    type Error = ConfigError;

    fn try_from(raw: RawFlapping) -> Result<Self, ConfigError> {
        let usual = Self::default();
        let changes = match raw.changes {
            None => usual.changes,
            Some(changes) if (2..=CHANGES_MAX).contains(&changes.value) => changes.value,
            Some(changes) => {
                let wrong = format!("changes is {}: write 2 to {CHANGES_MAX}", changes.value);
                return Err(ConfigError::at(changes.referenced, wrong));
            }
        };
        Ok(Self {
            changes,
            within: value::positive_duration_or("within", raw.within.as_ref(), usual.within)?,
        })
    }
}

impl TryFrom<RawHeartbeat> for Heartbeat {
    type Error = ConfigError;

    fn try_from(raw: RawHeartbeat) -> Result<Self, ConfigError> {
        Ok(Self {
            url: value::http_url(&raw.url)?,
            interval: value::positive_duration_or("interval", raw.interval.as_ref(), HEARTBEAT_INTERVAL)?,
            secret: raw.secret,
        })
    }
}

#[cfg(test)]
mod tests;
