//! The configuration: one `isobar.yaml` and the files it names, read whole before anything changes.

mod files;
mod journal;
mod raw;
mod shown;
mod started;

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use isobar_alerting::{
    AlertingConfig, AlertingSection, AlertingSource, Classifier, NativeTable, Policies, Policy,
};
use isobar_collectors::push::{HOOK_KINDS, Hook, HookAuth};
use isobar_collectors::{Clouds, InUse, SourceSettings};
use isobar_dashboards::{SecurityOptions, ServerConfig};
use isobar_normalizer::{ConfigError, MappingFile, Mappings, NativeMappings, Registry, Step};
use isobar_runbooks::Runbooks;

use crate::api::{ALERTMANAGER, REMOTE_WRITE};
use crate::secrets::EnvironmentAndFiles;
use files::Files;
use raw::{Duplicates, RawConfig, RawHook, RawSource};

pub use files::templates;
pub use journal::{CheckpointConfig, PlaceConfig, PlaceTarget};
pub use shown::Shown;
pub use started::Started;

/// Swallows every alert: what runs when no `alerting:` is configured, so that alerts are still listed.
const NO_RECEIVER: &str = "{route: {receiver: nobody}, receivers: [{name: nobody}]}";

/// A configuration that was found valid. Secrets are still references.
#[derive(Debug)]
pub struct Config {
    /// Where the API listens.
    pub server: ServerConfig,
    /// Who may use it.
    pub security: SecurityOptions,
    /// Private networks that receivers may be in.
    pub allow_private: Vec<IpNet>,
    /// How long samples are kept.
    pub retention: Duration,
    /// When and where checkpoints of the journal are kept.
    pub checkpoints: Option<CheckpointConfig>,
    /// What is collected.
    pub sources: Vec<SourceConfig>,
    /// What is watched for.
    pub policies: Vec<Policy>,
    /// What policies may ask to be done.
    pub runbooks: Runbooks,
    /// Whose webhooks are taken.
    pub hooks: Vec<HookConfig>,
    /// Who is told.
    pub alerting: AlertingConfig,
    /// What is right and changes nothing, and where it stands.
    pub notes: Vec<Problem>,
    /// The same as it may be shown.
    pub alerting_shown: Shown,
    /// What class and severity providers' own alarms get.
    pub native: NativeTable,
    /// What raw metrics mean.
    pub mappings: Arc<Mappings>,
    /// What clouds' metrics mean, and which of them policies read.
    pub clouds: Clouds,
    /// Reads secrets; relative paths start at its folder.
    pub secrets: EnvironmentAndFiles,
    /// What a reload may not change.
    pub started: Started,
}

impl Config {
    /// Tells the log what changes nothing.
    pub fn log_notes(&self) {
        for note in &self.notes {
            tracing::warn!(%note, "the configuration says something that changes nothing");
        }
    }

    /// Every name under which alerts may be reported: the sources, and what is pushed.
    pub fn reporters(&self) -> BTreeSet<String> {
        self.sources.iter().map(|source| source.name.to_string()).chain([REMOTE_WRITE.to_owned()]).collect()
    }
}

/// One entry of `sources:`.
#[derive(Debug)]
pub struct SourceConfig {
    /// Unique.
    pub name: Arc<str>,
    /// One of the collector kinds.
    pub kind: &'static str,
    /// How often it is collected.
    pub interval: Duration,
    /// Its own table.
    pub settings: Box<dyn SourceSettings>,
}

/// One entry of `hooks:`.
#[derive(Debug)]
pub struct HookConfig {
    /// Unique.
    pub name: String,
    /// One of the kinds of hooks.
    pub kind: &'static str,
    /// Who may send; secrets are still references.
    pub auth: HookAuth,
    /// Reads what is sent.
    pub reader: Arc<dyn Hook>,
}

/// Something wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// The place in it and what would be right.
    pub error: ConfigError,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match self.error.line {
            0 => write!(f, "{file}: {}", self.error.message),
            _ => write!(f, "{file}:{}", self.error),
        }
    }
}

/// Everything that is wrong with a configuration, one complaint a line: `file:line:column: what`.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines(.0))]
pub struct Problems(pub Vec<Problem>);

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads the file and everything it names. `listen` is the command line's address, which takes the place of the file's
/// before anything is judged: what may be served there depends on it.
///
/// # Errors
/// Every independent mistake that was found, in the order of the file.
pub fn load(path: &Path, listen: Option<SocketAddr>) -> Result<Config, Vec<Problem>> {
    let base_dir = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let whole = |error: ConfigError| vec![Problem { file: path.to_owned(), error }];
    let document = files::read(path).map_err(whole)?;
    let mut raw: RawConfig = serde_saphyr::from_str(&document).map_err(|error| whole(error.into()))?;
    if let Some(listen) = listen {
        raw.server.listen_on(listen);
    }
    let secrets = EnvironmentAndFiles { base_dir: base_dir.clone() };
    let mut problems = Vec::new();
    let mut note = |file: &Path, error: ConfigError| problems.push(Problem { file: file.to_owned(), error });
    let files = Files { config: path, base_dir: &base_dir };

    let security = SecurityOptions::resolve(&raw.server, &raw.security, &secrets)
        .map_err(|error| note(path, error))
        .ok();
    let checkpoints = raw.journal.check(&base_dir).unwrap_or_else(|error| {
        note(path, error);
        None
    });
    let mut duplicates = Duplicates::default();
    let mut sources = Vec::new();
    for (index, raw) in raw.sources.into_iter().enumerate() {
        match duplicates.check(&raw.name).and_then(|()| source(raw, &document, index)) {
            Ok(source) => sources.push(source),
            Err(error) => note(path, error),
        }
    }
    let mut hooks: Vec<HookConfig> = Vec::new();
    for (index, raw) in raw.hooks.into_iter().enumerate() {
        match hook(raw, &document, index, &hooks) {
            Ok(hook) => hooks.push(hook),
            Err(error) => note(path, error),
        }
    }
    let mut policies = Policies::with_runbooks(raw.runbooks.iter().map(|raw| raw.name().to_owned()));
    let policies_read = files.each(&raw.policies, &mut note, |text| policies.add(text));
    let policies = policies.into_vec();
    let mut runbooks = Runbooks::default();
    for raw in raw.runbooks {
        if let Err(error) = runbooks.add(raw) {
            note(path, error);
        }
    }
    // A policy that cannot be read may be the one that names it.
    if policies_read {
        let named = policies.iter().filter_map(|policy| policy.respond.as_deref());
        runbooks.unused(named).into_iter().for_each(|error| note(path, error));
    }
    let (mut mappings, mut native) = (Mappings::builtin(), NativeMappings::builtin());
    let mut mapping_texts = Vec::new();
    files.each(&raw.mappings, &mut note, |text| {
        mapping_texts.push(text.to_owned());
        match MappingFile::load(text)? {
            MappingFile::Streaming(one) => mappings = std::mem::take(&mut mappings).with(one),
            MappingFile::Native(one) => native = std::mem::take(&mut native).with(one),
        }
        Ok(())
    });
    let table = native_table(raw.alerting.as_ref(), &files, &mut note);
    let classifier = classifier(raw.alerting.as_ref(), &files, &mut note);
    let mut read = |table: &Path| files::read(&files.base_dir.join(table));
    let tables = raw.alerting.as_ref().map(|section| section.enrichment(&mut read)).transpose();
    let enrichment = tables.unwrap_or_else(|error| {
        note(path, error);
        None
    });
    let enrichment = enrichment.unwrap_or_default();
    let alerting_shown = alerting_shown(raw.alerting.as_ref(), &document, &files);
    let own_templates = |pattern: &str| files::templates(&base_dir, pattern);
    let alerting = match raw.alerting.map(|raw| AlertingSource::read(raw, &own_templates)).transpose() {
        Ok(source) => alerting(source, &files, &mut note)
            .map(|(config, notes)| (AlertingConfig { classifier, enrichment, ..config }, notes)),
        Err(error) => {
            note(path, error);
            None
        }
    };
    let clouds = Clouds { mappings: Arc::new(native), in_use: InUse::default() };
    clouds.in_use.set(policies.iter().map(|policy| canonical(&policy.metric)).collect());
    match (security, alerting, problems.is_empty()) {
        (Some(security), Some((alerting, notes)), true) => Ok(Config {
            server: raw.server,
            security,
            allow_private: raw.security.allow_private_targets,
            retention: raw.store.retention,
            checkpoints,
            sources,
            policies,
            runbooks,
            hooks,
            alerting,
            alerting_shown,
            notes,
            native: table,
            mappings: Arc::new(mappings),
            clouds,
            secrets,
            started: Started::of(&document, mapping_texts),
        }),
        _ => Err(problems),
    }
}

/// The metric by its dotted name, where it is a canonical one.
fn canonical(metric: &str) -> String {
    let registry = Registry::builtin();
    registry.by_alias(metric).map_or_else(|| metric.to_owned(), |known| known.name().to_owned())
}

/// Reads one source's own table where it stands.
fn source(raw: RawSource, document: &str, index: usize) -> Result<SourceConfig, ConfigError> {
    let kind = isobar_collectors::KINDS.iter().find(|kind| kind.name() == raw.kind.value);
    let Some(kind) = kind else {
        let known: Vec<&str> = isobar_collectors::KINDS.iter().map(|kind| kind.name()).collect();
        let message = format!("unknown kind {:?}: one of {}", raw.kind.value, known.join(", "));
        return Err(ConfigError::at(raw.kind.referenced, message));
    };
    let settings = kind.read(document, &[Step::Key("sources"), Step::Item(index), Step::Key("settings")])?;
    Ok(SourceConfig { name: raw.name.value.into(), kind: kind.name(), interval: raw.interval, settings })
}

/// Reads one hook's own table where it stands.
fn hook(
    raw: RawHook,
    document: &str,
    index: usize,
    others: &[HookConfig],
) -> Result<HookConfig, ConfigError> {
    let RawHook { name, kind, auth, .. } = raw;
    let known = HOOK_KINDS.iter().find(|one| one.name() == kind.value);
    let Some(known) = known else {
        let names: Vec<&str> = HOOK_KINDS.iter().map(|kind| kind.name()).collect();
        let message = format!("unknown kind {:?}: one of {}", kind.value, names.join(", "));
        return Err(ConfigError::at(kind.referenced, message));
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let wrong = if name.value.is_empty() || !name.value.chars().all(plain) {
        Some("is part of a path: letters, digits, - _ and .")
    } else if name.value == ALERTMANAGER {
        Some("is what Alertmanager's API is called: take another name")
    } else if others.iter().any(|other| other.name == name.value) {
        Some("is given twice: names are unique")
    } else {
        None
    };
    if let Some(wrong) = wrong {
        return Err(ConfigError::at(name.referenced, format!("hook {:?} {wrong}", name.value)));
    }
    let reader = known.build(document, &[Step::Key("hooks"), Step::Item(index), Step::Key("settings")])?;
    Ok(HookConfig { name: name.value, kind: known.name(), auth, reader: reader.into() })
}

/// The table that the user adds to the one carried.
fn native_table(
    section: Option<&AlertingSection>,
    files: &Files<'_>,
    note: &mut dyn FnMut(&Path, ConfigError),
) -> NativeTable {
    let Some(path) = section.and_then(AlertingSection::native_file) else { return NativeTable::default() };
    let path = files.base_dir.join(path);
    files::read(&path).and_then(|text| NativeTable::parse(&text)).unwrap_or_else(|error| {
        note(&path, error);
        NativeTable::default()
    })
}

/// The same for alerts that are sent here.
fn classifier(
    section: Option<&AlertingSection>,
    files: &Files<'_>,
    note: &mut dyn FnMut(&Path, ConfigError),
) -> Classifier {
    let Some(path) = section.and_then(AlertingSection::classify_file) else { return Classifier::default() };
    let path = files.base_dir.join(path);
    files::read(&path).and_then(|text| Classifier::parse(&text)).unwrap_or_else(|error| {
        note(&path, error);
        Classifier::default()
    })
}

/// Who is told, and what of that changes nothing.
fn alerting(
    source: Option<AlertingSource>,
    files: &Files<'_>,
    note: &mut dyn FnMut(&Path, ConfigError),
) -> Option<(AlertingConfig, Vec<Problem>)> {
    let noted = |file: &Path, config: AlertingConfig| {
        let problem = |error: &ConfigError| Problem { file: file.to_owned(), error: error.clone() };
        let notes = config.notes.iter().map(problem).collect();
        (config, notes)
    };
    match source {
        None => {
            let config = AlertingConfig::parse(NO_RECEIVER).expect("the embedded text is read by the tests");
            Some((config, Vec::new()))
        }
        Some(AlertingSource::Inline(config)) => Some(noted(files.config, *config)),
        Some(AlertingSource::File { path, beside }) => {
            let path = files.base_dir.join(path);
            let folder = path.parent().unwrap_or(files.base_dir);
            let templates = |pattern: &str| files::templates(folder, pattern);
            let config = files::read(&path).and_then(|text| AlertingConfig::parse_with(&text, &templates));
            match config {
                Ok(config) => Some(noted(&path, beside.put_into(config))),
                Err(error) => {
                    note(&path, error);
                    None
                }
            }
        }
    }
}

/// The alerting configuration as it is shown; empty where it is wrong, which is complained of elsewhere.
fn alerting_shown(section: Option<&AlertingSection>, document: &str, files: &Files<'_>) -> Shown {
    let shown = match section.map(AlertingSection::file) {
        None => Shown::of_file(NO_RECEIVER, "{}"),
        Some(None) => Shown::of_section(document),
        Some(Some(path)) => {
            files::read(&files.base_dir.join(path)).and_then(|text| Shown::of_file(&text, document))
        }
    };
    shown.unwrap_or_default()
}

#[cfg(test)]
mod tests;
