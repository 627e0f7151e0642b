//! When a delivery is tried again, and when it is given up. Pure.

use std::time::Duration;

use isobar_egress::Retry;
use isobar_normalizer::Timestamp;

use crate::delivery::{Delivery, DeliveryState, Receipt};

/// The first pause is at most this long; each following at most twice the one before.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// No pause that we choose is longer: a receiver that is back is found again within this time.
const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);
/// So long a receiver may ask to be left alone. A page a day late is a page lost, and one try an hour burdens nobody.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// No delivery waits for longer: what a receiver may ask for, and the jitter on top.
pub(super) const PAUSE_LONGEST: Duration = WAIT_MAX.saturating_add(PAUSE_FIRST);

/// Given up after this. The last step of the schedule that Standard Webhooks recommends is a day.
pub const AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// The delivery after a try. `jitter` is uniform in `[0, 1)` and spreads the next try over the whole pause ("full jitter"),
/// so that what failed together does not come back together.
#[must_use]
pub fn after_attempt(
    delivery: &Delivery,
    outcome: Result<Receipt, (String, Retry)>,
    now: Timestamp,
    jitter: f64,
) -> Delivery {
    let tried =
        Delivery { attempts: delivery.attempts.saturating_add(1), tried_at: Some(now), ..delivery.clone() };
    let (error, retry) = match outcome {
        Ok(receipt) => {
            return Delivery {
                state: DeliveryState::Sent,
                last_error: None,
                sent_at: Some(now),
                receipt: Some(receipt),
                ..tried
            };
        }
        Err(failure) => failure,
    };
    let spread = |pause: Duration| pause.mul_f64(jitter.clamp(0.0, 1.0));
    let next = match retry {
        Retry::Never => return Delivery { state: DeliveryState::Dead, last_error: Some(error), ..tried },
        Retry::Backoff => now.plus(spread(pause_max(tried.attempts))),
        Retry::After(wait) => now.plus(wait.min(WAIT_MAX)).plus(spread(PAUSE_FIRST)),
    };
    if next.since(delivery.queued_at) > AGE_MAX {
        let hours = AGE_MAX.as_secs() / 3600;
        let error = format!("given up after {hours} hours: {error}");
        return Delivery { state: DeliveryState::Dead, last_error: Some(error), ..tried };
    }
    Delivery { state: DeliveryState::Failed, last_error: Some(error), next_attempt_at: next, ..tried }
}

/// A dead letter made ready to be sent again, under the key it always had. `None` when it is not dead.
pub fn requeued(delivery: &Delivery, now: Timestamp) -> Option<Delivery> {
    (delivery.state == DeliveryState::Dead).then(|| Delivery {
        state: DeliveryState::Queued,
        attempts: 0,
        next_attempt_at: now,
        queued_at: now,
        ..delivery.clone()
    })
}

fn pause_max(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    (PAUSE_FIRST * (1 << doublings)).min(PAUSE_MAX)
}
