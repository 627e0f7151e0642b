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

/// The place complained about is marked by `^`.
fn refused(marked: &str, expected: &str) {
    let (before, after) = marked.split_once('^').expect("one place is marked");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().len() + 1;
    let text = format!("{before}{after}");
    let error = resolve(&text).expect_err(&text);
    assert_eq!((error.line as usize, error.column as usize), (line, column), "{text}\n{error}");
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
    refused("server: {listen: ^0.0.0.0:9797}", "set security.tokens or security.basic, and server.tls");
    refused(&format!("server:\n  listen: ^10.0.0.1:1\n{token}"), "set server.tls, or list the proxies");
    refused(&format!("server: {{listen: ^'[::]:1', {tls}}}"), "set security.tokens or security.basic, or");
    resolve(&format!("server: {{listen: '[::]:1', {tls}}}\n{token}")).unwrap();
    resolve("server: {listen: 0.0.0.0:1, behind_proxy: [10.0.0.5/32]}").unwrap();
    resolve("server: {listen: '[::1]:1'}").unwrap();
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let token = |name: &str, scopes: &str| format!("{{name: {name}, sha256: {HASH}, scopes: {scopes}}}");
    let tokens = |list: &[String]| format!("security:\n  tokens: [{}]", list.join(", "));
    refused(&tokens(&[token("a", "[read]"), token("^a", "[act]")]), "token \"a\" is given twice");
    refused("security:\n  tokens:\n    - {name: a, sha256: ^secret, scopes: [read]}", "64 hexadecimal");
    refused(&tokens(&[token("a", "[read]"), token("^b", "[act]")]), "the same sha256 as token \"a\"");
    refused(&tokens(&[token("a", "^[]")]), "no scope");
    refused(&tokens(&[token("a", "[^root]")]), "root");
    refused("security: {hosts: ^['a:9797']}", "no port");
    refused("security: {hosts: ^['*.example.org']}", "no wildcard");
    refused("server: {external_url: ^'ftp://a'}", "http:// or https://");
    refused("server: {external_url: ^'https://a/isobar'}", "http:// or https://");
    refused("server: {external_url: ^'https://me:secret@a/'}", "http:// or https://");
    refused("server: {external_url: ^'https://a/#alerts'}", "http:// or https://");
    refused("server: {listen: ^9797}", "");
    refused("server: {^lisen: 127.0.0.1:1}", "lisen");
    let user = |name: &str, password: &str| {
        format!("security: {{basic: [{{username: {name}, password: {password}, scopes: [read]}}]}}")
    };
    refused(&user("a", "^plain"), "does not stand in the file");
    refused(&user("a", "^'${env:UNSET}'"), "UNSET");
    refused(&user("^a", "'${env:EMPTY}'"), "is empty");
    refused(&user("^'a:b'", "'${env:EMPTY}'"), "colon");
}

#[test]
fn hosts_are_known_as_browsers_write_them() {
    let options = resolve("security: {hosts: ['Bücher.example', '::0001', '[::2]', 10.1]}").unwrap();
    for host in ["xn--bcher-kva.example", "[::1]:9797", "[::2]", "10.0.0.1"] {
        assert!(options.hosts.allows(&host.parse().unwrap()), "{host}");
    }
}

#[test]
fn a_token_written_in_place_of_its_hash_is_not_repeated() {
    let error = resolve("security: {tokens: [{name: a, sha256: iso_hunter2, scopes: [read]}]}").unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
