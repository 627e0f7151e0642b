//! Every way to fail, as a bare connection sees it.

use std::time::Duration;

use isobar_simulators::{Fault, FaultHandle, Provider, Running, Scenario, Scope};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::start_at;

const ORIGIN: i64 = 1_795_003_200_000;
/// Nothing here takes longer unless it never ends.
const PATIENCE: Duration = Duration::from_secs(10);

async fn simulators() -> (Running, FaultHandle) {
    let (running, _) = start_at(Scenario::QuietDay, ORIGIN, ORIGIN).await;
    let faults = running.faults.clone();
    (running, faults)
}

async fn connect(running: &Running) -> std::io::Result<TcpStream> {
    TcpStream::connect(running.aws_url.socket_addrs(|| None)?[0]).await
}

/// Asks for metrics without a signature, and reads until the connection ends or `enough` bytes came.
async fn ask(running: &Running, enough: usize) -> std::io::Result<Vec<u8>> {
    let mut stream = connect(running).await?;
    let request = "POST / HTTP/1.1\r\nhost: simulator\r\nconnection: close\r\nx-amzn-query-mode: true\r\nx-amz-target: GraniteServiceVersion20100801.ListMetrics\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    while answer.len() < enough {
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut chunk)).await;
        let read = read.map_err(|_| std::io::ErrorKind::TimedOut)??;
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&chunk[..read]);
    }
    Ok(answer)
}

fn text(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_the_answer_is_the_services_own() {
    let (running, _) = simulators().await;
    let answer = text(&ask(&running, usize::MAX).await.unwrap());
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("x-amzn-query-error: MissingAuthenticationToken;Sender"), "{answer}");
    assert!(answer.contains("\"__type\":\"com.amazonaws.cloudwatch#MissingAuthenticationTokenException\""));
    let logged = running.requests().all();
    assert_eq!((logged[0].call.operation.as_str(), logged[0].status), ("ListMetrics", 403));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_comes_with_and_without_the_time_to_wait() {
    let (running, faults) = simulators().await;
    let once = Scope { calls: Some(1), ..Scope::default() };
    faults.inject(Provider::Aws, Fault::Status { code: 429, retry_after_s: Some(7) }, once.clone());
    let answer = text(&ask(&running, usize::MAX).await.unwrap());
    assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("retry-after: 7"), "{answer}");
    faults.inject(Provider::Aws, Fault::Status { code: 503, retry_after_s: None }, once);
    let answer = text(&ask(&running, usize::MAX).await.unwrap());
    assert!(answer.starts_with("HTTP/1.1 503") && !answer.contains("retry-after"), "{answer}");
    let answer = text(&ask(&running, usize::MAX).await.unwrap());
    assert!(answer.starts_with("HTTP/1.1 403"), "two calls were enough: {answer}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusing_provider_comes_back_on_the_same_address() {
    let (running, faults) = simulators().await;
    let idle = connect(&running).await.unwrap();
    faults.inject(Provider::Aws, Fault::Refuse, Scope::default());
    // The listener is told at once; connections that reached it before are reset instead.
    let refused = |error: std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused;
    while !connect(&running).await.err().is_some_and(refused) {
        tokio::task::yield_now().await;
    }
    let mut byte = [0];
    let mut idle = idle;
    let ended = tokio::time::timeout(PATIENCE, idle.read(&mut byte)).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "open connections end: {ended:?}");
    faults.clear_all();
    let mut answer = ask(&running, usize::MAX).await;
    while answer.is_err() {
        tokio::task::yield_now().await;
        answer = ask(&running, usize::MAX).await;
    }
    assert!(text(&answer.unwrap()).starts_with("HTTP/1.1 403"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_a_reset() {
    let (running, faults) = simulators().await;
    faults.inject(Provider::Aws, Fault::Reset, Scope::default());
    let error = ask(&running, usize::MAX).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_and_a_drip_do_not_outlive_the_simulators() {
    let (running, faults) = simulators().await;
    let drip = faults.inject(Provider::Aws, Fault::Drip, Scope::default());
    let head = text(&ask(&running, 12).await.unwrap());
    assert!(head.starts_with("HTTP/1.1 403"), "the head comes at once: {head}");
    faults.clear(drip);
    faults.inject(Provider::Aws, Fault::Stall, Scope::default());
    let mut stream = connect(&running).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: simulator\r\n\r\n").await.unwrap();
    while running.requests().all().len() < 2 {
        tokio::task::yield_now().await;
    }
    let mut byte = [0];
    let nothing = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut byte)).await;
    assert!(nothing.is_err(), "nothing comes: {nothing:?}");
    tokio::time::timeout(PATIENCE, running.stop()).await.expect("stopping waits for no stall");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_spoiled() {
    let (running, faults) = simulators().await;
    for (fault, sign) in
        [(Fault::Malformed, "\u{fffd}\u{1f}{<"), (Fault::TruncatedGzip, "content-encoding: gzip")]
    {
        let id = faults.inject(Provider::Aws, fault, Scope::default());
        let answer = text(&ask(&running, usize::MAX).await.unwrap());
        assert!(answer.contains(sign), "{fault:?}: {answer}");
        faults.clear(id);
    }
    faults.inject(Provider::Aws, Fault::Huge, Scope::default());
    assert!(ask(&running, 2_000_000).await.unwrap().len() >= 2_000_000);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_uplink_is_lost_nobody_can_connect() {
    let (running, time) = start_at(Scenario::UplinkLoss, ORIGIN, ORIGIN).await;
    assert!(ask(&running, usize::MAX).await.is_ok());
    time.store(ORIGIN + 4 * 60_000, std::sync::atomic::Ordering::Relaxed);
    let error = ask(&running, usize::MAX).await.unwrap_err();
    let kinds = [std::io::ErrorKind::ConnectionRefused, std::io::ErrorKind::ConnectionReset];
    assert!(kinds.contains(&error.kind()), "{error}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_trusts_the_untrusted_certificate() {
    let (running, _) = simulators().await;
    let roots = rustls::RootCertStore::empty();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let address = running.untrusted_tls_url.socket_addrs(|| None).unwrap()[0];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    let error = connector.connect(name, stream).await.unwrap_err();
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    running.stop().await;
}
