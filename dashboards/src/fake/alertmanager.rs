//! What the doors of Alertmanager are tested over: two groups.

use std::sync::Arc;

use isobar_normalizer::{Labels, Timestamp};

use super::{Fake, NOW};
use crate::*;

impl Alertmanager for Fake {
    fn configuration(&self) -> String {
        "route:\n  receiver: ops\n".to_owned()
    }

    fn whole_configuration(&self) -> String {
        "route:\n  receiver: ops\nreceivers:\n- name: ops\n- name: db\ntemplates:\n- '*.tmpl'\n".to_owned()
    }

    fn started_at(&self) -> Timestamp {
        NOW
    }

    fn receivers(&self) -> Vec<Arc<str>> {
        vec!["ops".into(), "db".into()]
    }

    fn alerts(&self, wanted: &dyn Fn(&Labels) -> bool) -> Result<Vec<StandingAlert>, ReadError> {
        Ok(self.standing.lock().iter().filter(|alert| wanted(&alert.labels)).cloned().collect())
    }

    /// One group for each receiver; that of `db` is muted.
    fn groups(&self, wanted: &dyn Fn(&Labels) -> bool) -> Result<Vec<StandingGroup>, ReadError> {
        let alerts = Alertmanager::alerts(self, wanted)?;
        let group = |receiver: Arc<str>| StandingGroup {
            labels: Labels::empty(),
            alerts: alerts.iter().filter(|alert| alert.receivers.contains(&receiver)).cloned().collect(),
            muted_by: if &*receiver == "db" { vec!["nights".to_owned()] } else { Vec::new() },
            receiver,
        };
        Ok(Alertmanager::receivers(self).into_iter().map(group).collect())
    }
}
