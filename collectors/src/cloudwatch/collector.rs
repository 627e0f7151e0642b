//! A source of kind `cloudwatch`: accounts times regions, each with its parts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isobar_egress::{ClientOptions, Retry, Trust};
use isobar_normalizer::{ConfigError, NativeMappings, SampleRun, Timestamp};

use super::account::{Account, Services, Shared};
use super::alarm::Reader;
use super::alarms::RegionAlarms;
use super::call::Caller;
use super::catalogue::Place;
use super::clock::Clock;
use super::http_client::GuardedHttp;
use super::inventory::RegionInventory;
use super::metrics::{Region, RegionMetrics};
use super::plan::Rules;
use super::settings::{ExtraMetric, Settings, TagFilter};
use super::severity::SeverityRules;
use crate::{CollectError, Collected, Collector, InUse, Part, SourceContext, Window};

/// What is global at AWS has its metrics and its inventory here.
const GLOBAL_REGION: &str = "us-east-1";
const GLOBAL_NAMESPACES: [&str; 2] = ["AWS/CloudFront", "AWS/Route53"];
/// A region without metrics is complete as far as one with them would be.
const EMPTY_DELAY: Duration = Duration::from_secs(180);
/// What follows account and region in the keys of the parts beside the metrics.
const ALARMS: &str = "/alarms";
const INVENTORY: &str = "/inventory";

/// One configured source.
#[derive(Debug)]
pub(super) struct CloudWatch {
    source: Arc<str>,
    shared: Shared,
    regions: Vec<Arc<str>>,
    asked: Asked,
    tags: TagFilter,
    alarms: Option<(Duration, SeverityRules)>,
    inventory: Option<Duration>,
    accounts: Vec<(Account, Vec<OfRegion>)>,
}

/// What is asked for, in every region.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) mappings: Arc<NativeMappings>,
    in_use: InUse,
    /// Mapped ones and those of `extra`.
    namespaces: BTreeSet<Arc<str>>,
    pub(super) extra: Vec<ExtraMetric>,
    pub(super) is_recently_active: bool,
    pub(super) discovery_interval: Duration,
    other_interval: Duration,
    backfill: Duration,
    pub(super) empty_delay: Duration,
}

/// One region of one account, in the order of `regions`.
#[derive(Debug)]
struct OfRegion {
    services: Services,
    metrics: RegionMetrics,
    alarms: RegionAlarms,
    inventory: RegionInventory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Metrics,
    Alarms,
    Inventory,
}

impl Asked {
    /// The namespaces that a region may have.
    pub(super) fn namespaces_in(&self, region: &str) -> BTreeSet<Arc<str>> {
        let is_here =
            |namespace: &&Arc<str>| region == GLOBAL_REGION || !GLOBAL_NAMESPACES.contains(&&***namespace);
        self.namespaces.iter().filter(is_here).cloned().collect()
    }

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules { in_use: &self.in_use, other_interval: self.other_interval, backfill: self.backfill }
    }
}

impl CloudWatch {
    /// Reveals secrets and makes clients; opens nothing on the network.
    pub(super) fn new(
        settings: &Settings,
        mut namespaces: BTreeSet<Arc<str>>,
        context: SourceContext<'_>,
    ) -> Result<Self, ConfigError> {
        let options = ClientOptions { proxy: settings.proxy.clone(), ..ClientOptions::new(Trust::Operator) };
        let client = context.egress.client(options).map_err(|error| ConfigError::whole(error.to_string()))?;
        let shared = Shared {
            http: GuardedHttp::new(client, settings.timeout),
            endpoints: settings.endpoints.clone(),
            caller: Caller::new(Clock::default()),
        };
        let home = &*settings.regions[0];
        let base = settings.credentials.build(context.secrets, context.base_dir, context.egress)?;
        let own = shared.own(base, home);
        let accounts: Vec<Account> = match settings.accounts.as_slice() {
            [] => vec![own],
            roles => roles.iter().map(|role| shared.by_role(&own, role, home)).collect(),
        };
        let accounts = accounts.into_iter().map(|account| {
            let regions = settings.regions.iter().map(|region| OfRegion {
                services: shared.services(&account, region),
                metrics: RegionMetrics::default(),
                alarms: RegionAlarms::default(),
                inventory: RegionInventory::default(),
            });
            let regions = regions.collect();
            (account, regions)
        });
        let accounts = accounts.collect();
        namespaces.extend(settings.metrics.iter().map(|metric| metric.namespace.clone()));
        Ok(Self {
            source: context.name.into(),
            shared,
            regions: settings.regions.clone(),
            asked: Asked {
                mappings: context.clouds.mappings.clone(),
                in_use: context.clouds.in_use.clone(),
                namespaces,
                extra: settings.metrics.clone(),
                is_recently_active: settings.is_recently_active,
                discovery_interval: settings.discovery_interval,
                other_interval: settings.other_interval,
                backfill: settings.backfill,
                empty_delay: EMPTY_DELAY,
            },
            tags: settings.tags.clone(),
            alarms: settings.alarms.clone(),
            inventory: settings.inventory,
            accounts,
        })
    }

    /// The account, the place of the region, and what is collected of it.
    fn find(&self, key: &str) -> Option<(&Account, &[OfRegion], usize, What)> {
        let (rest, what) = match (key.strip_suffix(ALARMS), key.strip_suffix(INVENTORY)) {
            (Some(rest), _) => (rest, What::Alarms),
            (_, Some(rest)) => (rest, What::Inventory),
            _ => (key, What::Metrics),
        };
        let (account, region) = rest.split_once('/')?;
        let place = self.regions.iter().position(|known| **known == *region)?;
        let is_it =
            |(known, _): &&(Account, Vec<OfRegion>)| known.known_id().is_some_and(|id| **id == *account);
        let (account, regions) = self.accounts.iter().find(is_it)?;
        Some((account, regions, place, what))
    }
}

#[async_trait]
impl Collector for CloudWatch {
    async fn parts(&self) -> Result<Vec<Part>, CollectError> {
        let mut parts = Vec::new();
        for (account, _) in &self.accounts {
            let id = self.shared.id(account, &self.regions[0]).await.map_err(|failure| CollectError {
                message: format!("{}: {failure}", account.shown()),
                retry: failure.retry,
            })?;
            for region in &self.regions {
                let part =
                    |after: &str, interval| Part { key: format!("{id}/{region}{after}").into(), interval };
                parts.push(part("", None));
                if let Some((interval, _)) = &self.alarms {
                    parts.push(part(ALARMS, Some(*interval)));
                }
                if let Some(interval) = self.inventory {
                    parts.push(part(INVENTORY, Some(interval)));
                }
            }
        }
        Ok(parts)
    }

    fn answers_for_the_past(&self) -> bool {
        true
    }

    async fn collect(&self, part: &Part, window: Window) -> Result<Collected, CollectError> {
        let found = self.find(&part.key).and_then(|(account, regions, place, what)| {
            Some((account, account.known_id()?, regions.get(place)?, &*self.regions[place], what))
        });
        let Some((account, id, of_region, name, what)) = found else {
            let message = format!("{} is no part of {}", part.key, self.source);
            return Err(CollectError { message, retry: Retry::Never });
        };
        let now = window.end;
        self.shared.caller.clock.set(now);
        let place = Place { account: id, region: name };
        let region =
            Region { place, services: &of_region.services, asked: &self.asked, caller: &self.shared.caller };
        let collected = match (what, &self.alarms) {
            (What::Metrics, _) => of_region.metrics.collect(region, now).await,
            (What::Alarms, Some((_, severity))) => {
                let reader = Reader { place, mappings: &self.asked.mappings, severity, now };
                of_region.alarms.collect(region, reader, window).await
            }
            (What::Alarms, None) => Ok(Collected::default()),
            (What::Inventory, _) => of_region.inventory.collect(region, &self.tags, now).await,
        };
        let here = |what: &str| format!("{}/{name}: {what}", account.shown());
        let mut collected =
            collected.map_err(|error| CollectError { message: here(&error.message), ..error })?;
        collected.failures = collected.failures.iter().map(|failure| here(failure)).collect();
        collected.calls = self.shared.caller.drain();
        Ok(collected)
    }

    /// Series of a cloud need no marker: a part that is not read any more says so by its watermark.
    fn forget(&self, _: &Part, _: Timestamp) -> Vec<SampleRun> {
        Vec::new()
    }
}
