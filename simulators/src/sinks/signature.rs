//! Signatures of Standard Webhooks 1.0, checked by code of the simulators' own.
//!
//! Source: standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme" and "Webhook headers".

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use sha2::Sha256;

use crate::estate::Millis;

/// How far a timestamp may be from the clock, in seconds.
const TOLERANCE_S: i64 = 300;

/// A symmetric secret.
#[derive(Debug)]
pub(super) struct Secret(Vec<u8>);

/// Why a request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Doubt {
    #[error("webhook-id, webhook-timestamp and webhook-signature are required")]
    Missing,
    #[error("webhook-timestamp is not a time within five minutes of now")]
    Time,
    #[error("no v1 signature fits")]
    Signature,
}

impl Secret {
    /// Reads `whsec_` and base64 of 24 to 64 bytes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text.strip_prefix("whsec_")?).ok()?;
        (24..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::new_from_slice(&self.0).expect("a key of any length will do");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        mac
    }

    /// Checks a request; gives its id.
    pub(super) fn verify<'a>(
        &self,
        headers: &'a HeaderMap,
        body: &[u8],
        now: Millis,
    ) -> Result<&'a str, Doubt> {
        let header =
            |name| headers.get(name).and_then(|value| value.to_str().ok()).filter(|it| !it.is_empty());
        let fields = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
        let (Some(id), Some(timestamp), Some(signatures)) = fields else { return Err(Doubt::Missing) };
        let seconds: i64 = timestamp.parse().map_err(|_| Doubt::Time)?;
        if now.div_euclid(1_000).saturating_sub(seconds).saturating_abs() > TOLERANCE_S {
            return Err(Doubt::Time);
        }
        // Several while a secret is replaced; one that fits is enough.
        let fits = signatures.split_whitespace().filter_map(|it| it.strip_prefix("v1,")).any(|signature| {
            let claimed = BASE64.decode(signature).unwrap_or_default();
            self.mac(id, timestamp, body).verify_slice(&claimed).is_ok()
        });
        if fits { Ok(id) } else { Err(Doubt::Signature) }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOW: Millis = 1_795_000_000_000;

    fn signed(secret: &Secret, timestamp: &str, body: &[u8]) -> HeaderMap {
        let mac = secret.mac("msg_1", timestamp, body).finalize().into_bytes();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", HeaderValue::from_static("msg_1"));
        headers.insert("webhook-timestamp", HeaderValue::from_str(timestamp).unwrap());
        let signature = format!("v1a,x v1,AAAA v1,{}", BASE64.encode(mac));
        headers.insert("webhook-signature", HeaderValue::from_str(&signature).unwrap());
        headers
    }

    #[test]
    fn only_what_was_signed_just_now_is_believed() {
        let secret = Secret::parse(&format!("whsec_{}", BASE64.encode([7; 32]))).unwrap();
        let good = signed(&secret, "1795000000", b"body");
        assert_eq!(secret.verify(&good, b"body", NOW), Ok("msg_1"));
        assert_eq!(secret.verify(&good, b"bodz", NOW), Err(Doubt::Signature));
        assert_eq!(secret.verify(&good, b"body", NOW + 300_999), Ok("msg_1"));
        assert_eq!(secret.verify(&good, b"body", NOW + 301_000), Err(Doubt::Time));
        assert_eq!(secret.verify(&signed(&secret, "soon", b"body"), b"body", NOW), Err(Doubt::Time));
        assert_eq!(secret.verify(&HeaderMap::new(), b"body", NOW), Err(Doubt::Missing));
        let other = Secret::parse(&format!("whsec_{}", BASE64.encode([8; 32]))).unwrap();
        assert_eq!(other.verify(&good, b"body", NOW), Err(Doubt::Signature));
        for text in ["whsec_", "whsec_AAAA", "AAAA", "whsec_!"] {
            assert!(Secret::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_published_vector_is_believed() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../shared/wire/alerts/notify/signature_vectors.json");
        let Ok(text) = std::fs::read(&file) else {
            eprintln!("skipped: there is no {}", file.display());
            return;
        };
        let vectors: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let vector = |name: &str| vectors["standard_webhooks"][name].as_str().unwrap();
        let mut headers = HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, HeaderValue::from_str(vector(name)).unwrap());
        }
        let now = vector("webhook-timestamp").parse::<Millis>().unwrap() * 1_000;
        let secret = Secret::parse(vector("secret")).unwrap();
        assert_eq!(secret.verify(&headers, vector("body").as_bytes(), now), Ok(vector("webhook-id")));
    }
}
