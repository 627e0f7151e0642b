//! Simulated clouds in this process, watched by the binary as real ones would be.

use std::path::Path;
use std::sync::Arc;

use isobar_simulators::{AZURE_SUBSCRIPTION, Config, Running, Scenario, Simulators};

use super::now_ms;

/// How often clouds are collected, in seconds: as often as their metrics have a new value.
pub const INTERVAL_S: u64 = 60;

/// Clouds that run until the test ends.
pub struct Clouds {
    pub running: Running,
    seed: u64,
}

impl Clouds {
    /// Starts them with the clock on the wall: machines of checkout have been hot for nine minutes, and no region browns out
    /// for seven. Another seed has other machines.
    pub async fn start(seed: u64) -> Self {
        let listen = "127.0.0.1:0".parse().expect("an address");
        let origin = now_ms() + 60_000;
        let config = Config { seed, origin, scenario: Scenario::FirstLight, listen, clock: Arc::new(now_ms) };
        Self { running: Simulators::start(config).await.expect("loopback has free ports"), seed }
    }

    /// Writes a credential into the folder; what refers to it.
    fn secret(&self, dir: &Path, cloud: &str, secret: &str) -> String {
        let name = format!("{cloud}-{}", self.seed);
        std::fs::write(dir.join(&name), secret).expect("the folder can be written");
        format!("${{file:{name}}}")
    }

    /// An entry of `sources:` for the instances of AWS, with little of the past and no alarms of AWS' own.
    pub fn aws(&self, name: &str, dir: &Path) -> String {
        let keys = &self.running.aws_credentials.reader;
        format!(
            "
  - name: {name}
    kind: cloudwatch
    interval: {INTERVAL_S}s
    settings:
      regions: [us-east-1, eu-west-1]
      endpoint_url: {url}
      credentials: {{source: static, access_key_id: {key}, secret_access_key: \"{secret}\"}}
      namespaces: [AWS/EC2]
      alarms: {{enabled: false}}
      backfill: 15m
",
            url = self.running.aws_url,
            key = keys.access_key_id,
            secret = self.secret(dir, "aws", &keys.secret_access_key),
        )
    }

    /// The same for the virtual machines of Azure.
    pub fn azure(&self, name: &str, dir: &Path) -> String {
        let running = &self.running;
        let reader = &running.azure_credentials.reader;
        format!(
            "
  - name: {name}
    kind: azure_monitor
    interval: {INTERVAL_S}s
    settings:
      tenant_id: {tenant}
      client_id: {client}
      client_secret: \"{secret}\"
      subscriptions: [{AZURE_SUBSCRIPTION}]
      endpoints: {{authority: \"{token}\", arm: \"{arm}\", metrics: \"{metrics}{{region}}\"}}
      allow_http: true
      namespaces: [Microsoft.Compute/virtualMachines]
      alarms: {{enabled: false}}
      backfill: 15m
",
            tenant = running.azure_credentials.tenant_id,
            client = reader.client_id,
            secret = self.secret(dir, "azure", &reader.client_secret),
            token = running.azure_token_url,
            arm = running.azure_arm_url,
            metrics = running.azure_metrics_url,
        )
    }

    /// The same for the pages of machines, scraped every fifteen seconds.
    pub fn onprem(&self, name: &str) -> String {
        let targets: Vec<String> =
            self.running.prometheus_targets.iter().map(|url| format!("{:?}", url.as_str())).collect();
        format!(
            "
  - {{name: {name}, kind: prometheus, interval: 15s, settings: {{targets: [{}]}}}}
",
            targets.join(", ")
        )
    }
}
