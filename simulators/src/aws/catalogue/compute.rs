//! EC2 instances and EBS volumes.

use std::sync::Arc;

use super::super::statistic::Sample;
use super::{Group, MINUTE, Native, Series, gauge, native_id, seconds};
use crate::estate::{Estate, Machine, Millis, Volume};

/// Basic monitoring, and what has no other: five minutes.
const BASIC: Millis = 5 * MINUTE;

fn while_up(machine: &Machine, from: Millis, to: Millis, value: impl Fn() -> f64) -> Option<Sample> {
    machine.outages.up_throughout(from, to).then(|| Sample::one(value()))
}

/// Source: docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html, instance metrics (2023-06).
const INSTANCE: &[Native<Machine>] = &[
    // "The percentage of physical CPU time": 0 to 100.
    Native {
        name: "CPUUtilization",
        unit: "Percent",
        measure: |m, a, b| while_up(m, a, b, || 100.0 * m.cpu_busy.mean(a, b)),
    },
    // Bytes in the period, not per second.
    Native {
        name: "NetworkIn",
        unit: "Bytes",
        measure: |m, a, b| while_up(m, a, b, || m.network_in.count(a, b)),
    },
    Native {
        name: "NetworkOut",
        unit: "Bytes",
        measure: |m, a, b| while_up(m, a, b, || m.network_out.count(a, b)),
    },
    // EBS metrics of Nitro instances: bytes and operations in the period.
    Native {
        name: "EBSReadBytes",
        unit: "Bytes",
        measure: |m, a, b| while_up(m, a, b, || m.disk_read.count(a, b)),
    },
    Native {
        name: "EBSWriteBytes",
        unit: "Bytes",
        measure: |m, a, b| while_up(m, a, b, || m.disk_write.count(a, b)),
    },
    Native {
        name: "EBSReadOps",
        unit: "Count",
        measure: |m, a, b| while_up(m, a, b, || m.disk_reads.count(a, b)),
    },
    Native {
        name: "EBSWriteOps",
        unit: "Count",
        measure: |m, a, b| while_up(m, a, b, || m.disk_writes.count(a, b)),
    },
];

/// Network packets exist for basic monitoring periods only. Same page.
const PACKETS: &[Native<Machine>] = &[
    Native {
        name: "NetworkPacketsIn",
        unit: "Count",
        measure: |m, a, b| while_up(m, a, b, || m.packets_in.count(a, b)),
    },
    Native {
        name: "NetworkPacketsOut",
        unit: "Count",
        measure: |m, a, b| while_up(m, a, b, || m.packets_out.count(a, b)),
    },
];

fn failed(machine: &Machine, from: Millis, to: Millis) -> Option<Sample> {
    gauge(if machine.outages.up_throughout(from, to) { 0.0 } else { 1.0 })
}

/// Status checks: 0 passed, 1 failed, every minute at no charge. Same page, status check metrics.
const CHECKS: &[Native<Machine>] = &[
    Native { name: "StatusCheckFailed", unit: "Count", measure: failed },
    Native { name: "StatusCheckFailed_Instance", unit: "Count", measure: failed },
    Native { name: "StatusCheckFailed_System", unit: "Count", measure: |_, _, _| gauge(0.0) },
];

/// Source: docs.aws.amazon.com/AWSEC2/latest/UserGuide/using_cloudwatch_ebs.html (2023-06).
const VOLUME: &[Native<Volume>] = &[
    // Bytes and operations in the period: read them with Sum.
    Native { name: "VolumeReadBytes", unit: "Bytes", measure: |v, a, b| gauge(v.read.count(a, b)) },
    Native { name: "VolumeWriteBytes", unit: "Bytes", measure: |v, a, b| gauge(v.write.count(a, b)) },
    Native { name: "VolumeReadOps", unit: "Count", measure: |v, a, b| gauge(v.reads.count(a, b)) },
    Native { name: "VolumeWriteOps", unit: "Count", measure: |v, a, b| gauge(v.writes.count(a, b)) },
    // "The total number of seconds spent by all read operations that completed in a specified period."
    Native {
        name: "VolumeTotalReadTime",
        unit: "Seconds",
        measure: |v, a, b| gauge(v.reads.count(a, b) * v.latency.mean(a, b)),
    },
    Native {
        name: "VolumeTotalWriteTime",
        unit: "Seconds",
        measure: |v, a, b| gauge(v.writes.count(a, b) * v.latency.mean(a, b)),
    },
    // Seconds of the period without an operation.
    Native {
        name: "VolumeIdleTime",
        unit: "Seconds",
        measure: |v, a, b| {
            let busy = (v.reads.count(a, b) + v.writes.count(a, b)) * v.latency.mean(a, b);
            gauge((seconds(a, b) - busy).max(0.0))
        },
    },
    Native {
        name: "VolumeQueueLength",
        unit: "Count",
        measure: |v, a, b| gauge((v.reads.mean(a, b) + v.writes.mean(a, b)) * v.latency.mean(a, b)),
    },
];

fn of_machine(metrics: &'static [Native<Machine>], cadence: fn(&Machine) -> Millis) -> Group<Machine> {
    Group {
        namespace: "AWS/EC2",
        metrics,
        all: Estate::machines,
        who: |machine| &machine.identity,
        dimensions: |machine| vec![("InstanceId", native_id(&machine.identity))],
        cadence,
    }
}

pub(super) fn add(estate: &Arc<Estate>, series: &mut Vec<Series>) {
    of_machine(INSTANCE, |machine| if machine.detailed_monitoring { MINUTE } else { BASIC })
        .add(estate, series);
    of_machine(PACKETS, |_| BASIC).add(estate, series);
    of_machine(CHECKS, |_| MINUTE).add(estate, series);
    Group {
        namespace: "AWS/EBS",
        metrics: VOLUME,
        all: Estate::volumes,
        who: |volume| &volume.identity,
        dimensions: |volume| vec![("VolumeId", native_id(&volume.identity))],
        cadence: |_| BASIC,
    }
    .add(estate, series);
}
