//! `prometheus.yml`: its `global` and `scrape_configs`.

use std::collections::BTreeMap;
use std::path::Path;

use isobar_normalizer::ConfigError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::job::{Defaults, Job, RawScrapeConfig, duration, interval};

/// The whole file. What is not scraping is read over and said so; what would change how Prometheus scrapes and is not
/// supported is an unknown key, and so refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    global: RawGlobal,
    #[serde(default)]
    scrape_configs: Vec<RawScrapeConfig>,
    alerting: Option<IgnoredAny>,
    rule_files: Option<IgnoredAny>,
    remote_write: Option<IgnoredAny>,
    remote_read: Option<IgnoredAny>,
    storage: Option<IgnoredAny>,
    tracing: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGlobal {
    scrape_interval: Option<Spanned<String>>,
    scrape_timeout: Option<Spanned<String>>,
    evaluation_interval: Option<IgnoredAny>,
    #[serde(default)]
    external_labels: BTreeMap<String, Spanned<String>>,
}

/// The jobs of a file, and what of the file was passed over.
#[derive(Debug)]
pub(crate) struct ScrapeFile {
    pub(crate) jobs: Vec<Job>,
    /// Key and reason.
    pub(crate) ignored: Vec<(&'static str, &'static str)>,
}

/// Reads the file's text. Relative paths in it start at its own folder.
pub(crate) fn read(text: &str, folder: &Path) -> Result<ScrapeFile, ConfigError> {
    let file: RawFile = serde_saphyr::from_str(text)?;
    let mut external = BTreeMap::new();
    for (name, value) in file.global.external_labels {
        if value.value.contains('$') {
            let message = "references to the environment are not resolved here: write the value itself";
            return Err(ConfigError::at(value.referenced, message));
        }
        external.insert(name, value.value);
    }
    let defaults = Defaults {
        interval: interval(file.global.scrape_interval.as_ref())?,
        timeout: duration(file.global.scrape_timeout.as_ref())?,
        external,
    };
    let mut jobs: Vec<Job> = Vec::new();
    for config in file.scrape_configs {
        let at = config.job_name.referenced;
        let job = config.check(&defaults, folder)?;
        if jobs.iter().any(|known| known.name == job.name) {
            return Err(ConfigError::at(at, format!("job_name {:?} is given twice", job.name)));
        }
        jobs.push(job);
    }
    if jobs.is_empty() {
        return Err(ConfigError::whole("the file has no scrape_configs"));
    }
    let sections = [
        (file.alerting.is_some(), "alerting", "alerts are sent as the alerting section of isobar.yaml says"),
        (file.rule_files.is_some(), "rule_files", "rule files are listed under rules in isobar.yaml"),
        (file.remote_write.is_some(), "remote_write", "samples stay here and go nowhere else"),
        (file.remote_read.is_some(), "remote_read", "queries read what is stored here"),
        (file.storage.is_some(), "storage", "the store is set up by the store section of isobar.yaml"),
        (file.tracing.is_some(), "tracing", "it is about that Prometheus' own traces"),
        (file.global.evaluation_interval.is_some(), "evaluation_interval", "it is about rules, not scraping"),
    ];
    let ignored = sections.into_iter().filter(|(given, ..)| *given).map(|(_, key, reason)| (key, reason));
    Ok(ScrapeFile { jobs, ignored: ignored.collect() })
}

#[cfg(test)]
mod tests;
