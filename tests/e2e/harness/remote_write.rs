//! A remote-write sender with its own encoder, so that the binary's decoder is not tested against itself.

use prost::Message;

use super::server::Server;

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

/// One series and its points: labels, then (milliseconds, value).
pub type Series<'a> = (&'a [(&'a str, &'a str)], Vec<(i64, f64)>);

/// Encodes a snappy-compressed write request; labels go in as given, right or wrong.
pub fn encode(series: &[Series<'_>]) -> Vec<u8> {
    let label = |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
    let sample = |(timestamp, value): &(i64, f64)| Sample { value: *value, timestamp: *timestamp };
    let one = |(labels, points): &Series<'_>| TimeSeries {
        labels: labels.iter().map(label).collect(),
        samples: points.iter().map(sample).collect(),
    };
    let message = WriteRequest { timeseries: series.iter().map(one).collect() }.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&message).expect("a small message compresses")
}

/// Posts bytes to the write door; the status and the body of the answer.
pub async fn post(server: &Server, body: Vec<u8>) -> (u16, String) {
    let request = server.client().post(server.url("/api/v1/write")).header("content-encoding", "snappy");
    let request = request
        .header("content-type", "application/x-protobuf")
        .header("x-prometheus-remote-write-version", "0.1.0");
    let response = request.body(body).send().await.expect("the server answers");
    (response.status().as_u16(), response.text().await.unwrap_or_default())
}
