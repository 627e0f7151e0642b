//! SIGKILL: what is left of accepted alerts that are not sent again, and what is told twice of those that are.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Result;

use super::Both;
use super::alerts::Alerts;
use super::server::{Grouping, Kind, Server};
use crate::report::Report;

const LOOPS: usize = 10;
const ALERTS: usize = 1_000;
const SERVICES: usize = 20;
/// Longer than group_wait: what would be told again has been by then.
const LISTEN: Duration = Duration::from_secs(4);

/// Adds both figures.
pub async fn measure(report: &mut Report) -> Result<()> {
    let lost = Both::of(lost).await?;
    report.promise(
        &format!("SIGKILL after the answer, {LOOPS} times {ALERTS} alerts that are not sent again: lost"),
        lost.isobar.to_string(),
        lost.peer.to_string(),
        "0",
        lost.isobar == 0,
    );
    let again = Both::of(told_again).await?;
    report.promise(
        &format!("SIGKILL after telling of {ALERTS} alerts that are sent again: new notifications"),
        again.isobar.to_string(),
        again.peer.to_string(),
        "0",
        again.isobar == 0,
    );
    Ok(())
}

async fn lost(kind: Kind) -> Result<usize> {
    let mut server = Server::start(kind, Grouping { by: "service", wait: "5m" }).await?;
    let mut lost = 0;
    for round in 0..LOOPS {
        let numbers = round * ALERTS..(round + 1) * ALERTS;
        let client = reqwest::Client::new();
        Alerts::now(SERVICES).send(&client, &server.url, numbers.clone(), 0).await?;
        server.crash().await?;
        let known: HashSet<String> = server.instances().await?.into_iter().collect();
        lost += numbers.filter(|number| !known.contains(&Alerts::instance(*number))).count();
    }
    Ok(lost)
}

/// A notification is new by its id; where a server has no ids, every one is.
async fn told_again(kind: Kind) -> Result<usize> {
    let mut server = Server::start(kind, Grouping { by: "service", wait: "1s" }).await?;
    let alerts = Alerts::now(SERVICES);
    alerts.send(&reqwest::Client::new(), &server.url, 0..ALERTS, 0).await?;
    server.sink.wait_for(ALERTS, Duration::from_secs(30)).await?;
    server.settled().await?;
    let before = server.sink.told();
    server.crash().await?;
    alerts.send(&reqwest::Client::new(), &server.url, 0..ALERTS, 1).await?;
    tokio::time::sleep(LISTEN).await;
    let after = server.sink.told();
    Ok(match kind {
        Kind::Isobar => after.ids.difference(&before.ids).count(),
        Kind::Alertmanager => after.notifications - before.notifications,
    })
}
