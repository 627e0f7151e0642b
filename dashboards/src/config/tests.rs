use isobar_normalizer::{SecretReader, SecretReference};

use super::*;
use crate::SecurityOptions;

struct Passwords;

impl SecretReader for Passwords {
    fn read(&self, reference: &SecretReference) -> Result<String, String> {
        match reference {
            SecretReference::Env(name) if name == "GRAFANA_PASSWORD" => Ok("swordfish".to_owned()),
            SecretReference::Env(name) if name == "EMPTY" => Ok(String::new()),
            other => Err(format!("{other:?} is not set")),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    server: ServerConfig,
    #[serde(default)]
    security: SecurityConfig,
}

fn resolve(text: &str) -> Result<SecurityOptions, isobar_normalizer::ConfigError> {
    let document: Document = serde_saphyr::from_str(text)?;
    SecurityOptions::resolve(&document.server, &document.security, &Passwords)
}

/// `expected` is the place and a part of what is said.
fn refused(text: &str, line: u32, column: u32, expected: &str) {
    let error = resolve(text).expect_err(text);
    assert_eq!((error.line, error.column), (line, column), "{text}\n{error}");
    assert!(error.message.contains(expected), "{text}\n{error}");
}

const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

#[test]
fn the_samples_are_valid_and_nothing_at_all_is_too() {
    let indent = |sample: &str| sample.lines().map(|line| format!("  {line}\n")).collect::<String>();
    let text = format!("server:\n{}security:\n{}", indent(SERVER_SAMPLE), indent(SECURITY_SAMPLE));
    resolve(&text).unwrap();
    let document: Document = serde_saphyr::from_str(&text).unwrap();
    let tls = document.server.tls(std::path::Path::new("/srv")).unwrap();
    assert_eq!(tls.cert_file, std::path::Path::new("/etc/isobar/tls/fullchain.pem"));

    resolve("{}").unwrap();
    assert_eq!(ServerConfig::default().listen().to_string(), "127.0.0.1:9797");
    assert_eq!(ServerConfig::default().external_url().as_str(), "http://127.0.0.1:9797/");
}

#[test]
fn an_address_that_others_reach_needs_a_guard() {
    let token = format!("security: {{tokens: [{{name: a, sha256: {HASH}, scopes: [read]}}]}}");
    let tls = "tls: {cert_file: a, key_file: b}";
    refused("server: {listen: 0.0.0.0:9797}", 1, 18, "set security.tokens or security.basic, and server.tls");
    refused(&format!("server:\n  listen: 10.0.0.1:1\n{token}"), 2, 11, "set server.tls, or list the proxies");
    refused(
        &format!("server: {{listen: '[::]:1', {tls}}}"),
        1,
        18,
        "set security.tokens or security.basic, or",
    );
    resolve(&format!("server: {{listen: '[::]:1', {tls}}}\n{token}")).unwrap();
    resolve("server: {listen: 0.0.0.0:1, behind_proxy: [10.0.0.5/32]}").unwrap();
    resolve("server: {listen: '[::1]:1'}").unwrap();
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let two =
        format!("[{{name: a, sha256: {HASH}, scopes: [read]}}, {{name: a, sha256: {HASH}, scopes: [act]}}]");
    refused(&format!("security:\n  tokens: {two}"), 2, 121, "token \"a\" is given twice");
    refused("security:\n  tokens:\n    - {name: a, sha256: secret, scopes: [read]}", 3, 25, "64 hexadecimal");
    refused(&format!("security: {{tokens: [{{name: a, sha256: {HASH}, scopes: []}}]}}"), 1, 112, "no scope");
    refused(&format!("security: {{tokens: [{{name: a, sha256: {HASH}, scopes: [root]}}]}}"), 1, 113, "root");
    refused("security: {hosts: ['a:9797']}", 1, 19, "no port");
    refused("server: {external_url: 'ftp://a'}", 1, 24, "http:// or https://");
    refused("server: {external_url: 'https://a/isobar'}", 1, 24, "http:// or https://");
    refused("server: {listen: 9797}", 1, 18, "");
    refused("server: {lisen: 127.0.0.1:1}", 1, 10, "lisen");
    refused(
        "security: {basic: [{username: a, password: plain, scopes: [read]}]}",
        1,
        44,
        "does not stand in the file",
    );
    refused("security: {basic: [{username: a, password: '${env:UNSET}', scopes: [read]}]}", 1, 44, "UNSET");
    refused(
        "security: {basic: [{username: a, password: '${env:EMPTY}', scopes: [read]}]}",
        1,
        31,
        "is empty",
    );
    refused(
        "security: {basic: [{username: 'a:b', password: '${env:EMPTY}', scopes: [read]}]}",
        1,
        31,
        "colon",
    );
}

#[test]
fn a_token_written_in_place_of_its_hash_is_not_repeated() {
    let error = resolve("security: {tokens: [{name: a, sha256: iso_hunter2, scopes: [read]}]}").unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
