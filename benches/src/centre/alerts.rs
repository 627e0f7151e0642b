//! Alerts as Prometheus sends them.

use std::ops::Range;

use anyhow::{Result, ensure};
use isobar_normalizer::Timestamp;
use serde_json::{Value, json};

use crate::remote_write::now_ms;

/// Alerts in a request. Source: prometheus `notifier.maxBatchSize`.
pub const REQUEST: usize = 64;

/// The end a sender names, unless it sends again: four times its `resend_delay` of a minute. Source: prometheus
/// `rules.AlertingRule.active`.
const ENDS_AFTER_MS: i64 = 4 * 60_000;

/// Alerts that a sender keeps firing.
#[derive(Clone, Copy, Debug)]
pub struct Alerts {
    /// Values of the label `service`, taken in turn.
    pub services: usize,
    /// When all of them began, in milliseconds.
    pub since: i64,
}

impl Alerts {
    /// Begin now.
    pub fn now(services: usize) -> Self {
        Self { services, since: now_ms() }
    }

    /// What the label `instance` of an alert says, which no other alert has.
    pub fn instance(number: usize) -> String {
        format!("host-{number}.example:9100")
    }

    /// Sends these alerts; every request must be taken. `resent` is how often each was sent before, a minute apart.
    pub async fn send(
        &self,
        client: &reqwest::Client,
        server: &str,
        numbers: Range<usize>,
        resent: i64,
    ) -> Result<()> {
        let ends_at = self.since + ENDS_AFTER_MS + resent * 60_000;
        let numbers: Vec<usize> = numbers.collect();
        for part in numbers.chunks(REQUEST) {
            let alerts: Vec<Value> = part.iter().map(|number| self.alert(*number, ends_at)).collect();
            let request = client.post(format!("{server}/api/v2/alerts")).json(&alerts);
            let response = request.send().await?;
            let status = response.status();
            ensure!(status.is_success(), "{status}: {}", response.text().await.unwrap_or_default());
        }
        Ok(())
    }

    fn alert(&self, number: usize, ends_at: i64) -> Value {
        let (service, instance) = (format!("service-{}", number % self.services), Self::instance(number));
        let at = |millis| Timestamp::from_millis(millis).to_string();
        json!({
            "labels": {
                "alertname": "HighRequestLatency", "cluster": "eu-1", "instance": instance, "job": "api",
                "service": service, "severity": if number.is_multiple_of(10) { "critical" } else { "warning" },
            },
            "annotations": {
                "description": format!("{instance} of {service} has answered in more than 500 ms for ten minutes."),
                "summary": format!("high latency on {instance}"),
            },
            "startsAt": at(self.since),
            "endsAt": at(ends_at),
            "generatorURL": "http://prometheus.example:9090/graph?g0.expr=latency_seconds+%3E+0.5&g0.tab=1",
        })
    }
}
