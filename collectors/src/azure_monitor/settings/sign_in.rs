//! Who signs in.

use std::path::PathBuf;

use isobar_normalizer::{ConfigError, Secret};
use serde_saphyr::{Location, Spanned};

use super::super::identity::How;

/// The one way that is configured.
#[derive(Debug)]
pub(super) enum SignIn {
    Secret { tenant_id: String, client_id: String, secret: Secret },
    Vendor(How),
}

/// Checks that there is one way, with all that it needs and nothing that has no effect on it.
pub(super) fn sign_in(
    tenant_id: Option<Spanned<String>>,
    client_id: Option<Spanned<String>>,
    secret: Option<Secret>,
    others: [(&'static str, Option<Spanned<bool>>); 3],
    token_file: Option<Spanned<PathBuf>>,
) -> Result<SignIn, ConfigError> {
    let tenant_at = tenant_id.as_ref().map(|one| one.referenced);
    let file_at = token_file.as_ref().map(|one| one.referenced);
    for id in [&tenant_id, &client_id].into_iter().flatten() {
        let is_id = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if id.value.is_empty() || !id.value.chars().all(is_id) {
            return Err(ConfigError::at(id.referenced, format!("{:?} is no id", id.value)));
        }
    }
    let (tenant_id, client_id) = (tenant_id.map(|one| one.value), client_id.map(|one| one.value));
    let chosen: Vec<(&str, Location)> = others
        .iter()
        .filter_map(|(key, given)| {
            given.as_ref().filter(|given| given.value).map(|given| (*key, given.referenced))
        })
        .collect();
    let ways = "client_secret, managed_identity, workload_identity, azure_cli";
    let no_effect = |at: Option<Location>, beside: &str| match at {
        Some(at) => Err(ConfigError::at(at, format!("it has no effect beside {beside}"))),
        None => Ok(()),
    };
    match (secret, chosen.as_slice()) {
        (None, []) => Err(ConfigError::whole(format!("who signs in is not said: give one of {ways}"))),
        (Some(_), [(_, at), ..]) | (None, [_, (_, at), ..]) => {
            Err(ConfigError::at(*at, format!("{ways} exclude each other: keep one of them")))
        }
        (Some(secret), []) => {
            no_effect(file_at, "client_secret")?;
            let (Some(tenant_id), Some(client_id)) = (tenant_id, client_id) else {
                return Err(ConfigError::whole("client_secret needs tenant_id and client_id beside it"));
            };
            Ok(SignIn::Secret { tenant_id, client_id, secret })
        }
        (None, [("managed_identity", _)]) => {
            no_effect(tenant_at, "managed_identity")?;
            no_effect(file_at, "managed_identity")?;
            Ok(SignIn::Vendor(How::Managed { client_id }))
        }
        (None, [("workload_identity", _)]) => {
            let token_file = token_file.map(|one| one.value);
            Ok(SignIn::Vendor(How::Workload { tenant_id, client_id, token_file }))
        }
        (None, [(_, at)]) => {
            no_effect(file_at, "azure_cli")?;
            if client_id.is_some() {
                return Err(ConfigError::at(
                    *at,
                    "azure_cli signs in as whoever uses it: leave out client_id",
                ));
            }
            Ok(SignIn::Vendor(How::Cli { tenant_id }))
        }
    }
}
