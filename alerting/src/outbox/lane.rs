//! One lane: the task that sends the deliveries of one integration, one at a time. Lanes do not wait for each other.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use isobar_egress::{Breakers, Outcome, Permit, Retry};
use isobar_normalizer::Timestamp;
use tokio_util::sync::CancellationToken;

use super::digest::digest;
use super::pace::{Paces, Turn};
use super::retry::WAIT_MAX;
use super::{Next, after_attempt};
use crate::config::Terms;
use crate::delivery::{Delivery, Direction, IntegrationId, Notification, Reason, Receipt};
use crate::notify::{Message, Notifier, NotifyError};

/// What a lane takes its work from and reports to.
#[async_trait]
pub(crate) trait Ledger: Send + Sync {
    /// What this integration does next.
    fn next(&mut self, integration: &IntegrationId, now: Timestamp) -> Next;
    /// How many messages it could send now.
    fn waiting(&self, integration: &IntegrationId, now: Timestamp) -> usize;
    /// All that it could send now, for a digest.
    fn due(&self, integration: &IntegrationId, now: Timestamp) -> Vec<(Delivery, Arc<Notification>)>;
    /// Notes that the lane comes round: it has done what was due and is about to look again.
    fn turned(&self, integration: &IntegrationId);
    /// Completes when something changed since the last call of `next`.
    async fn changed(&mut self);
    /// Looks whether what this integration's receiver is to be told must be told its fallback: after a try that did not
    /// succeed, while none may be made, and every so often while there is nothing to try.
    async fn strand(&self, integration: &IntegrationId);
    /// Writes down how a try ended for these deliveries, all or none; returns when that is on disk.
    async fn record(&self, deliveries: Vec<Delivery>) -> Result<(), String>;
}

/// One integration, ready to send.
pub(crate) struct Lane {
    pub(crate) integration: IntegrationId,
    pub(crate) notifier: Box<dyn Notifier>,
    pub(crate) send_resolved: bool,
    pub(crate) terms: Terms,
    pub(crate) paces: Paces,
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

/// One message, and the deliveries it is sent for: itself, or those a digest tells of.
struct Load {
    notification: Arc<Notification>,
    delivery: Delivery,
    covered: Vec<Delivery>,
}

impl Load {
    fn single(delivery: Delivery, notification: Arc<Notification>) -> Self {
        Self { notification, covered: vec![delivery.clone()], delivery }
    }

    fn is_digest(&self) -> bool {
        self.covered.len() > 1
    }

    /// The deliveries after the try. What is refused in a digest is not refused itself: it is tried on its own.
    fn after(&self, outcome: Result<Receipt, NotifyError>, now: Timestamp, jitter: f64) -> Vec<Delivery> {
        let is_refused = outcome.as_ref().is_err_and(|error| error.retry() == Retry::Never);
        let is_apart = self.is_digest() && is_refused;
        let told = outcome.map_err(|error| {
            let retry = if is_apart { Retry::Backoff } else { error.retry() };
            (error.to_string(), retry)
        });
        let after = |delivery: &Delivery| {
            let digest = match (self.is_digest(), told.is_ok()) {
                (true, true) => Some(Arc::clone(&self.delivery.id)),
                (true, false) => is_apart.then(|| Arc::clone(&self.delivery.id)),
                (false, true) => None,
                (false, false) => delivery.digest.clone(),
            };
            Delivery { digest, ..after_attempt(delivery, told.clone(), now, jitter) }
        };
        self.covered.iter().map(after).collect()
    }
}

/// Why nothing may be sent for so long.
enum Held {
    /// The destination takes no more for now.
    Paced(Duration),
    /// It fails, and is left alone.
    Failing(Duration),
}

impl Lane {
    /// Sends until stopped. A try under way has [`STOP_PATIENCE`] to finish and is written down then; otherwise it is tried
    /// again, under the same key, after the next start.
    pub(crate) async fn run(self, mut ledger: impl Ledger, stop: CancellationToken) {
        let target = self.integration.to_string();
        let mut held_until: Option<Timestamp> = None;
        let mut looked_at: Option<Instant> = None;
        loop {
            let now = (self.clock)();
            let next = match held_until {
                Some(until) if until > now && until.since(now) <= WAIT_MAX => Next::WaitUntil(until),
                _ => ledger.next(&self.integration, now),
            };
            let pause = match next {
                // What died before the process did is yet to be handed on, and what could not be written down.
                Next::Idle => {
                    if looked_at.is_none_or(|at| instant().duration_since(at) >= TURN_MAX) {
                        ledger.strand(&self.integration).await;
                        looked_at = Some(instant());
                    }
                    None
                }
                Next::WaitUntil(at) => Some(at.since(now)),
                Next::Send { delivery, notification } => match self.permit(&target, &ledger, now) {
                    Err(Held::Paced(wait)) => Some(wait),
                    Err(Held::Failing(wait)) => {
                        ledger.strand(&self.integration).await;
                        Some(wait)
                    }
                    Ok(turn) => {
                        let load = match turn {
                            Turn::Digest => self.digest(&ledger, now),
                            _ => None,
                        };
                        let load = load.unwrap_or_else(|| Load::single(*delivery, notification));
                        held_until = self.attempt(&target, load, &ledger, &stop).await;
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

    /// Whether a message may be sent now, and which; or how long to wait.
    fn permit(&self, target: &str, ledger: &impl Ledger, at: Timestamp) -> Result<Turn, Held> {
        let (now, destination) = (instant(), self.notifier.destination());
        let waiting = if self.terms.is_digested { ledger.waiting(&self.integration, at) } else { 1 };
        let turn = self.paces.turn(destination, &self.terms.rates, self.terms.is_digested, waiting, now);
        if let Turn::Wait(wait) = turn {
            return Err(Held::Paced(wait));
        }
        match self.breakers.permit(target, now) {
            Permit::Granted => Ok(turn),
            Permit::Denied(wait) => {
                self.paces.give_back(destination, turn);
                Err(Held::Failing(wait))
            }
        }
    }

    /// What waits, in one message; `None` where it is a single one after all.
    fn digest(&self, ledger: &impl Ledger, now: Timestamp) -> Option<Load> {
        let waiting = ledger.due(&self.integration, now);
        if waiting.len() < 2 {
            return None;
        }
        let (notification, delivery) = digest(&waiting)?;
        metrics::counter!("isobar_delivery_digested_total").increment(waiting.len() as u64);
        let covered = waiting.into_iter().map(|(delivery, _)| delivery).collect();
        Some(Load { notification: Arc::new(notification), delivery, covered })
    }

    /// One try, written down. Returns until when the receiver asked to be left alone.
    async fn attempt(
        &self,
        target: &str,
        load: Load,
        ledger: &impl Ledger,
        stop: &CancellationToken,
    ) -> Option<Timestamp> {
        let message = Message {
            max_bytes: self.terms.max_bytes,
            ..Message::new(&load.notification, &load.delivery, self.send_resolved, (self.clock)())
        };
        let outcome = tokio::select! {
            outcome = self.notifier.notify(message) => outcome,
            () = patience(stop) => return None,
        };
        let healthy = outcome.as_ref().err().is_none_or(|error| !error.blames_receiver());
        let health = if healthy { Outcome::Success } else { Outcome::Failure };
        self.breakers.record(target, health, instant());
        let now = (self.clock)();
        let held_until = match outcome.as_ref().map_err(NotifyError::retry) {
            Err(Retry::After(wait)) => Some(now.plus(wait.min(WAIT_MAX))),
            _ => None,
        };
        count(&load.delivery, &load.notification, &outcome, now);
        let is_taken = outcome.is_ok();
        let tried = load.after(outcome, now, (self.jitter)());
        while let Err(reason) = ledger.record(tried.clone()).await {
            tracing::error!(delivery = %load.delivery.id, reason, "the outcome of a delivery cannot be written down");
            metrics::counter!("isobar_delivery_unrecorded_total").increment(1);
            tokio::select! {
                () = stop.cancelled() => return held_until,
                () = tokio::time::sleep(RECORD_PAUSE) => {}
            }
        }
        if !is_taken {
            ledger.strand(&self.integration).await;
        }
        held_until
    }
}

/// Now, by the clock that timers go by.
fn instant() -> Instant {
    tokio::time::Instant::now().into_std()
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

#[cfg(test)]
mod tests;
