//! The certificate and key the server shows, read again when their files change.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::TlsFiles;

/// Why a certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("reading {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {reason}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is not that of the certificate.
    #[error("the key in {} is not that of the certificate in {}", key.display(), cert.display())]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

/// TLS as the server speaks it: 1.2 and 1.3, HTTP/1.1 and HTTP/2.
pub struct Tls {
    files: TlsFiles,
    shown: Arc<Shown>,
    acceptor: TlsAcceptor,
}

/// The pair in use.
struct Shown(RwLock<Loaded>);

#[derive(Clone)]
struct Loaded {
    pair: Arc<CertifiedKey>,
    /// Of both files, to notice a change.
    digest: [u8; 32],
}

impl Tls {
    /// Reads the files. Blocks.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let shown = Arc::new(Shown(RwLock::new(load(&files)?)));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring offers suites for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { files, shown, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// Reads the files again and shows what is in them to new connections; `false` when nothing changed. Blocks.
    ///
    /// # Errors
    /// See [`TlsError`]; the pair before stays in use, so that the two files may change one after the other.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let loaded = load(&self.files)?;
        let mut current = self.shown.0.write();
        let changed = current.digest != loaded.digest;
        *current = loaded;
        Ok(changed)
    }

    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.acceptor.accept(stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().pair.clone())
    }
}

fn load(files: &TlsFiles) -> Result<Loaded, TlsError> {
    let read =
        |path: &PathBuf| std::fs::read(path).map_err(|error| TlsError::Read { path: path.clone(), error });
    let (cert_pem, key_pem) = (read(&files.cert_file)?, read(&files.key_file)?);
    let wrong = |path: &PathBuf, reason: String| TlsError::Content { path: path.clone(), reason };
    let chain: Result<Vec<CertificateDer<'static>>, PemError> =
        CertificateDer::pem_slice_iter(&cert_pem).collect();
    let chain = chain.map_err(|error| wrong(&files.cert_file, error.to_string()))?;
    if chain.is_empty() {
        return Err(wrong(
            &files.cert_file,
            "no certificate in it: write PEM, the server's first".to_owned(),
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(&key_pem);
    let key = key.map_err(|error| wrong(&files.key_file, format!("no private key in it: {error}")))?;
    let signing = ring::sign::any_supported_type(&key);
    let signing = signing.map_err(|error| wrong(&files.key_file, error.to_string()))?;
    let pair = CertifiedKey::new(chain, signing);
    pair.keys_match().map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::Mismatch { cert: files.cert_file.clone(), key: files.key_file.clone() }
        }
        other => wrong(&files.cert_file, other.to_string()),
    })?;
    let digest = Sha256::new().chain_update(&cert_pem).chain_update([0]).chain_update(&key_pem).finalize();
    Ok(Loaded { pair: Arc::new(pair), digest: digest.into() })
}
