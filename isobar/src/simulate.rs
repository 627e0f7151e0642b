//! `isobar simulate`: the providers' stand-ins alone, for another Isobar, for official clients, for anything that speaks to clouds.

mod sources;

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use isobar_simulators::{Config, Running, SCENARIOS, Scenario, Simulators};

use crate::cli::SimulateArguments;
use crate::client::print;
use crate::clock;
use crate::serve::Signals;
use sources::listed_targets;

pub use sources::{secrets, target_file, yaml};

/// Runs until SIGTERM or SIGINT.
pub async fn run(arguments: SimulateArguments) -> Result<()> {
    let signals = Signals::listen()?;
    let running = start(arguments.scenario, arguments.seed, arguments.listen).await?;
    print(introduction(&running).as_bytes())?;
    signals.stop.cancelled().await;
    running.stop().await;
    Ok(())
}

/// Starts every simulator; the story begins now.
pub async fn start(scenario: Scenario, seed: u64, listen: SocketAddr) -> Result<Running> {
    let clock = Arc::new(|| clock::now().millis());
    let config = Config { seed, origin: clock(), scenario, listen, clock };
    Simulators::start(config).await.context("starting the simulators")
}

/// What a scenario is about, in a line.
pub fn about(scenario: Scenario) -> &'static str {
    SCENARIOS.iter().find(|(_, known, _)| *known == scenario).map_or("", |(.., about)| about)
}

/// Where everything is, who may ask, and a configuration to paste.
fn introduction(running: &Running) -> String {
    let estate = &running.estate;
    let mut text = format!(
        "isobar simulate: {} resources on simulated clouds, seed {}, scenario {}: {}.\n\
         Nothing here is real, and nothing outside is asked. Ctrl-C stops it.\n\n",
        estate.identities().count(),
        estate.seed(),
        estate.scenario(),
        about(estate.scenario()),
    );
    for (what, place) in sources::places(running) {
        let _ = writeln!(text, "{what:<28}{place}");
    }
    text.push_str("\nThe credentials open nothing but this:\n");
    let secrets = secrets(running);
    for secret in &secrets {
        let _ = writeln!(text, "export {}={}", secret.variable, secret.value);
    }
    let sources = yaml(running, |variable| format!("${{env:{variable}}}"), &listed_targets(running));
    let _ = write!(text, "\nisobar.yaml, to be read with the variables above:\n\n{sources}");
    text
}
