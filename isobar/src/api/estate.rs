//! Sources and resources as the API shows them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use isobar_alerting::{CentreHandle, DeliveryFilter, DeliveryState};
use isobar_dashboards::{
    CallView, CostView, CoverageCounts, CoverageView, DeliveryCounts, Estate, Freshness, OverviewView,
    PartView, ReadError, ResourceView, SourceCounts, SourceDetail, SourceState, SourceView, WireTime,
};
use isobar_normalizer::{Registry, Timestamp};
use parking_lot::Mutex;

use crate::api::overview::{self, SourceFacts};
use crate::api::{Push, REMOTE_WRITE};
use crate::clock;
use crate::collect::{BlockState, PartHealth, SourceHealth, SourceStatus, SourceStatuses};
use crate::cost::Cost;
use crate::coverage::{Coverage, Covered};
use crate::resources::ResourceTable;
use crate::watermark::Watermarks;

/// Pushed data older than this is late; the grace of missing data.
const PUSH_SILENT: Duration = Duration::from_secs(5 * 60);

/// Reads statuses, watermarks and the resource table.
#[derive(Debug)]
pub struct EstateViews {
    /// How collecting goes.
    pub statuses: Arc<SourceStatuses>,
    /// How far each source has come.
    pub watermarks: Arc<Watermarks>,
    /// What is watched.
    pub resources: Arc<ResourceTable>,
    /// What was last pushed.
    pub pushed: Arc<Mutex<Option<Push>>>,
    /// What clouds deliver.
    pub coverage: Arc<Coverage>,
    /// What is open, and what was told.
    pub centre: CentreHandle,
}

impl Estate for EstateViews {
    fn sources(&self) -> Result<Vec<SourceView>, ReadError> {
        let collected = self.statuses.all();
        Ok(collected.iter().map(|status| self.view(status)).chain(self.pushed()).collect())
    }

    fn resources(&self) -> Result<Vec<ResourceView>, ReadError> {
        Ok(self.resources.all().iter().map(ResourceView::from).collect())
    }

    fn source(&self, name: &str) -> Result<Option<SourceDetail>, ReadError> {
        let now = clock::now();
        if name == REMOTE_WRITE {
            return Ok(self.pushed().map(|view| detail(view, Vec::new(), None, Vec::new(), Vec::new())));
        }
        let Some(status) = self.statuses.all().into_iter().find(|status| *status.name == *name) else {
            return Ok(None);
        };
        let parts = status.parts(now).iter().map(|part| self.part(&status.name, part, now)).collect();
        let coverage = match self.coverage.of_source(name) {
            (0, 0) => None,
            (mapped, unmapped) => Some(CoverageCounts { mapped: mapped as u64, unmapped: unmapped as u64 }),
        };
        let blocks = status.blocks(now).into_iter().map(freshness).collect();
        let cost = self.statuses.costs().of(name, now);
        Ok(Some(detail(self.view(&status), parts, coverage, blocks, cost.map_or_else(Vec::new, calls))))
    }

    fn coverage(&self) -> Result<Vec<CoverageView>, ReadError> {
        Ok(self.coverage.all().iter().flat_map(covered).collect())
    }

    fn overview(&self) -> Result<OverviewView, ReadError> {
        let (now, alerts) = (clock::now(), self.centre.alerts());
        let statuses = self.statuses.all();
        let sources =
            statuses.iter().map(|status| (status.name.to_string(), self.facts(status, now))).collect();
        let mut counts = SourceCounts::default();
        for status in &statuses {
            match status.health().0 {
                SourceHealth::Up => counts.up += 1,
                SourceHealth::Degraded => counts.degraded += 1,
                SourceHealth::Down => counts.down += 1,
            }
        }
        let costs = statuses.iter().filter_map(|status| self.statuses.costs().of(&status.name, now));
        Ok(OverviewView {
            sentence: overview::sentence(&alerts, &sources),
            matrix: overview::matrix(&alerts, &self.resources.places(), &sources, now),
            counts: overview::counts(&alerts),
            sources: counts,
            deliveries: self.deliveries(now),
            cost: together(costs),
        })
    }
}

impl EstateViews {
    /// What is pushed, once something was: degraded when it is behind by as much as a policy waits for missing data.
    fn pushed(&self) -> Option<SourceView> {
        let latest = *self.pushed.lock();
        let newest = self.watermarks.progress(REMOTE_WRITE)?.newest;
        let lag = clock::now().since(newest);
        let silent = lag > PUSH_SILENT;
        Some(SourceView {
            name: REMOTE_WRITE.to_owned(),
            kind: REMOTE_WRITE.to_owned(),
            state: if silent { SourceState::Degraded } else { SourceState::Up },
            reason: silent.then(|| format!("no sample newer than {newest} was pushed")),
            last_success: latest.map(|push| push.at.into()),
            samples_last_cycle: latest.map_or(0, |push| push.samples),
            lag_seconds: Some(lag.as_secs_f64()),
            cost: None,
        })
    }

    fn view(&self, status: &SourceStatus) -> SourceView {
        let (health, reason) = status.health();
        let progress = self.watermarks.progress(&status.name);
        SourceView {
            name: status.name.to_string(),
            kind: status.kind.to_owned(),
            state: state(health),
            reason,
            last_success: status.last_success().map(Into::into),
            samples_last_cycle: status.samples_last_cycle(),
            lag_seconds: progress.map(|progress| clock::now().since(progress.complete).as_secs_f64()),
            cost: together(self.statuses.costs().of(&status.name, clock::now()).into_iter()),
        }
    }

    fn part(&self, source: &str, part: &PartHealth, now: Timestamp) -> PartView {
        let mark = self.watermarks.mark(source, &part.key);
        PartView {
            key: part.key.to_string(),
            state: state(part.health),
            reason: part.reason.clone(),
            last_success: part.last_success.map(WireTime),
            watermark: mark.map(WireTime),
            lag_seconds: mark.map(|mark| now.since(mark).as_secs_f64()),
            samples_last_cycle: part.samples,
            next_at: part.next.into(),
        }
    }

    fn facts(&self, status: &SourceStatus, now: Timestamp) -> SourceFacts {
        let (health, reason) = status.health();
        let parts = status.parts(now);
        let mark = |part: &PartHealth| {
            self.watermarks.mark(&status.name, &part.key).map(|mark| (part.key.to_string(), mark))
        };
        let failing = |part: &PartHealth| part.reason.clone().map(|reason| (part.key.to_string(), reason));
        SourceFacts {
            health,
            reason,
            is_tried: status.is_tried(),
            interval: status.interval,
            delay: self.watermarks.progress(&status.name).map_or(Duration::ZERO, |progress| progress.delay),
            marks: parts.iter().filter_map(mark).collect(),
            failing: parts.iter().filter_map(failing).collect(),
        }
    }

    fn deliveries(&self, now: Timestamp) -> DeliveryCounts {
        let count = |state| self.centre.delivery_count(state) as u64;
        let sent: Vec<Timestamp> =
            self.centre.deliveries(&DeliveryFilter::default()).iter().filter_map(|one| one.sent_at).collect();
        DeliveryCounts {
            queued: count(DeliveryState::Queued),
            failed: count(DeliveryState::Failed),
            dead: count(DeliveryState::Dead),
            sent_last_hour: sent.iter().filter(|at| now.since(**at) < Duration::from_secs(3600)).count()
                as u64,
            last_sent_at: sent.iter().max().map(|at| WireTime(*at)),
        }
    }
}

fn state(health: SourceHealth) -> SourceState {
    match health {
        SourceHealth::Up => SourceState::Up,
        SourceHealth::Degraded => SourceState::Degraded,
        SourceHealth::Down => SourceState::Down,
    }
}

fn freshness(block: BlockState) -> Freshness {
    match block {
        BlockState::Full => Freshness::Full,
        BlockState::Partial => Freshness::Partial,
        BlockState::None => Freshness::None,
        BlockState::Unknown => Freshness::Unknown,
    }
}

fn calls(cost: Cost) -> Vec<CallView> {
    let call = |one: crate::cost::OperationCost| {
        let (unit, unit_price) = one.price.unzip();
        CallView { what: one.operation, calls: one.calls, billed: one.billed, unit, unit_price }
    };
    cost.operations.into_iter().map(call).collect()
}

/// What several cost together; nothing where there is none, or they are billed in several currencies.
fn together(costs: impl Iterator<Item = Cost>) -> Option<CostView> {
    let mut all: BTreeMap<String, CostView> = BTreeMap::new();
    for cost in costs {
        let new =
            || CostView { calls: 0, billed_units: 0, projected_month: 0.0, currency: cost.currency.clone() };
        let sum = all.entry(cost.currency.clone()).or_insert_with(new);
        sum.calls += cost.calls;
        sum.billed_units += cost.billed;
        sum.projected_month += cost.projected_month;
    }
    if all.len() > 1 { None } else { all.into_values().next() }
}

/// One row for each canonical metric a statistic feeds.
fn covered(covered: &Covered) -> Vec<CoverageView> {
    let Covered { provider, namespace, metric, statistic, canonical, resources, sources } = covered;
    let row = |canonical: Option<&String>| CoverageView {
        provider: provider.as_str().to_owned(),
        namespace: namespace.to_string(),
        metric: metric.to_string(),
        statistic: statistic.to_string(),
        canonical: canonical.cloned(),
        unit: canonical.and_then(|name| {
            Registry::builtin().by_name(name).map(|metric| metric.unit().as_str().to_owned())
        }),
        resources: *resources as u64,
        sources: sources.iter().map(ToString::to_string).collect(),
    };
    if canonical.is_empty() {
        vec![row(None)]
    } else {
        canonical.iter().map(|name| row(Some(name))).collect()
    }
}

fn detail(
    source: SourceView,
    parts: Vec<PartView>,
    coverage: Option<CoverageCounts>,
    freshness: Vec<Freshness>,
    calls: Vec<CallView>,
) -> SourceDetail {
    let SourceView { name, kind, state, reason, last_success, samples_last_cycle, lag_seconds, cost } =
        source;
    SourceDetail {
        name,
        kind,
        state,
        reason,
        last_success,
        samples_last_cycle,
        lag_seconds,
        cost,
        parts,
        coverage,
        freshness,
        calls,
    }
}
