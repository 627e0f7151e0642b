//! Isobar: one screen, one language and one alert centre over every cloud.
//!
//! This crate wires the others together. It alone reads the clock, the environment and randomness.

mod act;
mod alarms;
mod api;
mod audit;
mod check;
mod cli;
mod client;
mod clock;
mod collect;
mod config;
mod cost;
mod coverage;
mod demo;
mod incidents;
mod ingest;
mod kinds;
mod metadata;
mod outages;
mod people;
mod replay;
mod reserve;
mod resources;
mod respond;
mod rules;
mod secrets;
mod series;
mod serve;
mod simulate;
mod stages;
mod table;
mod watermark;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::{AuditCommand, Cli, Command};

/// The system's allocator keeps for each thread what a collection has let go: over two clouds with two thousand machines each
/// it held 314 MiB where this one, which hands it back after a second (`.cargo/config.toml`), holds 183 (docs/benchmarks/cycle.md).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
use crate::config::Problems;

/// Columns of `isobar alerts` and `isobar deliveries`.
const ALERT_COLUMNS: [&str; 7] = ["id", "state", "severity", "name", "resource", "value", "starts_at"];
const DELIVERY_COLUMNS: [&str; 7] =
    ["id", "state", "receiver", "channel", "transition", "attempts", "last_error"];

/// What is logged unless `RUST_LOG` asks for something else; a demo tells its story on its output and logs what is broken.
const LOG_DEFAULT: &str = "info";
const LOG_DEMO: &str = "error";

/// What runs on other threads when a command is done may end in this time.
const LEFTOVERS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // One crypto provider for the whole process, before anything can ask for one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(log_filter(if matches!(cli.command, Command::Demo(_)) {
            LOG_DEMO
        } else {
            LOG_DEFAULT
        }))
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("isobar: starting the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(run(cli.command));
    // A query that is still running is no reason to stay.
    runtime.shutdown_timeout(LEFTOVERS);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Editors find their way by lines that begin with file:line:column.
            match error.downcast_ref::<Problems>() {
                Some(problems) => eprintln!("{problems}"),
                None => eprintln!("isobar: {error:#}"),
            }
            if error.is::<audit::NotChecked>() { audit::NOT_CHECKED.into() } else { ExitCode::FAILURE }
        }
    }
}

/// What `RUST_LOG` asks for; the default where it asks for nothing, and, said aloud, where it cannot be read.
fn log_filter(default: &str) -> EnvFilter {
    let asked = std::env::var_os("RUST_LOG").filter(|asked| !asked.is_empty());
    let Some(asked) = asked else {
        return EnvFilter::new(default);
    };
    let read = match asked.to_str() {
        Some(text) => EnvFilter::try_new(text).map_err(|error| error.to_string()),
        None => Err("it is not UTF-8".to_owned()),
    };
    read.unwrap_or_else(|error| {
        let asked = asked.to_string_lossy();
        eprintln!("isobar: RUST_LOG={asked:?} is ignored, {default} holds: {error}; write info or isobar_store=debug,warn");
        EnvFilter::new(default)
    })
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Check(arguments) => check::run(arguments).await,
        Command::Simulate(arguments) => simulate::run(arguments).await,
        Command::Query(arguments) => client::query(arguments).await,
        Command::Sql(arguments) => client::sql(arguments).await,
        Command::Alerts(arguments) => people::alerts(arguments, &ALERT_COLUMNS).await,
        Command::Incidents(arguments) => incidents::run(arguments).await,
        Command::Deliveries(arguments) => client::list(arguments, "deliveries", &DELIVERY_COLUMNS).await,
        Command::Silence(arguments) => people::silence(arguments).await,
        Command::Routes(arguments) => people::routes(arguments).await,
        Command::Why(arguments) => client::why(arguments).await,
        Command::Approve(arguments) => act::approve(arguments).await,
        Command::Lever(arguments) => act::lever(arguments).await,
        Command::Coverage(arguments) => client::coverage(arguments).await,
        Command::Replay(arguments) => replay::run(arguments).await,
        Command::Kinds(arguments) => kinds::run(&arguments),
        Command::Audit(arguments) => match arguments.command {
            AuditCommand::Verify(arguments) => audit::verify(&arguments),
        },
    }
}
