//! What a demo is configured with: what a user would write for clouds of his own.

use std::net::SocketAddr;

use anyhow::Result;
use isobar_simulators::Running;

use super::home::Home;
use crate::simulate::{secrets, target_file, yaml};

/// The policies that ship as examples.
const POLICIES: [(&str, &str); 2] = [
    ("policies/host.yaml", include_str!("../../../examples/policies/host.yaml")),
    ("policies/services.yaml", include_str!("../../../examples/policies/services.yaml")),
];

/// A key of PagerDuty's form; its stand-in takes any.
const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";

/// Where the addresses of the machines' own pages lie.
const TARGETS: &str = "targets/machines.json";

/// Who signed the mail server's certificate.
const AUTHORITY: &str = "secrets/mail.pem";

/// What its policy proposes for each hot machine.
const RUNBOOK: &str = "take-out-of-traffic";

/// Writes the configuration, its policies and the credentials.
///
/// # Errors
/// A file cannot be written.
pub fn write(home: &Home, running: &Running, listen: SocketAddr) -> Result<()> {
    for secret in secrets(running) {
        home.write(&file_of(secret.variable), &secret.value)?;
    }
    for (name, policies) in POLICIES {
        home.write(name, &responding(policies))?;
    }
    home.write(AUTHORITY, &running.smtp_certificate)?;
    home.write(TARGETS, &serde_json::to_string_pretty(&target_file(running))?)?;
    home.write("isobar.yaml", &text(running, listen))
}

/// The policies, of which `HighCpu` names the runbook.
fn responding(policies: &str) -> String {
    let named = format!("  - name: HighCpu\n    respond: {{webhook: {RUNBOOK}, mode: propose}}\n");
    policies.replacen("  - name: HighCpu\n", &named, 1)
}

/// Where a secret lies in the folder.
fn file_of(variable: &str) -> String {
    format!("secrets/{}", variable.to_lowercase())
}

fn reference(variable: &str) -> String {
    format!("${{file:{}}}", file_of(variable))
}

fn text(running: &Running, listen: SocketAddr) -> String {
    format!(
        "\
# Written by `isobar demo`: simulated clouds, configured as real ones are.
server: {{listen: \"{listen}\"}}

# The receivers below are on this machine; without this line only public addresses are reached.
security: {{allow_private_targets: [\"127.0.0.0/8\"]}}

{sources}
policies: [policies/*.yaml]

# Proposed where a policy says so; called once a person has approved.
runbooks:
  - name: {RUNBOOK}
    description: takes the machine out of its load balancer
    webhook: {{url: \"{failover}\", secret: \"{failover_secret}\"}}

alerting:
  route:
    receiver: everybody
    # One page for what one service suffers from, whichever policy or cloud says so, on however many machines. When a provider
    # is out, it takes half a minute to see that it is not the service.
    group_by: [class, service_name]
    group_wait: 30s
    group_interval: 1m
    repeat_interval: 4h
    routes:
      # An outage is a page of its own, and does not wait.
      - matchers: ['alertname=~\"ProviderOutage|OwnUplink\"']
        group_by: [alertname, cloud_provider, cloud_region, cloud_service]
        group_wait: 0s
  receivers:
    - name: everybody
      pagerduty_configs:
        - {{routing_key: {ROUTING_KEY}, url: \"{pagerduty}\"}}
      email_configs:
        - {{to: oncall@example.com, from: isobar@example.com, smarthost: \"{smtp}\", tls_config: {{ca_file: {AUTHORITY}}}, send_resolved: true}}
      webhook_configs:
        - {{url: \"{webhook}\"}}
",
        sources = yaml(running, reference, &format!("file_sd: [{TARGETS}]")),
        pagerduty = running.pagerduty_url,
        smtp = running.smtp_addr,
        webhook = running.webhook_url,
        failover = running.failover_url,
        failover_secret = reference("FAILOVER_SECRET"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_example_policy_is_carried() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/policies");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        let names: BTreeSet<String> =
            files.map(|name| format!("policies/{}", name.to_string_lossy())).collect();
        assert_eq!(names, POLICIES.map(|(name, _)| name.to_owned()).into());
    }

    #[test]
    fn the_policy_names_the_runbook() {
        let [(_, machines), (_, services)] = POLICIES;
        let mut policies = isobar_alerting::Policies::with_runbooks([RUNBOOK.to_owned()]);
        policies.add(&responding(machines)).unwrap();
        policies.add(&responding(services)).unwrap();
        let asking = policies.into_vec().into_iter().filter(|policy| policy.respond.is_some());
        assert_eq!(asking.map(|policy| policy.name).collect::<Vec<_>>(), ["HighCpu"]);
    }
}
