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

    /// The longest lookback any of its series may carry, so that the evaluator asks for enough past.
    fn lookback_max(&self) -> Duration;
}

/// Why series could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("reading series: {0}")]
pub struct SourceError(pub String);
