//! The collector against the simulators, over HTTP.

mod collecting;
mod faults;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use isobar_egress::{Egress, EgressOptions};
use isobar_normalizer::{
    Aligned, NativeMappings, ResourceId, SecretReader, SecretReference, Step, Timestamp,
};
use isobar_simulators::{AZURE_SUBSCRIPTION, Config, Running, Simulators};

use crate::{Clouds, CollectError, Collected, Collector, CollectorKind, Part, SourceContext, Window};

/// A payload recorded from Azure, where the folder of them is.
pub(super) fn recorded(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire/azure").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: {} is not here", path.display());
    }
    text
}

struct Known(String);

impl SecretReader for Known {
    fn read(&self, _: &SecretReference) -> Result<String, String> {
        Ok(self.0.clone())
    }
}

/// A collector and the Azure it collects from.
struct World {
    azure: Running,
    clock: Arc<AtomicI64>,
    clouds: Clouds,
    collector: Box<dyn Collector>,
}

/// A whole minute of the present: the simulators date their answers by the wall clock.
fn this_minute() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now / 60 * 60_000).unwrap()
}

/// Settings for the simulators; `extra` are more lines of it.
fn settings(azure: &Running, client_id: &str, extra: &str) -> String {
    let metrics = azure.azure_metrics_url.as_str().trim_end_matches('/');
    format!(
        "tenant_id: {}\nclient_id: {client_id}\nclient_secret: ${{env:SECRET}}\nallow_http: true\n\
         endpoints: {{authority: \"{}\", arm: \"{}\", metrics: \"{metrics}/{{region}}\"}}\n{extra}",
        azure.azure_credentials.tenant_id, azure.azure_token_url, azure.azure_arm_url
    )
}

fn build(settings: &str, secret: &str, clouds: &Clouds) -> Box<dyn Collector> {
    let indented: String = settings.lines().map(|line| format!("  {line}\n")).collect();
    let read = super::KIND.read(&format!("settings:\n{indented}"), &[Step::Key("settings")]);
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let context = SourceContext {
        name: "azure",
        interval: Duration::from_secs(60),
        egress: &egress,
        secrets: &Known(secret.to_owned()),
        base_dir: Path::new("/nonexistent"),
        clouds,
    };
    read.unwrap().build(context).unwrap()
}

async fn simulate(scenario: &str) -> (Running, Arc<AtomicI64>) {
    let origin = this_minute();
    let clock = Arc::new(AtomicI64::new(origin + 20_000));
    let told = clock.clone();
    let config = Config {
        seed: 7,
        origin,
        scenario: scenario.parse().unwrap(),
        listen: "127.0.0.1:0".parse().unwrap(),
        clock: Arc::new(move || told.load(Ordering::Relaxed)),
    };
    (Simulators::start(config).await.unwrap(), clock)
}

impl World {
    async fn new(scenario: &str, extra: &str) -> Self {
        let (azure, clock) = simulate(scenario).await;
        let clouds = Clouds { mappings: Arc::new(NativeMappings::builtin()), ..Clouds::default() };
        clouds.in_use.set(BTreeSet::from(["system.cpu.utilization".to_owned()]));
        let reader = azure.azure_credentials.reader.clone();
        let collector = build(&settings(&azure, &reader.client_id, extra), &reader.client_secret, &clouds);
        Self { azure, clock, clouds, collector }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.load(Ordering::Relaxed))
    }

    fn pass(&self, duration: Duration) {
        self.clock.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::Relaxed);
    }

    async fn try_collect(&self, name: &str) -> Result<Collected, CollectError> {
        let part = Part { key: key(name), interval: None };
        let window = Window { start: self.now().minus(Duration::from_secs(60)), end: self.now() };
        let mut collected = self.collector.collect(&part, window).await?;
        // Answers are dated by the wall clock, and time passes here at will.
        collected.failures.retain(|failure| !failure.contains("clock"));
        Ok(collected)
    }

    async fn collect(&self, name: &str) -> Collected {
        self.try_collect(name).await.unwrap()
    }

    fn align(&self, collected: &Collected) -> Aligned {
        self.clouds.mappings.align(&"azure".into(), &collected.measurements)
    }

    /// How often an operation was called since the start, by the simulators' names.
    fn asked(&self, operation: &str) -> usize {
        self.azure.requests().count(isobar_simulators::Provider::Azure, operation)
    }
}

fn key(name: &str) -> Arc<str> {
    format!("{AZURE_SUBSCRIPTION}/{name}").into()
}

/// The canonical value of a resource at a time.
fn value(aligned: &Aligned, metric: &str, resource: &ResourceId, at: Timestamp) -> Option<f64> {
    let samples = aligned.runs.iter().flat_map(|run| &run.samples);
    let mut of_metric = samples.filter(|sample| {
        sample.labels.name() == Some(metric) && sample.labels.get("resource_id") == Some(resource.as_str())
    });
    of_metric.find(|sample| sample.at == at).map(|sample| sample.value)
}
