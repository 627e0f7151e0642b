//! The simulators as a configuration names them.

use isobar_simulators::{AWS_REGIONS, AZURE_SUBSCRIPTION, Running};
use serde_json::{Value, json};

/// A credential of the simulators, which opens nothing else.
pub struct Secret {
    /// The environment variable it usually comes in.
    pub variable: &'static str,
    /// What it is.
    pub value: String,
}

/// What listens where.
pub fn places(running: &Running) -> Vec<(&'static str, String)> {
    let targets = running.prometheus_targets.len();
    let exporters =
        running.prometheus_targets.first().map(|first| format!("{first} and {} more", targets - 1));
    vec![
        ("AWS, every service", running.aws_url.to_string()),
        ("AWS, access key", running.aws_credentials.reader.access_key_id.clone()),
        ("AWS, a role to assume", running.aws_credentials.role_arn.clone()),
        ("AWS, TLS nobody can trust", running.untrusted_tls_url.to_string()),
        ("Azure, tokens", running.azure_token_url.to_string()),
        ("Azure Resource Manager", running.azure_arm_url.to_string()),
        ("Azure metrics, /{region}", running.azure_metrics_url.to_string()),
        ("node_exporter", exporters.unwrap_or_default()),
        ("PagerDuty events", running.pagerduty_url.to_string()),
        ("webhooks", running.webhook_url.to_string()),
        ("failovers, signed", running.failover_url.to_string()),
        ("mail", running.smtp_addr.to_string()),
    ]
}

/// Everything that would have to be secret elsewhere.
pub fn secrets(running: &Running) -> Vec<Secret> {
    let secret = |variable, value: &str| Secret { variable, value: value.to_owned() };
    vec![
        secret("AWS_SECRET_ACCESS_KEY", &running.aws_credentials.reader.secret_access_key),
        secret("AZURE_CLIENT_SECRET", &running.azure_credentials.reader.client_secret),
        secret("FAILOVER_SECRET", &running.failover_secret),
    ]
}

/// The `sources:` of a configuration. `reference` makes a reference of a secret's variable; `targets` says where the pages of
/// node_exporter are, as a key of the settings.
pub fn yaml(running: &Running, reference: impl Fn(&str) -> String, targets: &str) -> String {
    format!(
        "\
sources:
  - name: aws
    kind: cloudwatch
    interval: 60s
    settings:
      regions: [{regions}]
      endpoint_url: {aws}
      credentials: {{source: static, access_key_id: {key}, secret_access_key: \"{aws_secret}\"}}
  - name: azure
    kind: azure_monitor
    interval: 60s
    settings:
      tenant_id: {tenant}
      client_id: {client}
      client_secret: \"{azure_secret}\"
      subscriptions: [{AZURE_SUBSCRIPTION}]
      endpoints: {{authority: \"{token}\", arm: \"{arm}\", metrics: \"{metrics}{{region}}\"}}
      allow_http: true
  - name: onprem
    kind: prometheus
    interval: 5s
    settings:
      {targets}
",
        regions = AWS_REGIONS.join(", "),
        aws = running.aws_url,
        key = running.aws_credentials.reader.access_key_id,
        aws_secret = reference("AWS_SECRET_ACCESS_KEY"),
        tenant = running.azure_credentials.tenant_id,
        client = running.azure_credentials.reader.client_id,
        azure_secret = reference("AZURE_CLIENT_SECRET"),
        token = running.azure_token_url,
        arm = running.azure_arm_url,
        metrics = running.azure_metrics_url,
    )
}

/// The pages of node_exporter in the settings themselves.
pub fn listed_targets(running: &Running) -> String {
    let targets: Vec<String> =
        running.prometheus_targets.iter().map(|url| format!("{:?}", url.as_str())).collect();
    format!("targets: [{}]", targets.join(", "))
}

/// The same pages as Prometheus' file_sd, each with the service its machine belongs to.
pub fn target_file(running: &Running) -> Value {
    // The pages come in the order of the machines that have one.
    let machines = running.estate.machines().iter().filter(|machine| machine.node_exporter);
    let groups = machines.zip(&running.prometheus_targets).map(|(machine, url)| {
        let address = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(80));
        json!({"targets": [address], "labels": {"service": machine.identity.service}})
    });
    groups.collect()
}
