//! Restart after SIGKILL with ten million samples in the log: how soon it is ready, and how soon it pages.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::sync::Notify;

use crate::paged::{self, breach};
use crate::process::{free_port, isobar, query, start_isobar, start_prometheus, version, wait_ready};
use crate::remote_write::{Point, now_ms, send};
use crate::report::Report;

const SERIES: usize = 10_000;
const ROUNDS: usize = 1_000;

#[derive(Default)]
struct Receiver {
    takes: AtomicBool,
    tried: Notify,
    taken: Notify,
}

/// Loads both servers with the same samples, kills them, and times their next start.
pub async fn run() -> Result<Report> {
    let receiver = Arc::new(Receiver::default());
    let router = Router::new().route("/", post(receive)).with_state(receiver.clone());
    let home = tempfile::tempdir()?;
    paged::prepare(home.path(), router).await?;
    std::fs::write(home.path().join("prometheus.yml"), "global: {}\n")?;
    let client = reqwest::Client::new();

    let port = free_port()?;
    let mut process = start_isobar(home.path(), port)?;
    let ready_url = format!("http://127.0.0.1:{port}/-/ready");
    wait_ready(&ready_url).await?;
    let write = format!("http://127.0.0.1:{port}/api/v1/write");
    load(&client, &write).await?;
    // A page that cannot be delivered before the kill must leave right after the start.
    send(&client, &write, breach("m:9100")).await?;
    tokio::time::timeout(Duration::from_secs(30), receiver.tried.notified())
        .await
        .context("the page was never tried")?;
    process.kill();
    receiver.takes.store(true, Ordering::Relaxed);
    let started = Instant::now();
    let process = start_isobar(home.path(), port)?;
    let paging = async {
        receiver.taken.notified().await;
        started.elapsed().as_secs_f64()
    };
    let ready = async {
        wait_ready(&ready_url).await?;
        anyhow::Ok(started.elapsed().as_secs_f64())
    };
    let (paged, ready) = tokio::join!(tokio::time::timeout(Duration::from_secs(60), paging), ready);
    let (paged, ready) = (paged.context("no page came after the restart")?, ready?);
    let resident = process.resident_mib()?;
    let expression = "count_over_time(load_0{instance=\"host-0\"}[1h])";
    let found = query(&format!("http://127.0.0.1:{port}"), expression).await?;
    ensure!(found == ROUNDS.to_string(), "{found} samples of a series are left of {ROUNDS}");
    drop(process);

    let port = free_port()?;
    let mut process = start_prometheus(home.path(), port)?;
    let peer_ready_url = format!("http://127.0.0.1:{port}/-/ready");
    wait_ready(&peer_ready_url).await?;
    load(&client, &format!("http://127.0.0.1:{port}/api/v1/write")).await?;
    process.kill();
    let started = Instant::now();
    let process = start_prometheus(home.path(), port)?;
    wait_ready(&peer_ready_url).await?;
    let peer_ready = started.elapsed().as_secs_f64();
    let peer_resident = process.resident_mib()?;

    let mut report = Report::new("Restart after SIGKILL");
    report.note(format!("{} samples of {SERIES} series in the write-ahead log", SERIES * ROUNDS));
    report.note(format!("{}, peer: {}", version(&isobar()?), version(Path::new("/usr/bin/prometheus"))));
    report.promise(
        "ready",
        format!("{ready:.2} s"),
        format!("{peer_ready:.2} s"),
        "within 3 s",
        ready <= 3.0,
    );
    report.promise("paging", format!("{paged:.2} s"), "", "within 1 s", paged <= 1.0);
    report.figure("resident memory", format!("{resident} MiB"), format!("{peer_resident} MiB"));
    Ok(report)
}

/// Only pages about the breach count: the load is minutes late by its own account, and Isobar pages that too.
async fn receive(State(receiver): State<Arc<Receiver>>, body: String) -> StatusCode {
    if !body.contains(paged::POLICY_NAME) {
        return StatusCode::OK;
    }
    if receiver.takes.load(Ordering::Relaxed) {
        receiver.taken.notify_one();
        return StatusCode::OK;
    }
    receiver.tried.notify_one();
    StatusCode::SERVICE_UNAVAILABLE
}

/// Ten million samples, one second apart, ending now.
async fn load(client: &reqwest::Client, url: &str) -> Result<()> {
    let start = now_ms() - (ROUNDS as i64) * 1000;
    for round in 0..ROUNDS {
        let at = start + round as i64 * 1000;
        let point = |series: usize| Point {
            labels: vec![
                ("__name__", format!("load_{}", series / 100)),
                ("instance", format!("host-{}", series % 100)),
            ],
            at,
            value: (round * 7 + series) as f64 * 0.25,
        };
        send(client, url, (0..SERIES).map(point).collect()).await?;
    }
    Ok(())
}
