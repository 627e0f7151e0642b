//! What the estate is made of, as physical quantities. Rates are per second, sizes in bytes, times in seconds.

use super::place::Identity;
use super::signal::{Millis, Signal};

/// Times in which something is down, half-open and in order.
#[derive(Debug, Clone, Default)]
pub struct Outages(pub Vec<(Millis, Millis)>);

impl Outages {
    /// Returns whether it is up at `t`.
    pub fn up(&self, t: Millis) -> bool {
        !self.0.iter().any(|(from, to)| (*from..*to).contains(&t))
    }

    /// Returns whether it is up for all of `[from, to)`.
    pub fn up_throughout(&self, from: Millis, to: Millis) -> bool {
        !self.0.iter().any(|(begin, end)| *begin < to && from < *end)
    }
}

/// A computer: an EC2 instance, an Azure virtual machine, or a host of one's own.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Who it is.
    pub identity: Identity,
    /// What the provider calls its size, for example `m5.large`.
    pub size: &'static str,
    /// Its address inside.
    pub address: String,
    /// Its UUID, as the firmware shows it.
    pub machine_id: String,
    /// Logical processors.
    pub cpus: u32,
    /// Installed memory in bytes.
    pub memory_total: f64,
    /// Size of its root file system in bytes.
    pub filesystem_total: f64,
    /// When it was started; its counters begin at 0 there.
    pub boot: Millis,
    /// Whether the provider measures it every minute rather than every five.
    pub detailed_monitoring: bool,
    /// Whether it also runs node_exporter.
    pub node_exporter: bool,
    /// When it is down.
    pub outages: Outages,
    /// Share of its processors that is busy, 0..1.
    pub cpu_busy: Signal,
    /// Memory in use that cannot be given to others, bytes.
    pub memory_used: Signal,
    /// Bytes received per second.
    pub network_in: Signal,
    /// Bytes sent per second.
    pub network_out: Signal,
    /// Packets received per second.
    pub packets_in: Signal,
    /// Packets sent per second.
    pub packets_out: Signal,
    /// Bytes read from disk per second.
    pub disk_read: Signal,
    /// Bytes written to disk per second.
    pub disk_write: Signal,
    /// Read operations per second.
    pub disk_reads: Signal,
    /// Write operations per second.
    pub disk_writes: Signal,
    /// Bytes used on the root file system.
    pub filesystem_used: Signal,
}

/// A disk of a machine; what it reads and writes is what the machine does.
#[derive(Debug, Clone)]
pub struct Volume {
    /// Who it is.
    pub identity: Identity,
    /// The `id` of its machine.
    pub machine: String,
    /// Size in bytes.
    pub size_total: f64,
    /// Bytes read per second.
    pub read: Signal,
    /// Bytes written per second.
    pub write: Signal,
    /// Read operations per second.
    pub reads: Signal,
    /// Write operations per second.
    pub writes: Signal,
    /// Seconds one operation takes.
    pub latency: Signal,
}

/// A relational database.
#[derive(Debug, Clone)]
pub struct Database {
    /// Who it is.
    pub identity: Identity,
    /// `postgres` or `mysql` at AWS, `mssql` at Azure.
    pub engine: &'static str,
    /// What the provider calls its size.
    pub size: &'static str,
    /// Memory in bytes.
    pub memory_total: f64,
    /// Storage in bytes.
    pub storage_total: f64,
    /// Connections it accepts.
    pub connections_max: f64,
    /// Whether it copies another one.
    pub replica: bool,
    /// Share of its processors that is busy, 0..1.
    pub cpu_busy: Signal,
    /// Memory in use, bytes.
    pub memory_used: Signal,
    /// Open connections.
    pub connections: Signal,
    /// Connections that failed, per second.
    pub connections_failed: Signal,
    /// Queries per second.
    pub queries: Signal,
    /// Storage in use, bytes.
    pub storage_used: Signal,
    /// Read operations per second.
    pub reads: Signal,
    /// Write operations per second.
    pub writes: Signal,
    /// Bytes read per second.
    pub read: Signal,
    /// Bytes written per second.
    pub write: Signal,
    /// Seconds one operation takes.
    pub latency: Signal,
    /// Operations waiting.
    pub queue: Signal,
    /// Bytes received per second.
    pub network_in: Signal,
    /// Bytes sent per second.
    pub network_out: Signal,
    /// Seconds a replica is behind.
    pub replica_lag: Signal,
    /// Deadlocks per second.
    pub deadlocks: Signal,
}

/// How much of a connection a load balancer understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// HTTP.
    Application,
    /// TCP.
    Network,
}

/// A load balancer with one pool of hosts.
#[derive(Debug, Clone)]
pub struct LoadBalancer {
    /// Who it is.
    pub identity: Identity,
    /// What it balances.
    pub layer: Layer,
    /// What metrics call its pool, for example `targetgroup/name/0123…`.
    pub pool: String,
    /// Hosts in the pool.
    pub hosts: f64,
    /// Requests per second.
    pub requests: Signal,
    /// Answers 4xx per second.
    pub errors_4xx: Signal,
    /// Answers 5xx per second.
    pub errors_5xx: Signal,
    /// Seconds a host takes to answer.
    pub latency: Signal,
    /// Hosts that fail their health check; round it, hosts are whole.
    pub unhealthy: Signal,
    /// Open connections.
    pub connections: Signal,
    /// New connections per second.
    pub connections_new: Signal,
    /// Bytes received per second.
    pub network_in: Signal,
    /// Bytes sent per second.
    pub network_out: Signal,
}

/// A queue of messages.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Who it is.
    pub identity: Identity,
    /// Messages waiting.
    pub depth: Signal,
    /// Messages handed out and not yet deleted.
    pub in_flight: Signal,
    /// Age of the oldest message in seconds.
    pub oldest_age: Signal,
    /// Messages sent per second.
    pub sent: Signal,
    /// Messages received per second.
    pub received: Signal,
    /// Messages given up, waiting for someone to look.
    pub dead_lettered: Signal,
    /// Bytes of all messages.
    pub size: Signal,
    /// Requests the service failed, per second.
    pub errors: Signal,
}

/// A function that runs when called.
#[derive(Debug, Clone)]
pub struct Function {
    /// Who it is.
    pub identity: Identity,
    /// Memory it may use, bytes.
    pub memory_total: f64,
    /// Calls per second.
    pub invocations: Signal,
    /// Calls that failed, per second.
    pub errors: Signal,
    /// Calls refused for want of capacity, per second.
    pub throttles: Signal,
    /// Seconds one call takes.
    pub duration: Signal,
    /// Memory in use, bytes.
    pub memory_used: Signal,
}

/// A cache in memory (Redis).
#[derive(Debug, Clone)]
pub struct Cache {
    /// Who it is.
    pub identity: Identity,
    /// What the provider calls its size.
    pub size: &'static str,
    /// Memory for data, bytes.
    pub memory_total: f64,
    /// Share of the engine's core that is busy, 0..1.
    pub cpu_busy: Signal,
    /// Memory used for data, bytes.
    pub memory_used: Signal,
    /// Keys found, per second.
    pub hits: Signal,
    /// Keys not found, per second.
    pub misses: Signal,
    /// Keys put, per second.
    pub writes: Signal,
    /// Keys thrown out for want of room, per second.
    pub evictions: Signal,
    /// Keys that expired, per second.
    pub expirations: Signal,
    /// Keys held.
    pub keys: Signal,
    /// Open connections.
    pub connections: Signal,
    /// New connections per second.
    pub connections_new: Signal,
    /// Seconds one command takes.
    pub latency: Signal,
    /// Bytes received per second.
    pub network_in: Signal,
    /// Bytes sent per second.
    pub network_out: Signal,
}

/// Storage of objects: an S3 bucket, an Azure storage account.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    /// Who it is.
    pub identity: Identity,
    /// Bytes stored.
    pub used: Signal,
    /// Objects stored.
    pub objects: Signal,
    /// Requests per second.
    pub requests: Signal,
    /// Requests that failed, per second.
    pub errors: Signal,
    /// Seconds one request takes.
    pub latency: Signal,
    /// Bytes received per second.
    pub network_in: Signal,
    /// Bytes sent per second.
    pub network_out: Signal,
}

/// A gateway that translates addresses for machines without one of their own.
#[derive(Debug, Clone)]
pub struct NatGateway {
    /// Who it is.
    pub identity: Identity,
    /// Open connections.
    pub connections: Signal,
    /// New connections per second.
    pub connections_new: Signal,
    /// Connections it had no port for, per second.
    pub port_errors: Signal,
    /// Packets dropped per second.
    pub drops: Signal,
    /// Bytes from inside to outside per second.
    pub out: Signal,
    /// Bytes from outside to inside per second.
    pub back: Signal,
    /// Packets from inside to outside per second.
    pub packets_out: Signal,
    /// Packets from outside to inside per second.
    pub packets_back: Signal,
}
