//! The estate: some three hundred resources in two clouds and two rooms, as a pure function of seed and time.
//!
//! ```
//! use isobar_simulators::{Estate, Scenario};
//!
//! let origin = 1_795_000_000_000;
//! let estate = Estate::new(7, origin, Scenario::FirstLight);
//! let hot = estate.machines().iter().filter(|machine| machine.cpu_busy.mean(origin - 60_000, origin) > 0.95);
//! assert_eq!(hot.count(), 6);
//! ```

mod aws;
mod azure;
mod build;
mod dice;
mod onprem;
mod place;
mod resources;
mod signal;

pub(crate) use dice::Dice;

pub use place::{
    AWS_ACCOUNT, AWS_REGIONS, AZURE_REGIONS, AZURE_SUBSCRIPTION, Cloud, Identity, Place, ROOMS, SERVICES,
};
pub use resources::{
    Cache, Database, Function, Layer, LoadBalancer, Machine, NatGateway, ObjectStore, Outages, Queue, Volume,
};
pub use signal::{Change, Millis, Signal, Span};

use crate::scenario::Scenario;

/// How far back the estate has a past.
pub const PAST: Millis = 24 * 3_600_000;

/// Everything there is, in a stable order: AWS by region, Azure by region, the rooms.
///
/// The same seed, origin and scenario give the same estate; every quantity has a value at every time, and data
/// reaches [`PAST`] before the origin.
#[derive(Debug)]
pub struct Estate {
    seed: u64,
    origin: Millis,
    scenario: Scenario,
    machines: Vec<Machine>,
    volumes: Vec<Volume>,
    databases: Vec<Database>,
    load_balancers: Vec<LoadBalancer>,
    queues: Vec<Queue>,
    functions: Vec<Function>,
    caches: Vec<Cache>,
    object_stores: Vec<ObjectStore>,
    nat_gateways: Vec<NatGateway>,
}

impl Estate {
    /// Builds the estate. `origin` is when the story begins, in milliseconds since 1970-01-01 UTC.
    pub fn new(seed: u64, origin: Millis, scenario: Scenario) -> Self {
        let mut estate = Self {
            seed,
            origin,
            scenario,
            machines: Vec::new(),
            volumes: Vec::new(),
            databases: Vec::new(),
            load_balancers: Vec::new(),
            queues: Vec::new(),
            functions: Vec::new(),
            caches: Vec::new(),
            object_stores: Vec::new(),
            nat_gateways: Vec::new(),
        };
        let builder = build::Builder::new(seed, origin, scenario);
        aws::populate(&builder, &mut estate);
        azure::populate(&builder, &mut estate);
        onprem::populate(&builder, &mut estate);
        estate
    }

    /// Adds so many machines to each cloud, half of them in each region: for those who measure how an estate of thousands is
    /// read. They belong to payments, and their data comes every minute.
    #[must_use]
    pub fn with_more_machines(mut self, in_each_cloud: usize) -> Self {
        let builder = build::Builder::new(self.seed, self.origin, self.scenario);
        for index in 0..in_each_cloud {
            aws::one_more(&builder, &mut self, index);
            azure::one_more(&builder, &mut self, index);
        }
        self
    }

    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns when the story begins.
    pub fn origin(&self) -> Millis {
        self.origin
    }

    /// Returns the script it follows.
    pub fn scenario(&self) -> Scenario {
        self.scenario
    }

    /// Returns the first time that has data.
    pub fn begins(&self) -> Millis {
        self.origin - PAST
    }

    /// Returns EC2 instances, Azure virtual machines and hosts of one's own.
    pub fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// Returns EBS volumes.
    pub fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    /// Returns RDS and Azure SQL databases.
    pub fn databases(&self) -> &[Database] {
        &self.databases
    }

    /// Returns application and network load balancers and application gateways.
    pub fn load_balancers(&self) -> &[LoadBalancer] {
        &self.load_balancers
    }

    /// Returns SQS queues and Service Bus namespaces.
    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// Returns Lambda functions and function apps.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Returns ElastiCache clusters and Azure caches.
    pub fn caches(&self) -> &[Cache] {
        &self.caches
    }

    /// Returns buckets and storage accounts.
    pub fn object_stores(&self) -> &[ObjectStore] {
        &self.object_stores
    }

    /// Returns NAT gateways.
    pub fn nat_gateways(&self) -> &[NatGateway] {
        &self.nat_gateways
    }

    /// Returns the identities of all resources.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        let machines = self.machines.iter().map(|it| &it.identity);
        machines
            .chain(self.volumes.iter().map(|it| &it.identity))
            .chain(self.databases.iter().map(|it| &it.identity))
            .chain(self.load_balancers.iter().map(|it| &it.identity))
            .chain(self.queues.iter().map(|it| &it.identity))
            .chain(self.functions.iter().map(|it| &it.identity))
            .chain(self.caches.iter().map(|it| &it.identity))
            .chain(self.object_stores.iter().map(|it| &it.identity))
            .chain(self.nat_gateways.iter().map(|it| &it.identity))
    }
}

#[cfg(test)]
mod tests;
