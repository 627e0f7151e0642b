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
        // What somebody sent under that name is not ours.
        let is_ours =
            |alert: &&Alert| alert.state.is_open() && is_voice(alert.name()) && alert.pushed.is_none();
        let on = alerts.into_iter().filter(is_ours);
        Self { on: on.map(|alert| (alert.identity.clone(), alert.clone())).collect() }
    }

    /// Brings the alerts in line with the outages that stand: one that has none gets it, for it speaks for others that are
    /// not told, and the alert of one that does not stand ends. They differ when an earlier process stopped between the two.
    pub fn catch_up(&mut self, standing: &[Verdict], now: Timestamp) -> Vec<Transition> {
        let identities: BTreeSet<Labels> = standing.iter().map(Verdict::identity).collect();
        let orphans: Vec<Labels> = self.on.keys().filter(|one| !identities.contains(*one)).cloned().collect();
        let mut told: Vec<Transition> = orphans
            .iter()
            .filter_map(|identity| self.on.remove(identity))
            .map(|alert| over(alert, now, "the outage is over", now))
            .collect();
        let voiceless = standing.iter().filter(|verdict| !self.on.contains_key(&verdict.identity()));
        let voiceless: Vec<&Verdict> = voiceless.collect();
        told.extend(voiceless.into_iter().filter_map(|verdict| self.tell(verdict, now)));
        told
    }

    /// Says what a verdict makes of its alert.
    pub fn tell(&mut self, verdict: &Verdict, now: Timestamp) -> Option<Transition> {
        let identity = verdict.identity();
        let before = self.on.remove(&identity);
        if let Some(ended_at) = verdict.ended_at {
            let reason = verdict.against.first().map_or("the outage is over", String::as_str);
            return Some(over(before?, ended_at, reason, now));
        }
        let from = before.as_ref().map(|alert| alert.state);
        let alert = alert(verdict, before.as_ref(), now);
        self.on.insert(identity, alert.clone());
        Some(Transition { from, reason: verdict.evidence(), decided_at: now, alert })
    }
}

fn over(mut alert: Alert, ended_at: Timestamp, reason: &str, now: Timestamp) -> Transition {
    let from = Some(alert.state);
    alert.state = AlertState::Resolved;
    alert.ends_at = Some(ended_at);
    alert.updated_at = now;
    Transition { from, reason: reason.to_owned(), decided_at: now, alert }
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
