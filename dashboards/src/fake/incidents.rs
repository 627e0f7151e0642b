//! Incidents that are kept as they come.

use isobar_alerting::{
    EntryKind, Incident, IncidentRecord, IncidentState, ListedIncident, Membership, TimelineEntry,
};

use super::{Fake, NOW};
use crate::*;

/// Three incidents: an outage with two alerts, one of them over; one that somebody has; one that went to the first.
pub(crate) fn some() -> Vec<IncidentRecord> {
    let member = |id: &str, severity: &str, left_at: Option<i64>| {
        serde_json::json!({
            "fingerprint": id, "joined_at": NOW.millis(), "left_at": left_at, "reason": "same host", "severity": severity,
            "features": {"name": "Alpha", "starts_at": NOW.millis(), "class": "availability", "words": []},
        })
    };
    let outage = serde_json::json!({
        "cause": "provider", "cell": {"provider": "aws", "region": "us-east-1"}, "level": "suspected",
        "onset": NOW.millis(), "found_at": NOW.millis(), "ended_at": null, "against": ["nothing"],
        "evidence": [{"class": "breadth", "since": NOW.millis(), "detail": "9 of 10"}],
    });
    let one = |more: serde_json::Value, members: Vec<serde_json::Value>| {
        let mut incident = serde_json::json!({
            "state": "open", "severity": "error", "reason": "opened by Alpha", "starts_at": NOW.millis(), "ends_at": null,
            "updated_at": NOW.millis(),
        });
        more.as_object().unwrap().iter().for_each(|(name, value)| incident[name] = value.clone());
        serde_json::from_value(serde_json::json!({"incident": incident, "members": members})).unwrap()
    };
    vec![
        one(
            serde_json::json!({"id": "i-1", "title": "Outage of aws us-east-1", "outage": outage,
                "cell": {"provider": "aws", "region": "us-east-1", "zone": "us-east-1a"}}),
            vec![
                member("00000000000000a1", "warning", Some(NOW.millis())),
                member("00000000000000a2", "error", None),
                member("00000000000000a3", "warning", None),
            ],
        ),
        one(
            serde_json::json!({"id": "i-2", "title": "Alpha on db-1", "state": "acknowledged", "severity": "critical",
                "acknowledged_by": "mei"}),
            vec![member("00000000000000b1", "critical", None)],
        ),
        one(
            serde_json::json!({"id": "i-3", "title": "gone", "state": "resolved", "ends_at": NOW.millis(),
                "merged_into": "i-1"}),
            Vec::new(),
        ),
    ]
}

/// One entry with all there may be, and one with nothing more than it must have.
pub(crate) fn happened() -> Vec<TimelineEntry> {
    let least = TimelineEntry {
        at: NOW,
        kind: EntryKind::Incident,
        what: "opened".to_owned(),
        subject: "Alpha on db-1".to_owned(),
        actor: None,
        detail: String::new(),
        alert: None,
        delivery: None,
    };
    let all = TimelineEntry {
        kind: EntryKind::Person,
        actor: Some("mei".to_owned()),
        alert: Some(0xa1),
        delivery: Some("d1".into()),
        ..least.clone()
    };
    vec![least, all]
}

impl Incidents for Fake {
    fn incidents(&self) -> Result<Vec<ListedIncident>, ReadError> {
        Ok(self.incidents.lock().iter().map(ListedIncident::from).collect())
    }

    fn incident(&self, id: &str) -> Result<Option<IncidentRecord>, ReadError> {
        Ok(self.incidents.lock().iter().find(|one| *one.incident.id == *id).cloned())
    }

    fn timeline(&self, _: &str) -> Result<Vec<TimelineEntry>, ReadError> {
        Ok(self.timeline.lock().clone())
    }

    fn change(&self, id: &str, change: IncidentChange, actor: &str) -> Result<ListedIncident, ActError> {
        let mut incidents = self.incidents.lock();
        let found = incidents.iter_mut().find(|one| *one.incident.id == *id);
        let found = found.ok_or_else(|| ActError::NotFound(format!("no incident {id:?} is remembered")))?;
        let Incident { state, acknowledged_by, .. } = &mut found.incident;
        match &change {
            _ if *state == IncidentState::Resolved => {
                return Err(ActError::Conflict(format!("incident {id} is resolved")));
            }
            IncidentChange::Acknowledge => {
                (*state, *acknowledged_by) = (IncidentState::Acknowledged, Some(actor.to_owned()));
            }
            IncidentChange::Unacknowledge => (*state, *acknowledged_by) = (IncidentState::Open, None),
            IncidentChange::Split(alerts) if alerts.is_empty() => {
                return Err(ActError::Invalid("name some of its alerts".to_owned()));
            }
            IncidentChange::Split(alerts) => {
                found.members.retain(|id, _: &mut Membership| alerts.contains(id));
            }
            IncidentChange::Merge { .. } => {}
        }
        self.changes.lock().push(format!("{change:?} {id} by {actor}"));
        Ok(ListedIncident::from(&*found))
    }
}
