//! Bearer tokens: signed by the simulators, good for one audience, and only for a while.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::error::ApiError;
use crate::estate::{Dice, Millis};

/// How long a token is good, in seconds. Source: azure-docs, articles/active-directory/develop/access-tokens.md:
/// between 60 and 90 minutes; an hour less a second is usual.
pub(crate) const LASTS_S: i64 = 3_599;

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Resource Manager, and what is asked through it.
    Management,
    /// The metrics hosts.
    Metrics,
}

impl Audience {
    /// Reads a resource as tokens are asked for; a slash at its end does not count.
    pub(crate) fn parse(resource: &str) -> Option<Self> {
        match resource.trim_end_matches('/') {
            "https://management.azure.com" | "https://management.core.windows.net" => Some(Self::Management),
            "https://metrics.monitor.azure.com" => Some(Self::Metrics),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Management => "https://management.azure.com",
            Self::Metrics => "https://metrics.monitor.azure.com",
        }
    }
}

/// What an application may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Reader and Monitoring Reader of the subscription.
    MonitoringReader,
    /// The same, and may change the state of alerts: Monitoring Contributor.
    MonitoringContributor,
    /// May list resources, and read neither metrics nor alerts.
    Reader,
}

/// Someone whose token was good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) client_id: String,
    pub(crate) role: Role,
}

impl Principal {
    /// Checks that it may perform an action, for example `Microsoft.Insights/metrics/read`.
    pub(crate) fn may(&self, action: &str, scope: &str) -> Result<(), ApiError> {
        let monitoring = ["Microsoft.Insights/", "Microsoft.AlertsManagement/"];
        let is_monitoring = monitoring.iter().any(|prefix| action.starts_with(prefix));
        let allowed = match self.role {
            Role::MonitoringContributor => true,
            Role::MonitoringReader => action.ends_with("/read"),
            Role::Reader => action.ends_with("/read") && !is_monitoring,
        };
        if allowed { Ok(()) } else { Err(ApiError::forbidden(&self.client_id, action, scope)) }
    }
}

/// Signs and reads tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    key: String,
    tenant: String,
}

impl Tokens {
    pub(crate) fn new(dice: Dice, tenant: &str) -> Self {
        Self { key: dice.hex(64, "azure token key"), tenant: tenant.to_owned() }
    }

    fn signature(&self, text: &str) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).expect("a key of any length will do");
        mac.update(text.as_bytes());
        BASE64.encode(mac.finalize().into_bytes())
    }

    /// Writes a token: a JSON web token, as the real ones are.
    pub(crate) fn write(&self, client_id: &str, audience: Audience, now: Millis) -> String {
        let head = BASE64.encode(json!({"typ": "JWT", "alg": "HS256"}).to_string());
        let now_s = now.div_euclid(1_000);
        let claims = json!({
            "aud": audience.name(),
            "iss": format!("https://sts.windows.net/{}/", self.tenant),
            "iat": now_s,
            "nbf": now_s,
            "exp": now_s + LASTS_S,
            "appid": client_id,
            "oid": client_id,
            "tid": self.tenant,
        });
        let text = format!("{head}.{}", BASE64.encode(claims.to_string()));
        format!("{text}.{}", self.signature(&text))
    }

    /// Reads the token of an `Authorization` header; gives the application it was written for.
    pub(crate) fn read(
        &self,
        header: Option<&str>,
        audience: Audience,
        now: Millis,
    ) -> Result<String, ApiError> {
        let unauthenticated = |code: &str, message: &str| Err(ApiError::new(401, code, message));
        let Some(header) = header else {
            return unauthenticated(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            );
        };
        let Some(claims) = header.strip_prefix("Bearer ").and_then(|token| self.claims(token.trim())) else {
            return unauthenticated("InvalidAuthenticationToken", "The access token is invalid.");
        };
        if claims["aud"] != audience.name() {
            return unauthenticated(
                "InvalidAuthenticationTokenAudience",
                &format!(
                    "The access token has been obtained for wrong audience or resource '{}'. It should exactly match with one of the allowed audiences '{}'.",
                    claims["aud"].as_str().unwrap_or_default(),
                    audience.name()
                ),
            );
        }
        if claims["exp"].as_i64().is_none_or(|until| now.div_euclid(1_000) >= until) {
            return unauthenticated("ExpiredAuthenticationToken", "The access token expiry is in the past.");
        }
        Ok(claims["appid"].as_str().unwrap_or_default().to_owned())
    }

    fn claims(&self, token: &str) -> Option<Value> {
        let (text, signature) = token.rsplit_once('.')?;
        if self.signature(text) != signature {
            return None;
        }
        let (_, claims) = text.split_once('.')?;
        serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_000_000_000;

    #[test]
    fn a_token_opens_its_audience_until_it_expires() {
        let tokens = Tokens::new(Dice::new(1), "tenant");
        let header = format!("Bearer {}", tokens.write("app", Audience::Management, NOW));
        let read = |header: Option<&str>, audience, later_s: i64| {
            tokens.read(header, audience, NOW + later_s * 1_000).map_err(|error| error.code)
        };
        let good = Some(header.as_str());
        assert_eq!(read(good, Audience::Management, 3_598).as_deref(), Ok("app"));
        let cases = [
            (good, Audience::Management, 3_599, "ExpiredAuthenticationToken"),
            (good, Audience::Metrics, 0, "InvalidAuthenticationTokenAudience"),
            (None, Audience::Management, 0, "AuthenticationFailed"),
            (Some("Bearer x.y.z"), Audience::Management, 0, "InvalidAuthenticationToken"),
            (Some("Basic eDp5"), Audience::Management, 0, "InvalidAuthenticationToken"),
        ];
        for (header, audience, later_s, code) in cases {
            assert_eq!(read(header, audience, later_s).unwrap_err(), code);
        }
        let stranger = Tokens::new(Dice::new(2), "tenant").write("app", Audience::Management, NOW);
        let stranger = format!("Bearer {stranger}");
        assert_eq!(read(Some(&stranger), Audience::Management, 0).unwrap_err(), "InvalidAuthenticationToken");
    }
}
