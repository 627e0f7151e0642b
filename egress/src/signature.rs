//! Standard Webhooks 1.0 signatures, symmetric (`v1`): how whoever is called knows that it was us.
//!
//! Source: standard-webhooks/standard-webhooks, spec/standard-webhooks.md, read 2026-11.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The headers of a request that is known by `id`, which every try of it carries, sent at this time (milliseconds since
/// 1970) with this body: `webhook-id`, `webhook-timestamp` in whole seconds, and `webhook-signature` where there is a key.
pub fn webhook_headers(
    id: &str,
    at_millis: i64,
    body: &[u8],
    key: Option<&SigningKey>,
) -> Vec<(&'static str, String)> {
    let timestamp = at_millis.div_euclid(1000).to_string();
    let signature = key.map(|key| ("webhook-signature", key.sign(id, &timestamp, body)));
    let named = [("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp)];
    named.into_iter().chain(signature).collect()
}

/// The key of `webhook-signature`. Prints as `***`.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

impl SigningKey {
    /// Reads a secret: `whsec_` and base64 of 24 to 64 bytes, as the specification writes it.
    ///
    /// # Errors
    /// One line that says how a secret is written, without the one given.
    pub fn parse(secret: &str) -> Result<Self, String> {
        let wrong =
            || "a webhook secret is written whsec_ and the base64 of 24 to 64 random bytes".to_owned();
        let encoded = secret.strip_prefix("whsec_").ok_or_else(wrong)?;
        let key = STANDARD.decode(encoded).map_err(|_| wrong())?;
        if (24..=64).contains(&key.len()) { Ok(Self(key)) } else { Err(wrong()) }
    }

    /// The value of `webhook-signature` for these values of `webhook-id` and `webhook-timestamp` (whole seconds since 1970)
    /// and this body.
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
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
        let key = SigningKey::parse(vector("secret")).unwrap();
        let signature =
            key.sign(vector("webhook-id"), vector("webhook-timestamp"), vector("body").as_bytes());
        assert_eq!(signature, vector("webhook-signature"));
        let at_millis = vector("webhook-timestamp").parse::<i64>().unwrap() * 1000 + 999;
        let headers = webhook_headers(vector("webhook-id"), at_millis, vector("body").as_bytes(), Some(&key));
        for (name, value) in headers {
            assert_eq!(value, vector(name), "{name}");
        }
    }

    #[test]
    fn secrets_of_another_form_are_refused_and_none_is_printed() {
        for secret in ["", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(SigningKey::parse(secret).is_err(), "{secret}");
        }
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(format!("{key:?}"), "***");
    }
}
