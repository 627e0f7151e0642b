//! Deliveries and reasons as the API shows them.

use isobar_alerting::{
    CentreError, CentreHandle, Delivery, DeliveryFilter, DeliveryState as Kept, Direction,
};
use isobar_dashboards::{
    AlertCentre, DeliveryState, DeliveryTransition, DeliveryView, ReadError, ResendError, WhyStep,
};
use tokio::runtime::Handle;

/// Reads the alert centre.
#[derive(Debug)]
pub struct AlertViews {
    /// The centre.
    pub centre: CentreHandle,
    /// Where its asynchronous calls run.
    pub runtime: Handle,
}

impl AlertCentre for AlertViews {
    fn deliveries(&self) -> Result<Vec<DeliveryView>, ReadError> {
        let told = self.centre.told_alerts();
        let alerts = |delivery: &Delivery| told.get(&delivery.notification).map_or(&[][..], |ids| ids);
        let deliveries = self.centre.deliveries(&DeliveryFilter::default());
        Ok(deliveries.iter().map(|delivery| view(delivery, alerts(delivery))).collect())
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
            Ok(delivery) => {
                let told = self.centre.told_alerts();
                Ok(view(&delivery, told.get(&delivery.notification).map_or(&[][..], |ids| ids)))
            }
            Err(CentreError::UnknownDelivery(_)) => Err(ResendError::NotFound),
            Err(error @ CentreError::NotDead { .. }) => Err(ResendError::NotDead(error.to_string())),
            Err(error) => Err(ResendError::Failed(error.to_string())),
        }
    }
}

fn view(delivery: &Delivery, alerts: &[u64]) -> DeliveryView {
    let is_waiting = matches!(delivery.state, Kept::Queued | Kept::Failed);
    DeliveryView {
        id: delivery.id.to_string(),
        incident: delivery.incident.clone(),
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
        next_attempt: is_waiting.then(|| delivery.next_attempt_at.into()),
        alerts: alerts.iter().map(|id| format!("{id:016x}")).collect(),
    }
}
