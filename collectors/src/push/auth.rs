//! Who sends to a hook: tokens, passwords, and signatures of the body.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use isobar_egress::SigningKey;
use isobar_normalizer::{ConfigError, Secret, SecretReader, Timestamp, parse_duration};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A signature may be so much older or newer than our clock says. Source: Standard Webhooks 1.0, "verifying webhook authenticity".
const TOLERANCE: Duration = Duration::from_secs(300);

/// Where Grafana puts its signature unless told otherwise. Source: its documentation of the webhook contact point (v12).
const GRAFANA_HEADER: &str = "X-Grafana-Alerting-Signature";

/// The `auth:` table of a hook: exactly one way.
#[derive(Clone, Debug, Deserialize)]
pub struct HookAuth(#[serde(deserialize_with = "one_way")] Way);

/// As it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawAuth {
    bearer: Option<TokenHash>,
    query: Option<TokenHash>,
    basic: Option<Basic>,
    standard_webhooks: Option<Signed>,
    grafana: Option<GrafanaSigned>,
    none: Option<Nobody>,
}

#[derive(Clone, Debug)]
enum Way {
    Bearer(TokenHash),
    Query(TokenHash),
    Basic(Basic),
    StandardWebhooks(Signed),
    Grafana(GrafanaSigned),
    Nobody,
}

/// The SHA-256 of a token, as `sha256sum` prints it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHash {
    #[serde(deserialize_with = "hash")]
    sha256: [u8; 32],
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Basic {
    username: String,
    password: Secret,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    secret: Spanned<Secret>,
    #[serde(default = "tolerance", deserialize_with = "positive")]
    tolerance: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GrafanaSigned {
    secret: Secret,
    #[serde(default = "grafana_header")]
    header: String,
    #[serde(default)]
    timestamp_header: Option<String>,
    #[serde(default = "tolerance", deserialize_with = "positive")]
    tolerance: Duration,
}

/// `none: true` says aloud that whoever reaches the hook is believed; its alerts are marked as unverified.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "bool")]
struct Nobody;

impl TryFrom<bool> for Nobody {
    type Error = &'static str;

    fn try_from(yes: bool) -> Result<Self, &'static str> {
        if yes { Ok(Self) } else { Err("none: true, or one of the other ways") }
    }
}

fn one_way<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Way, D::Error> {
    let raw = RawAuth::deserialize(deserializer)?;
    let mut ways = [
        raw.bearer.map(Way::Bearer),
        raw.query.map(Way::Query),
        raw.basic.map(Way::Basic),
        raw.standard_webhooks.map(Way::StandardWebhooks),
        raw.grafana.map(Way::Grafana),
        raw.none.map(|Nobody| Way::Nobody),
    ]
    .into_iter()
    .flatten();
    match (ways.next(), ways.next()) {
        (Some(way), None) => Ok(way),
        _ => Err(D::Error::custom(
            "auth is exactly one of bearer, query, basic, standard_webhooks, grafana, or none: true",
        )),
    }
}

fn hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(deserializer)?;
    let mut hash = [0; 32];
    // The text is not repeated: someone may have put the token itself here.
    hex::decode_to_slice(&text, &mut hash).map_err(|_| {
        D::Error::custom(
            "sha256 is the SHA-256 of the token: 64 hexadecimal digits, as sha256sum prints them",
        )
    })?;
    Ok(hash)
}

fn tolerance() -> Duration {
    TOLERANCE
}

fn grafana_header() -> String {
    GRAFANA_HEADER.to_owned()
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration =
        parse_duration(&text).map_err(|error| D::Error::custom(format!("{error}; for example 5m")))?;
    if duration.is_zero() {
        return Err(D::Error::custom("tolerance is longer than nothing, for example 5m"));
    }
    Ok(duration)
}

/// What a sender is known by, revealed. Prints without secrets.
pub struct HookKey(Key);

enum Key {
    Bearer([u8; 32]),
    Query([u8; 32]),
    /// The hash of `user:password`.
    Basic([u8; 32]),
    StandardWebhooks {
        key: SigningKey,
        tolerance: Duration,
    },
    Grafana {
        key: Vec<u8>,
        header: String,
        timestamp_header: Option<String>,
        tolerance: Duration,
    },
    Nobody,
}

/// Whether a request comes from who it should come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Verified,
    /// Nobody is asked who he is here.
    Unverified,
    /// It does not, or does not prove it.
    Refused,
}

impl HookAuth {
    /// Reveals the secret.
    ///
    /// # Errors
    /// A secret that cannot be read, stands in the file itself, or is not of the form its way needs.
    pub fn reveal(&self, secrets: &dyn SecretReader) -> Result<HookKey, ConfigError> {
        let key = match &self.0 {
            Way::Bearer(token) => Key::Bearer(token.sha256),
            Way::Query(token) => Key::Query(token.sha256),
            Way::Basic(Basic { username, password }) => {
                let password = password.reveal_reference(secrets)?;
                Key::Basic(Sha256::digest(format!("{username}:{}", password.expose())).into())
            }
            Way::StandardWebhooks(Signed { secret, tolerance }) => {
                let revealed = secret.value.reveal_reference(secrets)?;
                let key = SigningKey::parse(revealed.expose())
                    .map_err(|wrong| ConfigError::at(secret.referenced, wrong))?;
                Key::StandardWebhooks { key, tolerance: *tolerance }
            }
            Way::Grafana(GrafanaSigned { secret, header, timestamp_header, tolerance }) => Key::Grafana {
                key: secret.reveal_reference(secrets)?.expose().as_bytes().to_vec(),
                header: header.clone(),
                timestamp_header: timestamp_header.clone(),
                tolerance: *tolerance,
            },
            Way::Nobody => Key::Nobody,
        };
        Ok(HookKey(key))
    }
}

impl HookKey {
    /// Judges a request by its headers, the query of its URL, and its body.
    pub fn verify(&self, headers: &HeaderMap, query: &str, body: &[u8], now: Timestamp) -> Verdict {
        let proven = match &self.0 {
            Key::Nobody => return Verdict::Unverified,
            Key::Bearer(hash) => {
                credentials(headers, "bearer").is_some_and(|token| is(hash, token.as_bytes()))
            }
            Key::Basic(hash) => credentials(headers, "basic")
                .and_then(|pair| STANDARD.decode(pair).ok())
                .is_some_and(|pair| is(hash, &pair)),
            Key::Query(hash) => url::form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == "token")
                .is_some_and(|(_, token)| is(hash, token.as_bytes())),
            Key::StandardWebhooks { key, tolerance } => {
                signed_by_standard(headers, body, key, *tolerance, now).unwrap_or(false)
            }
            Key::Grafana { key, header, timestamp_header, tolerance } => {
                let timestamp = timestamp_header.as_deref().map(|name| (name, *tolerance));
                signed_by_grafana(headers, body, key, header, timestamp, now).unwrap_or(false)
            }
        };
        if proven { Verdict::Verified } else { Verdict::Refused }
    }
}

impl fmt::Debug for HookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn is(hash: &[u8; 32], presented: &[u8]) -> bool {
    Sha256::digest(presented).ct_eq(hash).into()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let (given, credentials) = text(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| credentials.trim())
}

/// Whether a time in whole seconds is near enough to now: what was recorded earlier is not taken again later.
fn is_recent(timestamp: &str, tolerance: Duration, now: Timestamp) -> bool {
    let at = timestamp.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1000));
    at.is_some_and(|at| now.millis().abs_diff(at) <= u64::try_from(tolerance.as_millis()).unwrap_or(u64::MAX))
}

fn signed_by_standard(
    headers: &HeaderMap,
    body: &[u8],
    key: &SigningKey,
    tolerance: Duration,
    now: Timestamp,
) -> Option<bool> {
    let (id, timestamp) = (text(headers, "webhook-id")?, text(headers, "webhook-timestamp")?);
    let expected = key.sign(id, timestamp, body);
    // Several signatures while the sender changes its key; all are looked at, so that time tells nothing.
    let signatures = text(headers, "webhook-signature")?.split(' ');
    let matching = signatures.filter(|one| bool::from(one.as_bytes().ct_eq(expected.as_bytes()))).count();
    Some(matching > 0 && is_recent(timestamp, tolerance, now))
}

/// Hexadecimal HMAC-SHA256 over the body, or over `timestamp:body` where a timestamp is sent.
fn signed_by_grafana(
    headers: &HeaderMap,
    body: &[u8],
    key: &[u8],
    header: &str,
    timestamp: Option<(&str, Duration)>,
    now: Timestamp,
) -> Option<bool> {
    let signature = hex::decode(text(headers, header)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    let mut recent = true;
    if let Some((name, tolerance)) = timestamp {
        let timestamp = text(headers, name)?;
        recent = is_recent(timestamp, tolerance, now);
        mac.update(timestamp.as_bytes());
        mac.update(b":");
    }
    mac.update(body);
    Some(mac.verify_slice(&signature).is_ok() && recent)
}

#[cfg(test)]
mod tests;
