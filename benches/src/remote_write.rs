//! A remote-write sender.

use anyhow::{Result, ensure};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// One series with one point.
pub struct Point {
    /// In name order.
    pub labels: Vec<(&'static str, String)>,
    /// Milliseconds.
    pub at: i64,
    /// The value.
    pub value: f64,
}

/// Sends the points in one request, which must be taken.
pub async fn send(client: &reqwest::Client, url: &str, points: Vec<Point>) -> Result<()> {
    let series = |point: Point| TimeSeries {
        labels: point
            .labels
            .into_iter()
            .map(|(name, value)| Label { name: name.to_owned(), value })
            .collect(),
        samples: vec![Sample { value: point.value, timestamp: point.at }],
    };
    let message = WriteRequest { timeseries: points.into_iter().map(series).collect() }.encode_to_vec();
    let body = snap::raw::Encoder::new().compress_vec(&message)?;
    let request = client
        .post(url)
        .header("content-encoding", "snappy")
        .header("content-type", "application/x-protobuf");
    let response = request.header("x-prometheus-remote-write-version", "0.1.0").body(body).send().await?;
    let status = response.status();
    ensure!(status.is_success(), "{status}: {}", response.text().await.unwrap_or_default());
    Ok(())
}

/// Milliseconds since the epoch.
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
