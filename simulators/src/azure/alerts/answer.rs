//! The operations of Alerts Management.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::error::ApiError;
use super::super::grain::{DAY, HOUR, MINUTE, parse_time, write_duration, write_ticks, write_time};
use super::super::params::{Params, invalid};
use super::{Alerts, Change, Episode};
use crate::estate::{AZURE_SUBSCRIPTION, Millis};

/// Alerts on a page, unless asked otherwise.
const PAGE: usize = 25;
/// The most alerts on a page; with their context no more than [`PAGE`].
/// Source: azure-rest-api-specs, Microsoft.AlertsManagement/preview/2019-05-05-preview/AlertsManagement.json, pageCount.
const PAGE_MAX: usize = 250;
/// Nothing older can be listed. Same page, timeRange.
const LISTED: Millis = 30 * DAY;
/// What an alert can be set to.
const STATES: [&str; 3] = ["New", "Acknowledged", "Closed"];
const SEVERITIES: [&str; 5] = ["Sev0", "Sev1", "Sev2", "Sev3", "Sev4"];
const CONDITIONS: [&str; 2] = ["Fired", "Resolved"];
/// Parameters that pick alerts.
const PICK: [&str; 11] = [
    "api-version",
    "targetresource",
    "targetresourcetype",
    "targetresourcegroup",
    "monitorservice",
    "monitorcondition",
    "severity",
    "alertstate",
    "alertrule",
    "timerange",
    "customtimerange",
];

/// One list: how it is asked, and where its pages are.
pub(crate) struct ListOf<'a> {
    pub(crate) params: &'a Params,
    /// The address without query, as the caller reached it.
    pub(crate) address: String,
    pub(crate) now: Millis,
    pub(crate) endless: bool,
}

/// An alert with what people did to it.
struct Alert<'a> {
    alerts: &'a Alerts,
    episode: Episode,
    id: String,
    changes: Vec<Change>,
}

impl Alert<'_> {
    fn state(&self) -> &'static str {
        self.changes.last().map_or("New", |change| change.to)
    }

    fn condition(&self) -> &'static str {
        if self.episode.resolved.is_some() { "Resolved" } else { "Fired" }
    }

    fn modified(&self) -> Millis {
        let changed = self.changes.last().map_or(Millis::MIN, |change| change.at);
        changed.max(self.episode.resolved.unwrap_or(self.episode.fired))
    }

    fn target(&self) -> String {
        let resource = self.alerts.resource(&self.episode);
        resource.map_or_else(|| format!("/subscriptions/{AZURE_SUBSCRIPTION}"), |it| it.id.to_lowercase())
    }

    fn target_type(&self) -> String {
        let resource = self.alerts.resource(&self.episode);
        resource.map_or_else(|| "microsoft.resources/subscriptions".to_owned(), |it| it.kind.to_lowercase())
    }

    fn group(&self) -> String {
        self.alerts.resource(&self.episode).map_or_else(String::new, |it| it.group.to_lowercase())
    }

    fn rule_id(&self) -> String {
        let name = self.alerts.rule(&self.episode).name;
        let kind = if self.episode.resource.is_some() { "metricAlerts" } else { "activityLogAlerts" };
        format!(
            "/subscriptions/{AZURE_SUBSCRIPTION}/resourceGroups/rg-platform-eastus/providers/microsoft.insights/{kind}/{name}"
        )
    }

    fn write(&self, with_context: bool) -> Value {
        let rule = self.alerts.rule(&self.episode);
        let target = self.target();
        let name = target.rsplit('/').next().unwrap_or_default().to_owned();
        let mut essentials = json!({
            "severity": rule.severity,
            "signalType": rule.signal,
            "alertState": self.state(),
            "monitorCondition": self.condition(),
            "monitorService": rule.service,
            "targetResource": target,
            "targetResourceName": name,
            "targetResourceGroup": self.group(),
            "targetResourceType": self.target_type(),
            "sourceCreatedId": self.id,
            "alertRule": self.rule_id(),
            "startDateTime": write_ticks(self.episode.fired),
            "lastModifiedDateTime": write_ticks(self.modified()),
            "lastModifiedUserName": self.changes.last().map_or("System", |change| change.by.as_str()),
            "actionStatus": {"isSuppressed": false},
            "description": rule.description,
        });
        if let Some(at) = self.episode.resolved {
            essentials["monitorConditionResolvedDateTime"] = write_ticks(at).into();
        }
        let mut properties = json!({"essentials": essentials});
        if with_context {
            properties["context"] = json!({"context": self.context(), "properties": null});
        }
        json!({
            "id": format!("{target}/providers/Microsoft.AlertsManagement/alerts/{}", self.id),
            "type": "Microsoft.AlertsManagement/alerts",
            "name": rule.name,
            "properties": properties,
        })
    }

    /// What the rule saw. The threshold is a text and the value a number: so the common alert schema has them.
    fn context(&self) -> Value {
        let rule = self.alerts.rule(&self.episode);
        if self.episode.resource.is_none() {
            return json!({
                "eventSource": "Administrative",
                "operationName": "Microsoft.Network/networkSecurityGroups/securityRules/write",
                "status": "Succeeded",
                "level": "Informational",
            });
        }
        let end = self.episode.fired;
        json!({
            "id": self.rule_id(),
            "name": rule.name,
            "timestamp": write_ticks(self.episode.fired),
            "conditionType": "SingleResourceMultipleMetricCriteria",
            "condition": {
                "windowSize": write_duration(rule.window),
                "allOf": [{
                    "metricName": rule.metric,
                    "metricNamespace": rule.kind,
                    "operator": "GreaterThan",
                    "threshold": rule.threshold.to_string(),
                    "timeAggregation": rule.aggregation.name(),
                    "dimensions": [],
                    "metricValue": self.episode.value,
                    "webTestName": null,
                }],
                "windowStartTime": write_time(end - 2 * MINUTE - rule.window),
                "windowEndTime": write_time(end - 2 * MINUTE),
            },
        })
    }
}

fn all(alerts: &Alerts, now: Millis) -> impl Iterator<Item = Alert<'_>> {
    alerts.episodes(now).into_iter().map(move |episode| {
        let id = alerts.id(&episode);
        let changes = alerts.changes(&id).into_iter().filter(|it| it.at <= now).collect();
        Alert { alerts, episode, id, changes }
    })
}

fn find<'a>(alerts: &'a Alerts, id: &str, now: Millis) -> Result<Alert<'a>, ApiError> {
    let found = all(alerts, now).find(|it| it.id.eq_ignore_ascii_case(id));
    found.ok_or_else(|| {
        ApiError::new(
            404,
            "AlertNotFound",
            format!("The alert with id '{id}' was not found in the subscription."),
        )
    })
}

/// The alerts the parameters pick under a scope, in the order they fired.
fn picked<'a>(
    alerts: &'a Alerts,
    scope: &str,
    params: &Params,
    now: Millis,
) -> Result<Vec<Alert<'a>>, ApiError> {
    let (from, to) = span(params, now)?;
    let one_of = |name: &str, known: &[&str]| match params.get(name) {
        Some(value) if !known.iter().any(|it| it.eq_ignore_ascii_case(value)) => Err(invalid(name, value)),
        _ => Ok(()),
    };
    one_of("severity", &SEVERITIES)?;
    one_of("monitorcondition", &CONDITIONS)?;
    one_of("alertstate", &STATES)?;
    let scope = scope.to_lowercase();
    let fits = |alert: &Alert<'_>| {
        let same =
            |name: &str, is: &str| params.get(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(is));
        let rule = alert.alerts.rule(&alert.episode);
        let target = alert.target();
        (target == scope || target.starts_with(&format!("{scope}/")))
            && (from..=to).contains(&alert.modified())
            && same("targetresource", &target)
            && same("targetresourcetype", &alert.target_type())
            && same("targetresourcegroup", &alert.group())
            && same("monitorservice", rule.service)
            && same("monitorcondition", alert.condition())
            && same("severity", rule.severity)
            && same("alertstate", alert.state())
            && params.get("alertrule").is_none_or(|wanted| {
                wanted.eq_ignore_ascii_case(rule.name) || wanted.eq_ignore_ascii_case(&alert.rule_id())
            })
    };
    Ok(all(alerts, now).filter(fits).collect())
}

/// The span asked for: a day, unless said otherwise, and thirty at most.
fn span(params: &Params, now: Millis) -> Result<(Millis, Millis), ApiError> {
    if let Some(text) = params.get("customtimerange") {
        let times = text.split_once('/').and_then(|(a, b)| Some((parse_time(a)?, parse_time(b)?)));
        let fits = |(from, to): &(Millis, Millis)| from < to && to - from <= LISTED && *from >= now - LISTED;
        return times.filter(fits).ok_or_else(|| invalid("customTimeRange", text));
    }
    let lasts = match params.get("timerange").map(str::to_lowercase).as_deref() {
        None | Some("1d") => DAY,
        Some("1h") => HOUR,
        Some("7d") => 7 * DAY,
        Some("30d") => LISTED,
        Some(other) => return Err(invalid("timeRange", other)),
    };
    Ok((now - lasts, now))
}

/// Answers the list under a scope, page by page.
pub(crate) fn list(alerts: &Alerts, scope: &str, of: &ListOf<'_>) -> Result<Value, ApiError> {
    let params = of.params;
    let mut known = PICK.to_vec();
    known.extend(["includecontext", "includeegressconfig", "pagecount", "sortby", "sortorder", "ctoken"]);
    params.only(&known)?;
    let with_context = params.switch("includecontext", false)?;
    let with_egress = params.switch("includeegressconfig", false)?;
    let most = if with_context { PAGE } else { PAGE_MAX };
    let size = params.number("pagecount")?.unwrap_or(PAGE);
    if !(1..=most).contains(&size) {
        return Err(invalid("pageCount", &size.to_string()));
    }
    let mut found = picked(alerts, scope, params, of.now)?;
    let key = |alert: &Alert<'_>| -> Result<String, ApiError> {
        let rule = alert.alerts.rule(&alert.episode);
        Ok(match params.get("sortby").unwrap_or("lastModifiedDateTime") {
            "lastModifiedDateTime" => write_ticks(alert.modified()),
            "startDateTime" => write_ticks(alert.episode.fired),
            "severity" => rule.severity.to_owned(),
            "alertState" => alert.state().to_owned(),
            "monitorCondition" => alert.condition().to_owned(),
            "targetResource" => alert.target(),
            "targetResourceName" => alert.target().rsplit('/').next().unwrap_or_default().to_owned(),
            "targetResourceGroup" => alert.group(),
            "targetResourceType" => alert.target_type(),
            other => return Err(invalid("sortBy", other)),
        })
    };
    let mut keyed = Vec::with_capacity(found.len());
    for alert in found.drain(..) {
        keyed.push((key(&alert)?, alert));
    }
    // Stable: alerts with the same key stay in the order they fired.
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    match params.get("sortorder").map(str::to_lowercase).as_deref() {
        None | Some("desc") => keyed.reverse(),
        Some("asc") => {}
        Some(other) => return Err(invalid("sortOrder", other)),
    }
    let begin = match params.get("ctoken") {
        None => 0,
        Some(token) => read_token(token).ok_or_else(|| invalid("ctoken", token))?,
    };
    let begin = if of.endless { 0 } else { begin.min(keyed.len()) };
    let end = (begin + size).min(keyed.len());
    let value = keyed[begin..end].iter().map(|(_, alert)| {
        let mut value = alert.write(with_context);
        if with_egress {
            value["properties"]["egressConfig"] = json!({});
        }
        value
    });
    let mut answer = json!({"value": value.collect::<Vec<_>>()});
    if of.endless || end < keyed.len() {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for name in known.iter().filter(|name| **name != "ctoken") {
            if let Some(value) = params.get(name) {
                query.append_pair(name, value);
            }
        }
        query.append_pair("ctoken", &write_token(end));
        answer["nextLink"] = format!("{}?{}", of.address, query.finish()).into();
    }
    Ok(answer)
}

fn write_token(next: usize) -> String {
    let mark = hex::encode(&Sha256::digest(next.to_le_bytes())[..6]);
    format!("+RID:{mark}==#RT:2#TRC:{next}")
}

fn read_token(token: &str) -> Option<usize> {
    let next = token.rsplit_once("#TRC:")?.1.parse().ok()?;
    (token == write_token(next)).then_some(next)
}

/// Answers with one alert, and all that is known of it.
pub(crate) fn get(alerts: &Alerts, id: &str, now: Millis) -> Result<Value, ApiError> {
    find(alerts, id, now).map(|alert| alert.write(true))
}

/// Acknowledges, closes or reopens an alert; answers with it.
pub(crate) fn change_state(
    alerts: &Alerts,
    id: &str,
    params: &Params,
    body: &[u8],
    who: &str,
    now: Millis,
) -> Result<Value, ApiError> {
    params.only(&["api-version", "newstate"])?;
    let asked = params.get("newstate").unwrap_or_default();
    let to = STATES
        .into_iter()
        .find(|it| it.eq_ignore_ascii_case(asked))
        .ok_or_else(|| invalid("newState", asked))?;
    let mut alert = find(alerts, id, now)?;
    // Clients of two generations send a text or an object, and most nothing.
    let comments = match serde_json::from_slice(body) {
        Ok(Value::String(text)) => Some(text),
        Ok(Value::Object(object)) => object.get("comments").and_then(Value::as_str).map(str::to_owned),
        _ => None,
    };
    if alert.state() == to {
        return Err(ApiError::bad(format!("The alert is already in the state '{to}'")).wrapped());
    }
    let change = Change { at: now, by: who.to_owned(), from: alert.state(), to, comments };
    if !alerts.change(&alert.id, change.clone()) {
        return Err(ApiError::internal());
    }
    alert.changes.push(change);
    Ok(alert.write(false))
}

/// Answers with what happened to an alert, newest first.
pub(crate) fn history(alerts: &Alerts, id: &str, now: Millis) -> Result<Value, ApiError> {
    let alert = find(alerts, id, now)?;
    let mut items = vec![(
        alert.episode.fired,
        json!({
            "modificationEvent": "AlertCreated",
            "oldValue": "",
            "newValue": "",
            "modifiedBy": "System",
            "comments": "",
            "description": "A new alert was created.",
        }),
    )];
    items.extend(alert.changes.iter().map(|change| {
        (
            change.at,
            json!({
                "modificationEvent": "StateChange",
                "oldValue": change.from,
                "newValue": change.to,
                "modifiedBy": change.by,
                "comments": change.comments.as_deref().unwrap_or_default(),
                "description": "The state of the alert changed.",
            }),
        )
    }));
    items.extend(alert.episode.resolved.map(|at| {
        (
            at,
            json!({
                "modificationEvent": "MonitorConditionChange",
                "oldValue": "Fired",
                "newValue": "Resolved",
                "modifiedBy": "System",
                "comments": "",
                "description": "The condition the alert was raised for no longer holds.",
            }),
        )
    }));
    items.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let modifications = items.into_iter().map(|(at, mut item)| {
        item["modifiedAt"] = write_ticks(at).into();
        item
    });
    let id = format!("{}/providers/Microsoft.AlertsManagement/alerts/{}", alert.target(), alert.id);
    Ok(json!({
        "id": format!("{id}/history/default"),
        "type": "Microsoft.AlertsManagement/alerts/history",
        "name": "default",
        "properties": {"alertId": id, "modifications": modifications.collect::<Vec<_>>()},
    }))
}

/// Answers with counts: every value of every field asked for, nested in their order.
pub(crate) fn summary(alerts: &Alerts, scope: &str, params: &Params, now: Millis) -> Result<Value, ApiError> {
    let mut known = PICK.to_vec();
    known.push("groupby");
    params.only(&known)?;
    let fields = params.list("groupby");
    if fields.is_empty() {
        return Err(invalid("groupby", ""));
    }
    let found = picked(alerts, scope, params, now)?;
    let alerts: Vec<&Alert<'_>> = found.iter().collect();
    let values = counts(&fields, &alerts)?;
    Ok(json!({
        "id": format!("{scope}/providers/Microsoft.AlertsManagement/alertsSummary/current"),
        "type": "Microsoft.AlertsManagement/alertsSummary",
        "name": "current",
        "properties": {"groupedby": fields[0], "total": alerts.len(), "values": values},
    }))
}

fn counts(fields: &[&str], alerts: &[&Alert<'_>]) -> Result<Vec<Value>, ApiError> {
    let Some((field, rest)) = fields.split_first() else { return Ok(Vec::new()) };
    let value_of = |alert: &Alert<'_>| -> Result<String, ApiError> {
        let rule = alert.alerts.rule(&alert.episode);
        Ok(match *field {
            "severity" => rule.severity.to_owned(),
            "alertState" => alert.state().to_owned(),
            "monitorCondition" => alert.condition().to_owned(),
            "monitorService" => rule.service.to_owned(),
            "signalType" => rule.signal.to_owned(),
            "alertRule" => alert.rule_id(),
            other => return Err(invalid("groupby", other)),
        })
    };
    let mut names: Vec<String> = match *field {
        "severity" => SEVERITIES.map(str::to_owned).into(),
        "alertState" => STATES.map(str::to_owned).into(),
        "monitorCondition" => CONDITIONS.map(str::to_owned).into(),
        _ => Vec::new(),
    };
    let mut valued = Vec::with_capacity(alerts.len());
    for alert in alerts {
        let value = value_of(alert)?;
        if !names.contains(&value) {
            names.push(value.clone());
        }
        valued.push((value, *alert));
    }
    let items = names.into_iter().map(|name| {
        let mine: Vec<&Alert<'_>> =
            valued.iter().filter(|(value, _)| *value == name).map(|(_, alert)| *alert).collect();
        let mut item = json!({"name": name, "count": mine.len()});
        if let Some(next) = rest.first() {
            item["groupedby"] = (*next).into();
            item["values"] = counts(rest, &mine)?.into();
        }
        Ok(item)
    });
    items.collect()
}
