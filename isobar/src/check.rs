//! `isobar check`: says what is wrong with a configuration, and with `--connect` tries what it names.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use isobar_alerting::{Notifier, Tools, place};
use isobar_collectors::{Collector, SourceContext, Window};
use isobar_dashboards::Tls;
use isobar_egress::{Egress, EgressOptions, Trust};
use isobar_normalizer::ConfigError;
use isobar_runbooks::Senders;
use url::Url;

use crate::api::Hooks;
use crate::cli::CheckArguments;
use crate::client::print;
use crate::clock;
use crate::config::{Config, Problem, Problems, load};
use crate::serve::checkpoints::Keeper;

/// One source's whole first collection must end in this time.
const SOURCE_PATIENCE: Duration = Duration::from_secs(60);

/// Prints every complaint on standard error, or on standard output what changes nothing and a line of what was found.
pub async fn run(arguments: CheckArguments) -> Result<()> {
    let config = load(&arguments.config, None).map_err(Problems)?;
    for note in &config.notes {
        say(&format!("note: {note}"))?;
    }
    let egress = Egress::new(EgressOptions {
        allow_private: config.allow_private.clone(),
        ..EgressOptions::default()
    })?;
    let built = build(&config, &egress)
        .map_err(|error| Problems(vec![Problem { file: arguments.config.clone(), error }]))?;
    if let Some(files) = config.server.tls(&config.secrets.base_dir) {
        Tls::load(files)?;
    }
    let receivers: usize = config.alerting.receivers.iter().map(|receiver| receiver.integrations.len()).sum();
    say(&format!(
        "{}: {} sources, {} policies, {receivers} ways to tell",
        arguments.config.display(),
        config.sources.len(),
        config.policies.len()
    ))?;
    if !arguments.connect {
        return Ok(());
    }
    let mut failed = 0;
    for (source, collector) in config.sources.iter().zip(&built.collectors) {
        failed += usize::from(!try_source(&source.name, &**collector, source.interval).await?);
    }
    for (url, trust) in built.notifiers.iter().map(|notifier| notifier.target()).chain(heartbeat(&config)) {
        failed += usize::from(!try_target(&format!("receiver {}", place(url)), &egress, url, trust).await?);
    }
    for runbook in config.runbooks.iter() {
        let what = format!("runbook {}", runbook.name);
        failed += usize::from(!try_target(&what, &egress, runbook.url(), Trust::Guarded).await?);
    }
    if failed > 0 {
        bail!("{failed} of them cannot be used");
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    print(format!("{line}\n").as_bytes())
}

struct Built {
    collectors: Vec<Box<dyn Collector>>,
    notifiers: Vec<Box<dyn Notifier>>,
}

/// Builds every collector, notifier and runbook, which reveals every secret.
fn build(config: &Config, egress: &Egress) -> Result<Built, ConfigError> {
    let external_url = config.server.external_url();
    let tools = Tools { secrets: &config.secrets, egress, external_url: &external_url };
    let integrations = config.alerting.receivers.iter().flat_map(|receiver| &receiver.integrations);
    Senders::build(config.runbooks.clone(), egress, &config.secrets)?;
    config.checkpoints.as_ref().map(|places| Keeper::build(places, egress, &config.secrets)).transpose()?;
    Hooks::build(&config.hooks, &config.secrets)?;
    Ok(Built {
        notifiers: integrations
            .map(|integration| integration.settings.build(&tools))
            .collect::<Result<_, _>>()?,
        collectors: config
            .sources
            .iter()
            .map(|source| source.build(config, egress))
            .collect::<Result<_, _>>()?,
    })
}

/// Collects every part once; prints how it went.
async fn try_source(name: &Arc<str>, collector: &dyn Collector, interval: Duration) -> Result<bool> {
    let parts = match collector.parts().await {
        Ok(parts) => parts,
        Err(error) => {
            say(&format!("source {name}: {error}"))?;
            return Ok(false);
        }
    };
    let mut good = true;
    for part in &parts {
        let end = clock::now();
        let window = Window { start: end.minus(interval), end };
        let failures = match tokio::time::timeout(SOURCE_PATIENCE, collector.collect(part, window)).await {
            Ok(Ok(collected)) => collected.failures,
            Ok(Err(error)) => vec![error.to_string()],
            Err(_) => vec![format!("no answer within {} s", SOURCE_PATIENCE.as_secs())],
        };
        good &= failures.is_empty();
        let told = if failures.is_empty() { "delivers".to_owned() } else { failures.join("; ") };
        say(&format!("source {name}, {}: {told}", part.key))?;
    }
    Ok(good)
}

/// Connects to a target, and says how that went; sends nothing.
async fn try_target(what: &str, egress: &Egress, url: &Url, trust: Trust) -> Result<bool> {
    let reached = match egress.check(url, trust).await {
        Ok(addresses) => connect(&addresses).await,
        Err(error) => Err(error.to_string()),
    };
    let is_good = reached.is_ok();
    say(&format!("{what}: {}", reached.err().unwrap_or_else(|| "reachable".to_owned())))?;
    Ok(is_good)
}

/// Where the heartbeat goes.
fn heartbeat(config: &Config) -> Option<(&Url, Trust)> {
    config.alerting.heartbeat.as_ref().map(|heartbeat| (&heartbeat.url, Trust::Guarded))
}

async fn connect(addresses: &[std::net::SocketAddr]) -> Result<(), String> {
    let connecting = tokio::net::TcpStream::connect(addresses);
    match tokio::time::timeout(Duration::from_secs(10), connecting).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer within 10 s".to_owned()),
    }
}

impl crate::config::SourceConfig {
    /// Makes the collector.
    ///
    /// # Errors
    /// A secret or file that cannot be read.
    pub fn build(&self, config: &Config, egress: &Egress) -> Result<Box<dyn Collector>, ConfigError> {
        self.settings.build(SourceContext {
            name: &self.name,
            interval: self.interval,
            egress,
            secrets: &config.secrets,
            base_dir: &config.secrets.base_dir,
            clouds: &config.clouds,
        })
    }
}
