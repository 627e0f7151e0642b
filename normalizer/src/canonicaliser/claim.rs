//! Who feeds a canonical series, where several raw series could.

use std::collections::HashMap;
use std::time::Duration;

use super::flow::FlowKey;
use super::unwanted::IdentityBuilder;
use crate::{SeriesId, Timestamp};

/// How long the feeder of a series may be silent before another takes over: Prometheus' lookback.
const SILENCE_MAX: Duration = Duration::from_secs(5 * 60);

/// One machine may be scraped by two jobs, or by two Prometheus servers that are each other's spare: their series
/// differ in labels a canonical series does not carry. One of them feeds it: the first by record and key, whatever
/// order they come in, and the next one when it ends or falls silent.
#[derive(Debug, Default)]
pub(super) struct Claims {
    by_series: HashMap<SeriesId, Claim, IdentityBuilder>,
}

#[derive(Debug)]
struct Claim {
    /// Who feeds it now, or did until it ended.
    owner: FlowKey,
    /// Time of the latest value.
    last: Timestamp,
    ended: bool,
}

impl Claims {
    /// Whether `flow` may give `series` its value at `at`.
    pub(super) fn claim(&mut self, series: SeriesId, flow: FlowKey, at: Timestamp) -> bool {
        let claim = self.by_series.entry(series).or_insert(Claim { owner: flow, last: at, ended: false });
        // Not yet at the very time the owner ended: whether its end or this value comes first must not matter.
        let free_after = if claim.ended { claim.last } else { claim.last.plus(SILENCE_MAX) };
        if claim.owner < flow && at <= free_after {
            return false;
        }
        *claim = Claim { owner: flow, last: claim.last.max(at), ended: false };
        true
    }

    /// Whether `flow` feeds `series`; if so it does no longer from `at` on.
    pub(super) fn release(&mut self, series: SeriesId, flow: FlowKey, at: Timestamp) -> bool {
        let Some(claim) = self.by_series.get_mut(&series).filter(|claim| claim.owner == flow) else {
            return false;
        };
        claim.ended = at >= claim.last;
        claim.last = claim.last.max(at);
        true
    }

    pub(super) fn forget_idle(&mut self, before: Timestamp) {
        self.by_series.retain(|_, claim| claim.last >= before);
    }
}
