//! Faults of the answer's body, whatever the provider.

use std::convert::Infallible;
use std::io::Write;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::stream;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderValue, Response};

use super::Fault;

/// The size of a body that is too large for anyone.
const HUGE_BYTES: usize = 100 * 1024 * 1024;
/// How much of it is sent at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// How long one byte of a drip takes.
const DRIP: Duration = Duration::from_secs(1);

/// Spoils an answer with those of the faults that are about bodies.
pub(crate) fn spoil(response: Response<Bytes>, faults: &[Fault]) -> Response<Body> {
    let (mut head, mut body) = response.into_parts();
    let mut flow: fn(Bytes) -> Body = Body::from;
    for fault in faults {
        match fault {
            Fault::Malformed => {
                let mut broken = body[..body.len() / 2].to_vec();
                broken.extend(b"\xff\x1f{<");
                body = broken.into();
            }
            Fault::TruncatedGzip => {
                body = half_of_gzip(&body);
                head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            Fault::Drip => flow = drip,
            Fault::Huge => flow = huge,
            _ => continue,
        }
        head.headers.remove(CONTENT_LENGTH);
    }
    Response::from_parts(head, flow(body))
}

fn half_of_gzip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("writing to memory works");
    let mut whole = encoder.finish().expect("writing to memory works");
    // The header has ten bytes and the trailer eight: this is always inside the data.
    whole.truncate((whole.len() - 9).min(whole.len() * 6 / 10).max(11));
    whole.into()
}

fn drip(body: Bytes) -> Body {
    let bytes = stream::unfold(body, |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(DRIP).await;
        Some((Ok::<_, Infallible>(rest.split_to(1)), rest))
    });
    Body::from_stream(bytes)
}

fn huge(_: Bytes) -> Body {
    let chunk = Bytes::from(vec![b' '; CHUNK_BYTES]);
    let chunks = stream::iter((0..HUGE_BYTES / CHUNK_BYTES).map(move |_| Ok::<_, Infallible>(chunk.clone())));
    Body::from_stream(chunks)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn truncated_gzip_begins_well_and_does_not_end() {
        let text = Bytes::from("a sentence that is said again and again. ".repeat(50));
        let response = spoil(Response::new(text), &[Fault::TruncatedGzip]);
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let mut plain = String::new();
        let error = flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut plain).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_drip_takes_a_second_for_each_byte() {
        let before = tokio::time::Instant::now();
        let response = spoil(Response::new(Bytes::from_static(b"seven..")), &[Fault::Drip]);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!((&body[..], before.elapsed().as_secs()), (&b"seven.."[..], 7));
    }

    #[tokio::test]
    async fn a_huge_body_has_a_hundred_megabytes() {
        let mut body = spoil(Response::new(Bytes::new()), &[Fault::Huge]).into_body();
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            size += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!(size, HUGE_BYTES);
    }
}
