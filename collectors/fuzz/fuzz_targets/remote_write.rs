//! Any body is decoded or refused, as it is and as what a snappy block holds, and what is decoded becomes runs.
#![no_main]

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use isobar_collectors::remote_write::{Limits, decode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf")),
        (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
    ]);
    let limits = Limits { decoded: 1 << 20, ..Limits::default() };
    let compressed = snap::raw::Encoder::new().compress_vec(body).expect("a short body is compressible");
    for body in [body, &compressed] {
        if let Ok(write) = decode(&headers, body, &limits) {
            let samples: usize = write.series.iter().map(|(_, points)| points.len()).sum();
            let runs = write.into_runs(&"fuzz".into());
            assert_eq!(runs.iter().map(|run| run.samples.len()).sum::<usize>(), samples);
        }
    }
});
