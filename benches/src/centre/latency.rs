//! From the moment an alert is sent to the moment the webhook has it, at five hundred alerts a second, each a group of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::Both;
use super::alerts::Alerts;
use super::server::{Grouping, Kind, Server};
use crate::report::{Report, percentile};

const SECONDS: usize = 20;
/// Alerts in a request; a request every [`TICK`].
const TOGETHER: usize = 5;
const TICK: Duration = Duration::from_millis(10);
const ALERTS: usize = SECONDS * 1000 / TICK.as_millis() as usize * TOGETHER;

/// Adds the figures. The arrival is later than the outbox, so that it bounds it.
pub async fn measure(report: &mut Report) -> Result<()> {
    let Both { isobar, peer } = Both::of(latencies).await?;
    report.note(format!(
        "latency: {ALERTS} alerts in {SECONDS} s, {TOGETHER} a request, group_by instance, group_wait 0"
    ));
    let shown = |seconds: f64| format!("{:.0} ms", seconds * 1e3);
    report.figure("alert sent to webhook reached, p50", shown(isobar.0), shown(peer.0));
    report.promise(
        "alert sent to webhook reached, p99",
        shown(isobar.1),
        shown(peer.1),
        "under 50 ms",
        isobar.1 < 0.05,
    );
    Ok(())
}

/// The median and the 99th percentile, in seconds.
async fn latencies(kind: Kind) -> Result<(f64, f64)> {
    let server = Server::start(kind, Grouping { by: "instance", wait: "0s" }).await?;
    let client = reqwest::Client::new();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut sending = JoinSet::new();
    let mut sent_at = Vec::with_capacity(ALERTS / TOGETHER);
    for request in 0..ALERTS / TOGETHER {
        ticks.tick().await;
        sent_at.push(Instant::now());
        let (client, url) = (client.clone(), server.url.clone());
        let numbers = request * TOGETHER..(request + 1) * TOGETHER;
        sending.spawn(async move { Alerts::now(1).send(&client, &url, numbers, 0).await });
    }
    while let Some(sent) = sending.join_next().await {
        sent??;
    }
    server.sink.wait_for(ALERTS, Duration::from_secs(60)).await?;
    let told = server.sink.told();
    let mut latencies = Vec::with_capacity(ALERTS);
    for number in 0..ALERTS {
        let arrived = told.alerts.get(&Alerts::instance(number)).context("an alert was not told")?;
        latencies.push(arrived.duration_since(sent_at[number / TOGETHER]).as_secs_f64());
    }
    Ok((percentile(&mut latencies, 0.5), percentile(&mut latencies, 0.99)))
}
