use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use axum::routing::{get, post};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::*;
use crate::config::TlsFiles;
use crate::fake::security;

/// Short enough for a test, long enough for a busy machine.
const PATIENCE: Duration = Duration::from_millis(400);

struct Running {
    address: SocketAddr,
    stopping: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
}

async fn start(change: impl FnOnce(&mut ServeOptions)) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut options = ServeOptions::new(&security("{}"), None);
    options.patience = PATIENCE;
    options.drain = PATIENCE;
    change(&mut options);
    let large = "x".repeat(64 << 20);
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route(
            "/slow",
            get(async || {
                sleep(PATIENCE / 2).await;
                "late"
            }),
        )
        .route("/endless", get(async || std::future::pending::<&str>().await))
        .route("/large", get(async move || large.clone()))
        .route("/echo", post(async |body: String| body));
    let stopping = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, router, options, stopping.clone()));
    Running { address, stopping, serving }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ask(&self, path: &str) -> String {
        let mut stream = self.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// How long until the server closes the connection.
async fn until_closed(stream: &mut TcpStream) -> Duration {
    let started = Instant::now();
    let mut sink = Vec::new();
    let _ = timeout(PATIENCE * 20, stream.read_to_end(&mut sink)).await.expect("the connection stays open");
    started.elapsed()
}

#[tokio::test]
async fn connections_that_do_not_ask_are_closed() {
    let server = start(|_| {}).await;
    for begun in ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\nhost: a\r\nx-slow: "] {
        let mut stream = server.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let waited = until_closed(&mut stream).await;
        assert!(waited < PATIENCE * 5, "{begun:?}: {waited:?}");
    }
}

#[tokio::test]
async fn a_head_that_drips_is_cut_while_others_are_served() {
    let server = start(|_| {}).await;
    let mut drip = server.connect().await;
    let started = Instant::now();
    drip.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").await.unwrap();
    while drip.write_all(b"x: y\r\n").await.is_ok() {
        sleep(PATIENCE / 8).await;
        assert!(started.elapsed() < PATIENCE * 20, "still open");
    }
    assert!(server.ask("/").await.ends_with("hello"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let server = start(|_| {}).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    sleep(PATIENCE * 4).await;
    let mut got = Vec::new();
    let _ = timeout(PATIENCE * 20, stream.read_to_end(&mut got)).await.expect("the connection stays open");
    assert!(got.len() < 64 << 20, "the whole answer came");
}

#[tokio::test]
async fn a_slow_answer_is_not_a_slow_client() {
    let server = start(|options| options.patience = PATIENCE / 4).await;
    assert!(server.ask("/slow").await.ends_with("late"));
}

#[tokio::test]
async fn whoever_asks_is_served_before_those_who_only_hold_connections() {
    let server = start(|options| {
        options.connections_max = 8;
        options.patience = Duration::from_secs(600);
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(server.connect().await);
    }
    let answer = timeout(PATIENCE * 20, server.ask("/")).await.expect("the places are all held");
    assert!(answer.ends_with("hello"));
    until_closed(&mut held[0]).await;
}

#[tokio::test]
async fn a_request_under_way_does_not_make_room() {
    let server = start(|options| options.connections_max = 1).await;
    let (slow, other) = tokio::join!(server.ask("/slow"), async {
        sleep(PATIENCE / 8).await;
        server.ask("/").await
    });
    assert!(slow.ends_with("late") && other.ends_with("hello"), "{slow} {other}");
}

#[tokio::test]
async fn requests_under_way_end_at_shutdown_and_others_are_cut() {
    let server = start(|_| {}).await;
    let (ended, endless) = (server.ask("/slow"), server.connect());
    let mut endless = endless.await;
    endless.write_all(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let idle = server.connect().await;
    let stop = async {
        sleep(PATIENCE / 8).await;
        server.stopping.cancel();
    };
    let (answer, ()) = tokio::join!(ended, stop);
    assert!(answer.ends_with("late"), "{answer}");
    let started = Instant::now();
    server.serving.await.unwrap().unwrap();
    assert!(started.elapsed() < PATIENCE * 5);
    assert!(TcpStream::connect(server.address).await.is_err());
    drop(idle);
}

#[test]
fn an_address_gets_its_share_and_proxies_more() {
    let mut options = ServeOptions::new(&security("{}"), None);
    options.connections_per_address_max = 2;
    let addresses = Addresses::default();
    let seat = |options: &ServeOptions, ip: &str| addresses.seat(ip.parse().unwrap(), options);
    let first = seat(&options, "10.0.0.1").unwrap();
    let _second = seat(&options, "::ffff:10.0.0.1").unwrap();
    assert!(seat(&options, "10.0.0.1").is_none());
    assert!(seat(&options, "10.0.0.2").is_some());
    drop(first);
    assert!(seat(&options, "10.0.0.1").is_some());
    let _loopback: Vec<_> = (0..5).map(|_| seat(&options, "127.0.0.1").unwrap()).collect();

    let mut proxied = ServeOptions::new(&security("server: {behind_proxy: [10.1.0.0/16]}"), None);
    proxied.connections_per_address_max = 0;
    assert!(seat(&proxied, "10.1.2.3").is_some() && seat(&proxied, "127.0.0.1").is_some());
    assert!(seat(&proxied, "10.0.0.9").is_none());
}

fn write_pair(dir: &Path, name: &str) -> (TlsFiles, rustls::pki_types::CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let files = TlsFiles { cert_file: dir.join("cert.pem"), key_file: dir.join("key.pem") };
    std::fs::write(&files.cert_file, made.cert.pem()).unwrap();
    std::fs::write(&files.key_file, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.der().clone())
}

/// Asks over TLS, trusting that certificate alone; the protocol agreed on and the answer.
async fn ask_tls(
    address: SocketAddr,
    trusted: &rustls::pki_types::CertificateDer<'static>,
    name: &str,
) -> io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(address).await?;
    let server_name = ServerName::try_from(name.to_owned()).unwrap();
    let mut stream = connector.connect(server_name, stream).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_new_certificate_is_shown_after_a_reload_and_a_wrong_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (files, first) = write_pair(dir.path(), "first.test");
    let tls = Arc::new(Tls::load(files.clone()).unwrap());
    let shared = tls.clone();
    let server = start(|options| {
        options.tls = Some(shared);
        options.patience = PATIENCE * 10;
    })
    .await;
    assert!(ask_tls(server.address, &first, "first.test").await.unwrap().ends_with("hello"));
    assert!(!tls.reload().unwrap(), "nothing changed");

    let other = tempfile::tempdir().unwrap();
    let (other_files, _) = write_pair(other.path(), "other.test");
    std::fs::copy(other_files.key_file, &files.key_file).unwrap();
    let mismatch = tls.reload().unwrap_err();
    assert!(matches!(mismatch, TlsError::Mismatch { .. }), "{mismatch}");
    assert!(ask_tls(server.address, &first, "first.test").await.is_ok());

    let (_, second) = write_pair(dir.path(), "second.test");
    assert!(tls.reload().unwrap());
    assert!(ask_tls(server.address, &second, "second.test").await.unwrap().ends_with("hello"));
    assert!(ask_tls(server.address, &first, "first.test").await.is_err());
}

#[tokio::test]
async fn a_handshake_that_stops_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = write_pair(dir.path(), "a.test");
    let tls = Arc::new(Tls::load(files).unwrap());
    let server = start(|options| options.tls = Some(tls)).await;
    let mut stream = server.connect().await;
    stream.write_all(&[0x16, 0x03, 0x01]).await.unwrap();
    let waited = until_closed(&mut stream).await;
    assert!(waited < PATIENCE * 5, "{waited:?}");
}

#[test]
fn files_that_hold_something_else_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (files, _) = write_pair(dir.path(), "a.test");
    let check = |files: TlsFiles, expected: &str| {
        let error = Tls::load(files).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let gone = dir.path().join("gone.pem");
    check(TlsFiles { cert_file: gone, key_file: files.key_file.clone() }, "gone.pem");
    let swapped = TlsFiles { cert_file: files.key_file.clone(), key_file: files.cert_file.clone() };
    check(swapped, "no certificate in it");
    check(TlsFiles { cert_file: files.cert_file.clone(), key_file: files.cert_file }, "no private key in it");
}
