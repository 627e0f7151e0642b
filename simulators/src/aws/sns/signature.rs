//! Signs messages: RSA with SHA-256, which the service calls version 2.
//!
//! Source: docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use sha2::{Digest, Sha256};

/// The simulators' own key. It is public and no secret: nothing but a test trusts its certificate.
const KEY: &str = include_str!("simulator.key.pem");

/// The version that SHA-256 has; version 1 is SHA-1.
pub(super) const VERSION: &str = "2";

/// A key and the certificate that goes with it.
pub(super) struct Signer {
    key: RsaKeyPair,
    certificate: String,
    path: String,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.path)
    }
}

impl Signer {
    pub(super) fn new() -> Self {
        let pair = KeyPair::from_pem(KEY).expect("the key in the source is a key");
        let mut params = CertificateParams::new(vec!["sns.amazonaws.com".to_owned()]).expect("a plain name");
        params.distinguished_name.push(DnType::CommonName, "sns.amazonaws.com");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2049, 1, 1);
        let certificate = params.self_signed(&pair).expect("the key signs its own certificate").pem();
        let key = RsaKeyPair::from_pkcs8(&pair.serialize_der()).expect("the key in the source is RSA");
        let name = hex::encode(&Sha256::digest(KEY)[..16]);
        Self { key, certificate, path: format!("/SimpleNotificationService-{name}.pem") }
    }

    /// The certificate, PEM.
    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Where the certificate is served.
    pub(super) fn cert_path(&self) -> &str {
        &self.path
    }

    /// Signs the fields of a message: each name and value on a line, in the order given.
    pub(super) fn sign(&self, fields: &[(&str, &str)]) -> String {
        let text: String = fields.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect();
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .expect("the buffer has the size of the modulus");
        BASE64.encode(signature)
    }
}
