//! How often a metric really comes. EC2 publishes every minute with detailed monitoring and every five without, EBS likewise by
//! volume type, and nothing says which: a query for minutes then gets one point in five, and that point stands for all five.
//!
//! Source: Amazon EC2 User Guide, "Manage detailed monitoring for your EC2 instances" and "Amazon CloudWatch metrics for
//! Amazon EBS" (2023-06).

use std::time::Duration;

use isobar_normalizer::Timestamp;

use super::catalogue::Bundle;

/// The namespaces in which it is not known beforehand. Their metrics come without gaps, so that a pattern is no accident.
const UNCERTAIN: [&str; 2] = ["AWS/EC2", "AWS/EBS"];
/// The period with basic monitoring.
pub(super) const BASIC: Duration = Duration::from_secs(300);
/// The stretch that shows it: four basic points and some.
pub(super) const SHOWN_BY: Duration = Duration::from_secs(30 * 60);
/// How long what was seen holds: monitoring can be changed.
const HOLDS: Duration = Duration::from_secs(3600);
/// So many points on five-minute marks and no other are no accident.
const MARKS_MIN: usize = 3;

/// What is known of a bundle's rhythm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cadence {
    /// Nothing yet: a long stretch has to be read.
    #[default]
    Unknown,
    /// The mapping's period; seen then.
    Mapped(Timestamp),
    /// Five minutes; seen then.
    Basic(Timestamp),
}

impl Cadence {
    /// What still holds at `now`; always the mapping's period where there is no doubt.
    pub(super) fn at(self, bundle: &Bundle, now: Timestamp) -> Self {
        if !is_uncertain(bundle) {
            return Self::Mapped(now);
        }
        match self {
            Self::Mapped(seen) | Self::Basic(seen) if now.since(seen) >= HOLDS => Self::Unknown,
            other => other,
        }
    }
}

fn is_uncertain(bundle: &Bundle) -> bool {
    bundle.period < BASIC && UNCERTAIN.contains(&&*bundle.namespace)
}

/// What the points of one metric show, asked for in periods of a minute: `starts` are the beginnings of their periods, in
/// any order.
pub(super) fn observe(starts: &mut Vec<i64>, now: Timestamp) -> Cadence {
    let basic = i64::try_from(BASIC.as_millis()).expect("five minutes fit");
    starts.sort_unstable();
    starts.dedup();
    if starts.iter().any(|start| start.rem_euclid(basic) != 0) {
        return Cadence::Mapped(now);
    }
    match (starts.first(), starts.last()) {
        (Some(first), Some(last)) if starts.len() >= MARKS_MIN => {
            let marks = usize::try_from((last - first) / basic + 1).unwrap_or(usize::MAX);
            // A metric with gaps might have fallen on the marks by chance.
            if starts.len() * 2 >= marks { Cadence::Basic(now) } else { Cadence::Unknown }
        }
        _ => Cadence::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    #[track_caller]
    fn check(minutes: &[i64], expected: Cadence) {
        let mut starts = minutes.iter().map(|minute| minute * 60_000).collect();
        assert_eq!(observe(&mut starts, NOW), expected, "{minutes:?}");
    }

    #[test]
    fn the_rhythm_shows_in_the_marks() {
        check(&[], Cadence::Unknown);
        check(&[5], Cadence::Unknown);
        check(&[5, 10], Cadence::Unknown);
        check(&[10, 5, 15], Cadence::Basic(NOW));
        check(&[5, 10, 10, 10], Cadence::Unknown);
        check(&[5, 6, 7], Cadence::Mapped(NOW));
        check(&[7], Cadence::Mapped(NOW));
        check(&[5, 10, 15, 21], Cadence::Mapped(NOW));
        check(&[0, 100, 200], Cadence::Unknown);
    }
}
