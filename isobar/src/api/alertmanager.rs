//! Open alerts and groups as Alertmanager's clients see them.

use std::collections::HashMap;
use std::sync::Arc;

use isobar_alerting::{AlertingConfig, CentreHandle, KnownAlert};
use isobar_dashboards::{Alertmanager, ReadError, StandingAlert, StandingGroup};
use isobar_normalizer::{Labels, Timestamp};
use parking_lot::Mutex;

use crate::clock;
use crate::config::Shown;

/// The alerting configuration as it is shown, without secrets; a reload replaces it.
pub type ShownConfiguration = Arc<Mutex<Shown>>;

/// Reads the alert centre.
#[derive(Debug)]
pub struct AlertmanagerViews {
    /// The centre.
    pub centre: CentreHandle,
    /// What is shown as the configuration.
    pub configuration: ShownConfiguration,
    /// When the process began to serve.
    pub started_at: Timestamp,
}

impl Alertmanager for AlertmanagerViews {
    fn configuration(&self) -> String {
        self.configuration.lock().alertmanager.clone()
    }

    fn whole_configuration(&self) -> String {
        self.configuration.lock().whole.clone()
    }

    fn started_at(&self) -> Timestamp {
        self.started_at
    }

    fn receivers(&self) -> Vec<Arc<str>> {
        self.centre.config().receivers.iter().map(|receiver| Arc::clone(&receiver.name)).collect()
    }

    fn alerts(&self, wanted: &dyn Fn(&Labels) -> bool) -> Result<Vec<StandingAlert>, ReadError> {
        let (config, now) = (self.centre.config(), clock::now());
        let known = self.centre.known_alerts();
        let open = known.iter().filter(|known| known.alert().state.is_open() && wanted(&known.labels));
        Ok(open.map(|known| standing(known, &config, now)).collect())
    }

    fn groups(&self, wanted: &dyn Fn(&Labels) -> bool) -> Result<Vec<StandingGroup>, ReadError> {
        let alerts: HashMap<u64, StandingAlert> =
            self.alerts(wanted)?.into_iter().map(|alert| (alert.fingerprint, alert)).collect();
        let groups = self.centre.groups().into_iter().map(|group| StandingGroup {
            labels: group.labels,
            receiver: group.receiver,
            alerts: group.alerts.iter().filter_map(|one| alerts.get(&one.fingerprint).cloned()).collect(),
            muted_by: group.muted_by.iter().map(|name| name.to_string()).collect(),
        });
        Ok(groups.collect())
    }
}

fn standing(known: &KnownAlert, config: &AlertingConfig, now: Timestamp) -> StandingAlert {
    let alert = known.alert();
    let routes = config.route.matching(&known.labels);
    let (ends_at, updated_at) = known.expected.unwrap_or((None, alert.updated_at));
    let ends_at = ends_at.unwrap_or(now.plus(config.resolve_timeout));
    let suppressed = &known.suppressed;
    StandingAlert {
        fingerprint: known.fingerprint,
        labels: known.labels.clone(),
        annotations: alert.annotations.clone(),
        starts_at: alert.starts_at,
        updated_at,
        ends_at,
        generator_url: alert.pushed.as_ref().map(|pushed| pushed.generator_url.clone()).unwrap_or_default(),
        receivers: routes.into_iter().map(|route| Arc::clone(&route.receiver)).collect(),
        silenced_by: suppressed.silenced_by.iter().map(|id| id.to_string()).collect(),
        inhibited_by: suppressed.inhibited_by.iter().map(|id| format!("{id:016x}")).collect(),
    }
}
