//! One lane: the task that sends the deliveries of one integration, one at a time. Lanes do not wait for each other.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use isobar_egress::{Breakers, Outcome, Permit, Retry};
use isobar_normalizer::Timestamp;
use tokio_util::sync::CancellationToken;

use super::retry::WAIT_MAX;
use super::{Next, after_attempt};
use crate::delivery::{Delivery, Direction, IntegrationId, Notification, Reason, Receipt};
use crate::notify::{Message, Notifier, NotifyError};

/// What a lane takes its work from and reports to.
#[async_trait]
pub(crate) trait Ledger: Send + Sync {
    /// What this integration does next.
    fn next(&mut self, integration: &IntegrationId, now: Timestamp) -> Next;
    /// Notes that the lane comes round: it has done what was due and is about to look again.
    fn turned(&self, integration: &IntegrationId);
    /// Completes when something changed since the last call of `next`.
    async fn changed(&mut self);
    /// Writes down how a try ended; returns when that is on disk.
    async fn record(&self, delivery: Delivery) -> Result<(), String>;
}

/// One integration, ready to send.
pub(crate) struct Lane {
    pub(crate) integration: IntegrationId,
    pub(crate) notifier: Box<dyn Notifier>,
    pub(crate) send_resolved: bool,
    pub(crate) breakers: Breakers,
    pub(crate) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub(crate) jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("integration", &self.integration).finish_non_exhaustive()
    }
}

/// A try whose outcome could not be written down is written down again after this; it is not sent again.
const RECORD_PAUSE: Duration = Duration::from_secs(1);

/// A lane that has nothing to do comes round this often all the same, so that one that hangs is told from one that rests.
const TURN_MAX: Duration = Duration::from_secs(30);

impl Lane {
    /// Sends until stopped. A try under way has [`STOP_PATIENCE`] to finish and is written down then; otherwise it is tried
    /// again, under the same key, after the next start.
    pub(crate) async fn run(self, mut ledger: impl Ledger, stop: CancellationToken) {
        let target = self.integration.to_string();
        let mut held_until: Option<Timestamp> = None;
        loop {
            let now = (self.clock)();
            let next = match held_until {
                Some(until) if until > now && until.since(now) <= WAIT_MAX => Next::WaitUntil(until),
                _ => ledger.next(&self.integration, now),
            };
            let pause = match next {
                Next::Idle => None,
                Next::WaitUntil(at) => Some(at.since(now)),
                Next::Send(delivery, notification) => match self.breakers.permit(&target, Instant::now()) {
                    Permit::Denied(wait) => Some(wait),
                    Permit::Granted => {
                        held_until = self.attempt(&target, *delivery, &notification, &ledger, &stop).await;
                        ledger.turned(&self.integration);
                        if stop.is_cancelled() {
                            return;
                        }
                        continue;
                    }
                },
            };
            ledger.turned(&self.integration);
            let rest = pause.map_or(TURN_MAX, |pause| pause.min(TURN_MAX));
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(rest) => {}
                () = ledger.changed() => {}
            }
        }
    }

    /// One try, written down. Returns until when the receiver asked to be left alone.
    async fn attempt(
        &self,
        target: &str,
        delivery: Delivery,
        notification: &Notification,
        ledger: &impl Ledger,
        stop: &CancellationToken,
    ) -> Option<Timestamp> {
        let message = Message {
            notification,
            delivery: &delivery,
            send_resolved: self.send_resolved,
            now: (self.clock)(),
        };
        let outcome = tokio::select! {
            outcome = self.notifier.notify(message) => outcome,
            () = patience(stop) => return None,
        };
        let healthy = outcome.as_ref().err().is_none_or(|error| !error.blames_receiver());
        let health = if healthy { Outcome::Success } else { Outcome::Failure };
        self.breakers.record(target, health, Instant::now());
        let now = (self.clock)();
        let held_until = match outcome.as_ref().map_err(NotifyError::retry) {
            Err(Retry::After(wait)) => Some(now.plus(wait.min(WAIT_MAX))),
            _ => None,
        };
        count(&delivery, notification, &outcome, now);
        let outcome = outcome.map_err(|error| (error.to_string(), error.retry()));
        let tried = after_attempt(&delivery, outcome, now, (self.jitter)());
        while let Err(reason) = ledger.record(tried.clone()).await {
            tracing::error!(delivery = %tried.id, reason, "the outcome of a delivery cannot be written down");
            metrics::counter!("isobar_delivery_unrecorded_total").increment(1);
            tokio::select! {
                () = stop.cancelled() => return held_until,
                () = tokio::time::sleep(RECORD_PAUSE) => {}
            }
        }
        held_until
    }
}

/// How long a try under way may go on when we are asked to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

async fn patience(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(STOP_PATIENCE).await;
}

fn count(
    delivery: &Delivery,
    notification: &Notification,
    outcome: &Result<Receipt, NotifyError>,
    now: Timestamp,
) {
    let (receiver, channel) =
        (delivery.integration.receiver.to_string(), delivery.integration.channel.to_string());
    let result = match outcome {
        Ok(_) => "sent",
        Err(error) if error.retry() == Retry::Never => "refused",
        Err(_) => "failed",
    };
    metrics::counter!("isobar_delivery_attempts_total", "receiver" => receiver.clone(), "channel" => channel.clone(), "result" => result)
        .increment(1);
    match outcome {
        Ok(_) if delivery.transition == Direction::Firing => {
            let newest = notification
                .alerts
                .iter()
                .filter(|alert| alert.is_firing())
                .map(|alert| alert.updated_at)
                .max();
            if let Some(datum) =
                newest.filter(|_| matches!(delivery.reason, Reason::First | Reason::NewAlerts))
            {
                metrics::histogram!("isobar_page_latency_seconds", "channel" => channel)
                    .record(now.since(datum).as_secs_f64());
            }
        }
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(receiver, channel, delivery = %delivery.id, attempt = delivery.attempts + 1, %error, "delivery failed");
        }
    }
}
