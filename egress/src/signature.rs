//! Standard Webhooks 1.0 signatures, symmetric (`v1`) and asymmetric (`v1a`): how whoever is called knows that it was us.
//!
//! Source: standard-webhooks/standard-webhooks, spec/standard-webhooks.md, read 2026-11.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use ring::signature::Ed25519KeyPair;
use sha2::Sha256;

/// The headers of a request that is known by `id`, which every try of it carries, sent at this time (milliseconds since
/// 1970) with this body: `webhook-id`, `webhook-timestamp` in whole seconds, and `webhook-signature` where there are keys,
/// with one signature of each.
pub fn webhook_headers<'k>(
    id: &str,
    at_millis: i64,
    body: &[u8],
    keys: impl IntoIterator<Item = &'k SigningKey>,
) -> Vec<(&'static str, String)> {
    let timestamp = at_millis.div_euclid(1000).to_string();
    let signatures: Vec<String> = keys.into_iter().map(|key| key.sign(id, &timestamp, body)).collect();
    let signature = (!signatures.is_empty()).then(|| ("webhook-signature", signatures.join(" ")));
    let named = [("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp)];
    named.into_iter().chain(signature).collect()
}

/// A key of `webhook-signature`. Prints as `***`.
#[derive(Clone)]
pub struct SigningKey(Kind);

#[derive(Clone)]
enum Kind {
    /// Both sides know it.
    Shared(Vec<u8>),
    /// The receiver knows its public part.
    Private(Arc<Ed25519KeyPair>),
}

impl SigningKey {
    /// Reads a secret as the specification writes it: `whsec_` and base64 of 24 to 64 bytes, or `whsk_` and base64 of an
    /// Ed25519 key, 32 bytes of seed that may be followed by the 32 bytes of its public key.
    ///
    /// # Errors
    /// One line that says how a secret is written, without the one given.
    pub fn parse(secret: &str) -> Result<Self, String> {
        if let Some(encoded) = secret.strip_prefix("whsk_") {
            return private(encoded).map(|pair| Self(Kind::Private(Arc::new(pair)))).ok_or_else(|| {
                "a private webhook key is written whsk_ and the base64 of an Ed25519 key of 32 or 64 bytes".to_owned()
            });
        }
        let wrong =
            || "a webhook secret is written whsec_ and the base64 of 24 to 64 random bytes".to_owned();
        let encoded = secret.strip_prefix("whsec_").ok_or_else(wrong)?;
        let key = STANDARD.decode(encoded).map_err(|_| wrong())?;
        if (24..=64).contains(&key.len()) { Ok(Self(Kind::Shared(key))) } else { Err(wrong()) }
    }

    /// One signature for these values of `webhook-id` and `webhook-timestamp` (whole seconds since 1970) and this body:
    /// `v1,…` or `v1a,…`.
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        match &self.0 {
            Kind::Shared(key) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
                mac.update(&signed);
                format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
            }
            Kind::Private(pair) => format!("v1a,{}", STANDARD.encode(pair.sign(&signed))),
        }
    }
}

fn private(encoded: &str) -> Option<Ed25519KeyPair> {
    let key = STANDARD.decode(encoded).ok()?;
    match key.split_at_checked(32)? {
        (seed, []) => Ed25519KeyPair::from_seed_unchecked(seed).ok(),
        (seed, public) => Ed25519KeyPair::from_seed_and_public_key(seed, public).ok(),
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

    /// The first vector of RFC 8032 section 7.1: its seed and public key; what is signed here is another text.
    #[test]
    fn a_private_key_signs_what_its_public_key_verifies() {
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let short = SigningKey::parse(&format!("whsk_{}", STANDARD.encode(&seed))).unwrap();
        let long =
            SigningKey::parse(&format!("whsk_{}", STANDARD.encode([&seed[..], &public].concat()))).unwrap();
        let signature = short.sign("msg_1", "1614265330", b"{}");
        assert_eq!(long.sign("msg_1", "1614265330", b"{}"), signature);
        let bytes = STANDARD.decode(signature.strip_prefix("v1a,").unwrap()).unwrap();
        let verifier = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &public);
        verifier.verify(b"msg_1.1614265330.{}", &bytes).unwrap();
        let shared = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let headers = webhook_headers("msg_1", 1_614_265_330_000, b"{}", [&shared, &short]);
        assert_eq!(headers[2].1, format!("{} {signature}", shared.sign("msg_1", "1614265330", b"{}")));
        let mixed = [&seed[..], &seed[..]].concat();
        for wrong in [&seed[..31], &mixed[..], &[]] {
            assert!(SigningKey::parse(&format!("whsk_{}", STANDARD.encode(wrong))).is_err());
        }
        assert_eq!(format!("{short:?}"), "***");
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
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
