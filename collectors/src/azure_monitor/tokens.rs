//! Tokens: one for each audience, kept until shortly before they expire.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use isobar_egress::{Client, Request, Retry};
use isobar_normalizer::Revealed;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use url::form_urlencoded::Serializer;

use super::cloud::{Audience, Endpoints};
use super::error::{ApiError, Failure};
use super::identity::Vendor;
use super::limits::{Limit, Limits};
use super::rest::{Round, decoded, wait_of};

/// What the price list calls it.
const OPERATION: &str = "Token";
const BODY_MAX: usize = 1 << 20;
/// A token is renewed this long before it expires, so that none expires on its way.
const RENEWED_BEFORE: Duration = Duration::from_secs(300);
/// A refusal holds for this long: many parts ask at once, and the answer would be the same.
const REFUSED_FOR: Duration = Duration::from_secs(15);

/// Who asks for tokens.
#[derive(Debug)]
pub(super) enum Identity {
    /// An application with a secret.
    Secret { tenant_id: String, client_id: String, secret: Revealed },
    /// What the vendor's crate knows to sign in with.
    Vendor(Vendor),
}

/// Mints and keeps tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    identity: Identity,
    client: Client,
    endpoints: Endpoints,
    timeout: Duration,
    arm: Mutex<Kept>,
    metrics: Mutex<Kept>,
}

/// What is known of one audience's token.
#[derive(Debug, Default)]
enum Kept {
    #[default]
    Nothing,
    Token {
        token: Revealed,
        fresh_until: Instant,
    },
    Refused {
        error: ApiError,
        until: Instant,
    },
}

impl Tokens {
    pub(super) fn new(identity: Identity, client: Client, endpoints: Endpoints, timeout: Duration) -> Self {
        Self { identity, client, endpoints, timeout, arm: Mutex::default(), metrics: Mutex::default() }
    }

    fn kept(&self, audience: Audience) -> &Mutex<Kept> {
        match audience {
            Audience::Arm => &self.arm,
            Audience::Metrics => &self.metrics,
        }
    }

    /// A token that is good for some minutes more. One request for all who ask at the same time.
    ///
    /// # Errors
    /// The token service's code and what it means.
    pub(super) async fn get(
        &self,
        audience: Audience,
        limits: &Limits,
        round: &Round<'_>,
    ) -> Result<Revealed, ApiError> {
        let mut kept = self.kept(audience).lock().await;
        let now = Instant::now();
        match &*kept {
            Kept::Token { token, fresh_until } if now < *fresh_until => return Ok(token.clone()),
            Kept::Refused { error, until } if now < *until => return Err(error.clone()),
            _ => {}
        }
        let minted = match &self.identity {
            Identity::Secret { tenant_id, client_id, secret } => {
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id),
                    ("client_secret", secret.expose()),
                ];
                self.ask(tenant_id, &form, audience, limits, round).await
            }
            Identity::Vendor(vendor) => {
                round.meter.count(OPERATION);
                vendor.token(self.endpoints.audience(audience)).await
            }
        };
        match minted {
            Ok((token, lifetime)) => {
                let fresh_for = lifetime.saturating_sub(RENEWED_BEFORE).max(lifetime / 2);
                *kept = Kept::Token { token: token.clone(), fresh_until: now + fresh_for };
                Ok(token)
            }
            Err(error) => {
                let error = error.about("signing in to Azure");
                let pause = match error.retry {
                    Retry::After(wait) => wait,
                    _ => REFUSED_FOR,
                };
                // A connection that broke is no verdict.
                *kept = match error.kind {
                    Failure::Transient | Failure::Unreachable => Kept::Nothing,
                    _ => Kept::Refused { error: error.clone(), until: now + pause },
                };
                Err(error)
            }
        }
    }

    /// Drops a token that was refused, unless another has taken its place: whoever asks next gets one that may do.
    pub(super) async fn reject(&self, audience: Audience, token: &Revealed) {
        let mut kept = self.kept(audience).lock().await;
        if matches!(&*kept, Kept::Token { token: known, .. } if known == token) {
            *kept = Kept::Nothing;
        }
    }

    async fn ask(
        &self,
        tenant_id: &str,
        form: &[(&str, &str)],
        audience: Audience,
        limits: &Limits,
        round: &Round<'_>,
    ) -> Result<(Revealed, Duration), ApiError> {
        let wait = limits.turn(&Limit::Authority).await;
        wait.map_err(|wait| {
            let message = format!("the token service asked to wait {} s more", wait.as_secs().max(1));
            ApiError { retry: Retry::After(wait), ..ApiError::new(Failure::Throttled, message) }
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let scope = format!("{}/.default", self.endpoints.audience(audience).trim_end_matches('/'));
        let body = Serializer::new(String::new()).extend_pairs(form).append_pair("scope", &scope).finish();
        let request = Request {
            method: Method::POST,
            url: token_url(&self.endpoints.authority, tenant_id)?,
            headers,
            body: Bytes::from(body),
            timeout: self.timeout,
            response_max: BODY_MAX,
        };
        round.meter.count(OPERATION);
        let response = self.client.send(request).await.map_err(|error| ApiError::unanswered(&error))?;
        round.compare(&response.headers);
        let wait = wait_of(&response, round);
        let body = decoded(&response).map_err(|error| ApiError::new(Failure::Unreadable, error))?;
        if !response.status.is_success() {
            if let Some(wait) = wait {
                limits.block(&Limit::Authority, wait);
            }
            let mut error = ApiError::answered(response.status, &body, wait.map(Retry::After));
            if let Some(skew) = round.skew() {
                error.message = format!("{}; {skew}", error.message);
            }
            return Err(error);
        }
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|error| ApiError::unreadable(&body, &error))?;
        Ok((Revealed::new(answer.access_token), Duration::from_secs(answer.expires_in)))
    }
}

fn token_url(authority: &Url, tenant_id: &str) -> Result<Url, ApiError> {
    let mut url = authority.clone();
    let mut path = url
        .path_segments_mut()
        .map_err(|()| ApiError::new(Failure::Refused, "the authority's URL has no path"))?;
    path.pop_if_empty().extend([tenant_id, "oauth2", "v2.0", "token"]);
    drop(path);
    Ok(url)
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    /// Seconds; some services write them as text.
    #[serde(deserialize_with = "seconds")]
    expires_in: u64,
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Number(seconds) => Ok(seconds),
        Written::Text(text) => text.parse().map_err(D::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_is_one_part_of_the_path() {
        let url =
            |authority: &str, tenant| token_url(&Url::parse(authority).unwrap(), tenant).unwrap().to_string();
        assert_eq!(url("https://login.example/", "t"), "https://login.example/t/oauth2/v2.0/token");
        assert_eq!(url("http://127.0.0.1:1/aad", "t"), "http://127.0.0.1:1/aad/t/oauth2/v2.0/token");
        assert_eq!(
            url("https://login.example/", "a/../b"),
            "https://login.example/a%2F..%2Fb/oauth2/v2.0/token"
        );
    }

    #[test]
    fn seconds_come_as_number_and_as_text() {
        for (text, expected) in [("3599", 3599), ("\"86400\"", 86_400)] {
            let answer: Answer =
                serde_json::from_str(&format!(r#"{{"access_token":"x","expires_in":{text}}}"#)).unwrap();
            assert_eq!(answer.expires_in, expected);
        }
    }
}
