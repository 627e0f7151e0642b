//! What the two configuration sections come to, once they are found to fit each other.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use isobar_normalizer::{ConfigError, SecretReader};
use url::Url;

use super::{Access, HostList};
use crate::config::{SecurityConfig, ServerConfig};

/// Everything admission decides by. Made from configuration only, so that what is served has been checked.
#[derive(Clone, Debug)]
pub struct SecurityOptions {
    pub(crate) access: Access,
    pub(crate) hosts: HostList,
    pub(crate) external_url: Option<Url>,
    pub(crate) proxies: Vec<IpNet>,
}

impl SecurityOptions {
    /// Fits the sections together and reveals the passwords.
    ///
    /// # Errors
    /// A listener that strangers can reach without authentication and TLS or a named proxy, a name or a token given twice,
    /// a credential without scopes, a secret that cannot be read; with the place.
    pub fn resolve(
        server: &ServerConfig,
        security: &SecurityConfig,
        secrets: &dyn SecretReader,
    ) -> Result<Self, ConfigError> {
        let mut access = Access::default();
        let mut names = BTreeSet::new();
        let mut hashes = BTreeMap::new();
        for token in &security.tokens {
            let name = token.name.value.as_str();
            if !names.insert(("token", name)) {
                return Err(ConfigError::at(token.name.referenced, format!("token {name:?} is given twice")));
            }
            if let Some(other) = hashes.insert(&token.sha256, name) {
                let message =
                    format!("token {name:?} has the same sha256 as token {other:?}: each has its own");
                return Err(ConfigError::at(token.name.referenced, message));
            }
            access.add_token(name, token.sha256.0, token.scopes.0);
        }
        for user in &security.basic {
            let name = user.username.value.as_str();
            if name.contains(':') {
                let message = "a basic-auth user name cannot hold a colon";
                return Err(ConfigError::at(user.username.referenced, message));
            }
            if !names.insert(("user", name)) {
                return Err(ConfigError::at(
                    user.username.referenced,
                    format!("user {name:?} is given twice"),
                ));
            }
            let password = user.password.reveal_reference(secrets)?;
            if password.expose().is_empty() {
                let message = format!("the password of user {name:?} is empty");
                return Err(ConfigError::at(user.username.referenced, message));
            }
            access.add_user(name, password.expose(), user.scopes.0);
        }
        let listen = server.listen.value;
        let reachable = !listen.ip().is_loopback();
        let guarded = !access.is_open() && server.tls.is_some();
        if reachable && !guarded && server.behind_proxy.is_empty() {
            let missing = match (access.is_open(), server.tls.is_none()) {
                (true, true) => "security.tokens or security.basic, and server.tls",
                (true, false) => "security.tokens or security.basic",
                _ => "server.tls",
            };
            let message = format!(
                "{listen} can be reached from other machines: set {missing}, or list the proxies in front in \
                 server.behind_proxy, or listen on 127.0.0.1"
            );
            return Err(ConfigError::at(server.listen.referenced, message));
        }
        let external_host = server.external_url.as_ref().and_then(|url| url.host_str());
        Ok(Self {
            access,
            hosts: HostList::new(listen, external_host, &security.hosts),
            external_url: server.external_url.clone(),
            proxies: server.behind_proxy.clone(),
        })
    }
}
