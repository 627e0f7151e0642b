//! What clouds measure, and the mapping of it onto canonical metrics.
//!
//! A provider is asked for one statistic of one metric over whole periods, so nothing has to be remembered between
//! deliveries: [`NativeMappings::align`] is a function of one batch, and a period read again gives the same result or the
//! corrected one. One file describes one kind of resource in one namespace, and the same record says what to ask
//! ([`NativeMapping::wanted`]), what it means, and what coverage shows. `mappings/aws/ec2.yaml` shows the grammar.

mod align;
mod check;
mod example;
mod expression;
mod grammar;
mod identity;
mod record;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::{ConfigError, Labels, Provider, ResourceId, Timestamp};

pub use align::Aligned;
pub(crate) use check::SCHEMA;
pub use identity::NativeName;
use record::NativeRecord;

/// What a cloud said about one statistic of one metric of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The provider's namespace as it writes it: `AWS/EC2`, `Microsoft.Compute/virtualMachines`.
    pub namespace: Arc<str>,
    /// The metric as the provider writes it.
    pub metric: Arc<str>,
    /// The statistic as the provider writes it: `Average`, `Sum`, `p99`.
    pub statistic: Arc<str>,
    /// What was measured.
    pub resource: ResourceId,
    /// The dimensions the provider tells series of the metric apart by; those that name the resource may be among them.
    pub dimensions: Labels,
    /// Length of the period each point covers.
    pub period: Duration,
    /// How long after the end of a period the provider publishes it.
    pub delay: Duration,
    /// END of the period and value, in any order; a time may come again, then the later one in the list counts.
    pub points: Vec<(Timestamp, f64)>,
}

/// One mapping file of a cloud that was read and found right: one kind of resource in one namespace.
#[derive(Clone, Debug)]
pub struct NativeMapping {
    provider: Provider,
    namespace: String,
    kind: String,
    name: identity::Naming,
    period: Duration,
    delay: Duration,
    records: Vec<Arc<NativeRecord>>,
}

/// A statistic of a metric that some record takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wanted {
    /// The provider's metric.
    pub metric: String,
    /// The provider's word for the statistic.
    pub statistic: String,
    /// The exact set of dimensions, sorted: where a metric exists for several sets, only this one is meant. On Azure, where
    /// the resource is no dimension, these are the dimensions to split by.
    pub dimensions: Vec<String>,
    /// The length of the provider's periods.
    pub period: Duration,
    /// The canonical metrics it feeds, sorted.
    pub feeds: Vec<String>,
}

impl NativeMapping {
    /// Reads a mapping file, checks units and dimensions, and runs its examples.
    ///
    /// # Errors
    /// The first thing wrong, with line and column.
    pub fn load(text: &str) -> Result<Self, ConfigError> {
        let (mapping, examples) = check::check(serde_saphyr::from_str(text)?)?;
        for (record, examples) in mapping.records.iter().zip(&examples) {
            example::run(record, examples)?;
        }
        Ok(mapping)
    }

    /// Who measures.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The provider's namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The type its resources have in a [`ResourceId`].
    pub fn resource_type(&self) -> &str {
        &self.kind
    }

    /// How long after the end of a period the provider publishes it.
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// The period most of its metrics are published at.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// How the provider names its resources, in dimensions and in inventory.
    pub fn native_name(&self) -> NativeName<'_> {
        NativeName(&self.name)
    }

    /// What to ask for, each once, sorted.
    pub fn wanted(&self) -> Vec<Wanted> {
        let mut wanted: HashMap<_, Vec<String>> = HashMap::new();
        for record in &self.records {
            for input in &record.inputs {
                let key = (&input.metric, &input.statistic, &input.dimensions, input.period);
                wanted.entry(key).or_default().push(record.target.name().to_owned());
            }
        }
        let mut wanted: Vec<Wanted> = wanted
            .into_iter()
            .map(|((metric, statistic, dimensions, period), mut feeds)| {
                feeds.sort();
                feeds.dedup();
                let (metric, statistic) = (metric.to_string(), statistic.to_string());
                Wanted { metric, statistic, dimensions: dimensions.clone(), period, feeds }
            })
            .collect();
        wanted.sort();
        wanted
    }
}

/// The mapping files of all clouds.
#[derive(Clone, Debug, Default)]
pub struct NativeMappings {
    mappings: Vec<NativeMapping>,
    /// Provider's namespace and resource type to the mapping's place.
    places: HashMap<(Provider, String, String), usize>,
}

impl NativeMappings {
    /// The mappings this version carries.
    pub fn builtin() -> Self {
        BUILTIN.iter().fold(Self::default(), |all, text| {
            all.with(NativeMapping::load(text).expect("the embedded mappings are read by the tests"))
        })
    }

    /// Adds a mapping; one of the same namespace and resource type is replaced, so that a user's file overrides the one
    /// carried.
    #[must_use]
    pub fn with(mut self, mapping: NativeMapping) -> Self {
        let key = (mapping.provider, mapping.namespace.to_lowercase(), mapping.kind.clone());
        match self.places.get(&key) {
            Some(place) => self.mappings[*place] = mapping,
            None => {
                self.places.insert(key, self.mappings.len());
                self.mappings.push(mapping);
            }
        }
        self
    }

    /// Every mapping of a provider, those carried first.
    pub fn of(&self, provider: Provider) -> impl Iterator<Item = &NativeMapping> {
        self.mappings.iter().filter(move |mapping| mapping.provider == provider)
    }

    /// The mapping of one kind of resource in one namespace; providers are not consistent in the case of namespaces.
    pub fn get(&self, provider: Provider, namespace: &str, kind: &str) -> Option<&NativeMapping> {
        let place = self.places.get(&(provider, namespace.to_lowercase(), kind.to_owned()))?;
        Some(&self.mappings[*place])
    }

    /// The canonical metrics that one statistic of a metric feeds, the plain ones before formulas: what a native alarm on it
    /// is about. `dimensions` as in [`Measurement`].
    pub fn canonical_of(
        &self,
        resource: &ResourceId,
        namespace: &str,
        metric: &str,
        statistic: &str,
        dimensions: &Labels,
    ) -> Vec<&str> {
        let (provider, _, _, kind, _) = resource.parts();
        let records = self.get(provider, namespace, kind).map_or(&[][..], |mapping| &mapping.records);
        let takes = |record: &&Arc<NativeRecord>| {
            record.inputs.iter().any(|input| input.takes(metric, statistic, dimensions))
        };
        let mut found: Vec<&Arc<NativeRecord>> = records.iter().filter(takes).collect();
        found.sort_by_key(|record| record.inputs.len());
        found.into_iter().map(|record| record.target.name()).collect()
    }
}

/// The mapping files this version carries.
static BUILTIN: &[&str] = &[
    include_str!("../mappings/aws/application_elb.yaml"),
    include_str!("../mappings/aws/cloudfront.yaml"),
    include_str!("../mappings/aws/cwagent.yaml"),
    include_str!("../mappings/aws/ebs.yaml"),
    include_str!("../mappings/aws/ec2.yaml"),
    include_str!("../mappings/aws/elasticache.yaml"),
    include_str!("../mappings/aws/lambda.yaml"),
    include_str!("../mappings/aws/nat_gateway.yaml"),
    include_str!("../mappings/aws/network_elb.yaml"),
    include_str!("../mappings/aws/rds.yaml"),
    include_str!("../mappings/aws/s3.yaml"),
    include_str!("../mappings/aws/sqs.yaml"),
    include_str!("../mappings/azure/application_gateways.yaml"),
    include_str!("../mappings/azure/blob_services.yaml"),
    include_str!("../mappings/azure/cdn_profiles.yaml"),
    include_str!("../mappings/azure/disks.yaml"),
    include_str!("../mappings/azure/load_balancers.yaml"),
    include_str!("../mappings/azure/mysql.yaml"),
    include_str!("../mappings/azure/nat_gateways.yaml"),
    include_str!("../mappings/azure/postgresql.yaml"),
    include_str!("../mappings/azure/public_ip_addresses.yaml"),
    include_str!("../mappings/azure/redis.yaml"),
    include_str!("../mappings/azure/service_bus.yaml"),
    include_str!("../mappings/azure/sites.yaml"),
    include_str!("../mappings/azure/sql_databases.yaml"),
    include_str!("../mappings/azure/virtual_machines.yaml"),
];

#[cfg(test)]
mod tests;
