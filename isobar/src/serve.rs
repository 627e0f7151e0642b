//! `isobar serve`: opens everything in the order that pages first, runs it, and closes it in the reverse order.

pub mod checkpoints;
mod journal_events;
mod open_files;
mod reload;
mod signals;
mod upkeep;
mod vital;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use isobar_alerting::{AlertCentre, CentreParts, Evaluator};
use isobar_dashboards::{Api, Backend, ServeOptions, Tls};
use isobar_egress::{BreakerOptions, Breakers, Egress, EgressOptions};
use isobar_journal::{Journal, SqliteJournal, SqliteOptions};
use isobar_normalizer::{ConfigError, Registry};
use isobar_runbooks::{Responder, RunbookParts, Senders};
use isobar_store::{DataDirectory, Store, StoreOptions};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::api::{
    AlertIntake, AlertViews, AlertmanagerViews, EstateViews, Hooks, IncidentViews, MetricsPage, PeopleViews,
    PushIntake, Replayer, RunbookViews, ServerOperations, SilenceViews, SqlViews,
};
use crate::cli::ServeArguments;
use crate::clock;
use crate::collect::SourceStatuses;
use crate::config::{Config, Problem, Problems, load};
use crate::ingest::{Ingest, Meanings};
use crate::outages::Outages;
use crate::resources::ResourceTable;
use crate::respond::{self, Responses};
use crate::rules::{self, EVALUATION_STEP, RuleData, SharedRuleData};
use crate::series::{JoinedSeries, LongestLookback};
use crate::stages::Stages;
use crate::watermark::Watermarks;
use checkpoints::{CheckpointStatuses, Keeper, refuse_inside};
use journal_events::WatchedJournal;
use reload::{ReloadQueue, Reloader, Stopped, build_sources};
use upkeep::Upkeep;
use vital::Vital;

pub use signals::Signals;

/// Deliveries under way may end in this time after the signal to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Own latencies, in seconds, from a millisecond to ten minutes: page latency is promised under one second.
const LATENCY_BUCKETS: [f64; 14] =
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0];

/// Runs until SIGTERM or SIGINT, or until a task it is nothing without has ended.
pub async fn run(arguments: ServeArguments) -> Result<()> {
    let mut signals = Signals::listen()?;
    serve(arguments, &mut signals, announce).await
}

/// Runs until the signals say stop; tells `listening` where, and whether behind TLS, once requests are answered.
pub async fn serve(
    arguments: ServeArguments,
    signals: &mut Signals,
    listening: impl FnOnce(SocketAddr, bool),
) -> Result<()> {
    open_files::raise_limit();
    let mut config = load(&arguments.config, arguments.listen).map_err(Problems)?;
    config.log_notes();
    let metrics = install_metrics()?;
    let directory = DataDirectory::open(&arguments.data_dir)?;

    // Whatever can be wrong is found before anybody is told anything.
    let egress = Egress::new(EgressOptions {
        allow_private: config.allow_private.clone(),
        ..EgressOptions::default()
    })?;
    let sources =
        build_sources(&arguments.config, &config, &egress).map_err(|problem| Problems(vec![problem]))?;
    let senders = Senders::build(config.runbooks.clone(), &egress, &config.secrets)
        .map_err(|error| Problems(vec![Problem { file: arguments.config.clone(), error }]))?;
    let keeper = build_keeper(&config, &egress, &arguments.data_dir)
        .map_err(|error| Problems(vec![Problem { file: arguments.config.clone(), error }]))?;
    let hooks = Hooks::default();
    let open_hooks = Hooks::build(&config.hooks, &config.secrets)
        .map_err(|error| Problems(vec![Problem { file: arguments.config.clone(), error }]))?;
    hooks.set(open_hooks);
    let tls = config.server.tls(&config.secrets.base_dir).map(Tls::load).transpose()?.map(Arc::new);
    let listener = TcpListener::bind(config.server.listen()).await;
    let listener = listener.with_context(|| format!("listening on {}", config.server.listen()))?;
    let address = listener.local_addr()?;

    // Pages that were queued when the last process ended leave before samples are read back.
    let journal = open_journal(&arguments).await?;
    let resources = Arc::new(ResourceTable::default());
    journal.restore_resources(&resources)?;
    let breakers = Breakers::new(BreakerOptions::default());
    config.alerting.enrichment.ask(resources.clone());
    let centre =
        AlertCentre::open(config.alerting.clone(), centre_parts(&config, &journal, &egress, &breakers))
            .await?;
    let handle = centre.handle();
    let stop_telling = CancellationToken::new();
    let vital = Vital::default();
    let telling = vital.spawn("telling", centre.run(stop_telling.clone()));

    let parts = RunbookParts {
        journal: journal.clone(),
        clock: Arc::new(clock::now),
        jitter: Arc::new(clock::jitter),
    };
    let responder = Responder::open(senders, parts).await?;
    let runbooks = responder.handle();
    let stop_responding = CancellationToken::new();
    let responding = vital.spawn("responding", responder.run(stop_responding.clone()));

    let opened = clock::now();
    let options = StoreOptions { retention: config.retention, ..StoreOptions::default() };
    let future_max = options.future_max;
    let (store, recovery) =
        tokio::task::spawn_blocking(move || Store::open_in(directory, options, clock::now())).await??;
    info!(?recovery, took_ms = clock::now().since(opened).as_millis(), "store open");

    let stages = Arc::new(Stages::default());
    let watermarks = Arc::new(Watermarks::default());
    let statuses = Arc::new(SourceStatuses::default());
    journal.restore_costs(statuses.costs())?;
    let shared_journal: Arc<dyn Journal> = journal.clone();
    let lookback = Arc::new(LongestLookback::default());
    let ingest = Arc::new(Ingest::new(
        store.clone(),
        resources.clone(),
        watermarks.clone(),
        shared_journal.clone(),
        Meanings { streams: config.mappings.clone(), clouds: config.clouds.mappings.clone() },
        lookback.clone(),
        future_max,
    ));
    let restoring = ingest.clone();
    tokio::task::spawn_blocking(move || restoring.restore(clock::now())).await?;
    let series = JoinedSeries::new(
        store.clone(),
        resources.clone(),
        Registry::builtin(),
        lookback,
        ingest.metadata().clone(),
    );

    let responses = Arc::new(Responses::default());
    responses.set(&config.policies);
    let mut evaluator = Evaluator::new(std::mem::take(&mut config.policies), EVALUATION_STEP);
    evaluator.set_native_table(std::mem::take(&mut config.native));
    let mut ended = evaluator.restore(&handle.alerts(), clock::now());
    ended.extend(evaluator.retain_sources(&config.reporters(), clock::now()));
    resources.keep_sources(&config.reporters(), clock::now());
    let evaluator = Arc::new(Mutex::new(evaluator));
    let stop = CancellationToken::new();
    let rule_data =
        SharedRuleData(Arc::new(RuleData::new(series.clone(), watermarks.clone(), resources.clone())));
    let evaluating = vital.spawn(
        "evaluating",
        rules::run(
            evaluator.clone(),
            ended,
            rule_data.clone(),
            ingest.clone(),
            handle.clone(),
            stages.clone(),
            stop.clone(),
        ),
    );
    let alerting_shown = Arc::new(parking_lot::Mutex::new(std::mem::take(&mut config.alerting_shown)));
    let reloader = Reloader {
        path: arguments.config,
        listen: arguments.listen,
        started: config.started.clone(),
        egress,
        ingest: ingest.clone(),
        statuses: statuses.clone(),
        centre: handle.clone(),
        evaluator,
        runbooks: runbooks.clone(),
        responses: responses.clone(),
        hooks: hooks.clone(),
        resources: resources.clone(),
        alerting_shown: Arc::clone(&alerting_shown),
        tls: tls.clone(),
    };
    // Before the rules about Isobar look at them: a source that is not there yet is not one that is well.
    let sources = reloader.start(sources);
    let checkpoints = Arc::new(CheckpointStatuses::default());
    let stop_marking = CancellationToken::new();
    let marking =
        keeper.map(|keeper| keeper.start(&shared_journal, &checkpoints, &stop_marking)).unwrap_or_default();
    let upkeep = Upkeep {
        data_dir: arguments.data_dir.clone(),
        store: store.clone(),
        ingest: ingest.clone(),
        statuses: statuses.clone(),
        watermarks: watermarks.clone(),
        centre: handle.clone(),
        stages: stages.clone(),
        journal: journal.clone(),
        resources: resources.clone(),
        metrics: metrics.clone(),
        retention: config.retention,
        checkpoints,
    };
    let keeping = upkeep.start(&stop)?;
    let watch = respond::Watch {
        responses,
        centre: handle.clone(),
        series: series.clone(),
        statuses: statuses.clone(),
        runbooks: runbooks.clone(),
        stages: stages.clone(),
    };
    let watching = vital.spawn("watching for runbooks", watch.run(stop.clone()));
    let outages = Outages {
        centre: handle.clone(),
        resources: resources.clone(),
        statuses: statuses.clone(),
        stages: stages.clone(),
    };
    let looking = vital.spawn("looking for outages", outages.run(stop.clone()));

    let serve_options = ServeOptions::new(&config.security, tls.clone());
    let (reloads, requests) = mpsc::channel(4);
    let pushed = Arc::default();
    let backend = Backend {
        series: Arc::new(series.clone()),
        catalogue: Arc::new(series.clone()),
        sql: Arc::new(SqlViews::new(
            store.clone(),
            resources.clone(),
            handle.clone(),
            runbooks.clone(),
            shared_journal.clone(),
        )?),
        intake: Arc::new(PushIntake {
            ingest: ingest.clone(),
            store: store.clone(),
            latest: Arc::clone(&pushed),
            alerts: AlertIntake { centre: handle.clone(), hooks, runtime: tokio::runtime::Handle::current() },
        }),
        estate: Arc::new(EstateViews {
            statuses: statuses.clone(),
            watermarks: watermarks.clone(),
            resources,
            pushed,
            coverage: ingest.coverage().clone(),
            centre: handle.clone(),
        }),
        alerts: Arc::new(PeopleViews {
            centre: handle.clone(),
            runbooks: runbooks.clone(),
            runtime: tokio::runtime::Handle::current(),
        }),
        replays: Arc::new(Replayer::new(shared_journal.clone(), handle.clone(), rule_data, config.retention)),
        silences: Arc::new(SilenceViews {
            centre: handle.clone(),
            runtime: tokio::runtime::Handle::current(),
        }),
        incidents: Arc::new(IncidentViews {
            centre: handle.clone(),
            runtime: tokio::runtime::Handle::current(),
        }),
        centre: Arc::new(AlertViews { centre: handle.clone(), runtime: tokio::runtime::Handle::current() }),
        alertmanager: Arc::new(AlertmanagerViews {
            centre: handle.clone(),
            configuration: alerting_shown,
            started_at: opened,
        }),
        runbooks: Arc::new(RunbookViews { runbooks, runtime: tokio::runtime::Handle::current() }),
        journal: shared_journal,
        journal_head: journal.heads(),
        operations: Arc::new(ServerOperations {
            stages: stages.clone(),
            reloads: reloads.clone(),
            metrics: MetricsPage(metrics),
        }),
        clock: Arc::new(clock::now),
    };
    let stop_serving = CancellationToken::new();
    let router = Api::new(backend, config.security.clone(), stop_serving.clone()).router();
    let serving = vital
        .spawn("serving", isobar_dashboards::serve(listener, router, serve_options, stop_serving.clone()));
    listening(address, tls.is_some());
    let (sources, stopped) = ReloadQueue { reloader, sources, requests }.run(signals, &vital).await;
    if let Stopped::Broken(task) = stopped {
        error!(task, "a task the server is nothing without has ended; the server stops");
    }

    for source in sources {
        source.stop().await;
    }
    stop_serving.cancel();
    joined("serving", serving).await;
    stop.cancel();
    joined("evaluating", evaluating).await;
    joined("watching for runbooks", watching).await;
    joined("looking for outages", looking).await;
    for task in keeping {
        joined("upkeep", task).await;
    }
    stop_responding.cancel();
    joined("responding", responding).await;
    stop_telling.cancel();
    if tokio::time::timeout(DRAIN, joined("telling", telling)).await.is_err() {
        warn!(
            seconds = DRAIN.as_secs(),
            "deliveries under way did not end; they are sent after the next start"
        );
    }
    // Last, so that it holds everything.
    stop_marking.cancel();
    for task in marking {
        joined("keeping checkpoints", task).await;
    }
    tokio::task::spawn_blocking(move || store.close()).await??;
    info!("stopped");
    match stopped {
        Stopped::Asked => Ok(()),
        Stopped::Broken(task) => bail!("{task} ended by itself: its last words are above"),
    }
}

async fn open_journal(arguments: &ServeArguments) -> Result<Arc<WatchedJournal>> {
    let path = arguments.data_dir.join("journal.db");
    let journal =
        tokio::task::spawn_blocking(move || SqliteJournal::open(&path, SqliteOptions::default())).await??;
    Ok(Arc::new(WatchedJournal::new(journal)))
}

fn build_keeper(config: &Config, egress: &Egress, data_dir: &Path) -> Result<Option<Keeper>, ConfigError> {
    let Some(checkpoints) = &config.checkpoints else { return Ok(None) };
    refuse_inside(checkpoints, data_dir)?;
    Keeper::build(checkpoints, egress, &config.secrets).map(Some)
}

fn centre_parts(
    config: &Config,
    journal: &Arc<WatchedJournal>,
    egress: &Egress,
    breakers: &Breakers,
) -> CentreParts {
    CentreParts {
        journal: journal.clone(),
        egress: egress.clone(),
        breakers: breakers.clone(),
        secrets: Arc::new(config.secrets.clone()),
        external_url: config.server.external_url(),
        clock: Arc::new(clock::now),
        jitter: Arc::new(clock::jitter),
    }
}

fn install_metrics() -> Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets(&LATENCY_BUCKETS).context("own metrics")?;
    builder.install_recorder().context("own metrics")
}

/// Tells the person, or the program, that started it where to go.
fn announce(address: SocketAddr, tls: bool) {
    let scheme = if tls { "https" } else { "http" };
    let line = format!("isobar {} listening on {scheme}://{address}\n", env!("CARGO_PKG_VERSION"));
    // Nobody may be reading; that is no reason not to serve.
    let _ = std::io::stdout().write_all(line.as_bytes());
}

async fn joined<T>(what: &str, task: JoinHandle<T>) {
    if let Err(error) = task.await {
        warn!(what, %error, "a task ended badly");
    }
}
