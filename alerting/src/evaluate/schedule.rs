//! Which instants of event time are due: a fixed grid up to the watermark, and the watermark itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::query::SourceWatermark;
use crate::policy::Policy;

/// Instants evaluated at most per policy, source and tick: an hour at 15 s. After a longer jump of the watermark (a
/// backfill, a laptop's sleep) the older ones are skipped, which counts as missing values, so that catching up never
/// delays what is happening now.
const CATCH_UP_INSTANTS_MAX: u64 = 240;

/// A source whose watermark is older than this, on top of its delay and three of its periods, no longer holds back the
/// policies that look at all sources together: twice the five minutes for which a source is merely late.
const LIVE_LAG_MAX: Duration = Duration::from_secs(10 * 60);

/// The least grace of no-data; the longest ordinary gap of a scrape (a restart, a deployment) is shorter.
const NO_DATA_AFTER_MIN: Duration = Duration::from_secs(5 * 60);

/// Who reports: one source, or the policy over all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reporter {
    /// All sources together, at the least of their watermarks.
    Policy,
    /// One source, at its own watermark.
    Source(Arc<str>),
}

impl Reporter {
    /// As an alert's `sources` names it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Policy => "policy",
            Self::Source(source) => source,
        }
    }

    /// The reverse of [`Reporter::name`] for a policy's alerts.
    pub(super) fn of(name: &str, policy: &Policy) -> Self {
        if policy.is_by_resource() { Self::Source(name.into()) } else { Self::Policy }
    }

    pub(super) fn source(&self) -> Option<&str> {
        match self {
            Self::Policy => None,
            Self::Source(source) => Some(source),
        }
    }
}

/// The instants one reporter is due for, and how to tell silence from a gap at them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) reporter: Reporter,
    /// The first instant of it was never evaluated before: what is there is not known yet.
    pub(super) is_first: bool,
    /// The source's period, the longest of several.
    pub(super) period: Duration,
    /// A group without a sample for this long is silent: period + delay + grace.
    pub(super) freshness: Duration,
    /// Silence before this is ours.
    pub(super) complete_since: Timestamp,
    /// Instants left out because there were too many.
    pub(super) skipped: u64,
    /// Instants of the grid, in milliseconds, both included; none where the first is after the last.
    grid: (i64, i64),
    step: i64,
    /// The watermark, where it lies beyond the grid's last instant: the newest sample is judged at once, and also when no
    /// other ever follows it.
    head: Option<i64>,
}

impl Run {
    /// Whether a group whose data is complete up to `until` cannot be judged at `at`: a sample may be missing because it was
    /// not read. Between two samples there is none to miss.
    pub(super) fn is_beyond(&self, until: Timestamp, at: Timestamp) -> bool {
        !self.period.is_zero() && at >= until.plus(self.period)
    }

    /// The due instants, ascending, at least one.
    pub(super) fn instants(&self) -> impl Iterator<Item = Timestamp> + use<> {
        let ((first, last), step) = (self.grid, self.step);
        let on_grid = std::iter::successors(Some(first), move |at| at.checked_add(step));
        on_grid.take_while(move |at| *at <= last).chain(self.head).map(Timestamp::from_millis)
    }
}

/// Everything due of one policy. `cursors` holds the last evaluated instant per reporter.
pub(super) fn due(
    policy: &Policy,
    sources: &[SourceWatermark],
    cursors: &BTreeMap<Reporter, Timestamp>,
    interval: Duration,
    now: Timestamp,
) -> Vec<Run> {
    let plan = |reporter: Reporter, merged: &SourceWatermark| {
        let cursor = cursors.get(&reporter).copied();
        // A sample from the future would take the cursor along and leave the present unwatched.
        let watermark = merged.watermark.min(now);
        run(policy, reporter, &SourceWatermark { watermark, ..merged.clone() }, cursor, interval)
    };
    if policy.is_by_resource() {
        return sources
            .iter()
            .filter_map(|source| plan(Reporter::Source(source.source.clone()), source))
            .collect();
    }
    together(sources, now).and_then(|merged| plan(Reporter::Policy, &merged)).into_iter().collect()
}

/// All live sources as one: complete as far as the slowest, silent no earlier than the most patient one. A group is made of
/// the resources of many parts here, so that parts left behind count, for as long as they are live.
fn together(sources: &[SourceWatermark], now: Timestamp) -> Option<SourceWatermark> {
    let live = |source: &SourceWatermark| {
        let is_live = |at: &Timestamp| now.since(*at) <= LIVE_LAG_MAX + source.delay + source.period * 3;
        let whole = source.behind.map(|behind| behind.min(source.watermark));
        let watermark = whole.filter(is_live).or(Some(source.watermark).filter(is_live))?;
        Some(SourceWatermark { watermark, ..source.clone() })
    };
    sources.iter().filter_map(live).reduce(|a, b| SourceWatermark {
        source: a.source,
        watermark: a.watermark.min(b.watermark),
        behind: None,
        complete_since: a.complete_since.max(b.complete_since),
        pasts: a.pasts + b.pasts,
        period: a.period.max(b.period),
        delay: a.delay.max(b.delay),
    })
}

fn run(
    policy: &Policy,
    reporter: Reporter,
    source: &SourceWatermark,
    cursor: Option<Timestamp>,
    interval: Duration,
) -> Option<Run> {
    // Between two samples there is nothing new to see.
    let step = millis(interval.max(source.period)).max(1);
    let last = source.watermark.millis().div_euclid(step) * step;
    // Never evaluated: `for` is taken from the past that is already there, after a restart and for a new policy alike.
    let look_back = millis(policy.hold_for_max()).saturating_add(step);
    let wanted = match cursor {
        Some(cursor) => (cursor.millis().div_euclid(step) + 1) * step,
        None => last.saturating_sub(look_back).div_euclid(step) * step,
    };
    let is_evaluated = |at: i64| cursor.is_some_and(|cursor| cursor.millis() >= at);
    let watermark = source.watermark.millis();
    let head = (watermark > last && !is_evaluated(watermark)).then_some(watermark);
    if wanted > last && head.is_none() {
        return None;
    }
    let count = u64::try_from((last - wanted).div_euclid(step) + 1).unwrap_or(0);
    let skipped = count.saturating_sub(CATCH_UP_INSTANTS_MAX);
    let first = wanted + i64::try_from(skipped).unwrap_or(i64::MAX).saturating_mul(step);
    let grace = policy.no_data_after.unwrap_or_else(|| NO_DATA_AFTER_MIN.max(source.period * 3));
    Some(Run {
        reporter,
        is_first: cursor.is_none(),
        period: source.period,
        freshness: source.period + source.delay + grace,
        complete_since: source.complete_since,
        skipped: if cursor.is_some() { skipped } else { 0 },
        grid: (first, last),
        step,
        head,
    })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policies;

    const SECOND: i64 = 1000;

    fn policy(by: &str) -> Policy {
        let text =
            format!("policies: [{{name: P, metric: m, by: [{by}], levels: {{warning: '> 1'}}, for: 30s}}]");
        Policies::parse(&text).unwrap().remove(0)
    }

    fn source(name: &str, watermark: i64, period: u64, delay: u64) -> SourceWatermark {
        SourceWatermark {
            source: name.into(),
            watermark: Timestamp::from_millis(watermark),
            behind: None,
            complete_since: Timestamp::from_millis(0),
            pasts: 0,
            period: Duration::from_secs(period),
            delay: Duration::from_secs(delay),
        }
    }

    fn check(
        by: &str,
        sources: &[SourceWatermark],
        cursor: Option<(Reporter, i64)>,
        expected: &[(&str, &[i64])],
    ) {
        let cursors = cursor.into_iter().map(|(by, at)| (by, Timestamp::from_millis(at))).collect();
        let now = Timestamp::from_millis(10_000 * SECOND);
        let runs = due(&policy(by), sources, &cursors, Duration::from_secs(15), now);
        let found: Vec<(&str, Vec<i64>)> = runs
            .iter()
            .map(|run| (run.reporter.name(), run.instants().map(|at| at.millis() / SECOND).collect()))
            .collect();
        let expected: Vec<(&str, Vec<i64>)> =
            expected.iter().map(|(name, at)| (*name, at.to_vec())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_source_goes_up_to_its_own_watermark() {
        let sources = [source("a", 9_990_000, 15, 0), source("b", 9_600_000, 300, 300)];
        check("resource_id", &sources, None, &[("a", &[9945, 9960, 9975, 9990]), ("b", &[9000, 9300, 9600])]);
    }

    #[test]
    fn nothing_is_due_twice() {
        let a = Reporter::Source("a".into());
        check("resource_id", &[source("a", 9_990_000, 15, 0)], Some((a.clone(), 9_990_000)), &[]);
        check("resource_id", &[source("a", 9_990_000, 15, 0)], Some((a, 9_975_000)), &[("a", &[9990])]);
    }

    #[test]
    fn the_watermark_itself_is_due_once() {
        let (a, sources) = (Reporter::Source("a".into()), [source("a", 9_992_000, 15, 0)]);
        check("resource_id", &sources, Some((a.clone(), 9_975_000)), &[("a", &[9990, 9992])]);
        check("resource_id", &sources, Some((a.clone(), 9_991_000)), &[("a", &[9992])]);
        check("resource_id", &sources, Some((a, 9_992_000)), &[]);
    }

    #[test]
    fn a_watermark_in_the_future_counts_as_now() {
        let cursor = Some((Reporter::Source("a".into()), 9_990_000));
        check("resource_id", &[source("a", i64::MAX, 15, 0)], cursor, &[("a", &[10_000])]);
    }

    #[test]
    fn together_the_slowest_live_source_sets_the_pace() {
        let late = source("b", 9_600_000, 60, 300);
        let dead = source("c", 1_000_000, 15, 0);
        let cursor = Some((Reporter::Policy, 9_540_000));
        check("cloud_region", &[source("a", 9_990_000, 15, 0), late, dead], cursor, &[("policy", &[9600])]);
    }

    #[test]
    fn together_a_failing_region_is_waited_for_and_then_left_out() {
        let behind = |mark: i64| SourceWatermark {
            behind: Some(Timestamp::from_millis(mark)),
            ..source("a", 9_990_000, 60, 180)
        };
        let cursor = Some((Reporter::Policy, 9_000_000));
        check("cloud_region", &[behind(9_120_000)], cursor, &[("policy", &[9060, 9120])]);
        let cursor = Some((Reporter::Policy, 9_900_000));
        check("cloud_region", &[behind(9_000_000)], cursor, &[("policy", &[9960, 9990])]);
    }

    #[test]
    fn a_sample_that_was_due_and_not_read_is_no_gap() {
        let sources = [source("a", 9_990_000, 60, 0)];
        let cursors = BTreeMap::new();
        let now = Timestamp::from_millis(10_000 * SECOND);
        let run = due(&policy("resource_id"), &sources, &cursors, Duration::from_secs(15), now).remove(0);
        let at = Timestamp::from_millis;
        assert!(!run.is_beyond(at(9_900_000), at(9_959_999)), "its next sample is not due yet");
        assert!(run.is_beyond(at(9_900_000), at(9_960_000)));
        assert!(run.is_beyond(at(i64::MIN), at(9_000_000)), "never read since the start");
    }

    #[test]
    fn a_jump_of_the_watermark_is_bounded_and_counted() {
        let cursors = BTreeMap::from([(Reporter::Source("a".into()), Timestamp::from_millis(0))]);
        let sources = [source("a", 9_000_000, 15, 0)];
        let now = Timestamp::from_millis(9_000_000);
        let runs = due(&policy("resource_id"), &sources, &cursors, Duration::from_secs(15), now);
        assert_eq!(runs[0].instants().count(), 240);
        assert_eq!(runs[0].skipped, 600 - 240);
        assert_eq!(runs[0].instants().last(), Some(Timestamp::from_millis(9_000_000)));
    }
}
