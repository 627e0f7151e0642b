//! RDS, ElastiCache and S3.

use std::sync::Arc;

use super::{DAY, Group, MINUTE, Native, Series, gauge, native_id};
use crate::aws::statistic::Sample;
use crate::estate::{Cache, Database, Estate, ObjectStore};

/// Microseconds in a second.
const MICROSECONDS: f64 = 1e6;
/// Milliseconds in a second.
const MILLISECONDS: f64 = 1e3;

/// Source: docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html (2023-06).
const DATABASE: &[Native<Database>] = &[
    Native {
        name: "CPUUtilization",
        unit: "Percent",
        measure: |d, a, b| gauge(100.0 * d.cpu_busy.mean(a, b)),
    },
    // The console says MB; the API says bytes.
    Native {
        name: "FreeableMemory",
        unit: "Bytes",
        measure: |d, a, b| gauge(d.memory_total - d.memory_used.mean(a, b)),
    },
    Native {
        name: "FreeStorageSpace",
        unit: "Bytes",
        measure: |d, a, b| gauge(d.storage_total - d.storage_used.mean(a, b)),
    },
    Native {
        name: "DatabaseConnections",
        unit: "Count",
        measure: |d, a, b| gauge(d.connections.mean(a, b).round()),
    },
    // Rates already: per second, not per period.
    Native { name: "ReadIOPS", unit: "Count/Second", measure: |d, a, b| gauge(d.reads.mean(a, b)) },
    Native { name: "WriteIOPS", unit: "Count/Second", measure: |d, a, b| gauge(d.writes.mean(a, b)) },
    Native { name: "ReadThroughput", unit: "Bytes/Second", measure: |d, a, b| gauge(d.read.mean(a, b)) },
    Native { name: "WriteThroughput", unit: "Bytes/Second", measure: |d, a, b| gauge(d.write.mean(a, b)) },
    Native { name: "ReadLatency", unit: "Seconds", measure: |d, a, b| gauge(d.latency.mean(a, b)) },
    Native { name: "WriteLatency", unit: "Seconds", measure: |d, a, b| gauge(1.5 * d.latency.mean(a, b)) },
    Native { name: "DiskQueueDepth", unit: "Count", measure: |d, a, b| gauge(d.queue.mean(a, b)) },
    Native { name: "SwapUsage", unit: "Bytes", measure: |_, _, _| gauge(0.0) },
    Native {
        name: "NetworkReceiveThroughput",
        unit: "Bytes/Second",
        measure: |d, a, b| gauge(d.network_in.mean(a, b)),
    },
    Native {
        name: "NetworkTransmitThroughput",
        unit: "Bytes/Second",
        measure: |d, a, b| gauge(d.network_out.mean(a, b)),
    },
    // A replica only.
    Native {
        name: "ReplicaLag",
        unit: "Seconds",
        measure: |d, a, b| d.replica.then(|| Sample::one(d.replica_lag.mean(a, b))),
    },
];

/// Sources: docs.aws.amazon.com/AmazonElastiCache/latest/red-ug/CacheMetrics.Redis.html and
/// CacheMetrics.HostLevel.html (2023-06).
const CACHE: &[Native<Cache>] = &[
    // Redis has one thread: the engine's share of one core, and the node's share of all (two here).
    Native {
        name: "EngineCPUUtilization",
        unit: "Percent",
        measure: |c, a, b| gauge(100.0 * c.cpu_busy.mean(a, b)),
    },
    Native {
        name: "CPUUtilization",
        unit: "Percent",
        measure: |c, a, b| gauge(100.0 * c.cpu_busy.mean(a, b) / 2.0 + 1.5),
    },
    Native {
        name: "FreeableMemory",
        unit: "Bytes",
        measure: |c, a, b| gauge(1.2 * c.memory_total - c.memory_used.mean(a, b)),
    },
    Native { name: "BytesUsedForCache", unit: "Bytes", measure: |c, a, b| gauge(c.memory_used.mean(a, b)) },
    Native {
        name: "DatabaseMemoryUsagePercentage",
        unit: "Percent",
        measure: |c, a, b| gauge(100.0 * c.memory_used.mean(a, b) / c.memory_total),
    },
    Native { name: "CacheHits", unit: "Count", measure: |c, a, b| gauge(c.hits.count(a, b)) },
    Native { name: "CacheMisses", unit: "Count", measure: |c, a, b| gauge(c.misses.count(a, b)) },
    Native {
        name: "GetTypeCmds",
        unit: "Count",
        measure: |c, a, b| gauge(c.hits.count(a, b) + c.misses.count(a, b)),
    },
    Native { name: "SetTypeCmds", unit: "Count", measure: |c, a, b| gauge(c.writes.count(a, b)) },
    // "The average latency of read commands", microseconds.
    Native {
        name: "GetTypeCmdsLatency",
        unit: "Microseconds",
        measure: |c, a, b| gauge(MICROSECONDS * c.latency.mean(a, b)),
    },
    Native {
        name: "SetTypeCmdsLatency",
        unit: "Microseconds",
        measure: |c, a, b| gauge(1.3 * MICROSECONDS * c.latency.mean(a, b)),
    },
    Native { name: "Evictions", unit: "Count", measure: |c, a, b| gauge(c.evictions.count(a, b)) },
    Native { name: "Reclaimed", unit: "Count", measure: |c, a, b| gauge(c.expirations.count(a, b)) },
    Native { name: "CurrItems", unit: "Count", measure: |c, a, b| gauge(c.keys.mean(a, b).round()) },
    Native {
        name: "CurrConnections",
        unit: "Count",
        measure: |c, a, b| gauge(c.connections.mean(a, b).round()),
    },
    Native { name: "NewConnections", unit: "Count", measure: |c, a, b| gauge(c.connections_new.count(a, b)) },
    Native { name: "NetworkBytesIn", unit: "Bytes", measure: |c, a, b| gauge(c.network_in.count(a, b)) },
    Native { name: "NetworkBytesOut", unit: "Bytes", measure: |c, a, b| gauge(c.network_out.count(a, b)) },
];

/// Storage metrics come once a day. Source: docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html (2023-06).
const BUCKET_BYTES: &[Native<ObjectStore>] =
    &[Native { name: "BucketSizeBytes", unit: "Bytes", measure: |s, a, _| gauge(s.used.at(a).round()) }];
const BUCKET_OBJECTS: &[Native<ObjectStore>] =
    &[Native { name: "NumberOfObjects", unit: "Count", measure: |s, a, _| gauge(s.objects.at(a).round()) }];

/// Request metrics, switched on for the whole bucket. Same page.
const BUCKET_REQUESTS: &[Native<ObjectStore>] = &[
    Native { name: "AllRequests", unit: "Count", measure: |s, a, b| Sample::ones(s.requests.count(a, b)) },
    // One observation per request, 1 for an error: Average is the error ratio, Sum the count.
    Native {
        name: "5xxErrors",
        unit: "Count",
        measure: |s, a, b| {
            let (requests, errors) = (s.requests.count(a, b), s.errors.count(a, b));
            (requests > 0.0).then_some(Sample {
                count: requests,
                sum: errors,
                min: 0.0,
                max: errors.min(1.0),
            })
        },
    },
    Native {
        name: "TotalRequestLatency",
        unit: "Milliseconds",
        measure: |s, a, b| Sample::many(s.requests.count(a, b), MILLISECONDS * s.latency.mean(a, b)),
    },
    Native {
        name: "FirstByteLatency",
        unit: "Milliseconds",
        measure: |s, a, b| Sample::many(s.requests.count(a, b), 0.6 * MILLISECONDS * s.latency.mean(a, b)),
    },
    Native { name: "BytesUploaded", unit: "Bytes", measure: |s, a, b| gauge(s.network_in.count(a, b)) },
    Native { name: "BytesDownloaded", unit: "Bytes", measure: |s, a, b| gauge(s.network_out.count(a, b)) },
];

fn bucket(
    metrics: &'static [Native<ObjectStore>],
    dimensions: fn(&ObjectStore) -> Vec<(&'static str, String)>,
    daily: bool,
) -> Group<ObjectStore> {
    Group {
        namespace: "AWS/S3",
        metrics,
        all: Estate::object_stores,
        who: |bucket| &bucket.identity,
        dimensions,
        cadence: if daily { |_| DAY } else { |_| MINUTE },
    }
}

fn of_bucket(bucket: &ObjectStore, name: &'static str, value: &str) -> Vec<(&'static str, String)> {
    vec![("BucketName", native_id(&bucket.identity)), (name, value.to_owned())]
}

pub(super) fn add(estate: &Arc<Estate>, series: &mut Vec<Series>) {
    Group {
        namespace: "AWS/RDS",
        metrics: DATABASE,
        all: Estate::databases,
        who: |database| &database.identity,
        dimensions: |database| vec![("DBInstanceIdentifier", native_id(&database.identity))],
        cadence: |_| MINUTE,
    }
    .add(estate, series);
    Group {
        namespace: "AWS/ElastiCache",
        metrics: CACHE,
        all: Estate::caches,
        who: |cache| &cache.identity,
        dimensions: |cache| {
            let cluster = native_id(&cache.identity);
            vec![("CacheClusterId", cluster), ("CacheNodeId", "0001".to_owned())]
        },
        cadence: |_| MINUTE,
    }
    .add(estate, series);
    bucket(BUCKET_BYTES, |it| of_bucket(it, "StorageType", "StandardStorage"), true).add(estate, series);
    bucket(BUCKET_OBJECTS, |it| of_bucket(it, "StorageType", "AllStorageTypes"), true).add(estate, series);
    bucket(BUCKET_REQUESTS, |it| of_bucket(it, "FilterId", "EntireBucket"), false).add(estate, series);
}
