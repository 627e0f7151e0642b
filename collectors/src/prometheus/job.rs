//! A job: how a group of targets is found and scraped. Our own settings and `prometheus.yml` both come down to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use isobar_normalizer::{ConfigError, Secret, format_duration, parse_duration};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::discovery::{FilePattern, RawGroup, discovered};
use super::http::{HttpSettings, RawAuthorization, RawBasicAuth, RawTls};
use super::limits::{Limits, RawLimits};
use super::relabel::{self, RawRule, Rule};
use super::target::Discovered;

/// Prometheus' default.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// Nothing is scraped or read again more often, whatever a file says: as for a source's own interval.
pub(crate) const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// How often target files are read again unless a `prometheus.yml` says otherwise: Prometheus' default.
const REFRESH: Duration = Duration::from_secs(5 * 60);

/// A scrape configuration, checked.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The label `job`.
    pub(crate) name: String,
    /// `None` means the source's own interval.
    pub(crate) interval: Option<Duration>,
    pub(crate) timeout: Duration,
    pub(crate) scheme: Scheme,
    pub(crate) metrics_path: String,
    pub(crate) params: BTreeMap<String, Vec<String>>,
    pub(crate) honor_labels: bool,
    pub(crate) honor_timestamps: bool,
    pub(crate) relabel: Vec<Rule>,
    pub(crate) metric_relabel: Vec<Rule>,
    pub(crate) limits: Limits,
    /// Labels for series that have none of the name: `external_labels`.
    pub(crate) external: BTreeMap<String, String>,
    pub(crate) targets: Vec<Discovered>,
    pub(crate) files: Vec<FilePattern>,
    /// The files are read again at least this often; `None` means at the source's own interval.
    pub(crate) refresh: Option<Duration>,
    pub(crate) http: HttpSettings,
}

/// How a target is spoken to.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scheme {
    #[default]
    Http,
    Https,
}

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// An entry of `scrape_configs`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawScrapeConfig {
    pub(crate) job_name: Spanned<String>,
    scrape_interval: Option<Spanned<String>>,
    scrape_timeout: Option<Spanned<String>>,
    metrics_path: Option<String>,
    scheme: Option<Scheme>,
    #[serde(default)]
    params: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    honor_labels: bool,
    honor_timestamps: Option<bool>,
    basic_auth: Option<Spanned<RawBasicAuth>>,
    authorization: Option<Spanned<RawAuthorization>>,
    bearer_token: Option<Spanned<Secret>>,
    bearer_token_file: Option<Spanned<PathBuf>>,
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
    #[serde(default)]
    static_configs: Vec<Spanned<RawGroup>>,
    #[serde(default)]
    file_sd_configs: Vec<RawFileDiscovery>,
}

/// An entry of `file_sd_configs`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFileDiscovery {
    files: Vec<Spanned<String>>,
    refresh_interval: Option<Spanned<String>>,
}

/// What `global` gives every job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) interval: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) external: BTreeMap<String, String>,
}

impl RawScrapeConfig {
    /// Checks the entry. Relative paths start at `base_dir`.
    pub(crate) fn check(self, defaults: &Defaults, base_dir: &Path) -> Result<Job, ConfigError> {
        if self.job_name.value.is_empty() {
            return Err(ConfigError::at(self.job_name.referenced, "job_name cannot be empty"));
        }
        let scrape_interval = interval(self.scrape_interval.as_ref())?.or(defaults.interval);
        let own_timeout = duration(self.scrape_timeout.as_ref())?;
        if let (Some(timeout), Some(interval), Some(text)) =
            (own_timeout, scrape_interval, &self.scrape_timeout)
            && timeout > interval
        {
            let message = "scrape_timeout is longer than scrape_interval: a scrape would outlast its turn";
            return Err(ConfigError::at(text.referenced, message));
        }
        let timeout = own_timeout.or(defaults.timeout).unwrap_or(TIMEOUT);
        let mut targets = Vec::new();
        for Spanned { value, referenced, .. } in self.static_configs {
            targets.extend(discovered(value).map_err(|wrong| ConfigError::at(referenced, wrong))?);
        }
        let mut refresh: Option<Duration> = None;
        let mut files = Vec::new();
        for discovery in self.file_sd_configs {
            let own = interval(discovery.refresh_interval.as_ref())?.unwrap_or(REFRESH);
            refresh = Some(refresh.map_or(own, |shortest| shortest.min(own)));
            files.extend(file_patterns(discovery.files, base_dir)?);
        }
        Ok(Job {
            name: self.job_name.value,
            interval: scrape_interval,
            timeout: scrape_interval.map_or(timeout, |interval| timeout.min(interval)),
            scheme: self.scheme.unwrap_or_default(),
            metrics_path: self.metrics_path.unwrap_or_else(|| "/metrics".to_owned()),
            params: self.params,
            honor_labels: self.honor_labels,
            honor_timestamps: self.honor_timestamps.unwrap_or(true),
            relabel: relabel::check(self.relabel_configs)?,
            metric_relabel: relabel::check(self.metric_relabel_configs)?,
            limits: RawLimits {
                samples: self.sample_limit,
                labels: self.label_limit,
                label_name: self.label_name_length_limit,
                label_value: self.label_value_length_limit,
                body: self.body_size_limit,
            }
            .check()?,
            external: defaults.external.clone(),
            targets,
            files,
            refresh,
            http: HttpSettings::new(self.basic_auth, self.authorization, self.tls_config)?
                .with_bearer(self.bearer_token, self.bearer_token_file)?,
        })
    }
}

/// Checks the patterns of target files.
pub(crate) fn file_patterns(
    patterns: impl IntoIterator<Item = Spanned<String>>,
    base_dir: &Path,
) -> Result<Vec<FilePattern>, ConfigError> {
    let check = |Spanned { value, referenced, .. }: Spanned<String>| {
        FilePattern::new(base_dir, &value).map_err(|wrong| ConfigError::at(referenced, wrong))
    };
    patterns.into_iter().map(check).collect()
}

/// An interval: a duration of at least [`INTERVAL_MIN`].
pub(crate) fn interval(text: Option<&Spanned<String>>) -> Result<Option<Duration>, ConfigError> {
    let interval = duration(text)?;
    match (interval, text) {
        (Some(short), Some(Spanned { value, referenced, .. })) if short < INTERVAL_MIN => {
            let message = format!("{value} is too short: at least {}", format_duration(INTERVAL_MIN));
            Err(ConfigError::at(*referenced, message))
        }
        _ => Ok(interval),
    }
}

/// A duration that is not zero.
pub(crate) fn duration(text: Option<&Spanned<String>>) -> Result<Option<Duration>, ConfigError> {
    let Some(Spanned { value, referenced, .. }) = text else { return Ok(None) };
    let wrong = |message: String, at: Location| Err(ConfigError::at(at, message));
    match parse_duration(value) {
        Ok(duration) if duration.is_zero() => {
            wrong("must be longer than zero, like 15s".to_owned(), *referenced)
        }
        Ok(duration) => Ok(Some(duration)),
        Err(error) => wrong(error.to_string(), *referenced),
    }
}
