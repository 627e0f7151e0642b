//! Which stages of the pipeline are alive: each reports its rounds, and one that is overdue turns health red.

use std::collections::BTreeMap;
use std::time::Duration;

use isobar_normalizer::Timestamp;
use parking_lot::Mutex;

/// A stage may be silent for this long beyond its own interval before it counts as stuck.
const GRACE: Duration = Duration::from_secs(30);

/// The stages and when each last finished a round.
#[derive(Debug, Default)]
pub struct Stages {
    rounds: Mutex<BTreeMap<&'static str, Round>>,
}

#[derive(Clone, Debug)]
struct Round {
    interval: Duration,
    finished: Timestamp,
    trouble: Option<(String, Timestamp)>,
}

/// How one stage stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageState {
    /// Its name.
    pub name: &'static str,
    /// What is wrong, and since when; `None` when it works.
    pub trouble: Option<(String, Timestamp)>,
}

impl Stages {
    /// Reports that a stage begins; one whose first round never ends is stuck too.
    pub fn started(&self, name: &'static str, interval: Duration, now: Timestamp) {
        self.rounds.lock().insert(name, Round { interval, finished: now, trouble: None });
    }

    /// Reports that a stage, which runs every `interval`, has finished a round well.
    pub fn finished(&self, name: &'static str, interval: Duration, now: Timestamp) {
        metrics::gauge!("isobar_stage_last_round_timestamp_seconds", "stage" => name).set(now.seconds());
        self.rounds.lock().insert(name, Round { interval, finished: now, trouble: None });
    }

    /// Reports that a stage's round failed; it stays in trouble until a round finishes well.
    pub fn failed(&self, name: &'static str, interval: Duration, what: String, now: Timestamp) {
        let mut rounds = self.rounds.lock();
        let since =
            rounds.get(name).and_then(|round| round.trouble.as_ref()).map_or(now, |(_, since)| *since);
        rounds.insert(name, Round { interval, finished: now, trouble: Some((what, since)) });
    }

    /// Reports how a stage's round ended.
    pub fn ended(&self, name: &'static str, interval: Duration, outcome: Result<(), String>, now: Timestamp) {
        match outcome {
            Ok(()) => self.finished(name, interval, now),
            Err(what) => self.failed(name, interval, what, now),
        }
    }

    /// Every stage: failed ones with their reason, silent ones as stuck.
    pub fn states(&self, now: Timestamp) -> Vec<StageState> {
        let state = |(name, round): (&&'static str, &Round)| {
            let due = round.finished.plus(round.interval * 2 + GRACE);
            let stuck = || (format!("no round has finished since {}", round.finished), due);
            let trouble = round.trouble.clone().or_else(|| (now > due).then(stuck));
            StageState { name, trouble }
        };
        self.rounds.lock().iter().map(state).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn silence_and_failure_are_trouble_until_a_round_goes_well() {
        let stages = Stages::default();
        let interval = Duration::from_secs(1);
        stages.started("evaluate", interval, at(0));
        assert_eq!(stages.states(at(32))[0].trouble, None);
        assert_eq!(stages.states(at(33))[0].trouble.as_ref().map(|(_, since)| *since), Some(at(32)));
        stages.failed("evaluate", interval, "journal: disk full".to_owned(), at(40));
        stages.failed("evaluate", interval, "journal: disk full".to_owned(), at(41));
        assert_eq!(stages.states(at(41))[0].trouble, Some(("journal: disk full".to_owned(), at(40))));
        stages.finished("evaluate", interval, at(42));
        assert_eq!(stages.states(at(42))[0].trouble, None);
    }
}
