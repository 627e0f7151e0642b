//! An address that speaks TLS with a certificate nobody trusts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::server::Server;

/// The name the certificate is for: nobody's.
const NAME: &str = "untrusted.invalid";
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once.
const HANDSHAKES_MAX: usize = 256;

fn acceptor() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).expect("a plain name");
    let CertifiedKey { cert, signing_key } = made;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the default versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![cert.der().clone()],
            PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key just made"),
        )
        .expect("the key fits its certificate");
    TlsAcceptor::from(Arc::new(config))
}

/// Binds the address and shakes hands until the token is cancelled; whoever trusts it is hung up on.
///
/// # Errors
/// When the address cannot be bound.
pub(crate) async fn serve(listen: SocketAddr, stop: CancellationToken) -> std::io::Result<Server> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        let acceptor = acceptor();
        let mut handshakes = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            while handshakes.try_join_next().is_some() {}
            let Ok((stream, _)) = accepted else { continue };
            if handshakes.len() < HANDSHAKES_MAX {
                let acceptor = acceptor.clone();
                handshakes.spawn(async move {
                    // How it ends is the client's affair.
                    let _ = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
                });
            }
        }
    });
    Ok(Server { address, task })
}
