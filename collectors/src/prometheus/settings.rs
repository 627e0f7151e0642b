//! The `settings` table of a source of kind `prometheus`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use isobar_normalizer::{ConfigError, Step, read_part};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::http::{Grammar, HttpSettings, RawAuthorization, RawBasicAuth, RawTls, http_url};
use super::job::{Job, Scheme, TIMEOUT, duration, file_patterns};
use super::limits::RawLimits;
use super::query::{self, QuerySettings};
use super::relabel::{self, RawRule};
use super::scrape::Scraper;
use super::scrape_file;
use super::target::Discovered;
use crate::{Collector, SourceContext, SourceSettings};

/// The keys that say which of the three tables it is.
#[derive(Debug, Default, Deserialize)]
struct Probe {
    mode: Option<Spanned<String>>,
    scrape: Option<IgnoredAny>,
}

/// Reads the table that stands at `at`.
pub(super) fn read(document: &str, at: &[Step]) -> Result<Box<dyn SourceSettings>, ConfigError> {
    let probe: Probe = read_part(document, at)?.unwrap_or_default();
    let missing =
        || ConfigError::whole("a prometheus source needs settings: targets, file_sd, scrape or mode: query");
    match probe.mode.as_ref().map_or("scrape", |mode| &mode.value) {
        "query" => {
            let raw: query::RawQuerySettings = read_part(document, at)?.ok_or_else(missing)?;
            Ok(Box::new(QuerySettings::try_from(raw)?))
        }
        "scrape" if probe.scrape.is_some() => {
            let raw: RawFileSettings = read_part(document, at)?.ok_or_else(missing)?;
            Ok(Box::new(FileSettings { path: raw.scrape }))
        }
        "scrape" => {
            let raw: RawTargetSettings = read_part(document, at)?.ok_or_else(missing)?;
            Ok(Box::new(TargetSettings::try_from(raw)?))
        }
        other => {
            let at = probe.mode.as_ref().map_or(serde_saphyr::Location::UNKNOWN, |mode| mode.referenced);
            Err(ConfigError::at(at, format!("unknown mode {other:?}: one of scrape, query")))
        }
    }
}

/// Targets given in our own file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTargetSettings {
    #[serde(rename = "mode")]
    _mode: Option<IgnoredAny>,
    #[serde(default)]
    targets: Vec<Spanned<String>>,
    #[serde(default)]
    file_sd: Vec<Spanned<String>>,
    job: Option<String>,
    timeout: Option<Spanned<String>>,
    #[serde(default)]
    honor_labels: bool,
    honor_timestamps: Option<bool>,
    basic_auth: Option<Spanned<RawBasicAuth>>,
    authorization: Option<Spanned<RawAuthorization>>,
    tls_config: Option<Spanned<RawTls>>,
    #[serde(default)]
    relabel_configs: Vec<Spanned<RawRule>>,
    #[serde(default)]
    metric_relabel_configs: Vec<Spanned<RawRule>>,
    sample_limit: Option<usize>,
    label_limit: Option<usize>,
    label_name_length_limit: Option<usize>,
    label_value_length_limit: Option<usize>,
    body_size_limit: Option<Spanned<String>>,
}

/// Targets given in our own file, checked.
#[derive(Debug)]
struct TargetSettings {
    /// Its name is empty when the source's is to be used.
    job: Job,
    files: Vec<Spanned<String>>,
}

impl TryFrom<RawTargetSettings> for TargetSettings {
    type Error = ConfigError;

    fn try_from(raw: RawTargetSettings) -> Result<Self, ConfigError> {
        if raw.targets.is_empty() && raw.file_sd.is_empty() {
            return Err(ConfigError::whole(
                "the source has nothing to scrape: give targets, file_sd or scrape",
            ));
        }
        let targets = raw.targets.iter().map(target).collect::<Result<_, _>>()?;
        let job = Job {
            name: raw.job.unwrap_or_default(),
            interval: None,
            timeout: duration(raw.timeout.as_ref())?.unwrap_or(TIMEOUT),
            scheme: Scheme::default(),
            metrics_path: "/metrics".to_owned(),
            params: BTreeMap::new(),
            honor_labels: raw.honor_labels,
            honor_timestamps: raw.honor_timestamps.unwrap_or(true),
            relabel: relabel::check(raw.relabel_configs)?,
            metric_relabel: relabel::check(raw.metric_relabel_configs)?,
            limits: RawLimits {
                samples: raw.sample_limit,
                labels: raw.label_limit,
                label_name: raw.label_name_length_limit,
                label_value: raw.label_value_length_limit,
                body: raw.body_size_limit,
            }
            .check()?,
            external: BTreeMap::new(),
            targets,
            files: Vec::new(),
            refresh: None,
            http: HttpSettings::new(raw.basic_auth, raw.authorization, raw.tls_config)?,
        };
        Ok(Self { job, files: raw.file_sd })
    }
}

impl SourceSettings for TargetSettings {
    fn build(&self, context: SourceContext<'_>) -> Result<Box<dyn Collector>, ConfigError> {
        let mut job = self.job.clone();
        job.files = file_patterns(self.files.iter().cloned(), context.base_dir)?;
        job.timeout = job.timeout.min(context.interval);
        if job.name.is_empty() {
            context.name.clone_into(&mut job.name);
        }
        let http = job.http.build(context.egress, context.secrets, context.base_dir, Grammar::Isobar)?;
        Ok(Box::new(Scraper::new(context.name, context.interval, vec![(job, http)])?))
    }
}

/// A target written as the URL of its page.
fn target(text: &Spanned<String>) -> Result<Discovered, ConfigError> {
    let wrong = |what: String| ConfigError::at(text.referenced, what);
    let url = http_url(text, "a target", "http://host:port/metrics")?;
    let host = url.host_str().unwrap_or_default();
    let address = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut labels = Discovered::from([
        ("__address__".to_owned(), address),
        ("__scheme__".to_owned(), url.scheme().to_owned()),
        ("__metrics_path__".to_owned(), url.path().to_owned()),
    ]);
    for (name, value) in url.query_pairs() {
        if labels.insert(format!("__param_{name}"), value.into_owned()).is_some() {
            return Err(wrong(format!("parameter {name:?} is given twice: use scrape with params")));
        }
    }
    Ok(labels)
}

/// Targets given in a `prometheus.yml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFileSettings {
    #[serde(rename = "mode")]
    _mode: Option<IgnoredAny>,
    scrape: Spanned<PathBuf>,
}

#[derive(Debug)]
struct FileSettings {
    path: Spanned<PathBuf>,
}

impl SourceSettings for FileSettings {
    fn build(&self, context: SourceContext<'_>) -> Result<Box<dyn Collector>, ConfigError> {
        let path = context.base_dir.join(&self.path.value);
        let inside =
            |error: ConfigError| ConfigError::at(self.path.referenced, format!("{}:{error}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|error| {
            ConfigError::at(self.path.referenced, format!("cannot read {}: {error}", path.display()))
        })?;
        let folder = path.parent().unwrap_or(context.base_dir);
        let file = scrape_file::read(&text, folder).map_err(inside)?;
        for (key, reason) in file.ignored {
            tracing::info!(source = context.name, file = %path.display(), key, reason, "not used");
        }
        let mut jobs = Vec::new();
        for mut job in file.jobs {
            job.timeout = job.timeout.min(job.interval.unwrap_or(context.interval));
            let http = job.http.build(context.egress, context.secrets, folder, Grammar::Prometheus);
            jobs.push((job, http.map_err(inside)?));
        }
        Ok(Box::new(Scraper::new(context.name, context.interval, jobs).map_err(inside)?))
    }
}
