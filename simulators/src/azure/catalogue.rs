//! Every resource of the subscription and every metric Azure Monitor has of it, as the vendor documents them.
//!
//! Source of names, units, aggregations, grains and dimensions: azure-monitor-docs,
//! articles/azure-monitor/reference/supported-metrics/*.md (2026-10), one page for each namespace.

mod compute;
mod data;
mod edge;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::grain::MINUTE;
use super::sample::{Aggregation, Average, Maximum, Minimum, Sample, Total};
use crate::estate::{AZURE_SUBSCRIPTION, Cloud, Dice, Estate, Identity, Millis, Place};

/// Nothing is usable before this long after a grain ends, ...
const DELAY_MIN: Millis = 120_000;
/// ... and everything is after this long; which it is depends on the resource.
/// Source: azure-monitor-docs, articles/azure-monitor/metrics/metrics-troubleshoot.md: recent data may be missing for some minutes.
const DELAY_MAX: Millis = 180_000;

/// One metric of a kind of resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Metric {
    /// The name in the API.
    pub(crate) name: &'static str,
    /// The name in the portal.
    pub(crate) display: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) primary: Aggregation,
    pub(crate) supported: &'static [Aggregation],
    /// The shortest grain.
    pub(crate) grain: Millis,
    pub(crate) dimensions: &'static [&'static str],
}

const GAUGE: &[Aggregation] = &[Average, Minimum, Maximum];
const SUM: &[Aggregation] = &[Total, Average, Minimum, Maximum, Aggregation::Count];

const fn metric(
    name: &'static str,
    display: &'static str,
    unit: &'static str,
    primary: Aggregation,
    supported: &'static [Aggregation],
) -> Metric {
    Metric { name, display, unit, primary, supported, grain: MINUTE, dimensions: &[] }
}

/// A level.
const fn gauge(name: &'static str, display: &'static str, unit: &'static str) -> Metric {
    metric(name, display, unit, Average, GAUGE)
}

/// A level of which the portal shows the highest.
const fn peak(name: &'static str, display: &'static str, unit: &'static str) -> Metric {
    metric(name, display, unit, Maximum, GAUGE)
}

/// How many or how much in the grain.
const fn sum(name: &'static str, display: &'static str, unit: &'static str) -> Metric {
    metric(name, display, unit, Total, SUM)
}

impl Metric {
    const fn by(mut self, dimensions: &'static [&'static str]) -> Self {
        self.dimensions = dimensions;
        self
    }

    const fn every(mut self, grain: Millis) -> Self {
        self.grain = grain;
        self
    }
}

type At<R> = fn(&R) -> Vec<String>;
type Measure<R> = fn(&R, Millis, Millis) -> Option<Sample>;

/// One combination of a metric's dimensions and what is measured there.
struct Cell<R: 'static> {
    /// In the order of the metric's dimensions.
    at: At<R>,
    measure: Measure<R>,
}

/// A metric with the cells it is measured in.
struct Native<R: 'static> {
    metric: Metric,
    cells: Vec<Cell<R>>,
}

/// A metric without dimensions.
fn plain<R>(metric: Metric, measure: Measure<R>) -> Native<R> {
    Native { metric, cells: vec![Cell { at: |_| Vec::new(), measure }] }
}

/// A metric with dimensions, cell by cell.
fn split<R, const N: usize>(metric: Metric, cells: [(At<R>, Measure<R>); N]) -> Native<R> {
    Native { metric, cells: cells.map(|(at, measure)| Cell { at, measure }).into() }
}

/// One series of a metric of a resource.
pub(crate) struct Series {
    /// In the order of the metric's dimensions.
    pub(crate) values: Vec<String>,
    measure: Box<dyn Fn(Millis, Millis) -> Option<Sample> + Send + Sync>,
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.values)
    }
}

impl Series {
    /// What was measured in `[from, to)`; none when nothing was published.
    pub(crate) fn measure(&self, from: Millis, to: Millis) -> Option<Sample> {
        (self.measure)(from, to)
    }
}

/// A resource, or the part of one that has metrics of its own.
#[derive(Debug)]
pub(crate) struct Resource {
    /// In the spelling of the one who created it.
    pub(crate) id: String,
    pub(crate) name: String,
    /// For example `Microsoft.Compute/virtualMachines`; also the namespace of its metrics.
    pub(crate) kind: &'static str,
    /// A part is not listed by Resource Manager or Resource Graph.
    pub(crate) part: bool,
    pub(crate) region: &'static str,
    pub(crate) zone: Option<String>,
    pub(crate) group: String,
    pub(crate) sku: String,
    pub(crate) tags: Vec<(String, String)>,
    /// From when and to when it exists.
    pub(crate) life: (Millis, Millis),
    /// How long after its end a grain is usable in full.
    pub(crate) delay: Millis,
    pub(crate) metrics: Vec<(Metric, Vec<Series>)>,
}

impl Resource {
    pub(crate) fn metric(&self, name: &str) -> Option<&(Metric, Vec<Series>)> {
        self.metrics.iter().find(|(metric, _)| metric.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn exists(&self, t: Millis) -> bool {
        (self.life.0..self.life.1).contains(&t)
    }
}

/// All resources of the subscription, in a stable order.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) resources: Vec<Resource>,
    by_id: HashMap<String, usize>,
}

impl Catalogue {
    pub(crate) fn new(estate: &Arc<Estate>) -> Self {
        let mut resources = Vec::new();
        compute::add(estate, &mut resources);
        data::add(estate, &mut resources);
        edge::add(estate, &mut resources);
        let by_id = resources.iter().enumerate().map(|(index, it)| (it.id.to_lowercase(), index)).collect();
        Self { resources, by_id }
    }

    /// Finds a resource that exists at `now`, upper and lower case being the same.
    pub(crate) fn find(&self, id: &str, now: Millis) -> Option<&Resource> {
        let id = format!("/{}", id.trim_matches('/').to_lowercase());
        self.by_id.get(&id).map(|index| &self.resources[*index]).filter(|it| it.exists(now))
    }

    /// The resources that are listed, in a stable order.
    pub(crate) fn listed(&self, subscription: &str, now: Millis) -> impl Iterator<Item = &Resource> {
        let mine = subscription.eq_ignore_ascii_case(AZURE_SUBSCRIPTION);
        self.resources.iter().filter(move |it| mine && !it.part && it.exists(now))
    }
}

/// A kind of resource: what it is called, which resources of the estate are of it, and its metrics.
struct Kind<R: 'static> {
    name: &'static str,
    /// What follows the id of the resource in the id of the part that is measured.
    part: &'static str,
    all: fn(&Estate) -> &[R],
    who: fn(&R) -> &Identity,
    belongs: fn(&R) -> bool,
    sku: fn(&R) -> &'static str,
    metrics: Vec<Native<R>>,
}

impl<R: 'static> Kind<R> {
    fn new(
        name: &'static str,
        all: fn(&Estate) -> &[R],
        who: fn(&R) -> &Identity,
        metrics: Vec<Native<R>>,
    ) -> Self {
        Self { name, part: "", all, who, belongs: |_| true, sku: |_| "Standard", metrics }
    }

    fn add(self, estate: &Arc<Estate>, resources: &mut Vec<Resource>) {
        let all = self.all;
        let dice = Dice::new(estate.seed());
        for (index, resource) in all(estate).iter().enumerate() {
            let who = (self.who)(resource);
            let Place::Azure { region, zone, resource_group, arm_id } = &who.place else { continue };
            debug_assert_eq!(who.place.cloud(), Cloud::Azure);
            if !(self.belongs)(resource) {
                continue;
            }
            let series = |native: &Native<R>| {
                let cells = native.cells.iter().map(|cell| {
                    let (estate, measure) = (Arc::clone(estate), cell.measure);
                    let values = (cell.at)(resource);
                    debug_assert_eq!(values.len(), native.metric.dimensions.len(), "{}", native.metric.name);
                    Series { values, measure: Box::new(move |a, b| measure(&all(&estate)[index], a, b)) }
                });
                (native.metric, cells.collect())
            };
            let late = dice.unit(&format!("{} delay", who.id)) * (DELAY_MAX - DELAY_MIN) as f64;
            resources.push(Resource {
                id: format!("{arm_id}{}", self.part),
                name: who.name.clone(),
                kind: self.name,
                part: !self.part.is_empty(),
                region,
                zone: zone.clone(),
                group: resource_group.clone(),
                sku: (self.sku)(resource).to_owned(),
                tags: who.tags.clone(),
                life: (who.created, who.removed),
                delay: DELAY_MIN + late as Millis,
                metrics: self.metrics.iter().map(series).collect(),
            });
        }
    }
}

/// One observation.
fn one(value: f64) -> Option<Sample> {
    Some(Sample::one(value))
}

/// As many as there were; zero is published.
fn ones(count: f64) -> Option<Sample> {
    Some(Sample::ones(count))
}

/// As many as there were; a combination of dimensions that did not occur is not published.
fn some(count: f64) -> Option<Sample> {
    (count > 0.0).then(|| Sample::ones(count))
}

/// Seconds in a span.
fn seconds(from: Millis, to: Millis) -> f64 {
    (to - from) as f64 / 1_000.0
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

#[cfg(test)]
mod tests;
