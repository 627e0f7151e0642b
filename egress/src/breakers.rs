//! The circuit breakers of all targets, by name.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::breaker::{Breaker, BreakerOptions, Outcome, Permit};

/// One [`Breaker`] per target, shared by whoever calls it; clones share the state. Names are those of configured sources
/// and receivers, so that their number is bounded by the configuration; [`Breakers::retain`] drops what a reload removed.
///
/// Each change is shown in the gauge `isobar_egress_breaker_state{target}`: 0 closed, 1 half-open, 2 open.
#[derive(Clone, Debug, Default)]
pub struct Breakers {
    options: BreakerOptions,
    states: Arc<Mutex<HashMap<String, Breaker>>>,
}

impl Breakers {
    /// All closed.
    pub fn new(options: BreakerOptions) -> Self {
        Self { options, states: Arc::default() }
    }

    /// Asks for a call to `target`.
    pub fn permit(&self, target: &str, now: Instant) -> Permit {
        let mut states = self.states.lock();
        let before = states.get(target).copied();
        let (after, permit) = before.unwrap_or_default().permit(now);
        keep(&mut states, target, before, after);
        permit
    }

    /// Takes in how a permitted call to `target` ended.
    pub fn record(&self, target: &str, outcome: Outcome, now: Instant) {
        let mut states = self.states.lock();
        let before = states.get(target).copied();
        let after = before.unwrap_or_default().record(outcome, now, &self.options);
        keep(&mut states, target, before, after);
    }

    /// State of `target`; closed when nothing is known of it.
    pub fn state(&self, target: &str) -> Breaker {
        self.states.lock().get(target).copied().unwrap_or_default()
    }

    /// Forgets the targets that are not `kept`; their gauge shows closed from then on.
    pub fn retain(&self, kept: impl Fn(&str) -> bool) {
        self.states.lock().retain(|target, _| {
            let stays = kept(target);
            if !stays {
                show(target, Breaker::default());
            }
            stays
        });
    }
}

fn keep(states: &mut HashMap<String, Breaker>, target: &str, before: Option<Breaker>, after: Breaker) {
    if before == Some(after) {
        return;
    }
    if before.map(Breaker::gauge) != Some(after.gauge()) {
        show(target, after);
    }
    states.insert(target.to_owned(), after);
}

fn show(target: &str, state: Breaker) {
    metrics::gauge!("isobar_egress_breaker_state", "target" => target.to_owned())
        .set(f64::from(state.gauge()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn targets_do_not_touch_each_other_and_clones_share() {
        let options = BreakerOptions { failures: 2, ..BreakerOptions::default() };
        let breakers = Breakers::new(options);
        let now = Instant::now();
        for _ in 0..2 {
            assert_eq!(breakers.permit("pager", now), Permit::Granted);
            breakers.record("pager", Outcome::Failure, now);
        }
        let clone = breakers.clone();
        assert_eq!(clone.permit("pager", now), Permit::Denied(Duration::from_secs(5)));
        assert_eq!(clone.permit("mail", now), Permit::Granted);

        breakers.retain(|name| name == "mail");
        assert_eq!(breakers.state("pager"), Breaker::default());
        assert_eq!(clone.permit("pager", now), Permit::Granted);
    }
}
