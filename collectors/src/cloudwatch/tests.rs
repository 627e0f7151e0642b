//! The collector against the simulators and against LocalStack, over HTTP.

mod collecting;
mod cost;
mod faults;
mod localstack;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use isobar_egress::{Egress, EgressOptions};
use isobar_normalizer::{
    Aligned, NativeMappings, ResourceId, SecretReader, SecretReference, Step, Timestamp,
};
use isobar_simulators::{AWS_ACCOUNT, AwsKey, Config, Running, Simulators};

use crate::{Clouds, CollectError, Collected, Collector, CollectorKind, Part, SourceContext, Window};

const MINUTE: Duration = Duration::from_secs(60);

struct Known(String);

impl SecretReader for Known {
    fn read(&self, _: &SecretReference) -> Result<String, String> {
        Ok(self.0.clone())
    }
}

/// A collector and the AWS it collects from.
struct World {
    aws: Running,
    clock: Arc<AtomicI64>,
    clouds: Clouds,
    collector: Box<dyn Collector>,
}

/// A whole minute of the present: before the first window the SDK's clock signs.
fn this_mark() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now / 60 * 60_000).unwrap()
}

/// Settings for an endpoint; `extra` are more lines of them. Simulators that were not optimised take their time.
fn settings(endpoint: &str, key: &AwsKey, extra: &str) -> String {
    let AwsKey { access_key_id, .. } = key;
    let regions = if extra.contains("regions:") { "" } else { "regions: [us-east-1, eu-west-1]\n" };
    let timeout = if extra.contains("timeout:") { "" } else { "timeout: 60s\n" };
    format!(
        "{regions}{timeout}endpoint_url: \"{endpoint}\"\n\
         credentials: {{source: static, access_key_id: {access_key_id}, secret_access_key: \"${{env:SECRET}}\"}}\n{extra}"
    )
}

fn build(settings: &str, secret: &str, clouds: &Clouds) -> Box<dyn Collector> {
    let indented: String = settings.lines().map(|line| format!("  {line}\n")).collect();
    let read = super::KIND.read(&format!("settings:\n{indented}"), &[Step::Key("settings")]);
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let context = SourceContext {
        name: "aws",
        interval: MINUTE,
        egress: &egress,
        secrets: &Known(secret.to_owned()),
        base_dir: Path::new("/nonexistent"),
        clouds,
    };
    read.unwrap().build(context).unwrap()
}

fn clouds() -> Clouds {
    let clouds = Clouds { mappings: Arc::new(NativeMappings::builtin()), ..Clouds::default() };
    clouds.in_use.set(BTreeSet::from(["system.cpu.utilization".to_owned()]));
    clouds
}

async fn simulate(scenario: &str) -> (Running, Arc<AtomicI64>) {
    let origin = this_mark();
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
        let (aws, clock) = simulate(scenario).await;
        let clouds = clouds();
        let reader = aws.aws_credentials.reader.clone();
        let text = settings(aws.aws_url.as_str(), &reader, extra);
        let collector = build(&text, &reader.secret_access_key, &clouds);
        collector.parts().await.unwrap();
        Self { aws, clock, clouds, collector }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.load(Ordering::Relaxed))
    }

    fn pass(&self, duration: Duration) {
        self.clock.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::Relaxed);
    }

    async fn try_collect(&self, name: &str) -> Result<Collected, CollectError> {
        let part = Part { key: key(name), interval: None };
        let window = Window { start: self.now().minus(MINUTE), end: self.now() };
        self.collector.collect(&part, window).await
    }

    async fn collect(&self, name: &str) -> Collected {
        self.try_collect(name).await.unwrap()
    }

    fn align(&self, collected: &Collected) -> Aligned {
        self.clouds.mappings.align(&"aws".into(), &collected.measurements)
    }

    /// How often an operation was asked of the simulators.
    fn asked(&self, operation: &str) -> usize {
        self.aws.requests().count(isobar_simulators::Provider::Aws, operation)
    }
}

fn key(name: &str) -> Arc<str> {
    format!("{AWS_ACCOUNT}/{name}").into()
}

/// The canonical value of a resource at a time.
fn value(aligned: &Aligned, metric: &str, resource: &ResourceId, at: Timestamp) -> Option<f64> {
    let samples = aligned.runs.iter().flat_map(|run| &run.samples);
    let mut of_metric = samples.filter(|sample| {
        sample.labels.name() == Some(metric) && sample.labels.get("resource_id") == Some(resource.as_str())
    });
    of_metric.find(|sample| sample.at == at).map(|sample| sample.value)
}
