//! The alert rules the owner of the estate has set.

use super::super::grain::{HOUR, MINUTE};
use super::super::sample::{Aggregation, Average, Total};
use super::Episode;
use crate::estate::Millis;

/// A rule: a metric of every resource of a kind against a threshold.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) aggregation: Aggregation,
    pub(crate) window: Millis,
    pub(crate) threshold: f64,
    /// `Metric`, or what else raises alerts.
    pub(crate) signal: &'static str,
    pub(crate) service: &'static str,
}

const fn metric_rule(
    name: &'static str,
    severity: &'static str,
    kind: &'static str,
    metric: &'static str,
    aggregation: Aggregation,
    threshold: f64,
) -> Rule {
    Rule {
        name,
        description: "",
        severity,
        kind,
        metric,
        aggregation,
        window: 5 * MINUTE,
        threshold,
        signal: "Metric",
        service: "Platform",
    }
}

/// Rules on metrics.
pub(super) const RULES: [Rule; 7] = [
    metric_rule("vm-cpu-high", "Sev1", "Microsoft.Compute/virtualMachines", "Percentage CPU", Average, 90.0),
    metric_rule("sql-cpu-high", "Sev2", "Microsoft.Sql/servers/databases", "cpu_percent", Average, 85.0),
    metric_rule("redis-load-high", "Sev2", "Microsoft.Cache/Redis", "allserverLoad", Average, 85.0),
    metric_rule(
        "gateway-failed-requests",
        "Sev0",
        "Microsoft.Network/applicationGateways",
        "FailedRequests",
        Total,
        2_000.0,
    ),
    metric_rule(
        "gateway-slow",
        "Sev2",
        "Microsoft.Network/applicationGateways",
        "ApplicationGatewayTotalTime",
        Average,
        400.0,
    ),
    metric_rule("function-errors", "Sev2", "Microsoft.Web/sites", "Http5xx", Total, 300.0),
    metric_rule("queue-long", "Sev3", "Microsoft.ServiceBus/namespaces", "ActiveMessages", Average, 600.0),
];

/// An alert of the activity log: such alerts are never resolved, whatever happens.
/// Source: azure-monitor-docs, articles/azure-monitor/alerts/alerts-overview.md, "Alerts and state".
const ACTIVITY: Rule = Rule {
    name: "network-rule-changed",
    description: "Someone changed a network security group",
    severity: "Sev4",
    kind: "",
    metric: "",
    aggregation: Average,
    window: 0,
    threshold: 0.0,
    signal: "Activity Log",
    service: "Activity Log - Administrative",
};

/// The rule of an episode.
pub(super) fn rule(index: usize) -> &'static Rule {
    RULES.get(index).unwrap_or(&ACTIVITY)
}

/// Alerts that are not of metrics.
pub(super) fn standing(origin: Millis) -> impl Iterator<Item = Episode> {
    let fired = origin - 5 * HOUR;
    std::iter::once(Episode { rule: RULES.len(), resource: None, fired, value: 0.0, resolved: None })
}
