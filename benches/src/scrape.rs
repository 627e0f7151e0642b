//! Scrape to durable: samples per CPU second, beside Debian's Prometheus on the same pages.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::exporter::Exporters;
use crate::process::{
    Process, free_port, isobar, query, start_isobar, start_prometheus, version, wait_ready,
};
use crate::report::Report;

const TARGETS: usize = 100;
const SERIES: usize = 2000;
/// The first scrapes read every label set; they are left out.
const WARM: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(30);

/// Measures one after the other: two at once would share the caches.
pub async fn run() -> Result<Report> {
    let exporters = Exporters::start(SERIES).await?;
    let mut report = Report::new("Scrape to durable");
    report.note(format!(
        "{TARGETS} targets × {SERIES} changing series, scraped every second for {} s after {} s",
        MEASURED.as_secs(),
        WARM.as_secs()
    ));
    report.note(format!("{}, peer: {}", version(&isobar()?), version(Path::new("/usr/bin/prometheus"))));
    let urls: Vec<String> =
        (0..TARGETS).map(|n| format!("http://{}/target/{n}/metrics", exporters.address)).collect();

    let home = tempfile::tempdir()?;
    let targets = urls.iter().map(|url| format!("{url:?}")).collect::<Vec<_>>().join(", ");
    let config = format!(
        "sources:\n  - {{name: bench, kind: prometheus, interval: 1s, settings: {{targets: [{targets}]}}}}\n"
    );
    std::fs::write(home.path().join("isobar.yaml"), config)?;
    let port = free_port()?;
    let process = start_isobar(home.path(), port)?;
    let ours = measure(&process, port, &exporters).await?;
    drop(process);

    let mut config = "global: {scrape_interval: 1s}\nscrape_configs:\n".to_owned();
    for n in 0..TARGETS {
        config += &format!(
            "  - {{job_name: t{n}, metrics_path: /target/{n}/metrics, static_configs: [{{targets: [\"{}\"]}}]}}\n",
            exporters.address
        );
    }
    std::fs::write(home.path().join("prometheus.yml"), config)?;
    let port = free_port()?;
    let process = start_prometheus(home.path(), port)?;
    let theirs = measure(&process, port, &exporters).await?;

    let ratio = ours.rate / theirs.rate;
    report.promise(
        "samples per CPU second",
        format!("{:.2} M", ours.rate / 1e6),
        format!("{:.2} M", theirs.rate / 1e6),
        "at least 1 M",
        ours.rate >= 1e6,
    );
    report.promise("ratio to the peer", format!("{ratio:.2}"), "1", "at least 2", ratio >= 2.0);
    report.figure("CPU seconds", format!("{:.2}", ours.cpu), format!("{:.2}", theirs.cpu));
    report.figure(
        "samples",
        format!("{:.2} M", ours.samples / 1e6),
        format!("{:.2} M", theirs.samples / 1e6),
    );
    report.figure(
        "resident memory",
        format!("{} MiB", ours.resident_mib),
        format!("{} MiB", theirs.resident_mib),
    );
    Ok(report)
}

struct Measured {
    rate: f64,
    cpu: f64,
    samples: f64,
    resident_mib: u64,
}

async fn measure(process: &Process, port: u16, exporters: &Exporters) -> Result<Measured> {
    let server = format!("http://127.0.0.1:{port}");
    wait_ready(&format!("{server}/-/ready")).await?;
    tokio::time::sleep(WARM).await;
    let (cpu, served) = (process.cpu_seconds()?, exporters.served());
    tokio::time::sleep(MEASURED).await;
    let cpu = process.cpu_seconds()? - cpu;
    let pages = (exporters.served() - served) as f64;
    let resident_mib = process.resident_mib()?;
    // What was asked for was also stored: the first and the last metric of a page, from every page but the latest.
    for metric in [0, SERIES / 20 - 1] {
        let series = format!("app_metric_{metric}{{handler=\"/api/v1/handler0\"}}");
        let stored =
            query(&server, &format!("sum(count_over_time({series}[{}s]))", MEASURED.as_secs())).await?;
        let enough = stored.parse::<f64>().is_ok_and(|stored| stored >= pages * 0.9);
        ensure!(enough, "{stored} samples of {series} are stored, {pages} were served");
    }
    let samples = pages * SERIES as f64;
    Ok(Measured { rate: samples / cpu, cpu, samples, resident_mib })
}
