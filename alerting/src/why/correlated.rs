//! What an alert is part of, and whether that is told for it.

use super::WhyStep;
use crate::alert::Alert;
use crate::incident::Incidents;

/// The incident an alert is in, or was in last.
pub(super) fn step(incidents: &Incidents, alert: &Alert) -> Option<WhyStep> {
    let fingerprint = alert.fingerprint();
    let record = incidents.of(fingerprint)?;
    let member = record.members.get(&fingerprint)?;
    let title = &record.incident.title;
    let (verdict, told) = match incidents.folded_under(fingerprint).filter(|_| alert.state.is_open()) {
        Some(_) => ("held", "; the incident's own alert is told in its place while that lasts"),
        None => ("joined", ""),
    };
    Some(WhyStep {
        stage: "correlate",
        verdict,
        rule: record.incident.id.to_string(),
        at: Some(member.joined_at),
        detail: format!("{title}: {}{told}", member.reason),
    })
}
