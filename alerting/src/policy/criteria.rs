//! When a policy fires and when it recovers: its levels, its recover condition, its `for`.

use std::time::Duration;

use isobar_normalizer::Severity;

use super::condition::{Condition, Direction};

/// What decides the state of one group: levels, when it recovers, and how long a level must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Criteria {
    /// Mildest first, at least one; every one points the same way and a worse one holds for fewer values.
    levels: Vec<(Severity, Condition)>,
    recover: Option<Condition>,
    hold_for: Duration,
}

impl Criteria {
    /// Checks that the levels agree with each other and with the recover condition.
    ///
    /// # Errors
    /// One line that says which two contradict and what would be right.
    pub(super) fn new(
        mut levels: Vec<(Severity, Condition)>,
        recover: Option<Condition>,
        hold_for: Duration,
    ) -> Result<Self, String> {
        levels.sort_by_key(|(severity, _)| *severity);
        let Some((_, mildest)) = levels.first() else {
            return Err("no levels: write at least one, like {critical: \"> 95%\"}".to_owned());
        };
        if mildest.direction() == Direction::AllButPoint && levels.len() > 1 {
            return Err("a level with != stands alone: every other level would lie inside it".to_owned());
        }
        for pair in levels.windows(2) {
            let ((mild, milder), (bad, worse)) = (pair[0], pair[1]);
            if worse.direction() != milder.direction() {
                return Err(format!(
                    "{mild} \"{milder}\" and {bad} \"{worse}\" point different ways: all levels share one direction"
                ));
            }
            if !worse.is_worse_than(milder) {
                return Err(format!(
                    "{bad} \"{worse}\" is not beyond {mild} \"{milder}\": the worse level holds for fewer values"
                ));
            }
        }
        if let Some(recover) = recover
            && let Some((severity, level)) = levels.iter().find(|(_, level)| recover.overlaps(*level))
        {
            return Err(format!(
                "recover \"{recover}\" overlaps {severity} \"{level}\": a value must not fire and recover at once"
            ));
        }
        Ok(Self { levels, recover, hold_for })
    }

    /// The levels, mildest first.
    pub fn levels(&self) -> &[(Severity, Condition)] {
        &self.levels
    }

    /// The separate condition of recovery; without one an alert recovers when no level holds.
    pub fn recover(&self) -> Option<Condition> {
        self.recover
    }

    /// How long a level must hold, in event time.
    pub fn hold_for(&self) -> Duration {
        self.hold_for
    }

    /// The mildest level's severity.
    pub fn mildest(&self) -> Severity {
        self.levels[0].0
    }

    /// The worst level that the value meets.
    pub fn worst(&self, value: f64) -> Option<(Severity, Condition)> {
        self.levels.iter().rev().find(|(_, level)| level.holds(value)).copied()
    }

    /// The condition of the level, or of the worst one below it where the policy has no such level.
    pub fn level(&self, severity: Severity) -> Condition {
        let at_most = self.levels.iter().rev().find(|(level, _)| *level <= severity);
        at_most.unwrap_or(&self.levels[0]).1
    }

    /// Whether small values are the bad ones.
    pub(super) fn points_down(&self) -> bool {
        self.levels[0].1.direction() == Direction::Down
    }
}
