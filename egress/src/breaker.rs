//! The circuit breaker of one target, as a pure state machine.
//!
//! Closed lets everything through and counts failures in a row. Open lets nothing through until its time is over. Half-open
//! lets one trial through; its outcome closes the circuit or opens it for twice as long.

use std::time::{Duration, Instant};

/// When a circuit opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOptions {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open the first time; doubles with each failed trial.
    pub open_first: Duration,
    /// The longest it stays open: a target that is back is found again within this time.
    pub open_max: Duration,
}

/// Five failures are no coincidence; a minute is the longest a page may wait for a receiver that is back.
impl Default for BreakerOptions {
    fn default() -> Self {
        Self { failures: 5, open_first: Duration::from_secs(5), open_max: Duration::from_secs(60) }
    }
}

/// How a call ended, as far as the target's health goes. A 4xx that blames the request is a success of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target answered.
    Success,
    /// The target could not be reached, did not answer in time, or answered that it is unwell.
    Failure,
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Make it and report its [`Outcome`].
    Granted,
    /// Do not make it; ask again after this long.
    Denied(Duration),
}

/// State of one target's circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// All is well, or not yet bad enough.
    Closed {
        /// Failures since the last success.
        failures: u32,
    },
    /// Calls are refused.
    Open {
        /// Until when.
        until: Instant,
        /// For how long it was opened.
        time: Duration,
    },
    /// One trial is under way.
    HalfOpen {
        /// A trial whose outcome is not reported by then is given up for lost and another is let through.
        until: Instant,
        /// For how long it was open before.
        time: Duration,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Asks for a call.
    pub fn permit(self, now: Instant) -> (Self, Permit) {
        match self {
            Self::Closed { .. } => (self, Permit::Granted),
            Self::Open { until, .. } | Self::HalfOpen { until, .. } if now < until => {
                (self, Permit::Denied(until.duration_since(now)))
            }
            Self::Open { time, .. } | Self::HalfOpen { time, .. } => {
                (Self::HalfOpen { until: now + time, time }, Permit::Granted)
            }
        }
    }

    /// Takes in how a permitted call ended. Calls permitted before the circuit opened may end after: while it is open their
    /// failures do not prolong it, while a trial is under way they count as the trial's; a success closes it.
    pub fn record(self, outcome: Outcome, now: Instant, options: &BreakerOptions) -> Self {
        match (self, outcome) {
            (_, Outcome::Success) => Self::Closed { failures: 0 },
            (Self::Closed { failures }, Outcome::Failure) if failures + 1 < options.failures => {
                Self::Closed { failures: failures + 1 }
            }
            (Self::Closed { .. }, Outcome::Failure) => Self::opened(options.open_first, now, options),
            (Self::Open { .. }, Outcome::Failure) => self,
            (Self::HalfOpen { time, .. }, Outcome::Failure) => {
                Self::opened(time.saturating_mul(2), now, options)
            }
        }
    }

    fn opened(time: Duration, now: Instant, options: &BreakerOptions) -> Self {
        let time = time.min(options.open_max);
        Self::Open { until: now + time, time }
    }

    /// The state as the gauge shows it: 0 closed, 1 half-open, 2 open.
    pub fn gauge(self) -> u8 {
        match self {
            Self::Closed { .. } => 0,
            Self::HalfOpen { .. } => 1,
            Self::Open { .. } => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: BreakerOptions =
        BreakerOptions { failures: 3, open_first: Duration::from_secs(5), open_max: Duration::from_secs(15) };

    /// Runs a script of `seconds word`: `ok` and `fail` report, `ask+` expects a permit, `ask-N` a wait of N seconds.
    #[track_caller]
    fn check(script: &[(u64, &str)], expected_gauge: u8) {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        for (seconds, word) in script {
            let now = start + Duration::from_secs(*seconds);
            match *word {
                "ok" => breaker = breaker.record(Outcome::Success, now, &OPTIONS),
                "fail" => breaker = breaker.record(Outcome::Failure, now, &OPTIONS),
                asked => {
                    let (next, permit) = breaker.permit(now);
                    breaker = next;
                    let expected = match asked.strip_prefix("ask-") {
                        Some(wait) => Permit::Denied(Duration::from_secs(wait.parse().unwrap())),
                        None => Permit::Granted,
                    };
                    assert_eq!(permit, expected, "{asked} at {seconds}");
                }
            }
        }
        assert_eq!(breaker.gauge(), expected_gauge, "{script:?} ends in {breaker:?}");
    }

    #[test]
    fn failures_in_a_row_open_it() {
        check(&[(0, "ask+"), (0, "fail"), (1, "fail"), (2, "ask+")], 0);
        check(&[(0, "fail"), (1, "fail"), (2, "fail"), (3, "ask-4")], 2);
        check(&[(0, "fail"), (1, "fail"), (2, "ok"), (3, "fail"), (4, "fail"), (5, "ask+")], 0);
    }

    #[test]
    fn one_trial_decides() {
        let opened = [(0, "fail"), (0, "fail"), (0, "fail"), (5, "ask+")];
        check(&opened, 1);
        check(&[&opened[..], &[(6, "ask-4")]].concat(), 1);
        check(&[&opened[..], &[(6, "ok"), (6, "ask+"), (6, "fail"), (6, "ask+")]].concat(), 0);
    }

    #[test]
    fn each_failed_trial_doubles_the_time_up_to_the_limit() {
        check(
            &[
                (0, "fail"),
                (0, "fail"),
                (0, "fail"),
                (5, "ask+"),
                (5, "fail"),
                (6, "ask-9"),
                (15, "ask+"),
                (15, "fail"),
                (15, "ask-15"),
                (30, "ask+"),
                (30, "fail"),
                (30, "ask-15"),
            ],
            2,
        );
    }

    #[test]
    fn a_lost_trial_does_not_wedge_it() {
        check(
            &[(0, "fail"), (0, "fail"), (0, "fail"), (5, "ask+"), (9, "ask-1"), (10, "ask+"), (11, "ok")],
            0,
        );
    }

    #[test]
    fn late_failures_do_not_prolong_it() {
        check(&[(0, "fail"), (0, "fail"), (0, "fail"), (4, "fail"), (4, "ask-1"), (5, "ask+")], 1);
    }
}
