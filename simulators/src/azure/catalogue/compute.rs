//! Virtual machines, as their host sees them.

use std::sync::Arc;

use super::{
    Aggregation, Average, Kind, Metric, Minimum, Native, Resource, Sample, gauge, one, plain, seconds, split,
    sum, words,
};
use crate::estate::{Estate, Machine, Millis};

/// What the operating system's disk may do: a P20 disk.
/// Source: azure-docs, articles/virtual-machines/disks-types.md, Premium SSD sizes.
const DISK_IOPS: f64 = 2_300.0;
/// Bytes per second of the same disk: 150 MB/s.
const DISK_BYTES: f64 = 150e6;
/// Ratios are in percent.
const PERCENT: f64 = 100.0;

fn while_up(machine: &Machine, from: Millis, to: Millis, sample: impl Fn() -> f64) -> Option<Sample> {
    machine.outages.up_throughout(from, to).then(|| Sample::one(sample()))
}

const AVAILABILITY: Metric = Metric {
    supported: &[Average, Minimum, Aggregation::Maximum],
    ..gauge("VmAvailabilityMetric", "VM Availability Metric (Preview)", "Count").by(&["Context"])
};

fn metrics() -> Vec<Native<Machine>> {
    vec![
        // "The percentage of allocated compute units that are currently in use": 0 to 100.
        plain(gauge("Percentage CPU", "Percentage CPU", "Percent"), |m, a, b| {
            while_up(m, a, b, || PERCENT * m.cpu_busy.mean(a, b))
        }),
        plain(gauge("Available Memory Bytes", "Available Memory Bytes", "Bytes"), |m, a, b| {
            while_up(m, a, b, || m.memory_total - m.memory_used.mean(a, b))
        }),
        plain(gauge("Available Memory Percentage", "Available Memory Percentage", "Percent"), |m, a, b| {
            while_up(m, a, b, || PERCENT * (1.0 - m.memory_used.mean(a, b) / m.memory_total))
        }),
        // Bytes in the grain: read them with Total.
        plain(sum("Network In Total", "Network In Total", "Bytes"), |m, a, b| {
            while_up(m, a, b, || m.network_in.count(a, b))
        }),
        plain(sum("Network Out Total", "Network Out Total", "Bytes"), |m, a, b| {
            while_up(m, a, b, || m.network_out.count(a, b))
        }),
        plain(sum("Disk Read Bytes", "Disk Read Bytes", "Bytes"), |m, a, b| {
            while_up(m, a, b, || m.disk_read.count(a, b))
        }),
        plain(sum("Disk Write Bytes", "Disk Write Bytes", "Bytes"), |m, a, b| {
            while_up(m, a, b, || m.disk_write.count(a, b))
        }),
        plain(gauge("Disk Read Operations/Sec", "Disk Read Operations/Sec", "CountPerSecond"), |m, a, b| {
            while_up(m, a, b, || m.disk_reads.count(a, b) / seconds(a, b))
        }),
        plain(
            gauge("Disk Write Operations/Sec", "Disk Write Operations/Sec", "CountPerSecond"),
            |m, a, b| while_up(m, a, b, || m.disk_writes.count(a, b) / seconds(a, b)),
        ),
        plain(
            gauge("OS Disk IOPS Consumed Percentage", "OS Disk IOPS Consumed Percentage", "Percent"),
            |m, a, b| {
                while_up(m, a, b, || {
                    let rate = (m.disk_reads.count(a, b) + m.disk_writes.count(a, b)) / seconds(a, b);
                    (PERCENT * rate / DISK_IOPS).min(PERCENT)
                })
            },
        ),
        plain(
            gauge(
                "OS Disk Bandwidth Consumed Percentage",
                "OS Disk Bandwidth Consumed Percentage",
                "Percent",
            ),
            |m, a, b| {
                while_up(m, a, b, || {
                    let rate = (m.disk_read.count(a, b) + m.disk_write.count(a, b)) / seconds(a, b);
                    (PERCENT * rate / DISK_BYTES).min(PERCENT)
                })
            },
        ),
        // Only burstable sizes publish it; the estate has none, so it is defined and never has a value.
        plain(gauge("CPU Credits Remaining", "CPU Credits Remaining", "Count"), |_, _, _| None),
        // 1 while it is available.
        split(
            AVAILABILITY,
            [(|_| words(["Platform"]), |m, a, b| one(f64::from(u8::from(m.outages.up_throughout(a, b)))))],
        ),
    ]
}

pub(super) fn add(estate: &Arc<Estate>, resources: &mut Vec<Resource>) {
    let name = "Microsoft.Compute/virtualMachines";
    let mut kind = Kind::new(name, Estate::machines, |machine| &machine.identity, metrics());
    kind.sku = |machine| machine.size;
    kind.add(estate, resources);
}
