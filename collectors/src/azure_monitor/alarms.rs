//! Alerts of Alerts Management: what fired, what ended, who has taken it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use isobar_normalizer::{
    AlarmReport, Labels, NativeAlarm, NativeMappings, NativeState, Provider, Severity, Timestamp,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::arm::Listed;
use super::error::ApiError;
use super::estate::Estate;
use super::plan::Statistic;
use super::rest::{Rest, Round};
use super::wire::{Alert, Essentials};

/// Alerts a page with their context, the most there may be; and without it. Source: "Alerts - Get All".
const WITH_CONTEXT: &str = "25";
const WITHOUT_CONTEXT: &str = "250";
/// Pages of one look.
const PAGES_MAX: usize = 100;
/// What changed shortly before the newest change seen is read again: the list is not written in order.
const OVERLAP: Duration = Duration::from_secs(300);
/// How much of a description is kept as the reason, in characters.
const REASON_MAX: usize = 300;

/// How far the changes of a subscription's alerts were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor(Option<Timestamp>);

/// What makes an alert one of ours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    pub(super) estate: Option<&'a Estate>,
    pub(super) mappings: &'a NativeMappings,
    pub(super) severities: &'a BTreeMap<String, Severity>,
    pub(super) portal: &'a str,
}

/// What a look at the alerts brought.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) report: AlarmReport,
    pub(super) cursor: Cursor,
    pub(super) failures: Vec<String>,
}

impl Rest {
    /// Reads what changed since the cursor; at first everything of the last 30 days, which is as far back as Azure tells.
    /// What is not told of any more has not ended: the report is never complete.
    ///
    /// # Errors
    /// A page failed. Nothing is reported then, so that the next look begins where this one did.
    pub(super) async fn alerts(
        &self,
        subscription: &str,
        cursor: Cursor,
        reading: Reading<'_>,
        round: &Round<'_>,
    ) -> Result<Looked, ApiError> {
        let mut failures = Vec::new();
        let mut alerts = Vec::new();
        let looks: &[(&str, Option<&str>)] = match cursor.0 {
            Some(_) => &[("true", None)],
            // Of what ended long ago nobody asks what it was about.
            None => &[("true", Some("Fired")), ("false", Some("Resolved"))],
        };
        for (with_context, condition) in looks {
            let Listed { items, is_cut } =
                self.look(subscription, cursor, with_context, *condition, round).await?;
            alerts.extend(items);
            if is_cut {
                let what = condition.unwrap_or("changed");
                failures.push(format!(
                    "alerts of subscription {subscription}: more than {PAGES_MAX} pages of {what} alerts, the oldest are not read"
                ));
            }
        }
        let cursor = cursor.after(&alerts);
        let report = AlarmReport { alarms: reading.alarms(alerts), is_complete: false };
        Ok(Looked { report, cursor, failures })
    }

    async fn look(
        &self,
        subscription: &str,
        cursor: Cursor,
        with_context: &str,
        condition: Option<&str>,
        round: &Round<'_>,
    ) -> Result<Listed<Alert>, ApiError> {
        let path = format!("/subscriptions/{subscription}/providers/Microsoft.AlertsManagement/alerts");
        let page = if with_context == "true" { WITH_CONTEXT } else { WITHOUT_CONTEXT };
        let mut query = vec![
            ("api-version", "2019-05-05-preview"),
            ("timeRange", "30d"),
            ("sortBy", "lastModifiedDateTime"),
            ("sortOrder", "desc"),
            ("includeContext", with_context),
            ("pageCount", page),
        ];
        query.extend(condition.map(|condition| ("monitorCondition", condition)));
        let url = self.arm_url(&path, &query)?;
        let about = format!("alerts of subscription {subscription}");
        let call = self.arm_get("Alerts.List", about, subscription, url);
        self.list(call, PAGES_MAX, round, |page: &[Alert]| page.iter().any(|alert| cursor.is_past(alert)))
            .await
    }
}

impl Cursor {
    /// Whether the alert changed so long before the cursor that it, and all that follow it in a page, were seen.
    fn is_past(self, alert: &Alert) -> bool {
        let changed = time(alert.properties.essentials.last_modified_date_time.as_deref());
        self.0.zip(changed).is_some_and(|(cursor, changed)| changed < cursor.minus(OVERLAP))
    }

    fn after(self, alerts: &[Alert]) -> Self {
        let changed = |alert: &Alert| time(alert.properties.essentials.last_modified_date_time.as_deref());
        Self(alerts.iter().filter_map(changed).max().max(self.0).or(Some(Timestamp::from_millis(0))))
    }
}

impl Reading<'_> {
    /// Each alert once, as it changed last, by id.
    fn alarms(&self, alerts: Vec<Alert>) -> Vec<NativeAlarm> {
        let mut latest: HashMap<String, (Option<Timestamp>, NativeAlarm)> = HashMap::new();
        for alert in alerts {
            let changed = time(alert.properties.essentials.last_modified_date_time.as_deref());
            let Some(alarm) = self.alarm(alert) else { continue };
            match latest.get(&alarm.id) {
                Some((known, _)) if *known >= changed => {}
                _ => {
                    latest.insert(alarm.id.clone(), (changed, alarm));
                }
            }
        }
        let mut alarms: Vec<NativeAlarm> = latest.into_values().map(|(_, alarm)| alarm).collect();
        alarms.sort_by(|a, b| a.id.cmp(&b.id));
        alarms
    }

    /// `None` for what has no identity.
    fn alarm(&self, alert: Alert) -> Option<NativeAlarm> {
        let Alert { id: path, name, properties } = alert;
        let id = path.rsplit('/').next().filter(|id| !id.is_empty())?.to_lowercase();
        let Essentials {
            severity,
            signal_type,
            alert_state,
            monitor_condition,
            target_resource,
            monitor_service,
            alert_rule,
            start_date_time,
            last_modified_date_time,
            monitor_condition_resolved_date_time,
            last_modified_user_name,
            description,
            action_status,
        } = properties.essentials;
        let state = match monitor_condition.as_deref() {
            Some("Fired") => NativeState::Firing,
            Some("Resolved") => NativeState::Ok,
            _ => NativeState::Unknown,
        };
        let changed = time(last_modified_date_time.as_deref());
        let started = time(start_date_time.as_deref());
        let since = match state {
            NativeState::Ok => time(monitor_condition_resolved_date_time.as_deref()).or(changed).or(started),
            NativeState::Firing => started.or(changed),
            NativeState::Unknown => changed.or(started),
        }?;
        let condition = condition_of(&properties.context);
        let namespace = condition.and_then(|condition| text(condition, "metricNamespace"));
        let target = target_resource.unwrap_or_default();
        let item = self.estate.and_then(|estate| estate.find(&target, namespace));
        let resource = item.map(|item| item.resource.id.clone());
        let metric = item.zip(condition).and_then(|(item, condition)| {
            self.metric(&item.resource.id, namespace.unwrap_or(&item.namespace), condition)
        });
        let rule = alert_rule.unwrap_or_default();
        let mut labels = BTreeMap::new();
        let mut label = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                labels.insert(name.to_owned(), value.to_owned());
            }
        };
        label("rule", Some(&rule));
        label("target_resource", Some(&target.to_lowercase()));
        label("monitor_service", monitor_service.as_deref());
        label("signal_type", signal_type.as_deref());
        label("namespace", namespace);
        for (name, key) in [
            ("metric", "metricName"),
            ("statistic", "timeAggregation"),
            ("operator", "operator"),
            ("threshold", "threshold"),
        ] {
            let value = condition.and_then(|condition| condition.get(key));
            // Thresholds come as text and as numbers.
            let value = value.and_then(|value| {
                value.as_str().map(str::to_owned).or_else(|| value.as_f64().map(|n| n.to_string()))
            });
            label(name, value.as_deref());
        }
        let source_severity = severity.unwrap_or_default();
        Some(NativeAlarm {
            name: name_of(&rule, name),
            state,
            since,
            severity: self.severities.get(&source_severity).copied(),
            source_severity,
            class: None,
            resource,
            metric,
            is_muted: action_status.is_some_and(|status| status.is_suppressed),
            acknowledged_by: taken_by(alert_state.as_deref(), last_modified_user_name.as_deref()),
            reason: cut(&description.unwrap_or_default()),
            url: url_of(self.portal, &path),
            labels,
            id,
        })
    }

    /// The canonical metric of a condition on one metric, where one is mapped.
    fn metric(
        &self,
        resource: &isobar_normalizer::ResourceId,
        namespace: &str,
        condition: &Value,
    ) -> Option<String> {
        let (.., kind, _) = resource.parts();
        let mapping = self.mappings.get(Provider::Azure, namespace, kind)?;
        let name = text(condition, "metricName")?;
        let statistic = Statistic::read(text(condition, "timeAggregation")?)?.as_str();
        let split_by = condition.get("dimensions").and_then(Value::as_array);
        let dimensions: Vec<(&str, &str)> = split_by
            .into_iter()
            .flatten()
            .filter_map(|dimension| Some((text(dimension, "name")?, text(dimension, "value")?)))
            // Azure adds the resource itself, which is no dimension of the metric.
            .filter(|(name, _)| !is_resource(name))
            .collect();
        for wanted in mapping.wanted().into_iter().filter(|wanted| wanted.metric.eq_ignore_ascii_case(name)) {
            let value = |dimension: &String| {
                let found = dimensions.iter().find(|(name, _)| name.eq_ignore_ascii_case(dimension))?;
                Some((dimension.clone(), found.1.to_owned()))
            };
            let pairs: Option<Vec<(String, String)>> = wanted.dimensions.iter().map(value).collect();
            let Some(pairs) = pairs.filter(|pairs| pairs.len() == dimensions.len()) else { continue };
            let labels = Labels::from_pairs(pairs).ok()?;
            let found =
                self.mappings.canonical_of(resource, mapping.namespace(), &wanted.metric, statistic, &labels);
            if let Some(metric) = found.first() {
                return Some((*metric).to_owned());
            }
        }
        None
    }
}

fn is_resource(dimension: &str) -> bool {
    let dimension = dimension.to_lowercase();
    matches!(&*dimension, "resourceid" | "microsoft.resourceid" | "microsoft.resourcetype")
}

fn time(text: Option<&str>) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(text?)
}

fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// The one criterion of a metric alert. It stands in `condition.allOf`, and the context in another context; of several
/// criteria none is the metric.
fn condition_of(context: &Value) -> Option<&Value> {
    let inner = context.get("context").or_else(|| context.get("alertContext")).unwrap_or(context);
    let condition = context.get("condition").or_else(|| inner.get("condition"))?;
    match condition.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) => Some(only),
        Some(_) => None,
        // Classic alerts have the criterion itself there.
        None => condition.get("metricName").map(|_| condition),
    }
}

/// The rule's own name: rules are written as ARM ids, and by some services as addresses.
fn name_of(rule: &str, alert: String) -> String {
    let last = rule.rsplit('/').next().unwrap_or_default();
    if rule.starts_with('/') && !last.is_empty() { last.to_owned() } else { alert }
}

/// Who acknowledged or closed it: people do that, whatever the condition says.
fn taken_by(state: Option<&str>, who: Option<&str>) -> String {
    match state {
        Some("Acknowledged" | "Closed") => match who {
            Some(who) if !who.is_empty() && who != "System" => who.to_owned(),
            _ => "azure".to_owned(),
        },
        _ => String::new(),
    }
}

fn cut(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    line.chars().take(REASON_MAX).collect()
}

/// Where the portal shows the alert. Source: `investigationLink` of the common alert schema.
fn url_of(portal: &str, path: &str) -> String {
    let id = utf8_percent_encode(path, NON_ALPHANUMERIC);
    format!("https://{portal}/#view/Microsoft_Azure_Monitoring_Alerts/Investigation.ReactView/alertId/{id}")
}

#[cfg(test)]
mod tests;
