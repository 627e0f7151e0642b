//! What there is to ask for in one region: the metrics it has, laid over what mappings want. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{
    Labels, NativeMapping, NativeMappings, Provider, Resource, ResourceId, Timestamp, Wanted,
};

use super::settings::ExtraMetric;

/// Queries of one call: a bundle never has more, so that it fits one.
/// Source: API_GetMetricData.html, MetricDataQueries (read 2026-11-21).
pub(super) const QUERIES_MAX: usize = 500;
/// The resource type of what no mapping knows.
const UNMAPPED: &str = "cloudwatch.metric";
/// How late a period comes where no mapping says it, and how late one of five minutes or more comes at least.
/// Source: reference values from Amazon EC2 User Guide, "Monitoring your instances": one and five minutes.
const DELAY: Duration = Duration::from_secs(120);
const DELAY_BASIC: Duration = Duration::from_secs(300);
/// The shortest period that is late by [`DELAY_BASIC`].
const BASIC: Duration = Duration::from_secs(300);

/// A metric as a region lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Listed {
    pub(super) namespace: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) dimensions: Labels,
}

/// A metric to ask for, with everything that is wanted of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metric {
    pub(super) name: Arc<str>,
    pub(super) dimensions: Labels,
    pub(super) statistics: Vec<Arc<str>>,
}

/// What tells bundles apart over discoveries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BundleKey {
    pub(super) resource: ResourceId,
    /// The namespace and first metric of those that belong together, and a number where they fill more than one call.
    part: Arc<str>,
    period: Duration,
}

#[cfg(test)]
impl BundleKey {
    pub(super) fn for_tests(resource: ResourceId, part: &str, period: Duration) -> Self {
        Self { resource, part: part.into(), period }
    }
}

/// Metrics of one resource that some formula takes together: they are read together or not at all, because a value that is
/// missing may stand for zero.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bundle {
    pub(super) key: BundleKey,
    pub(super) namespace: Arc<str>,
    pub(super) period: Duration,
    pub(super) delay: Duration,
    pub(super) metrics: Vec<Metric>,
    /// The canonical metrics they feed.
    pub(super) feeds: Arc<[String]>,
}

impl Bundle {
    /// Queries it takes.
    pub(super) fn queries(&self) -> usize {
        self.metrics.iter().map(|metric| metric.statistics.len()).sum()
    }

    /// How late its periods come when they are this long.
    pub(super) fn delay_at(&self, period: Duration) -> Duration {
        if period >= BASIC { self.delay.max(DELAY_BASIC) } else { self.delay }
    }
}

/// Where the metrics are, and whose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
}

/// What there is in a region, in a stable order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Catalogue {
    pub(super) bundles: Vec<Bundle>,
    /// The resources that have metrics, by id.
    pub(super) resources: Vec<Resource>,
}

/// Metrics of a mapping that share formulas, directly or by way of others.
struct Component<'a> {
    wanted: Vec<&'a Wanted>,
    feeds: Arc<[String]>,
}

impl Catalogue {
    /// Lays what a region lists over what is wanted of it.
    pub(super) fn new(
        place: Place<'_>,
        listed: &[Listed],
        mappings: &NativeMappings,
        extra: &[ExtraMetric],
        now: Timestamp,
    ) -> Self {
        let mut by_namespace: BTreeMap<&str, Vec<&Listed>> = BTreeMap::new();
        for one in listed {
            by_namespace.entry(&one.namespace).or_default().push(one);
        }
        let mut bundles = Vec::new();
        for mapping in mappings.of(Provider::Aws) {
            let Some(listed) = by_namespace.get(mapping.namespace()) else { continue };
            mapped(place, listed, mapping, mappings, &mut bundles);
        }
        for wanted in extra {
            let listed = by_namespace.get(&*wanted.namespace).map_or(&[][..], Vec::as_slice);
            unmapped(place, listed, wanted, mappings, &mut bundles);
        }
        bundles.sort_by(|a, b| a.key.cmp(&b.key));
        bundles.dedup_by(|a, b| a.key == b.key);
        let ids: BTreeSet<&ResourceId> = bundles.iter().map(|bundle| &bundle.key.resource).collect();
        let resources = ids.into_iter().map(|id| bare(id.clone(), now)).collect();
        Self { bundles, resources }
    }
}

/// A resource of which only the id is known.
fn bare(id: ResourceId, now: Timestamp) -> Resource {
    let (zone, name, service) = (String::new(), String::new(), String::new());
    Resource { id, zone, name, tags: BTreeMap::new(), service, last_seen: now }
}

fn mapped(
    place: Place<'_>,
    listed: &[&Listed],
    mapping: &NativeMapping,
    mappings: &NativeMappings,
    bundles: &mut Vec<Bundle>,
) {
    let namespace: Arc<str> = mapping.namespace().into();
    let mut by_resource: BTreeMap<ResourceId, BTreeMap<&Labels, BTreeSet<&str>>> = BTreeMap::new();
    for one in listed {
        let Some(native_id) = mapping.native_name().from_dimensions(&one.dimensions) else { continue };
        let id =
            ResourceId::new(Provider::Aws, place.account, place.region, mapping.resource_type(), &native_id);
        // An empty dimension value names nothing.
        let Ok(id) = id else { continue };
        by_resource.entry(id).or_default().entry(&one.dimensions).or_default().insert(&one.name);
    }
    let wanted = mapping.wanted();
    let components = components(&wanted);
    for (resource, listed) in by_resource {
        for component in &components {
            let metrics = of_component(&resource, &namespace, component, &listed, mappings);
            let period = component.wanted[0].period;
            let kind = Kind {
                namespace: &namespace,
                part: &component.wanted[0].metric,
                period,
                delay: mapping.delay(),
                feeds: &component.feeds,
            };
            kind.cut(&resource, metrics, bundles);
        }
    }
}

/// The metrics of a resource that a component wants. Where one of a set of dimensions is listed, its companions are asked for
/// too: one that counts errors is listed only some time after the first error, and until then its absence must be a fact.
fn of_component(
    resource: &ResourceId,
    namespace: &str,
    component: &Component<'_>,
    listed: &BTreeMap<&Labels, BTreeSet<&str>>,
    mappings: &NativeMappings,
) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for (dimensions, names) in listed {
        let fits = |wanted: &&&Wanted| {
            wanted.dimensions.iter().map(String::as_str).eq(dimensions.iter().map(|(name, _)| name))
        };
        let wanted: Vec<&&Wanted> = component.wanted.iter().filter(fits).collect();
        if !wanted.iter().any(|wanted| names.contains(wanted.metric.as_str())) {
            continue;
        }
        let mut by_name: BTreeMap<&str, Vec<Arc<str>>> = BTreeMap::new();
        for wanted in wanted {
            let Wanted { metric, statistic, .. } = wanted;
            // A record may take some values of a dimension only.
            if !mappings.canonical_of(resource, namespace, metric, statistic, dimensions).is_empty() {
                by_name.entry(metric).or_default().push(statistic.as_str().into());
            }
        }
        metrics.extend(by_name.into_iter().map(|(name, statistics)| Metric {
            name: name.into(),
            dimensions: (*dimensions).clone(),
            statistics,
        }));
    }
    metrics
}

/// Splits what a mapping wants into what belongs together.
fn components(wanted: &[Wanted]) -> Vec<Component<'_>> {
    let mut components: Vec<Vec<&Wanted>> = Vec::new();
    for one in wanted {
        let meets = |component: &Vec<&Wanted>| {
            component.iter().any(|other| {
                other.period == one.period
                    && (other.metric == one.metric || other.feeds.iter().any(|feed| one.feeds.contains(feed)))
            })
        };
        let (mut joined, apart): (Vec<_>, Vec<_>) = components.into_iter().partition(meets);
        components = apart;
        let mut all: Vec<&Wanted> = joined.drain(..).flatten().collect();
        all.push(one);
        components.push(all);
    }
    let mut components: Vec<Component<'_>> = components
        .into_iter()
        .map(|mut wanted| {
            wanted.sort();
            let feeds: BTreeSet<&String> = wanted.iter().flat_map(|one| &one.feeds).collect();
            let feeds = feeds.into_iter().cloned().collect();
            Component { wanted, feeds }
        })
        .collect();
    components.sort_by(|a, b| a.wanted.cmp(&b.wanted));
    components
}

fn unmapped(
    place: Place<'_>,
    listed: &[&Listed],
    wanted: &ExtraMetric,
    mappings: &NativeMappings,
    bundles: &mut Vec<Bundle>,
) {
    let feeds: Arc<[String]> = Arc::default();
    let names = |dimensions: &Labels| dimensions.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    for one in listed.iter().filter(|one| one.name == wanted.metric) {
        if wanted.dimensions.as_ref().is_some_and(|exact| *exact != names(&one.dimensions)) {
            continue;
        }
        let Some(resource) = resource_of(place, &one.namespace, &one.dimensions, mappings) else { continue };
        let (name, dimensions) = (one.name.clone(), one.dimensions.clone());
        let metric = Metric { name, dimensions, statistics: wanted.statistics.clone() };
        let kind = Kind {
            namespace: &one.namespace,
            part: &format!("{} {}", one.name, one.dimensions),
            period: wanted.period,
            delay: DELAY,
            feeds: &feeds,
        };
        kind.cut(&resource, vec![metric], bundles);
    }
}

/// The resource that dimensions name: that of a mapping, or the dimensions themselves.
pub(super) fn resource_of(
    place: Place<'_>,
    namespace: &str,
    dimensions: &Labels,
    mappings: &NativeMappings,
) -> Option<ResourceId> {
    let Place { account, region } = place;
    let id = |kind: &str, native: &str| ResourceId::new(Provider::Aws, account, region, kind, native).ok();
    let known = mapped_resource(place, namespace, dimensions, mappings);
    known.or_else(|| {
        let named: Vec<String> = dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        id(UNMAPPED, &format!("{namespace}/{}", named.join(",")))
    })
}

/// The resource of a mapping that dimensions name.
pub(super) fn mapped_resource(
    Place { account, region }: Place<'_>,
    namespace: &str,
    dimensions: &Labels,
    mappings: &NativeMappings,
) -> Option<ResourceId> {
    mappings.of(Provider::Aws).filter(|mapping| mapping.namespace() == namespace).find_map(|mapping| {
        let native = mapping.native_name().from_dimensions(dimensions)?;
        ResourceId::new(Provider::Aws, account, region, mapping.resource_type(), &native).ok()
    })
}

/// What the bundles of one component have in common.
struct Kind<'a> {
    namespace: &'a Arc<str>,
    part: &'a str,
    period: Duration,
    delay: Duration,
    feeds: &'a Arc<[String]>,
}

impl Kind<'_> {
    /// Makes bundles of the metrics; more than one only where one call could not hold them.
    fn cut(&self, resource: &ResourceId, metrics: Vec<Metric>, bundles: &mut Vec<Bundle>) {
        let mut rest = metrics.into_iter().peekable();
        let mut number = 0;
        while rest.peek().is_some() {
            let mut queries = 0;
            let mut here = Vec::new();
            while let Some(metric) =
                rest.next_if(|metric| queries + metric.statistics.len() <= QUERIES_MAX || queries == 0)
            {
                queries += metric.statistics.len();
                here.push(metric);
            }
            let more = if number == 0 { String::new() } else { format!(" {number}") };
            let part = format!("{} {}{more}", self.namespace, self.part).into();
            bundles.push(Bundle {
                key: BundleKey { resource: resource.clone(), part, period: self.period },
                namespace: self.namespace.clone(),
                period: self.period,
                delay: self.delay,
                metrics: here,
                feeds: self.feeds.clone(),
            });
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests;
