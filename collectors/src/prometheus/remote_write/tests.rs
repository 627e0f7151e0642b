use http::HeaderValue;
use isobar_normalizer::METRIC_NAME;
use proptest::prelude::*;

use super::message::{Counted, MetricMetadata, Point};
use super::*;

fn headers(content_type: &'static str, encoding: &'static str) -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CONTENT_ENCODING, HeaderValue::from_static(encoding)),
    ])
}

fn first_version() -> HeaderMap {
    headers("application/x-protobuf", "snappy")
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    let pair = |(name, value): &(&str, &str)| LabelPair {
        name: Bytes::copy_from_slice(name.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
    };
    TimeSeries {
        labels: labels.iter().map(pair).collect(),
        samples: samples
            .iter()
            .map(|(timestamp, value)| Point { timestamp: *timestamp, value: *value })
            .collect(),
        ..TimeSeries::default()
    }
}

fn compressed(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).unwrap()
}

fn decoded(timeseries: Vec<TimeSeries>) -> Result<RemoteWrite, RemoteWriteError> {
    let request = WriteRequest { timeseries, metadata: Vec::new() };
    decode(&first_version(), &compressed(&request.encode_to_vec()), &Limits::default())
}

#[test]
fn series_become_a_run_of_the_source() {
    let stale = f64::from_bits(isobar_normalizer::STALE_NAN_BITS);
    let unsorted =
        series(&[("job", "a"), (METRIC_NAME, "up"), ("source", "x")], &[(1000, 1.0), (2000, stale)]);
    let write = decoded(vec![unsorted]).unwrap();
    assert_eq!(write.complaint(), None);
    let runs = write.into_runs(&"rw".into());
    let [run] = &runs[..] else { panic!("one run: {runs:?}") };
    assert_eq!((&*run.source, run.period, run.samples.len()), ("rw", Duration::ZERO, 2));
    assert_eq!(run.samples[0].labels.to_string(), r#"up{exported_source="x", job="a", source="rw"}"#);
    assert_eq!(run.samples[1].at, Timestamp::from_millis(2000));
    assert!(isobar_normalizer::is_stale(run.samples[1].value), "the marker's bits survive");
    assert!(decoded(Vec::new()).unwrap().into_runs(&"rw".into()).is_empty());
}

#[test]
fn invalid_series_are_counted_and_the_valid_taken() {
    let mut histogram = series(&[(METRIC_NAME, "h")], &[]);
    histogram.histograms = vec![Counted {}; 3];
    let mut mixed = series(&[(METRIC_NAME, "e")], &[(1, 1.0)]);
    mixed.exemplars = vec![Counted {}];
    let mut broken = series(&[(METRIC_NAME, "b")], &[(1, 1.0)]);
    broken.labels[0].value = Bytes::from_static(b"\xff\xfe");
    let many: Vec<(String, &str)> = (0..65).map(|i| (format!("l{i}"), "v")).collect();
    let many: Vec<(&str, &str)> =
        many.iter().map(|(n, v)| (n.as_str(), *v)).chain([(METRIC_NAME, "m")]).collect();
    let write = decoded(vec![
        series(&[(METRIC_NAME, "good")], &[(1, 1.0)]),
        series(&[("job", "nameless")], &[(1, 1.0)]),
        series(&[], &[(1, 1.0)]),
        series(&[(METRIC_NAME, "twice"), ("a", "1"), ("a", "2")], &[(1, 1.0)]),
        series(&[(METRIC_NAME, "x"), ("", "1")], &[(1, 1.0)]),
        series(&many, &[(1, 1.0)]),
        histogram,
        mixed,
        broken,
    ])
    .unwrap();
    let taken: Vec<String> = write.series.iter().map(|(labels, _)| labels.to_string()).collect();
    assert_eq!(taken, ["good", "e"]);
    let counts: Vec<(&str, u64)> =
        write.invalid.iter().map(|(reason, invalid)| (*reason, invalid.count)).collect();
    assert_eq!(
        counts,
        [
            ("native histogram samples, which are not supported", 3),
            ("series beyond a label limit", 1),
            ("series with a label given twice", 1),
            ("series with an empty label name", 1),
            ("series with labels that are not UTF-8", 1),
            ("series without a metric name", 2),
        ]
    );
    let complaint = write.complaint().unwrap();
    assert!(complaint.contains("2 series without a metric name (first: {job=\"nameless\"})"), "{complaint}");
}

#[test]
fn metadata_is_read() {
    let text = |text: &'static str| Bytes::from_static(text.as_bytes());
    let up = MetricMetadata { kind: 2, name: text("up"), help: text("Is it up?"), unit: Bytes::new() };
    let request = WriteRequest { timeseries: Vec::new(), metadata: vec![up] };
    let write = decode(&first_version(), &compressed(&request.encode_to_vec()), &Limits::default()).unwrap();
    let expected = isobar_normalizer::MetricMetadata {
        name: "up".into(),
        kind: isobar_normalizer::MetricType::Gauge,
        help: "Is it up?".into(),
        unit: String::new(),
    };
    assert_eq!(write.metadata, [expected]);
}

#[test]
fn other_protocols_are_refused() {
    let body = compressed(b"");
    let check = |content_type, encoding, status: Option<u16>| {
        let decoded = decode(&headers(content_type, encoding), &body, &Limits::default());
        assert_eq!(decoded.err().map(|error| error.status()), status, "{content_type} {encoding}");
    };
    check("application/x-protobuf", "snappy", None);
    check("application/x-protobuf;proto=prometheus.WriteRequest", "Snappy", None);
    check("application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", Some(415));
    check("application/json", "snappy", Some(415));
    check("application/x-protobuf", "gzip", Some(415));
    assert_eq!(decode(&HeaderMap::new(), &body, &Limits::default()).unwrap_err().status(), 415);
}

#[test]
fn bombs_are_refused_before_memory_is_taken() {
    // A header alone that declares 4 GiB - 1, and one that declares more than there is.
    let error = decode(&first_version(), b"\xff\xff\xff\xff\x0f", &Limits::default()).unwrap_err();
    assert!(
        matches!(error, RemoteWriteError::TooLarge { declared: 0xFFFF_FFFF, what: "bytes", .. }),
        "{error}"
    );
    let error = decode(&first_version(), b"\xff\xff\x7f\x00", &Limits::default()).unwrap_err();
    assert_eq!(error.status(), 400);
    // Labels of two bytes each within one series within the decoded limit.
    let labels = b"\x0a\x00".repeat(1 << 20);
    let mut message = vec![0x0a];
    prost::encoding::encode_varint(labels.len() as u64, &mut message);
    message.extend_from_slice(&labels);
    let error = decode(&first_version(), &compressed(&message), &Limits::default()).unwrap_err();
    let expected = "body holds 1048577 series, labels and samples, at most 1000000 are taken";
    assert_eq!((error.to_string(), error.status()), (expected.to_owned(), 413));
}

#[test]
fn what_does_not_decode_is_refused_whole() {
    let good =
        WriteRequest { timeseries: vec![series(&[(METRIC_NAME, "a")], &[(1, 1.0)])], metadata: Vec::new() };
    let plain = good.encode_to_vec();
    let cut = compressed(&plain[..plain.len() - 1]);
    assert_eq!(decode(&first_version(), &cut, &Limits::default()).unwrap_err().status(), 400);
    let body = compressed(&plain);
    let error = decode(&first_version(), &body[..body.len() - 1], &Limits::default()).unwrap_err();
    assert!(matches!(error, RemoteWriteError::Snappy(_)), "{error}");
    assert_eq!(decode(&first_version(), b"", &Limits::default()).unwrap_err().status(), 400);
}

proptest! {
    #[test]
    fn any_message_is_decoded_or_refused(plain in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&first_version(), &plain, &Limits::default());
        let _ = decode(&first_version(), &compressed(&plain), &Limits::default());
    }

    #[test]
    fn any_damage_is_decoded_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let labels = [(METRIC_NAME, "metric"), ("job", "node"), ("instance", "a:1")];
        let request = WriteRequest { timeseries: vec![series(&labels, &[(1, 1.0), (2, 2.0)]); 3], metadata: Vec::new() };
        let mut plain = request.encode_to_vec();
        let at = at.index(plain.len());
        plain[at] = byte;
        let _ = decode(&first_version(), &compressed(&plain), &Limits::default());
    }
}
