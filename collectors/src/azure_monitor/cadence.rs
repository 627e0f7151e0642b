//! When to ask for what, how far back, and up to when what came is complete. Pure.
//!
//! All times are ENDs of grains.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::{Measurement, Timestamp};

use super::plan::Stretch;

/// Grains that are read again, because the newest ones are corrected and late ones come. Source: practice of exporters; Azure
/// promises no time after which a grain is final.
pub(super) const REREAD: u32 = 4;
/// How long a grain is left to settle before it is judged, beyond the delay its mapping names: so it was read twice.
pub(super) const SETTLE: Duration = Duration::from_secs(60);
/// How long a watermark waits for a region whose data stays away, before what stayed away counts as missing.
pub(super) const LATE_MAX: Duration = Duration::from_secs(600);
/// Grains up to this long move a watermark; longer ones would hold it back for hours.
pub(super) const MARKING_MAX: Duration = Duration::from_secs(300);

/// How far one period of one namespace in one region was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Track {
    /// What policies read.
    used: Option<Timestamp>,
    /// What no policy reads.
    others: Option<Timestamp>,
    /// What policies read then: one that joins brings its past.
    members: BTreeSet<Arc<str>>,
}

/// What to read now.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Due {
    pub(super) stretch: Stretch,
    /// Whether metrics that no policy reads are read too.
    pub(super) with_others: bool,
}

/// How a namespace is to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) period: Duration,
    pub(super) delay: Duration,
    pub(super) other_interval: Duration,
    pub(super) backfill: Duration,
}

/// The newest grain that is published.
fn newest(now: Timestamp, pace: &Pace) -> Timestamp {
    floor(now.minus(pace.delay), pace.period)
}

fn floor(at: Timestamp, period: Duration) -> Timestamp {
    let period = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_millis(at.millis() - at.millis().rem_euclid(period))
}

impl Track {
    /// What is due; `None` where nothing new can be there. `members` are the metrics policies read, `has_others` says whether
    /// there are others.
    pub(super) fn due(
        &self,
        now: Timestamp,
        pace: &Pace,
        members: &BTreeSet<Arc<str>>,
        has_others: bool,
    ) -> Option<Due> {
        let end = newest(now, pace);
        let has_joined = !members.is_subset(&self.members);
        let others_due = match self.others {
            _ if has_joined => true,
            None => has_others,
            Some(read) => has_others && end.since(read) >= pace.other_interval.max(pace.period),
        };
        let used_due = !members.is_empty() && self.used.is_none_or(|read| read < end);
        if !(others_due || used_due) {
            return None;
        }
        // Where both are read they are read over the same time: a formula may take one of each.
        let since = |read: Option<Timestamp>| {
            read.map_or(Timestamp::from_millis(i64::MIN), |read| read.minus(pace.period * REREAD))
        };
        let mut start = if members.is_empty() { since(self.others) } else { since(self.used) };
        if others_due {
            start = start.min(since(self.others));
        }
        let oldest = floor(end.minus(pace.backfill.max(pace.period * REREAD)), pace.period);
        let stretch = Stretch { period: pace.period, delay: pace.delay, start: start.max(oldest), end };
        Some(Due { stretch, with_others: others_due })
    }

    /// Whether time lies between what was read before and what is due: more than is made up.
    pub(super) fn leaves_gap(&self, due: &Due) -> bool {
        self.used.is_some_and(|read| read < due.stretch.start)
    }

    /// What was due came.
    pub(super) fn read(&mut self, due: &Due, members: BTreeSet<Arc<str>>) {
        if !members.is_empty() {
            self.used = Some(due.stretch.end);
        }
        if due.with_others {
            self.others = Some(due.stretch.end);
        }
        self.members = members;
    }

    /// Up to when what policies read is complete: until the next grain ends there is nothing to miss. `None` before
    /// anything was read.
    pub(super) fn complete(&self, period: Duration) -> Option<Timestamp> {
        self.used.or(self.others).map(|read| read.plus(period).minus(Duration::from_millis(1)))
    }
}

/// The newest data of a region: which grain the bulk of its series has reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bulk(Option<Timestamp>);

impl Bulk {
    /// Takes in what was read of one-minute metrics that policies read. Series count that had values at the beginning of
    /// what is read again, so one that ended before, or that has values only now and then, holds nobody up.
    pub(super) fn see(&mut self, measurements: &[Measurement], period: Duration, end: Timestamp) {
        let first = end.minus(period * REREAD);
        let mut reached: BTreeMap<Timestamp, usize> = BTreeMap::new();
        let mut series = 0;
        for measurement in measurements {
            let recent = measurement.points.iter().map(|(at, _)| *at).filter(|at| *at >= first);
            let recent: BTreeSet<Timestamp> = recent.collect();
            if !recent.contains(&first) {
                continue;
            }
            series += 1;
            if let Some(last) = recent.last() {
                *reached.entry(*last).or_default() += 1;
            }
        }
        let mut here = 0;
        for (at, count) in reached.into_iter().rev() {
            here += count;
            if here * 2 >= series {
                self.0 = Some(self.0.map_or(at, |known| known.max(at)));
                return;
            }
        }
    }
}

/// Up to when a region's data is complete and settled. Each of `complete` is what one period of one namespace has come to;
/// `delay` is the longest after which they are published.
pub(super) fn watermark(
    now: Timestamp,
    delay: Duration,
    complete: impl IntoIterator<Item = Timestamp>,
    bulk: Bulk,
) -> Timestamp {
    const MINUTE: Duration = Duration::from_secs(60);
    let settled = now.minus(delay).minus(SETTLE);
    let mut mark = complete.into_iter().fold(settled, Timestamp::min);
    if let Bulk(Some(reached)) = bulk {
        let waited_for = settled.minus(LATE_MAX);
        // Until the bulk is there, the present of the region is not known.
        mark = mark.min(reached.plus(MINUTE).minus(Duration::from_millis(1)).max(waited_for));
    }
    floor(mark, MINUTE)
}

/// The state of one region of one subscription.
#[derive(Clone, Debug, Default)]
pub(super) struct Region {
    pub(super) tracks: HashMap<(Arc<str>, Duration), Track>,
    pub(super) bulk: Bulk,
    /// Since when the region is complete.
    pub(super) complete_since: Option<Timestamp>,
}

#[cfg(test)]
mod tests;
