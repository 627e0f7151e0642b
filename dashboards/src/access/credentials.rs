//! Static tokens and basic-auth users: who a request comes from, and what that one may do.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// One thing a credential may allow. No scope implies another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Reads series, alerts, the journal, metrics.
    Read,
    /// Writes samples, resends deliveries, reloads.
    Write,
    /// Approves what changes the watched systems themselves.
    Act,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Act];

    /// The word in configuration and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Act => "act",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope there is.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether the scope is in the set.
    pub fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | 1 << scope as u8))
    }
}

/// SHA-256 of a token or of `user:password`. Secrets are random or the operator's own; they are not stretched.
type Hash = [u8; 32];

/// One configured credential.
#[derive(Clone)]
struct Credential {
    name: String,
    hash: Hash,
    scopes: Scopes,
}

/// The credentials that are known. Without any, everyone may do everything, which only a listener that strangers
/// cannot reach is allowed to have.
#[derive(Clone, Default)]
pub(crate) struct Access {
    tokens: Vec<Credential>,
    users: Vec<Credential>,
}

/// Who a request comes from; the name is journalled with what it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    pub(crate) name: String,
    /// Whether a credential says so.
    pub(crate) is_known: bool,
}

/// Why a request is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denial {
    #[error(
        "this needs a token: send Authorization: Bearer, or Basic at the doors of Prometheus and Alertmanager and the web page"
    )]
    Anonymous,
    #[error("the token or password is not known here")]
    Unknown,
    #[error("the credential does not have the scope {0}")]
    MissingScope(Scope),
}

impl Access {
    /// Adds a token by its hash.
    pub(crate) fn add_token(&mut self, name: &str, hash: Hash, scopes: Scopes) {
        self.tokens.push(Credential { name: format!("token {name}"), hash, scopes });
    }

    /// Adds a basic-auth user.
    pub(crate) fn add_user(&mut self, user: &str, password: &str, scopes: Scopes) {
        let hash = Sha256::digest(format!("{user}:{password}")).into();
        self.users.push(Credential { name: format!("user {user}"), hash, scopes });
    }

    /// Whether no credential is configured.
    pub(crate) fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.users.is_empty()
    }

    /// Decides whether the request may do what needs `scope`. Basic counts where `basic` says so.
    pub(crate) fn authorize(
        &self,
        headers: &HeaderMap,
        scope: Scope,
        basic: bool,
    ) -> Result<Principal, Denial> {
        match self.identify(headers, basic)? {
            None => Ok(Principal { name: "anonymous".to_owned(), is_known: false }),
            Some(credential) if credential.scopes.contains(scope) => {
                Ok(Principal { name: credential.name.clone(), is_known: true })
            }
            Some(_) => Err(Denial::MissingScope(scope)),
        }
    }

    /// Who the request says it comes from, whatever that one may do; `unknown` when it does not say, or not truly.
    pub(crate) fn name(&self, headers: &HeaderMap, basic: bool) -> &str {
        match self.identify(headers, basic) {
            Ok(None) => "anonymous",
            Ok(Some(credential)) => &credential.name,
            Err(_) => "unknown",
        }
    }

    /// The credential of a request; `None` where none is configured.
    fn identify(&self, headers: &HeaderMap, basic: bool) -> Result<Option<&Credential>, Denial> {
        if self.is_open() {
            return Ok(None);
        }
        let presented = headers.get(AUTHORIZATION).ok_or(Denial::Anonymous)?;
        let (scheme, secret) =
            presented.to_str().ok().and_then(|text| text.trim().split_once(' ')).ok_or(Denial::Unknown)?;
        let credential = if scheme.eq_ignore_ascii_case("bearer") {
            find(&self.tokens, &Sha256::digest(secret.trim()).into())
        } else if basic && scheme.eq_ignore_ascii_case("basic") {
            let pair = STANDARD.decode(secret.trim()).map_err(|_| Denial::Unknown)?;
            find(&self.users, &Sha256::digest(pair).into())
        } else {
            None
        };
        credential.map(Some).ok_or(Denial::Unknown)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.tokens.iter().chain(&self.users).map(|credential| &credential.name);
        f.debug_list().entries(names).finish()
    }
}

/// Looks at every credential whatever the outcome, so that time tells nothing about which one was nearly right.
fn find<'a>(credentials: &'a [Credential], hash: &Hash) -> Option<&'a Credential> {
    let mut found = u32::MAX;
    for (index, credential) in (0u32..).zip(credentials) {
        let equal: Choice = credential.hash.ct_eq(hash);
        found.conditional_assign(&index, equal);
    }
    credentials.get(found as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let mut access = Access::default();
        access.add_token("ci", Sha256::digest("iso_ci").into(), [Scope::Read].into_iter().collect());
        access.add_token("ops", Sha256::digest("iso_ops").into(), Scopes::all());
        access.add_user("grafana", "pass:word", [Scope::Read].into_iter().collect());
        access
    }

    fn check(authorization: Option<&str>, scope: Scope, basic: bool, expected: Result<&str, Denial>) {
        let mut headers = HeaderMap::new();
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        }
        let expected = expected.map(|name| Principal { name: name.to_owned(), is_known: true });
        assert_eq!(access().authorize(&headers, scope, basic), expected, "{authorization:?} {scope}");
    }

    #[test]
    fn tokens_and_users_have_exactly_their_scopes() {
        let grafana = format!("Basic {}", STANDARD.encode("grafana:pass:word"));
        check(None, Scope::Read, true, Err(Denial::Anonymous));
        check(Some("Bearer iso_ci"), Scope::Read, false, Ok("token ci"));
        check(Some("bearer  iso_ci"), Scope::Read, false, Ok("token ci"));
        check(Some("Bearer iso_ci"), Scope::Write, false, Err(Denial::MissingScope(Scope::Write)));
        check(Some("Bearer iso_ops"), Scope::Act, false, Ok("token ops"));
        check(Some("Bearer iso_CI"), Scope::Read, false, Err(Denial::Unknown));
        check(Some("Bearer "), Scope::Read, false, Err(Denial::Unknown));
        check(Some("Bearer"), Scope::Read, false, Err(Denial::Unknown));
        check(Some(&grafana), Scope::Read, true, Ok("user grafana"));
        check(Some(&grafana), Scope::Read, false, Err(Denial::Unknown));
        check(Some(&grafana), Scope::Write, true, Err(Denial::MissingScope(Scope::Write)));
        check(Some("Basic %%%"), Scope::Read, true, Err(Denial::Unknown));
        let mut headers = HeaderMap::new();
        assert_eq!(access().name(&headers, false), "unknown");
        headers.insert(AUTHORIZATION, "Bearer iso_ci".parse().unwrap());
        assert_eq!(access().name(&headers, false), "token ci");
    }

    #[test]
    fn nothing_configured_is_open_and_hashes_are_not_printed() {
        assert!(Access::default().authorize(&HeaderMap::new(), Scope::Act, false).is_ok());
        assert_eq!(format!("{:?}", access()), r#"["token ci", "token ops", "user grafana"]"#);
    }
}
