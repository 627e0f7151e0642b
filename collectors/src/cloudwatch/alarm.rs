//! One alarm of CloudWatch as a native alarm. Pure.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_cloudwatch::types::{
    AlarmContributor, CompositeAlarm, EvaluationState, LogAlarm, MetricAlarm, MetricStat, StateValue,
};
use isobar_normalizer::{Labels, NativeAlarm, NativeMappings, NativeState, ResourceId, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::answer::millis;
use super::catalogue::{Place, mapped_resource};
use super::discovery::labels;
use super::severity::SeverityRules;

/// How much of a reason is kept, in characters.
const REASON_MAX: usize = 500;

/// What alarms are read with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) place: Place<'a>,
    pub(super) mappings: &'a NativeMappings,
    pub(super) severity: &'a SeverityRules,
    pub(super) now: Timestamp,
}

/// What all kinds of alarms have.
struct Common<'a> {
    arn: Option<&'a str>,
    name: Option<&'a str>,
    state: Option<&'a StateValue>,
    evaluation: Option<&'a EvaluationState>,
    transitioned: Option<&'a aws_sdk_cloudwatch::primitives::DateTime>,
    updated: Option<&'a aws_sdk_cloudwatch::primitives::DateTime>,
    reason: Option<&'a str>,
    description: Option<&'a str>,
    is_muted: bool,
}

/// The one metric an alarm watches.
struct Watched<'a> {
    namespace: &'a str,
    metric: &'a str,
    statistic: &'a str,
    dimensions: Labels,
    period: Option<i32>,
}

impl Reader<'_> {
    /// An alarm on metrics.
    pub(super) fn metric(&self, alarm: &MetricAlarm) -> Option<NativeAlarm> {
        let mut native = self.common(Common {
            arn: alarm.alarm_arn(),
            name: alarm.alarm_name(),
            state: alarm.state_value(),
            evaluation: alarm.evaluation_state(),
            transitioned: alarm.state_transitioned_timestamp(),
            updated: alarm.state_updated_timestamp(),
            reason: alarm.state_reason(),
            description: alarm.alarm_description(),
            is_muted: alarm.actions_enabled() == Some(false),
        })?;
        let labels = &mut native.labels;
        let mut put = |name: &str, value: Option<String>| {
            value.into_iter().for_each(|value| drop(labels.insert(name.to_owned(), value)));
        };
        put("threshold", alarm.threshold().map(|threshold| threshold.to_string()));
        put("comparison", alarm.comparison_operator().map(|operator| operator.as_str().to_owned()));
        if let Some(watched) = watched(alarm) {
            put("namespace", Some(watched.namespace.to_owned()));
            put("metric", Some(watched.metric.to_owned()));
            put("statistic", Some(watched.statistic.to_owned()));
            put("period", watched.period.map(|seconds| format!("{seconds}s")));
            native.resource =
                mapped_resource(self.place, watched.namespace, &watched.dimensions, self.mappings);
            native.metric = native.resource.as_ref().and_then(|id| self.canonical(id, &watched));
        } else {
            put("expression", expression(alarm));
            native.resource = self.only_resource(alarm);
        }
        Some(native)
    }

    /// An alarm made of other alarms: it is about no resource itself.
    pub(super) fn composite(&self, alarm: &CompositeAlarm) -> Option<NativeAlarm> {
        let mut native = self.common(Common {
            arn: alarm.alarm_arn(),
            name: alarm.alarm_name(),
            state: alarm.state_value(),
            evaluation: None,
            transitioned: alarm.state_transitioned_timestamp(),
            updated: alarm.state_updated_timestamp(),
            reason: alarm.state_reason(),
            description: alarm.alarm_description(),
            is_muted: alarm.actions_enabled() == Some(false) || alarm.actions_suppressed_by().is_some(),
        })?;
        let rule = alarm.alarm_rule().unwrap_or_default();
        native.labels.insert("rule".to_owned(), cut(rule));
        Some(native)
    }

    /// An alarm on log queries.
    pub(super) fn log(&self, alarm: &LogAlarm) -> Option<NativeAlarm> {
        let mut native = self.common(Common {
            arn: alarm.alarm_arn(),
            name: alarm.alarm_name(),
            state: alarm.state_value(),
            evaluation: alarm.evaluation_state(),
            transitioned: alarm.state_transitioned_timestamp(),
            updated: alarm.state_updated_timestamp(),
            reason: alarm.state_reason(),
            description: alarm.alarm_description(),
            is_muted: alarm.actions_enabled() == Some(false),
        })?;
        if let Some(threshold) = alarm.threshold() {
            native.labels.insert("threshold".to_owned(), threshold.to_string());
        }
        Some(native)
    }

    /// One of the series that make an alarm on many of them fire; it is an alarm of its own.
    pub(super) fn contributor(
        &self,
        alarm: &NativeAlarm,
        namespace: Option<&str>,
        contributor: &AlarmContributor,
    ) -> Option<NativeAlarm> {
        let id = contributor.contributor_id().filter(|id| !id.is_empty())?;
        let empty = HashMap::new();
        let attributes = contributor.contributor_attributes().unwrap_or(&empty);
        let mut native = alarm.clone();
        native.id = format!("{}#{id}", alarm.id);
        native.since = contributor.state_transitioned_timestamp().map_or(alarm.since, millis);
        native.reason = contributor.state_reason().map_or_else(|| alarm.reason.clone(), cut);
        let dimensions = Labels::from_pairs(attributes).ok();
        native.resource = dimensions.zip(namespace).and_then(|(dimensions, namespace)| {
            mapped_resource(self.place, namespace, &dimensions, self.mappings)
        });
        native.metric = None;
        native.labels.extend(attributes.iter().map(|(name, value)| (name.clone(), value.clone())));
        Some(native)
    }

    /// Sets the severity by the rules.
    pub(super) fn rate(&self, alarm: &mut NativeAlarm, tags: &BTreeMap<String, String>) {
        let (severity, word) = self.severity.of(&alarm.name, tags);
        (alarm.severity, alarm.source_severity) = (Some(severity), word);
    }

    fn common(&self, alarm: Common<'_>) -> Option<NativeAlarm> {
        // Without an identity nothing can be said of it twice.
        let id = alarm.arn.filter(|arn| !arn.is_empty())?.to_owned();
        let name = alarm.name.unwrap_or_default().to_owned();
        let is_broken = matches!(
            alarm.evaluation,
            Some(EvaluationState::EvaluationError | EvaluationState::EvaluationFailure)
        );
        let state = match alarm.state {
            Some(StateValue::Alarm) => NativeState::Firing,
            Some(StateValue::Ok) if !is_broken => NativeState::Ok,
            // INSUFFICIENT_DATA, and an alarm that cannot be evaluated: neither firing nor resolved.
            _ => NativeState::Unknown,
        };
        let since = alarm.transitioned.or(alarm.updated).map_or(self.now, millis);
        let url = console(&id, self.place.region, &name);
        let description = alarm.description.filter(|text| !text.is_empty());
        let labels = description.map(|text| ("description".to_owned(), cut(text))).into_iter().collect();
        let mut native = NativeAlarm {
            id,
            name,
            state,
            since,
            severity: None,
            source_severity: String::new(),
            class: None,
            resource: None,
            metric: None,
            is_muted: alarm.is_muted,
            acknowledged_by: String::new(),
            reason: cut(alarm.reason.unwrap_or_default()),
            url,
            labels,
        };
        self.rate(&mut native, &BTreeMap::new());
        Some(native)
    }

    fn canonical(&self, resource: &ResourceId, watched: &Watched<'_>) -> Option<String> {
        let Watched { namespace, metric, statistic, dimensions, .. } = watched;
        let found = self.mappings.canonical_of(resource, namespace, metric, statistic, dimensions);
        found.first().map(|metric| (*metric).to_owned())
    }

    /// The resource that all metrics of a formula are of.
    fn only_resource(&self, alarm: &MetricAlarm) -> Option<ResourceId> {
        let mut only = None;
        for stat in alarm.metrics().iter().filter_map(|query| query.metric_stat()) {
            let Watched { namespace, dimensions, .. } = of_stat(stat)?;
            let id = mapped_resource(self.place, namespace, &dimensions, self.mappings)?;
            if only.as_ref().is_some_and(|other| *other != id) {
                return None;
            }
            only = Some(id);
        }
        only
    }
}

/// Whether an alarm is on many series at once, each of which may fire: a query, not a metric.
pub(super) fn has_contributors(alarm: &MetricAlarm) -> bool {
    let is_query = |expression: &str| expression.trim_start().to_ascii_uppercase().starts_with("SELECT");
    alarm.evaluation_criteria().is_some()
        || alarm.metrics().iter().filter_map(|query| query.expression()).any(is_query)
}

/// The namespace of a query: `SELECT … FROM SCHEMA("AWS/EC2", InstanceId)` or `FROM "AWS/EC2"`.
pub(super) fn queried_namespace(alarm: &MetricAlarm) -> Option<String> {
    let expression = alarm.metrics().iter().find_map(|query| query.expression())?;
    let quoted = expression.split('"').nth(1)?;
    Some(quoted.to_owned())
}

/// The one metric of an alarm, whichever way it is written.
fn watched(alarm: &MetricAlarm) -> Option<Watched<'_>> {
    if let (Some(namespace), Some(metric)) = (alarm.namespace(), alarm.metric_name()) {
        let plain = alarm.statistic().map(|statistic| statistic.as_str());
        let statistic = plain.or_else(|| alarm.extended_statistic())?;
        let dimensions = labels(alarm.dimensions())?;
        return Some(Watched { namespace, metric, statistic, dimensions, period: alarm.period() });
    }
    match alarm.metrics() {
        [only] => of_stat(only.metric_stat()?),
        _ => None,
    }
}

fn of_stat(stat: &MetricStat) -> Option<Watched<'_>> {
    let metric = stat.metric()?;
    Some(Watched {
        namespace: metric.namespace()?,
        metric: metric.metric_name()?,
        statistic: stat.stat()?,
        dimensions: labels(metric.dimensions())?,
        period: stat.period(),
    })
}

fn expression(alarm: &MetricAlarm) -> Option<String> {
    let returned = alarm.metrics().iter().find(|query| query.return_data() != Some(false));
    returned.and_then(|query| query.expression()).map(cut)
}

/// The alarm's page in the console of its partition.
fn console(arn: &str, region: &str, name: &str) -> String {
    let host = match arn.split(':').nth(1) {
        Some("aws-cn") => "console.amazonaws.cn",
        Some("aws-us-gov") => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    format!("https://{region}.{host}/cloudwatch/home?region={region}#alarmsV2:alarm/{name}")
}

fn cut(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_MAX).collect()
}

#[cfg(test)]
mod tests;
