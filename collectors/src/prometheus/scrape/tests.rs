use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use isobar_egress::{Egress, EgressOptions};
use isobar_normalizer::{SecretReader, SecretReference, Step, is_stale};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::KIND;
use super::*;
use crate::{Clouds, CollectorKind, SourceContext};

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const INTERVAL: Duration = Duration::from_secs(15);

struct NoSecrets;

impl SecretReader for NoSecrets {
    fn read(&self, reference: &SecretReference) -> Result<String, String> {
        Err(format!("{reference:?} is not set"))
    }
}

fn collector(settings: &str, folder: &Path) -> Box<dyn Collector> {
    let egress = Egress::new(EgressOptions::default()).unwrap();
    let document = format!("settings: {settings}\n");
    let settings = KIND.read(&document, &[Step::Key("settings")]).unwrap();
    let (secrets, base_dir) = (&NoSecrets, folder);
    settings
        .build(SourceContext {
            name: "lab",
            interval: INTERVAL,
            egress: &egress,
            secrets,
            base_dir,
            clouds: &Clouds::default(),
        })
        .unwrap()
}

async fn round(collector: &dyn Collector, part: &Part, round: u32) -> Collected {
    let end = T0.plus(INTERVAL * round);
    collector.collect(part, Window { start: end.minus(INTERVAL), end }).await.unwrap()
}

/// The value of each sample by its series' name; `!` for a staleness marker.
fn values(collected: &Collected) -> Vec<String> {
    let samples = collected.runs.iter().flat_map(|run| &run.samples);
    let known = ["scrape_duration_seconds", "scrape_samples_scraped", "scrape_series_added"];
    samples
        .filter(|sample| !known.iter().any(|name| sample.labels.name() == Some(name)))
        .filter(|sample| sample.labels.name() != Some("scrape_samples_post_metric_relabeling"))
        .map(|sample| {
            let name = sample.labels.name().unwrap();
            if is_stale(sample.value) { format!("{name} !") } else { format!("{name} {}", sample.value) }
        })
        .collect()
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}/metrics")
}

/// A server that says these bytes to whoever asks, and then closes or hangs.
async fn say(answer: &'static [u8], hang: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let reply = move |mut stream: TcpStream| async move {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(answer).await;
        if hang {
            std::future::pending::<()>().await;
        }
    };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(reply(stream));
        }
    });
    format!("http://{address}/metrics")
}

#[tokio::test]
async fn a_page_becomes_a_run_with_the_targets_labels() {
    let url = serve(Router::new().route("/metrics", get(|| async { "a{job=\"own\"} 1\n" }))).await;
    let folder = tempfile::tempdir().unwrap();
    let scraper = collector(&format!("{{targets: [\"{url}\"]}}"), folder.path());
    let parts = scraper.parts().await.unwrap();
    let collected = round(&*scraper, &parts[0], 0).await;
    assert_eq!((&collected.failures, collected.watermark), (&vec![], Some(T0)));
    let [run] = &collected.runs[..] else { panic!("one run: {collected:?}") };
    assert_eq!((&*run.source, run.period, run.delay), ("lab", INTERVAL, Duration::ZERO));
    let instance = url.trim_start_matches("http://").trim_end_matches("/metrics");
    let expected = format!(r#"a{{exported_job="own", instance="{instance}", job="lab", source="lab"}}"#);
    assert_eq!(run.samples[0].labels.to_string(), expected);
    assert_eq!(values(&collected), ["a 1", "up 1"]);

    let last = scraper.forget(&parts[0], T0.plus(INTERVAL));
    assert_eq!(last[0].samples.len(), 6);
    assert!(last[0].samples.iter().all(|sample| is_stale(sample.value)));
    let gone = scraper.collect(&parts[0], Window { start: T0, end: T0 }).await.unwrap_err();
    assert!(gone.message.ends_with("is not a target of lab"), "{gone}");
}

#[tokio::test]
async fn gzip_openmetrics_and_headers() {
    let page = |request: Request| async move {
        let header =
            |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        assert_eq!(header("authorization"), "Basic dTpwOnc=");
        assert_eq!(header("x-prometheus-scrape-timeout-seconds"), "3");
        assert!(header("accept").starts_with("application/openmetrics-text;version=1.0.0"));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"a_total 1 1699999999.5\n# EOF\n").unwrap();
        let headers = [("content-type", "application/openmetrics-text"), ("content-encoding", "gzip")];
        (headers, gzip.finish().unwrap())
    };
    let url = serve(Router::new().route("/metrics", get(page))).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("password"), "p:w\n").unwrap();
    let settings = format!(
        "{{targets: [\"{url}\"], timeout: 3s, basic_auth: {{username: u, password_file: password}}}}"
    );
    let scraper = collector(&settings, folder.path());
    let part = scraper.parts().await.unwrap().remove(0);
    let collected = round(&*scraper, &part, 0).await;
    assert_eq!((values(&collected), &collected.failures), (vec!["a_total 1".into(), "up 1".into()], &vec![]));
    assert_eq!(collected.runs[0].samples[0].at.millis(), 1_699_999_999_500);

    std::fs::remove_file(folder.path().join("password")).unwrap();
    let collected = round(&*scraper, &part, 1).await;
    assert!(collected.failures[0].contains("cannot read the credentials"), "{:?}", collected.failures);
}

/// Whatever a target does: `up` is 0, what it had ends, the reason is told, and the scrape counts as done.
#[track_caller]
fn failed(collected: &Collected, reason: &str) {
    let failures = &collected.failures;
    assert!(failures.len() == 1 && failures[0].contains(reason), "{reason}: {failures:?}");
    assert!(failures[0].starts_with("job lab, instance 127.0.0.1:"), "{failures:?}");
    assert!(values(collected).ends_with(&["up 0".to_owned()]), "{collected:?}");
    assert!(collected.watermark.is_some());
}

async fn first_round(url: &str, more: &str) -> Collected {
    let folder = tempfile::tempdir().unwrap();
    let scraper = collector(&format!("{{targets: [\"{url}\"], {more}}}"), folder.path());
    let part = scraper.parts().await.unwrap().remove(0);
    round(&*scraper, &part, 0).await
}

#[tokio::test]
async fn bad_answers_are_failures_with_a_reason() {
    let with = |status: u16, body: &'static str| async move {
        let status = http::StatusCode::from_u16(status).unwrap();
        serve(Router::new().route("/metrics", get(move || async move { (status, body) }))).await
    };
    failed(
        &first_round(&with(500, "boom\nbang").await, "").await,
        "answered 500 Internal Server Error (boom bang)",
    );
    failed(
        &first_round(&with(401, "").await, "").await,
        "answered 401 Unauthorized; it wants other credentials",
    );
    failed(&first_round(&with(302, "").await, "").await, "redirects are not followed");
    failed(&first_round(&with(200, "a 1\nb{ 2\nc 3\n").await, "").await, "line 2: expected a closing }");
    failed(&first_round(&with(200, "<html>").await, "").await, "line 1: expected a metric name");
    failed(&first_round(&with(200, "a 1\nb 2\n").await, "sample_limit: 1").await, "sample_limit, which is 1");
    failed(
        &first_round(&with(200, "a 1234567890\n").await, "body_size_limit: 8B").await,
        "larger than 8 bytes",
    );
    let protobuf = [("content-type", "application/vnd.google.protobuf")];
    let protobuf = serve(Router::new().route("/metrics", get(move || async move { (protobuf, "x") }))).await;
    failed(&first_round(&protobuf, "").await, "protobuf");
}

#[tokio::test]
async fn broken_connections_are_failures_with_a_reason() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = format!("http://{}/metrics", closed.local_addr().unwrap());
    drop(closed);
    failed(&first_round(&refused, "").await, "cannot connect");
    failed(&first_round(&say(b"", false).await, "").await, "broke");
    failed(
        &first_round(&say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\na 1\n", false).await, "").await,
        "broke",
    );
    failed(&first_round(&say(b"", true).await, "timeout: 50ms").await, "longer than 50 ms");
    let drip = say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\na", true).await;
    failed(&first_round(&drip, "timeout: 50ms").await, "reading the response");
    let huge = say(b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n", true).await;
    failed(&first_round(&huge, "").await, "larger than 67108864 bytes");
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\xff\x4b\x54";
    failed(&first_round(&say(cut, false).await, "").await, "gzip is damaged");
    let plain = say(b"not TLS", false).await.replace("http:", "https:");
    failed(&first_round(&plain, "").await, "TLS handshake");
}

/// A TLS server for the name `metrics.test`, and the PEM of its own certificate.
async fn serve_tls() -> (String, String) {
    let issued = rcgen::generate_simple_self_signed(["metrics.test".to_owned()]).unwrap();
    let key =
        tokio_rustls::rustls::pki_types::PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/metrics", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust us leaves in the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na 1\n").await;
            let _ = stream.shutdown().await;
        }
    });
    (url, issued.cert.pem())
}

#[tokio::test]
async fn a_tls_target_is_scraped_by_whoever_trusts_it() {
    let (url, certificate) = serve_tls().await;
    failed(&first_round(&url, "").await, "TLS handshake");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), certificate).unwrap();
    let settings = |tls: &str| format!("{{targets: [\"{url}\"], tls_config: {tls}}}");
    for tls in ["{ca_file: ca.pem, server_name: metrics.test}", "{insecure_skip_verify: true}"] {
        let scraper = collector(&settings(tls), folder.path());
        let part = scraper.parts().await.unwrap().remove(0);
        let collected = round(&*scraper, &part, 0).await;
        assert_eq!(values(&collected), ["a 1", "up 1"], "{tls}: {:?}", collected.failures);
    }
    let wrong_name = collector(&settings("{ca_file: ca.pem, server_name: other.test}"), folder.path());
    let part = wrong_name.parts().await.unwrap().remove(0);
    failed(&round(&*wrong_name, &part, 0).await, "TLS handshake");
}

#[test]
fn what_cannot_be_built_is_said_with_its_place() {
    let refused = |settings: &str, expected: &str| {
        let egress = Egress::new(EgressOptions::default()).unwrap();
        let settings = KIND.read(&format!("settings: {settings}\n"), &[Step::Key("settings")]).unwrap();
        let (secrets, base_dir) = (&NoSecrets, Path::new("/nonexistent"));
        let context = SourceContext {
            name: "lab",
            interval: INTERVAL,
            egress: &egress,
            secrets,
            base_dir,
            clouds: &Clouds::default(),
        };
        let error = settings.build(context).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    let target = "targets: ['http://a:1/metrics']";
    refused(
        &format!("{{{target}, basic_auth: {{username: u, password: plain}}}}"),
        "1:81: a secret does not stand in the file",
    );
    refused(
        &format!("{{{target}, authorization: {{credentials: '${{env:UNSET}}'}}}}"),
        "1:74: Env(\"UNSET\") is not set",
    );
    refused(
        &format!("{{{target}, tls_config: {{ca_file: ca.pem}}}}"),
        "1:67: cannot read /nonexistent/ca.pem",
    );
    refused("{scrape: prometheus.yml}", "1:20: cannot read /nonexistent/prometheus.yml");
}

#[tokio::test]
async fn a_target_that_fails_ends_and_comes_back() {
    let asked = Arc::new(AtomicU32::new(0));
    let page = move || {
        let round = asked.fetch_add(1, Ordering::Relaxed);
        async move {
            let busy = http::StatusCode::TOO_MANY_REQUESTS;
            let answer: Response = match round {
                1 => (busy, [("retry-after", "40")]).into_response(),
                _ => format!("a {round}\n").into_response(),
            };
            answer
        }
    };
    let url = serve(Router::new().route("/metrics", get(page))).await;
    let folder = tempfile::tempdir().unwrap();
    let scraper = collector(&format!("{{targets: [\"{url}\"]}}"), folder.path());
    let part = scraper.parts().await.unwrap().remove(0);
    assert_eq!(values(&round(&*scraper, &part, 0).await), ["a 0", "up 1"]);
    let busy = round(&*scraper, &part, 1).await;
    failed(&busy, "answered 429 Too Many Requests; it asks to wait 40 s");
    assert_eq!(values(&busy), ["a !", "up 0"]);
    // Two rounds lie within the forty seconds it asked for; the third does not.
    for within in [2, 3] {
        failed(&round(&*scraper, &part, within).await, "asked to wait until 2023-11-14T22:14:15.000Z");
    }
    assert_eq!(values(&round(&*scraper, &part, 4).await), ["a 2", "up 1"]);
}

#[tokio::test]
async fn files_are_followed_and_damage_keeps_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.json");
    std::fs::write(&file, r#"[{"targets": ["127.0.0.1:1", "127.0.0.1:2"]}]"#).unwrap();
    let scraper = collector("{file_sd: [\"targets.json\"]}", folder.path());
    let before = scraper.parts().await.unwrap();
    assert_eq!(before.len(), 2);
    std::fs::write(&file, r#"[{"targets": ["127.0.0.1:1", "127"#).unwrap();
    let error = scraper.parts().await.unwrap_err();
    assert!(error.message.contains("targets.json:1:"), "{error}");
    failed(&round(&*scraper, &before[0], 0).await, "cannot connect");

    let other = r#"[{"targets": ["127.0.0.1:1"], "labels": {"__scrape_interval__": "5s"}}]"#;
    std::fs::write(&file, other).unwrap();
    let after = scraper.parts().await.unwrap();
    assert_eq!((after.len(), after[0].interval), (1, Some(Duration::from_secs(5))));
    let same = before.iter().find(|part| part.key == after[0].key).unwrap();
    assert!(scraper.forget(same, T0).is_empty(), "only its interval changed");
    assert_eq!(round(&*scraper, &after[0], 1).await.runs[0].period, Duration::from_secs(5));
}

#[test]
fn target_files_are_read_again_as_often_as_their_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let interval = |jobs: &str| {
        std::fs::write(folder.path().join("prometheus.yml"), format!("scrape_configs:\n{jobs}")).unwrap();
        collector("{scrape: prometheus.yml}", folder.path()).discovery_interval()
    };
    let files = "- {job_name: a, file_sd_configs: [{files: [a.yml]}]}\n";
    let sooner = "- {job_name: b, file_sd_configs: [{files: [b.yml], refresh_interval: 20s}]}\n";
    assert_eq!(interval("- {job_name: c, static_configs: [{targets: [a]}]}\n"), None);
    assert_eq!(interval(files), Some(Duration::from_secs(300)));
    assert_eq!(interval(&format!("{files}{sooner}")), Some(Duration::from_secs(20)));
    assert_eq!(collector("{file_sd: [a.yml]}", folder.path()).discovery_interval(), None);
}

#[tokio::test]
async fn a_prometheus_file_is_scraped() {
    let url = serve(Router::new().route("/m", get(|| async { "a{source=\"s\"} 1\ngo_b 2\n" }))).await;
    let address = url.trim_start_matches("http://").trim_end_matches("/metrics");
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "global: {{external_labels: {{site: dc1}}}}
scrape_configs:
- job_name: node
  scrape_interval: 5s
  metrics_path: /m
  static_configs: [{{targets: ['{address}']}}]
  relabel_configs: [{{target_label: instance, replacement: db-1}}]
  metric_relabel_configs: [{{source_labels: [__name__], regex: 'go_.*', action: drop}}]
"
    );
    std::fs::write(folder.path().join("prometheus.yml"), text).unwrap();
    let scraper = collector("{scrape: prometheus.yml}", folder.path());
    let part = scraper.parts().await.unwrap().remove(0);
    let collected = round(&*scraper, &part, 0).await;
    assert_eq!(values(&collected), ["a 1", "up 1"]);
    let labels = |index: usize| collected.runs[0].samples[index].labels.to_string();
    let expected = r#"{exported_source="s", instance="db-1", job="node", site="dc1", source="lab"}"#;
    assert_eq!(labels(0), format!("a{expected}"));
    assert_eq!(labels(1), format!("up{}", expected.replace("exported_source=\"s\", ", "")));
}
