//! Incidents as the API shows and changes them.

use isobar_alerting::{
    CentreError, CentreHandle, IncidentError, IncidentRecord, ListedIncident, TimelineEntry,
};
use isobar_dashboards::{ActError, IncidentChange, Incidents, ReadError};
use tokio::runtime::Handle;

/// Asks the alert centre.
#[derive(Debug)]
pub struct IncidentViews {
    /// The centre.
    pub centre: CentreHandle,
    /// Where its asynchronous calls run.
    pub runtime: Handle,
}

impl Incidents for IncidentViews {
    fn incidents(&self) -> Result<Vec<ListedIncident>, ReadError> {
        Ok(self.centre.incidents())
    }

    fn incident(&self, id: &str) -> Result<Option<IncidentRecord>, ReadError> {
        Ok(self.centre.incident(id))
    }

    fn timeline(&self, id: &str) -> Result<Vec<TimelineEntry>, ReadError> {
        let read = self.centre.timeline(id).map_err(|error| ReadError(error.to_string()))?;
        Ok(read.unwrap_or_default())
    }

    fn change(&self, id: &str, change: IncidentChange, actor: &str) -> Result<ListedIncident, ActError> {
        let (centre, runtime) = (&self.centre, &self.runtime);
        let changed = match change {
            IncidentChange::Acknowledge => runtime.block_on(centre.acknowledge_incident(id, true, actor)),
            IncidentChange::Unacknowledge => runtime.block_on(centre.acknowledge_incident(id, false, actor)),
            IncidentChange::Split(alerts) => runtime.block_on(centre.split(id, alerts, actor)),
            IncidentChange::Merge { from } => runtime.block_on(centre.merge(id, &from, actor)),
        };
        let changed = changed.map_err(refused)?;
        let record = self.centre.incident(&changed);
        let gone = || ActError::Failed(format!("incident {changed} was changed and is forgotten already"));
        record.as_ref().map(ListedIncident::from).ok_or_else(gone)
    }
}

fn refused(error: CentreError) -> ActError {
    let CentreError::Incident(refused) = error else { return ActError::Failed(error.to_string()) };
    let text = refused.to_string();
    match refused {
        IncidentError::Unknown(_) => ActError::NotFound(text),
        IncidentError::Itself(_) | IncidentError::NotAPart(_) => ActError::Invalid(text),
        IncidentError::Resolved(_) | IncidentError::NotAMember { .. } | IncidentError::Outage(_) => {
            ActError::Conflict(text)
        }
    }
}
