//! What people do about alerts, and silences.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use isobar_alerting::{
    Act, ActError as Refused, ActOutcome, AlertingConfig, CentreError, CentreHandle, Delivery,
    DeliveryFilter, DeliveryState, IntegrationId, KnownAlert, Route, Silence, SilenceDraft, TestStage,
};
use isobar_dashboards::{
    ActError, AlertView, Alerts, ReadError, ReceiverChannel, ReceiverView, SilenceRefusal, Silences,
};
use isobar_normalizer::{Labels, Timestamp};
use isobar_runbooks::RunbookHandle;
use tokio::runtime::Handle;

use crate::clock;

const HOUR: Duration = Duration::from_secs(3600);

/// Asks the alert centre.
#[derive(Debug)]
pub struct PeopleViews {
    /// The centre.
    pub centre: CentreHandle,
    /// What was proposed because of alerts.
    pub runbooks: RunbookHandle,
    /// Where its asynchronous calls run.
    pub runtime: Handle,
}

impl Alerts for PeopleViews {
    fn known(&self) -> Result<Vec<KnownAlert>, ReadError> {
        Ok(self.centre.known_alerts())
    }

    fn view(&self, fingerprint: u64) -> Result<Option<AlertView>, ReadError> {
        let view = self.centre.known_alert(fingerprint).map(|known| {
            let mut view = AlertView::from(&known);
            view.proposals = self.runbooks.of_alert(&view.id);
            view
        });
        Ok(view)
    }

    fn act(&self, targets: Vec<u64>, act: Act, note: &str, actor: &str) -> Result<ActOutcome, ActError> {
        self.runtime.block_on(self.centre.act(targets, act, actor, note)).map_err(|error| match error {
            CentreError::Act(refused @ Refused::NotOpen) => ActError::Conflict(refused.to_string()),
            CentreError::Act(refused) => ActError::Invalid(refused.to_string()),
            other => ActError::Failed(other.to_string()),
        })
    }

    fn inhibitors(&self, labels: &Labels) -> Result<Vec<u64>, ReadError> {
        Ok(self.centre.inhibitors_of(labels))
    }

    fn test_fire(&self, receiver: &str, actor: &str) -> Result<Vec<TestStage>, ActError> {
        self.runtime.block_on(self.centre.test_fire(receiver, actor)).map_err(|error| match error {
            CentreError::UnknownReceiver(_) => ActError::NotFound(error.to_string()),
            CentreError::TestedJustNow(_) => ActError::Conflict(error.to_string()),
            other => ActError::Failed(other.to_string()),
        })
    }

    fn config(&self) -> Arc<AlertingConfig> {
        self.centre.config()
    }

    fn receivers(&self) -> Result<Vec<ReceiverView>, ReadError> {
        let (config, now) = (self.centre.config(), clock::now());
        let mut routes: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        count_routes(&config.route, &mut routes);
        let deliveries = self.centre.deliveries(&DeliveryFilter::default());
        let views = config.receivers.iter().map(|receiver| {
            let channels = receiver.ways().map(|way| {
                let own = deliveries.iter().filter(|one| one.integration == way);
                channel_view(&way, self.centre.target(&way), own, now)
            });
            ReceiverView {
                name: receiver.name.to_string(),
                channels: channels.collect(),
                routes: routes.get(&receiver.name).copied().unwrap_or_default(),
            }
        });
        Ok(views.collect())
    }
}

fn count_routes(route: &Route, routes: &mut BTreeMap<Arc<str>, u64>) {
    *routes.entry(Arc::clone(&route.receiver)).or_default() += 1;
    route.children.iter().for_each(|child| count_routes(child, routes));
}

/// How a channel does, by its deliveries, the newest first.
fn channel_view<'a>(
    way: &IntegrationId,
    target: Option<String>,
    deliveries: impl Iterator<Item = &'a Delivery>,
    now: Timestamp,
) -> ReceiverChannel {
    let mut view = ReceiverChannel {
        channel: way.channel.to_string(),
        index: way.index,
        target,
        queued: 0,
        failed: 0,
        dead: 0,
        sent_last_hour: 0,
        last_sent_at: None,
        last_error: None,
        last_error_at: None,
    };
    for delivery in deliveries {
        match delivery.state {
            DeliveryState::Queued => view.queued += 1,
            DeliveryState::Failed => view.failed += 1,
            DeliveryState::Dead => view.dead += 1,
            DeliveryState::Sent => {}
        }
        if let Some(sent_at) = delivery.sent_at {
            view.sent_last_hour += u64::from(now.since(sent_at) <= HOUR);
            view.last_sent_at = view.last_sent_at.max(Some(sent_at.into()));
        }
        if view.last_error.is_none() {
            view.last_error.clone_from(&delivery.last_error);
            view.last_error_at = delivery.last_error.as_ref().and(delivery.tried_at).map(Into::into);
        }
    }
    view
}

/// Asks the alert centre about silences.
#[derive(Debug)]
pub struct SilenceViews {
    /// The centre.
    pub centre: CentreHandle,
    /// Where its asynchronous calls run.
    pub runtime: Handle,
}

impl Silences for SilenceViews {
    fn silences(&self) -> Result<Vec<Arc<Silence>>, ReadError> {
        Ok(self.centre.silences())
    }

    fn silence(&self, id: &str) -> Result<Option<Arc<Silence>>, ReadError> {
        Ok(self.centre.silence(id))
    }

    fn put(&self, draft: SilenceDraft, actor: &str) -> Result<Arc<Silence>, SilenceRefusal> {
        self.runtime.block_on(self.centre.put_silence(draft, actor)).map_err(refusal)
    }

    fn expire(&self, id: &str, actor: &str) -> Result<Arc<Silence>, SilenceRefusal> {
        self.runtime.block_on(self.centre.expire_silence(id, actor)).map_err(refusal)
    }
}

fn refusal(error: CentreError) -> SilenceRefusal {
    match error {
        CentreError::Silence(refused) => SilenceRefusal::Refused(refused),
        other => SilenceRefusal::Failed(other.to_string()),
    }
}
