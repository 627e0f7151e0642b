//! A storm: ten thousand alerts at once, told by service.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Both;
use super::alerts::Alerts;
use super::server::{Grouping, Kind, Server};
use crate::report::Report;

const ALERTS: usize = 10_000;
const SERVICES: usize = 40;
const GROUP_WAIT: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, Default)]
struct Found {
    accepted: f64,
    first: f64,
    lost: usize,
    notifications: usize,
    largest: usize,
    peak: u64,
}

/// Adds the figures of the storm.
pub async fn measure(report: &mut Report) -> Result<()> {
    let Both { isobar, peer } = Both::of(storm).await?;
    report
        .note(format!("storm: {ALERTS} new alerts of {SERVICES} services, group_by service, group_wait 2 s"));
    let mut row = |what: &str, shown: &dyn Fn(Found) -> String, wanted: &str, reached: bool| {
        report.promise(&format!("storm: {what}"), shown(isobar), shown(peer), wanted, reached);
    };
    row("all accepted", &|found| format!("{:.2} s", found.accepted), "under 1 s", isobar.accepted < 1.0);
    let patience = GROUP_WAIT.as_secs_f64() + 2.0;
    row(
        "first notification",
        &|found| format!("{:.2} s", found.first),
        "within group_wait + 2 s",
        isobar.first <= patience,
    );
    row("alerts that no notification told of", &|found| found.lost.to_string(), "0", isobar.lost == 0);
    row("notifications", &|found| found.notifications.to_string(), "at most 50", isobar.notifications <= 50);
    row(
        "largest body",
        &|found| format!("{} KiB", found.largest >> 10),
        "at most 256 KiB",
        isobar.largest <= 256 << 10,
    );
    row(
        "peak resident memory",
        &|found| format!("{} MiB", found.peak),
        "at most 150 MiB",
        isobar.peak <= 150,
    );
    Ok(())
}

async fn storm(kind: Kind) -> Result<Found> {
    let server = Server::start(kind, Grouping { by: "service", wait: "2s" }).await?;
    let client = reqwest::Client::new();
    let started = Instant::now();
    Alerts::now(SERVICES).send(&client, &server.url, 0..ALERTS, 0).await?;
    let accepted = started.elapsed().as_secs_f64();
    // One that never comes is a figure, not an error.
    let _ = server.sink.wait_for(ALERTS, Duration::from_secs(20)).await;
    let told = server.sink.told();
    let first = told.first.context("nothing was told")?;
    Ok(Found {
        accepted,
        first: first.duration_since(started).as_secs_f64(),
        lost: ALERTS - told.alerts.len(),
        notifications: told.notifications,
        largest: told.largest,
        peak: server.process.peak_resident_mib()?,
    })
}
