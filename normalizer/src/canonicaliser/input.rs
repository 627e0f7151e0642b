//! One raw series that some mapping wants: its last sample, and the flows it feeds.

use std::time::Duration;

use super::flow::FlowKey;
use crate::mapping::{Counter, Side};
use crate::{Sample, Timestamp};

/// The shortest gap that ends a counter's state: Prometheus' lookback.
const LOOKBACK: Duration = Duration::from_secs(5 * 60);

/// A counter that was silent for longer begins anew: a mean over an outage would pass for the latest rate.
/// The same `max(5 m, 2 × period + delay)` after which a selector no longer sees a series.
pub(super) fn gap_max(period: Duration, delay: Duration) -> Duration {
    LOOKBACK.max(period.saturating_mul(2).saturating_add(delay))
}

/// State of one raw series.
#[derive(Debug)]
pub(super) struct Input {
    /// The resources it describes, and what it says of them.
    pub(super) described: Vec<(u64, Description)>,
    pub(super) feeds: Vec<Feed>,
    /// Time of its latest sample.
    pub(super) last: Timestamp,
    /// Value of its latest sample; `None` when that was no number, or there was none.
    value: Option<f64>,
}

/// What a series says of a resource in its labels; empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) name: Box<str>,
    pub(super) service: Box<str>,
}

/// One operand of one flow that a series feeds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feed {
    pub(super) flow: FlowKey,
    /// The resource it measures, by key.
    pub(super) resource: u64,
    pub(super) side: Side,
    pub(super) counter: Option<Counter>,
}

/// What a series says for one timestamp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Report {
    /// A finite value.
    Value(f64),
    /// The series is there and has no value yet: a counter's first sample.
    Pending,
    /// The series has ended, or is not a number.
    Gone,
}

/// What a sample is for a counter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// The first after a beginning, a gap or something that is no number.
    First,
    /// Increase since the sample before and the seconds between them.
    Increase { amount: f64, seconds: f64 },
    /// No number.
    End,
    /// Not newer than the sample before.
    OutOfOrder,
}

impl Input {
    /// The resources it measures, by key; one may come several times.
    pub(super) fn resources(&self) -> impl Iterator<Item = u64> {
        self.feeds
            .iter()
            .map(|feed| feed.resource)
            .chain(self.described.iter().map(|(resource, _)| *resource))
    }

    pub(super) fn new() -> Self {
        Self { described: Vec::new(), feeds: Vec::new(), last: Timestamp::from_millis(i64::MIN), value: None }
    }

    /// Moves on to the sample. A counter that has decreased was reset and counts from zero, as in Prometheus' `rate`.
    pub(super) fn advance(&mut self, sample: &Sample, gap_max: Duration) -> Change {
        if sample.at <= self.last {
            return Change::OutOfOrder;
        }
        let gap = sample.at.since(self.last);
        let before = self.value.filter(|_| gap <= gap_max);
        self.last = sample.at;
        self.value = Some(sample.value).filter(|value| value.is_finite());
        match (before, self.value) {
            (_, None) => Change::End,
            (None, Some(_)) => Change::First,
            (Some(before), Some(now)) => {
                let amount = if now < before { now } else { now - before };
                Change::Increase { amount, seconds: gap.as_secs_f64() }
            }
        }
    }
}

impl Feed {
    /// What the sample says to this operand; `None` when it says nothing.
    pub(super) fn report(&self, value: f64, change: Change) -> Option<Report> {
        let report = match (self.counter, change) {
            (None, _) if value.is_finite() => Report::Value(value),
            (_, Change::OutOfOrder) => return None,
            (None, _) | (Some(_), Change::End) => Report::Gone,
            (Some(_), Change::First) => Report::Pending,
            (Some(Counter::Delta), Change::Increase { amount, .. }) => Report::Value(amount),
            (Some(Counter::Rate), Change::Increase { amount, seconds }) => Report::Value(amount / seconds),
        };
        Some(report)
    }
}
