//! Processor time for a hundred thousand alerts: new ones, ones sent again, and both as a sender that repeats itself makes them.

use std::time::Duration;

use anyhow::Result;

use super::Both;
use super::alerts::Alerts;
use super::server::{Grouping, Kind, Server};
use crate::report::Report;

/// Alerts that one figure counts.
pub const ALERTS: usize = 100_000;
const SERVICES: usize = 1_000;
/// Sent once as new, and so often again.
const REPEATS: usize = 4;
/// Less than what it takes any of them to accept all.
const GROUPING: Grouping = Grouping { by: "service", wait: "30s" };

struct Found {
    new: f64,
    told: f64,
    again: f64,
    stream: f64,
    resident: u64,
    server: Server,
}

/// Adds the figures, and returns both servers with the open alerts.
pub async fn measure(report: &mut Report) -> Result<Both<Server>> {
    let Both { isobar, peer } = Both::of(work).await?;
    report.note(format!("processor time: {ALERTS} alerts accepted, of {SERVICES} services; the stream is {} alerts sent once as new and {REPEATS} times again", ALERTS / (REPEATS + 1)));
    for (what, own, other) in [
        ("new alerts", isobar.new, peer.new),
        ("alerts sent again", isobar.again, peer.again),
        ("a stream of both", isobar.stream, peer.stream),
    ] {
        report.promise(
            &format!("processor time per {ALERTS}: {what}"),
            format!("{own:.2} s"),
            format!("{other:.2} s"),
            "at most half the peer's",
            own <= 0.5 * other,
        );
    }
    report.figure(
        &format!("processor time to tell of {ALERTS} new alerts, by service"),
        format!("{:.2} s", isobar.told),
        format!("{:.2} s", peer.told),
    );
    report.figure(
        &format!("resident memory with {ALERTS} open alerts"),
        format!("{} MiB", isobar.resident),
        format!("{} MiB", peer.resident),
    );
    Ok(Both { isobar: isobar.server, peer: peer.server })
}

async fn work(kind: Kind) -> Result<Found> {
    let client = reqwest::Client::new();
    let server = Server::start(kind, GROUPING).await?;
    let start = server.settled().await?;
    let alerts = Alerts::now(SERVICES);
    alerts.send(&client, &server.url, 0..ALERTS, 0).await?;
    let accepted = server.settled().await?;
    server.sink.wait_for(ALERTS, Duration::from_secs(120)).await?;
    let told = server.settled().await?;
    alerts.send(&client, &server.url, 0..ALERTS, 1).await?;
    let again = server.settled().await?;
    let resident = server.process.resident_mib()?;
    Ok(Found {
        new: accepted - start,
        told: told - accepted,
        again: again - told,
        stream: stream(kind).await?,
        resident,
        server,
    })
}

async fn stream(kind: Kind) -> Result<f64> {
    let client = reqwest::Client::new();
    let server = Server::start(kind, Grouping { wait: "5m", ..GROUPING }).await?;
    let start = server.settled().await?;
    let alerts = Alerts::now(SERVICES);
    for resent in 0..=REPEATS {
        alerts.send(&client, &server.url, 0..ALERTS / (REPEATS + 1), resent as i64).await?;
    }
    Ok(server.settled().await? - start)
}
