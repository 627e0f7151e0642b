//! The alert centre against Alertmanager: the same file of configuration, the same alerts, one webhook.

use std::path::Path;

use anyhow::Result;

use self::server::Kind;
use crate::process::{isobar, version};
use crate::report::Report;

mod alerts;
mod latency;
mod list;
mod loss;
mod server;
mod sink;
mod storm;
mod work;

/// Runs every part with both servers, one after the other.
pub async fn run() -> Result<Report> {
    let mut report = Report::new("The alert centre against Alertmanager");
    report.note(format!(
        "{}, peer: {}",
        version(&isobar()?),
        version(Path::new("/usr/bin/prometheus-alertmanager"))
    ));
    report.note("both on their defaults and the same alertmanager.yml; Isobar answers after fsync, Alertmanager keeps alerts in memory");
    report.note(format!(
        "alerts come by the API v2 in requests of {}, one after the other, as Prometheus sends them",
        alerts::REQUEST
    ));
    storm::measure(&mut report).await?;
    let standing = work::measure(&mut report).await?;
    list::measure(&mut report, &standing).await?;
    drop(standing);
    loss::measure(&mut report).await?;
    latency::measure(&mut report).await?;
    Ok(report)
}

/// A figure of each server.
#[derive(Clone, Copy, Debug, Default)]
struct Both<T> {
    isobar: T,
    peer: T,
}

impl<T> Both<T> {
    /// Asks of both, Isobar first.
    async fn of<F: Future<Output = Result<T>>>(ask: impl Fn(Kind) -> F) -> Result<Self> {
        Ok(Self { isobar: ask(Kind::Isobar).await?, peer: ask(Kind::Alertmanager).await? })
    }
}
