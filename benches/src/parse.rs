//! Reading exposition pages, labels included, beside prometheus-parse.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use isobar_collectors::exposition::{self, Format, PageSample, SeriesCache};
use isobar_normalizer::Labels;

use crate::process::{Process, free_port, wait_ready};
use crate::report::Report;

/// A page is read again until so much time has gone by; the fastest round counts, the others were disturbed.
const ROUNDS_SECONDS: f64 = 3.0;

/// Reads a live node_exporter's page and a page of a thousand histograms.
pub async fn run() -> Result<Report> {
    let home = tempfile::tempdir()?;
    let port = free_port()?;
    let mut command = std::process::Command::new("/usr/bin/prometheus-node-exporter");
    command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let exporter = Process::start(command, &home.path().join("log"))?;
    let url = format!("http://127.0.0.1:{port}/metrics");
    wait_ready(&url).await?;
    let node = reqwest::get(&url).await?.text().await?;
    drop(exporter);

    let mut report = Report::new("Reading exposition pages");
    report.note("one core; the fastest of the rounds of three seconds; labels of every sample are at hand after each round");
    report.note("peer: prometheus-parse 0.2, on the lines it reads rightly");
    for (name, page) in [("node_exporter", node), ("1,000 histograms", histograms())] {
        compare(&mut report, name, &page)?;
    }
    Ok(report)
}

fn compare(report: &mut Report, name: &str, page: &str) -> Result<()> {
    let megabytes = page.len() as f64 / 1e6;
    let first = fastest(|| {
        let mut known = SeriesCache::default();
        Ok(read(page, &mut known)?.len())
    })?;
    let mut known = SeriesCache::default();
    let samples = read(page, &mut known)?.len();
    let steady = fastest(|| Ok(read(page, &mut known)?.len()))?;
    let peer = fastest(|| Ok(peer_read(page)?.len()))?;
    let (ours, theirs) = (read_all(page)?, peer_read(page)?);
    ensure!(ours.len() == samples, "one pass counts {samples} samples, another {}", ours.len());
    for (name, labels, value) in &theirs {
        let found = ours.iter().any(|(own_name, own_labels, own)| {
            own_name == name && own_labels == labels && same(*own, *value)
        });
        ensure!(found, "prometheus-parse reads {name}{labels:?} {value}, we do not");
    }
    let speed = |seconds: f64| format!("{:.0} MB/s", megabytes / seconds);
    report.note(format!(
        "{name}: {} kB, {samples} samples, {} of them read rightly by the peer",
        page.len() / 1000,
        theirs.len()
    ));
    report.promise(
        &format!("{name}, steady scrapes"),
        speed(steady),
        speed(peer),
        "at least 600 MB/s",
        megabytes / steady >= 600.0,
    );
    report.figure(&format!("{name}, ratio"), format!("{:.1}", peer / steady), "1");
    report.figure(&format!("{name}, first scrape"), speed(first), speed(peer));
    Ok(())
}

fn same(a: f64, b: f64) -> bool {
    a == b || a.is_nan() && b.is_nan()
}

/// Reads the page; every sample's labels come from the cache or are read into it.
fn read(page: &str, known: &mut SeriesCache<Labels>) -> Result<Vec<PageSample>> {
    exposition::read(page.as_bytes(), Format::Text, known).map_err(|error| anyhow::anyhow!("{error}"))
}

type Line = (String, Vec<(String, String)>, f64);

fn read_all(page: &str) -> Result<Vec<Line>> {
    let line = |sample: &PageSample| {
        let pairs = sample.labels.iter().filter(|(name, _)| *name != "__name__");
        let labels = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        (sample.labels.name().unwrap_or_default().to_owned(), labels, sample.value)
    };
    Ok(read(page, &mut SeriesCache::default())?.iter().map(line).collect())
}

/// What the peer reads, histograms and summaries taken apart into their samples. It keeps buckets and counts together.
fn peer_read(page: &str) -> Result<Vec<Line>> {
    let lines = page.lines().map(|line| Ok(line.to_owned()));
    let scrape = prometheus_parse::Scrape::parse(lines).context("prometheus-parse")?;
    let mut samples = Vec::new();
    for sample in scrape.samples {
        let mut labels: Vec<(String, String)> =
            sample.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        // An empty label is an absent one.
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort();
        if let prometheus_parse::Value::Counter(value)
        | prometheus_parse::Value::Gauge(value)
        | prometheus_parse::Value::Untyped(value) = sample.value
        {
            samples.push((sample.metric, labels, value));
        }
    }
    Ok(samples)
}

/// Seconds of the fastest round.
fn fastest(mut round: impl FnMut() -> Result<usize>) -> Result<f64> {
    let started = Instant::now();
    let mut best = f64::INFINITY;
    while started.elapsed().as_secs_f64() < ROUNDS_SECONDS {
        let one = Instant::now();
        std::hint::black_box(round()?);
        best = best.min(one.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// A thousand histograms of ten buckets.
fn histograms() -> String {
    let mut page = String::new();
    for n in 0..1000 {
        page +=
            &format!("# HELP request_{n}_seconds Time of requests.\n# TYPE request_{n}_seconds histogram\n");
        let labels = format!("handler=\"/api/v1/thing/{n}\",method=\"GET\"");
        for (i, le) in
            ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"].iter().enumerate()
        {
            page += &format!("request_{n}_seconds_bucket{{{labels},le=\"{le}\"}} {}\n", n * 10 + i);
        }
        page += &format!(
            "request_{n}_seconds_sum{{{labels}}} {}\nrequest_{n}_seconds_count{{{labels}}} {}\n",
            n as f64 * 1.25,
            n * 10 + 9
        );
    }
    page
}
