//! Reloading: a good file replaces everything that differs, a bad one changes nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isobar_alerting::{CentreHandle, Evaluator};
use isobar_dashboards::Tls;
use isobar_egress::Egress;
use isobar_runbooks::{RunbookHandle, Senders};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::api::{Hooks, ReloadRequest, ShownConfiguration};
use crate::clock;
use crate::collect::{Running, Source, SourceStatuses};
use crate::config::{Config, Problem, Problems, Started, load};
use crate::ingest::Ingest;
use crate::resources::ResourceTable;
use crate::respond::Responses;
use crate::rules::hand_over;
use crate::serve::signals::Signals;
use crate::serve::vital::Vital;

/// What reloading touches.
pub struct Reloader {
    pub path: PathBuf,
    pub listen: Option<SocketAddr>,
    /// The sections that were read at the start and cannot change while the server runs.
    pub started: Started,
    pub egress: Egress,
    pub ingest: Arc<Ingest>,
    pub statuses: Arc<SourceStatuses>,
    pub centre: CentreHandle,
    pub evaluator: Arc<Mutex<Evaluator>>,
    pub runbooks: RunbookHandle,
    pub responses: Arc<Responses>,
    pub hooks: Hooks,
    pub resources: Arc<ResourceTable>,
    pub alerting_shown: ShownConfiguration,
    pub tls: Option<Arc<Tls>>,
}

/// Builds every source of the configuration; starts none.
///
/// # Errors
/// A secret or file that cannot be read.
pub fn build_sources(path: &Path, config: &Config, egress: &Egress) -> Result<Vec<Source>, Problem> {
    let built = config.sources.iter().map(|source| {
        let collector = source.build(config, egress)?;
        Ok(Source { name: source.name.clone(), kind: source.kind, interval: source.interval, collector })
    });
    built.collect::<Result<_, _>>().map_err(|error| Problem { file: path.to_owned(), error })
}

impl Reloader {
    /// Starts sources that were built.
    pub fn start(&self, sources: Vec<Source>) -> Vec<Running> {
        sources
            .into_iter()
            .map(|source| Running::start(source, self.ingest.clone(), self.statuses.clone()))
            .collect()
    }

    /// Reads the file and puts it into effect. Sources are started anew: their targets keep their series, and what left
    /// is told to have left.
    async fn reload(&self, running: &mut Vec<Running>, stop: &CancellationToken) -> Result<(), String> {
        let complaints = |problems: Vec<Problem>| Problems(problems).to_string();
        let (path, listen, started) = (self.path.clone(), self.listen, self.started.clone());
        let (egress, tls) = (self.egress.clone(), self.tls.clone());
        // Files are read where that may take its time, and a reader that panics is a file that is not taken.
        let reading = tokio::task::spawn_blocking(move || {
            let config = load(&path, listen)?;
            started.refuse_changes(&config.started).map_err(|errors| {
                errors.into_iter().map(|error| Problem { file: path.clone(), error }).collect::<Vec<_>>()
            })?;
            let sources = build_sources(&path, &config, &egress).map_err(|problem| vec![problem])?;
            let senders = Senders::build(config.runbooks.clone(), &egress, &config.secrets)
                .map_err(|error| vec![Problem { file: path.clone(), error }])?;
            let hooks = Hooks::build(&config.hooks, &config.secrets)
                .map_err(|error| vec![Problem { file: path, error }])?;
            Ok((config, sources, senders, hooks, tls.map(|tls| tls.reload())))
        });
        let read = reading.await.map_err(|error| format!("reading the configuration broke off: {error}"))?;
        let (mut config, sources, senders, hooks, certificate) = read.map_err(complaints)?;
        certificate.transpose().map_err(|error| error.to_string())?;
        config.log_notes();
        config.alerting.enrichment.ask(self.resources.clone());
        self.centre.reload(config.alerting.clone()).await.map_err(|error| error.to_string())?;
        self.runbooks.reload(senders).await.map_err(|error| error.to_string())?;
        self.hooks.set(hooks);
        *self.alerting_shown.lock() = std::mem::take(&mut config.alerting_shown);

        for former in std::mem::take(running) {
            let successor = sources.iter().find(|source| source.name == *former.name());
            match successor {
                None => former.retire(None).await,
                Some(successor) => match successor.collector.parts().await {
                    Ok(parts) => former.retire(Some(&parts)).await,
                    // Discovery that fails now is asked again by the successor; until then nothing has left.
                    Err(_) => drop(former.stop().await),
                },
            }
        }
        *running = self.start(sources);
        // Held until the end is written down, so that nothing decided earlier comes after it.
        let mut evaluator = tokio::select! {
            () = stop.cancelled() => return Err("the server is stopping".to_owned()),
            evaluator = self.evaluator.lock() => evaluator,
        };
        let now = clock::now();
        self.responses.set(&config.policies);
        evaluator.set_native_table(std::mem::take(&mut config.native));
        let mut ended = evaluator.reload(std::mem::take(&mut config.policies), now);
        ended.extend(evaluator.retain_sources(&config.reporters(), now));
        hand_over(&self.centre, ended, stop).await;
        Ok(())
    }
}

/// Reload requests, one after the other, until the server is to stop.
pub struct ReloadQueue {
    pub reloader: Reloader,
    pub sources: Vec<Running>,
    pub requests: mpsc::Receiver<ReloadRequest>,
}

/// Why a server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was told to.
    Asked,
    /// This task ended by itself.
    Broken(&'static str),
}

impl ReloadQueue {
    /// Serves requests and SIGHUP; returns the running sources when the server is to stop.
    pub async fn run(mut self, signals: &mut Signals, vital: &Vital) -> (Vec<Running>, Stopped) {
        loop {
            let request = tokio::select! {
                () = signals.stop.cancelled() => return (self.sources, Stopped::Asked),
                name = vital.first_ended() => return (self.sources, Stopped::Broken(name)),
                _ = signals.hang_up.recv() => ReloadRequest { actor: "SIGHUP".to_owned(), answer: oneshot::channel().0 },
                Some(request) = self.requests.recv() => request,
            };
            let done = self.reloader.reload(&mut self.sources, &signals.stop).await;
            match &done {
                Ok(()) => info!(actor = request.actor, "configuration reloaded"),
                Err(complaint) => error!(
                    actor = request.actor,
                    complaint, "the new configuration is refused; nothing changed"
                ),
            }
            let result = if done.is_ok() { "ok" } else { "refused" };
            metrics::counter!("isobar_reloads_total", "result" => result).increment(1);
            // Nobody waits for the answer to a signal.
            let _ = request.answer.send(done);
        }
    }
}
