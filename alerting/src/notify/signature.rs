//! Standard Webhooks 1.0 signatures, symmetric (`v1`).
//!
//! Source: standard-webhooks/standard-webhooks, spec/standard-webhooks.md, read 2026-11.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use isobar_normalizer::{Revealed, Timestamp};
use sha2::Sha256;

/// The key of `webhook-signature`.
#[derive(Clone)]
pub(crate) struct SigningKey(Vec<u8>);

impl SigningKey {
    /// Reads a secret: `whsec_` and base64 of 24 to 64 bytes, as the specification writes it.
    pub(crate) fn parse(secret: &Revealed) -> Result<Self, String> {
        let wrong =
            || "a webhook secret is written whsec_ and the base64 of 24 to 64 random bytes".to_owned();
        let encoded = secret.expose().strip_prefix("whsec_").ok_or_else(wrong)?;
        let key = STANDARD.decode(encoded).map_err(|_| wrong())?;
        if (24..=64).contains(&key.len()) { Ok(Self(key)) } else { Err(wrong()) }
    }

    /// The value of `webhook-signature` for these values of `webhook-id` and `webhook-timestamp` and this body.
    pub(crate) fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// The value of `webhook-timestamp`: whole seconds since the epoch.
pub(crate) fn webhook_timestamp(now: Timestamp) -> String {
    now.millis().div_euclid(1000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vector() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/wire/alerts/notify/signature_vectors.json");
        let Ok(text) = std::fs::read_to_string(path) else {
            eprintln!("skipped: {path} is not there");
            return;
        };
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        let vector = |key: &str| vectors["standard_webhooks"][key].as_str().unwrap();
        let key = SigningKey::parse(&Revealed::new(vector("secret"))).unwrap();
        let signature =
            key.sign(vector("webhook-id"), vector("webhook-timestamp"), vector("body").as_bytes());
        assert_eq!(signature, vector("webhook-signature"));
    }

    #[test]
    fn secrets_of_another_form_are_refused() {
        for secret in ["", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(SigningKey::parse(&Revealed::new(secret)).is_err(), "{secret}");
        }
    }
}
