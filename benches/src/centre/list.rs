//! The first page of a list of a hundred thousand open alerts, with the facets that the page counts.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::Both;
use super::server::Server;
use super::work::ALERTS;
use crate::report::{Report, percentile};

const REQUESTS: usize = 20;
const LIST: &str = "/api/isobar/v1/alerts?state=open&sort=severity&limit=100&facets=severity,provider,region,service,owner,class,source";

/// Adds the figure; the peer has no pages, it sends all groups.
pub async fn measure(report: &mut Report, standing: &Both<Server>) -> Result<()> {
    let url = format!("{}{LIST}", standing.isobar.url);
    let page: Value = reqwest::get(&url).await?.json().await?;
    ensure!(page["total"].as_u64() >= Some(ALERTS as u64), "{} alerts are listed", page["total"]);
    let mut own = times(&url, REQUESTS).await?;
    let mut peer = times(&format!("{}/api/v2/alerts/groups", standing.peer.url), 3).await?;
    let (own, peer) = (percentile(&mut own, 0.99), percentile(&mut peer, 0.5));
    report.promise(
        &format!(
            "first page of {ALERTS} open alerts with 7 facets, p99 of {REQUESTS}; peer: all groups, p50 of 3"
        ),
        format!("{:.0} ms", own * 1e3),
        format!("{:.0} ms", peer * 1e3),
        "under 100 ms",
        own < 0.1,
    );
    Ok(())
}

async fn times(url: &str, requests: usize) -> Result<Vec<f64>> {
    let client = reqwest::Client::new();
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
        let started = Instant::now();
        client.get(url).send().await?.error_for_status()?.bytes().await?;
        times.push(started.elapsed().as_secs_f64());
    }
    Ok(times)
}
