//! What is said about a metric, beside its samples.

use std::fmt;
use std::str::FromStr;

use crate::UnknownWord;
use crate::alert::words;

words! {
    /// Prometheus' and OpenMetrics' words for what a metric's samples are. Source: Prometheus' HTTP API, "Querying metric
    /// metadata", and the OpenMetrics specification 1.0, "Metric Types".
    MetricType, "metric type", {
        /// Counts up and starts again at zero.
        Counter = "counter",
        /// Each value stands alone.
        Gauge = "gauge",
        /// Counts observations by buckets that are counters.
        Histogram = "histogram",
        /// Counts by buckets what is there now.
        GaugeHistogram = "gaugehistogram",
        /// Quantiles, sum and count of observations.
        Summary = "summary",
        /// Says something in its labels; the value is 1.
        Info = "info",
        /// One series per state, 1 where it holds.
        StateSet = "stateset",
        /// Not said, or said to be untyped.
        Unknown = "unknown",
    }
}

/// What one source says about one metric.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricMetadata {
    /// The metric family's name: a histogram's without `_bucket`, an OpenMetrics counter's without `_total`.
    pub name: String,
    /// What its samples are.
    pub kind: MetricType,
    /// What it measures, in words; empty when nothing is said.
    pub help: String,
    /// The unit in the source's spelling; empty when nothing is said.
    pub unit: String,
}
