//! The messages of remote write 1.0, as far as they are read.
//!
//! Label texts are bytes here: one that is not UTF-8 spoils its series and not the request. They share the body's memory.

use bytes::Bytes;
use isobar_normalizer::MetricType;

/// `prometheus.WriteRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    pub(super) metadata: Vec<MetricMetadata>,
}

/// `prometheus.TimeSeries`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<LabelPair>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<Point>,
    #[prost(message, repeated, tag = "3")]
    pub(super) exemplars: Vec<Counted>,
    #[prost(message, repeated, tag = "4")]
    pub(super) histograms: Vec<Counted>,
}

/// `prometheus.Label`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LabelPair {
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) name: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) value: Bytes,
}

/// `prometheus.Sample`
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Point {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    /// Milliseconds since the epoch.
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
}

/// A message of which only the number counts.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Counted {}

/// `prometheus.MetricMetadata`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MetricMetadata {
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) name: Bytes,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) help: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) unit: Bytes,
}

impl From<MetricMetadata> for isobar_normalizer::MetricMetadata {
    fn from(metadata: MetricMetadata) -> Self {
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        Self {
            name: text(&metadata.name),
            kind: match metadata.kind {
                1 => MetricType::Counter,
                2 => MetricType::Gauge,
                3 => MetricType::Histogram,
                4 => MetricType::GaugeHistogram,
                5 => MetricType::Summary,
                6 => MetricType::Info,
                7 => MetricType::StateSet,
                _ => MetricType::Unknown,
            },
            help: text(&metadata.help),
            unit: text(&metadata.unit),
        }
    }
}
