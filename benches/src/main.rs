//! Comparisons with peers, side by side in one run: `cargo xtask bench [NAME …]`.
//!
//! Each benchmark prints its figures with the peer's beside them, says which figure it must reach, and is kept under
//! docs/benchmarks/. CPU seconds are the system's own count of the finished work; wall times are upper bounds.
#![allow(clippy::print_stdout, reason = "a command-line tool reports on its output")]

mod centre;
mod cycle;
mod exporter;
mod outage;
mod page;
mod paged;
mod parse;
mod process;
mod remote_write;
mod report;
mod restart;
mod scrape;

use anyhow::{Result, bail};

use report::Report;

/// Every benchmark: its name and what runs it.
const ALL: [&str; 7] = ["parse", "scrape", "page", "restart", "outage", "centre", "cycle"];
/// Prints what becomes of the days that the rules for outages are made on, and keeps nothing.
const OUTAGE_DAYS: &str = "outage-days";

#[tokio::main]
async fn main() -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let only: Vec<String> = std::env::args().skip(1).collect();
    if only == [OUTAGE_DAYS] {
        print!("{}", outage::days());
        return Ok(());
    }
    if let Some(unknown) = only.iter().find(|name| !ALL.contains(&name.as_str())) {
        bail!("no benchmark {unknown}: one of {}", ALL.join(", "));
    }
    let mut missed = Vec::new();
    for name in ALL.into_iter().filter(|name| only.is_empty() || only.iter().any(|wanted| wanted == name)) {
        println!("── {name}");
        let report: Report = match name {
            "parse" => parse::run().await?,
            "scrape" => scrape::run().await?,
            "page" => page::run().await?,
            "restart" => restart::run().await?,
            "outage" => outage::run().await?,
            "centre" => centre::run().await?,
            _ => cycle::run().await?,
        };
        print!("{}", report.text());
        report.keep(name)?;
        missed.extend(report.missed());
    }
    if missed.is_empty() {
        return Ok(());
    }
    bail!("missed: {}", missed.join("; "))
}
