//! How a resource gets its signals: what is usual for its kind, varied by the seed, moved by the scenario.

use super::dice::Dice;
use super::place::Identity;
use super::resources::{
    Cache, Database, Function, Layer, LoadBalancer, Machine, NatGateway, ObjectStore, Outages, Queue, Volume,
};
use super::signal::{Millis, Restlessness, Signal};
use crate::scenario::{Quantity, Scenario};

/// 2^30 bytes.
pub(super) const GIB: f64 = 1_073_741_824.0;

const BUSY: Restlessness = Restlessness { daily: 0.35, noise: 0.25 };
const STEADY: Restlessness = Restlessness { daily: 0.05, noise: 0.03 };
const FIXED: Restlessness = Restlessness { daily: 0.0, noise: 0.0 };

/// What a machine is made of, before it does anything.
pub(super) struct Chassis {
    pub(super) size: &'static str,
    pub(super) cpus: u32,
    pub(super) memory_gib: f64,
    pub(super) detailed_monitoring: bool,
    pub(super) node_exporter: bool,
}

pub(super) struct Builder {
    pub(super) dice: Dice,
    pub(super) origin: Millis,
    scenario: Scenario,
}

impl Builder {
    pub(super) fn new(seed: u64, origin: Millis, scenario: Scenario) -> Self {
        Self { dice: Dice::new(seed), origin, scenario }
    }

    /// When the counters of a resource began: one to forty days before the origin, not before it existed.
    fn boot(&self, who: &Identity) -> Millis {
        let days = self.dice.between(1.5, 40.0, &format!("{} boot", who.id));
        (self.origin - (days * 86_400_000.0) as Millis).max(who.created)
    }

    /// A signal around `usual`, up to a third more or less for this one.
    fn signal(
        &self,
        who: &Identity,
        name: &str,
        usual: f64,
        restless: Restlessness,
        quantity: Quantity,
    ) -> Signal {
        let level = usual * self.dice.between(0.7, 1.3, &format!("{} {name} level", who.id));
        self.exactly(who, name, level, restless, quantity)
    }

    fn exactly(
        &self,
        who: &Identity,
        name: &str,
        level: f64,
        restless: Restlessness,
        quantity: Quantity,
    ) -> Signal {
        let name = format!("{} {name}", who.id);
        let spans = self.scenario.spans(self.origin, who, quantity);
        Signal::new(self.dice, &name, self.origin, self.boot(who), level, restless).with(&spans)
    }

    pub(super) fn machine(&self, who: Identity, chassis: Chassis) -> Machine {
        let memory_total = chassis.memory_gib * GIB;
        let filesystem_total = self.dice.pick(&[50.0, 100.0, 200.0], &format!("{} filesystem", who.id)) * GIB;
        let network = if who.service == "batch" { 600_000.0 } else { 2_500_000.0 };
        let disk = if who.service == "batch" { 1_600_000.0 } else { 900_000.0 };
        let busy = if who.service == "batch" { 0.38 } else { 0.30 };
        let network_in = self.signal(&who, "network in", network, BUSY, Quantity::Demand);
        let network_out = self.signal(&who, "network out", 1.6 * network, BUSY, Quantity::Demand);
        let disk_read = self.signal(&who, "disk read", disk, BUSY, Quantity::Other);
        let disk_write = self.signal(&who, "disk write", 1.4 * disk, BUSY, Quantity::Other);
        let filesystem_used = self
            .signal(&who, "filesystem", 0.5 * filesystem_total, FIXED, Quantity::Other)
            .growing(filesystem_total / (200.0 * 86_400.0));
        let octets = self.dice.bits(&format!("{} address", who.id));
        Machine {
            size: chassis.size,
            address: format!("10.{}.{}.{}", octets % 200 + 10, (octets >> 8) % 256, (octets >> 16) % 250 + 4),
            machine_id: self.dice.uuid(&format!("{} machine", who.id)),
            cpus: chassis.cpus,
            memory_total,
            filesystem_total,
            boot: self.boot(&who),
            detailed_monitoring: chassis.detailed_monitoring,
            node_exporter: chassis.node_exporter,
            outages: Outages(self.scenario.outages(self.origin, &who)),
            cpu_busy: self.signal(&who, "cpu", busy, BUSY, Quantity::Cpu),
            memory_used: self.signal(&who, "memory", 0.55 * memory_total, STEADY, Quantity::Memory),
            packets_in: network_in.times(1.0 / 900.0),
            packets_out: network_out.times(1.0 / 1_100.0),
            disk_reads: disk_read.times(1.0 / 32_768.0),
            disk_writes: disk_write.times(1.0 / 16_384.0),
            network_in,
            network_out,
            disk_read,
            disk_write,
            filesystem_used,
            identity: who,
        }
    }

    /// The one volume of a machine.
    pub(super) fn volume(&self, who: Identity, machine: &Machine) -> Volume {
        Volume {
            machine: machine.identity.id.clone(),
            size_total: machine.filesystem_total,
            read: machine.disk_read.clone(),
            write: machine.disk_write.clone(),
            reads: machine.disk_reads.clone(),
            writes: machine.disk_writes.clone(),
            latency: self.signal(&who, "latency", 0.0008, BUSY, Quantity::Latency),
            identity: who,
        }
    }

    pub(super) fn database(
        &self,
        who: Identity,
        engine: &'static str,
        size: &'static str,
        replica: bool,
    ) -> Database {
        let memory_total = 32.0 * GIB;
        let storage_total = self.dice.pick(&[200.0, 500.0], &format!("{} storage", who.id)) * GIB;
        let read = self.signal(&who, "read", 8_000_000.0, BUSY, Quantity::Demand);
        let write = self.signal(&who, "write", 5_000_000.0, BUSY, Quantity::Demand);
        Database {
            engine,
            size,
            memory_total,
            storage_total,
            connections_max: 1_000.0,
            replica,
            cpu_busy: self.signal(&who, "cpu", 0.35, BUSY, Quantity::Cpu),
            memory_used: self.signal(&who, "memory", 0.6 * memory_total, STEADY, Quantity::Memory),
            connections: self.signal(&who, "connections", 320.0, BUSY, Quantity::Connections),
            connections_failed: self.signal(&who, "connections failed", 0.02, BUSY, Quantity::Errors),
            queries: self.signal(&who, "queries", 2_400.0, BUSY, Quantity::Demand),
            storage_used: self
                .signal(&who, "storage", 0.45 * storage_total, FIXED, Quantity::Other)
                .growing(storage_total / (400.0 * 86_400.0)),
            reads: read.times(1.0 / 16_384.0),
            writes: write.times(1.0 / 16_384.0),
            read,
            write,
            latency: self.signal(&who, "latency", 0.0012, BUSY, Quantity::Latency),
            queue: self.signal(&who, "queue", 1.5, BUSY, Quantity::Latency),
            network_in: self.signal(&who, "network in", 3_000_000.0, BUSY, Quantity::Demand),
            network_out: self.signal(&who, "network out", 9_000_000.0, BUSY, Quantity::Demand),
            replica_lag: self.signal(&who, "replica lag", 0.4, BUSY, Quantity::ReplicaLag),
            deadlocks: self.signal(&who, "deadlocks", 0.002, BUSY, Quantity::Errors),
            identity: who,
        }
    }

    pub(super) fn load_balancer(
        &self,
        who: Identity,
        layer: Layer,
        pool: String,
        hosts: usize,
    ) -> LoadBalancer {
        let usual = if who.service == "checkout" { 260.0 } else { 140.0 };
        let requests = self.signal(&who, "requests", usual, BUSY, Quantity::Demand);
        LoadBalancer {
            layer,
            pool,
            hosts: hosts as f64,
            errors_4xx: self.signal(&who, "4xx", 0.012 * usual, BUSY, Quantity::Other),
            errors_5xx: self.signal(&who, "5xx", 0.002 * usual, BUSY, Quantity::Errors),
            latency: self.signal(&who, "latency", 0.085, BUSY, Quantity::Latency),
            unhealthy: self.exactly(&who, "unhealthy", 0.0, FIXED, Quantity::UnhealthyHosts),
            connections: self.signal(&who, "connections", 900.0, BUSY, Quantity::Connections),
            connections_new: requests.times(0.2),
            network_in: requests.times(1_400.0),
            network_out: requests.times(18_000.0),
            requests,
            identity: who,
        }
    }

    pub(super) fn queue(&self, who: Identity) -> Queue {
        let sent = self.signal(&who, "sent", 45.0, BUSY, Quantity::Demand);
        let depth = self.signal(&who, "depth", 120.0, BUSY, Quantity::Backlog);
        Queue {
            in_flight: self.signal(&who, "in flight", 30.0, BUSY, Quantity::Other),
            oldest_age: self.signal(&who, "oldest age", 12.0, BUSY, Quantity::OldestAge),
            received: sent.times(0.98),
            dead_lettered: self.signal(&who, "dead letters", 2.0, STEADY, Quantity::Other),
            size: depth.times(2_048.0),
            errors: self.signal(&who, "errors", 0.01, BUSY, Quantity::Errors),
            sent,
            depth,
            identity: who,
        }
    }

    pub(super) fn function(&self, who: Identity) -> Function {
        let memory_total = 0.5 * GIB;
        Function {
            memory_total,
            invocations: self.signal(&who, "invocations", 25.0, BUSY, Quantity::Demand),
            errors: self.signal(&who, "errors", 0.05, BUSY, Quantity::Errors),
            throttles: self.signal(&who, "throttles", 0.004, BUSY, Quantity::Errors),
            duration: self.signal(&who, "duration", 0.180, BUSY, Quantity::Latency),
            memory_used: self.signal(&who, "memory", 0.4 * memory_total, STEADY, Quantity::Memory),
            identity: who,
        }
    }

    pub(super) fn cache(&self, who: Identity, size: &'static str) -> Cache {
        let memory_total = 6.0 * GIB;
        let hits = self.signal(&who, "hits", 3_800.0, BUSY, Quantity::Demand);
        Cache {
            size,
            memory_total,
            cpu_busy: self.signal(&who, "cpu", 0.25, BUSY, Quantity::Cpu),
            memory_used: self.signal(&who, "memory", 0.6 * memory_total, STEADY, Quantity::Memory),
            misses: self.signal(&who, "misses", 260.0, BUSY, Quantity::Demand),
            writes: hits.times(0.3),
            evictions: self.signal(&who, "evictions", 0.3, BUSY, Quantity::Errors),
            expirations: self.signal(&who, "expirations", 14.0, BUSY, Quantity::Other),
            keys: self.signal(&who, "keys", 850_000.0, STEADY, Quantity::Other),
            connections: self.signal(&who, "connections", 180.0, BUSY, Quantity::Connections),
            connections_new: self.signal(&who, "connections new", 2.0, BUSY, Quantity::Connections),
            latency: self.signal(&who, "latency", 0.000_045, BUSY, Quantity::Latency),
            network_in: hits.times(140.0),
            network_out: hits.times(620.0),
            hits,
            identity: who,
        }
    }

    pub(super) fn object_store(&self, who: Identity) -> ObjectStore {
        let requests = self.signal(&who, "requests", 60.0, BUSY, Quantity::Demand);
        ObjectStore {
            used: self.signal(&who, "used", 900.0 * GIB, FIXED, Quantity::Other).growing(20_000.0),
            objects: self.signal(&who, "objects", 4_000_000.0, FIXED, Quantity::Other).growing(0.6),
            errors: self.signal(&who, "errors", 0.05, BUSY, Quantity::Errors),
            latency: self.signal(&who, "latency", 0.028, BUSY, Quantity::Latency),
            network_in: requests.times(9_000.0),
            network_out: requests.times(70_000.0),
            requests,
            identity: who,
        }
    }

    pub(super) fn nat_gateway(&self, who: Identity) -> NatGateway {
        let out = self.signal(&who, "out", 3_500_000.0, BUSY, Quantity::Demand);
        let back = self.signal(&who, "back", 12_000_000.0, BUSY, Quantity::Demand);
        NatGateway {
            connections: self.signal(&who, "connections", 2_100.0, BUSY, Quantity::Connections),
            connections_new: self.signal(&who, "connections new", 35.0, BUSY, Quantity::Demand),
            port_errors: self.signal(&who, "port errors", 0.001, BUSY, Quantity::Errors),
            drops: self.signal(&who, "drops", 0.05, BUSY, Quantity::Errors),
            packets_out: out.times(1.0 / 700.0),
            packets_back: back.times(1.0 / 1_200.0),
            out,
            back,
            identity: who,
        }
    }
}
