//! The alert that speaks for an outage.

use std::collections::{BTreeMap, BTreeSet};

use isobar_normalizer::{AlertClass, FailureDomain, Labels, Severity, Timestamp};

use super::{Cause, Verdict, is_voice};
use crate::alert::{Alert, AlertState, Watched};
use crate::event::Transition;

/// The alerts of outages that are on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutageAlerts {
    on: BTreeMap<Labels, Alert>,
}

impl OutageAlerts {
    /// Takes up the alerts of an earlier process; others than those of outages are passed over.
    pub fn restored<'a>(alerts: impl IntoIterator<Item = &'a Alert>) -> Self {
        let on = alerts.into_iter().filter(|alert| alert.state.is_open() && is_voice(alert.name()));
        Self { on: on.map(|alert| (alert.identity.clone(), alert.clone())).collect() }
    }

    /// Says what a verdict makes of its alert.
    pub fn tell(&mut self, verdict: &Verdict, now: Timestamp) -> Option<Transition> {
        let identity = verdict.identity();
        let before = self.on.remove(&identity);
        if let Some(ended_at) = verdict.ended_at {
            let mut over = before?;
            let from = Some(over.state);
            over.state = AlertState::Resolved;
            over.ends_at = Some(ended_at);
            over.updated_at = now;
            let reason = verdict.against.first().cloned().unwrap_or_else(|| "the outage is over".to_owned());
            return Some(Transition { from, reason, decided_at: now, alert: over });
        }
        let from = before.as_ref().map(|alert| alert.state);
        let alert = alert(verdict, before.as_ref(), now);
        self.on.insert(identity, alert.clone());
        Some(Transition { from, reason: verdict.evidence(), decided_at: now, alert })
    }
}

fn alert(verdict: &Verdict, before: Option<&Alert>, now: Timestamp) -> Alert {
    let mut described = Labels::empty().edit();
    described.set("outage_level", verdict.level.as_str());
    let mut domain = FailureDomain::Edge;
    if let (Cause::Provider, Some(cell)) = (verdict.cause, &verdict.cell) {
        described.set("cloud_availability_zone", cell.zone.as_deref().unwrap_or_default());
        domain = if cell.zone.is_some() { FailureDomain::Zone } else { FailureDomain::Region };
    }
    let annotations = BTreeMap::from([
        ("summary".to_owned(), format!("{}: {}", headline(verdict), verdict.evidence())),
        ("description".to_owned(), format!("What speaks against it: {}", verdict.against.join("; "))),
    ]);
    Alert {
        identity: verdict.identity(),
        described: described.build(),
        annotations,
        state: AlertState::Firing,
        severity: Severity::Critical,
        class: AlertClass::Availability,
        failure_domain: domain,
        sources: BTreeSet::from(["outage".to_owned()]),
        verified: true,
        value: None,
        starts_at: before.map_or(verdict.onset, |alert| alert.starts_at.min(verdict.onset)),
        fired_at: Some(before.and_then(|alert| alert.fired_at).unwrap_or(now)),
        ends_at: None,
        updated_at: now,
        watched: Watched::default(),
        native: Vec::new(),
        members: Vec::new(),
        pushed: None,
    }
}

fn headline(verdict: &Verdict) -> String {
    match &verdict.cell {
        Some(cell) => format!("outage of {cell} {}", verdict.level.as_str()),
        None => "our own uplink is lost".to_owned(),
    }
}
