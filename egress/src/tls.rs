//! TLS of one client: whom it trusts, who it says it is, and which name it asks for.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::EgressError;

/// How a client speaks TLS where it differs from the default: the system's roots, no client certificate, the URL's host as
/// name. Prints without the key.
#[derive(Clone, Default)]
pub struct TlsOptions {
    /// PEM certificates trusted INSTEAD of the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// PEM certificate chain shown to servers that ask, the client's own first. Needs `key_pem`.
    pub cert_pem: Option<Vec<u8>>,
    /// PEM private key of `cert_pem`: PKCS #8, PKCS #1 or SEC 1.
    pub key_pem: Option<Vec<u8>>,
    /// Name sent (SNI) and expected in the certificate instead of the URL's host.
    pub server_name: Option<String>,
    /// Takes any certificate: encryption without knowing with whom. Signatures are still checked.
    pub insecure_skip_verify: bool,
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("ca_pem", &self.ca_pem.is_some())
            .field("cert_pem", &self.cert_pem.is_some())
            .field("key_pem", &self.key_pem.as_ref().map(|_| "***"))
            .field("server_name", &self.server_name)
            .field("insecure_skip_verify", &self.insecure_skip_verify)
            .finish()
    }
}

/// A checked [`TlsOptions`].
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) server_name: Option<ServerName<'static>>,
}

/// The certificates the system trusts. A machine without any still speaks plain HTTP and to its own authorities.
pub(crate) fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "part of the system's trust store cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (_, ignored) = roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!(
            "the system trusts no certificate authority: install ca-certificates or set a ca_file"
        );
    }
    tracing::debug!(roots = roots.len(), ignored, "system trust store");
    roots
}

/// Builds the TLS of one client.
pub(crate) fn build(options: &TlsOptions, system: &Arc<RootCertStore>) -> Result<Tls, EgressError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(format!("TLS versions: {error}")))?;
    let roots = match &options.ca_pem {
        Some(pem) => Arc::new(roots_from(pem)?),
        None => Arc::clone(system),
    };
    let builder = if options.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else {
        builder.with_root_certificates(roots)
    };
    let mut config = match (&options.cert_pem, &options.key_pem) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let key = PrivateKeyDer::from_pem_slice(key)
                .map_err(|error| wrong(format!("client key: {error}; write one PEM private key")))?;
            builder
                .with_client_auth_cert(certificates("client certificate", cert)?, key)
                .map_err(|error| wrong(format!("client certificate and key: {error}")))?
        }
        (Some(_), None) => return Err(wrong("a client certificate needs its key".to_owned())),
        (None, Some(_)) => return Err(wrong("a client key needs its certificate".to_owned())),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server_name = match &options.server_name {
        None => None,
        Some(name) => Some(
            ServerName::try_from(name.clone())
                .map_err(|_| wrong(format!("server name {name:?} is neither a DNS name nor an address")))?,
        ),
    };
    Ok(Tls { config: Arc::new(config), server_name })
}

fn wrong(what: String) -> EgressError {
    EgressError::Options(what)
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, EgressError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| wrong(format!("{what}: {error}")))?;
    if found.is_empty() {
        return Err(wrong(format!("{what}: no certificate in it; write PEM, -----BEGIN CERTIFICATE-----")));
    }
    Ok(found)
}

fn roots_from(pem: &[u8]) -> Result<RootCertStore, EgressError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("CA certificates", pem)? {
        roots.add(certificate).map_err(|error| wrong(format!("CA certificates: {error}")))?;
    }
    Ok(roots)
}

/// Believes every certificate, for `insecure_skip_verify`.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
