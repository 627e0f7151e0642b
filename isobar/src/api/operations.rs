//! Health, reload and own metrics.

use std::fmt;
use std::sync::Arc;

use isobar_dashboards::{Operations, StageHealth};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{mpsc, oneshot};

use crate::clock;
use crate::stages::Stages;

/// Someone asks for the configuration to be read again.
#[derive(Debug)]
pub struct ReloadRequest {
    /// Who.
    pub actor: String,
    /// What became of it: the complaints, one a line.
    pub answer: oneshot::Sender<Result<(), String>>,
}

/// Renders own metrics.
#[derive(Clone)]
pub struct MetricsPage(pub PrometheusHandle);

impl fmt::Debug for MetricsPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsPage")
    }
}

/// The running server, as probes and operators see it.
#[derive(Debug)]
pub struct ServerOperations {
    /// Whether each stage moves.
    pub stages: Arc<Stages>,
    /// Where reloads are asked for.
    pub reloads: mpsc::Sender<ReloadRequest>,
    /// Own metrics.
    pub metrics: MetricsPage,
}

impl Operations for ServerOperations {
    fn stages(&self) -> Vec<StageHealth> {
        let now = clock::now();
        let health = |state: crate::stages::StageState| {
            let (ok, (detail, since)) = match state.trouble {
                None => (true, ("works".to_owned(), now)),
                Some(trouble) => (false, trouble),
            };
            StageHealth { name: state.name.to_owned(), ok, detail, since }
        };
        self.stages.states(now).into_iter().map(health).collect()
    }

    fn reload(&self, actor: &str) -> Result<(), String> {
        let (answer, answered) = oneshot::channel();
        let request = ReloadRequest { actor: actor.to_owned(), answer };
        let stopping = |_| "the server is stopping".to_owned();
        self.reloads.blocking_send(request).map_err(|_| stopping(()))?;
        answered.blocking_recv().map_err(|_| stopping(()))?
    }

    fn metrics(&self) -> String {
        self.metrics.0.render()
    }
}
