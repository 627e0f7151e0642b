//! The page of one machine: families as node_exporter 1.5 names them.
//!
//! Source: prometheus/node_exporter v1.5.0, collector/*.go and collector/fixtures/e2e-output.txt. Counters are the
//! integrals of the machine's rates since it was started, so that their difference over a period is what the cloud that
//! hosts the machine says of that period.

use std::fmt::Write as _;

use crate::estate::{Machine, Millis};
use crate::faults::Fault;
use crate::server::Asked;

/// How the busy time of a processor is spent; the rest of the time is idle.
/// All processors of a machine are equally busy.
const MODES: [(&str, f64); 7] = [
    ("iowait", 0.05),
    ("irq", 0.0),
    ("nice", 0.0),
    ("softirq", 0.02),
    ("steal", 0.01),
    ("system", 0.20),
    ("user", 0.72),
];
/// Seconds an operation takes the disk.
const READ_S: f64 = 0.000_8;
const WRITE_S: f64 = 0.001_2;
/// Shares of the memory that is available: what is free, and what holds buffers; the rest caches files.
const FREE: f64 = 0.4;
const BUFFERS: f64 = 0.05;
/// Bytes of a file system for each of its inodes, and the share of them in use.
const BYTES_PER_INODE: f64 = 16_384.0;
const INODES_USED: f64 = 0.03;
/// Collectors that are on unless switched off, and that this page has families of.
const COLLECTORS: [&str; 8] =
    ["cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "time", "uname"];
const DAY: Millis = 86_400_000;

type Labels = Vec<(&'static str, String)>;

/// A family of samples.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    samples: Vec<(Labels, f64)>,
}

/// All families of a machine at a time.
pub(super) struct Page {
    families: Vec<Family>,
}

fn labels<const N: usize>(pairs: [(&'static str, &str); N]) -> Labels {
    pairs.map(|(name, value)| (name, value.to_owned())).into()
}

impl Page {
    pub(super) fn of(machine: &Machine, now: Millis) -> Self {
        let mut page = Self { families: Vec::new() };
        page.processor(machine, now);
        page.memory(machine, now);
        page.disk(machine, now);
        page.filesystem(machine, now);
        page.network(machine, now);
        page.machine(machine, now);
        page.families.sort_by_key(|family| family.name);
        page
    }

    fn add(
        &mut self,
        name: &'static str,
        kind: &'static str,
        help: &'static str,
        samples: Vec<(Labels, f64)>,
    ) {
        self.families.push(Family { name, kind, help, samples });
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, value: f64) {
        self.add(name, "gauge", help, vec![(Labels::new(), value)]);
    }

    fn processor(&mut self, m: &Machine, now: Millis) {
        let busy_s = m.cpu_busy.integral(m.boot, now);
        let idle_s = (now - m.boot) as f64 / 1_000.0 - busy_s;
        let mut samples = Vec::new();
        for cpu in 0..m.cpus {
            let at = |mode: &str| labels([("cpu", cpu.to_string().as_str()), ("mode", mode)]);
            samples.push((at("idle"), idle_s));
            samples.extend(MODES.iter().map(|(mode, share)| (at(mode), share * busy_s)));
        }
        self.add("node_cpu_seconds_total", "counter", "Time the processors spent in each mode.", samples);
        let load = |minutes: i64| m.cpu_busy.mean(now - minutes * 60_000, now) * f64::from(m.cpus);
        self.gauge("node_load1", "Load average of one minute.", load(1));
        self.gauge("node_load5", "Load average of five minutes.", load(5));
        self.gauge("node_load15", "Load average of fifteen minutes.", load(15));
    }

    fn memory(&mut self, m: &Machine, now: Millis) {
        let available = m.memory_total - m.memory_used.at(now);
        self.gauge("node_memory_MemTotal_bytes", "Memory installed.", m.memory_total);
        self.gauge("node_memory_MemAvailable_bytes", "Memory programs can have without swapping.", available);
        self.gauge("node_memory_MemFree_bytes", "Memory used for nothing.", FREE * available);
        self.gauge("node_memory_Buffers_bytes", "Memory in buffers.", BUFFERS * available);
        self.gauge(
            "node_memory_Cached_bytes",
            "Memory that caches files.",
            (1.0 - FREE - BUFFERS) * available,
        );
        self.gauge("node_memory_SwapTotal_bytes", "Swap space.", 0.0);
        self.gauge("node_memory_SwapFree_bytes", "Swap space not in use.", 0.0);
    }

    fn disk(&mut self, m: &Machine, now: Millis) {
        let (reads, writes) = (m.disk_reads.total(now), m.disk_writes.total(now));
        let mut counter = |name, help, value| {
            self.add(name, "counter", help, vec![(labels([("device", "sda")]), value)]);
        };
        counter("node_disk_reads_completed_total", "Reads completed.", reads);
        counter("node_disk_writes_completed_total", "Writes completed.", writes);
        counter("node_disk_read_bytes_total", "Bytes read.", m.disk_read.total(now));
        counter("node_disk_written_bytes_total", "Bytes written.", m.disk_write.total(now));
        counter("node_disk_read_time_seconds_total", "Time reads took.", READ_S * reads);
        counter("node_disk_write_time_seconds_total", "Time writes took.", WRITE_S * writes);
        let busy_s = READ_S * reads + WRITE_S * writes;
        counter("node_disk_io_time_seconds_total", "Time the disk was busy.", busy_s);
        counter("node_disk_io_time_weighted_seconds_total", "Time operations waited and took.", busy_s);
        let waiting = m.disk_reads.at(now) * READ_S + m.disk_writes.at(now) * WRITE_S;
        let at = labels([("device", "sda")]);
        self.add("node_disk_io_now", "gauge", "Operations in progress.", vec![(at, waiting.floor())]);
    }

    fn filesystem(&mut self, m: &Machine, now: Millis) {
        let free = m.filesystem_total - m.filesystem_used.at(now);
        let inodes = (m.filesystem_total / BYTES_PER_INODE).floor();
        let mut gauge = |name, help, value| {
            let at = labels([("device", "/dev/sda1"), ("fstype", "xfs"), ("mountpoint", "/")]);
            self.add(name, "gauge", help, vec![(at, value)]);
        };
        gauge("node_filesystem_size_bytes", "Size.", m.filesystem_total);
        gauge("node_filesystem_free_bytes", "Space not in use.", free);
        gauge("node_filesystem_avail_bytes", "Space that users other than root can have.", free);
        gauge("node_filesystem_files", "Inodes.", inodes);
        gauge("node_filesystem_files_free", "Inodes not in use.", (inodes * (1.0 - INODES_USED)).floor());
        gauge("node_filesystem_readonly", "Whether nothing can be written.", 0.0);
        gauge("node_filesystem_device_error", "Whether the device could not be asked.", 0.0);
    }

    fn network(&mut self, m: &Machine, now: Millis) {
        let mut counter = |name, help, value| {
            let samples = vec![(labels([("device", "eth0")]), value), (labels([("device", "lo")]), 0.0)];
            self.add(name, "counter", help, samples);
        };
        counter("node_network_receive_bytes_total", "Bytes received.", m.network_in.total(now));
        counter("node_network_transmit_bytes_total", "Bytes sent.", m.network_out.total(now));
        counter("node_network_receive_packets_total", "Packets received.", m.packets_in.total(now));
        counter("node_network_transmit_packets_total", "Packets sent.", m.packets_out.total(now));
        counter("node_network_receive_errs_total", "Packets received with errors.", 0.0);
        counter("node_network_transmit_errs_total", "Packets sent with errors.", 0.0);
        counter("node_network_receive_drop_total", "Packets received and dropped.", 0.0);
        counter("node_network_transmit_drop_total", "Packets dropped instead of sent.", 0.0);
        let up = vec![(labels([("device", "eth0")]), 1.0), (labels([("device", "lo")]), 0.0)];
        self.add("node_network_up", "gauge", "Whether the interface is up.", up);
    }

    fn machine(&mut self, m: &Machine, now: Millis) {
        self.gauge("node_boot_time_seconds", "When the machine was started.", m.boot as f64 / 1_000.0);
        self.gauge("node_time_seconds", "What the machine's clock says.", now as f64 / 1_000.0);
        let name = m.identity.name.as_str();
        let uname = labels([
            ("domainname", "(none)"),
            ("machine", "x86_64"),
            ("nodename", name),
            ("release", "6.1.0-28-amd64"),
            ("sysname", "Linux"),
            ("version", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1"),
        ]);
        self.add("node_uname_info", "gauge", "What uname says.", vec![(uname, 1.0)]);
        let build = labels([
            ("branch", "HEAD"),
            ("goarch", "amd64"),
            ("goos", "linux"),
            ("goversion", "go1.19.3"),
            ("revision", "1b48970ffcf5630534fb00bb0687d73c66d1c959"),
            ("version", "1.5.0"),
        ]);
        self.add("node_exporter_build_info", "gauge", "Which exporter this is.", vec![(build, 1.0)]);
        let collectors = COLLECTORS.map(|name| (labels([("collector", name)]), 1.0));
        let help = "Whether a collector had what it asked for.";
        self.add("node_scrape_collector_success", "gauge", help, collectors.into());
    }

    /// Writes the page in the text format, with the faults that are about samples.
    pub(super) fn write(mut self, asked: &Asked) -> String {
        if asked.has(Fault::SomeFailing) {
            self.lose_disks();
        }
        let mut text = String::with_capacity(16 * 1024);
        for family in &self.families {
            let Family { name, kind, help, samples } = family;
            // Writing to a string cannot fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            let mut lines: Vec<String> =
                samples.iter().map(|(labels, value)| line(name, labels, *value, asked)).collect();
            if asked.has(Fault::OutOfOrder) {
                lines.reverse();
            }
            for line in lines {
                text.push_str(&line);
                if asked.has(Fault::Duplicates) {
                    text.push_str(&line);
                }
            }
        }
        text
    }

    /// The disks cannot be asked: their families are missing, and the page says so.
    fn lose_disks(&mut self) {
        self.families.retain(|family| !family.name.starts_with("node_disk_"));
        let success = self.families.iter_mut().filter(|it| it.name == "node_scrape_collector_success");
        for (labels, value) in success.flat_map(|family| family.samples.iter_mut()) {
            if labels.iter().any(|(_, name)| name == "diskstats") {
                *value = 0.0;
            }
        }
    }
}

fn line(name: &str, labels: &Labels, value: f64, asked: &Asked) -> String {
    let value = if asked.has(Fault::NotANumber) {
        "NaN".to_owned()
    } else if asked.has(Fault::Infinite) {
        "+Inf".to_owned()
    } else if asked.has(Fault::WrongType) {
        "\"many\"".to_owned()
    } else {
        value.to_string()
    };
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let time = if asked.has(Fault::Future) { format!(" {}", asked.now + DAY) } else { String::new() };
    format!("{name}{labels} {value}{time}\n")
}
