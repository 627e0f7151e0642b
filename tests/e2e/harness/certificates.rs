//! Certificates for loopback, and a listener that shows one.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::http::HeaderMap;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::http_client_with;

/// An authority of its own that nobody else trusts.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate for 127.0.0.1 and its key, PEM.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    /// Makes one.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are valid names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("ring makes keys");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority signs itself"))
    }

    /// The authority's own certificate, PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Signs a certificate for 127.0.0.1 with a fresh key.
    pub fn issue(&self) -> Issued {
        let key = KeyPair::generate().expect("ring makes keys");
        let params =
            CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address is a valid name");
        let certificate = params.signed_by(&key, &self.0).expect("the authority signs");
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// An HTTP client that trusts this authority and no other, and always sends these headers.
    pub fn client(&self, headers: HeaderMap) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.pem().as_bytes()).expect("rcgen writes PEM");
        http_client_with(|builder| builder.tls_certs_only([root]).default_headers(headers))
    }
}

impl Issued {
    /// Writes `<name>.pem` and `<name>.key`.
    pub fn write(&self, dir: &Path, name: &str) {
        std::fs::write(dir.join(format!("{name}.pem")), &self.certificate)
            .expect("the folder can be written");
        std::fs::write(dir.join(format!("{name}.key")), &self.key).expect("the folder can be written");
    }
}

/// Loopback behind TLS; connections whose handshake fails are dropped.
pub struct TlsListener {
    inner: TcpListener,
    acceptor: TlsAcceptor,
}

impl TlsListener {
    /// Listens on any port and shows this certificate.
    pub async fn bind(issued: &Issued) -> Self {
        let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("PEM");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring offers suites for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("the key is the certificate's");
        let inner = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        Self { inner, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let Ok((stream, peer)) = self.inner.accept().await else { continue };
            // Whoever does not trust the certificate leaves in the handshake.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}
