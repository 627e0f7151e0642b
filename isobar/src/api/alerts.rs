//! Alerts, deliveries and reasons as the API shows them.

use isobar_alerting::{
    CentreError, CentreHandle, Delivery, DeliveryFilter, DeliveryState as Kept, Direction,
};
use isobar_dashboards::{
    AlertCentre, AlertView, DeliveryState, DeliveryTransition, DeliveryView, ReadError, ResendError, WhyStep,
};
use isobar_runbooks::RunbookHandle;
use tokio::runtime::Handle;

/// Reads the alert centre.
#[derive(Debug)]
pub struct AlertViews {
    /// The centre.
    pub centre: CentreHandle,
    /// What was proposed because of alerts.
    pub runbooks: RunbookHandle,
    /// Where its asynchronous calls run.
    pub runtime: Handle,
}

impl AlertCentre for AlertViews {
    fn alerts(&self) -> Result<Vec<AlertView>, ReadError> {
        let mut proposals = self.runbooks.by_alert();
        let alerts = self.centre.alerts();
        let views = alerts.iter().map(AlertView::from).map(|mut view| {
            view.proposals = proposals.remove(&view.id).unwrap_or_default();
            view
        });
        Ok(views.collect())
    }

    fn deliveries(&self) -> Result<Vec<DeliveryView>, ReadError> {
        Ok(self.centre.deliveries(&DeliveryFilter::default()).iter().map(view).collect())
    }

    fn why(&self, fingerprint: u64) -> Result<Option<Vec<WhyStep>>, ReadError> {
        let steps = self.centre.why(fingerprint);
        let shown = |step: isobar_alerting::WhyStep| WhyStep {
            stage: step.stage.to_owned(),
            verdict: step.verdict.to_owned(),
            rule: step.rule,
            at: step.at.map(Into::into),
            detail: step.detail,
        };
        Ok(steps.map(|steps| steps.into_iter().map(shown).collect()))
    }

    fn resend(&self, delivery: &str, actor: &str) -> Result<DeliveryView, ResendError> {
        match self.runtime.block_on(self.centre.resend(delivery, actor)) {
            Ok(delivery) => Ok(view(&delivery)),
            Err(CentreError::UnknownDelivery(_)) => Err(ResendError::NotFound),
            Err(error @ CentreError::NotDead { .. }) => Err(ResendError::NotDead(error.to_string())),
            Err(error) => Err(ResendError::Failed(error.to_string())),
        }
    }
}

fn view(delivery: &Delivery) -> DeliveryView {
    DeliveryView {
        id: delivery.id.to_string(),
        incident: None,
        receiver: delivery.integration.receiver.to_string(),
        channel: delivery.integration.channel.to_string(),
        transition: match delivery.transition {
            Direction::Firing => DeliveryTransition::Firing,
            Direction::Acknowledged => DeliveryTransition::Acknowledged,
            Direction::Resolved => DeliveryTransition::Resolved,
        },
        state: match delivery.state {
            Kept::Queued => DeliveryState::Queued,
            Kept::Sent => DeliveryState::Sent,
            Kept::Failed => DeliveryState::Failed,
            Kept::Dead => DeliveryState::Dead,
        },
        attempts: delivery.attempts,
        idempotency_key: delivery.idempotency_key.to_string(),
        last_error: delivery.last_error.clone(),
        queued_at: delivery.created_at.into(),
        sent_at: delivery.sent_at.map(Into::into),
    }
}
