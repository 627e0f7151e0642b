//! Reloading: a good file replaces everything that differs, a bad one changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use isobar_alerting::{CentreHandle, Evaluator};
use isobar_dashboards::Tls;
use isobar_egress::Egress;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::api::ReloadRequest;
use crate::clock;
use crate::collect::{Running, Source, SourceStatuses};
use crate::config::{Config, Problem, load};
use crate::ingest::Ingest;
use crate::rules::hand_over;

/// What reloading touches.
pub struct Reloader {
    pub path: PathBuf,
    pub egress: Egress,
    pub ingest: Arc<Ingest>,
    pub statuses: Arc<SourceStatuses>,
    pub centre: CentreHandle,
    pub evaluator: Arc<Mutex<Evaluator>>,
    pub tls: Option<Arc<Tls>>,
}

impl Reloader {
    /// Builds and starts every source of the configuration.
    ///
    /// # Errors
    /// A secret or file that cannot be read; then none is started.
    pub fn start_sources(&self, config: &Config) -> Result<Vec<Running>> {
        Ok(self.start(self.build(config).map_err(|problem| anyhow::anyhow!("{problem}"))?))
    }

    fn build(&self, config: &Config) -> Result<Vec<Source>, Problem> {
        let built = config.sources.iter().map(|source| {
            let collector = source.build(config, &self.egress)?;
            Ok(Source { name: source.name.clone(), kind: source.kind, interval: source.interval, collector })
        });
        built.collect::<Result<_, _>>().map_err(|error| Problem { file: self.path.clone(), error })
    }

    fn start(&self, sources: Vec<Source>) -> Vec<Running> {
        sources
            .into_iter()
            .map(|source| Running::start(source, self.ingest.clone(), self.statuses.clone()))
            .collect()
    }

    /// Reads the file and puts it into effect. Sources are started anew: their targets keep their series, and what left
    /// is told to have left.
    async fn reload(&self, running: &mut Vec<Running>) -> Result<(), String> {
        let complaints =
            |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let mut config = load(&self.path).map_err(complaints)?;
        let sources = self.build(&config).map_err(|problem| complaints(vec![problem]))?;
        if let Some(tls) = &self.tls {
            tls.reload().map_err(|error| error.to_string())?;
        }
        self.centre.reload(config.alerting.clone()).await.map_err(|error| error.to_string())?;

        for former in std::mem::take(running) {
            let successor = sources.iter().find(|source| source.name == *former.name());
            let parts = match successor {
                // Discovery that fails now is asked again by the successor; until then nothing has left.
                Some(successor) => successor.collector.parts().await.ok(),
                None => Some(Vec::new()),
            };
            match parts {
                Some(parts) => former.retire(&parts).await,
                None => drop(former.stop().await),
            }
        }
        *running = self.start(sources);
        let now = clock::now();
        let mut evaluator = self.evaluator.lock().await;
        let mut ended = evaluator.reload(std::mem::take(&mut config.policies), now);
        ended.extend(evaluator.retain_sources(&config.reporters(), now));
        drop(evaluator);
        hand_over(&self.centre, ended, &CancellationToken::new()).await;
        Ok(())
    }
}

/// Reload requests, one after the other, until a signal to stop.
pub struct ReloadQueue {
    pub reloader: Reloader,
    pub sources: Vec<Running>,
    pub requests: mpsc::Receiver<ReloadRequest>,
}

impl ReloadQueue {
    /// Serves requests and SIGHUP; returns the running sources after SIGTERM or SIGINT.
    ///
    /// # Errors
    /// Signals cannot be listened for.
    pub async fn run_until_signal(mut self) -> Result<Vec<Running>> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        loop {
            let request = tokio::select! {
                _ = terminate.recv() => return Ok(self.sources),
                _ = interrupt.recv() => return Ok(self.sources),
                _ = hang_up.recv() => ReloadRequest { actor: "SIGHUP".to_owned(), answer: oneshot::channel().0 },
                Some(request) = self.requests.recv() => request,
            };
            let done = self.reloader.reload(&mut self.sources).await;
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
