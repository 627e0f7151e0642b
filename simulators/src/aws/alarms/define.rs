//! Which alarms the owner of the estate has set.

use super::{Alarm, Condition, Missing, Operator, Watches};
use crate::aws::catalogue::{Catalogue, DAY, MINUTE, Series};
use crate::aws::statistic::Statistic;
use crate::estate::{AWS_ACCOUNT, AWS_REGIONS, Estate, Identity, Millis};

/// One alarm on every series of a metric.
struct Rule {
    namespace: &'static str,
    metric: &'static str,
    /// What its name ends with.
    suffix: &'static str,
    severity: &'static str,
    statistic: &'static str,
    /// The shortest period; a series of longer ones is watched by its own.
    period: Millis,
    periods: usize,
    to_alarm: usize,
    operator: Operator,
    threshold: f64,
    missing: Missing,
}

const FIVE: Millis = 5 * MINUTE;

const fn rule(namespace: &'static str, metric: &'static str, suffix: &'static str) -> Rule {
    Rule {
        namespace,
        metric,
        suffix,
        severity: "warning",
        statistic: "Average",
        period: MINUTE,
        periods: 3,
        to_alarm: 3,
        operator: Operator::Greater,
        threshold: 0.0,
        missing: Missing::Absent,
    }
}

const RULES: [Rule; 16] = [
    Rule {
        severity: "critical",
        periods: 5,
        to_alarm: 3,
        threshold: 90.0,
        ..rule("AWS/EC2", "CPUUtilization", "cpu-high")
    },
    Rule {
        severity: "critical",
        statistic: "Maximum",
        periods: 2,
        to_alarm: 2,
        operator: Operator::GreaterOrEqual,
        threshold: 1.0,
        ..rule("AWS/EC2", "StatusCheckFailed", "status-check")
    },
    Rule { periods: 1, to_alarm: 1, threshold: 0.7, ..rule("AWS/EBS", "VolumeQueueLength", "queue-long") },
    Rule { threshold: 85.0, ..rule("AWS/RDS", "CPUUtilization", "cpu-high") },
    Rule { threshold: 680.0, ..rule("AWS/RDS", "DatabaseConnections", "connections-high") },
    Rule {
        severity: "critical",
        statistic: "Minimum",
        period: FIVE,
        periods: 1,
        to_alarm: 1,
        operator: Operator::Less,
        threshold: 10e9,
        ..rule("AWS/RDS", "FreeStorageSpace", "storage-low")
    },
    Rule { statistic: "Maximum", threshold: 60.0, ..rule("AWS/RDS", "ReplicaLag", "replica-late") },
    Rule {
        severity: "critical",
        statistic: "Sum",
        threshold: 400.0,
        missing: Missing::NotBreaching,
        ..rule("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "5xx")
    },
    Rule { threshold: 0.4, ..rule("AWS/ApplicationELB", "TargetResponseTime", "slow") },
    Rule {
        statistic: "Maximum",
        operator: Operator::GreaterOrEqual,
        threshold: 1.0,
        ..rule("AWS/ApplicationELB", "UnHealthyHostCount", "unhealthy-hosts")
    },
    Rule {
        statistic: "Maximum",
        threshold: 300.0,
        ..rule("AWS/SQS", "ApproximateAgeOfOldestMessage", "messages-old")
    },
    Rule {
        statistic: "Sum",
        threshold: 60.0,
        missing: Missing::NotBreaching,
        ..rule("AWS/Lambda", "Errors", "errors")
    },
    Rule { threshold: 85.0, ..rule("AWS/ElastiCache", "EngineCPUUtilization", "cpu-high") },
    Rule { statistic: "Sum", threshold: 400.0, ..rule("AWS/ElastiCache", "Evictions", "evictions") },
    Rule {
        statistic: "Sum",
        period: FIVE,
        periods: 1,
        to_alarm: 1,
        threshold: 5.0,
        ..rule("AWS/NATGateway", "ErrorPortAllocation", "no-ports")
    },
    Rule {
        statistic: "Sum",
        threshold: 60.0,
        missing: Missing::Breaching,
        operator: Operator::Less,
        ..rule("AWS/ApplicationELB", "RequestCount", "no-traffic")
    },
];

/// What a series is about: its owner is named by its dimensions.
fn owner<'a>(estate: &'a Estate, series: &Series) -> Option<&'a Identity> {
    estate.identities().find(|who| {
        who.place.region() == series.region
            && series.dimensions.iter().any(|(_, value)| who.place.native_id() == Some(value))
    })
}

pub(super) fn all(estate: &Estate, catalogue: &Catalogue) -> Vec<Alarm> {
    let configured = estate.origin() - 20 * DAY;
    let mut alarms = Vec::new();
    for (index, series) in catalogue.series.iter().enumerate() {
        let fits = |rule: &&Rule| rule.namespace == series.namespace && rule.metric == series.name;
        for rule in RULES.iter().filter(fits) {
            let Some(who) = owner(estate, series) else { continue };
            let applies = rule.metric != "ReplicaLag" || who.name.ends_with("replica");
            if applies {
                alarms.push(on_metric(rule, index, series, who, configured));
            }
        }
    }
    for region in AWS_REGIONS {
        let parts = |ends: &[&str]| -> Vec<usize> {
            let mine = alarms.iter().enumerate().filter(|(_, alarm)| alarm.region == region);
            mine.filter(|(_, alarm)| ends.iter().any(|end| alarm.name.ends_with(end)))
                .map(|(i, _)| i)
                .collect()
        };
        let checkout = Watches::Any(parts(&["checkout-alb-5xx", "checkout-alb-slow"]));
        let fleet = Watches::Fleet(parts(&["-status-check"]));
        alarms.push(over_others(
            "checkout-degraded",
            "Checkout answers badly.",
            region,
            checkout,
            configured,
        ));
        alarms.push(over_others(
            "fleet-checks",
            "Some instance fails its checks.",
            region,
            fleet,
            configured,
        ));
    }
    alarms
}

fn on_metric(rule: &Rule, index: usize, series: &Series, who: &Identity, configured: Millis) -> Alarm {
    let region = series.region;
    let basic = series.cadence > MINUTE;
    let condition = Condition {
        series: index,
        statistic_name: rule.statistic,
        statistic: Statistic::parse(rule.statistic).expect("the rules name statistics there are"),
        period: rule.period.max(series.cadence),
        // Of five-minute periods two are as long as one waits.
        periods: if basic { rule.periods.min(2) } else { rule.periods },
        to_alarm: if basic { rule.to_alarm.min(2) } else { rule.to_alarm },
        threshold: rule.threshold,
        operator: rule.operator,
        missing: rule.missing,
    };
    let name = format!("{}-{}", who.name, rule.suffix);
    Alarm {
        arn: arn(region, &name),
        description: format!("{} of {}", rule.metric, who.name),
        topic: format!("arn:aws:sns:{region}:{AWS_ACCOUNT}:alarms"),
        tags: tags(rule.severity, who.service),
        region,
        configured,
        watches: Watches::Metric(condition),
        name,
    }
}

fn over_others(
    name: &str,
    description: &str,
    region: &'static str,
    watches: Watches,
    configured: Millis,
) -> Alarm {
    let service = if matches!(watches, Watches::Any(_)) { "checkout" } else { "platform" };
    Alarm {
        arn: arn(region, name),
        description: description.to_owned(),
        topic: format!("arn:aws:sns:{region}:{AWS_ACCOUNT}:alarms"),
        tags: tags("critical", service),
        region,
        configured,
        watches,
        name: name.to_owned(),
    }
}

fn arn(region: &str, name: &str) -> String {
    format!("arn:aws:cloudwatch:{region}:{AWS_ACCOUNT}:alarm:{name}")
}

fn tags(severity: &str, service: &str) -> Vec<(String, String)> {
    vec![("service".to_owned(), service.to_owned()), ("severity".to_owned(), severity.to_owned())]
}
