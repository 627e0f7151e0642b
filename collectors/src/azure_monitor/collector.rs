//! The collector: what parts there are, and what each of them brings.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use globset::GlobSet;
use isobar_egress::Retry;
use isobar_normalizer::{Resource, SampleRun, Severity, Timestamp};
use tokio::time::Instant;

use super::alarms::{Cursor, Reading};
use super::cadence::Region;
use super::calls::Meter;
use super::definitions::Definitions;
use super::error::ApiError;
use super::estate::{Estate, Watched};
use super::metrics::{Place, Reader};
use super::plan::Ask;
use super::rest::{Rest, Round};
use crate::{Clouds, CollectError, Collected, Collector, Part, Window};

/// What a source is configured to do.
#[derive(Debug)]
pub(super) struct Scope {
    /// Lower case; empty for every one the principal can read.
    pub(super) subscriptions: Vec<String>,
    /// Lower case; empty for all.
    pub(super) regions: BTreeSet<String>,
    pub(super) watched: Vec<Watched>,
    /// By namespace in lower case.
    pub(super) extra: BTreeMap<String, Vec<Ask>>,
    pub(super) tags: GlobSet,
    /// How often alerts are looked at, if they are.
    pub(super) alarms: Option<Duration>,
    pub(super) severities: BTreeMap<String, Severity>,
    /// Whether the inventory is told of.
    pub(super) has_inventory: bool,
    pub(super) inventory_interval: Duration,
    pub(super) other_interval: Duration,
    pub(super) backfill: Duration,
}

/// A source of kind `azure_monitor`.
#[derive(Debug)]
pub(super) struct Azure {
    scope: Scope,
    rest: Rest,
    clouds: Clouds,
    definitions: Definitions,
    meter: Meter,
    /// What the principal can read, and when that was asked.
    readable: Mutex<Option<(Vec<String>, Instant)>>,
    estates: Mutex<HashMap<String, Known>>,
    regions: Mutex<HashMap<Arc<str>, RegionState>>,
    cursors: Mutex<HashMap<String, Cursor>>,
}

#[derive(Clone, Debug)]
struct Known {
    estate: Arc<Estate>,
    at: Instant,
}

#[derive(Clone, Debug, Default)]
struct RegionState {
    region: Region,
    /// The inventory whose resources were handed over.
    told: Option<Arc<Estate>>,
}

/// What a part's key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'a> {
    Alarms,
    Inventory,
    Region(&'a str),
}

impl Azure {
    pub(super) fn new(scope: Scope, rest: Rest, clouds: Clouds) -> Self {
        Self {
            scope,
            rest,
            clouds,
            definitions: Definitions::default(),
            meter: Meter::default(),
            readable: Mutex::default(),
            estates: Mutex::default(),
            regions: Mutex::default(),
            cursors: Mutex::default(),
        }
    }

    async fn subscriptions(&self, round: &Round<'_>) -> Result<Vec<String>, ApiError> {
        if !self.scope.subscriptions.is_empty() {
            return Ok(self.scope.subscriptions.clone());
        }
        let known = held(&self.readable).clone();
        if let Some((known, at)) = &known
            && at.elapsed() < self.scope.inventory_interval
        {
            return Ok(known.clone());
        }
        let found = self.rest.subscriptions(round).await?;
        *held(&self.readable) = Some((found.clone(), Instant::now()));
        Ok(found)
    }

    fn known(&self, subscription: &str) -> Option<Known> {
        held(&self.estates).get(subscription).cloned()
    }

    /// Reads a subscription's inventory anew.
    async fn look_through(&self, subscription: &str, round: &Round<'_>) -> Result<Arc<Estate>, ApiError> {
        let listed = self.rest.resources(subscription, &self.scope.watched, round).await?;
        let Scope { watched, regions, tags, .. } = &self.scope;
        let now = round.clock.map(|(now, _)| now).unwrap_or_default();
        let estate = Arc::new(Estate::new(subscription, listed, watched, regions, tags, now));
        let known = Known { estate: estate.clone(), at: Instant::now() };
        held(&self.estates).insert(subscription.to_owned(), known);
        Ok(estate)
    }

    /// The inventory that parts are made of. The inventory's own part keeps it fresh; where it does not come to it, or there
    /// is none, it is read here.
    async fn estate(&self, subscription: &str, round: &Round<'_>) -> Result<Arc<Estate>, ApiError> {
        let patience = if self.scope.has_inventory { 3 } else { 1 };
        match self.known(subscription) {
            Some(known) if known.at.elapsed() < self.scope.inventory_interval * patience => Ok(known.estate),
            Some(known) => Ok(self.look_through(subscription, round).await.unwrap_or(known.estate)),
            None => self.look_through(subscription, round).await,
        }
    }

    async fn region(
        &self,
        part: &Part,
        subscription: &str,
        region: &str,
        now: Timestamp,
    ) -> Result<Collected, CollectError> {
        let round = Round::new(&self.meter, Some(now));
        let estate = self.estate(subscription, &round).await.map_err(CollectError::from)?;
        let mut state = held(&self.regions).get(&part.key).cloned().unwrap_or_default();
        let items = estate.of(region);
        let reader = Reader {
            rest: &self.rest,
            definitions: &self.definitions,
            mappings: &self.clouds.mappings,
            in_use: &self.clouds.in_use,
            extra: &self.scope.extra,
            other_interval: self.scope.other_interval,
            backfill: self.scope.backfill,
        };
        let read = reader.read(Place { subscription, region, items }, &mut state.region, now, &round).await;
        if let (false, Some(error)) = (read.has_answer, read.error) {
            held(&self.regions).insert(part.key.clone(), state);
            return Err(error.into());
        }
        let is_told = state.told.as_ref().is_some_and(|told| Arc::ptr_eq(told, &estate));
        let resources = if is_told { Vec::new() } else { resources(items, now) };
        state.told = Some(estate.clone());
        held(&self.regions).insert(part.key.clone(), state);
        let mut failures = read.failures;
        failures.extend(round.skew());
        Ok(Collected {
            measurements: read.measurements,
            resources,
            lists_all: !is_told,
            calls: self.meter.drain(),
            failures,
            failed: read.has_failed,
            watermark: read.watermark,
            complete_since: read.complete_since,
            ..Collected::default()
        })
    }

    async fn alarms(&self, subscription: &str, now: Timestamp) -> Result<Collected, CollectError> {
        let round = Round::new(&self.meter, Some(now));
        let known = self.known(subscription);
        let reading = Reading {
            estate: known.as_ref().map(|known| &*known.estate),
            mappings: &self.clouds.mappings,
            severities: &self.scope.severities,
            portal: self.rest.endpoints.portal,
        };
        let cursor = held(&self.cursors).get(subscription).copied().unwrap_or_default();
        let looked = self.rest.alerts(subscription, cursor, reading, &round).await?;
        // What is about resources that are not known yet is read again once they are.
        if known.is_some() {
            held(&self.cursors).insert(subscription.to_owned(), looked.cursor);
        }
        let mut failures = looked.failures;
        failures.extend(round.skew());
        let alarms = Some(looked.report);
        Ok(Collected { alarms, failures, calls: self.meter.drain(), ..Collected::default() })
    }

    async fn inventory(&self, subscription: &str, now: Timestamp) -> Result<Collected, CollectError> {
        let round = Round::new(&self.meter, Some(now));
        let estate = self.look_through(subscription, &round).await?;
        let resources: Vec<Resource> = estate.all().map(|item| seen(&item.resource, now)).collect();
        let failures = round.skew().into_iter().collect();
        let calls = self.meter.drain();
        Ok(Collected { resources, lists_all: true, failures, calls, ..Collected::default() })
    }
}

#[async_trait]
impl Collector for Azure {
    async fn parts(&self) -> Result<Vec<Part>, CollectError> {
        let round = Round::new(&self.meter, None);
        let subscriptions = self.subscriptions(&round).await?;
        let mut parts = Vec::new();
        let mut first_error = None;
        for subscription in &subscriptions {
            let part = |name: &str, interval| Part { key: format!("{subscription}/{name}").into(), interval };
            parts.extend(self.scope.alarms.map(|interval| part("alarms", Some(interval))));
            if self.scope.has_inventory {
                parts.push(part("inventory", Some(self.scope.inventory_interval)));
            }
            match self.estate(subscription, &round).await {
                Ok(estate) => parts.extend(estate.regions().map(|region| part(region, None))),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        // The inventory's part tells of a subscription that cannot be read. Where nobody would, discovery does.
        match first_error {
            Some(error) if parts.is_empty() || !self.scope.has_inventory => Err(error.into()),
            _ => Ok(parts),
        }
    }

    fn answers_for_the_past(&self) -> bool {
        true
    }

    async fn collect(&self, part: &Part, window: Window) -> Result<Collected, CollectError> {
        let (subscription, kind) = parse(&part.key).ok_or_else(|| CollectError {
            message: format!("{} is no part of an Azure source", part.key),
            retry: Retry::Never,
        })?;
        match kind {
            Kind::Alarms => self.alarms(subscription, window.end).await,
            Kind::Inventory => self.inventory(subscription, window.end).await,
            Kind::Region(region) => self.region(part, subscription, region, window.end).await,
        }
    }

    fn forget(&self, part: &Part, _: Timestamp) -> Vec<SampleRun> {
        held(&self.regions).remove(&part.key);
        if let Some((subscription, Kind::Alarms)) = parse(&part.key) {
            held(&self.cursors).remove(subscription);
        }
        // Clouds have no series to end: those of a resource that has left end with it.
        Vec::new()
    }
}

fn parse(key: &str) -> Option<(&str, Kind<'_>)> {
    let (subscription, name) = key.split_once('/')?;
    let kind = match name {
        "alarms" => Kind::Alarms,
        "inventory" => Kind::Inventory,
        region => Kind::Region(region),
    };
    Some((subscription, kind))
}

fn resources(items: &[Arc<super::estate::Item>], now: Timestamp) -> Vec<Resource> {
    items.iter().map(|item| seen(&item.resource, now)).collect()
}

fn seen(resource: &Resource, now: Timestamp) -> Resource {
    Resource { last_seen: now, ..resource.clone() }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
