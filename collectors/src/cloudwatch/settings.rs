//! The `settings` table of a source of kind `cloudwatch`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use globset::{Glob, GlobSet, GlobSetBuilder};
use isobar_normalizer::{ConfigError, Provider, Step, format_duration, parse_duration, read_part};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::collector::CloudWatch;
use super::credentials::{CredentialSettings, RawCredentials};
use super::severity::{RawSeverity, SeverityRules};
use crate::{Collector, SourceContext, SourceSettings};

/// Metrics that no policy reads, unless the source says otherwise.
const OTHER_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// How much of the past is read at the start: the retention of the finest periods.
const BACKFILL: Duration = Duration::from_secs(3 * 3600);
/// A day of minutes is what one query gives in one page.
const BACKFILL_MAX: Duration = Duration::from_secs(24 * 3600);
/// New metrics take up to 15 minutes to be listed, so that asking more often finds nothing more.
const DISCOVERY_MIN: Duration = Duration::from_secs(10 * 60);
const ALARMS_INTERVAL: Duration = Duration::from_secs(60);
const INVENTORY_INTERVAL: Duration = Duration::from_secs(10 * 60);
/// Nothing is asked of AWS more often than this.
const INTERVAL_MIN: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(20);
/// Statistics of one metric; five are billed as one.
const STATISTICS_MAX: usize = 20;

/// Reads the table that stands at `at`.
pub(super) fn read(document: &str, at: &[Step]) -> Result<Box<dyn SourceSettings>, ConfigError> {
    let raw: Option<RawSettings> = read_part(document, at)?;
    let raw = raw.ok_or_else(|| ConfigError::whole("a cloudwatch source needs settings: regions"))?;
    Ok(Box::new(Settings::try_from(raw)?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSettings {
    regions: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    accounts: Vec<RawAccount>,
    endpoint_url: Option<Spanned<String>>,
    #[serde(default)]
    endpoints: RawEndpoints,
    proxy: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    credentials: Option<Spanned<RawCredentials>>,
    namespaces: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    metrics: Vec<Spanned<RawMetric>>,
    tags: Option<Vec<Spanned<String>>>,
    recently_active: Option<bool>,
    discovery_interval: Option<Spanned<String>>,
    other_interval: Option<Spanned<String>>,
    backfill: Option<Spanned<String>>,
    alarms: Option<RawAlarms>,
    inventory: Option<RawInventory>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAccount {
    role_arn: Spanned<String>,
    external_id: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEndpoints {
    cloudwatch: Option<Spanned<String>>,
    tagging: Option<Spanned<String>>,
    sts: Option<Spanned<String>>,
    ec2: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMetric {
    namespace: String,
    metric: String,
    statistics: Vec<String>,
    dimensions: Option<Vec<String>>,
    period: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAlarms {
    enabled: Option<bool>,
    interval: Option<Spanned<String>>,
    severity: Option<Spanned<RawSeverity>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInventory {
    enabled: Option<bool>,
    interval: Option<Spanned<String>>,
}

/// Settings, checked as far as the text goes.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) regions: Vec<Arc<str>>,
    /// Empty for the account of the credentials themselves.
    pub(super) accounts: Vec<AccountSettings>,
    pub(super) endpoints: Endpoints,
    pub(super) proxy: Option<Url>,
    pub(super) timeout: Duration,
    pub(super) credentials: CredentialSettings,
    /// `None` for every mapped one.
    namespaces: Option<Vec<Spanned<String>>>,
    pub(super) metrics: Vec<ExtraMetric>,
    pub(super) tags: TagFilter,
    pub(super) is_recently_active: bool,
    pub(super) discovery_interval: Duration,
    pub(super) other_interval: Duration,
    pub(super) backfill: Duration,
    /// `None` when alarms are not looked at.
    pub(super) alarms: Option<(Duration, SeverityRules)>,
    /// `None` when inventory is not looked at.
    pub(super) inventory: Option<Duration>,
}

/// An account that a role is assumed in.
#[derive(Clone, Debug)]
pub(super) struct AccountSettings {
    /// Twelve digits, out of the role's ARN.
    pub(super) id: Arc<str>,
    pub(super) role_arn: String,
    pub(super) external_id: Option<String>,
    /// As people call it; empty when nobody does.
    pub(super) name: String,
}

/// Where the services answer, where that is not AWS.
#[derive(Clone, Debug, Default)]
pub(super) struct Endpoints {
    pub(super) cloudwatch: Option<String>,
    pub(super) tagging: Option<String>,
    pub(super) sts: Option<String>,
    pub(super) ec2: Option<String>,
}

/// A metric that no mapping knows, to be kept as it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ExtraMetric {
    pub(super) namespace: Arc<str>,
    pub(super) metric: Arc<str>,
    pub(super) statistics: Vec<Arc<str>>,
    /// The exact names, sorted; `None` for any.
    pub(super) dimensions: Option<Vec<String>>,
    pub(super) period: Duration,
}

/// Which tags are taken: those of the patterns, or all but those that AWS sets itself.
#[derive(Clone, Debug, Default)]
pub(super) struct TagFilter(Option<GlobSet>);

impl TagFilter {
    pub(super) fn takes(&self, key: &str) -> bool {
        self.0.as_ref().map_or_else(|| !key.starts_with("aws:"), |patterns| patterns.is_match(key))
    }

    fn new(patterns: Option<Vec<Spanned<String>>>) -> Result<Self, ConfigError> {
        let Some(patterns) = patterns else { return Ok(Self(None)) };
        let mut set = GlobSetBuilder::new();
        for Spanned { value, referenced, .. } in &patterns {
            set.add(Glob::new(value).map_err(|error| ConfigError::at(*referenced, error.to_string()))?);
        }
        Ok(Self(Some(set.build().map_err(|error| ConfigError::whole(error.to_string()))?)))
    }
}

impl TryFrom<RawSettings> for Settings {
    type Error = ConfigError;

    fn try_from(raw: RawSettings) -> Result<Self, ConfigError> {
        let timeout = duration(raw.timeout.as_ref(), Duration::from_millis(100))?.unwrap_or(TIMEOUT);
        let backfill = duration(raw.backfill.as_ref(), Duration::ZERO)?.unwrap_or(BACKFILL);
        if let Some(text) = raw.backfill.as_ref().filter(|_| backfill > BACKFILL_MAX) {
            let message = format!("{} is too long: at most {}", text.value, format_duration(BACKFILL_MAX));
            return Err(ConfigError::at(text.referenced, message));
        }
        let default = raw.endpoint_url.as_ref().map(endpoint).transpose()?;
        let own = |given: Option<Spanned<String>>| {
            let own = given.as_ref().map(endpoint).transpose()?;
            Ok::<_, ConfigError>(own.or_else(|| default.clone()))
        };
        Ok(Self {
            regions: regions(raw.regions)?,
            accounts: accounts(raw.accounts)?,
            endpoints: Endpoints {
                cloudwatch: own(raw.endpoints.cloudwatch)?,
                tagging: own(raw.endpoints.tagging)?,
                sts: own(raw.endpoints.sts)?,
                ec2: own(raw.endpoints.ec2)?,
            },
            proxy: raw.proxy.as_ref().map(proxy).transpose()?,
            timeout,
            credentials: CredentialSettings::new(raw.credentials)?,
            namespaces: raw.namespaces,
            metrics: raw.metrics.into_iter().map(extra).collect::<Result<_, _>>()?,
            tags: TagFilter::new(raw.tags)?,
            is_recently_active: raw.recently_active.unwrap_or(true),
            discovery_interval: duration(raw.discovery_interval.as_ref(), DISCOVERY_MIN)?
                .unwrap_or(DISCOVERY_MIN),
            other_interval: duration(raw.other_interval.as_ref(), Duration::from_secs(60))?
                .unwrap_or(OTHER_INTERVAL),
            backfill,
            alarms: alarms(raw.alarms)?,
            inventory: inventory(raw.inventory)?,
        })
    }
}

impl SourceSettings for Settings {
    fn build(&self, context: SourceContext<'_>) -> Result<Box<dyn Collector>, ConfigError> {
        let namespaces = self.namespaces(&context)?;
        Ok(Box::new(CloudWatch::new(self, namespaces, context)?))
    }
}

impl Settings {
    /// The namespaces to look into: those given, or every mapped one.
    fn namespaces(&self, context: &SourceContext<'_>) -> Result<BTreeSet<Arc<str>>, ConfigError> {
        let mapped: BTreeSet<Arc<str>> =
            context.clouds.mappings.of(Provider::Aws).map(|mapping| mapping.namespace().into()).collect();
        let Some(given) = &self.namespaces else { return Ok(mapped) };
        let known = || mapped.iter().map(|name| &**name).collect::<Vec<_>>().join(", ");
        let check = |Spanned { value, referenced, .. }: &Spanned<String>| {
            mapped.get(value.as_str()).cloned().ok_or_else(|| {
                let message = format!(
                    "{value} is not mapped: one of {}; what is not mapped is asked for under metrics",
                    known()
                );
                ConfigError::at(*referenced, message)
            })
        };
        given.iter().map(check).collect()
    }
}

fn regions(raw: Spanned<Vec<Spanned<String>>>) -> Result<Vec<Arc<str>>, ConfigError> {
    if raw.value.is_empty() {
        return Err(ConfigError::at(raw.referenced, "regions cannot be empty: [us-east-1]"));
    }
    let mut seen = BTreeSet::new();
    raw.value
        .into_iter()
        .map(|Spanned { value, referenced, .. }| {
            let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if value.is_empty() || !value.chars().all(is_word) || !value.contains('-') {
                let message = format!("{value:?} is no region: write it as us-east-1");
                return Err(ConfigError::at(referenced, message));
            }
            if !seen.insert(value.clone()) {
                return Err(ConfigError::at(referenced, format!("region {value} stands here twice")));
            }
            Ok(value.into())
        })
        .collect()
}

fn accounts(raw: Vec<RawAccount>) -> Result<Vec<AccountSettings>, ConfigError> {
    let mut seen = BTreeSet::new();
    raw.into_iter()
        .map(|RawAccount { role_arn, external_id, name }| {
            let Spanned { value: role_arn, referenced, .. } = role_arn;
            // arn:partition:iam::123456789012:role/name
            let parts: Vec<&str> = role_arn.splitn(6, ':').collect();
            let id = match parts[..] {
                ["arn", _, "iam", "", id, role] if role.starts_with("role/") && is_account(id) => id,
                _ => {
                    let message =
                        format!("{role_arn:?} is no role: write it as arn:aws:iam::123456789012:role/name");
                    return Err(ConfigError::at(referenced, message));
                }
            };
            if !seen.insert(id.to_owned()) {
                return Err(ConfigError::at(referenced, format!("account {id} stands here twice")));
            }
            let (id, name) = (id.into(), name.unwrap_or_default());
            Ok(AccountSettings { id, role_arn, external_id, name })
        })
        .collect()
}

fn is_account(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())
}

fn extra(raw: Spanned<RawMetric>) -> Result<ExtraMetric, ConfigError> {
    let Spanned { value: raw, referenced, .. } = raw;
    let wrong = |message: String| Err(ConfigError::at(referenced, message));
    if raw.namespace.is_empty() || raw.metric.is_empty() {
        return wrong("a metric needs a namespace and a metric that are not empty".to_owned());
    }
    if raw.statistics.is_empty() || raw.statistics.len() > STATISTICS_MAX {
        return wrong(format!("a metric needs 1 to {STATISTICS_MAX} statistics, like [Average, p99]"));
    }
    let period = duration(raw.period.as_ref(), Duration::from_secs(60))?.unwrap_or(Duration::from_secs(60));
    if let Some(text) = raw.period.as_ref()
        && !period.as_millis().is_multiple_of(60_000)
    {
        return Err(ConfigError::at(text.referenced, "a period is a whole number of minutes"));
    }
    let mut dimensions = raw.dimensions;
    if let Some(names) = &mut dimensions {
        names.sort();
        names.dedup();
    }
    let statistics: BTreeSet<Arc<str>> = raw.statistics.into_iter().map(Arc::from).collect();
    Ok(ExtraMetric {
        namespace: raw.namespace.into(),
        metric: raw.metric.into(),
        statistics: statistics.into_iter().collect(),
        dimensions,
        period,
    })
}

fn alarms(raw: Option<RawAlarms>) -> Result<Option<(Duration, SeverityRules)>, ConfigError> {
    let Some(raw) = raw else { return Ok(Some((ALARMS_INTERVAL, SeverityRules::default()))) };
    if raw.enabled == Some(false) {
        no_effect(raw.interval.as_ref().map(|it| it.referenced))?;
        no_effect(raw.severity.as_ref().map(|it| it.referenced))?;
        return Ok(None);
    }
    let interval = duration(raw.interval.as_ref(), INTERVAL_MIN)?.unwrap_or(ALARMS_INTERVAL);
    let severity = raw.severity.map(|raw| SeverityRules::try_from(raw.value)).transpose()?;
    Ok(Some((interval, severity.unwrap_or_default())))
}

fn inventory(raw: Option<RawInventory>) -> Result<Option<Duration>, ConfigError> {
    let Some(raw) = raw else { return Ok(Some(INVENTORY_INTERVAL)) };
    if raw.enabled == Some(false) {
        no_effect(raw.interval.as_ref().map(|it| it.referenced))?;
        return Ok(None);
    }
    Ok(Some(duration(raw.interval.as_ref(), Duration::from_secs(60))?.unwrap_or(INVENTORY_INTERVAL)))
}

fn no_effect(at: Option<Location>) -> Result<(), ConfigError> {
    at.map_or(Ok(()), |at| Err(ConfigError::at(at, "it has no effect beside enabled: false")))
}

/// A duration of at least `min`.
pub(super) fn duration(
    text: Option<&Spanned<String>>,
    min: Duration,
) -> Result<Option<Duration>, ConfigError> {
    let Some(Spanned { value, referenced, .. }) = text else { return Ok(None) };
    let duration = parse_duration(value).map_err(|error| ConfigError::at(*referenced, error.to_string()))?;
    if duration < min {
        let message = format!("{value} is too short: at least {}", format_duration(min));
        return Err(ConfigError::at(*referenced, message));
    }
    Ok(Some(duration))
}

fn endpoint(text: &Spanned<String>) -> Result<String, ConfigError> {
    let url = web_address(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigError::at(text.referenced, "an endpoint has no query and no fragment"));
    }
    Ok(text.value.trim_end_matches('/').to_owned())
}

fn proxy(text: &Spanned<String>) -> Result<Url, ConfigError> {
    let url = web_address(text)?;
    if url.scheme() != "http" {
        return Err(ConfigError::at(text.referenced, "a proxy is written http://host:port"));
    }
    Ok(url)
}

fn web_address(text: &Spanned<String>) -> Result<Url, ConfigError> {
    let wrong = |what: &str| ConfigError::at(text.referenced, format!("{:?} {what}", text.value));
    let url = Url::parse(&text.value).map_err(|_| wrong("is no URL: write http://127.0.0.1:4566"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("begins with neither http:// nor https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not quoted: what stands in it is a secret.
        return Err(ConfigError::at(text.referenced, "credentials do not stand in a URL"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
