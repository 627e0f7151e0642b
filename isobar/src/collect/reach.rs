//! What asking a part says of the provider: what is wrong with it, since when, and when it last answered.

use std::time::Duration;

use isobar_alerting::Trouble;
use isobar_normalizer::Timestamp;

use super::trouble::trouble;

/// Data is late when it comes so much later than it does at best, or so many intervals where that is more: what is measured
/// every five minutes comes in steps of as much.
const LATE_AFTER: Duration = Duration::from_secs(6 * 60);
const LATE_INTERVALS: u32 = 3;

/// How a provider was reached at one part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// What is wrong with asking, and since when it is this that is wrong.
    pub trouble: Option<(Trouble, Timestamp)>,
    /// When an answer last came, whatever it said.
    pub last_answer: Option<Timestamp>,
    /// How far behind its data has been at best.
    least_lag: Option<Duration>,
}

/// How asking once went.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    /// The first of what went wrong.
    pub(super) failure: Option<&'a str>,
    /// Whether samples came.
    pub(super) has_data: bool,
    /// Up to when its data is there, where it says so.
    pub(super) watermark: Option<Timestamp>,
    /// How often it is asked.
    pub(super) interval: Duration,
}

impl Reach {
    /// How it is reached after it was asked once more.
    pub(super) fn after(self, asked: &Asked<'_>) -> Self {
        let failed = asked.failure.and_then(trouble);
        let is_answer = match failed {
            Some(trouble) => trouble != Trouble::Unreachable,
            None => asked.failure.is_none(),
        };
        let lag = asked.watermark.map(|watermark| asked.began.since(watermark));
        let least_lag = self.least_lag.into_iter().chain(lag).min();
        let wrong = failed.map(|trouble| (trouble, asked.began)).or_else(|| {
            let late_after = LATE_AFTER.max(asked.interval * LATE_INTERVALS);
            let (lag, least, watermark) = (lag?, least_lag?, asked.watermark?);
            (lag > least + late_after).then(|| (Trouble::Late, watermark.plus(least)))
        });
        let before = self.trouble;
        let goes_on = |(how, since)| before.filter(|(known, _)| *known == how).unwrap_or((how, since));
        let trouble = wrong.map(goes_on);
        let answered = (is_answer || asked.has_data).then_some(asked.ended);
        Self { trouble, last_answer: answered.or(self.last_answer), least_lag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000 + seconds * 1_000)
    }

    fn asked(seconds: i64, failure: Option<&str>) -> Asked<'_> {
        Asked {
            began: at(seconds),
            ended: at(seconds + 1),
            failure,
            has_data: false,
            watermark: None,
            interval: Duration::from_secs(60),
        }
    }

    #[test]
    fn another_kind_of_trouble_begins_anew_and_what_answers_at_all_is_reached() {
        let unreachable = Some("cannot connect to monitoring.us-east-1.amazonaws.com:443: timed out");
        let steps = [
            (asked(0, None), None, Some(1)),
            (asked(60, Some("answered 503 (ServiceUnavailable)")), Some((Trouble::Errors, 60)), Some(61)),
            (asked(120, Some("InternalServiceError")), Some((Trouble::Errors, 60)), Some(121)),
            (asked(180, unreachable), Some((Trouble::Unreachable, 180)), Some(121)),
            (
                Asked { has_data: true, ..asked(240, unreachable) },
                Some((Trouble::Unreachable, 180)),
                Some(241),
            ),
            (asked(300, Some("throttled (slow down)")), Some((Trouble::Throttled, 300)), Some(301)),
            // A disk that is full here tells nothing of the provider.
            (asked(360, Some("storing: no space left")), None, Some(301)),
            (asked(420, None), None, Some(421)),
        ];
        let mut reach = Reach::default();
        for (nth, (asked, trouble, answered)) in steps.into_iter().enumerate() {
            reach = reach.after(&asked);
            let expected = (trouble.map(|(how, since)| (how, at(since))), answered.map(at));
            assert_eq!((reach.trouble, reach.last_answer), expected, "step {nth}");
        }
    }

    #[test]
    fn data_that_comes_much_later_than_at_best_is_late_since_it_should_have_come() {
        let brings = |seconds: i64, upto: i64| Asked { watermark: Some(at(upto)), ..asked(seconds, None) };
        let mut reach = Reach::default();
        // At the start it catches up.
        for (seconds, upto) in [(0, -3_000), (60, -1_000), (120, -60), (180, 0)] {
            reach = reach.after(&brings(seconds, upto));
            assert_eq!(reach.trouble, None);
        }
        for seconds in [240, 540] {
            reach = reach.after(&brings(seconds, 0));
            assert_eq!(reach.trouble, None, "at {seconds}: in steps of five minutes");
        }
        for seconds in [600, 660] {
            reach = reach.after(&brings(seconds, 0));
            assert_eq!(reach.trouble, Some((Trouble::Late, at(180))));
            assert_eq!(reach.last_answer, Some(at(seconds + 1)));
        }
        assert_eq!(reach.after(&brings(720, 540)).trouble, None);
    }
}
