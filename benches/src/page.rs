//! Datum to page: from the moment a sample is sent to the moment its page arrives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::Value;

use crate::paged::{self, breach};
use crate::process::{free_port, isobar, start_isobar, version, wait_ready};
use crate::remote_write::send;
use crate::report::{Report, percentile};

/// Pages measured, one after the other: a latency, not a throughput.
const PAGES: usize = 200;

type Arrivals = Arc<Mutex<HashMap<String, Instant>>>;

/// Breaches one machine after the other and waits for each page.
pub async fn run() -> Result<Report> {
    let arrivals = Arrivals::default();
    let router = Router::new().route("/", post(arrive)).with_state(arrivals.clone());
    let home = tempfile::tempdir()?;
    paged::prepare(home.path(), router).await?;
    let port = free_port()?;
    let _process = start_isobar(home.path(), port)?;
    wait_ready(&format!("http://127.0.0.1:{port}/-/ready")).await?;

    let client = reqwest::Client::new();
    let url = format!("http://127.0.0.1:{port}/api/v1/write");
    let mut latencies = Vec::with_capacity(PAGES);
    for n in 0..PAGES {
        let instance = format!("machine-{n}:9100");
        let started = Instant::now();
        send(&client, &url, breach(&instance)).await?;
        let arrived = wait_for(&arrivals, &instance).await?;
        latencies.push(arrived.duration_since(started).as_secs_f64());
        // Not in step with anything periodic in the server.
        tokio::time::sleep(Duration::from_millis(37 + n as u64 * 53 % 211)).await;
    }
    let (p50, p99) = (percentile(&mut latencies, 0.5), percentile(&mut latencies, 0.99));
    let mut report = Report::new("Datum to page");
    report.note(format!(
        "{PAGES} breaches by remote write, group_wait 0, one webhook; {}",
        version(&isobar()?)
    ));
    report.figure("p50", format!("{:.0} ms", p50 * 1e3), "");
    report.promise("p99", format!("{:.0} ms", p99 * 1e3), "", "under 1 s", p99 < 1.0);
    Ok(report)
}

async fn arrive(State(arrivals): State<Arrivals>, body: String) {
    let at = Instant::now();
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let mut arrivals = arrivals.lock().expect("nothing panics while it is held");
    for alert in body["alerts"].as_array().into_iter().flatten() {
        let resource = alert["labels"]["resource_id"].as_str().unwrap_or_default();
        arrivals.entry(resource.to_owned()).or_insert(at);
    }
}

async fn wait_for(arrivals: &Arrivals, instance: &str) -> Result<Instant> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(30) {
        let found = {
            let arrivals = arrivals.lock().ok().context("nothing panics while it is held")?;
            arrivals.iter().find(|(resource, _)| resource.ends_with(instance)).map(|(_, at)| *at)
        };
        if let Some(at) = found {
            return Ok(at);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bail!("no page about {instance} came within 30 s")
}
