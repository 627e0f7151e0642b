//! One canonical series in the making: the rounds of values its operands have reported.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use super::input::Report;
use crate::mapping::{Branch, Record, RecordIndex, Side};
use crate::{Labels, SeriesId, Timestamp};

/// A flow remembers this many timestamps, so that a sender whose queues run apart by two minutes of 15-second scrapes
/// still has its groups corrected.
const ROUNDS_MAX: usize = 8;

/// A record and the labels its operands share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FlowKey {
    pub(super) record: RecordIndex,
    pub(super) key: SeriesId,
}

/// The key is a good hash already; the record only tells flows of one key apart.
impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let RecordIndex { mapping, record } = self.record;
        let number = (mapping as u64) << 32 | record as u64;
        state.write_u64(self.key.0 ^ number.wrapping_mul(SPREAD));
    }
}

/// The odd number nearest to 2^64 divided by the golden ratio: spreads small numbers over all bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// State of one flow.
#[derive(Debug)]
pub(super) struct Flow {
    /// Labels of the canonical series.
    pub(super) output: Labels,
    /// Whether it waits to be settled.
    pub(super) queued: bool,
    /// Whether there was a value just before the oldest round.
    live: bool,
    /// Place of the oldest round that has changed since the flow was settled, or the number of rounds.
    changed_from: usize,
    /// Oldest first. Stays empty when each sample gives its result at once.
    rounds: VecDeque<Round>,
}

/// What the operands reported for one timestamp.
#[derive(Debug)]
struct Round {
    at: Timestamp,
    left: Members,
    right: Members,
    /// Whether `value` is that of the members.
    settled: bool,
    value: Option<f64>,
    emitted: Option<Emission>,
}

/// Series and what they said. Ordered by id, so that a sum does not depend on the order of arrival.
#[derive(Debug, Default)]
struct Members(Vec<(SeriesId, Report)>);

impl Members {
    /// Room for as many as there were before.
    fn like(before: Option<&Self>) -> Self {
        Self(Vec::with_capacity(before.map_or(1, |members| members.0.len())))
    }

    /// Notes what a member says; false when it had said the same.
    fn insert(&mut self, member: SeriesId, report: Report) -> bool {
        match self.0.binary_search_by_key(&member, |(id, _)| *id) {
            Ok(place) => std::mem::replace(&mut self.0[place].1, report) != report,
            Err(place) => {
                self.0.insert(place, (member, report));
                true
            }
        }
    }

    /// Whether every member that was there in `before` has reported.
    fn complete(&self, before: &Self) -> bool {
        let mut reported = self.0.iter().map(|(id, _)| id);
        // Both are in order, so one pass over each is enough.
        before
            .0
            .iter()
            .filter(|(_, report)| *report != Report::Gone)
            .all(|(id, _)| reported.any(|one| one == id))
    }
}

/// What a flow has to say about one timestamp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Emission {
    Value(f64),
    /// There is no value any more.
    Stale,
}

impl Flow {
    pub(super) fn new(output: Labels) -> Self {
        Self { output, queued: false, live: false, changed_from: 0, rounds: VecDeque::new() }
    }

    /// Takes a report of a flow that is one series and nothing else.
    pub(super) fn direct(&mut self, record: &Record, report: Report) -> Option<Emission> {
        let value = match report {
            Report::Value(value) => {
                finite(record.finish.apply(record.left.whole.apply(record.left.each.apply(value))))
            }
            Report::Pending | Report::Gone => None,
        };
        said(std::mem::replace(&mut self.live, value.is_some()), value)
    }

    /// Takes a report of one member of an operand; false when its round is closed.
    pub(super) fn report(&mut self, at: Timestamp, side: Side, member: SeriesId, report: Report) -> bool {
        let place = match self.rounds.back() {
            Some(newest) if newest.at == at => self.rounds.len() - 1,
            Some(newest) if newest.at > at => self.rounds.partition_point(|round| round.at < at),
            _ => self.rounds.len(),
        };
        if self.rounds.get(place).is_none_or(|round| round.at != at) {
            if self.rounds.len() >= ROUNDS_MAX && place == 0 {
                return false;
            }
            let round = Round::new(at, place.checked_sub(1).map(|index| &self.rounds[index]));
            self.rounds.insert(place, round);
            self.changed_from = self.changed_from.min(place);
        }
        let round = &mut self.rounds[place];
        let members = match side {
            Side::Left => &mut round.left,
            Side::Right => &mut round.right,
        };
        if members.insert(member, report) {
            round.settled = false;
            self.changed_from = self.changed_from.min(place);
        }
        true
    }

    /// Whether there is something to settle.
    pub(super) fn is_changed(&self) -> bool {
        self.changed_from < self.rounds.len()
    }

    /// Computes every round that has changed and is due: all but the newest, and the newest once every member of the
    /// round before has reported. Then drops the oldest rounds.
    pub(super) fn settle(&mut self, record: &Record, mut emit: impl FnMut(Timestamp, Emission)) {
        self.queued = false;
        while self.changed_from < self.rounds.len() {
            let index = self.changed_from;
            let before = index.checked_sub(1).map(|index| &self.rounds[index]);
            let was_there = before.map_or(self.live, |before| before.value.is_some());
            let is_newest = index + 1 == self.rounds.len();
            if is_newest && before.is_some_and(|before| !self.rounds[index].is_complete(before)) {
                break;
            }
            let round = &mut self.rounds[index];
            if !round.settled {
                round.value = round.compute(record);
                round.settled = true;
            }
            // A late value also changes what the next round has to say: that it is missing there.
            let now = said(was_there || matches!(round.emitted, Some(Emission::Value(_))), round.value);
            if let Some(emission) = now.filter(|_| now != round.emitted) {
                emit(round.at, emission);
                round.emitted = now;
            }
            self.changed_from += 1;
        }
        while self.rounds.len() > ROUNDS_MAX {
            self.live = self.rounds.pop_front().is_some_and(|round| round.value.is_some());
            self.changed_from -= 1;
        }
    }

    /// Has the newest round say again what it said: what is read back after a restart comes in another order, so that
    /// it may not have been due before.
    pub(super) fn reopen(&mut self) {
        if let Some(newest) = self.rounds.back_mut() {
            newest.emitted = None;
            self.changed_from = self.changed_from.min(self.rounds.len() - 1);
        }
    }
}

/// What to say where there is this value: nothing while a series is missing, a marker where it begins to be.
fn said(was_there: bool, value: Option<f64>) -> Option<Emission> {
    match value {
        Some(value) => Some(Emission::Value(value)),
        None => was_there.then_some(Emission::Stale),
    }
}

impl Round {
    /// A round with room for as many members as there were before.
    fn new(at: Timestamp, before: Option<&Self>) -> Self {
        let left = Members::like(before.map(|before| &before.left));
        let right = Members::like(before.map(|before| &before.right));
        Self { at, left, right, settled: false, value: None, emitted: None }
    }

    /// Whether every member that was there the round before has reported.
    fn is_complete(&self, before: &Self) -> bool {
        self.left.complete(&before.left) && self.right.complete(&before.right)
    }

    /// The result; `None` when an operand has no value, or it is no finite number.
    fn compute(&self, record: &Record) -> Option<f64> {
        let left = operand(&record.left, &self.left)?;
        let result = match &record.formula {
            None => left,
            Some((formula, right)) => formula.apply(left, operand(right, &self.right)?)?,
        };
        finite(record.finish.apply(result))
    }
}

fn operand(branch: &Branch, members: &Members) -> Option<f64> {
    branch.fold(members.0.iter().filter_map(|(_, report)| match report {
        Report::Value(value) => Some(branch.each.apply(*value)),
        Report::Pending | Report::Gone => None,
    }))
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
