//! The freshness contract of a series, and the periods its samples cover.

use std::sync::Arc;
use std::time::Duration;

use isobar_normalizer::SampleRun;

/// Which source a series comes from, how often, and how late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Name of the configured source.
    pub source: Arc<str>,
    /// Length of the period each sample covers; zero when unknown.
    pub period_ms: u32,
    /// How long after the end of a period the sample is published.
    pub delay_ms: u32,
}

impl Contract {
    /// The contract all samples of the run share. Periods and delays past 49 days are held there.
    pub fn of(run: &SampleRun) -> Self {
        Self { source: run.source.clone(), period_ms: narrow(run.period), delay_ms: narrow(run.delay) }
    }
}

fn narrow(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// The periods of a series over time: each holds from its timestamp until the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Periods(Vec<(i64, u32)>);

/// Changes remembered per series. A source that changes its period more often loses the oldest changes.
const CHANGES_MAX: usize = 32;

impl Periods {
    /// Notes that the sample at `at` covers `period_ms`. Only times after the last change can change it again.
    #[inline]
    pub fn note(&mut self, at: i64, period_ms: u32) {
        match self.0.last() {
            Some((_, period)) if *period == period_ms => {}
            Some((from, _)) if at <= *from => {}
            _ => {
                if self.0.len() == CHANGES_MAX {
                    self.0.remove(0);
                }
                self.0.push((at, period_ms));
            }
        }
    }

    /// The period in force at `at`, in milliseconds; before the first change the first one.
    pub fn at(&self, at: i64) -> u32 {
        let after = self.0.partition_point(|(from, _)| *from <= at);
        self.0.get(after.saturating_sub(1)).map_or(0, |(_, period)| *period)
    }

    /// Takes over the changes of newer samples of the same series.
    pub fn extend(&mut self, newer: &Self) {
        for (at, period) in &newer.0 {
            self.note(*at, *period);
        }
    }

    /// Forgets all changes but the last.
    pub fn keep_last(&mut self) {
        self.0.drain(..self.0.len().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_holds_until_the_next() {
        let mut periods = Periods::default();
        for (at, period) in [(10, 60), (20, 60), (30, 300), (25, 60), (40, 60)] {
            periods.note(at, period);
        }
        assert_eq!([5, 10, 29, 30, 39, 40, 99].map(|at| periods.at(at)), [60, 60, 60, 300, 300, 60, 60]);
        periods.keep_last();
        assert_eq!(periods.at(5), 60);
        assert_eq!(Periods::default().at(5), 0);
    }
}
