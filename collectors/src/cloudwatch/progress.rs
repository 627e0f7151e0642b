//! How far one bundle of metrics has been read, and how far the region. Pure.

use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::cadence::Cadence;
use crate::Window;

/// A bundle that fails holds its region back for this long; then the others go on without it.
const HELD_BACK_MAX: Duration = Duration::from_secs(10 * 60);
/// Longer periods hold nothing back.
pub(super) const FAST_MAX: Duration = Duration::from_secs(300);

/// How far a bundle was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Progress {
    /// Every period that ends up to here was read; `None` before the first time.
    pub(super) read_to: Option<Timestamp>,
    /// Every period that ends after here was, up to there.
    pub(super) read_from: Option<Timestamp>,
    /// What lies before and is still to be read.
    pub(super) owed: Option<Window>,
    pub(super) cadence: Cadence,
    /// The end of the newest period that had a value.
    pub(super) newest: Option<Timestamp>,
    /// When it was last answered.
    pub(super) answered: Option<Timestamp>,
    pub(super) failing: Option<Failing>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Failing {
    since: Timestamp,
    /// AWS will not give it, however often it is asked.
    is_final: bool,
}

/// What an answer says about a bundle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// Every period that ends up to here was read.
    pub(super) read_to: Timestamp,
    pub(super) cadence: Cadence,
    /// The end of the newest period that has a value.
    pub(super) newest: Option<Timestamp>,
}

impl Progress {
    /// The newest was read: `window`, and `left` lies before it unread.
    pub(super) fn read(&mut self, window: Window, left: Option<Window>, seen: Seen, now: Timestamp) {
        if self.read_from.is_none() || left.is_some() {
            self.read_from = Some(window.start);
        }
        self.read_to = self.read_to.max(Some(seen.read_to));
        self.owed = left.or(self.owed);
        self.cadence = seen.cadence;
        self.answered(seen, now);
    }

    /// What was owed was read.
    pub(super) fn made_up(&mut self, window: Window, seen: Seen, now: Timestamp) {
        self.owed = None;
        self.read_from = self.read_from.min(Some(window.start));
        self.answered(seen, now);
    }

    fn answered(&mut self, seen: Seen, now: Timestamp) {
        self.newest = self.newest.max(seen.newest);
        self.answered = Some(now);
        self.failing = None;
    }

    /// It was asked for and did not come.
    pub(super) fn failed(&mut self, is_final: bool, now: Timestamp) {
        let since = self.failing.map_or(now, |failing| failing.since);
        self.failing = Some(Failing { since, is_final });
    }
}

/// What the watermark of a region looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) progress: &'a Progress,
    /// The period it is read in.
    pub(super) period: Duration,
    /// A policy reads it.
    pub(super) is_in_use: bool,
}

/// Up to when everything that policies read is there; what none reads counts only where they read nothing. A bundle is complete
/// until just before its next period ends. `None` while something was never read.
pub(super) fn watermark<'a>(
    members: impl Iterator<Item = Member<'a>> + Clone,
    now: Timestamp,
) -> Option<Timestamp> {
    let fast = members.filter(|member| member.period <= FAST_MAX);
    let is_any_used = fast.clone().any(|member| member.is_in_use);
    let counted = fast.filter(|member| member.is_in_use || !is_any_used);
    let counted = counted.filter(|member| !is_given_up(member.progress, now));
    let (mut complete, mut newest): (Option<Timestamp>, Option<Timestamp>) = (None, None);
    for Member { progress, period, .. } in counted {
        let read_to = progress.read_to?;
        let before_next = read_to.plus(period).minus(Duration::from_millis(1));
        complete = Some(complete.map_or(before_next, |other| other.min(before_next)));
        newest = newest.max(Some(read_to));
    }
    complete.min(newest)
}

/// Since when everything that policies read is there without a gap; `None` while a gap is open.
pub(super) fn complete_since<'a>(
    members: impl Iterator<Item = Member<'a>>,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut since = None;
    for Member { progress, period, is_in_use } in members {
        if !is_in_use || period > FAST_MAX || is_given_up(progress, now) {
            continue;
        }
        if progress.owed.is_some() {
            return None;
        }
        since = since.max(Some(progress.read_from?));
    }
    since
}

fn is_given_up(progress: &Progress, now: Timestamp) -> bool {
    progress.failing.is_some_and(|failing| failing.is_final || now.since(failing.since) > HELD_BACK_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    fn read_to(minutes: i64) -> Progress {
        Progress { read_to: Some(at(minutes)), ..Progress::default() }
    }

    fn member(progress: &Progress, minutes: u32, is_in_use: bool) -> Member<'_> {
        Member { progress, period: MINUTE * minutes, is_in_use }
    }

    #[test]
    fn what_policies_read_decides_and_long_periods_do_not() {
        let (fast, basic, day, other) = (read_to(100), read_to(95), read_to(10), read_to(90));
        let one = [member(&fast, 1, true), member(&day, 1440, true), member(&other, 1, false)];
        assert_eq!(watermark(one.into_iter(), at(103)), Some(at(100)));
        // Of the five minutes that end at 100, nothing is there yet.
        let two = [member(&fast, 1, true), member(&basic, 5, true)];
        let before = at(100).minus(Duration::from_millis(1));
        assert_eq!(watermark(two.into_iter(), at(103)), Some(before));
        let unused = [member(&fast, 1, false), member(&other, 1, false)];
        assert_eq!(watermark(unused.into_iter(), at(103)), Some(at(91).minus(Duration::from_millis(1))));
        assert_eq!(watermark([].into_iter(), at(103)), None);
    }

    #[test]
    fn what_fails_holds_back_for_a_while_and_what_is_forbidden_never() {
        let fast = read_to(100);
        let mut stuck = read_to(80);
        let both = |stuck: &Progress, now| {
            watermark([member(&fast, 1, true), member(stuck, 1, true)].into_iter(), now)
        };
        stuck.failed(false, at(95));
        stuck.failed(false, at(99));
        assert_eq!(both(&stuck, at(103)), Some(at(81).minus(Duration::from_millis(1))));
        assert_eq!(both(&stuck, at(106)), Some(at(100)));
        let mut forbidden = Progress::default();
        assert_eq!(both(&forbidden, at(103)), None, "never read");
        forbidden.failed(true, at(103));
        assert_eq!(both(&forbidden, at(103)), Some(at(100)));
    }

    #[test]
    fn a_gap_is_open_until_it_is_made_up() {
        let seen = |to| Seen { read_to: at(to), cadence: Cadence::Unknown, newest: None };
        let window = |from, to| Window { start: at(from), end: at(to) };
        let mut progress = Progress::default();
        progress.read(window(0, 50), None, seen(50), at(52));
        let since = |progress: &Progress| complete_since([member(progress, 1, true)].into_iter(), at(200));
        assert_eq!(since(&progress), Some(at(0)));
        progress.read(window(97, 100), Some(window(48, 97)), seen(100), at(102));
        assert_eq!((since(&progress), progress.read_to), (None, Some(at(100))));
        progress.made_up(window(48, 97), seen(97), at(102));
        assert_eq!((since(&progress), progress.read_to), (Some(at(48)), Some(at(100))));
    }
}
