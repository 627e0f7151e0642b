//! SQL databases, caches and storage accounts.

use std::sync::Arc;

use super::super::grain::HOUR;
use super::{
    Kind, Native, Resource, Sample, gauge, one, ones, peak, plain, seconds, some, split, sum, words,
};
use crate::estate::{Cache, Database, Estate, Millis, ObjectStore};

/// Ratios are in percent.
const PERCENT: f64 = 100.0;
/// Milliseconds in a second.
const MILLISECONDS: f64 = 1e3;
/// Microseconds in a second.
const MICROSECONDS: f64 = 1e6;
/// Data operations per second a database of four cores may do.
/// Source: azure-docs, articles/azure-sql/database/resource-limits-vcore-single-databases.md, General Purpose, Gen5, 4 vCores.
const SQL_IOPS: f64 = 1_280.0;
/// The share of a request that is spent in the service; the rest is the network.
const SERVER_SHARE: f64 = 0.6;

fn database() -> Vec<Native<Database>> {
    vec![
        plain(gauge("cpu_percent", "CPU percentage", "Percent"), |d, a, b| {
            one(PERCENT * d.cpu_busy.mean(a, b))
        }),
        plain(peak("sql_instance_memory_percent", "SQL instance memory percent", "Percent"), |d, a, b| {
            one(PERCENT * d.memory_used.mean(a, b) / d.memory_total)
        }),
        plain(gauge("physical_data_read_percent", "Data IO percentage", "Percent"), |d, a, b| {
            let rate = d.reads.count(a, b) / seconds(a, b);
            one((PERCENT * rate / SQL_IOPS).min(PERCENT))
        }),
        plain(gauge("availability", "Availability", "Percent"), |_, _, _| one(PERCENT)),
        plain(peak("storage", "Data space used", "Bytes"), |d, a, b| one(d.storage_used.mean(a, b))),
        plain(peak("storage_percent", "Data space used percent", "Percent"), |d, a, b| {
            one(PERCENT * d.storage_used.mean(a, b) / d.storage_total)
        }),
        plain(gauge("sessions_count", "Sessions count", "Count"), |d, a, b| {
            one(d.connections.mean(a, b).round())
        }),
        plain(gauge("sessions_percent", "Sessions percent", "Percent"), |d, a, b| {
            one(PERCENT * d.connections.mean(a, b).round() / d.connections_max)
        }),
        split(
            sum("connection_failed", "Failed Connections : System Errors", "Count").by(&["Error"]),
            [(|_| words(["40613"]), |d, a, b| ones(d.connections_failed.count(a, b)))],
        ),
        plain(sum("deadlock", "Deadlocks", "Count"), |d, a, b| ones(d.deadlocks.count(a, b))),
        // Only databases that are copied publish it.
        plain(peak("replication_lag_seconds", "Replication Lag Seconds", "Seconds"), |d, a, b| {
            d.replica.then(|| Sample::one(d.replica_lag.mean(a, b)))
        }),
    ]
}

/// Shards are numbered from 0; a cache that is not sharded has one.
fn shard(_: &Cache) -> Vec<String> {
    words(["0"])
}

fn cache() -> Vec<Native<Cache>> {
    vec![
        plain(peak("allserverLoad", "Server Load (Instance Based)", "Percent"), |c, a, b| {
            one(PERCENT * c.cpu_busy.mean(a, b))
        }),
        plain(peak("allpercentprocessortime", "CPU (Instance Based)", "Percent"), |c, a, b| {
            one(PERCENT * c.cpu_busy.mean(a, b))
        }),
        plain(peak("allusedmemory", "Used Memory (Instance Based)", "Bytes"), |c, a, b| {
            one(c.memory_used.mean(a, b))
        }),
        plain(
            peak("allusedmemorypercentage", "Used Memory Percentage (Instance Based)", "Percent"),
            |c, a, b| one(PERCENT * c.memory_used.mean(a, b) / c.memory_total),
        ),
        // Read and write are the clients' words: what they read leaves the cache.
        plain(peak("allcacheRead", "Cache Read (Instance Based)", "BytesPerSecond"), |c, a, b| {
            one(c.network_out.count(a, b) / seconds(a, b))
        }),
        plain(peak("allcacheWrite", "Cache Write (Instance Based)", "BytesPerSecond"), |c, a, b| {
            one(c.network_in.count(a, b) / seconds(a, b))
        }),
        plain(peak("allconnectedclients", "Connected Clients (Instance Based)", "Count"), |c, a, b| {
            one(c.connections.mean(a, b).round())
        }),
        plain(
            gauge(
                "allConnectionsCreatedPerSecond",
                "Connections Created Per Second (Instance Based)",
                "CountPerSecond",
            ),
            |c, a, b| one(c.connections_new.count(a, b) / seconds(a, b)),
        ),
        plain(
            peak("alloperationsPerSecond", "Operations Per Second (Instance Based)", "Count"),
            |c, a, b| {
                let commands = c.hits.count(a, b) + c.misses.count(a, b) + c.writes.count(a, b);
                one(commands / seconds(a, b))
            },
        ),
        // The unit says Count, the description says microseconds.
        split(
            gauge("cacheLatency", "Cache Latency Microseconds (Preview)", "Count").by(&["ShardId"]),
            [(shard, |c, a, b| one(MICROSECONDS * c.latency.mean(a, b)))],
        ),
        plain(peak("alltotalkeys", "Total Keys (Instance Based)", "Count"), |c, a, b| {
            one(c.keys.mean(a, b).round())
        }),
        plain(sum("allcachehits", "Cache Hits (Instance Based)", "Count"), |c, a, b| one(c.hits.count(a, b))),
        plain(sum("allcachemisses", "Cache Misses (Instance Based)", "Count"), |c, a, b| {
            one(c.misses.count(a, b))
        }),
        plain(sum("allevictedkeys", "Evicted Keys (Instance Based)", "Count"), |c, a, b| {
            one(c.evictions.count(a, b))
        }),
        plain(sum("allexpiredkeys", "Expired Keys (Instance Based)", "Count"), |c, a, b| {
            one(c.expirations.count(a, b))
        }),
    ]
}

fn good(store: &ObjectStore, from: Millis, to: Millis) -> f64 {
    (store.requests.count(from, to) - store.errors.count(from, to)).max(0.0)
}

/// What a storage account and its blob service both have.
fn transactions() -> Vec<Native<ObjectStore>> {
    let by = &["ResponseType", "ApiName", "Authentication"];
    vec![
        split(
            sum("Transactions", "Transactions", "Count").by(by),
            [
                (|_| words(["Success", "GetBlob", "OAuth"]), |s, a, b| some(good(s, a, b))),
                (|_| words(["ServerTimeoutError", "PutBlob", "OAuth"]), |s, a, b| some(s.errors.count(a, b))),
            ],
        ),
        plain(sum("Ingress", "Ingress", "Bytes"), |s, a, b| one(s.network_in.count(a, b))),
        plain(sum("Egress", "Egress", "Bytes"), |s, a, b| one(s.network_out.count(a, b))),
        plain(gauge("SuccessE2ELatency", "Success E2E Latency", "MilliSeconds"), |s, a, b| {
            Sample::many(good(s, a, b), MILLISECONDS * s.latency.mean(a, b))
        }),
        plain(gauge("SuccessServerLatency", "Success Server Latency", "MilliSeconds"), |s, a, b| {
            Sample::many(good(s, a, b), MILLISECONDS * SERVER_SHARE * s.latency.mean(a, b))
        }),
        plain(gauge("Availability", "Availability", "Percent"), |s, a, b| {
            let requests = s.requests.count(a, b);
            (requests > 0.0).then(|| Sample::one(PERCENT * good(s, a, b) / requests))
        }),
    ]
}

/// Capacity is measured once an hour.
fn capacity() -> Vec<Native<ObjectStore>> {
    let by = &["BlobType", "Tier"];
    let at = |_: &ObjectStore| words(["BlockBlob", "Hot"]);
    vec![
        split(
            gauge("BlobCapacity", "Blob Capacity", "Bytes").by(by).every(HOUR),
            [(at, |s, a, _| one(s.used.at(a)))],
        ),
        split(
            gauge("BlobCount", "Blob Count", "Count").by(by).every(HOUR),
            [(at, |s, a, _| one(s.objects.at(a).round()))],
        ),
    ]
}

pub(super) fn add(estate: &Arc<Estate>, resources: &mut Vec<Resource>) {
    let mut kind =
        Kind::new("Microsoft.Sql/servers/databases", Estate::databases, |it| &it.identity, database());
    kind.sku = |database| database.size;
    kind.add(estate, resources);

    let mut kind = Kind::new("Microsoft.Cache/Redis", Estate::caches, |it| &it.identity, cache());
    kind.sku = |cache| cache.size;
    kind.add(estate, resources);

    let mut account = transactions();
    account.push(plain(gauge("UsedCapacity", "Used capacity", "Bytes").every(HOUR), |s, a, _| {
        one(s.used.at(a))
    }));
    Kind::new("Microsoft.Storage/storageAccounts", Estate::object_stores, |it| &it.identity, account)
        .add(estate, resources);

    let mut service = transactions();
    service.extend(capacity());
    let name = "Microsoft.Storage/storageAccounts/blobServices";
    let mut kind = Kind::new(name, Estate::object_stores, |it| &it.identity, service);
    kind.part = "/blobServices/default";
    kind.add(estate, resources);
}
