//! The `settings` table of a source of kind `azure_monitor`.

mod places;
mod sign_in;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use globset::{Glob, GlobSet, GlobSetBuilder};
use isobar_egress::{ClientOptions, Trust};
use isobar_normalizer::{
    ConfigError, Provider, Secret, Severity, Step, format_duration, parse_duration, read_part,
};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use url::Url;

use super::cloud::{Cloud, Endpoints};
use super::collector::{Azure, Scope};
use super::estate::Watched;
use super::identity::{How, Vendor};
use super::plan::{Ask, Statistic};
use super::rest::Rest;
use super::tokens::{Identity, Tokens};
use crate::{Collector, SourceContext, SourceSettings};
use places::{RawEndpoints, endpoints, proxy};
use sign_in::{SignIn, sign_in};

/// Metrics that no policy reads, unless the source says otherwise.
const OTHER_INTERVAL: Duration = Duration::from_secs(300);
/// How much of the past is read at the start and after a gap.
const BACKFILL: Duration = Duration::from_secs(3 * 3600);
const BACKFILL_MAX: Duration = Duration::from_secs(24 * 3600);
const ALARMS_INTERVAL: Duration = Duration::from_secs(60);
/// Resource Graph lags some minutes behind anyway.
const INVENTORY_INTERVAL: Duration = Duration::from_secs(300);
/// Nothing is asked of Azure more often than this.
const INTERVAL_MIN: Duration = Duration::from_secs(10);
/// A full batch answers in some seconds.
const TIMEOUT: Duration = Duration::from_secs(30);
const TIMEOUT_MIN: Duration = Duration::from_millis(100);
/// No grain of Azure is shorter.
const PERIOD_MIN: Duration = Duration::from_secs(60);

/// Reads the table that stands at `at`.
pub(super) fn read(document: &str, at: &[Step]) -> Result<Box<dyn SourceSettings>, ConfigError> {
    let raw: Option<RawSettings> = read_part(document, at)?;
    let raw = raw.ok_or_else(|| {
        ConfigError::whole(
            "an azure_monitor source needs settings: client_secret, managed_identity, workload_identity or azure_cli",
        )
    })?;
    Ok(Box::new(Settings::try_from(raw)?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSettings {
    tenant_id: Option<Spanned<String>>,
    client_id: Option<Spanned<String>>,
    client_secret: Option<Secret>,
    managed_identity: Option<Spanned<bool>>,
    workload_identity: Option<Spanned<bool>>,
    token_file: Option<Spanned<PathBuf>>,
    azure_cli: Option<Spanned<bool>>,
    subscriptions: Option<Spanned<Vec<Spanned<String>>>>,
    regions: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    cloud: Cloud,
    #[serde(default)]
    endpoints: RawEndpoints,
    #[serde(default)]
    allow_http: bool,
    proxy: Option<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    namespaces: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    metrics: Vec<Spanned<RawMetric>>,
    other_interval: Option<Spanned<String>>,
    backfill: Option<Spanned<String>>,
    tags: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    alarms: RawAlarms,
    #[serde(default)]
    inventory: RawInventory,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMetric {
    namespace: String,
    metric: String,
    statistics: Vec<Spanned<String>>,
    #[serde(default)]
    dimensions: Vec<String>,
    period: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAlarms {
    enabled: Option<bool>,
    interval: Option<Spanned<String>>,
    severities: Option<Spanned<BTreeMap<String, Severity>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInventory {
    enabled: Option<bool>,
    interval: Option<Spanned<String>>,
}

/// Settings, checked as far as the text goes.
#[derive(Debug)]
struct Settings {
    sign_in: SignIn,
    endpoints: Endpoints,
    proxy: Option<Spanned<Url>>,
    timeout: Duration,
    subscriptions: Vec<String>,
    regions: BTreeSet<String>,
    /// `None` for every mapped one.
    namespaces: Option<Vec<Spanned<String>>>,
    /// The namespace as it was written, and what is asked of it.
    extra: Vec<(String, Ask)>,
    other_interval: Duration,
    backfill: Duration,
    tags: GlobSet,
    alarms: Option<Duration>,
    severities: BTreeMap<String, Severity>,
    has_inventory: bool,
    inventory_interval: Duration,
}

impl TryFrom<RawSettings> for Settings {
    type Error = ConfigError;

    fn try_from(mut raw: RawSettings) -> Result<Self, ConfigError> {
        let backfill = duration(raw.backfill.as_ref(), PERIOD_MIN)?.unwrap_or(BACKFILL);
        if let Some(text) = raw.backfill.as_ref().filter(|_| backfill > BACKFILL_MAX) {
            let message = format!("{} is too long: at most {}", text.value, format_duration(BACKFILL_MAX));
            return Err(ConfigError::at(text.referenced, message));
        }
        let endpoints = endpoints(raw.cloud, &raw.endpoints, raw.allow_http)?;
        let proxy = raw.proxy.as_ref().map(proxy).transpose()?;
        let (alarms, severities) = alarms(raw.alarms)?;
        let is_told = raw.inventory.enabled != Some(false);
        let inventory_interval = duration(raw.inventory.interval.as_ref(), PERIOD_MIN)?;
        Ok(Self {
            endpoints,
            proxy,
            timeout: duration(raw.timeout.as_ref(), TIMEOUT_MIN)?.unwrap_or(TIMEOUT),
            subscriptions: words(
                raw.subscriptions.take(),
                "subscription",
                is_guid,
                "as 11111111-2222-3333-4444-555555555555",
            )?,
            regions: words(raw.regions.take(), "region", is_region, "as westeurope")?.into_iter().collect(),
            namespaces: raw.namespaces.take(),
            extra: raw.metrics.drain(..).map(extra).collect::<Result<_, _>>()?,
            other_interval: duration(raw.other_interval.as_ref(), PERIOD_MIN)?.unwrap_or(OTHER_INTERVAL),
            backfill,
            tags: tags(raw.tags.take())?,
            alarms,
            severities,
            has_inventory: is_told,
            inventory_interval: inventory_interval.unwrap_or(INVENTORY_INTERVAL),
            sign_in: sign_in(
                raw.tenant_id,
                raw.client_id,
                raw.client_secret,
                [
                    ("managed_identity", raw.managed_identity),
                    ("workload_identity", raw.workload_identity),
                    ("azure_cli", raw.azure_cli),
                ],
                raw.token_file,
            )?,
        })
    }
}

impl SourceSettings for Settings {
    fn build(&self, context: SourceContext<'_>) -> Result<Box<dyn Collector>, ConfigError> {
        let mut options = ClientOptions::new(Trust::Operator);
        options.proxy = self.proxy.as_ref().map(|proxy| proxy.value.clone());
        let at = self.proxy.as_ref().map_or(Location::UNKNOWN, |proxy| proxy.referenced);
        let client =
            context.egress.client(options).map_err(|error| ConfigError::at(at, error.to_string()))?;
        let identity = match &self.sign_in {
            SignIn::Secret { tenant_id, client_id, secret } => Identity::Secret {
                tenant_id: tenant_id.clone(),
                client_id: client_id.clone(),
                secret: secret.reveal_reference(context.secrets)?,
            },
            SignIn::Vendor(how) => {
                let metadata = context.egress.client(ClientOptions::new(Trust::CredentialProvider));
                let metadata = metadata.map_err(|error| ConfigError::whole(error.to_string()))?;
                let how = match how.clone() {
                    How::Workload { tenant_id, client_id, token_file } => {
                        let token_file = token_file.map(|path| context.base_dir.join(path));
                        How::Workload { tenant_id, client_id, token_file }
                    }
                    other => other,
                };
                Identity::Vendor(Vendor::new(how, &self.endpoints.authority, client.clone(), metadata))
            }
        };
        let tokens = Tokens::new(identity, client.clone(), self.endpoints.clone(), self.timeout);
        let rest = Rest::new(client, self.endpoints.clone(), tokens, self.timeout);
        Ok(Box::new(Azure::new(self.scope(&context)?, rest, context.clouds.clone())))
    }
}

impl Settings {
    fn scope(&self, context: &SourceContext<'_>) -> Result<Scope, ConfigError> {
        let mappings = &context.clouds.mappings;
        for mapping in mappings.of(Provider::Azure) {
            if let Some(wanted) =
                mapping.wanted().iter().find(|wanted| Statistic::read(&wanted.statistic).is_none())
            {
                let known = Statistic::ALL.map(Statistic::as_str).join(", ");
                return Err(ConfigError::whole(format!(
                    "the mapping of {} takes {} of {}: Azure has {known}",
                    mapping.namespace(),
                    wanted.statistic,
                    wanted.metric
                )));
            }
        }
        let mapped: Vec<&str> = mappings.of(Provider::Azure).map(|mapping| mapping.namespace()).collect();
        let mut namespaces: Vec<String> = Vec::new();
        match &self.namespaces {
            None => namespaces.extend(mapped.iter().map(|namespace| (*namespace).to_owned())),
            Some(given) => {
                for Spanned { value, referenced, .. } in given {
                    let known = mapped.iter().find(|namespace| namespace.eq_ignore_ascii_case(value));
                    let known = known.ok_or_else(|| {
                        let message = format!(
                            "{value} is not mapped: one of {}; what is not mapped is asked for under metrics",
                            mapped.join(", ")
                        );
                        ConfigError::at(*referenced, message)
                    })?;
                    namespaces.push((*known).to_owned());
                }
            }
        }
        let mut extra: BTreeMap<String, Vec<Ask>> = BTreeMap::new();
        for (namespace, ask) in &self.extra {
            extra.entry(namespace.to_lowercase()).or_default().push(ask.clone());
            namespaces.push(namespace.clone());
        }
        let mut watched: Vec<Watched> = Vec::new();
        for namespace in namespaces {
            let one = Watched::new(&namespace, mappings);
            if !watched.iter().any(|known| known.namespace.eq_ignore_ascii_case(&one.namespace)) {
                watched.push(one);
            }
        }
        Ok(Scope {
            subscriptions: self.subscriptions.clone(),
            regions: self.regions.clone(),
            watched,
            extra,
            tags: self.tags.clone(),
            alarms: self.alarms,
            severities: self.severities.clone(),
            has_inventory: self.has_inventory,
            inventory_interval: self.inventory_interval,
            other_interval: self.other_interval,
            backfill: self.backfill,
        })
    }
}

/// A list of words, in lower case. One that is given may not be empty: it would be taken for all.
fn words(
    list: Option<Spanned<Vec<Spanned<String>>>>,
    what: &str,
    is_one: fn(&str) -> bool,
    example: &str,
) -> Result<Vec<String>, ConfigError> {
    let Some(Spanned { value: list, referenced, .. }) = list else { return Ok(Vec::new()) };
    if list.is_empty() {
        return Err(ConfigError::at(
            referenced,
            format!("an empty list names no {what}: leave it out for all"),
        ));
    }
    let mut words = Vec::new();
    for Spanned { value, referenced, .. } in list {
        let word = value.to_lowercase();
        if !is_one(&word) {
            return Err(ConfigError::at(referenced, format!("{value:?} is no {what}: write it {example}")));
        }
        if words.contains(&word) {
            return Err(ConfigError::at(referenced, format!("{what} {value} stands here twice")));
        }
        words.push(word);
    }
    Ok(words)
}

fn is_guid(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn is_region(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn extra(raw: Spanned<RawMetric>) -> Result<(String, Ask), ConfigError> {
    let Spanned { value: raw, referenced, .. } = raw;
    let wrong = |message: &str| ConfigError::at(referenced, message);
    let is_type = raw.namespace.split('/').count() >= 2 && !raw.namespace.split('/').any(str::is_empty);
    if !is_type {
        return Err(wrong("a namespace is a resource type, like Microsoft.KeyVault/vaults"));
    }
    if raw.metric.is_empty() || raw.statistics.is_empty() {
        return Err(wrong("a metric needs a name and statistics, like [Average]"));
    }
    let mut statistics = BTreeSet::new();
    for Spanned { value, referenced, .. } in &raw.statistics {
        let known = || Statistic::ALL.map(Statistic::as_str).join(", ");
        let statistic = Statistic::read(value).ok_or_else(|| {
            ConfigError::at(*referenced, format!("unknown statistic {value:?}: one of {}", known()))
        })?;
        statistics.insert(statistic);
    }
    let period = duration(raw.period.as_ref(), PERIOD_MIN)?.unwrap_or(PERIOD_MIN);
    if let Some(text) = raw.period.as_ref()
        && !period.as_millis().is_multiple_of(60_000)
    {
        return Err(ConfigError::at(text.referenced, "a period is a whole number of minutes"));
    }
    let mut dimensions = raw.dimensions;
    if dimensions.iter().any(|dimension| dimension.is_empty() || dimension.contains('\'')) {
        return Err(wrong("a dimension is a name without quotes"));
    }
    dimensions.sort();
    dimensions.dedup();
    Ok((raw.namespace, Ask { period, dimensions, metric: Arc::from(raw.metric), statistics, is_used: false }))
}

fn tags(patterns: Option<Vec<Spanned<String>>>) -> Result<GlobSet, ConfigError> {
    let mut set = GlobSetBuilder::new();
    let mut add = |pattern: &str, at: Location| {
        let glob =
            Glob::new(&pattern.to_lowercase()).map_err(|error| ConfigError::at(at, error.to_string()))?;
        set.add(glob);
        Ok::<_, ConfigError>(())
    };
    match patterns {
        None => add("*", Location::UNKNOWN)?,
        Some(patterns) => {
            for Spanned { value, referenced, .. } in patterns {
                add(&value, referenced)?;
            }
        }
    }
    set.build().map_err(|error| ConfigError::whole(error.to_string()))
}

type Severities = BTreeMap<String, Severity>;

fn alarms(raw: RawAlarms) -> Result<(Option<Duration>, Severities), ConfigError> {
    let words = ["Sev0", "Sev1", "Sev2", "Sev3", "Sev4"];
    let ours = [Severity::Critical, Severity::Error, Severity::Warning, Severity::Info, Severity::Info];
    let mut severities: Severities = words.iter().map(|word| (*word).to_owned()).zip(ours).collect();
    let off = raw.enabled == Some(false);
    let given = raw.interval.as_ref().map(|one| one.referenced);
    if let Some(at) = given.or(raw.severities.as_ref().map(|one| one.referenced)).filter(|_| off) {
        return Err(ConfigError::at(at, "it has no effect beside enabled: false"));
    }
    if let Some(Spanned { value, referenced, .. }) = raw.severities {
        for (word, severity) in value {
            let Some(known) = severities.get_mut(&word) else {
                let message = format!("unknown severity {word:?}: one of {}", words.join(", "));
                return Err(ConfigError::at(referenced, message));
            };
            *known = severity;
        }
    }
    let interval = duration(raw.interval.as_ref(), INTERVAL_MIN)?.unwrap_or(ALARMS_INTERVAL);
    Ok(((!off).then_some(interval), severities))
}

/// A duration of at least `min`.
fn duration(text: Option<&Spanned<String>>, min: Duration) -> Result<Option<Duration>, ConfigError> {
    let Some(Spanned { value, referenced, .. }) = text else { return Ok(None) };
    let duration = parse_duration(value).map_err(|error| ConfigError::at(*referenced, error.to_string()))?;
    if duration < min {
        let message = format!("{value} is too short: at least {}", format_duration(min));
        return Err(ConfigError::at(*referenced, message));
    }
    Ok(Some(duration))
}

#[cfg(test)]
mod tests;
