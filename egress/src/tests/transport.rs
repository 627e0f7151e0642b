//! TLS identities, HTTP/2, and connections used again.

use super::*;
use crate::TlsOptions;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio::net::TcpStream;
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// An authority and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap(), key)
    }
}

/// Answers with the server name it was asked for and the HTTP version spoken.
async fn tls_server(authority: &Authority, name: &str, client_certificate: bool) -> SocketAddr {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = if client_certificate {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.0.der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.unwrap().with_client_cert_verifier(verifier)
    } else {
        builder.unwrap().with_no_client_auth()
    };
    let (certificate, key) = authority.issue(name);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(tcp).await else { return };
                let asked = tls.get_ref().1.server_name().unwrap_or("-").to_owned();
                let service = service_fn(move |request: hyper::Request<_>| {
                    let _: &hyper::body::Incoming = request.body();
                    let said = format!("{asked} {:?}", request.version());
                    async move {
                        Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::<Bytes>::from(said)))
                    }
                });
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(tls), service)
                    .await;
            });
        }
    });
    address
}

async fn fetch_tls(address: SocketAddr, host: &str, tls: TlsOptions) -> Result<String, EgressError> {
    let egress = egress(&[], Script::of("db.internal", &[&["127.0.0.1"]]));
    let client = egress.client(ClientOptions { tls: Some(tls), ..ClientOptions::new(Trust::Operator) })?;
    let response = client.send(get(&format!("https://{host}:{}/", address.port()))).await?;
    Ok(String::from_utf8(response.body.to_vec()).unwrap())
}

#[track_caller]
fn assert_tls_failure(result: Result<String, EgressError>, said: &str) {
    let error = result.unwrap_err();
    let EgressError::Tls { source, .. } = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains(said), "{source}");
}

#[tokio::test]
async fn certificates_are_checked_against_the_given_authority_and_name() {
    let authority = Authority::new();
    let address = tls_server(&authority, "db.internal", false).await;
    let trusting = TlsOptions { ca_pem: Some(authority.pem()), ..TlsOptions::default() };

    assert_eq!(fetch_tls(address, "db.internal", trusting.clone()).await.unwrap(), "db.internal HTTP/2.0");
    assert_tls_failure(fetch_tls(address, "127.0.0.1", trusting.clone()).await, "not valid for name");
    assert_tls_failure(fetch_tls(address, "db.internal", TlsOptions::default()).await, "UnknownIssuer");
    let stranger = TlsOptions { ca_pem: Some(Authority::new().pem()), ..TlsOptions::default() };
    assert_tls_failure(fetch_tls(address, "db.internal", stranger).await, "invalid peer certificate");

    let named = TlsOptions { server_name: Some("db.internal".to_owned()), ..trusting };
    assert_eq!(fetch_tls(address, "127.0.0.1", named).await.unwrap(), "db.internal HTTP/2.0");
    let careless = TlsOptions { insecure_skip_verify: true, ..TlsOptions::default() };
    assert_eq!(fetch_tls(address, "127.0.0.1", careless).await.unwrap(), "- HTTP/2.0");
}

#[tokio::test]
async fn client_certificates_are_shown() {
    let authority = Authority::new();
    let address = tls_server(&authority, "db.internal", true).await;
    let anonymous = TlsOptions { ca_pem: Some(authority.pem()), ..TlsOptions::default() };
    let (certificate, key) = authority.issue("scraper");
    let known = TlsOptions {
        cert_pem: Some(certificate.pem().into_bytes()),
        key_pem: Some(key.serialize_pem().into_bytes()),
        ..anonymous.clone()
    };
    assert!(!format!("{known:?}").contains("PRIVATE"));
    assert!(fetch_tls(address, "db.internal", known).await.is_ok());
    assert!(fetch_tls(address, "db.internal", anonymous).await.is_err());
}

#[tokio::test]
async fn servers_that_speak_no_tls_fail_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        tcp.read_to_end(&mut Vec::new()).await.ok();
    });
    assert_tls_failure(fetch_tls(address, "127.0.0.1", TlsOptions::default()).await, "corrupt message");
}

#[test]
fn options_that_cannot_work_are_refused() {
    let authority = Authority::new();
    let (certificate, _) = authority.issue("scraper");
    let pem = || Some(certificate.pem().into_bytes());
    let default = TlsOptions::default;
    for (options, said) in [
        (TlsOptions { ca_pem: Some(b"no pem".to_vec()), ..default() }, "no certificate in it"),
        (TlsOptions { cert_pem: pem(), ..default() }, "needs its key"),
        (TlsOptions { key_pem: pem(), ..default() }, "needs its certificate"),
        (TlsOptions { cert_pem: pem(), key_pem: Some(b"x".to_vec()), ..default() }, "client key"),
        (TlsOptions { server_name: Some("not a name".to_owned()), ..default() }, "neither a DNS name"),
        (
            TlsOptions {
                cert_pem: pem(),
                key_pem: Some(authority.issue("other").1.serialize_pem().into_bytes()),
                ..default()
            },
            "client certificate and key",
        ),
    ] {
        let egress = egress(&[], Arc::default());
        let built =
            egress.client(ClientOptions { tls: Some(options), ..ClientOptions::new(Trust::Operator) });
        let error = built.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// Hands connections on to `target` until it is told to fall silent: from then on the open ones stay open and nothing comes
/// through any more, as behind a firewall that has forgotten them.
async fn forwarder(target: SocketAddr) -> (SocketAddr, Arc<Notify>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silence = Arc::new(Notify::new());
    let heard = Arc::clone(&silence);
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut far = TcpStream::connect(target).await.unwrap();
            let heard = Arc::clone(&heard);
            tokio::spawn(async move {
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    () = heard.notified() => std::future::pending().await,
                }
            });
        }
    });
    (address, silence)
}

#[tokio::test]
async fn an_http2_connection_that_fell_silent_is_not_used_again() {
    let authority = Authority::new();
    let (address, silence) = forwarder(tls_server(&authority, "db.internal", false).await).await;
    let tls = TlsOptions { ca_pem: Some(authority.pem()), ..TlsOptions::default() };
    let egress = egress(&[], Script::of("db.internal", &[&["127.0.0.1"]]));
    let client =
        egress.client(ClientOptions { tls: Some(tls), ..ClientOptions::new(Trust::Operator) }).unwrap();
    let send = || client.send(get(&format!("https://db.internal:{}/", address.port())));
    assert!(send().await.unwrap().body.ends_with(b"HTTP/2.0"));

    silence.notify_waiters();
    tokio::time::pause();
    let error = send().await.unwrap_err();
    assert_eq!(error.as_str(), "timeout", "it is not known yet: {error}");
    tokio::time::sleep(Duration::from_secs(10)).await;
    tokio::time::resume();
    assert_eq!(send().await.unwrap().status, 200);
}

/// Many calls at once over HTTP/1.1, each answered only when all are there, several times over: what was connected for
/// the first round serves the others.
#[tokio::test]
async fn calls_at_once_use_connections_again() {
    const CALLS: usize = 24;
    const ROUNDS: usize = 5;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        let all_there = Arc::new(Barrier::new(CALLS));
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let all_there = Arc::clone(&all_there);
            let service = service_fn(move |_: hyper::Request<hyper::body::Incoming>| {
                let all_there = Arc::clone(&all_there);
                async move {
                    all_there.wait().await;
                    Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::<Bytes>::from("fine")))
                }
            });
            tokio::spawn(async move {
                auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(tcp), service).await
            });
        }
    });
    let client = egress(&[], Arc::default()).client(ClientOptions::new(Trust::Operator)).unwrap();
    for _ in 0..ROUNDS {
        let mut calls = JoinSet::new();
        for _ in 0..CALLS {
            let (client, request) = (client.clone(), get(&url));
            calls.spawn(async move { client.send(request).await });
        }
        for answer in calls.join_all().await {
            assert_eq!(answer.unwrap().status, 200);
        }
    }
    // A call may begin to connect a moment before a connection comes back: some more than one for each call, but not a
    // new one for most calls of each round.
    let connections = connections.load(Ordering::SeqCst);
    assert!(connections <= 2 * CALLS, "{connections} connections for {CALLS} calls at once");
}
