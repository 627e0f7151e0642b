//! Alarms that providers raise themselves, as alerts: what a look at them changes.
//!
//! Only what is on is remembered. An alarm that is known and not told of any more is over when the look was complete; one
//! that failed, or was not complete, says nothing about what it does not name.

mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use isobar_normalizer::{AlarmReport, FailureDomain, Labels, NativeAlarm, NativeState, Timestamp};

pub use table::NativeTable;

use crate::alert::{Alert, AlertState, NativeReport, Watched};
use crate::evaluate::ResourceLookup;
use crate::event::Transition;
use crate::policy::{ALERT_NAME, RESOURCE_ID, SOURCE};

/// The label that holds the provider's identity of an alarm.
const NATIVE_ID: &str = "native_id";

/// Alarms that may be on at once: a hundred times a bad day of a large estate. More are counted and not taken.
const ALARMS_MAX: usize = 100_000;

/// Whose alarms a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmOrigin {
    /// The configured source.
    pub source: String,
    /// Its kind, whose words severities are read in.
    pub kind: String,
    /// The part of the source that was looked at.
    pub part: String,
}

/// The alarms that are on, by source and the provider's id.
#[derive(Clone, Debug, Default)]
pub(crate) struct NativeAlarms {
    on: BTreeMap<(String, String), Alert>,
    table: NativeTable,
}

impl NativeAlarms {
    /// Reads classes and severities from another table from now on; what is on changes with the next report.
    pub(crate) fn set_table(&mut self, table: NativeTable) {
        self.table = table;
    }

    /// Takes up the alert of an alarm as the journal has it; what is over is not remembered.
    pub(crate) fn restore(&mut self, alert: &Alert) {
        if let Some(alarm) = alert.native.first().filter(|_| alert.state.is_open()) {
            self.on.insert((alarm.source.clone(), alarm.id.clone()), alert.clone());
        }
    }

    /// Takes in a look at a part's alarms.
    pub(crate) fn report(
        &mut self,
        origin: &AlarmOrigin,
        report: &AlarmReport,
        resource: impl Fn(&str) -> ResourceLookup,
        now: Timestamp,
    ) -> Vec<Transition> {
        let mut alarms: BTreeMap<&str, &NativeAlarm> = BTreeMap::new();
        for alarm in &report.alarms {
            // Each comes once; where a provider repeats itself, the worse counts.
            let known = alarms.entry(&alarm.id).or_insert(alarm);
            if alarm.state < known.state {
                *known = alarm;
            }
        }
        let mut transitions = Vec::new();
        for alarm in alarms.values() {
            let lookup = alarm.resource.as_ref().map_or(ResourceLookup::Unknown, |id| resource(id.as_str()));
            transitions.extend(self.see(origin, alarm, lookup, now));
        }
        if report.is_complete {
            let is_deleted = |alarm: &NativeReport| {
                alarm.source == origin.source
                    && alarm.part == origin.part
                    && !alarms.contains_key(alarm.id.as_str())
            };
            transitions.extend(self.end_those(is_deleted, "alarm_deleted", now));
        }
        transitions
    }

    fn see(
        &mut self,
        origin: &AlarmOrigin,
        alarm: &NativeAlarm,
        resource: ResourceLookup,
        now: Timestamp,
    ) -> Option<Transition> {
        let key = (origin.source.clone(), alarm.id.clone());
        let known = self.on.get(&key);
        if let ResourceLookup::Gone(since) = resource {
            // Providers go on reporting alarms of what was terminated.
            let ended = over(known?, "resource_gone", since, now);
            self.on.remove(&key);
            return Some(ended);
        }
        match (known, alarm.state) {
            (None, NativeState::Unknown | NativeState::Ok) => None,
            (None, NativeState::Firing) if self.on.len() >= ALARMS_MAX => {
                metrics::counter!("isobar_native_alarms_dropped_total").increment(1);
                None
            }
            (None, NativeState::Firing) => {
                let alert = self.fired(origin, alarm, &resource, now);
                let reason = said(alarm, "the provider says that it fires");
                self.on.insert(key, alert.clone());
                Some(Transition { from: None, reason, decided_at: now, alert })
            }
            (Some(known), NativeState::Ok) => {
                let mut ended =
                    over(known, &said(alarm, "the provider says that it is over"), alarm.since, now);
                ended.alert.native = vec![self.told(origin, alarm, now)];
                self.on.remove(&key);
                Some(ended)
            }
            (Some(known), NativeState::Firing | NativeState::Unknown) => {
                let told = self.told(origin, alarm, now);
                let reason = change(&known.native[0], &told)?;
                let mut alert = known.clone();
                alert.severity = told.severity;
                alert.annotations = annotations(alarm);
                alert.native = vec![told];
                alert.updated_at = alert.updated_at.max(now);
                self.on.insert(key, alert.clone());
                Some(Transition { from: Some(AlertState::Firing), reason, decided_at: now, alert })
            }
        }
    }

    /// Ends the alarms of sources outside this set.
    pub(crate) fn retain_sources(&mut self, sources: &BTreeSet<String>, now: Timestamp) -> Vec<Transition> {
        self.end_those(|alarm| !sources.contains(&alarm.source), "source_removed", now)
    }

    /// Ends the alarms of a source that other parts than these reported: the account or region is not read any more.
    pub(crate) fn retain_parts(
        &mut self,
        source: &str,
        parts: &BTreeSet<String>,
        now: Timestamp,
    ) -> Vec<Transition> {
        self.end_those(|alarm| alarm.source == source && !parts.contains(&alarm.part), "source_removed", now)
    }

    /// Ends the alarms of resources that have left the inventory.
    pub(crate) fn end_gone(
        &mut self,
        resource: impl Fn(&str) -> ResourceLookup,
        now: Timestamp,
    ) -> Vec<Transition> {
        let mut ended = Vec::new();
        self.on.retain(|_, alert| match alert.resource().map(&resource) {
            Some(ResourceLookup::Gone(since)) => {
                ended.push(over(alert, "resource_gone", since, now));
                false
            }
            _ => true,
        });
        ended
    }

    fn end_those(
        &mut self,
        is_over: impl Fn(&NativeReport) -> bool,
        reason: &str,
        now: Timestamp,
    ) -> Vec<Transition> {
        let mut ended = Vec::new();
        self.on.retain(|_, alert| {
            let ends = alert.native.first().is_none_or(&is_over);
            if ends {
                ended.push(over(alert, reason, now, now));
            }
            !ends
        });
        ended
    }

    fn fired(
        &self,
        origin: &AlarmOrigin,
        alarm: &NativeAlarm,
        resource: &ResourceLookup,
        now: Timestamp,
    ) -> Alert {
        let identity = identity(origin, alarm);
        let told = self.told(origin, alarm, now);
        let resource_id = identity.get(RESOURCE_ID);
        Alert {
            described: described(alarm, resource, &identity),
            annotations: annotations(alarm),
            state: AlertState::Firing,
            severity: told.severity,
            class: self.table.class(alarm),
            failure_domain: FailureDomain::Resource,
            sources: BTreeSet::from([origin.source.clone()]),
            verified: true,
            value: None,
            starts_at: told.since,
            fired_at: Some(told.since),
            ends_at: None,
            updated_at: told.since,
            watched: Watched {
                metric: alarm.metric.clone(),
                threshold: None,
                expression: alarm
                    .metric
                    .as_ref()
                    .zip(resource_id)
                    .map(|(metric, id)| format!("{{{metric:?}, {RESOURCE_ID}={id:?}}}")),
            },
            native: vec![told],
            members: Vec::new(),
            pushed: None,
            identity,
        }
    }

    fn told(&self, origin: &AlarmOrigin, alarm: &NativeAlarm, now: Timestamp) -> NativeReport {
        NativeReport {
            source: origin.source.clone(),
            part: origin.part.clone(),
            id: alarm.id.clone(),
            name: alarm.name.clone(),
            state: alarm.state,
            severity: self.table.severity(&origin.kind, alarm),
            source_severity: alarm.source_severity.clone(),
            // The provider's clock may be ahead of ours.
            since: alarm.since.min(now),
            is_muted: alarm.is_muted,
            acknowledged_by: alarm.acknowledged_by.clone(),
            url: alarm.url.clone(),
        }
    }
}

/// What of an alarm is worth telling, in words; `None` when it was told already.
fn change(known: &NativeReport, told: &NativeReport) -> Option<String> {
    let words = [
        (known.state != told.state).then(|| match told.state {
            NativeState::Unknown => "the provider cannot tell any more".to_owned(),
            NativeState::Firing | NativeState::Ok => "the provider says again that it fires".to_owned(),
        }),
        (known.severity != told.severity)
            .then(|| format!("severity {}, was {}", told.severity, known.severity)),
        (known.is_muted != told.is_muted).then(|| match told.is_muted {
            true => "the provider holds its notifications back".to_owned(),
            false => "the provider notifies of it again".to_owned(),
        }),
        (known.acknowledged_by != told.acknowledged_by).then(|| match told.acknowledged_by.as_str() {
            "" => "nobody has it at the provider any more".to_owned(),
            who => format!("acknowledged at the provider by {who}"),
        }),
        // It is read by another part now; whose complete look ends it must be known after a restart too.
        (known.part != told.part).then(|| format!("reported by {} now", told.part)),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The end of what is on, in event time `at`.
fn over(alert: &Alert, reason: &str, at: Timestamp, now: Timestamp) -> Transition {
    let mut ended = alert.clone();
    ended.state = AlertState::Resolved;
    ended.updated_at = at.min(now).max(alert.updated_at);
    ended.ends_at = Some(ended.updated_at);
    Transition { from: Some(alert.state), reason: reason.to_owned(), decided_at: now, alert: ended }
}

fn identity(origin: &AlarmOrigin, alarm: &NativeAlarm) -> Labels {
    let name = if alarm.name.is_empty() { &alarm.id } else { &alarm.name };
    let mut identity = Labels::empty().edit();
    identity.set(ALERT_NAME, name).set(SOURCE, &origin.source).set(NATIVE_ID, &alarm.id);
    if let Some(resource) = &alarm.resource {
        identity.set(RESOURCE_ID, resource.as_str());
    }
    identity.build()
}

/// What the alarm says of itself, then what its resource's id says, then what the inventory does.
fn described(alarm: &NativeAlarm, resource: &ResourceLookup, identity: &Labels) -> Labels {
    let mut described = Labels::empty().edit();
    for (name, value) in &alarm.labels {
        described.set(name, value);
    }
    if let Some(id) = &alarm.resource {
        let (provider, account, region, kind, _) = id.parts();
        described.set("cloud_provider", provider.as_str()).set("cloud_account_id", account);
        described.set("cloud_region", region).set("resource_type", kind);
    }
    if let ResourceLookup::Known(labels) = resource {
        for (name, value) in labels.iter() {
            described.set(name, value);
        }
    }
    for (name, _) in identity.iter() {
        described.remove(name);
    }
    described.build()
}

fn annotations(alarm: &NativeAlarm) -> BTreeMap<String, String> {
    let summary = if alarm.reason.is_empty() {
        alarm.name.clone()
    } else {
        format!("{}: {}", alarm.name, alarm.reason)
    };
    let mut annotations = BTreeMap::from([("summary".to_owned(), summary)]);
    if !alarm.url.is_empty() {
        annotations.insert("console_url".to_owned(), alarm.url.clone());
    }
    annotations
}

fn said(alarm: &NativeAlarm, otherwise: &str) -> String {
    if alarm.reason.is_empty() { otherwise.to_owned() } else { alarm.reason.clone() }
}
