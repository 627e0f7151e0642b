//! How the last hour of a source went, in blocks of two minutes.

use std::collections::VecDeque;

use isobar_normalizer::Timestamp;

/// Length of a block.
const BLOCK_MS: i64 = 120_000;
/// How many are kept: an hour.
const BLOCKS: i64 = 30;

/// Collections of one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Block {
    number: i64,
    whole: u32,
    partial: u32,
    failed: u32,
}

/// How a block went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockState {
    /// Every collection brought everything.
    Full,
    /// Some did not.
    Partial,
    /// None brought anything.
    None,
    /// There was none.
    Unknown,
}

/// How one collection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Whole,
    Partial,
    Failed,
}

/// The blocks of one source, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Strip(VecDeque<Block>);

impl Strip {
    pub(super) fn note(&mut self, outcome: Outcome, now: Timestamp) {
        let number = now.millis().div_euclid(BLOCK_MS);
        if self.0.back().is_none_or(|last| last.number < number) {
            self.0.push_back(Block { number, ..Block::default() });
        }
        while self.0.front().is_some_and(|first| first.number <= number - BLOCKS) {
            self.0.pop_front();
        }
        let block = self.0.back_mut().expect("a block was just put in");
        let count = match outcome {
            Outcome::Whole => &mut block.whole,
            Outcome::Partial => &mut block.partial,
            Outcome::Failed => &mut block.failed,
        };
        *count += 1;
    }

    /// The last hour, the block that goes on now last.
    pub(super) fn states(&self, now: Timestamp) -> Vec<BlockState> {
        let newest = now.millis().div_euclid(BLOCK_MS);
        let state = |number: i64| match self.0.iter().find(|block| block.number == number) {
            None => BlockState::Unknown,
            Some(Block { whole: 0, partial: 0, .. }) => BlockState::None,
            Some(Block { partial: 0, failed: 0, .. }) => BlockState::Full,
            Some(_) => BlockState::Partial,
        };
        (newest - BLOCKS + 1..=newest).map(state).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_tell_how_each_two_minutes_went() {
        let mut strip = Strip::default();
        let at = |minutes: i64| Timestamp::from_millis(minutes * 60_000);
        strip.note(Outcome::Whole, at(0));
        for outcome in [Outcome::Whole, Outcome::Whole] {
            strip.note(outcome, at(58));
        }
        strip.note(Outcome::Failed, at(60));
        strip.note(Outcome::Failed, at(62));
        strip.note(Outcome::Whole, at(62));
        let states = strip.states(at(65));
        assert_eq!(states.len(), 30);
        assert_eq!(
            states[25..],
            [
                BlockState::Unknown,
                BlockState::Full,
                BlockState::None,
                BlockState::Partial,
                BlockState::Unknown
            ]
        );
        assert_eq!(states[0], BlockState::Unknown, "what is over an hour old is gone");
    }
}
