//! Where the evaluator gets its series from; the binary implements it over the store and the resource table.

use std::time::Duration;

use isobar_normalizer::{Labels, Matcher, TimeRange};

/// One series' samples inside the range asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSeries {
    /// All labels, the joined descriptive ones included.
    pub labels: Labels,
    /// Milliseconds since the epoch, strictly ascending.
    pub timestamps: Vec<i64>,
    /// One value per timestamp; staleness markers are still in.
    pub values: Vec<f64>,
    /// How far back an instant selector may look in this series; `None` means the engine's default of 5 minutes.
    pub lookback: Option<Duration>,
}

/// Hands series to the evaluator. Called from a thread that may block.
pub trait SeriesSource: Send + Sync {
    /// Every series that all matchers accept and that has a sample inside the range, each label set once.
    ///
    /// # Errors
    /// The source cannot read, or the selection is over one of its limits.
    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<SourceSeries>, SourceError>;

    /// The same, with a line for each thing known to be missing from it. A source that never loses anything leaves this
    /// as it is.
    ///
    /// # Errors
    /// As [`SeriesSource::select`].
    fn select_noting(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<(Vec<SourceSeries>, Vec<String>), SourceError> {
        self.select(matchers, range).map(|series| (series, Vec::new()))
    }

    /// The longest lookback any of its series may carry, so that the evaluator asks for enough past.
    fn lookback_max(&self) -> Duration;
}

/// Why series could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("reading series: {0}")]
pub struct SourceError(pub String);

#[cfg(test)]
mod tests {
    use isobar_normalizer::Timestamp;

    use super::*;
    use crate::{EngineOptions, Query};

    /// Holds nothing and knows that something is gone.
    struct Damaged;

    impl SeriesSource for Damaged {
        fn select(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<SourceSeries>, SourceError> {
            Ok(Vec::new())
        }

        fn select_noting(
            &self,
            matchers: &[Matcher],
            range: TimeRange,
        ) -> Result<(Vec<SourceSeries>, Vec<String>), SourceError> {
            Ok((self.select(matchers, range)?, vec!["block 7 is damaged".to_owned()]))
        }

        fn lookback_max(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[test]
    fn what_a_source_lacks_is_warned_of_once() {
        let query = Query::parse("up + sum(rate(requests_total[5m]))").unwrap();
        let answer = query.instant(Timestamp::from_millis(0), &Damaged, &EngineOptions::default()).unwrap();
        assert_eq!(answer.warnings, ["block 7 is damaged"]);
        let number = Query::parse("1").unwrap();
        let answer = number.instant(Timestamp::from_millis(0), &Damaged, &EngineOptions::default()).unwrap();
        assert_eq!(answer.warnings, [] as [&str; 0]);
    }
}
